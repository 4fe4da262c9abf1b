"""QMIX: monotone mixing of the agents' utilities (Rashid et al., arXiv 1803.11485), on designs.

A two-layer network mixes the utilities into the team's value of a design; its weights are never negative, so
the value rises with every utility and each agent's best action stays part of the best joint action. A
hyper-network makes weights and offsets of the preference, which is all the state that a design's episode has
(one hyper-network, where the paper has one for each of the four). As a utility's scale is the mixer's own
affair, agents act by the mixed value (see `agents.learning.decomposition`). There is no next state, so no
target network and no recurrence.

Where outcomes are replayed as ranks (see `agents.learning.replay`), VDN fits every cost that is some rising
function of a sum; mixing adds something where there is no such function, as when the slowest agent decides.
It then fits the outcomes several times as closely; finding the best design is another matter, as the best sum
puts the values of a monotone cost in the right order, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.learning.decomposition import Decomposition, DecompositionOptions
from agents.learning.networks import outputs, perceptrons
from agents.options import option, read_options
from dse.search import SearchProblem


@dataclass(frozen=True, slots=True)
class Options(DecompositionOptions):
    """Networks, replay, exploration and restart."""

    mixing: int = option(32, low=1, meaning="width of the mixing network")


class Qmix(Decomposition):
    """A team whose utilities are mixed by weights that are never negative; see the module text."""

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = given = read_options(Options, options, algorithm="qmix")
        super().__init__(problem, seed, given)
        n_agents = len(self._utilities.owners)
        self._sections = [n_agents * given.mixing, given.mixing, given.mixing, 1]
        self._sizes = (problem.n_objectives, given.hidden, sum(self._sections))
        self._start()

    def _fresh(self, generator: torch.Generator) -> list[Tensor]:
        return [*perceptrons(1, self._sizes, 1.0, generator), *self._utilities.fresh(generator)]

    def _mixed(self, by_agent: Tensor, observed: Tensor) -> Tensor:
        made = outputs(self._weights[:4], observed.unsqueeze(0))[0]
        rising, offset, last_rising, last = torch.split(made, self._sections, dim=1)
        first = rising.view(len(made), self.options.mixing, -1).abs()
        hidden = torch.nn.functional.elu(torch.baddbmm(offset.unsqueeze(2), first, by_agent))
        mixed: Tensor = torch.bmm(last_rising.abs().unsqueeze(1), hidden).squeeze(1) + last
        return mixed
