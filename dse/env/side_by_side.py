"""`SideBySide`: one `VectorEnv` as several with agents of their own, so that runs share one learner.

For learners whose agents all learn alone (`agents.learning.ppo` with `critic="own"`, `gaussian_ppo`,
`gaussian_sac`): networks of all agents cost one product a layer, so that ten runs take two to six times as
long as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Space

from dse.env.masks import Mask
from dse.env.observation import Vector
from dse.env.vector import Stepped, VectorEnv
from dse.errors import ConfigError


class SideBySide:
    """The members of `env` in `n_runs` equal parts; agents are called "RUN/AGENT", runs are counted from 0.

    Has what learners and `dse.env.rollout.Runner` use of a `VectorEnv`. All parts begin and end their
    episodes together. noise: agents see so many uniform random numbers, drawn from `seed`, instead of what
    there is to see (0: what there is). infos: of the last step, of all parts. Raises ConfigError where the
    members do not come out even.
    """

    def __init__(self, env: VectorEnv, n_runs: int, *, noise: int = 0, seed: int = 0) -> None:
        if env.n_envs % n_runs:
            raise ConfigError(f"{env.n_envs} members cannot be shared by {n_runs} runs evenly", key="n_envs")
        self._env, self._n_runs, self._noise = env, n_runs, noise
        self._random = np.random.default_rng(seed)
        self.n_envs = n = env.n_envs // n_runs
        self._members = [slice(run * n, (run + 1) * n) for run in range(n_runs)]
        self._owners = {
            f"{run}/{agent}": (run, agent) for run in range(n_runs) for agent in env.possible_agents
        }
        self.possible_agents = list(self._owners)
        self.state_space = Box(0.0, 1.0, (1,), dtype=np.float32)
        self.infos: dict[str, Any] = {}

    def single_observation_space(self, agent: str) -> Space[Any]:
        """Of one member."""
        if self._noise:
            return Box(0.0, 1.0, (self._noise,), dtype=np.float32)
        return self._env.single_observation_space(self._owners[agent][1])

    def single_action_space(self, agent: str) -> Space[Any]:
        """Of one member."""
        return self._env.single_action_space(self._owners[agent][1])

    def reward_space(self, agent: str) -> Box:
        """Bounds of a member's reward vector."""
        return self._env.reward_space(self._owners[agent][1])

    def reset(self, **given: Any) -> tuple[dict[str, Vector], dict[str, Any]]:
        """As `VectorEnv.reset`."""
        seen, self.infos = self._env.reset(**given)
        return self._shown(seen), {}

    def step(self, actions: Mapping[str, Any]) -> Stepped:
        """As `VectorEnv.step`; its infos have what ended episodes were last seen as, and no more."""
        whole = {
            agent: np.concatenate([actions[f"{run}/{agent}"] for run in range(self._n_runs)])
            for agent in self._env.possible_agents
        }
        seen, rewards, terminated, truncated, self.infos = self._env.step(whole)
        infos: dict[str, Any] = {}
        mine, shown = self._members[0], self._shown(seen)
        if "ended" in self.infos:
            last = shown if self._noise else self._split(self.infos["final_observation"])
            ended = self.infos["ended"][mine]
            infos = {"ended": ended, "final_observation": last, "final_state": self.state()}
        return shown, self._split(rewards), terminated[mine], truncated[mine], infos

    def action_masks(self) -> dict[str, Mask]:
        """As `VectorEnv.action_masks`."""
        return self._split(self._env.action_masks())

    def state(self) -> Vector:
        """(n, 1) zeros: runs have nothing in common."""
        return np.zeros((self.n_envs, 1), dtype=np.float32)

    def _split(self, whole: Mapping[str, Any]) -> dict[str, Any]:
        return {name: whole[agent][self._members[run]] for name, (run, agent) in self._owners.items()}

    def _shown(self, seen: Mapping[str, Vector]) -> dict[str, Vector]:
        if not self._noise:
            return self._split(seen)
        shape = self._n_runs, self.n_envs, self._noise
        drawn = self._random.random(shape, dtype=np.float32)
        return {name: drawn[run] for name, (run, _) in self._owners.items()}
