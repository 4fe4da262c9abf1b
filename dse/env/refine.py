"""The environment `refine`: a few steps, in each of which agents keep, set or nudge their own parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.spaces import Box

from dse.env.base import BaseEnv
from dse.env.core import Members
from dse.env.moves import moves_of
from dse.env.problem import DesignProblem
from dse.env.rewards import Cases, Worths
from dse.env.whole_runs import WholeRuns
from dse.errors import ConfigError, did_you_mean, listed
from dse.space import IndexMatrix

STARTS = ("reference", "random")


class RefineCore(WholeRuns):
    """An episode is `steps` changes to one design; it is truncated then and never terminates.

    moves: "set" (positions as in `DesignCore`, and one more that keeps) or "nudge" (0, 1, 2: the value
    before, the same, the next). start: "reference" (the baseline) or "random" (a feasible design).
    options: those of `WholeRuns`. ConfigError for what does not exist.

    The reward is by how much the step raised the worth of the design, so that rewards add up to the worth of
    the last design less that of the first. An infeasible design is told (`infos`), paid like any other, and
    kept: what several agents change together is often infeasible until the last of them has moved, and a
    step taken back would hide from an agent what its action did.
    """

    ends_by = "truncation"

    def __init__(
        self,
        problem: DesignProblem,
        n: int = 1,
        *,
        steps: int = 8,
        moves: str = "set",
        start: str = "reference",
        granularity: str = "subsystem",
        **options: Any,
    ) -> None:
        if type(steps) is not int or steps < 1:
            raise ConfigError(f"steps={steps!r}: expected a whole number from 1 on", key="steps")
        if start not in STARTS:
            hint = did_you_mean(start, STARTS)
            raise ConfigError(f"start {start!r}: expected one of {listed(STARTS)}.{hint}", key="start")
        self.start = start
        chosen = moves_of(moves, problem.space)
        super().__init__(problem, chosen, n, n_steps=steps, granularity=granularity, **options)
        self._before: Worths = np.zeros((n, 1, self.reward.size))

    def _first_row(self, random: np.random.Generator) -> IndexMatrix:
        if self.start == "reference":
            return self.problem.baseline_row
        drawn: IndexMatrix = self.problem.space.sample(1, random, feasible=True)[0]
        return drawn

    def _note(self, members: Members, cases: Cases) -> None:
        worths = self.reward.worths(cases)
        before = np.empty((self.n, *worths.shape[1:]))
        before[:] = self._before
        before[members] = worths
        self._before = before

    def _paid(self, rows: IndexMatrix) -> Worths:
        before, self._before = self._before, self._worths(rows)
        return self._before - before

    def _reward_space(self) -> Box:
        reach = np.float32(self.reward.high - self.reward.low)
        return Box(-reach, reach, (self.reward.size,), dtype=np.float32)


class RefineEnv(BaseEnv):
    """`RefineCore` as a PettingZoo environment; the options are those of the two."""

    kind, usual_name = RefineCore, "refine_v0"
