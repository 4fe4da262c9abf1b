"""PPO (Schulman et al., arXiv 1707.06347) for agents that act with real numbers.

    how = {"granularity": "all", "reward": "linear", "binning": "even"}
    env = dse.make("dram/design-v0", workload="sample:sort", n_envs=32, **how)
    learner = GaussianPpo(env, np.random.SeedSequence(1))
    train(env, learner, 10_000, seed=1, horizon=1)

The policy is a normal distribution a number, whose means follow from what is seen and whose spreads do not.
What it draws beyond [-1, 1] is for the environment to cut off. Every agent learns alone, with networks of its
own. With one agent this is the baseline that arXiv 2211.16385 compares teams with. Scaling and update are
those of `agents.learning.ppo`, which acts with choices; a design is better described by those.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.learning.advantages import advantages, standardised
from agents.learning.gaussian import RealTeam, gaussian_entropy, gaussian_log_density
from agents.learning.networks import outputs, perceptrons
from agents.learning.policies import LAST_GAIN, clipped_gain
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
from dse.env.observation import Vector
from dse.env.rollout import Rollout
from dse.env.vector import VectorEnv


@dataclass(frozen=True, slots=True)
class Options:
    """Networks, update and credit."""

    hidden: int = option(64, low=1, meaning="width of the hidden layers of both networks")
    layers: int = option(2, low=1, meaning="hidden layers of both networks")
    learning_rate: float = option(1e-3, low=1e-6, high=1.0, meaning="step size of Adam")
    epochs: int = option(4, low=1, meaning="passes over a rollout")
    minibatches: int = option(4, low=1, meaning="updates in a pass")
    clip: float = option(0.2, low=0.01, high=1.0, meaning="how far the likelihood ratio may move")
    entropy: float = option(0.01, low=0.0, meaning="bonus for entropy, a nat of a whole action")
    spread: float = option(0.6, low=0.01, high=10.0, meaning="first standard deviation of each number")
    discount: float = option(0.97, low=0.0, high=1.0, meaning="worth of a reward one step later")
    trace: float = option(0.95, low=0.0, high=1.0, meaning="lambda of generalised advantage estimation")


class GaussianPpo:
    """Implements `Learner`; see the module text. Raises ConfigError as `RealTeam`, or for options."""

    def __init__(self, env: VectorEnv, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = opts = read_options(Options, options, algorithm="gaussian_ppo", role="learner")
        self._team = team = RealTeam(env, "gaussian_ppo")
        n = len(team.agents)
        self._rng = torch_generator(seed)
        hidden = [opts.hidden] * opts.layers
        with one_thread():
            self._actor = perceptrons(n, (team.n_seen, *hidden, team.n_numbers), LAST_GAIN, self._rng)
            self._critic = perceptrons(n, (team.n_seen, *hidden, 1), 1.0, self._rng)
        self._log_spread = torch.full((n, 1, team.n_numbers), math.log(opts.spread)).requires_grad_()
        self._weights = [*self._actor, *self._critic, self._log_spread]
        self._adam = torch.optim.Adam(self._weights, lr=opts.learning_rate, eps=1e-5, fused=True)
        self._seen, self._returns = Scale(n, team.n_seen), Scale(n, 1)
        self._diagnostics: dict[str, float] = {}

    def act(
        self, observations: Mapping[str, Vector], masks: Mapping[str, Mask], *, greedy: bool = False
    ) -> dict[str, NDArray[Any]]:
        """See `Learner.act`; real numbers (n, P), not cut off."""
        with one_thread(), torch.no_grad():
            mean = outputs(self._actor, self._seen.scaled(self._team.seen(observations)))
            drawn = mean
            if not greedy:
                drawn = mean + self._log_spread.exp() * torch.randn(mean.shape, generator=self._rng)
        return self._team.actions(drawn)

    def learn(self, rollout: Rollout) -> None:
        """Some passes over the rollout; see `Learner.learn`."""
        with one_thread():
            batch = self._batch(rollout)
            cases = batch.seen.shape[1]
            size = -(-cases // self.options.minibatches)
            for _ in range(self.options.epochs):
                for part in torch.split(torch.randperm(cases, generator=self._rng), size):
                    descend(self._adam, self._loss(batch, part))
            self._seen.learn(batch.raw)

    def diagnostics(self) -> dict[str, float]:
        """Of the last update: spread (mean standard deviation), approx_kl (nats), clip_fraction and
        value_error (mean square, in spreads of the returns)."""
        return dict(self._diagnostics)

    def state(self) -> dict[str, Any]:
        """Networks, optimiser, scales and generator: all that decides what comes next."""
        return {
            "networks": arrays(self._weights),
            "adam": adam_state(self._adam),
            "scales": [scale.state() for scale in (self._seen, self._returns)],
            "torch_rng": self._rng.get_state().numpy().copy(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state()` was taken (bitwise on the same machine and torch build)."""
        put_back(self._weights, state["networks"])
        restore_adam(self._adam, state["adam"])
        for scale, saved in zip((self._seen, self._returns), state["scales"], strict=True):
            scale.load(saved)
        self._rng.set_state(torch.from_numpy(np.array(state["torch_rng"])))

    def _values(self, seen: Tensor) -> Tensor:
        """(A, B) of scaled observations (A, B, O), in the unit of the rewards."""
        return self._returns.unscaled(outputs(self._critic, seen)).squeeze(2)

    def _batch(self, rollout: Rollout) -> _Batch:
        opts, team = self.options, self._team
        raw, later = team.seen(rollout.observations), team.seen(rollout.following)
        numbers, rewards = team.numbers(rollout.actions), team.rewards(rollout.rewards)
        with torch.no_grad():
            seen = self._seen.scaled(raw)
            before = gaussian_log_density(numbers, outputs(self._actor, seen), self._log_spread)
            values = self._values(seen).view(rewards.shape)
            following = self._values(self._seen.scaled(later)).view(rewards.shape)
        gained = advantages(rewards, values, following, rollout, discount=opts.discount, trace=opts.trace)
        returns = (gained + values).flatten(1)
        self._returns.learn(returns.unsqueeze(2))
        wanted = self._returns.scaled(returns.unsqueeze(2)).squeeze(2)
        return _Batch(raw, seen, numbers, before, standardised(gained), wanted)

    def _loss(self, batch: _Batch, part: Tensor) -> Tensor:
        """Clipped surrogate, entropy bonus, and the error of the critic."""
        opts, seen = self.options, batch.seen[:, part]
        mean = outputs(self._actor, seen)
        log_density = gaussian_log_density(batch.numbers[:, part], mean, self._log_spread)
        log_ratio = log_density - batch.before[:, part]
        ratio, advantage = log_ratio.exp(), batch.advantages[:, part]
        gain = clipped_gain(ratio, advantage, opts.clip).mean(1).sum()
        error = (outputs(self._critic, seen).squeeze(2) - batch.returns[:, part]).square().mean(1)
        self._diagnostics = {
            "spread": self._log_spread.exp().mean().item(),
            "approx_kl": (ratio - 1.0 - log_ratio).mean().item(),
            "clip_fraction": ((ratio - 1.0).abs() > opts.clip).float().mean().item(),
            "value_error": error.mean().item(),
        }
        return 0.5 * error.sum() - gain - opts.entropy * gaussian_entropy(self._log_spread).sum()


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """A agents, B cases. raw, seen: observations (A, B, O) as they are and scaled. numbers: (A, B, P)
    actions. before: (A, B) their log-densities when they were taken. returns: scaled."""

    raw: Tensor
    seen: Tensor
    numbers: Tensor
    before: Tensor
    advantages: Tensor
    returns: Tensor
