"""SAC (Haarnoja et al., arXiv 1801.01290 and 1812.05905) for agents that act with real numbers.

    how = {"granularity": "all", "reward": "linear", "binning": "even"}
    env = dse.make("dram/design-v0", workload="sample:sort", n_envs=32, **how)
    learner = GaussianSac(env, np.random.SeedSequence(1))
    train(env, learner, 10_000, seed=1, horizon=1)

A normal distribution squashed by tanh, twin critics of observation and action with targets that follow them
slowly, the replay of what was seen, and a fixed weight of the entropy (`temperature`), in spreads of the
rewards; every agent learns alone. In episodes of one step nothing follows, and the critics are regressions.
The searcher `agents.learning.sac` knows a design for choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.learning.gaussian import RealTeam, squashed_log_density
from agents.learning.networks import outputs, perceptrons
from agents.learning.policies import LAST_GAIN
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

_LOG_SPREADS = (-5.0, 2.0)
_COLUMNS = ("seen", "numbers", "rewards", "following", "terminated")


@dataclass(frozen=True, slots=True)
class Options:
    """Networks, replay and exploration."""

    hidden: int = option(64, low=1, meaning="width of the hidden layers of each network")
    layers: int = option(2, low=1, meaning="hidden layers of each network")
    learning_rate: float = option(1e-3, low=1e-6, high=1.0, meaning="step size of Adam")
    updates: int = option(8, low=1, meaning="steps of the optimisers a rollout")
    minibatch: int = option(128, low=1, meaning="cases replayed a step")
    replay: int = option(100_000, low=1, meaning="latest cases that are replayed")
    warmup: int = option(256, low=1, meaning="cases before the first update, drawn evenly from [-1, 1]")
    temperature: float = option(0.1, low=0.0, meaning="weight of the entropy, in spreads of the rewards")
    discount: float = option(0.97, low=0.0, high=1.0, meaning="worth of a reward one step later")
    follow: float = option(0.005, low=0.0, high=1.0, meaning="how fast the target critics follow")


class GaussianSac:
    """Implements `Learner`; see the module text. Raises ConfigError as `RealTeam`, or for options."""

    def __init__(self, env: VectorEnv, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = opts = read_options(Options, options, algorithm="gaussian_sac", role="learner")
        self._team = team = RealTeam(env, "gaussian_sac")
        n = len(team.agents)
        self._rng = torch_generator(seed)
        hidden = [opts.hidden] * opts.layers
        judged = team.n_seen + team.n_numbers
        with one_thread():
            self._actor = perceptrons(n, (team.n_seen, *hidden, 2 * team.n_numbers), LAST_GAIN, self._rng)
            self._critics = perceptrons(2 * n, (judged, *hidden, 1), 1.0, self._rng)
        self._targets = [weights.detach().clone() for weights in self._critics]
        self._actor_adam, self._critic_adam = (
            torch.optim.Adam(weights, lr=opts.learning_rate, eps=1e-5, fused=True)
            for weights in (self._actor, self._critics)
        )
        self._scale, self._paid = Scale(n, team.n_seen), Scale(n, 1)
        self._met: dict[str, Tensor] = {name: torch.zeros(0) for name in _COLUMNS}
        self._cases = 0
        self._diagnostics: dict[str, float] = {}

    def act(
        self, observations: Mapping[str, Vector], masks: Mapping[str, Mask], *, greedy: bool = False
    ) -> dict[str, NDArray[Any]]:
        """See `Learner.act`; real numbers (n, P) within [-1, 1]."""
        with one_thread(), torch.no_grad():
            seen = self._team.seen(observations)
            if self._cases < self.options.warmup and not greedy:
                shape = (*seen.shape[:2], self._team.n_numbers)
                return self._team.actions(2.0 * torch.rand(shape, generator=self._rng) - 1.0)
            mean, log_spread = self._policy(seen)
            if not greedy:
                mean = mean + log_spread.exp() * torch.randn(mean.shape, generator=self._rng)
        return self._team.actions(torch.tanh(mean))

    def learn(self, rollout: Rollout) -> None:
        """Remember the rollout and replay; see `Learner.learn`."""
        with one_thread():
            self._remember(rollout)
            if self._cases < self.options.warmup:
                return
            for _ in range(self.options.updates):
                self._update()

    def diagnostics(self) -> dict[str, float]:
        """Of the last update: spread (mean, before tanh), entropy (nats, an estimate) and value_error (mean
        square, in spreads of the rewards). Empty before the first one."""
        return dict(self._diagnostics)

    def state(self) -> dict[str, Any]:
        """Networks, optimisers, replay, scales and generator: all that decides what comes next."""
        return {
            "networks": arrays([*self._actor, *self._critics, *self._targets]),
            "adam": [adam_state(self._actor_adam), adam_state(self._critic_adam)],
            "scales": [self._scale.state(), self._paid.state()],
            "replay": {name: column.numpy().copy() for name, column in self._met.items()},
            "cases": self._cases,
            "torch_rng": self._rng.get_state().numpy().copy(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state()` was taken (bitwise on the same machine and torch build)."""
        put_back([*self._actor, *self._critics, *self._targets], state["networks"])
        for adam, saved in zip((self._actor_adam, self._critic_adam), state["adam"], strict=True):
            restore_adam(adam, saved)
        for scale, numbers in zip((self._scale, self._paid), state["scales"], strict=True):
            scale.load(numbers)
        self._met = {name: torch.from_numpy(np.array(state["replay"][name])) for name in _COLUMNS}
        self._cases = int(state["cases"])
        self._rng.set_state(torch.from_numpy(np.array(state["torch_rng"])))

    def _remember(self, rollout: Rollout) -> None:
        team = self._team
        terminated = torch.from_numpy(rollout.terminated.astype(np.float32)).flatten()
        new = {
            "seen": team.seen(rollout.observations),
            "numbers": team.numbers(rollout.actions),
            "rewards": team.rewards(rollout.rewards).flatten(1).clone(),
            "following": team.seen(rollout.following),
            "terminated": terminated.expand(len(team.agents), -1),
        }
        self._scale.learn(new["seen"])
        self._paid.learn(new["rewards"].unsqueeze(2))
        kept = self.options.replay
        known = self._met if self._cases else {name: column[:, :0] for name, column in new.items()}
        self._met = {name: torch.cat([known[name], column], dim=1)[:, -kept:] for name, column in new.items()}
        self._cases += len(terminated)

    def _policy(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """(A, B, P) means and logarithms of the spreads, before tanh, of observations (A, B, O)."""
        mean, log_spread = outputs(self._actor, self._scale.scaled(seen)).chunk(2, dim=2)
        return mean, log_spread.clamp(*_LOG_SPREADS)

    def _drawn(self, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(A, B, P) actions, (A, B) their log-densities, (A, B, P) logarithms of the spreads."""
        mean, log_spread = self._policy(seen)
        before = mean + log_spread.exp() * torch.randn(mean.shape, generator=self._rng)
        return torch.tanh(before), squashed_log_density(before, mean, log_spread), log_spread

    def _judged(self, critics: list[Tensor], seen: Tensor, numbers: Tensor) -> Tensor:
        """(2, A, B) of observations (A, B, O) and actions (A, B, P)."""
        both = torch.cat([self._scale.scaled(seen), numbers], dim=2)
        judged = outputs(critics, both.repeat(2, 1, 1), torch.relu)
        return judged.view(2, *both.shape[:2])

    def _update(self) -> None:
        opts, met = self.options, self._met
        picked = torch.randint(met["rewards"].shape[1], (opts.minibatch,), generator=self._rng)
        case = {name: column[:, picked] for name, column in met.items()}
        seen, spread = case["seen"], self._paid.spread[:, :, 0]
        with torch.no_grad():
            numbers, log_density, _ = self._drawn(case["following"])
            least = self._judged(self._targets, case["following"], numbers).min(dim=0).values
            later = opts.discount * (1.0 - case["terminated"]) * (least - opts.temperature * log_density)
            wanted = case["rewards"] / spread + later
        error = (self._judged(self._critics, seen, case["numbers"]) - wanted).square().mean(dim=2).sum()
        descend(self._critic_adam, error)
        numbers, log_density, log_spread = self._drawn(seen)
        worth = self._judged(self._critics, seen, numbers).min(dim=0).values
        descend(self._actor_adam, (opts.temperature * log_density - worth).mean(dim=1).sum())
        with torch.no_grad():
            for target, weights in zip(self._targets, self._critics, strict=True):
                target.lerp_(weights, opts.follow)
        self._diagnostics = {
            "spread": log_spread.exp().mean().item(),
            "entropy": -log_density.mean().item(),
            "value_error": error.item() / (2.0 * len(self._team.agents)),
        }
