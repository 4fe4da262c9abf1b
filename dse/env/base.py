"""`BaseEnv`: one episode at a time, as a PettingZoo `ParallelEnv`.

It keeps MOMAland's contract for several objectives: rewards are float32 vectors and `reward_space(agent)`
describes them. All that happens in an episode is in `core`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Space
from pettingzoo import ParallelEnv

from dse.env.core import Core
from dse.env.errors import EpisodeError
from dse.env.masks import Form, Mask
from dse.env.observation import Vector
from dse.env.ownership import known_agent
from dse.env.problem import DesignProblem
from dse.env.raster import Pixels, design_pixels
from dse.env.snapshots import packed, unpacked
from dse.errors import ConfigError, InputError, listed

RENDER_MODES = ("ansi", "rgb_array")
_GAINS = ("improvement:", "saved:")
Infos = dict[str, dict[str, Any]]
Stepped = tuple[dict[str, Vector], dict[str, Vector], dict[str, bool], dict[str, bool], Infos]
_ONE = np.zeros(1, dtype=np.intp)


class BaseEnv(ParallelEnv[str, Vector, Any]):  # type: ignore[misc]
    """Agents that own parameters of one design, over a core of one member; a subclass says of which kind.

    name: in `metadata`. render_mode: None, "ansi" or "rgb_array". options: those of the kind. ConfigError for
    what does not exist.

    `reset(options=...)` takes "workload", "held_out", "weights" and "budgets" (see `Contexts.draw`) and
    ignores anything else. A seed given to `reset` determines everything that follows.
    """

    kind: Callable[..., Core]
    usual_name: str

    def __init__(
        self,
        problem: DesignProblem,
        *,
        name: str | None = None,
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        if render_mode not in (None, *RENDER_MODES):
            raise ConfigError(
                f"render_mode {render_mode!r}: expected None or one of {listed(RENDER_MODES)}",
                key="render_mode",
            )
        shown = {"render_modes": list(RENDER_MODES), "is_parallelizable": True}
        self.metadata = {"name": name or self.usual_name, **shown}
        self.render_mode = render_mode
        self.core = core = type(self).kind(problem, **options)
        self.problem, self.contexts, self.owned = problem, core.contexts, core.owned
        self.possible_agents = list(core.owned)
        self.agents: list[str] = []
        self._reward_spaces = {
            agent: Box(core.reward_space.low, core.reward_space.high, dtype=np.float32)
            for agent in self.possible_agents
        }

    @property
    def n_objectives(self) -> int:
        """M."""
        return len(self.problem.objectives)

    @property
    def weights(self) -> Vector:
        """The preference weights (M,) of the episode. EpisodeError before the first reset."""
        self._need_episode()
        return self.core.context(0).weights

    @property
    def state_space(self) -> Box:
        """The space of `state()`."""
        return self.core.view.state_space

    @property
    def reward_spaces(self) -> dict[str, Box]:
        """`reward_space` of every agent: MOMAland's conversion to turns asks for all at once."""
        return dict(self._reward_spaces)

    def observation_space(self, agent: str) -> Space[Any]:
        """The same object at every call. LookupFailed for an unknown agent, as all below."""
        return self.core.view.spaces[self._known(agent)]

    def action_space(self, agent: str) -> Space[Any]:
        """The same object at every call, so that it can be seeded."""
        return self.core.actions.spaces[self._known(agent)]

    def reward_space(self, agent: str) -> Box:
        """Bounds of the reward vector (R,)."""
        return self._reward_spaces[self._known(agent)]

    def observation_names(self, agent: str) -> tuple[str, ...]:
        """What each number of the agent's observation is, as "kind:name"."""
        return self.core.view.names_of(self._known(agent))

    def state_names(self) -> tuple[str, ...]:
        """What each number of `state()` is."""
        return self.core.view.names

    def action_mask(self, agent: str) -> Mask:
        """All choices of the agent's parameters, one parameter behind the other (see `masks`)."""
        self._known(agent)
        self._need_episode()
        return self.core.mask(agent, 0)

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Vector], Infos]:
        """Begin an episode: draw a context, and show the design that it starts from."""
        if seed is not None:
            self.core.seed(0, seed)
        self.core.begin(_ONE, options or {})
        self.agents = list(self.possible_agents)
        workload = self.problem.workloads[self.core.works[0]].name
        masks = self._masks()
        infos = {agent: {"workload": workload, "action_mask": masks[agent]} for agent in self.agents}
        return self.core.view.observations(self.state()), infos

    def step(self, actions: dict[str, Any]) -> Stepped:
        """Simulate what the actions make of the present design.

        Raises EpisodeError when no episode is under way, and ActionError for agents that do not exist or do
        not act and for actions outside their spaces.
        """
        core = self.core
        if not self.agents:
            when = "before the first reset()" if core.drawn[0] is None else "after the end of an episode"
            raise EpisodeError(f"{self.metadata['name']}: step() {when}: call reset() to begin one")
        paid = core.step(core.actions.row(actions))[0]
        agents = self.agents
        rewards = np.empty((len(agents), paid.shape[1]), dtype=np.float32)
        rewards[:] = paid
        info = core.info(0)
        infos = {agent: info.copy() for agent in agents}
        terminated, truncated = core.ends()
        over, cut = bool(terminated[0]), bool(truncated[0])
        if over or cut:
            self.agents = []
        else:
            for agent, mask in self._masks().items():
                infos[agent]["action_mask"] = mask
        return (
            core.view.observations(self.state()),
            dict(zip(agents, rewards, strict=True)),
            dict.fromkeys(agents, over),
            dict.fromkeys(agents, cut),
            infos,
        )

    def state(self) -> Vector:
        """What all agents see together, float32; the numbers are named by `state_names`."""
        self._need_episode()
        state: Vector = self.core.states()[0]
        return state

    def snapshot(self) -> bytes:
        """The whole state of the episode, random numbers to come included; `restore` goes on from it."""
        self._need_episode()
        return packed({**self._identity(), **self.core.snapshot(0), "over": not self.agents})

    def restore(self, state: bytes) -> None:
        """Go back to a snapshot of this or an equal environment. InputError for any other bytes."""
        kept = unpacked(state)
        own = self._identity()
        theirs = {key: kept.get(key) for key in own}
        if theirs != own:
            raise InputError(f"{own['environment']} cannot go on from a snapshot of another: {theirs}")
        self.core.restore(0, kept)
        self.agents = [] if kept["over"] else list(self.possible_agents)

    def render(self) -> str | Pixels | None:
        """The design beside the reference: text in mode "ansi", (H, W, 3) in "rgb_array"; else nothing.

        In pixels an objective's bar is full at a factor of e, or where an epoch saved as much as a mean epoch
        of the reference costs.
        """
        if self.render_mode is None:
            return None
        self._need_episode()
        if self.render_mode == "ansi":
            return self.core.table(0)
        told = zip(self.state_names(), self.state().tolist(), strict=True)
        gains = [value for name, value in told if name.startswith(_GAINS)]
        space = self.problem.space
        return design_pixels(space.n_values.tolist(), self.core.rows[0], self.problem.baseline_row, gains)

    def close(self) -> None:
        """Let go of what the core holds."""
        self.core.close()

    def _masks(self) -> dict[str, Form]:
        return self.core.mask_forms(0)

    def _identity(self) -> dict[str, Any]:
        """What a snapshot must share with the environment that takes it."""
        return {
            "environment": self.metadata["name"],
            "space": self.problem.space.hash,
            "objectives": [one.text for one in (*self.problem.objectives, *self.problem.bounds)],
            "workloads": [workload.hash for workload in self.problem.workloads],
        }

    def _need_episode(self) -> None:
        if self.core.drawn[0] is None:
            raise EpisodeError(f"{self.metadata['name']}: there is no episode yet: call reset() first")

    def _known(self, agent: str) -> str:
        return known_agent(self.owned, agent, str(self.metadata["name"]))
