"""Scoring: metrics of a batch of designs as costs, violations and feasibility."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.front import costs_of, non_dominated
from dse.metrics import MetricSchema
from dse.objective import Objective
from dse.space import DesignSpace, IndexMatrix

_MARGIN = 0.1
_ENOUGH_DESIGNS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """costs (B, M), NaN rows have none; violations (B, K), <= 0 where met; feasible (B,).

    Costs and violations may be estimates; feasible are only designs that were simulated in full.
    """

    costs: NDArray[np.float64]
    violations: NDArray[np.float64]
    feasible: NDArray[np.bool_]

    def part(self, start: int, end: int) -> Scores:
        """The rows from `start` to before `end`."""
        return Scores(self.costs[start:end], self.violations[start:end], self.feasible[start:end])


@dataclass(frozen=True, slots=True)
class Scorer:
    """objectives: to optimise (M). bounds: constraints on metrics; in K those of `space` come first."""

    space: DesignSpace
    schema: MetricSchema
    objectives: tuple[Objective, ...]
    bounds: tuple[Objective, ...]

    @property
    def n_constraints(self) -> int:
        """K."""
        return len(self.space.constraints) + len(self.bounds)

    def score(
        self,
        rows: IndexMatrix,
        metrics: NDArray[np.float64],
        fidelity: NDArray[np.float64] | None = None,
    ) -> Scores:
        """Score designs (B, D) by their metrics (B, number of metrics).

        fidelity: (B,) share of the requests that was simulated; without it, all. A row with a metric that is
        not a finite number, where an objective or bound needs it, has failed.
        """
        used = [self.schema.index(o.metric) for o in (*self.objectives, *self.bounds)]
        failed: NDArray[np.bool_] = np.logical_not(np.isfinite(metrics[:, used]).all(axis=1))
        costs = costs_of(self.objectives, self.schema, metrics)
        costs[failed] = np.nan
        violations = np.empty((len(rows), self.n_constraints))
        first_bound = len(self.space.constraints)
        violations[:, :first_bound] = self.space.violations(rows)
        for k, bound in enumerate(self.bounds, start=first_bound):
            values = np.where(failed, np.nan, metrics[:, self.schema.index(bound.metric)])
            violations[:, k] = bound.violation(values)
        feasible = np.logical_and(~failed, (violations <= 0).all(axis=1))
        if fidelity is not None:
            feasible &= fidelity >= 1.0
        return Scores(costs, violations, feasible)


def reference_and_ideal(scores: Sequence[Scores]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The reference point and the ideal of a campaign, (M,) each, from its baseline and reference sample.

    The reference point is the worst cost on the best fronts of the feasible designs (so many fronts, one
    behind the other, that ten designs are on them) plus a tenth of their range, the ideal the best cost.
    Not all designs count, because a random sample holds throttled ones a thousand times slower than the
    rest: a reference point out there would give every front nearly the same hypervolume. Not the first
    front alone, because it may hold one design. Without a feasible design all measured ones count;
    ValueError if none was measured.
    """
    costs = np.concatenate([score.costs for score in scores])
    feasible = np.concatenate([score.feasible for score in scores])
    measured = ~np.isnan(costs).any(axis=1)
    feasible &= measured
    kept = costs[feasible if feasible.any() else measured]
    if not len(kept):
        raise ValueError("no design of the reference sample was measured")
    good = _best_fronts(kept)
    worst, best = good.max(axis=0), good.min(axis=0)
    span = worst - best
    margin = _MARGIN * np.where(span > 0, span, np.where(worst != 0, np.abs(worst), 1.0))
    return worst + margin, best


def _best_fronts(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rows of the first front, of the next one, ... until there are `_ENOUGH_DESIGNS` or none is left."""
    kept = np.empty((0, costs.shape[1]))
    while len(costs) and len(kept) < _ENOUGH_DESIGNS:
        front = non_dominated(costs)
        kept, costs = np.concatenate([kept, costs[front]]), costs[~front]
    return kept
