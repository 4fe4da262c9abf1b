"""Uniform samples of large spaces in which few rows satisfy the rules.

Groups of rules that share no column are independent of each other: a row drawn group by group, each time
among the values that the group keeps, is as likely as any other row that no rule rejects. Drawing whole rows
until one is kept would take 100,000 of them where eight groups keep a quarter each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.counting import Rule, connected, kept_codes, tied_columns


@dataclass(frozen=True, slots=True)
class _Group:
    """Columns that rules tie together, how many values each has, and the flat numbers of what they keep."""

    columns: tuple[int, ...]
    sizes: tuple[int, ...]
    codes: NDArray[np.int64]


class GroupSampler:
    """Draws rows that no rule rejects, each equally likely. n_values: int64 (D,), of each column."""

    def __init__(self, n_values: NDArray[np.int64], rules: Sequence[Rule]) -> None:
        self._n_values = n_values
        self._groups = tuple(_group(rules, n_values) for rules in connected(rules))

    @property
    def share(self) -> float:
        """Of all rows, those that no rule rejects."""
        return math.prod(len(group.codes) / math.prod(group.sizes) for group in self._groups)

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.int16]:
        """So many rows, (n, D). There must be some (`share` above 0)."""
        rows = rng.integers(0, self._n_values, size=(n, len(self._n_values))).astype(np.int16)
        for group in self._groups:
            codes = group.codes[rng.integers(0, len(group.codes), size=n)]
            for column, positions in zip(group.columns, np.unravel_index(codes, group.sizes), strict=True):
                rows[:, column] = positions
        return rows


def _group(rules: Sequence[Rule], n_values: NDArray[np.int64]) -> _Group:
    columns = tied_columns(rules)
    sizes = tuple(int(n_values[column]) for column in columns)
    return _Group(tuple(columns), sizes, np.concatenate(list(kept_codes(rules, n_values))))
