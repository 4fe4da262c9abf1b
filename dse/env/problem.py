"""`DesignProblem`: what a design is worth on a workload, beside the baseline. Environments stand on it.

Improvements are logarithmic: +0.69 halves a cost (or doubles a gain), -0.69 doubles it, 0 is the baseline.
So they add up, do not depend on units, and treat a factor of two alike everywhere.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.campaign.scoring import Scorer
from dse.errors import ConfigError, InfeasibleError
from dse.metrics import Metrics
from dse.objective import Objective
from dse.point import DesignPoint
from dse.simulator import Simulator
from dse.space import DesignSpace, IndexMatrix
from traces.workload import Workload

IMPROVEMENT_LIMIT = 10.0  # natural logarithm: a factor of 22,000
_REMEMBERED = 100_000
_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One design on one workload.

    improvement: (M,) per objective against the baseline, in natural logarithm; zero without metrics.
    violations: (K,) relative, at most 0 where met. metrics: None if the design was not simulated or failed.
    """

    improvement: NDArray[np.float64]
    violations: NDArray[np.float64]
    feasible: bool
    metrics: Metrics | None


class DesignProblem:
    """A simulator, workloads and objectives; answers what designs are worth and remembers it.

    objectives: those with a bound are constraints. baseline: the design to improve on (the default design
    if None). Raises ConfigError when there is no objective, LookupFailed or SpaceError for unknown names.
    """

    def __init__(
        self,
        simulator: Simulator,
        workloads: Sequence[Workload],
        objectives: Sequence[str | Objective],
        baseline: DesignPoint | Mapping[str, str | int | float | bool] | None = None,
    ) -> None:
        wanted = [_objective(entry).resolved(simulator.schema) for entry in objectives]
        self.objectives = tuple(objective for objective in wanted if not objective.is_constraint)
        self.bounds = tuple(objective for objective in wanted if objective.is_constraint)
        if not self.objectives:
            raise ConfigError("objectives: expected at least one metric without a bound", key="objectives")
        if not workloads:
            raise ConfigError("workload: expected at least one", key="workload")
        self.simulator = simulator
        self.workloads = tuple(workloads)
        self.baseline_row = self.space.encode(baseline if baseline is not None else self.space.default())
        self._scorer = Scorer(self.space, simulator.schema, self.objectives, self.bounds)
        self._known: OrderedDict[tuple[int, int | bytes], tuple[NDArray[np.float64], Metrics | None]] = (
            OrderedDict()
        )
        self._baseline_costs: dict[int, NDArray[np.float64]] = {}

    @property
    def space(self) -> DesignSpace:
        """The designs."""
        return self.simulator.space

    @property
    def n_constraints(self) -> int:
        """K: those of the space first, then the bounds."""
        return self._scorer.n_constraints

    @property
    def constraint_names(self) -> tuple[str, ...]:
        """Names of the K constraints."""
        return (*(rule.name for rule in self.space.constraints), *(bound.text for bound in self.bounds))

    def outcome(self, workload: int, row: IndexMatrix) -> Outcome:
        """What one canonical row (D,) is worth on the workload of that number."""
        reference = self._reference(workload)
        values, metrics = self._measured(workload, row)
        scores = self._scorer.score(row[None, :], values[None, :])
        costs = scores.costs[0]
        measured = bool(np.isfinite(costs).all())
        better = improvement(costs, reference) if measured else np.zeros(len(self.objectives))
        return Outcome(better, scores.violations[0], bool(scores.feasible[0]), metrics if measured else None)

    def _reference(self, workload: int) -> NDArray[np.float64]:
        known = self._baseline_costs.get(workload)
        if known is not None:
            return known
        values, _ = self._measured(workload, self.baseline_row)
        scores = self._scorer.score(self.baseline_row[None, :], values[None, :])
        costs: NDArray[np.float64] = scores.costs[0]
        if not np.isfinite(costs).all():
            raise InfeasibleError(
                f"the baseline design has no value of {', '.join(o.metric for o in self.objectives)} on "
                f"workload {self.workloads[workload].name!r}: give another one as baseline="
            )
        self._baseline_costs[workload] = costs
        return costs

    def _measured(self, workload: int, row: IndexMatrix) -> tuple[NDArray[np.float64], Metrics | None]:
        key = (workload, self.space.keys(row[None, :]).tolist()[0])
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._simulated(workload, row)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _simulated(self, workload: int, row: IndexMatrix) -> tuple[NDArray[np.float64], Metrics | None]:
        """Values (number of metrics,) and metrics of one design; NaN and None if the space forbids it."""
        if (self.space.violations(row[None, :]) > 0).any():
            return np.full(len(self.simulator.schema), np.nan), None
        metrics = self.simulator.run_batch(row[None, :], [self.workloads[workload]])[0][0]
        return metrics.values_array, metrics


def improvement(costs: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """(M,) how much better costs are than the reference's, each within +-IMPROVEMENT_LIMIT.

    The logarithm of the ratio where both have the same sign (costs of a metric to maximise are negative); the
    difference over the reference's size where a sign changes or the reference is zero.
    """
    same = (costs * reference) > 0
    sizes = (np.maximum(np.abs(side), _TINY) for side in (reference, costs))
    logarithm = np.subtract(*map(np.log, sizes)) * np.sign(reference)
    relative = (reference - costs) / np.where(reference == 0, 1.0, np.abs(reference))
    return np.clip(np.where(same, logarithm, relative), -IMPROVEMENT_LIMIT, IMPROVEMENT_LIMIT)


def _objective(entry: str | Objective) -> Objective:
    return entry if isinstance(entry, Objective) else Objective.parse(entry)
