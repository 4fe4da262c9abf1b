"""Toy search problems with known structure, for testing searchers in milliseconds.

A toy's costs are sums of one table a parameter and, if wanted, one table a pair of parameters, drawn from a
seed; the objectives pull ordered parameters to different ends, so that they conflict. One bounded metric is
a constraint, a small share of the designs fails, and the space has constraints and dead rules of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.objective import Objective
from dse.parameter import Parameter
from dse.search import Results, SearchProblem
from dse.space import Constraint, DeadRule, DesignSpace, IndexMatrix

_LEVELS = 6
_REFERENCE_SAMPLE = 50
_BUDGET_LIMIT = 1.2  # the bounded metric of a random design lies around 1


@dataclass(frozen=True, slots=True, eq=False)
class Toy:
    """A search problem and the function behind it.

    tables: (M + 1, D, V) summed costs of the parameters' values; the last row is the bounded metric.
    pairs: (P, 2) columns that interact, with coupling (M, P, V, V).
    """

    problem: SearchProblem
    tables: NDArray[np.float64]
    pairs: NDArray[np.int64]
    coupling: NDArray[np.float64]
    failing: int

    def evaluate(self, indices: IndexMatrix) -> Results:
        """Results of canonical designs; what violates the space or fails has costs NaN."""
        space = self.problem.space
        rows = indices.astype(np.int64)
        columns = np.arange(len(space))
        sums = self.tables[:, columns, rows].sum(axis=2)
        left, right = rows[:, self.pairs[:, 0]], rows[:, self.pairs[:, 1]]
        costs = sums[:-1] + self.coupling[:, np.arange(len(self.pairs)), left, right].sum(axis=2)
        forbidden = space.violations(indices)
        costs = np.where(forbidden.any(axis=1) | self._fails(rows), np.nan, costs)
        over = np.where(np.isnan(costs[0]), 1.0, sums[-1] - _BUDGET_LIMIT)
        cached = np.zeros(len(indices), dtype=np.bool_)
        return Results(np.ascontiguousarray(costs.T), np.column_stack([forbidden, over]), cached)

    def _fails(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """One design in `failing`, picked by its content (0: none)."""
        if not self.failing:
            return np.zeros(len(rows), dtype=np.bool_)
        mixed = (rows * np.arange(3, 3 + 2 * rows.shape[1], 2)).sum(axis=1)
        return np.asarray(mixed % self.failing == 0)


def make_toy(
    seed: int = 0,
    *,
    n_objectives: int = 2,
    n_parameters: int = 8,
    n_pairs: int = 0,
    failing: int = 31,
    space: DesignSpace | None = None,
) -> Toy:
    """A toy over `n_parameters` (at least 4) parameters of six values in four subsystems, or over `space`.

    n_pairs: how many pairs of parameters interact (0: separable). failing: one design in this many fails.
    """
    rng = np.random.default_rng(seed)
    space = toy_space(n_parameters) if space is None else space
    n_parameters = len(space)
    tables = np.stack([_tables(rng, space, m) for m in range(n_objectives)] + [_budget(rng, space)])
    couples = [(a, b) for a in range(n_parameters) for b in range(a)]
    pairs = np.array(couples, dtype=np.int64)[rng.permutation(len(couples))[:n_pairs]].reshape(-1, 2)
    coupling = rng.standard_normal((n_objectives, len(pairs), _LEVELS, _LEVELS)) * 0.5
    objectives = tuple(Objective(f"cost_{m}", "min") for m in range(n_objectives))
    blank = np.zeros(n_objectives)
    problem = SearchProblem(space, objectives, len(space.constraints) + 1, blank + 1.0, blank)
    toy = Toy(problem, tables, pairs, coupling, failing)
    return Toy(_scaled(problem, toy, rng), tables, pairs, coupling, failing)


def toy_space(n_parameters: int = 8) -> DesignSpace:
    """Choices and ordered parameters in turn; one value is forbidden, one pair of values, one is dead."""
    kinds: Any = ("choice", "integer")
    parameters = [
        Parameter(f"p{d}", tuple(range(_LEVELS)), 1, f"part{d % 4}", kinds[d % 2])
        for d in range(n_parameters)
    ]
    constraints = (
        Constraint("no_zero", {"p0": (0,)}, "a value that is infeasible by itself"),
        Constraint("no_clash", {"p1": (4, 5), "p2": (0, 1)}, "two values that do not go together"),
    )
    return DesignSpace("toy", parameters, constraints, (DeadRule("p3", {"p0": (5,)}, "p0 switches p3 off"),))


def tiny_toy() -> Toy:
    """A toy of 18 feasible designs, to be exhausted."""
    parameters = [Parameter(f"p{d}", (0, 1, 2), 0, f"part{d}", "choice") for d in range(3)]
    space = DesignSpace("tiny", parameters, (Constraint("no_one", {"p1": (1,)}, ""),))
    rng = np.random.default_rng(0)
    problem = SearchProblem(
        space, (Objective("cost_0", "min"), Objective("cost_1", "min")), 2, np.full(2, 3.0), np.zeros(2)
    )
    tables = np.concatenate([rng.random((2, 3, 3)), np.zeros((1, 3, 3))])
    return Toy(problem, tables, np.zeros((0, 2), dtype=np.int64), np.zeros((2, 0, 3, 3)), 0)


def _tables(rng: np.random.Generator, space: DesignSpace, objective: int) -> NDArray[np.float64]:
    """(D, V): a bowl over ordered parameters, lowest at an end of its own; noise over choices."""
    position = np.linspace(0.0, 1.0, _LEVELS)
    tables = rng.standard_normal((len(space), _LEVELS)) * 0.6
    for d, parameter in enumerate(space.parameters):
        if parameter.ordinal:
            lowest = rng.uniform(0.0, 0.5) if (objective + d // 2) % 2 else rng.uniform(0.5, 1.0)
            tables[d] = 3.0 * (position - lowest) ** 2
    return tables


def _budget(rng: np.random.Generator, space: DesignSpace) -> NDArray[np.float64]:
    """(D, V): the bounded metric, about 1 for a random design."""
    return rng.random((len(space), _LEVELS)) * 2.0 / len(space)


def _scaled(problem: SearchProblem, toy: Toy, rng: np.random.Generator) -> SearchProblem:
    """The problem with reference and ideal taken from a random sample, as a campaign does it."""
    results = toy.evaluate(problem.space.sample(_REFERENCE_SAMPLE, rng, feasible=True))
    costs = results.costs[results.feasible]
    worst, best = costs.max(axis=0), costs.min(axis=0)
    reference = worst + 0.1 * (worst - best)
    return SearchProblem(problem.space, problem.objectives, problem.n_constraints, reference, best)
