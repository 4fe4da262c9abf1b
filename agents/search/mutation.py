"""Mutation that knows ordered parameters from choices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.space import DesignSpace


class StepMutation:
    """Ordered parameters move one step, now and then anywhere; choices take any other value.

    rate: probability a parameter (0 means 1 / parameters). jump: share of mutations of ordered parameters to
    any value.
    """

    def __init__(self, space: DesignSpace, rate: float, jump: float) -> None:
        self._n_values = space.n_values
        self._ordinal = np.array([parameter.ordinal for parameter in space.parameters])
        self._rate, self._jump = rate or 1.0 / len(space), jump

    def __call__(self, rows: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
        """Mutated copies (n, D), not in canonical form."""
        rows = rows.astype(np.int64)
        shape = rows.shape
        other = (rows + rng.integers(1, np.maximum(self._n_values, 2), size=shape)) % self._n_values
        step = np.where(rng.random(shape) < 0.5, -1, 1)
        inside = (rows + step >= 0) & (rows + step < self._n_values)
        stepped = np.clip(rows + np.where(inside, step, -step), 0, self._n_values - 1)
        small = self._ordinal & (rng.random(shape) >= self._jump)
        changed = rng.random(shape) < self._rate
        return np.where(changed, np.where(small, stepped, other), rows)
