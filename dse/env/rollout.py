"""The loop in which learners meet environments: many episodes at once, to learn from or to judge by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dse.env.masks import Mask
from dse.env.observation import Vector
from dse.env.vector import Flags, VectorEnv
from dse.errors import ConfigError

Acts = NDArray[Any]
"""Whole numbers of choices, or real numbers where actions are continuous."""


@dataclass(frozen=True, slots=True, eq=False)
class Rollout:
    """T steps of n episodes. Mappings are by agent, with C choices and P parameters of its own.

    observations (T, n, O), masks (T, n, C) and actions (T, n, P) are what agents saw, might do and did;
    rewards (T, n, R) and `following` (T, n, O) what came of it. `following` is the last observation of an
    episode where that ended, not the first one of the next. terminated, truncated: (T, n). states,
    following_states: (T, n, S), the same for `VectorEnv.state`.
    """

    observations: Mapping[str, Vector]
    masks: Mapping[str, Mask]
    actions: Mapping[str, Acts]
    rewards: Mapping[str, Vector]
    following: Mapping[str, Vector]
    states: Vector
    following_states: Vector
    terminated: Flags
    truncated: Flags

    @property
    def shape(self) -> tuple[int, int]:
        """(T, n)."""
        steps, n = self.terminated.shape
        return steps, n


class Learner(Protocol):
    """Acts step by step for all agents of an environment, and learns from what came of it."""

    def act(
        self, observations: Mapping[str, Vector], masks: Mapping[str, Mask], *, greedy: bool = False
    ) -> dict[str, Acts]:
        """Agent to (n, P), for observations (n, O) and masks (n, C). greedy: nothing is drawn."""
        ...

    def learn(self, rollout: Rollout) -> None:
        """Learn from a rollout in which this learner acted."""
        ...


class Runner:
    """Lets a learner act in `env`, whose episodes go on from one rollout to the next."""

    def __init__(self, env: VectorEnv, seed: int) -> None:
        self.env = env
        self._observations, _ = env.reset(seed=seed)

    def collect(self, learner: Learner, n_steps: int) -> Rollout:
        """The next n_steps steps of every member."""
        env = self.env
        taken: list[tuple[Any, ...]] = []
        for _ in range(n_steps):
            observations, masks, states = self._observations, env.action_masks(), env.state()
            actions = learner.act(observations, masks)
            self._observations, rewards, terminated, truncated, infos = env.step(actions)
            following, following_states = self._observations, env.state()
            if "ended" in infos:
                ended, last = infos["ended"][:, None], infos["final_observation"]
                following = {agent: np.where(ended, last[agent], seen) for agent, seen in following.items()}
                following_states = np.where(ended, infos["final_state"], following_states)
            came_of_it = (rewards, following, states, following_states, terminated, truncated)
            taken.append((observations, masks, actions, *came_of_it))
        return Rollout(*(_stacked(steps) for steps in zip(*taken, strict=True)))


def train(
    env: VectorEnv,
    learner: Learner,
    n_steps: int,
    *,
    seed: int,
    horizon: int,
    told: Callable[[int, Rollout], None] | None = None,
) -> None:
    """Let the learner act and learn by turns until it has taken n_steps steps, all members together.

    horizon: steps of each member between two lessons. told: called after each lesson with the steps taken and
    the rollout. Raises ConfigError for an n_steps below one rollout.
    """
    size = horizon * env.n_envs
    if n_steps < size:
        raise ConfigError(
            f"n_steps={n_steps}: a rollout of {horizon} steps of {env.n_envs} members has {size}: expected "
            "at least that",
            key="n_steps",
        )
    runner = Runner(env, seed)
    for lesson in range(1, n_steps // size + 1):
        rollout = runner.collect(learner, horizon)
        learner.learn(rollout)
        if told is not None:
            told(lesson * size, rollout)


def returns_of(
    env: VectorEnv,
    learner: Learner,
    *,
    seed: int = 0,
    greedy: bool = True,
    options: Mapping[str, Any] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Agent to (n, R): the rewards of one whole episode of every member, added up.

    options: of `VectorEnv.reset`.
    """
    observations, _ = env.reset(seed=seed, options=options)
    running = np.ones(env.n_envs, dtype=np.bool_)
    found = {agent: np.zeros((env.n_envs, *env.reward_space(agent).shape)) for agent in env.possible_agents}
    while running.any():
        actions = learner.act(observations, env.action_masks(), greedy=greedy)
        observations, rewards, terminated, truncated, _ = env.step(actions)
        for agent, reward in rewards.items():
            found[agent][running] += reward[running]
        running &= ~(terminated | truncated)
    return found


def _stacked(steps: Sequence[Any]) -> Any:
    """Arrays, or mappings of agents to arrays, with a leading axis of steps."""
    if isinstance(steps[0], Mapping):
        return {agent: np.stack([step[agent] for step in steps]) for agent in steps[0]}
    return np.stack(steps)
