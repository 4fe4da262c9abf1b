"""`DesignSpace`: the designs that may be asked for, as matrices of value positions.

A batch of designs is an int16 matrix (n, D): entry [i, d] is the position of design i's value in the list of
parameter d. Two designs that differ only in parameters without effect (see `DeadRule`) have one canonical
form, and all counting, caching and budgeting is done on canonical rows.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from operator import getitem
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dse.counting import Rule, connected, count_rows
from dse.errors import InfeasibleError, SpaceError, did_you_mean, listed
from dse.parameter import Parameter, Value
from dse.point import DesignPoint
from dse.row_rules import RowRules
from dse.rules import (
    Clause,
    ConditionClause,
    Constraint,
    DeadRule,
    check_values,
    column_of,
    compile_constraint,
)
from dse.sampling import GroupSampler
from dse.subsystem import Subsystem

__all__ = ["Constraint", "DeadRule", "DesignSpace", "IndexMatrix"]

IndexMatrix = NDArray[np.int16]
_SAMPLE_ROUNDS = 2000
_LARGE, _RARE, _MOST_TABLED = 1 << 50, 1 / 64, 1 << 22
"""Raw designs from which on, share of kept ones below which, and tied combinations up to which designs are
drawn group by group at once; else only when whole rows have not given enough."""


class DesignSpace:
    """Ordered parameters, constraints and dead-parameter rules. Immutable; equal by content.

    Raises SpaceError when names repeat, or a rule names a parameter or value that does not exist.
    """

    def __init__(
        self,
        name: str,
        parameters: Sequence[Parameter],
        constraints: Sequence[Constraint] = (),
        dead_rules: Sequence[DeadRule] = (),
        *,
        restricted: bool = False,
    ) -> None:
        self.name = name
        self.parameters = tuple(parameters)
        self.constraints = tuple(constraints)
        self.dead_rules = tuple(dead_rules)
        self.names = tuple(parameter.name for parameter in self.parameters)
        self.restricted = restricted
        self._embedding: tuple[DesignSpace, tuple[NDArray[np.int16], ...]] | None = None
        self._check()
        self.n_values: NDArray[np.int64] = np.array([len(p) for p in self.parameters], dtype=np.int64)
        self.n_values.setflags(write=False)
        self._defaults = np.array([p.index(p.default) for p in self.parameters], dtype=np.int16)
        self._forbidden = tuple(
            compile_constraint(c, self.parameters, restricted=restricted) for c in self.constraints
        )
        self._dead = tuple(
            Clause.compile(
                r.when, self.parameters, "dead rule", column_of(r.parameter, self.names, "dead rule")
            )
            for r in self.dead_rules
        )

    @cached_property
    def row_rules(self) -> RowRules:
        """The same rules for one row at a time."""
        return RowRules(self._defaults.tolist(), self._dead, self._forbidden)

    @property
    def forbidden_clauses(self) -> tuple[Clause | ConditionClause, ...]:
        """The constraints for index matrices, in their order."""
        return self._forbidden

    @property
    def dead_clauses(self) -> tuple[Clause, ...]:
        """The dead rules for index matrices, in their order."""
        return self._dead

    def _check(self) -> None:
        if not self.parameters:
            raise SpaceError(f"design space {self.name!r} is empty: it needs at least one parameter")
        repeated = {name for name in self.names if self.names.count(name) > 1}
        if repeated:
            raise SpaceError(f"design space {self.name!r}: {listed(sorted(repeated))} is defined twice")
        if not self.restricted:
            for constraint in self.constraints:  # those with a condition check it when they are compiled
                check_values(constraint.forbids, self.parameters, f"constraint {constraint.name}")
            for rule in self.dead_rules:
                check_values(rule.when, self.parameters, f"dead rule of {rule.parameter}")

    # what it is

    def __len__(self) -> int:
        return len(self.parameters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DesignSpace) and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        return f"DesignSpace({self.name!r}, {len(self)} parameters, {self.raw_size} raw designs)"

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name; SpaceError with the nearest name if there is none."""
        return self.parameters[column_of(name, self.names, f"design space {self.name!r}")]

    @cached_property
    def subsystems(self) -> tuple[Subsystem, ...]:
        """The parts of the design, in the order in which they first appear."""
        order = dict.fromkeys(parameter.subsystem for parameter in self.parameters)
        columns = {s: [d for d, p in enumerate(self.parameters) if p.subsystem == s] for s in order}
        return tuple(Subsystem(s, tuple(self.names[d] for d in ds), tuple(ds)) for s, ds in columns.items())

    @cached_property
    def raw_size(self) -> int:
        """Number of assignments, dead parameters and infeasible designs included."""
        return math.prod(len(parameter) for parameter in self.parameters)

    @cached_property
    def distinct_size(self) -> int:
        """Exact number of designs that differ in effect (canonical rows)."""
        return count_rows(self.n_values, self._rules(self._dead))

    @cached_property
    def feasible_size(self) -> int:
        """Exact number of canonical rows that violate no constraint of the space."""
        return count_rows(self.n_values, self._rules(self._dead + self._forbidden))

    @cached_property
    def hash(self) -> str:
        """32 hexadecimal digits over names, values, defaults, constraints, dead rules (no descriptions)."""
        data = self.to_dict()
        for parameter in data["parameters"]:
            del parameter["description"]
        for rule in [*data["constraints"], *data["dead_rules"]]:
            del rule["why"]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """JSON form; `DesignSpace.from_dict` undoes it."""
        return {
            "name": self.name,
            "restricted": self.restricted,
            "parameters": [parameter.to_dict() for parameter in self.parameters],
            "constraints": [constraint.to_dict() for constraint in self.constraints],
            "dead_rules": [rule.to_dict() for rule in self.dead_rules],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DesignSpace:
        """The space that `to_dict` described."""
        return cls(
            data["name"],
            [Parameter.from_dict(item) for item in data["parameters"]],
            [Constraint.from_dict(item) for item in data["constraints"]],
            [DeadRule.from_dict(item) for item in data["dead_rules"]],
            restricted=data["restricted"],
        )

    # single designs

    def point(self, **values: Value) -> DesignPoint:
        """The canonical design with these values; missing ones take their default. SpaceError if unknown."""
        return self.from_indices(self.encode(values))

    def default(self) -> DesignPoint:
        """The design in which every parameter has its default."""
        return self.point()

    def from_indices(self, row: ArrayLike) -> DesignPoint:
        """The design of one row (D,), in canonical form."""
        return self.points(self.canonical(self._matrix(row)))[0]

    def encode(self, design: DesignPoint | Mapping[str, Value]) -> IndexMatrix:
        """Canonical row (D,) int16 of a design; missing parameters take their default."""
        values = design.to_dict() if isinstance(design, DesignPoint) else design
        row = self._defaults.copy()
        for name, value in values.items():
            column = column_of(name, self.names, f"design space {self.name!r}")
            row[column] = self.parameters[column].index(value)
        encoded: IndexMatrix = self.canonical(row[None, :])[0]
        return encoded

    def rows(self, designs: Sequence[DesignPoint | Mapping[str, Value]] | NDArray[Any]) -> IndexMatrix:
        """Canonical index matrix (n, D) of designs given as points, mappings or an index matrix."""
        if isinstance(designs, np.ndarray):
            return self.canonical(self._matrix(designs))
        if not len(designs):
            return np.zeros((0, len(self)), dtype=np.int16)
        return np.stack([self.encode(design) for design in designs])

    # batches

    def canonical(self, indices: NDArray[np.integer]) -> IndexMatrix:
        """Canonical form (n, D) of each row: parameters without effect at their default. A copy."""
        if len(indices) == 1:
            return self.row_rules.canonical(indices[0])[None]
        rows = np.array(indices, dtype=np.int16)
        for _ in range(len(self._dead) + 1):
            changed = False
            for clause in self._dead:
                default = self._defaults[clause.target]
                moved = clause.matches(rows) & (rows[:, clause.target] != default)
                if moved.any():
                    rows[moved, clause.target] = default
                    changed = True
            if not changed:
                break
        return rows

    def violations(self, indices: IndexMatrix) -> NDArray[np.float64]:
        """(n, K): 1.0 where row i violates constraint k, 0.0 where it does not."""
        columns = [clause.matches(indices) for clause in self._forbidden]
        if not columns:
            return np.zeros((len(indices), 0))
        return np.stack(columns, axis=1).astype(np.float64)

    def sample(self, n: int, rng: np.random.Generator, *, feasible: bool = False) -> IndexMatrix:
        """(n, D) canonical rows, every distinct design equally likely, with repetition.

        feasible: only designs that violate no constraint; InfeasibleError if (practically) none exists.
        """
        clauses = self._dead + self._forbidden if feasible else self._dead
        if self.raw_size >= _LARGE and 0 < self._share(feasible) < _RARE:
            return self._sampler(feasible).draw(n, rng)
        kept: list[IndexMatrix] = [np.zeros((0, len(self)), dtype=np.int16)]
        missing = n
        for _ in range(_SAMPLE_ROUNDS):
            if missing <= 0:
                break
            rows = self._raw_sample(max(64, 2 * n), rng)
            rejected = np.zeros(len(rows), dtype=np.bool_)
            for clause in clauses:
                rejected |= self._rejects(clause, rows)
            kept.append(rows[~rejected][:missing])
            missing -= len(kept[-1])
        if missing > 0 and self._share(feasible) > 0:
            kept.append(self._sampler(feasible).draw(missing, rng))
        elif missing > 0:
            raise InfeasibleError(
                f"design space {self.name!r}: found {n - missing} of {n} random designs that satisfy "
                f"{listed([c.name for c in self.constraints])}; relax one or the overrides in [space]"
            )
        return np.concatenate(kept)

    def neighbours(self, row: ArrayLike) -> IndexMatrix:
        """(m, D) canonical rows one step from `row`, each once, without `row` itself.

        One step is the next value up or down of an ordered parameter, or any other value of a choice.
        """
        start = self.canonical(self._matrix(row))[0]
        steps = [(d, v) for d, p in enumerate(self.parameters) for v in _steps(p, int(start[d]))]
        moved = np.repeat(start[None, :], len(steps), axis=0)
        for position, (column, value) in enumerate(steps):
            moved[position, column] = value
        moved = self.canonical(moved)
        moved = moved[(moved != start).any(axis=1)]
        _, first = np.unique(self.keys(moved), return_index=True)
        distinct: IndexMatrix = moved[np.sort(first)]
        return distinct

    def keys(self, indices: IndexMatrix) -> NDArray[Any]:
        """(n,) one id a row, equal exactly when the rows are: int64 if that is wide enough, else bytes."""
        rows = np.ascontiguousarray(indices, dtype=np.int16)
        if self.raw_size < 2**63:
            return rows.astype(np.int64) @ self._radix
        return rows.view(np.dtype((np.void, 2 * len(self))))[:, 0]

    def decode(self, indices: IndexMatrix) -> dict[str, NDArray[Any]]:
        """Name to the (n,) values of that parameter."""
        return {p.name: np.array(p.values)[indices[:, d]] for d, p in enumerate(self.parameters)}

    def points(self, indices: IndexMatrix) -> list[DesignPoint]:
        """The rows as designs, taken as they are (they should be canonical)."""
        values = [parameter.values for parameter in self.parameters]
        return [DesignPoint(self.names, tuple(map(getitem, values, row))) for row in indices.tolist()]

    # parts of a space

    def restrict(self, overrides: Mapping[str, Value | Sequence[Value]]) -> DesignSpace:
        """The same space with fewer values: name to one value (fixed) or to a list of them.

        The default stays where it is allowed; else it is the allowed value nearest to it (ordered kinds) or
        the first one listed. Raises SpaceError for an unknown name or value and for an empty list.
        """
        for name in overrides:
            if name not in self.names:
                hint = did_you_mean(name, self.names)
                raise SpaceError(f"unknown parameter {name!r} in the overrides of the space.{hint}", key=name)
        narrowed = [_narrow(p, overrides[p.name]) if p.name in overrides else p for p in self.parameters]
        return DesignSpace(self.name, narrowed, self.constraints, self.dead_rules, restricted=True)

    def with_constraints(self, more: Sequence[Constraint]) -> DesignSpace:
        """The same space with further constraints; SpaceError if one names what the space does not have."""
        if not more:
            return self
        names = [constraint.name for constraint in (*self.constraints, *more)]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise SpaceError(f"constraint {listed(repeated)} is there already: give another name", key="name")
        return DesignSpace(
            self.name,
            self.parameters,
            [*self.constraints, *more],
            self.dead_rules,
            restricted=self.restricted,
        )

    @property
    def most_counted(self) -> int:
        """Rows that counting the feasible designs has to look at: those of the widest group of tied rules."""
        groups = connected(self._rules(self._dead + self._forbidden))
        tied = [set().union(*(rule.columns for rule in group)) for group in groups]
        return max((math.prod(int(self.n_values[d]) for d in columns) for columns in tied), default=0)

    def embed(self, indices: IndexMatrix, parent: DesignSpace) -> IndexMatrix:
        """Rows of this space as canonical rows of the space it was restricted from."""
        if self.parameters is parent.parameters:
            return parent.canonical(indices)
        tables = self._positions_in(parent)
        rows = np.empty_like(indices, dtype=np.int16)
        for d, table in enumerate(tables):
            rows[:, d] = table[indices[:, d]]
        return parent.canonical(rows)

    # helpers

    @cached_property
    def _radix(self) -> NDArray[np.int64]:
        tail = [math.prod(self.n_values[d + 1 :].tolist()) for d in range(len(self))]
        return np.array(tail, dtype=np.int64)

    def _positions_in(self, parent: DesignSpace) -> tuple[NDArray[np.int16], ...]:
        """For each parameter the positions of its values in the parent's; kept for the last parent."""
        if self._embedding is None or self._embedding[0] is not parent:
            pairs = zip(self.parameters, parent.parameters, strict=True)
            tables = [np.array([wide.index(v) for v in own.values], dtype=np.int16) for own, wide in pairs]
            self._embedding = (parent, tuple(tables))
        return self._embedding[1]

    def _share(self, feasible: bool) -> float:
        """Of raw designs, those that are kept; 0 where too many values are tied to count them."""
        return self._sampler(feasible).share if self.most_counted <= _MOST_TABLED else 0.0

    def _sampler(self, feasible: bool) -> GroupSampler:
        return self._feasible_sampler if feasible else self._distinct_sampler

    @cached_property
    def _distinct_sampler(self) -> GroupSampler:
        return GroupSampler(self.n_values, self._rules(self._dead))

    @cached_property
    def _feasible_sampler(self) -> GroupSampler:
        return GroupSampler(self.n_values, self._rules(self._dead + self._forbidden))

    def _raw_sample(self, n: int, rng: np.random.Generator) -> IndexMatrix:
        return rng.integers(0, self.n_values, size=(n, len(self)), dtype=np.int64).astype(np.int16)

    def _rejects(self, clause: Clause | ConditionClause, rows: IndexMatrix) -> NDArray[np.bool_]:
        """Rows that a constraint forbids, or that a dead rule would change."""
        found = clause.matches(rows)
        if clause.target >= 0:
            found &= rows[:, clause.target] != self._defaults[clause.target]
        return found

    def _rules(self, clauses: Sequence[Clause | ConditionClause]) -> list[Rule]:
        targets = [{c.target} if c.target >= 0 else set() for c in clauses]
        return [
            Rule(frozenset(clause.columns) | target, partial(self._rejects, clause))
            for clause, target in zip(clauses, targets, strict=True)
        ]

    def _matrix(self, rows: ArrayLike) -> IndexMatrix:
        matrix = np.atleast_2d(np.asarray(rows))
        if matrix.ndim != 2 or matrix.shape[1] != len(self) or matrix.dtype.kind not in "iu":
            raise SpaceError(
                f"design space {self.name!r}: got an array of shape {matrix.shape} and type {matrix.dtype}, "
                f"expected whole numbers, {len(self)} columns"
            )
        if len(matrix) and ((matrix < 0) | (matrix >= self.n_values)).any():
            raise SpaceError(f"design space {self.name!r}: a value position is out of range")
        return matrix.astype(np.int16)


def _steps(parameter: Parameter, position: int) -> list[int]:
    if not parameter.ordinal:
        return [other for other in range(len(parameter)) if other != position]
    return [other for other in (position - 1, position + 1) if 0 <= other < len(parameter)]


def _narrow(parameter: Parameter, allowed: Value | Sequence[Value]) -> Parameter:
    several = isinstance(allowed, Sequence) and not isinstance(allowed, str)
    wanted = list(allowed) if several else [allowed]  # type: ignore[arg-type]
    if not wanted:
        raise SpaceError(f"{parameter.name}: the list of allowed values is empty", key=parameter.name)
    kept = sorted({parameter.index(value) for value in wanted})
    old = parameter.index(parameter.default)
    if old in kept:
        new = old
    elif parameter.ordinal:
        new = min(kept, key=lambda position: abs(position - old))
    else:
        new = parameter.index(wanted[0])
    values = tuple(parameter.values[position] for position in kept)
    return Parameter(
        parameter.name, values, parameter.values[new], parameter.subsystem, parameter.kind, parameter.unit,
        parameter.description,
    )  # fmt: skip
