"""NSGA-III (Deb and Jain, IEEE TEC 18, 2014) through pymoo: survival by Das and Dennis' directions.

For three objectives and more, where the crowding distance of NSGA-II says little. Everything else is that of
`agents.search.nsga2`. Costs are scaled before selection, because pymoo's normalisation has fixed tolerances.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, ClassVar

import numpy as np
from pymoo.algorithms.moo.nsga3 import NSGA3
from pymoo.util.ref_dirs import get_reference_directions

from agents.search.nsga2 import Nsga2, Options
from agents.search.scalarize import Floats
from dse.search import Capabilities, Results
from dse.space import IndexMatrix

__all__ = ["Nsga3", "Options"]


class Nsga3(Nsga2):
    """A population spread over reference directions; the options are those of NSGA-II."""

    capabilities = Capabilities()
    name: ClassVar[str] = "nsga3"

    def _learn(self, indices: IndexMatrix, results: Results) -> None:
        scaled = Results(self._problem.scaled(results.costs), results.violations, results.cached)
        with warnings.catch_warnings():  # pymoo's normalisation sets the filters of the whole process
            super()._learn(indices, scaled)

    def state(self) -> dict[str, Any]:
        """The state of NSGA-II, and the points that normalise the objectives."""
        norm = self._algorithm.survival.norm
        points = {name: getattr(norm, name) for name in _POINTS}
        return {**super().state(), "normalisation": {k: v for k, v in points.items() if v is not None}}

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        super().load(state)
        for name, point in state["normalisation"].items():
            setattr(self._algorithm.survival.norm, name, np.array(point))

    def _selection(self, **variation: Any) -> Any:
        directions = reference_directions(self._problem.n_objectives, self.options.population)
        return NSGA3(directions, pop_size=self.options.population, **variation)


_POINTS = ("ideal_point", "worst_point", "nadir_point", "extreme_points")


def reference_directions(n_objectives: int, most: int) -> Floats:
    """The finest Das-Dennis lattice (R, M) of at most `most` points (R >= M) on the simplex."""
    if n_objectives == 1:
        return np.ones((1, 1))
    parts = 1
    while math.comb(parts + n_objectives, n_objectives - 1) <= most:
        parts += 1
    return np.asarray(get_reference_directions("das-dennis", n_objectives, n_partitions=parts))
