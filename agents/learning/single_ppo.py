"""PPO (Schulman et al., arXiv 1707.06347) with one agent that owns all parameters of the design.

One network sees the preference and gives a distribution for each parameter. `ratio = "joint"` clips the
likelihood ratio of the whole design, as published: in a space of many parameters it leaves the range after a
small change of each. `ratio = "dimension"` clips the ratio of each parameter by itself, which is what
independent agents do, one a parameter, but with one network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from agents.learning.policies import SubsystemPolicies, chosen
from agents.learning.policy_search import Part, PolicyOptions, PolicySearch
from agents.options import option, read_options
from dse.search import SearchProblem
from dse.space import DesignSpace


@dataclass(frozen=True, slots=True)
class Options(PolicyOptions):
    """Those of every searcher with policies, and what is clipped."""

    ratio: str = option(
        "joint", choices=("joint", "dimension"), meaning="likelihood that is clipped: design or parameter"
    )


class SinglePpo(PolicySearch):
    """One agent for the whole design; see the module text."""

    options: Options

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        super().__init__(problem, seed, read_options(Options, options, algorithm="ppo"))

    def _make_policies(self, space: DesignSpace, n_observed: int) -> SubsystemPolicies:
        return SubsystemPolicies(space, n_observed, self.options.hidden, [range(len(space))])

    def _likelihoods(self, log_probabilities: Tensor, part: Part) -> Tensor:
        """(B, 1) of the design, or (B, D) of its parameters."""
        each = chosen(log_probabilities, part.positions) * part.live
        return each if self.options.ratio == "dimension" else each.sum(dim=1, keepdim=True)
