"""The environment `design`: one agent a subsystem, one step a complete design, one reward an objective.

A PettingZoo `ParallelEnv` that keeps MOMAland's contract for several objectives: rewards are float32
vectors and `reward_space(agent)` describes them. All agents share the outcome. An episode is one design:
agents see the workload and the preference weights, choose the values of their own parameters, and are told
the metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete, Space
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from dse.env.descriptor import FEATURES, workload_descriptor
from dse.env.problem import IMPROVEMENT_LIMIT, DesignProblem, Outcome
from dse.errors import ConfigError, SpaceError, did_you_mean, listed
from dse.objective import Objective
from dse.point import DesignPoint
from dse.registry import make_simulator
from dse.space import IndexMatrix
from dse.subsystem import Subsystem
from traces.spec import load
from traces.trace import Trace
from traces.workload import Workload

Work = str | Trace | Workload
Vector = NDArray[np.float32]
DEFAULT_OBJECTIVES = ("read_latency_p95_ns", "energy_per_bit_pj", "served_load >= 0.95")
GRANULARITIES = ("subsystem", "parameter", "all")


def make(
    workload: Work | Sequence[Work],
    objectives: Sequence[str | Objective] = DEFAULT_OBJECTIVES,
    *,
    baseline: DesignPoint | Mapping[str, Any] | None = None,
    granularity: str = "subsystem",
    penalty: float = 2.0,
    **simulator_options: Any,
) -> DesignEnv:
    """`dse.make("dram/design-v0", workload="sample:sort", objectives=[...], device="ddr4-2400-8gb-x8")`.

    workload: one, or several of which each episode draws one. The other options are those of the simulator.
    """
    works = workload if isinstance(workload, Sequence) and not isinstance(workload, str) else [workload]
    simulator = make_simulator("dram", **simulator_options)
    problem = DesignProblem(simulator, [_workload(work) for work in works], objectives, baseline)
    return DesignEnv(problem, granularity=granularity, penalty=penalty, name="dram_design_v0")


class DesignEnv(ParallelEnv[str, Vector, Any]):  # type: ignore[misc]
    """One step is one design.

    Agents are the subsystems of the space (granularity "subsystem"), its parameters ("parameter"), or one
    agent for everything ("all"). Actions are positions of parameter values: `Discrete` for an agent with
    one parameter, else `MultiDiscrete`, in the order of the space.

    Observation of an agent, float32: workload descriptor (`FEATURES`, 0..1), preference weights (M, sum 1),
    and of the last design (the baseline after a reset) the improvement of each objective (M, see
    `improvement`), the violation of each constraint (K, -1..1) and the agent's own parameters (0..1).

    Reward, the same for every agent: the improvement over the baseline (M,) float32, minus `penalty` times
    the sum of violations (each at most 1) in every component. A design that is not simulated has no
    improvement.

    `reset(options={"weights": (M,), "workload": number})` fixes what is otherwise uniform and drawn; other
    options are ignored. A seed given to `reset` determines everything that follows.
    """

    def __init__(
        self,
        problem: DesignProblem,
        *,
        granularity: str = "subsystem",
        penalty: float = 2.0,
        name: str = "design_v0",
    ) -> None:
        self.metadata = {"name": name, "render_modes": [], "is_parallelizable": True}
        self.render_mode = None
        self.problem = problem
        self.penalty = penalty
        self._owned = {part.name: part for part in _agents(problem, granularity)}
        self.possible_agents = list(self._owned)
        self.agents: list[str] = []
        self._descriptors = [workload_descriptor(work) for work in problem.workloads]
        self._random = np.random.default_rng()
        self._workload = 0
        self._weights = np.full(self.n_objectives, 1.0 / self.n_objectives, dtype=np.float32)
        self._action_spaces = {agent: self._make_action_space(agent) for agent in self.possible_agents}
        self._observation_spaces = {
            agent: self._make_observation_space(agent) for agent in self.possible_agents
        }
        self._reward_spaces = {agent: self._make_reward_space() for agent in self.possible_agents}
        self._show_baseline()

    @property
    def n_objectives(self) -> int:
        """M."""
        return len(self.problem.objectives)

    @property
    def state_space(self) -> Box:
        """The space of `state()`."""
        return self._bounds(self.possible_agents)

    def observation_space(self, agent: str) -> Space[Any]:
        """The same object at every call."""
        return self._observation_spaces[agent]

    def action_space(self, agent: str) -> Space[Any]:
        """The same object at every call, so that it can be seeded."""
        return self._action_spaces[agent]

    def reward_space(self, agent: str) -> Box:
        """Bounds of the reward vector (M,)."""
        return self._reward_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Vector], dict[str, dict[str, Any]]]:
        """Begin an episode: draw a workload and show the baseline."""
        if seed is not None:
            self._random = np.random.default_rng(seed)
        given = options or {}
        drawn = int(self._random.integers(len(self.problem.workloads)))
        self._workload = self._checked_workload(given["workload"]) if "workload" in given else drawn
        self._weights = _preferences(given.get("weights"), self.n_objectives)
        self.agents = list(self.possible_agents)
        self._show_baseline()
        work = self.problem.workloads[self._workload].name
        return self._observations(), {agent: {"workload": work} for agent in self.agents}

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[
        dict[str, Vector], dict[str, Vector], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]
    ]:
        """Simulate the design that the actions make up, and end the episode."""
        if not self.agents:
            return {}, {}, {}, {}, {}
        self._row = self._design(actions)
        self._outcome = self.problem.outcome(self._workload, self._row)
        ended = list(self.agents)
        observations, reward = self._observations(), self._reward()
        info = self._info()
        self.agents = []
        return (
            observations,
            {agent: reward.copy() for agent in ended},
            dict.fromkeys(ended, True),
            dict.fromkeys(ended, False),
            {agent: dict(info) for agent in ended},
        )

    def state(self) -> Vector:
        """What all agents see together: like an observation, with the parameters of every agent."""
        return np.concatenate([self._shared(), *(self._own(agent) for agent in self.possible_agents)])

    def render(self) -> None:
        """There is nothing to draw: `infos` hold the metrics."""

    def close(self) -> None:
        """Nothing is held open."""

    # -- parts of a step -------------------------------------------------------------------------------------

    def _design(self, actions: Mapping[str, Any]) -> IndexMatrix:
        """Canonical row (D,) of the actions; SpaceError when one is missing or out of range."""
        missing = [agent for agent in self.agents if agent not in actions]
        if missing:
            raise SpaceError(f"no action for {listed(missing)}: one step is a whole design, every agent acts")
        row = self.problem.baseline_row.copy()
        for agent in self.agents:
            action = np.atleast_1d(np.asarray(actions[agent], dtype=np.int64))
            part = self._owned[agent]
            limits = self.problem.space.n_values[list(part.indices)]
            if action.shape != limits.shape or (action < 0).any() or (action >= limits).any():
                raise SpaceError(
                    f"action {actions[agent]!r} of agent {agent!r}: expected {len(limits)} positions below "
                    f"{limits.tolist()} (parameters {listed(part.parameters)})"
                )
            row[list(part.indices)] = action
        canonical: IndexMatrix = self.problem.space.canonical(row[None, :])[0]
        return canonical

    def _reward(self) -> Vector:
        broken = float(np.clip(self._outcome.violations, 0.0, 1.0).sum())
        failed = self._outcome.metrics is None and broken == 0.0
        return (self._outcome.improvement - self.penalty * (1.0 if failed else broken)).astype(np.float32)

    def _info(self) -> dict[str, Any]:
        """Metrics leaves out what was not measured (NaN)."""
        metrics = self._outcome.metrics
        measured = {} if metrics is None else {k: v for k, v in metrics.items() if v == v}
        violations = zip(self.problem.constraint_names, self._outcome.violations.tolist(), strict=True)
        return {
            "workload": self.problem.workloads[self._workload].name,
            "design": self.problem.space.from_indices(self._row).to_dict(),
            "metrics": measured,
            "notes": () if metrics is None else metrics.notes,
            "feasible": self._outcome.feasible,
            "violations": dict(violations),
        }

    # -- observations ----------------------------------------------------------------------------------------

    def _show_baseline(self) -> None:
        self._row = self.problem.baseline_row
        zero = np.zeros(self.n_objectives)
        self._outcome = Outcome(zero, np.zeros(self.problem.n_constraints), True, None)

    def _observations(self) -> dict[str, Vector]:
        shared = self._shared()
        return {agent: np.concatenate([shared, self._own(agent)]) for agent in self.agents}

    def _shared(self) -> Vector:
        outcome = self._outcome
        seen = [self._descriptors[self._workload], self._weights, outcome.improvement]
        return np.concatenate([*seen, np.clip(outcome.violations, -1.0, 1.0)]).astype(np.float32)

    def _own(self, agent: str) -> Vector:
        columns = list(self._owned[agent].indices)
        steps = np.maximum(self.problem.space.n_values[columns] - 1, 1)
        return (self._row[columns] / steps).astype(np.float32)

    # -- spaces ----------------------------------------------------------------------------------------------

    def _make_action_space(self, agent: str) -> Space[Any]:
        limits = self.problem.space.n_values[list(self._owned[agent].indices)]
        return Discrete(int(limits[0])) if len(limits) == 1 else MultiDiscrete(limits)

    def _make_observation_space(self, agent: str) -> Box:
        return self._bounds([agent])

    def _bounds(self, agents: Sequence[str]) -> Box:
        m, k = self.n_objectives, self.problem.n_constraints
        own = sum(len(self._owned[agent]) for agent in agents)
        low = [0.0] * len(FEATURES) + [0.0] * m + [-IMPROVEMENT_LIMIT] * m + [-1.0] * k + [0.0] * own
        high = [1.0] * len(FEATURES) + [1.0] * m + [IMPROVEMENT_LIMIT] * m + [1.0] * k + [1.0] * own
        return Box(np.asarray(low, dtype=np.float32), np.asarray(high, dtype=np.float32), dtype=np.float32)

    def _make_reward_space(self) -> Box:
        worst = -IMPROVEMENT_LIMIT - self.penalty * max(self.problem.n_constraints, 1)
        return Box(np.float32(worst), np.float32(IMPROVEMENT_LIMIT), (self.n_objectives,), dtype=np.float32)

    def _checked_workload(self, number: Any) -> int:
        if not 0 <= int(number) < len(self.problem.workloads):
            raise ConfigError(
                f"workload={number!r}: expected 0 to {len(self.problem.workloads) - 1}", key="workload"
            )
        return int(number)


def _agents(problem: DesignProblem, granularity: str) -> list[Subsystem]:
    space = problem.space
    if granularity == "subsystem":
        return list(space.subsystems)
    if granularity == "parameter":
        return [Subsystem(name, (name,), (column,)) for column, name in enumerate(space.names)]
    if granularity == "all":
        return [Subsystem("designer", space.names, tuple(range(len(space.names))))]
    hint = did_you_mean(granularity, GRANULARITIES)
    raise ConfigError(
        f"granularity {granularity!r}: expected one of {listed(GRANULARITIES)}.{hint}", key="granularity"
    )


def _workload(work: Work) -> Workload:
    return Workload.of(load(work) if isinstance(work, str) else work)


def _preferences(weights: Any, n_objectives: int) -> Vector:
    """Weights (M,) that sum to 1; even ones if none are given. ConfigError if they are not usable."""
    if weights is None:
        return np.full(n_objectives, 1.0 / n_objectives, dtype=np.float32)
    found = np.asarray(weights, dtype=np.float64)
    if (
        found.shape != (n_objectives,)
        or not np.isfinite(found).all()
        or (found < 0).any()
        or found.sum() <= 0
    ):
        raise ConfigError(
            f"weights={weights!r}: expected {n_objectives} numbers, none negative, not all zero",
            key="weights",
        )
    return np.asarray(found / found.sum(), dtype=np.float32)
