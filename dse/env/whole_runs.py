"""`WholeRuns`: episodes whose steps are whole simulations of a design. `design` and `refine` stand on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from dse.env.context import Context
from dse.env.core import Core, Members
from dse.env.descriptor import FEATURES, PROGRAM_FEATURES
from dse.env.moves import Moves
from dse.env.observation import Seen, Vector, View
from dse.env.own_metrics import OwnMetrics, shares_of
from dse.env.picture import design_table
from dse.env.problem import DesignProblem
from dse.env.rewards import Cases, Terms, Worths, reward_of
from dse.env.scores import IMPROVEMENT_LIMIT
from dse.metrics import MetricSchema
from dse.space import IndexMatrix
from traces.instruction_workload import InstructionWorkload


class WholeRuns(Core):
    """reward, penalty, ideal, targets: see `rewards`. own_metrics: subsystem to the metrics that it sees as
    its own (see `own_metrics`); by default those known for the simulator. The rest as `Core`.
    """

    def __init__(
        self,
        problem: DesignProblem,
        acting: Moves,
        n: int,
        *,
        reward: str = "improvement",
        penalty: float = 2.0,
        ideal: float | Sequence[float] | None = None,
        targets: dict[str, float] | None = None,
        own_metrics: OwnMetrics | None = None,
        **options: Any,
    ) -> None:
        self._own_metrics = own_metrics
        super().__init__(problem, acting, n, **options)
        self.penalty = penalty
        self.reward = reward_of(reward, problem, self.owned, Terms(penalty, ideal, targets))
        self.reward_space = self._reward_space()
        self._limits: NDArray[np.float64] | None = None
        self._outcomes = problem.no_outcomes(n)

    def states(self) -> Vector:
        """(n, S): see `View.states`."""
        outcomes = self._outcomes
        shared = [self._seen, outcomes.improvement, np.minimum(np.maximum(outcomes.violations, -1.0), 1.0)]
        if self.n_steps > 1:
            shared.append(self.steps[:, None] / self.n_steps)
        return self.view.states([*shared, outcomes.shown], self.rows)

    def info(self, member: int) -> dict[str, Any]:
        """The design, and what came of it. Metrics leaves out what was not measured (NaN)."""
        problem, metrics = self.problem, self._outcomes.metrics[member]
        names = problem.names_under(self.context(member).bounds)
        return {
            "workload": problem.workloads[self.works[member]].name,
            "design": self.design(member),
            "metrics": {} if metrics is None else measured(metrics.schema, metrics.values_array),
            "notes": () if metrics is None else metrics.notes,
            "feasible": bool(self._outcomes.feasible[member]),
            "violations": dict(zip(names, self._outcomes.violations[member].tolist(), strict=True)),
        }

    def infos(self) -> dict[str, Any]:
        """Arrays: "workload" (n,) numbers, "design" (n, D) rows, "metrics" (n, metrics of the schema) with
        NaN for what was not measured, "feasible" (n,), "violations" (n, K).
        """
        outcomes = self._outcomes
        return {
            "workload": self.works.copy(),
            "design": self.rows.copy(),
            "metrics": outcomes.values.copy(),
            "feasible": outcomes.feasible.copy(),
            "violations": outcomes.violations.copy(),
        }

    def table(self, member: int) -> str:
        """The design beside the reference."""
        one = self._outcomes.part(np.array([member]))
        return design_table(self.problem, self.context(member), self.rows[member], one)

    def _view(self) -> View:
        problem = self.problem
        subsystems = [part.name for part in problem.space.subsystems]
        shares = shares_of(problem.simulator.name, problem.schema, subsystems, self._own_metrics)
        shared = [
            *context_names(problem),
            *_ended("improvement", [one.metric for one in problem.objectives], IMPROVEMENT_LIMIT),
            *_ended("violation", problem.constraint_names, 1.0),
            *([("progress", 0.0, 1.0)] if self.n_steps > 1 else []),
        ]
        problem.show(shares.names, shares.of_one)
        return View(problem.space, self.owned, shares, shared, self._observe)

    def _look(self, members: Members, contexts: Sequence[Context], rows: IndexMatrix) -> None:
        own = any(context.bounds != self.problem.bounds for context in contexts)
        limits = self._limits
        if own and limits is None:
            limits = np.repeat(self.problem.limits[None], self.n, axis=0)
        if limits is not None:
            limits = limits.copy()
            limits[members] = [context.limits for context in contexts]
        works = [context.workload for context in contexts]
        of_these = None if limits is None else limits[members]
        outcomes = self.problem.outcomes(works, rows, of_these)
        weights = np.array([context.weights for context in contexts], dtype=np.float64)
        self._note(members, Cases(rows, np.array(works), weights, of_these, outcomes))
        if len(members) == self.n:
            self._outcomes = outcomes
        else:
            self._outcomes.put(members, outcomes)
        self._limits = limits

    def _note(self, members: Members, cases: Cases) -> None:
        """Note what first designs are worth, where that matters."""

    def _worths(self, rows: IndexMatrix) -> Worths:
        """What designs (n, D) are worth; their outcomes are those of the step from now on."""
        outcomes = self.problem.outcomes(self.works.tolist(), rows, self._limits)
        worths = self.reward.worths(Cases(rows, self.works, self.weights, self._limits, outcomes))
        self._outcomes = outcomes
        return worths

    def _reward_space(self) -> Box:
        low, high = np.float32(self.reward.low), np.float32(self.reward.high)
        return Box(low, high, (self.reward.size,), dtype=np.float32)


def context_names(problem: DesignProblem) -> list[Seen]:
    """What `Contexts.vector` holds."""
    programs = isinstance(problem.workloads[0], InstructionWorkload)
    features = PROGRAM_FEATURES if programs else FEATURES
    return [
        *((f"workload:{name}", 0.0, 1.0) for name in features),
        *((f"weight:{one.metric}", 0.0, 1.0) for one in problem.objectives),
        *_ended("budget", [bound.metric for bound in problem.bounds], IMPROVEMENT_LIMIT),
    ]


def _ended(kind: str, names: Sequence[str], end: float) -> list[Seen]:
    return [(f"{kind}:{name}", -end, end) for name in names]


def measured(schema: MetricSchema, values: NDArray[np.float64]) -> dict[str, float]:
    """Name to number, without what was not measured (NaN)."""
    found = zip(schema.names, values.tolist(), strict=True)
    return {name: value for name, value in found if value == value}  # NaN is not itself
