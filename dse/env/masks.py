"""What an agent alone can know to be forbidden, given the parameters of the others.

A value is masked when a single constraint of the space forbids it whatever the agent's own other parameters
are, the other agents' staying where they are. So no design that the agent could reach alone is ever lost; a
value that only two constraints together exclude is not found. Dead parameters are taken into account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dse.env.moves import Moves
from dse.env.ownership import slices
from dse.rules import Clause, ConditionClause
from dse.space import DesignSpace, IndexMatrix
from dse.subsystem import Subsystem

MOST_COMBINATIONS = 1 << 14
"""Of an agent's own values in one constraint; a constraint with more of them masks nothing."""
_REMEMBERED = 4096

Mask = NDArray[np.bool_]
Form = NDArray[np.int8] | tuple[NDArray[np.int8], ...]
_Key = TypeVar("_Key")
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True, eq=False)
class _Rule:
    """A constraint as one agent meets it: columns that decide it, its own, their combinations (C, own)."""

    clause: Clause | ConditionClause
    columns: tuple[int, ...]
    own: tuple[int, ...]
    combinations: IndexMatrix


class Masks:
    """Action masks of agents over a design space."""

    def __init__(self, space: DesignSpace, parts: Mapping[str, Subsystem], moves: Moves) -> None:
        self._space, self._moves, self._parts = space, moves, parts
        tied = [_tied(space, clause) for clause in space.forbidden_clauses]
        self._rules = {agent: self._rules_of(part, tied) for agent, part in parts.items()}
        self._deciding = {
            agent: np.array(sorted({c for rule in rules for c in rule.columns}), dtype=np.intp)
            for agent, rules in self._rules.items()
        }
        self._all_deciding = np.unique(np.concatenate([*self._deciding.values()]))
        pieces = iter(slices([moves.choices[column] for part in parts.values() for column in part.indices]))
        self._slices = {agent: [*islice(pieces, len(part))] for agent, part in parts.items()}
        self._known: dict[tuple[str, bytes], Mask] = {}
        self._known_forms: dict[bytes, NDArray[np.int8]] = {}

    def mask(self, agent: str, row: IndexMatrix) -> Mask:
        """All choices of all parameters of the agent, one parameter behind the other: False is forbidden.

        row: the design (D,) that the others keep to. A parameter without an allowed choice gets all True: the
        agent alone cannot make the design feasible. Read-only.
        """
        key = agent, row[self._deciding[agent]].tobytes()
        found = self._known.get(key)
        if found is None:
            found = _kept(self._known, key, self._made(agent, row))
        return found

    def forms(self, row: IndexMatrix) -> dict[str, Form]:
        """The same of all agents, as `action_space(agent).sample(mask)` takes it: int8, one array a
        parameter; copies.
        """
        key = row[self._all_deciding].tobytes()
        flat = self._known_forms.get(key)
        if flat is None:
            masks = np.concatenate([self.mask(agent, row) for agent in self._parts])
            flat = _kept(self._known_forms, key, masks.astype(np.int8))
        flat = flat.copy()
        return {
            agent: tuple([flat[part] for part in parts]) if len(parts) > 1 else flat[parts[0]]
            for agent, parts in self._slices.items()
        }

    def _made(self, agent: str, row: IndexMatrix) -> Mask:
        allowed: dict[int, Mask] = {}
        for rule in self._rules[agent]:
            for column, mask in self._allowed(rule, row).items():
                allowed[column] = allowed[column] & mask if column in allowed else mask
        columns = self._parts[agent].indices
        flat = np.concatenate([self._choices(column, allowed.get(column), row) for column in columns])
        flat.setflags(write=False)
        return flat

    def _choices(self, column: int, allowed: Mask | None, row: IndexMatrix) -> Mask:
        if allowed is None:
            return np.ones(int(self._moves.choices[column]), dtype=np.bool_)
        mask: Mask = allowed[self._moves.leads_to(column, int(row[column]))]
        return mask if mask.any() else np.ones_like(mask)

    def _allowed(self, rule: _Rule, row: IndexMatrix) -> dict[int, Mask]:
        """Own column to (V,): values with which the constraint can be met."""
        rows = np.repeat(row[None, :], len(rule.combinations), axis=0)
        rows[:, list(rule.own)] = rule.combinations
        met = ~rule.clause.matches(self._space.canonical(rows))
        found = {}
        for position, column in enumerate(rule.own):
            mask = np.zeros(int(self._space.n_values[column]), dtype=np.bool_)
            mask[rule.combinations[met, position]] = True
            if not mask.all():
                found[column] = mask
        return found

    def _rules_of(
        self, part: Subsystem, tied: Sequence[tuple[Clause | ConditionClause, tuple[int, ...]]]
    ) -> list[_Rule]:
        rules = []
        for clause, columns in tied:
            own = tuple(column for column in columns if column in part.indices)
            limits = self._space.n_values[list(own)]
            if not own or np.prod(limits, dtype=np.float64) > MOST_COMBINATIONS:
                continue
            combinations = np.indices(limits.tolist()).reshape(len(own), -1).T.astype(np.int16)
            rules.append(_Rule(clause, columns, own, combinations))
        return rules


def _kept(known: dict[_Key, _Made], key: _Key, made: _Made) -> _Made:
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = made
    return made


def _tied(
    space: DesignSpace, clause: Clause | ConditionClause
) -> tuple[Clause | ConditionClause, tuple[int, ...]]:
    """The clause, and the columns that decide it: its own, and those that can make one of them dead."""
    columns = set(clause.columns)
    grown = True
    while grown:
        names = {space.names[column] for column in columns}
        more = {
            space.names.index(name)
            for rule in space.dead_rules
            if rule.parameter in names
            for name in rule.when
        }
        grown = not more <= columns
        columns |= more
    return clause, tuple(sorted(columns))
