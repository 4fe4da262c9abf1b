"""`StopWatch`: whether a run has reached what its campaign file asks for, or no longer gets anywhere.

It looks at one run alone, and only at its log: so a run ends at the same batch however often it was resumed,
and no other agent has a say in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dse.campaign.scoring import Scores
from dse.front import HypervolumeTrace
from dse.metrics import MetricSchema
from dse.objective import Objective


@dataclass(frozen=True, slots=True)
class StopRules:
    """target: bounds on metrics; a run ends when one feasible design of it meets all of them.

    stalled_designs: the run ends when this many unique designs in a row (with `[fidelity]`, as many full
    simulations) raised the hypervolume of its own front by at most `stalled_percent` (from the first design
    within the reference point on); 0 means never.
    """

    schema: MetricSchema
    target: tuple[Objective, ...] = ()
    stalled_designs: int = 0
    stalled_percent: float = 0.0

    @property
    def any(self) -> bool:
        """Whether there is anything to watch for."""
        return bool(self.target) or self.stalled_designs > 0


@dataclass(slots=True)
class StopWatch:
    """The rules over the log of one run. reference: of the hypervolume. reason: why it ends, empty if not."""

    rules: StopRules
    reference: NDArray[np.float64]
    reason: str = ""
    _front: HypervolumeTrace = field(init=False)
    _past: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._front = HypervolumeTrace(self.reference)

    def add(self, scores: Scores, metrics: NDArray[np.float64], spent: float) -> None:
        """Take a batch into account, after which the run has spent that much of its budget in designs."""
        if self.reason or not self.rules.any:
            return
        if self.rules.target and self._met(scores, metrics):
            self.reason = "target met"
        elif self.rules.stalled_designs and self._stalled(scores, spent):
            self.reason = "hypervolume stalled"

    def _met(self, scores: Scores, metrics: NDArray[np.float64]) -> bool:
        good = scores.feasible.copy()
        for bound in self.rules.target:
            good &= bound.violation(metrics[:, self.rules.schema.index(bound.metric)]) <= 0
        return bool(good.any())

    def _stalled(self, scores: Scores, spent: float) -> bool:
        volume = self._front.add(scores.costs[scores.feasible])
        if volume > 0:
            self._past.append((spent, volume))
        before = None
        while self._past and self._past[0][0] <= spent - self.rules.stalled_designs:
            before = self._past.pop(0)
        if before is None:
            return False
        self._past.insert(0, before)
        return volume - before[1] <= self.rules.stalled_percent / 100 * before[1]
