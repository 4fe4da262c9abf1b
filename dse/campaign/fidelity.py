"""`Ladder`: which part of the workloads a design is first simulated on, and how many designs go on to more.

Successive halving (Jamieson and Talwalkar, AISTATS 2016) inside every batch: all designs of a batch run on a
small share of the requests, the best of them on a larger one, the best of those in full. A share is either
the first requests or representative intervals (`traces.intervals`). See docs/fidelity.md.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dse.campaign.aggregation import Aggregation
from dse.campaign.config import UNLIMITED, BudgetConfig, FidelityConfig
from dse.campaign.scoring import Scores
from dse.errors import ConfigError
from dse.front import non_dominated
from traces.instruction_workload import AnyWorkload

if TYPE_CHECKING:
    from traces.intervals import Interval

LEAST_REQUESTS = 100
_ROUNDING = 1e-6
_REPEATS = 10

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rung:
    """One step: `share` of the requests of each workload, as pieces of it with their weights."""

    share: float
    pieces: tuple[tuple[AnyWorkload, ...], ...]
    weights: tuple[Values, ...]

    @property
    def workloads(self) -> tuple[AnyWorkload, ...]:
        """The pieces of all workloads, in their order."""
        return tuple(piece for pieces in self.pieces for piece in pieces)

    def per_workload(self, aggregation: Aggregation, values: Values) -> Values:
        """(P, M) measured on `workloads` by one design into (W, M) for the workloads they are pieces of."""
        ends = np.cumsum([len(pieces) for pieces in self.pieces])[:-1]
        parts = np.split(values, ends)
        schema = aggregation.schema
        return np.stack(
            [schema.combined(part, weights) for part, weights in zip(parts, self.weights, strict=True)]
        )


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """What a rung says of designs: their metrics on the pieces, in proportion to those of the baseline.

    factors: (W, M), the baseline's metrics in full over its metrics on the pieces. A short run errs in much
    the same way for every design (cold rows and caches, another mix of requests), so a change against a known
    design shows in it long before the value itself does.
    """

    rung: Rung
    aggregation: Aggregation
    factors: Values

    def combined(self, values: Values) -> Values:
        """(B, P, M) into (B, M) over pieces and workloads.

        Design by design: a product of matrices may round differently in a batch of another size, and the same
        design must get the same estimate in a resumed campaign.
        """
        rows = [self.rung.per_workload(self.aggregation, row) * self.factors for row in values]
        return np.concatenate([self.aggregation.combined(row[None]) for row in rows])


def factors(full: Values, pieces: Values) -> Values:
    """The quotients full / pieces, (W, M) each, where both are finite, not 0 and of one sign; 1 elsewhere."""
    with np.errstate(all="ignore"):
        usable = np.isfinite(full) & np.isfinite(pieces) & (full * pieces > 0)
        return np.where(usable, full / np.where(usable, pieces, 1.0), 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """The steps of a campaign, the last of which, everything, is not among `rungs`.

    keep: share of the designs of a rung that go on. surrogate, oversample: the model that screens first, if
    any, and how many times as many designs it gets to see.
    """

    rungs: tuple[Rung, ...]
    keep: float
    surrogate: str | None = None
    oversample: int = 1

    @property
    def workloads(self) -> tuple[AnyWorkload, ...]:
        """The pieces of all rungs, in their order."""
        return tuple(piece for rung in self.rungs for piece in rung.workloads)

    @property
    def digest(self) -> str:
        """32 hexadecimal digits over everything that decides an estimate: pieces and weights."""
        words = [
            f"{rung.share!r} {piece.hash} {weight!r}"
            for rung in self.rungs
            for pieces, weights in zip(rung.pieces, rung.weights, strict=True)
            for piece, weight in zip(pieces, weights.tolist(), strict=True)
        ]
        return hashlib.blake2b("\n".join(words).encode(), digest_size=16).hexdigest()

    def going_on(self, n: int) -> int:
        """How many of the n designs of a rung go on to the next."""
        return min(n, max(1, math.ceil(self.keep * n - _ROUNDING)))

    def steps(self, n: int) -> list[tuple[int, float]]:
        """How many of n new designs reach each step, and its share of the requests; the last is 1."""
        counts: list[tuple[int, float]] = []
        for rung in self.rungs:
            counts.append((n, rung.share))
            n = self.going_on(n)
        return [*counts, (n, 1.0)]

    def cost(self, n: int) -> float:
        """The most that n designs can cost, in full simulations."""
        return sum(count * share for count, share in self.steps(n))

    def affordable(self, left: float, most: int) -> int:
        """The most designs, up to `most`, that cannot cost more than what is left of the budget."""
        return bisect_right(range(1, most + 1), left + _ROUNDING, key=self.cost)

    def proposal_limit(self, budget: BudgetConfig) -> int:
        """The most proposals of a run: unless given, ten times as many as its budget pays for."""
        if budget.proposals is not None:
            return budget.proposals
        if budget.unique is None:
            return UNLIMITED
        asked = budget.batch * (self.oversample if self.surrogate else 1)
        return math.ceil(_REPEATS * budget.unique * asked / self.cost(budget.batch))


def make_ladder(given: FidelityConfig, workloads: Sequence[AnyWorkload]) -> Ladder:
    """Cut the workloads into the pieces of each rung. ConfigError for a share of too few requests."""
    rungs = tuple(_rung(given, share, workloads) for share in given.rungs)
    return Ladder(rungs, given.keep, given.surrogate, given.oversample)


def check_budget(ladder: Ladder, budget: BudgetConfig) -> None:
    """ConfigError for a batch that cannot be halved so often, or a budget that pays for no design."""
    least = math.ceil(ladder.keep ** -len(ladder.rungs) - _ROUNDING)
    if budget.batch < least:
        raise ConfigError(
            f"{budget.batch} designs are too few for {len(ladder.rungs)} rungs of which {ladder.keep:g} go "
            f"on: expected at least {least} (1 / keep for each rung), or fewer rungs, or a larger keep",
            key="batch",
        )
    if budget.unique is not None and not ladder.affordable(budget.unique, 1):
        raise ConfigError(
            f"{budget.unique} full simulations do not pay for one design, which costs {ladder.cost(1):g} "
            f"with its rungs: expected at least {math.ceil(ladder.cost(1))}",
            key="unique",
        )


def best_first(scores: Scores) -> NDArray[np.int64]:
    """Positions of the measured designs, the most promising first; those that failed are left out.

    Those that meet the constraints come first, then less violation in all; among equals the fronts one behind
    the other, the least crowded first on each, and last the order of asking.
    """
    n = len(scores.costs)
    missed = np.maximum(scores.violations, 0.0).sum(axis=1)
    measured = np.isfinite(scores.costs).all(axis=1) & np.isfinite(missed)
    rank, crowded = np.zeros(n, dtype=np.int64), np.zeros(n)
    for group in (measured & (missed == 0), measured & (missed > 0)):
        left = np.flatnonzero(group)
        number = 0
        while len(left):
            on_front = non_dominated(scores.costs[left])
            front, left = left[on_front], left[~on_front]
            rank[front], crowded[front] = number, -_crowding(scores.costs[front])
            number += 1
    order = np.lexsort((crowded, rank, missed))  # stable: equals stay as they were asked
    best: NDArray[np.int64] = order[measured[order]]
    return best


def _crowding(costs: Values) -> Values:
    """(n,) how far apart the neighbours of each design are (Deb et al. 2002); infinite at the ends."""
    distance = np.zeros(len(costs))
    for column in costs.T:
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        distance[order[[0, -1]]] = np.inf
        if span > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance


def _rung(given: FidelityConfig, share: float, workloads: Sequence[AnyWorkload]) -> Rung:
    chosen = [_intervals(given.sampling, share, workload) for workload in workloads]
    return Rung(
        share=share,
        pieces=tuple(
            tuple(workload.cut(one.start, one.length, one.warmup) for one in intervals)
            for workload, intervals in zip(workloads, chosen, strict=True)
        ),
        weights=tuple(np.array([one.weight for one in intervals]) for intervals in chosen),
    )


def _intervals(sampling: str, share: float, workload: AnyWorkload) -> Sequence[Interval]:
    """The pieces of one workload. ConfigError if one of them has hardly any requests."""
    from traces.intervals import head, representative  # clustering is for those who want it

    wanted = int(share * len(workload))
    found: Sequence[Interval] = ()
    if wanted >= LEAST_REQUESTS:
        found = (head if sampling == "head" else representative)(workload, share)
        wanted = min(one.length for one in found)
    if wanted < LEAST_REQUESTS:
        raise ConfigError(
            f"{share:g} of workload {workload.name!r} ({len(workload):,} requests) leaves {wanted} requests "
            f"in a piece: expected at least {LEAST_REQUESTS}; give a larger share or a longer trace",
            key="rungs",
        )
    return found
