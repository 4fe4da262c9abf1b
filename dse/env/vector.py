"""`VectorEnv`: many episodes of one environment at once, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Space
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from dse.env.core import Core
from dse.env.errors import EpisodeError
from dse.env.masks import Mask
from dse.env.observation import Vector
from dse.env.ownership import known_agent
from dse.errors import ConfigError

Flags = NDArray[np.bool_]
Stepped = tuple[dict[str, Vector], dict[str, Vector], Flags, Flags, dict[str, Any]]


class VectorEnv:
    """n environments that step together; what they have to simulate runs in one batch, in threads.

    Everything is as in `BaseEnv`, with a leading axis of n: observations and rewards are mappings of agents
    to float32 (n, ...), actions mappings of agents to whole numbers (n, parameters), or (n,) of an agent with
    one parameter. Episodes begin and end together for all agents, so ends are arrays (n,).

    An episode that ended is begun anew in the same step (Gymnasium's `AutoresetMode.SAME_STEP`): observations
    are those of the new episode, and `infos` has "final_observation" (mapping of agents, (n, ...)),
    "final_state" (n, S) and "final_info" (as `infos`, before the new episodes); their rows count where
    "ended" (n,) is True. Member i draws what a `BaseEnv` with the seed `seed + i` draws.
    """

    def __init__(self, core: Core, *, name: str) -> None:
        self.core, self.n_envs = core, core.n
        self.problem, self.contexts, self.owned = core.problem, core.contexts, core.owned
        self.metadata = {"name": name, "autoreset_mode": AutoresetMode.SAME_STEP}
        self.possible_agents = list(core.owned)
        self._begun = False
        self._batched = {
            agent: (batch_space(core.view.spaces[agent], core.n), batch_space(space, core.n))
            for agent, space in core.actions.spaces.items()
        }

    def single_observation_space(self, agent: str) -> Space[Any]:
        """Of one member. LookupFailed for an unknown agent, as all below."""
        return self.core.view.spaces[self._known(agent)]

    def single_action_space(self, agent: str) -> Space[Any]:
        """Of one member."""
        return self.core.actions.spaces[self._known(agent)]

    def observation_space(self, agent: str) -> Space[Any]:
        """Of all members: the same object at every call."""
        return self._batched[self._known(agent)][0]

    def action_space(self, agent: str) -> Space[Any]:
        """Of all members: the same object at every call, so that it can be seeded."""
        return self._batched[self._known(agent)][1]

    def reward_space(self, agent: str) -> Box:
        """Bounds of a member's reward vector (R,)."""
        self._known(agent)
        return self.core.reward_space

    @property
    def state_space(self) -> Box:
        """Of one row of `state()`."""
        return self.core.view.state_space

    def reset(
        self, seed: int | Sequence[int] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Vector], dict[str, Any]]:
        """Begin all episodes. seed: of member 0, or one for each; options: as `BaseEnv.reset`, for all."""
        if seed is not None:
            for member, one in enumerate(self._seeds(seed)):
                self.core.seed(member, one)
        self.core.begin(np.arange(self.n_envs), options or {})
        self._begun = True
        return self.core.view.observations(self.core.states()), {"workload": self.core.works.copy()}

    def step(self, actions: Mapping[str, Any]) -> Stepped:
        """All members take a step; observations, rewards, terminated (n,), truncated (n,), infos.

        Raises EpisodeError before the first reset, ActionError for actions outside their spaces.
        """
        core = self.core
        self._need_episodes()
        paid = core.step(core.actions.rows(actions, self.n_envs)).astype(np.float32)
        terminated, truncated = core.ends()
        infos, states = core.infos(), core.states()
        ended = terminated | truncated
        if ended.any():
            final = {
                "final_observation": core.view.observations(states),
                "final_state": states,
                "final_info": infos,
                "ended": ended,
            }
            core.begin(np.flatnonzero(ended), {})
            infos, states = {**core.infos(), **final}, core.states()
        rewards = {
            agent: paid[:, min(place, paid.shape[1] - 1)].copy()
            for place, agent in enumerate(self.possible_agents)
        }
        return core.view.observations(states), rewards, terminated, truncated, infos

    def action_masks(self) -> dict[str, Mask]:
        """Agent to (n, choices): all choices of its parameters, one parameter behind the other."""
        self._need_episodes()
        members = range(self.n_envs)
        return {
            agent: np.stack([self.core.mask(agent, member) for member in members]) for agent in self.owned
        }

    def state(self) -> Vector:
        """(n, S): what all agents see together."""
        self._need_episodes()
        return self.core.states()

    def close(self) -> None:
        """Let go of what the core holds."""
        self.core.close()

    def _seeds(self, seed: int | Sequence[int]) -> list[int]:
        if isinstance(seed, int | np.integer):
            return [int(seed) + member for member in range(self.n_envs)]
        if len(seed) != self.n_envs:
            raise ConfigError(f"seed: {len(seed)} numbers for {self.n_envs} environments", key="seed")
        return list(seed)

    def _need_episodes(self) -> None:
        if not self._begun:
            raise EpisodeError(f"{self.metadata['name']}: there is no episode yet: call reset() first")

    def _known(self, agent: str) -> str:
        return known_agent(self.owned, agent, str(self.metadata["name"]))
