"""The cross-entropy method on value positions (Rubinstein, 1999; PBIL: Baluja, 1994).

The null model of multi-agent learning: a team of independent policies that see nothing is one categorical
distribution a parameter, and this is how such distributions are fitted without a network: sample a
generation, move them towards the values of its elite, keep a floor under every probability, start again after
a collapse (see `agents.search.factored`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.options import option, read_options
from agents.search.factored import Factored, Settings
from agents.search.scalarize import Floats
from dse.search import Capabilities, SearchProblem


@dataclass(frozen=True, slots=True)
class Options:
    """Generation, update and restart."""

    population: int = option(20, low=2, meaning="new designs an update")
    elite: float = option(0.15, low=0.0, high=1.0, meaning="share of the generation that is learned from")
    smoothing: float = option(0.5, low=0.0, high=1.0, meaning="how far an update moves the probabilities")
    floor: float = option(
        0.05, low=0.0, high=1.0, meaning="probability spread evenly over a parameter's values"
    )
    models: int = option(
        4, low=1, meaning="distributions side by side, a preference each (several objectives)"
    )
    restart: float = option(0.3, low=0.0, high=1.0, meaning="start again when less of the samples is new")


class CrossEntropy(Factored):
    """Distributions that follow their elites; see the module text."""

    capabilities = Capabilities()

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = given = read_options(Options, options, algorithm="cem")
        settings = Settings(given.population, given.models, given.smoothing, given.floor, given.restart)
        super().__init__(problem, seed, settings)

    def _teachers(self, weights: Floats, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
        """The elite of the generation, alike."""
        n = max(1, math.ceil(self.options.elite * len(rows)))
        elite = rows[np.argsort(self._memory.scores(weights, rows), kind="stable")[:n]]
        return elite, np.ones(n)
