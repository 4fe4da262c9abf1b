"""Single values of a space: which are forbidden by themselves, and which have no effect in a design."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dse.rules import Clause
from dse.space import DesignSpace, IndexMatrix


def barred_values(space: DesignSpace) -> NDArray[np.bool_]:
    """(D, V): values that do not exist, or that a constraint on this one parameter forbids.

    V is the size of the largest parameter. A parameter of which every value is forbidden keeps the first.
    """
    barred = np.arange(int(space.n_values.max()))[None, :] >= space.n_values[:, None]
    for clause in space.forbidden_clauses:
        if isinstance(clause, Clause) and len(clause.columns) == 1:
            barred[clause.columns[0], : len(clause.tables[0])] |= clause.tables[0]
    barred[barred.all(axis=1), 0] = False
    return np.asarray(barred)


def with_effect(space: DesignSpace, designs: IndexMatrix) -> NDArray[np.bool_]:
    """(n, D): False where a parameter has no effect in its design."""
    live = np.ones(designs.shape, dtype=np.bool_)
    for clause in space.dead_clauses:
        live[clause.matches(designs), clause.target] = False
    return live
