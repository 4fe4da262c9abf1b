"""The rules of a design space over one row at a time, in plain Python: what a step asks for.

Arrays answer for thousands of rows at once, and take as long for one. The tests hold the two equal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dse.rules import Clause, ConditionClause

_Condition = tuple[tuple[int, tuple[bool, ...]], ...]


class RowRules:
    """Canonical form and violated constraints of single rows (D,) of a space: `DesignSpace.row_rules`.

    defaults: position of each parameter's default.
    """

    def __init__(
        self,
        defaults: Sequence[int],
        dead: Sequence[Clause],
        forbidden: Sequence[Clause | ConditionClause],
    ) -> None:
        self._dead = [(clause.target, defaults[clause.target], _condition(clause)) for clause in dead]
        self._forbidden = [_condition(one) if isinstance(one, Clause) else one for one in forbidden]

    def canonical(self, positions: NDArray[np.integer]) -> NDArray[np.int16]:
        """(D,) with parameters without effect at their default."""
        row: list[int] = positions.tolist()
        for _ in range(len(self._dead) + 1):
            changed = False
            for column, default, condition in self._dead:
                if row[column] != default and _holds(condition, row):
                    row[column] = default
                    changed = True
            if not changed:
                break
        return np.array(row, dtype=np.int16)

    def violations(self, row: NDArray[np.int16]) -> list[float]:
        """(K,) 1.0 for each constraint that the row violates, else 0.0."""
        positions = row.tolist()
        return [
            float(_holds(rule, positions) if isinstance(rule, tuple) else rule.matches(row[None, :])[0])
            for rule in self._forbidden
        ]


def _condition(clause: Clause) -> _Condition:
    tables = [tuple(table.tolist()) for table in clause.tables]
    return tuple(zip(clause.columns, tables, strict=True))


def _holds(condition: _Condition, row: Sequence[int]) -> bool:
    for column, table in condition:  # noqa: SIM110 - all() of a generator takes twice as long
        if not table[row[column]]:
            return False
    return True
