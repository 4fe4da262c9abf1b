"""The environment `design`: one step, a complete design, one reward an objective."""

from __future__ import annotations

from typing import Any

from dse.env.base import BaseEnv
from dse.env.moves import Positions
from dse.env.problem import DesignProblem
from dse.env.rewards import Worths
from dse.env.whole_runs import WholeRuns
from dse.space import IndexMatrix


class DesignCore(WholeRuns):
    """An episode is one design: agents see the context and the baseline, and choose all values at once.

    Actions are positions of parameter values: `Discrete` for an agent with one parameter, else
    `MultiDiscrete`, in the order of the space. The reward is the worth of the design; masks take the other
    agents to keep to the baseline. options: those of `WholeRuns`.
    """

    def __init__(
        self, problem: DesignProblem, n: int = 1, *, granularity: str = "subsystem", **options: Any
    ) -> None:
        moves = Positions(problem.space)
        super().__init__(problem, moves, n, n_steps=1, granularity=granularity, **options)

    def _kept_row(self, member: int) -> IndexMatrix:
        return self.problem.baseline_row

    def _paid(self, rows: IndexMatrix) -> Worths:
        return self._worths(rows)


class DesignEnv(BaseEnv):
    """`DesignCore` as a PettingZoo environment; the options are those of the two."""

    kind, usual_name = DesignCore, "design_v0"
