"""IPPO: independent PPO (de Witt et al., arXiv 2011.09533), one policy a subsystem, one shared outcome.

Every agent has a network of its own and clips its own likelihood ratio; all take the same advantage, and
there is no critic. How designs are sampled and compared is in `agents.learning.policy_search`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.learning.policy_search import PolicyOptions, PolicySearch
from agents.options import read_options
from dse.search import SearchProblem


@dataclass(frozen=True, slots=True)
class Options(PolicyOptions):
    """Those of every searcher with policies."""


class Ippo(PolicySearch):
    """A team of policies that share nothing but the outcome; see the module text."""

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        super().__init__(problem, seed, read_options(Options, options, algorithm="ippo"))
