"""Rules over a design space: what is forbidden (`Constraint`) and what has no effect (`DeadRule`).

Both are data, conjunctions of "this parameter has one of these values", so that they can be counted, stored,
shown and compiled into lookups over whole index matrices. A constraint may also be a condition (`requires`)
that whole index matrices are checked against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import SpaceError, did_you_mean
from dse.expression import Expression
from dse.parameter import Parameter, Value

Condition = Mapping[str, tuple[Value, ...]]


@dataclass(frozen=True, slots=True)
class Constraint:
    """A design is infeasible when every parameter named in `forbids` has one of the values listed for it.

    requires: instead of `forbids`, a condition (see `Expression`) that every feasible design fulfils.
    SpaceError if both are given, or neither.
    """

    name: str
    forbids: Condition = field(default_factory=dict)
    why: str = ""
    requires: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "forbids", _frozen(self.forbids))
        if bool(self.forbids) == bool(self.requires):
            raise SpaceError(f"constraint {self.name}: give either `forbids` or `requires`")

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        if self.requires:
            return {"name": self.name, "requires": self.requires, "why": self.why}
        return {"name": self.name, "forbids": {k: list(v) for k, v in self.forbids.items()}, "why": self.why}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Constraint:
        """The constraint that `to_dict` described."""
        return cls(data["name"], data.get("forbids", {}), data["why"], data.get("requires", ""))


@dataclass(frozen=True, slots=True)
class DeadRule:
    """Under `when`, `parameter` has no effect: its canonical value is its default."""

    parameter: str
    when: Condition
    why: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "when", _frozen(self.when))

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "parameter": self.parameter,
            "when": {k: list(v) for k, v in self.when.items()},
            "why": self.why,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DeadRule:
        """The rule that `to_dict` described."""
        return cls(data["parameter"], data["when"], data["why"])


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition compiled for index matrices: for each column a table, True where the value matches."""

    columns: tuple[int, ...]
    tables: tuple[NDArray[np.bool_], ...]
    target: int = -1

    @classmethod
    def compile(
        cls, condition: Condition, parameters: Sequence[Parameter], what: str, target: int = -1
    ) -> Clause:
        """Look the names and values of `condition` up; SpaceError if a name is unknown.

        A value that the parameter does not have (in a restricted space) simply never matches.
        """
        if not condition:
            raise SpaceError(f"{what}: it names no parameter")
        names = [parameter.name for parameter in parameters]
        columns = tuple(column_of(name, names, what) for name in condition)
        tables = tuple(_table(parameters[column], condition[names[column]]) for column in columns)
        return cls(columns, tables, target)

    def matches(self, indices: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Rows (n,) of the index matrix (n, D) for which the whole condition holds."""
        found = np.ones(len(indices), dtype=np.bool_)
        for column, table in zip(self.columns, self.tables, strict=True):
            found &= table[indices[:, column]]
        return found


@dataclass(frozen=True, slots=True)
class ConditionClause:
    """A condition that feasible designs fulfil, for index matrices; it matches where it does not hold."""

    columns: tuple[int, ...]
    condition: Expression
    target: int = -1

    def matches(self, indices: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Rows (n,) of the index matrix (n, D) that the constraint forbids."""
        return np.logical_not(self.condition.holds(indices))


def compile_constraint(
    constraint: Constraint, parameters: Sequence[Parameter], *, restricted: bool
) -> Clause | ConditionClause:
    """What finds the rows that a constraint forbids. SpaceError if it names what the space does not have.

    restricted: the space lacks values that it was defined with; texts that it does not have are no mistake.
    """
    what = f"constraint {constraint.name}"
    if not constraint.requires:
        return Clause.compile(constraint.forbids, parameters, what)
    try:
        condition = Expression(constraint.requires, parameters, check_texts=not restricted)
    except SpaceError as error:
        raise SpaceError(f"{what}: {error.message}", key="requires") from None
    names = [parameter.name for parameter in parameters]
    return ConditionClause(tuple(names.index(name) for name in condition.names), condition)


def column_of(name: str, names: Sequence[str], what: str) -> int:
    """Column number of a parameter; SpaceError naming `what` and the nearest name if unknown."""
    if name not in names:
        raise SpaceError(f"{what}: unknown parameter {name!r}.{did_you_mean(name, names)}", key=name)
    return names.index(name)


def check_values(condition: Condition, parameters: Sequence[Parameter], what: str) -> None:
    """SpaceError if a condition names a value that its parameter does not have."""
    names = [parameter.name for parameter in parameters]
    for name, values in condition.items():
        parameter = parameters[column_of(name, names, what)]
        for value in values:
            parameter.index(value)


def _table(parameter: Parameter, wanted: Sequence[Value]) -> NDArray[np.bool_]:
    return np.array(
        [any(_same(value, other) for other in wanted) for value in parameter.values], dtype=np.bool_
    )


def _same(value: Value, wanted: Value) -> bool:
    return (value == wanted) & (isinstance(value, bool) == isinstance(wanted, bool))


def _frozen(condition: Condition) -> Condition:
    tuples: dict[str, tuple[Value, ...]] = {}
    for name, values in condition.items():
        several: Any = values
        tuples[name] = tuple(several) if isinstance(several, list | tuple) else (several,)
    return MappingProxyType(tuples)
