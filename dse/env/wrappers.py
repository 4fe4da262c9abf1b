"""Wrappers around environments with vector rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from pettingzoo import ParallelEnv
from pettingzoo.utils import BaseParallelWrapper

from dse.env.masks import Form, Mask
from dse.errors import ConfigError


class LinearReward(BaseParallelWrapper[str, Any, Any]):  # type: ignore[misc]
    """Makes each agent's reward a number: the dot product of its reward vector with fixed weights.

    weights: (M,) for all agents, or one such vector an agent. They are used as given and need not sum to 1.
    Raises ConfigError when their number is not that of the rewards.
    """

    def __init__(
        self, env: ParallelEnv[str, Any, Any], weights: Sequence[float] | Mapping[str, Sequence[float]]
    ) -> None:
        super().__init__(env)
        agents = env.possible_agents
        each = weights if isinstance(weights, Mapping) else dict.fromkeys(agents, weights)
        self._weights = {agent: _checked(each, agent, env) for agent in agents}

    def reward_space(self, agent: str) -> Box:
        """Bounds of the number."""
        space, weights = self.env.reward_space(agent), self._weights[agent]
        ends = np.stack([space.low * weights, space.high * weights])
        low, high = ends.min(axis=0).sum(), ends.max(axis=0).sum()
        return Box(np.float32(low), np.float32(high), (), dtype=np.float32)

    def step(self, actions: dict[str, Any]) -> Any:
        """As the environment's, with numbers as rewards; `infos[agent]["reward_vector"]` keeps the vector."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        for agent, reward in rewards.items():
            infos[agent]["reward_vector"] = reward
        totals = {agent: float(np.dot(self._weights[agent], reward)) for agent, reward in rewards.items()}
        return observations, totals, terminations, truncations, infos


class MaskInfos(BaseParallelWrapper[str, Any, Any]):  # type: ignore[misc]
    """Leaves nothing in `infos` but the action mask, as one array of booleans.

    For libraries that make tensors of `infos` (TorchRL, BenchMARL): they take neither text nor tuples, and
    expect the keys of the first `reset` in every step. The mask is (choices,) where an agent has one
    parameter, (parameters, choices) where all its parameters have equally many choices, and else all choices,
    one parameter behind the other: the shapes that TorchRL gives to such actions. Put it around the wrappers
    that add to `infos`.
    """

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """As the environment's, with masks as infos."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return observations, _masks_of(infos)

    def step(self, actions: dict[str, Any]) -> Any:
        """As the environment's, with masks as infos; there are none after the last step of an episode."""
        *told, infos = self.env.step(actions)
        return *told, _masks_of(infos)


def _masks_of(infos: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Mask]]:
    masked = {agent: info.get("action_mask") for agent, info in infos.items()}
    return {agent: {} if mask is None else {"action_mask": _array(mask)} for agent, mask in masked.items()}


def _array(mask: Form) -> Mask:
    parts = mask if isinstance(mask, tuple) else (mask,)
    even = len(parts) > 1 and len({len(part) for part in parts}) == 1
    return np.stack(parts).astype(np.bool_) if even else np.concatenate(parts).astype(np.bool_)


def _checked(weights: Mapping[str, Sequence[float]], agent: str, env: Any) -> Any:
    if agent not in weights:
        raise ConfigError(
            f"weights: none for agent {agent!r}; expected one vector for each agent", key="weights"
        )
    found = np.asarray(weights[agent], dtype=np.float64)
    wanted = env.reward_space(agent).shape
    if found.shape != wanted or not np.isfinite(found).all():
        raise ConfigError(
            f"weights of agent {agent!r}: got {weights[agent]!r}, expected {wanted[0]} numbers", key="weights"
        )
    return found
