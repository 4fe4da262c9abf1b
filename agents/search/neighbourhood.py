"""All one-exchange neighbours of a design at once: the inner loop of local search.

The same set as `DesignSpace.neighbours` without what the space forbids, made from two precomputed columns
instead of a walk over the parameters (tests hold the two against each other).
"""

from __future__ import annotations

import numpy as np

from dse.space import DesignSpace, IndexMatrix


class Neighbourhood:
    """One step from a design: the next value up or down of an ordered parameter, any other of a choice."""

    def __init__(self, space: DesignSpace) -> None:
        self._space = space
        steps = [
            (column, offset, parameter.ordinal)
            for column, parameter in enumerate(space.parameters)
            for offset in ((-1, 1) if parameter.ordinal else range(1, len(parameter)))
        ]
        self._column = np.array([step[0] for step in steps], dtype=np.int64)
        self._offset = np.array([step[1] for step in steps], dtype=np.int64)
        self._ordinal = np.array([step[2] for step in steps], dtype=np.bool_)
        self._sizes = space.n_values[self._column]
        self._places = np.arange(len(steps))

    def around(self, design: IndexMatrix) -> IndexMatrix:
        """Feasible canonical neighbours (m, D) of a canonical design (D,); a row may come twice."""
        moved = design[self._column] + self._offset
        inside = ~self._ordinal | ((moved >= 0) & (moved < self._sizes))
        rows = np.repeat(design[None, :], len(self._places), axis=0)
        rows[self._places, self._column] = moved % self._sizes
        rows = self._space.canonical(rows[inside])
        changed = (rows != design).any(axis=1)
        return allowed(self._space, rows[changed])


def allowed(space: DesignSpace, rows: IndexMatrix) -> IndexMatrix:
    """The rows that violate no constraint of the space."""
    return rows if not space.constraints else rows[~space.violations(rows).any(axis=1)]
