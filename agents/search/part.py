"""Parts of a design space, each the problem of one member of a team, and how its rows become whole designs.

`around` a design: the other parameters stay as they are there, so that constraints and dead rules hold as
they do for whole designs. `apart`: the member's own parameters alone, with the rules that name no others;
what goes with the others' choices is found out when the parts are put together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.search.memory import Memory
from dse.parameter import Parameter
from dse.search import Results, SearchProblem
from dse.space import DesignSpace, IndexMatrix

_ROUNDS = 1024  # rows that a part has at least, so that a small one can be tried beside many others

_LISTABLE = 4096  # designs of a part that are listed to see which are new


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A member's problem, and where its columns `own` are in the whole design (`columns`).

    base: (D,) the whole design around which it is a part.
    """

    problem: SearchProblem
    whole: DesignSpace
    columns: NDArray[np.int64]
    own: NDArray[np.int64]
    base: IndexMatrix

    def designs(self, rows: IndexMatrix) -> IndexMatrix:
        """(n, D) canonical whole designs of rows of this part."""
        designs = np.repeat(self.base[None, :], len(rows), axis=0)
        designs[:, self.columns] = rows[:, self.own]
        return self.whole.canonical(designs)

    def rows(self, designs: IndexMatrix) -> IndexMatrix:
        """(n, P) canonical rows of this part that whole designs have; others' columns are not looked at."""
        rows = np.zeros((len(designs), len(self.problem.space)), dtype=np.int16)
        rows[:, self.own] = designs[:, self.columns]
        return self.problem.space.canonical(rows)

    def unknown(self, memory: Memory, at_most: int) -> int:
        """How many allowed designs of this part are new, `at_most` where they are too many to list."""
        space = self.problem.space
        if space.raw_size > _LISTABLE:
            return at_most
        positions = np.unravel_index(np.arange(space.raw_size), space.n_values.tolist())
        designs = self.designs(np.stack(positions, axis=1).astype(np.int16))
        new = memory.seen.fresh(designs) & ~self.whole.violations(designs).any(axis=1)
        return min(at_most, int(new.sum()))

    def results(self, rows: IndexMatrix, designs: IndexMatrix, memory: Memory) -> Results:
        """What rows are worth by what is known of their whole designs; unknown ones are forbidden.

        Violations: those of the part's own constraints, then the sum of all others.
        """
        found = memory.archive.find(designs)
        known = found >= 0
        costs = np.full((len(rows), self.problem.n_objectives), np.nan)
        total = self.whole.violations(designs).sum(axis=1)
        costs[known] = memory.archive.costs[found[known]]
        total[known] = memory.archive.violation[found[known]]
        own = self.problem.space.violations(rows)
        others = np.where(np.isfinite(total), np.maximum(total - own.sum(axis=1), 0.0), 1.0)
        return Results(costs, np.column_stack([own, others]), known)


def around(problem: SearchProblem, columns: Sequence[int], base: IndexMatrix) -> Part:
    """The part of these columns where all others are as in the design `base` (D,), which is allowed."""
    space, mine = problem.space, set(columns)
    point = space.from_indices(base)
    fixed = {name: point[name] for d, name in enumerate(space.names) if d not in mine}
    own = np.array(columns)
    return Part(_problem(problem, space.restrict(fixed)), space, own, own, base)


def apart(problem: SearchProblem, columns: Sequence[int]) -> Part:
    """The part of these columns alone. A small one has an idle last parameter, which tells rounds apart."""
    space, mine = problem.space, set(columns)
    parameters = [space.parameters[d] for d in columns]
    size = int(np.prod(space.n_values[list(columns)], dtype=np.float64))
    if size < _ROUNDS:
        rounds = -(-_ROUNDS // size)
        parameters.append(Parameter.integer(_free_name(space), 0, rounds - 1, 0, "rounds"))
    constraints = [
        one
        for one, clause in zip(space.constraints, space.forbidden_clauses, strict=True)
        if set(clause.columns) <= mine
    ]
    dead = [
        rule
        for rule, clause in zip(space.dead_rules, space.dead_clauses, strict=True)
        if {*clause.columns, clause.target} <= mine
    ]
    alone = DesignSpace(space.name, parameters, constraints, dead, restricted=True)
    own = np.arange(len(columns))
    return Part(_problem(problem, alone), space, np.array(columns), own, space.encode({}))


def _problem(problem: SearchProblem, space: DesignSpace) -> SearchProblem:
    n_constraints = len(space.constraints) + 1
    return replace(problem, space=space, n_constraints=n_constraints)


def _free_name(space: DesignSpace) -> str:
    name = "round"
    while name in space.names:
        name += "_"
    return name
