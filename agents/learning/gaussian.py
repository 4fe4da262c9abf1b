"""What learners with a Gaussian policy share: densities, and the agents that they act for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box
from numpy.typing import NDArray
from torch import Tensor

from dse.env.observation import Vector
from dse.env.vector import VectorEnv
from dse.errors import ConfigError

_HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)


def gaussian_log_density(numbers: Tensor, mean: Tensor, log_spread: Tensor) -> Tensor:
    """(..., B) of independent normals: numbers and mean (..., B, P), log_spread of the same or (P,)."""
    apart = (numbers - mean) * (-log_spread).exp()
    each = -0.5 * apart.square() - log_spread - _HALF_LOG_TAU
    return each.sum(-1)


def gaussian_entropy(log_spread: Tensor) -> Tensor:
    """Nats (...) of independent normals, log_spread (..., P)."""
    return (log_spread + _HALF_LOG_TAU + 0.5).sum(-1)


def squashed_log_density(numbers: Tensor, mean: Tensor, log_spread: Tensor) -> Tensor:
    """(..., B) of tanh(numbers), numbers drawn as in `gaussian_log_density`."""
    bent = 2.0 * (math.log(2.0) - numbers - torch.nn.functional.softplus(-2.0 * numbers))  # log(1 - tanh^2)
    return gaussian_log_density(numbers, mean, log_spread) - bent.sum(-1)


class RealTeam:
    """Agents of `env` that act with real numbers, side by side in one tensor: A of them, each with P numbers.

    O: numbers seen by each, at least one (a 0 where nothing is seen). Raises ConfigError for actions that are
    no real numbers, for agents that see or act with different numbers of them, and for rewards that are
    vectors.
    """

    def __init__(self, env: VectorEnv, learner: str) -> None:
        self.agents = tuple(env.possible_agents)
        shapes = set()
        for agent in self.agents:
            acting = env.single_action_space(agent)
            if not isinstance(acting, Box):
                raise ConfigError(
                    f"learner {learner!r} acts with real numbers, and the actions of agent {agent!r} are "
                    f"{acting}: make the environment with binning='even'",
                    key="binning",
                )
            size = env.reward_space(agent).shape[0]
            if size != 1:
                raise ConfigError(
                    f"learner {learner!r}: the reward of agent {agent!r} has {size} components, and it "
                    "learns from one number: make the environment with a scalar reward, such as 'linear'",
                    key="reward",
                )
            seen = env.single_observation_space(agent).shape or (0,)
            shapes.add((max(1, seen[0]), acting.shape[0]))
        if len(shapes) != 1:
            raise ConfigError(
                f"learner {learner!r}: its agents must see and act with equally many numbers: make the "
                "environment with granularity='all'",
                key="granularity",
            )
        ((self.n_seen, self.n_numbers),) = shapes

    def seen(self, observations: Mapping[str, Vector]) -> Tensor:
        """(A, B, O) of (..., own numbers), B cases."""
        stacked = np.stack([observations[agent] for agent in self.agents]).astype(np.float32)
        if stacked.shape[-1] == 0:
            stacked = np.zeros((*stacked.shape[:-1], 1), dtype=np.float32)
        return torch.from_numpy(stacked.reshape(len(self.agents), -1, self.n_seen))

    def numbers(self, actions: Mapping[str, NDArray[Any]]) -> Tensor:
        """(A, B, P) of (..., P)."""
        stacked = np.stack([actions[agent] for agent in self.agents]).astype(np.float32)
        return torch.from_numpy(stacked.reshape(len(self.agents), -1, self.n_numbers))

    def rewards(self, rewards: Mapping[str, Vector]) -> Tensor:
        """(A, T, n) of (T, n, 1)."""
        return torch.from_numpy(np.stack([rewards[agent][..., 0] for agent in self.agents]))

    def actions(self, drawn: Tensor) -> dict[str, NDArray[Any]]:
        """Agent to (B, P), of (A, B, P)."""
        return dict(zip(self.agents, drawn.numpy(), strict=True))
