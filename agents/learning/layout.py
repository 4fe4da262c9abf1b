"""`TeamLayout`: agents that see and choose different numbers of things, side by side in one tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import MultiDiscrete
from torch import Tensor

from dse.env.masks import Mask
from dse.env.moves import Numbers
from dse.env.observation import Vector
from dse.env.vector import VectorEnv


class TeamLayout:
    """Of the agents of `env`, A of them: O numbers seen, P parameters and V choices at most.

    Missing numbers are 0; a missing parameter has one choice, 0. allowed: (A, P, V) the choices there are.
    """

    def __init__(self, env: VectorEnv) -> None:
        self._agents = tuple(env.possible_agents)
        self._choices = {agent: _choices(env, agent) for agent in self._agents}
        sizes = [env.single_observation_space(agent).shape or (0,) for agent in self._agents]
        self.n_observed = max(1, *(size[0] for size in sizes))
        width = max(len(choices) for choices in self._choices.values())
        most = max(int(choices.max()) for choices in self._choices.values())
        self.allowed = torch.zeros(len(self._agents), width, most, dtype=torch.bool)
        self.allowed[:, :, 0] = True
        for place, choices in enumerate(self._choices.values()):
            for parameter, number in enumerate(choices.tolist()):
                self.allowed[place, parameter, :number] = True
        counts = self.allowed.sum(2).numpy()
        self._full = torch.from_numpy(np.log(np.maximum(counts, 2)).astype(np.float32))
        self._real = torch.tensor([len(choices) for choices in self._choices.values()])

    def observations(self, observations: Mapping[str, Vector]) -> Tensor:
        """(A, ..., O) of (..., own numbers)."""
        leading = observations[self._agents[0]].shape[:-1]
        found = np.zeros((len(self._agents), *leading, self.n_observed), dtype=np.float32)
        for place, agent in enumerate(self._agents):
            seen = observations[agent]
            found[place, ..., : seen.shape[-1]] = seen
        return torch.from_numpy(found)

    def masks(self, masks: Mapping[str, Mask]) -> Tensor:
        """(A, ..., P, V) of (..., own choices)."""
        leading = masks[self._agents[0]].shape[:-1]
        found = self.allowed.view(len(self._agents), *(1,) * len(leading), *self.allowed.shape[1:])
        found = found.repeat(1, *leading, 1, 1)
        for place, agent in enumerate(self._agents):
            mine = torch.from_numpy(np.ascontiguousarray(masks[agent]))
            found[place][..., self.allowed[place] & self._exists(place)] = mine
        return found

    def slots(self, actions: Mapping[str, Numbers]) -> Tensor:
        """(A, ..., P) of (..., own parameters)."""
        leading = actions[self._agents[0]].shape[:-1]
        found = torch.zeros(len(self._agents), *leading, self.allowed.shape[1], dtype=torch.int64)
        for place, agent in enumerate(self._agents):
            found[place][..., : len(self._choices[agent])] = torch.from_numpy(actions[agent])
        return found

    def actions(self, chosen: Numbers) -> dict[str, Numbers]:
        """Agent to (n, own parameters), of (A, n, P)."""
        parts = zip(self._choices.items(), chosen, strict=True)
        return {agent: mine[:, : len(choices)] for (agent, choices), mine in parts}

    def spread(self, log_probabilities: Tensor) -> Tensor:
        """(A,) mean entropy of an agent's choices, as a share of the most that they could have."""
        entropy = -(log_probabilities.exp() * log_probabilities).sum(-1).mean(1)
        return (entropy / self._full).sum(1) / self._real

    def _exists(self, place: int) -> Tensor:
        """(P, 1) parameters that the agent has."""
        return (torch.arange(self.allowed.shape[1]) < self._real[place]).unsqueeze(1)


def _choices(env: VectorEnv, agent: str) -> Numbers:
    """(parameters,) numbers of choices."""
    space: Any = env.single_action_space(agent)
    numbers = space.nvec if isinstance(space, MultiDiscrete) else [space.n]
    return np.asarray(numbers, dtype=np.int64)
