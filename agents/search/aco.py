"""Ant colony: pheromone a parameter value, after the rank-based ant system (Bullnheimer et al., 1999).

An ant walks once through all parameters and takes one value of each by its pheromone, or, with probability
`greediness`, the one with the most. After a generation all pheromone evaporates by the same share, and the
best ants of the generation and the best design known lay as much anew, by rank: a value's pheromone is thus
a probability, and no unit of cost enters. `ants`, `evaporation` and `greediness` are what ArchGym sweeps
(of DeepSwarm, whose `depth` grows a network layer by layer and has no counterpart here).
"""

from __future__ import annotations

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
    """Ants, pheromone and restart."""

    ants: int = option(20, low=2, meaning="new designs a generation")
    evaporation: float = option(
        0.5, low=0.0, high=1.0, meaning="share of the pheromone laid anew a generation"
    )
    greediness: float = option(0.25, low=0.0, high=1.0, meaning="probability to take the value with the most")
    ranks: int = option(6, low=1, meaning="ants that lay pheromone, the best known design among them")
    floor: float = option(
        0.05, low=0.0, high=1.0, meaning="probability spread evenly over a parameter's values"
    )
    colonies: int = option(
        4, low=1, meaning="pheromones side by side, a preference each (several objectives)"
    )
    restart: float = option(0.3, low=0.0, high=1.0, meaning="start again when less of the samples is new")


class AntColony(Factored):
    """Pheromone that follows the best ants; see the module text."""

    capabilities = Capabilities()

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = given = read_options(Options, options, algorithm="aco")
        settings = Settings(given.ants, given.colonies, given.evaporation, given.floor, given.restart)
        super().__init__(problem, seed, settings)

    def _teachers(self, weights: Floats, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
        """The best design known, then the best ants of the generation, by rank."""
        scores = self._memory.scores(weights)
        best = rows[np.argsort(scores[rows], kind="stable")][: self.options.ranks - 1]
        teachers = np.concatenate([[np.argmin(scores)], best])
        return teachers, np.arange(self.options.ranks, self.options.ranks - len(teachers), -1.0)

    def _sharpened(self, tables: Floats) -> Floats:
        """Greedy with some probability: a share of every table goes to its highest value (or values)."""
        highest = (tables == tables.max(axis=2, keepdims=True)).astype(np.float64)
        highest /= highest.sum(axis=2, keepdims=True)
        mixed: Floats = (1.0 - self.options.greediness) * tables + self.options.greediness * highest
        return mixed
