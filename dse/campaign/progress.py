"""`Progress`: what a running campaign tells whoever watches it, and the meter that computes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dse.campaign.scoring import Scores
from dse.front import HypervolumeTrace
from dse.objective import Objective

_SECONDS_BETWEEN = 0.2


@dataclass(frozen=True, slots=True)
class Progress:
    """A running campaign at one moment.

    done, total: unique designs charged to runs, and their budget; unit says of what. trials: rows of the log,
    repeats included. new_trials: those of this session. simulated: designs simulated in full in this session.
    best: metric to its best feasible value. hypervolume: of all feasible designs, relative to the box between
    ideal and reference point (it may pass 1).
    """

    done: float
    total: float
    trials: int
    new_trials: int
    simulated: int
    seconds: float
    agent: str
    best: dict[str, float]
    hypervolume: float
    unit: str = "designs"

    @property
    def rate(self) -> float:
        """Trials a second since this process started."""
        return self.new_trials / self.seconds if self.seconds > 0 else 0.0


Watcher = Callable[[Progress], None]


@dataclass(slots=True)
class Meter:
    """Collects scores and calls a watcher, at most five times a second; without a watcher it does nothing."""

    watcher: Watcher | None
    objectives: tuple[Objective, ...]
    reference: NDArray[np.float64]
    ideal: NDArray[np.float64]
    unit: str = "designs"
    trials: int = 0
    new_trials: int = 0
    _started: float = field(default_factory=time.monotonic)
    _last: float = 0.0
    _trace: HypervolumeTrace = field(init=False)
    _waiting: list[NDArray[np.float64]] = field(default_factory=list)
    _best: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self._trace = HypervolumeTrace(self.reference)
        self._best = np.full(len(self.reference), np.nan)

    def add(self, scores: Scores, *, new: bool = True) -> None:
        """Take a batch into account; `new` if it is of this session and not from the log."""
        self.trials += len(scores.feasible)
        self.new_trials += len(scores.feasible) if new else 0
        if self.watcher is not None:
            self._waiting.append(scores.costs[scores.feasible])

    def report(self, agent: str, done: float, total: float, simulated: int, *, last: bool = False) -> None:
        """Tell the watcher, if it is time or this is the last word."""
        now = time.monotonic()
        if self.watcher is None or (now - self._last < _SECONDS_BETWEEN and not last):
            return
        self._last = now
        self._digest()
        signs = np.array([-1.0 if o.direction == "max" else 1.0 for o in self.objectives])
        best = dict(zip((o.metric for o in self.objectives), (signs * self._best).tolist(), strict=True))
        box = float(np.prod(self.reference - self.ideal))
        share = self._trace.value / box if box > 0 else 0.0
        self.watcher(
            Progress(
                done,
                total,
                self.trials,
                self.new_trials,
                simulated,
                now - self._started,
                agent,
                best,
                share,
                self.unit,
            )
        )

    def _digest(self) -> None:
        if not self._waiting:
            return
        costs = np.concatenate(self._waiting)
        self._waiting.clear()
        if len(costs):
            self._best = np.fmin(self._best, costs.min(axis=0))
            self._trace.add(costs)
