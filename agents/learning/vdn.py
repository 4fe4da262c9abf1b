"""VDN: value decomposition networks (Sunehag et al., arXiv 1706.05296), on designs.

The team's value of a design is the sum of the agents' utilities, fitted to the outcomes of all designs ever
told. Episodes are one design, so what is left of VDN is the sum and the replay: there is no next state, no
target network and no recurrence. See `agents.learning.decomposition` for the agents and how they act; under
a sum, Boltzmann a parameter is Boltzmann over whole designs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.learning.decomposition import Decomposition, DecompositionOptions
from agents.options import read_options
from dse.search import SearchProblem


@dataclass(frozen=True, slots=True)
class Options(DecompositionOptions):
    """Network, replay, exploration and restart."""


class Vdn(Decomposition):
    """A team whose utilities add up; see the module text."""

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = read_options(Options, options, algorithm="vdn")
        super().__init__(problem, seed, self.options)
        self._start()

    def _fresh(self, generator: torch.Generator) -> list[Tensor]:
        return self._utilities.fresh(generator)

    def _mixed(self, by_agent: Tensor, observed: Tensor) -> Tensor:
        return by_agent.sum(dim=1)
