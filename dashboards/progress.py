"""Hypervolume along a run, computed once and then only continued.

Costs are scaled to the campaign's fixed box (0 at its ideal, 1 at its reference point), so 1.0 means the
whole box and curves of different objectives share an axis. The measure is that of moocore, called only when
the front has moved.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dse.front import FrontArchive, hypervolume

Floats = npt.NDArray[np.float64]
CHUNK = 8


def unit_costs(costs: Floats, ideal: Floats, reference: Floats) -> Floats:
    """(n, M) costs mapped so that the ideal is 0 and the reference point 1 in every objective."""
    span = np.where(reference > ideal, reference - ideal, 1.0)
    return np.asarray((costs - ideal) / span, dtype=np.float64)


class RunProgress:
    """The growing curve of one run: after `designs[i]` unique designs the hypervolume was `volumes[i]`."""

    def __init__(self, n_objectives: int) -> None:
        self._front = FrontArchive(n_objectives)
        self._volume = 0.0
        self._count = 0
        self._designs: list[int] = []
        self._volumes: list[float] = []

    @property
    def volume(self) -> float:
        """The hypervolume now."""
        return self._volume

    @property
    def curve(self) -> tuple[npt.NDArray[np.int64], Floats]:
        """Designs and volumes so far, the last pair being now."""
        designs, volumes = list(self._designs), list(self._volumes)
        if self._count and (not designs or designs[-1] != self._count):
            designs.append(self._count)
            volumes.append(self._volume)
        return np.asarray(designs, dtype=np.int64), np.asarray(volumes, dtype=np.float64)

    def extend(self, costs: Floats, feasible: npt.NDArray[np.bool_]) -> None:
        """Take in the next unique designs of the run: scaled costs (n, M) and whether each may be built."""
        for start in range(0, len(costs), CHUNK):
            rows = costs[start : start + CHUNK]
            usable = (
                feasible[start : start + CHUNK] & np.isfinite(rows).all(axis=1) & (rows < 1.0).all(axis=1)
            )
            self._take(rows[usable], len(rows))

    def _take(self, rows: Floats, n_designs: int) -> None:
        self._count += n_designs
        added, _ = self._front.insert(rows, np.zeros(len(rows), dtype=np.int64))
        if not len(added):
            return
        self._volume = hypervolume(self._front.costs, np.ones(rows.shape[1]))
        self._designs.append(self._count)
        self._volumes.append(self._volume)
