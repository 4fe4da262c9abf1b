"""How much better costs are than the reference's, and how far bounds are missed.

Improvements are logarithmic: +0.69 halves a cost (or doubles a gain), -0.69 doubles it, 0 is the baseline.
So they add up, do not depend on units, and treat a factor of two alike everywhere.

A design is scored once, in plain numbers, for which arrays take five times as long; bounds that change from
episode to episode are judged for many at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dse.metrics import MetricSchema
from dse.objective import Objective

IMPROVEMENT_LIMIT = 10.0  # natural logarithm: a factor of 22,000
_TINY = 1e-12
_FAILED_VIOLATION = 1.0

Numbers = NDArray[np.float64]


class Scorer:
    """objectives: to optimise (M). bounds: constraints on metrics (B)."""

    def __init__(
        self, schema: MetricSchema, objectives: Sequence[Objective], bounds: Sequence[Objective]
    ) -> None:
        self._signs = [-1.0 if objective.direction == "max" else 1.0 for objective in objectives]
        self._columns = [schema.index(one.metric) for one in (*objectives, *bounds)]
        self._limits = [(_limit(bound.at_most), _limit(bound.at_least)) for bound in bounds]

    def scored(self, values: Sequence[float]) -> tuple[list[float] | None, list[float]]:
        """Costs (M,), and how far each bound is missed (B,), relative to it: at most 0 where met.

        A design failed where a metric that is needed is no finite number: it has no costs, and misses all.
        """
        used = [values[column] for column in self._columns]
        if not all(map(math.isfinite, used)):
            return None, [_FAILED_VIOLATION] * len(self._limits)
        costs = [sign * value for sign, value in zip(self._signs, used, strict=False)]
        bounded = used[len(costs) :]
        return costs, [_missed(value, *ends) for value, ends in zip(bounded, self._limits, strict=True)]


def improvement(cost: float, reference: float) -> float:
    """How much better a cost is than the reference's, within +-IMPROVEMENT_LIMIT.

    The logarithm of the ratio where both have the same sign (costs of a metric to maximise are negative); the
    difference over the reference's size where a sign changes or the reference is zero.
    """
    if cost * reference > 0:
        gained = math.log(max(abs(reference), _TINY)) - math.log(max(abs(cost), _TINY))
        gained = math.copysign(gained, gained * reference)
    else:
        gained = (reference - cost) / (abs(reference) or 1.0)
    return min(max(gained, -IMPROVEMENT_LIMIT), IMPROVEMENT_LIMIT)


def _limit(bound: float | None) -> tuple[float, float] | None:
    """The bound, and what it is relative to."""
    return None if bound is None else (bound, abs(bound) or 1.0)


def _missed(value: float, at_most: tuple[float, float] | None, at_least: tuple[float, float] | None) -> float:
    over = (value - at_most[0]) / at_most[1] if at_most else -math.inf
    under = (at_least[0] - value) / at_least[1] if at_least else -math.inf
    return max(over, under)


def limits_of(bounds: Sequence[Objective]) -> Numbers:
    """(B, 2): the least and the most that each bound allows; -inf and inf where it says nothing."""
    ends = [
        (-np.inf if one.at_least is None else one.at_least, np.inf if one.at_most is None else one.at_most)
        for one in bounds
    ]
    return np.array(ends, dtype=np.float64).reshape(-1, 2)


def missed(values: Numbers, limits: Numbers) -> Numbers:
    """How far values (n, B) miss limits (B, 2) or (n, B, 2), relative to them: at most 0 where met.

    As `Objective.violation`; values must be finite.
    """
    low, high = limits[..., 0], limits[..., 1]
    under = np.where(np.isinf(low), -np.inf, (low - values) / _size(low))
    over = np.where(np.isinf(high), -np.inf, (values - high) / _size(high))
    found: Numbers = np.maximum(under, over)
    return found


def _size(limit: Numbers) -> Numbers:
    """What a violation is relative to."""
    found: Numbers = np.where((limit == 0) | np.isinf(limit), 1.0, np.abs(limit))
    return found
