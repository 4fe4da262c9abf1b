"""What an epoch of a running simulation costs, beside what the baseline paid meanwhile.

A cost is a sum that epochs add up to: energy, time, the latencies of all reads. A metric that is a ratio is
such a sum where the workload fixes its other part: mean latency is paid by the sum of the latencies, for
the number of reads is the same for every design. A ratio of which the workload fixes neither part (power:
energy over time) can be lowered by doing less, and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.env.problem import DesignProblem
from dse.errors import ConfigError, listed
from dse.metrics import MetricSpec
from dse.objective import Objective
from dse.simulator import Fleet, LiveSimulator

Numbers = NDArray[np.float64]


class Costs:
    """The costs (M,) of epochs, of a problem's objectives. ConfigError for one that epochs cannot add up."""

    def __init__(self, simulator: LiveSimulator, objectives: tuple[Objective, ...]) -> None:
        self._schema = simulator.live_schema
        self._fixed = simulator.live_fixed
        found = [self._term(objective) for objective in objectives]
        self._columns = np.array([column for column, _ in found], dtype=np.intp)
        self._signs = np.array([sign for _, sign in found])
        self._work = self._schema.index(simulator.live_work)

    def of(self, epochs: Numbers) -> Numbers:
        """(n, M) of what epochs counted (n, S); less is better."""
        costs: Numbers = epochs.take(self._columns, axis=1) * self._signs
        return costs

    def work(self, epochs: Numbers) -> Numbers:
        """(n,) how much of the workload epochs did."""
        work: Numbers = epochs[:, self._work]
        return work

    def _term(self, objective: Objective) -> tuple[int, float]:
        """Column of the sum that the metric is paid by; more of it is worse (1) or better (-1)."""
        names = self._schema.names
        if objective.metric not in names:
            paid = [spec.name for spec in self._schema if self._paid_by(spec) is not None]
            raise ConfigError(
                f"objective {objective.metric}: an epoch cannot tell it. Those that epochs add up to are "
                f"{listed(paid, 60)}; with a bound, it is judged at the end of the run",
                key=objective.metric,
            )
        paid_by = self._paid_by(self._schema.spec(objective.metric))
        if paid_by is None:
            raise ConfigError(
                f"objective {objective.metric}: the workload fixes neither part of this ratio, so it can be "
                "improved by doing less. Take the sum that matters (energy, time), or give it a bound",
                key=objective.metric,
            )
        name, sign = paid_by
        return self._schema.index(name), sign if objective.direction == "min" else -sign

    def _paid_by(self, spec: MetricSpec) -> tuple[str, float] | None:
        """The sum that stands for a metric, and 1 where they rise together, -1 where one falls."""
        if spec.numerator is None or spec.denominator is None:
            return spec.name, 1.0
        if spec.denominator in self._fixed:
            return spec.numerator, 1.0
        return (spec.denominator, -1.0) if spec.numerator in self._fixed else None


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The baseline on one workload: work (E + 1,) done and costs (E + 1, M) paid by the end of each epoch."""

    work: Numbers
    costs: Numbers

    @property
    def epochs(self) -> int:
        """E."""
        return len(self.work) - 1

    def paid_for(self, work: Numbers) -> Numbers:
        """(n, M) what the baseline had paid when it had done `work` (n,)."""
        return np.stack([np.interp(work, self.work, paid) for paid in self.costs.T], axis=1)

    def paid_by(self, epochs: NDArray[np.int64]) -> Numbers:
        """(n, M) what the baseline had paid by the end of so many epochs (n,); after its end, all."""
        paid: Numbers = self.costs[np.minimum(epochs, self.epochs)]
        return paid

    @property
    def size(self) -> Numbers:
        """(M,) what the whole run costs, without sign; what costs nothing counts as 1."""
        whole = np.abs(self.costs[-1])
        return np.where(whole > 0, whole, 1.0)


def profile(problem: DesignProblem, fleet: Fleet, costs: Costs, workload: int, epoch_ns: float) -> Profile:
    """Run the baseline to its end, an epoch at a time. fleet: of one member."""
    fleet.begin(0, problem.baseline_row, problem.workloads[workload])
    work, paid = [0.0], [np.zeros(len(problem.objectives))]
    while True:
        done, epochs = fleet.advance(epoch_ns)
        work.append(work[-1] + float(costs.work(epochs)[0]))
        paid.append(paid[-1] + costs.of(epochs)[0])
        if done[0]:
            return Profile(np.array(work), np.array(paid))
