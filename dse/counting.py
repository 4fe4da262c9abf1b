"""Exact counting of the rows of an index matrix that no rule rejects.

A rule ties a few columns together. Columns that no chain of rules connects are independent, so the count is
the product, over the connected groups of rules, of the rows that each group keeps (only its own columns are
enumerated), times the number of values of every untied column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1 << 17


@dataclass(frozen=True, slots=True)
class Rule:
    """columns: those that the rule looks at. rejects: (n, D) int16 to a mask (n,) of the rows it rejects."""

    columns: frozenset[int]
    rejects: Callable[[NDArray[np.int16]], NDArray[np.bool_]]


def count_rows(n_values: NDArray[np.int64], rules: Sequence[Rule]) -> int:
    """Number of rows, among all products of the columns' `n_values` (D,), that no rule rejects."""
    groups = connected(rules)
    tied = set().union(*(rule.columns for rule in rules))
    untied = math.prod(int(n) for column, n in enumerate(n_values) if column not in tied)
    return untied * math.prod(_kept(group, n_values) for group in groups)


def connected(rules: Sequence[Rule]) -> list[list[Rule]]:
    """The rules in groups: two rules that share a column are in the same one."""
    groups: list[list[Rule]] = []
    for rule in rules:
        touching = [group for group in groups if any(rule.columns & other.columns for other in group)]
        groups = [group for group in groups if group not in touching]
        groups.append([rule, *(other for group in touching for other in group)])
    return groups


def _kept(group: Sequence[Rule], n_values: NDArray[np.int64]) -> int:
    return sum(len(codes) for codes in kept_codes(group, n_values))


def kept_codes(group: Sequence[Rule], n_values: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """What no rule of the group rejects, in pieces: flat numbers (k,) of the values of `tied_columns`."""
    columns = tied_columns(group)
    sizes = [int(n_values[column]) for column in columns]
    total = math.prod(sizes)
    for start in range(0, total, _CHUNK):
        codes = np.arange(start, min(start + _CHUNK, total))
        rows = np.zeros((len(codes), len(n_values)), dtype=np.int16)
        for column, position in zip(columns, np.unravel_index(codes, sizes), strict=True):
            rows[:, column] = position
        rejected = np.zeros(len(codes), dtype=np.bool_)
        for rule in group:
            rejected |= rule.rejects(rows)
        yield codes[~rejected]


def tied_columns(group: Sequence[Rule]) -> list[int]:
    """The columns that some rule of the group looks at."""
    return sorted(set().union(*(rule.columns for rule in group)))
