"""`SingleAgent`: the same environments for learners that know one agent, as a Gymnasium `Env`."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Space

from dse.env.base import BaseEnv
from dse.env.masks import Mask
from dse.env.observation import Vector
from dse.errors import ConfigError, listed


class SingleAgent(gymnasium.Env[Vector, Any]):
    """One agent that owns every parameter (granularity "all"), with a number as reward.

    The number is the reward vector weighted by the preference of the episode, which the observation shows;
    `info["reward_vector"]` keeps the vector. ConfigError for an environment of several agents.
    """

    def __init__(self, env: BaseEnv) -> None:
        if len(env.possible_agents) != 1:
            raise ConfigError(
                f"a single agent needs an environment of one, not of {listed(env.possible_agents)}: make it "
                'with granularity="all"',
                key="granularity",
            )
        self.env = env
        self.agent = env.possible_agents[0]
        self.metadata = {**env.metadata, "render_fps": 1}  # Gymnasium wants a pace, text or not
        self.render_mode = env.render_mode
        self.observation_space: Space[Vector] = env.observation_space(self.agent)
        self.action_space = env.action_space(self.agent)

    @property
    def reward_space(self) -> Box:
        """Bounds of the reward vector (R,)."""
        return self.env.reward_space(self.agent)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Vector, dict[str, Any]]:
        """As the environment's."""
        super().reset(seed=seed)
        observations, infos = self.env.reset(seed=seed, options=options)
        return observations[self.agent], infos[self.agent]

    def step(self, action: Any) -> tuple[Vector, float, bool, bool, dict[str, Any]]:
        """As the environment's, with a number as reward."""
        observations, rewards, terminated, truncated, infos = self.env.step({self.agent: action})
        vector, info = rewards[self.agent], infos[self.agent]
        weights = self.env.weights if len(vector) > 1 else np.ones(1, dtype=np.float32)
        info["reward_vector"] = vector
        number = float(weights @ vector)
        return observations[self.agent], number, terminated[self.agent], truncated[self.agent], info

    def action_masks(self) -> Mask:
        """All choices of all parameters, one parameter behind the other; False is forbidden."""
        return self.env.action_mask(self.agent)

    def render(self) -> Any:
        """As the environment's."""
        return self.env.render()

    def close(self) -> None:
        """Nothing is held open."""
        self.env.close()
