"""PPO (Schulman et al., arXiv 1707.06347) for the agents of an environment, each with networks of its own.

    env = dse.make("dram/live-v0", workload="synthetic:query?n=3000", reward="linear", n_envs=16)
    learner = Ppo(env, np.random.SeedSequence(1))
    train(env, learner, 100_000, seed=1, horizon=32)

With `critic="own"` every agent judges by what it sees itself: IPPO (de Witt et al., arXiv 2011.09533); with
"state" by what all see together: MAPPO (Yu et al., arXiv 2103.01955). An agent's action is one choice for
each of its parameters, drawn independently; the ratio that is clipped is that of the whole action.
Observations and returns are scaled by running means and spreads. One agent alone is PPO as published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.learning.advantages import advantages, standardised
from agents.learning.layout import TeamLayout
from agents.learning.networks import outputs, perceptrons
from agents.learning.policies import BARRED, LAST_GAIN, clipped_gain, sample
from agents.learning.scaling import Scale
from agents.options import option, read_options
from agents.torch_state import (
    adam_state,
    arrays,
    descend,
    one_thread,
    put_back,
    restore_adam,
    torch_generator,
)
from dse.env.masks import Mask
from dse.env.moves import Numbers
from dse.env.observation import Vector
from dse.env.rollout import Rollout
from dse.env.vector import VectorEnv
from dse.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Options:
    """Networks, update and credit."""

    hidden: int = option(64, low=1, meaning="width of the hidden layers of each network")
    layers: int = option(2, low=1, meaning="hidden layers of each network")
    learning_rate: float = option(1e-3, low=1e-6, high=1.0, meaning="step size of Adam")
    epochs: int = option(4, low=1, meaning="passes over a rollout")
    minibatches: int = option(4, low=1, meaning="updates in a pass")
    clip: float = option(0.2, low=0.01, high=1.0, meaning="how far an agent's likelihood ratio may move")
    entropy: float = option(0.01, low=0.0, meaning="bonus for entropy, as a share of the full one")
    discount: float = option(0.97, low=0.0, high=1.0, meaning="worth of a reward one step later")
    trace: float = option(0.95, low=0.0, high=1.0, meaning="lambda of generalised advantage estimation")
    critic: str = option("own", choices=("own", "state"), meaning="what values are judged by")


class Ppo:
    """Implements `Learner` for the agents of `env`; see the module text.

    Raises ConfigError for an unknown option, and for rewards that are vectors.
    """

    def __init__(self, env: VectorEnv, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = read_options(Options, options, algorithm="ppo", role="learner")
        self.agents = tuple(env.possible_agents)
        for agent in self.agents:
            _want_one_reward(env, agent)
        self._layout = TeamLayout(env)
        self._rng = torch_generator(seed)
        n, hidden = len(self.agents), [self.options.hidden] * self.options.layers
        seen = self._layout.n_observed
        judged = env.state_space.shape[0] if self.options.critic == "state" else seen
        head = self._layout.allowed[0].numel()
        with one_thread():
            self._actor = perceptrons(n, (seen, *hidden, head), LAST_GAIN, self._rng)
            self._critic = perceptrons(n, (judged, *hidden, 1), 1.0, self._rng)
        self._adam = torch.optim.Adam(
            [*self._actor, *self._critic], lr=self.options.learning_rate, eps=1e-5, fused=True
        )
        self._seen, self._judged = Scale(n, seen), Scale(n, judged)
        self._returns = Scale(n, 1)
        self._diagnostics: dict[str, float] = {}

    def act(
        self, observations: Mapping[str, Vector], masks: Mapping[str, Mask], *, greedy: bool = False
    ) -> dict[str, Numbers]:
        """See `Learner.act`."""
        with one_thread(), torch.no_grad():
            seen = self._layout.observations(observations)
            log_probabilities = self._log_probabilities(self._seen.scaled(seen), self._layout.masks(masks))
            chosen = log_probabilities.argmax(-1) if greedy else sample(log_probabilities, self._rng)
        return self._layout.actions(chosen.numpy())

    def learn(self, rollout: Rollout) -> None:
        """Some passes over the rollout; see `Learner.learn`."""
        with one_thread():
            batch = self._batch(rollout)
            size = -(-batch.seen.shape[1] // self.options.minibatches)
            for _ in range(self.options.epochs):
                order = torch.randperm(batch.seen.shape[1], generator=self._rng)
                for part in torch.split(order, size):
                    descend(self._adam, self._loss(batch, part))
            self._seen.learn(batch.raw)
            self._judged.learn(batch.raw_judged)

    def diagnostics(self) -> dict[str, float]:
        """Of the last update: entropy (share of the most), approx_kl (nats, an agent), clip_fraction and
        value_error (mean square, in spreads of the returns)."""
        return dict(self._diagnostics)

    def state(self) -> dict[str, Any]:
        """Networks, optimiser, scales and generator: all that decides what comes next."""
        return {
            "networks": arrays([*self._actor, *self._critic]),
            "adam": adam_state(self._adam),
            "scales": [scale.state() for scale in (self._seen, self._judged, self._returns)],
            "torch_rng": self._rng.get_state().numpy().copy(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state()` was taken (bitwise on the same machine and torch build)."""
        put_back([*self._actor, *self._critic], state["networks"])
        restore_adam(self._adam, state["adam"])
        for scale, saved in zip((self._seen, self._judged, self._returns), state["scales"], strict=True):
            scale.load(saved)
        self._rng.set_state(torch.from_numpy(np.array(state["torch_rng"])))

    # -- inside ----------------------------------------------------------------------------------------------

    def _log_probabilities(self, seen: Tensor, masks: Tensor) -> Tensor:
        """(A, B, P, V) of scaled observations (A, B, O) and masks (A, B, P, V)."""
        logits = outputs(self._actor, seen).view(masks.shape)
        return torch.log_softmax(logits.masked_fill(~masks, BARRED), dim=-1)

    def _values(self, judged: Tensor) -> Tensor:
        """(A, B) of scaled observations or states (A, B, J), in the unit of the rewards."""
        return self._returns.unscaled(outputs(self._critic, judged)).squeeze(2)

    def _batch(self, rollout: Rollout) -> _Batch:
        """The rollout as tensors, with advantages and returns; A agents, B = T * n cases."""
        layout, opts = self._layout, self.options
        steps, n = rollout.shape
        raw = layout.observations(rollout.observations).flatten(1, 2)
        if opts.critic == "state":
            judged, later = (
                torch.from_numpy(states).flatten(0, 1).expand(len(self.agents), -1, -1)
                for states in (rollout.states, rollout.following_states)
            )
        else:
            judged, later = raw, layout.observations(rollout.following).flatten(1, 2)
        masks = layout.masks(rollout.masks).flatten(1, 2)
        actions = layout.slots(rollout.actions).flatten(1, 2)
        rewards = torch.stack([torch.from_numpy(rollout.rewards[agent][..., 0]) for agent in self.agents])
        shape = (len(self.agents), steps, n)
        with torch.no_grad():
            scaled_judged, seen = self._judged.scaled(judged), self._seen.scaled(raw)
            before = _of(self._log_probabilities(seen, masks), actions)
            values = self._values(scaled_judged).view(shape)
            following = self._values(self._judged.scaled(later)).view(shape)
        gained = advantages(rewards, values, following, rollout, discount=opts.discount, trace=opts.trace)
        returns = (gained + values).flatten(1)
        self._returns.learn(returns.unsqueeze(2))
        wanted = self._returns.scaled(returns.unsqueeze(2)).squeeze(2)
        return _Batch(raw, judged, seen, scaled_judged, masks, actions, before, standardised(gained), wanted)

    def _loss(self, batch: _Batch, part: Tensor) -> Tensor:
        """Clipped surrogate of every agent, entropy bonus, and the error of the critics."""
        opts = self.options
        log_probabilities = self._log_probabilities(batch.seen[:, part], batch.masks[:, part])
        log_ratio = _of(log_probabilities, batch.actions[:, part]) - batch.before[:, part]
        ratio, advantage = log_ratio.exp(), batch.advantages[:, part]
        gain = clipped_gain(ratio, advantage, opts.clip).mean(1).sum()
        spread = self._layout.spread(log_probabilities)
        judged = outputs(self._critic, batch.scaled_judged[:, part]).squeeze(2)
        error = (judged - batch.returns[:, part]).square().mean(1)
        self._diagnostics = {
            "entropy": spread.mean().item(),
            "approx_kl": (ratio - 1.0 - log_ratio).mean().item(),
            "clip_fraction": ((ratio - 1.0).abs() > opts.clip).float().mean().item(),
            "value_error": error.mean().item(),
        }
        return 0.5 * error.sum() - gain - opts.entropy * spread.sum()


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """A agents, B cases. raw, raw_judged: as seen; seen, scaled_judged: scaled. before: log-probabilities
    (A, B) of the actions when they were taken. returns: scaled."""

    raw: Tensor
    raw_judged: Tensor
    seen: Tensor
    scaled_judged: Tensor
    masks: Tensor
    actions: Tensor
    before: Tensor
    advantages: Tensor
    returns: Tensor


def _of(log_probabilities: Tensor, actions: Tensor) -> Tensor:
    """(A, B) of whole actions (A, B, P)."""
    return log_probabilities.gather(-1, actions.unsqueeze(-1)).squeeze(-1).sum(-1)


def _want_one_reward(env: VectorEnv, agent: str) -> None:
    size = env.reward_space(agent).shape[0]
    if size != 1:
        raise ConfigError(
            f"learner 'ppo': the reward of agent {agent!r} has {size} components, and PPO learns from one "
            "number: make the environment with a scalar mode, such as reward='linear'",
            key="reward",
        )
