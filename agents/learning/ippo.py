"""IPPO: independent PPO (de Witt et al., arXiv 2011.09533), one policy a subsystem, one shared outcome.

An episode is one design, so there is no bootstrapping and no critic: the outcome of a design is compared with
those of its own batch. Each design draws a preference weight vector; the agents see it, and the design's rank
in the batch *under those weights* (augmented Chebyshev over scaled costs, constraints dominating) is its
advantage. One network thus covers the whole front. Each agent clips its own likelihood ratio.

Nothing is simulated twice: a sampled design that is known, or that the space forbids, is not proposed, but
its known outcome joins the batch that the agents learn from, which keeps the batch on-policy. When hardly any
sample is new the policies have collapsed, and all agents start again from fresh weights; the archive stays.
Parameters without effect in a design (dead) get no credit for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.learning.policies import SubsystemPolicies, chosen, sample
from agents.learning.torch_state import (
    adam_state,
    arrays,
    one_thread,
    put_back,
    restore_adam,
    torch_generator,
)
from agents.options import option, read_options
from agents.search.archive import Archive, Seen
from agents.search.rng import generator, generator_state, restore_generator
from agents.search.scalarize import Floats, chebyshev, constrained_score, preference_weights
from agents.search.values import barred_values, with_effect
from dse.search import Capabilities, Proposal, Results, SearchProblem
from dse.space import IndexMatrix


@dataclass(frozen=True, slots=True)
class Options:
    """Network, update and restart."""

    hidden: int = option(64, low=1, meaning="width of both hidden layers of each agent")
    learning_rate: float = option(3e-3, low=1e-6, high=1.0, meaning="step size of Adam")
    batch: int = option(32, low=2, meaning="new designs an update")
    epochs: int = option(16, low=1, meaning="passes over the batch an update")
    clip: float = option(0.2, low=0.01, high=1.0, meaning="how far an agent's likelihood ratio may move")
    entropy: float = option(0.01, low=0.0, meaning="entropy bonus")
    entropy_floor: float = option(
        0.1, low=0.0, high=1.0, meaning="share of the full entropy that is defended"
    )
    imitation: float = option(0.5, low=0.0, meaning="pull towards the best known design of each preference")
    elites: int = option(16, low=1, meaning="preferences drawn for the imitation an update")
    resample: int = option(8, low=1, meaning="rounds of sampling to find new designs")
    restart: float = option(0.1, low=0.0, high=1.0, meaning="start again when less of the samples is new")


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Designs to learn from: observations (B, O), positions (B, S), 1.0 where those have an effect (B, S)."""

    observed: Tensor
    positions: Tensor
    live: Tensor


class Ippo:
    """A team of policies; see the module text. `diagnostics()` tells how learning goes."""

    capabilities = Capabilities(contextual=True)

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = read_options(Options, options, algorithm="ippo")
        self.space, self._problem = problem.space, problem
        for_numpy, for_torch = seed.spawn(2)
        self._rng = generator(for_numpy)
        self._torch_rng = torch_generator(for_torch)
        self._archive = Archive(self.space, problem.n_objectives)
        self._seen = Seen(self.space)
        n_observed = max(1, problem.n_objectives)
        self._policies = SubsystemPolicies(
            self.space, n_observed, self.options.hidden, barred_values(self.space)
        )
        self._forget_batch()
        self._diagnostics = {"entropy": 1.0, "approx_kl": 0.0, "clip_fraction": 0.0, "unique_share": 1.0}
        self._counts = {"updates": 0, "restarts": 0}
        self._start()

    def ask(self, n: int) -> Proposal:
        """Up to n new designs, each sampled under a preference of its own (`context`)."""
        with one_thread(), torch.no_grad():
            designs, weights = self._sample_new(n)
            if not len(designs):
                self._restart()
                designs, weights = self._sample_new(n)
        if not len(designs):
            designs = self._seen.draw(n, self._rng)
            weights = self._preferences(len(designs))
        return Proposal(indices=designs, context=weights)

    def tell(self, proposal: Proposal, results: Results) -> None:
        """Remember the results; learn when a batch is complete."""
        self._archive.add(proposal.indices, results.costs, results.violations)
        self._n_new += len(proposal)
        if self._n_new < self.options.batch:
            return
        with one_thread():
            self._diagnostics["unique_share"] = min(1.0, self._n_new / max(1, len(self._designs)))
            if self._diagnostics["unique_share"] < self.options.restart:
                self._restart()
            else:
                self._update()
                self._forget_batch()

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """Remember designs of others: their best are imitated, and none is proposed."""
        self._seen.add(indices)
        self._archive.add(indices, results.costs, results.violations)

    def diagnostics(self) -> dict[str, float]:
        """Of the last batch: entropy (share of the most), approx_kl (nats, an agent), clip_fraction and
        unique_share (new designs among the samples); and the numbers of updates and restarts so far."""
        return {**self._diagnostics, **{name: float(count) for name, count in self._counts.items()}}

    def state(self) -> dict[str, Any]:
        """Networks, optimiser, archive, unfinished batch, generators, counters."""
        return {
            "networks": arrays(self._policies.weights),
            "adam": adam_state(self._adam),
            "archive": self._archive.state(),
            "batch": {"designs": self._designs, "weights": self._weights, "new": self._n_new},
            "rng": generator_state(self._rng),
            "torch_rng": self._torch_rng.get_state().numpy().copy(),
            "diagnostics": dict(self._diagnostics),
            "counts": dict(self._counts),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken (bitwise on the same machine and torch build)."""
        self._start()
        put_back(self._policies.weights, state["networks"])
        restore_adam(self._adam, state["adam"])
        self._archive.load(state["archive"])
        self._seen.clear()
        self._seen.add(self._archive.designs)
        self._designs, self._weights = state["batch"]["designs"], state["batch"]["weights"]
        self._n_new = state["batch"]["new"]
        restore_generator(self._rng, state["rng"])
        self._torch_rng.set_state(torch.from_numpy(np.array(state["torch_rng"])))
        self._diagnostics, self._counts = dict(state["diagnostics"]), dict(state["counts"])

    # -- acting ---------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Fresh networks and a fresh optimiser."""
        self._policies.initialise(self._torch_rng)
        self._adam = torch.optim.Adam(self._policies.weights, lr=self.options.learning_rate, fused=True)

    def _restart(self) -> None:
        """Give up collapsed policies; what they learnt from stays in the archive."""
        self._counts["restarts"] += 1
        self._start()
        self._forget_batch()

    def _preferences(self, n: int) -> Floats:
        return preference_weights(n, self._problem.n_objectives, self._rng)

    def _observe(self, weights: Floats) -> Tensor:
        """(B, O): the preference, centred; a constant where there is only one objective."""
        if self._problem.n_objectives == 1:
            return torch.ones(len(weights), 1)
        centred = weights * self._problem.n_objectives - 1.0
        return torch.from_numpy(centred.astype(np.float32))

    def _sample_new(self, n: int) -> tuple[IndexMatrix, Floats]:
        """Sample until n designs are new and allowed, or the rounds are over; keep every sample to learn."""
        designs = np.zeros((0, len(self.space)), dtype=np.int16)
        weights = np.zeros((0, self._problem.n_objectives))
        for _ in range(self.options.resample):
            preferences = self._preferences(n - len(designs))
            rows = self._sample(preferences)
            new = self._seen.fresh(rows) & ~self.space.violations(rows).any(axis=1)
            self._seen.add(rows[new])
            self._designs = np.concatenate([self._designs, rows])
            self._weights = np.concatenate([self._weights, preferences])
            designs = np.concatenate([designs, rows[new]])
            weights = np.concatenate([weights, preferences[new]])
            if len(designs) == n:
                break
        return designs, weights

    def _sample(self, preferences: Floats) -> IndexMatrix:
        log_probabilities = self._policies.log_probabilities(self._observe(preferences))
        positions = sample(log_probabilities, self._torch_rng)[:, self._policies.slot]
        return self.space.canonical(positions.numpy().astype(np.int16))

    # -- learning -------------------------------------------------------------------------------------------

    def _forget_batch(self) -> None:
        self._designs = np.zeros((0, len(self.space)), dtype=np.int16)
        self._weights = np.zeros((0, self._problem.n_objectives))
        self._n_new = 0

    def _update(self) -> None:
        """One PPO update of every agent on the batch, with a pull towards the archive's best."""
        if len(self._designs) < 2:
            return
        batch = self._part(self._designs, self._weights)
        elites = self._part(*self._elites())
        advantage = torch.from_numpy(self._advantages().astype(np.float32)).unsqueeze(1)
        with torch.no_grad():
            before = self._joint(self._policies.log_probabilities(batch.observed), batch)
        for _ in range(self.options.epochs):
            loss = self._loss(batch, advantage, before, elites)
            self._adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._adam.step()
        self._counts["updates"] += 1

    def _loss(self, batch: _Part, advantage: Tensor, before: Tensor, elites: _Part) -> Tensor:
        """Clipped surrogate of each agent, entropy bonus and floor, and imitation of the elites."""
        opts = self.options
        both = self._policies.log_probabilities(torch.cat([batch.observed, elites.observed]))
        log_probabilities, of_elites = both[: len(before)], both[len(before) :]
        log_ratio = self._joint(log_probabilities, batch) - before
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1.0 - opts.clip, 1.0 + opts.clip)
        gain = torch.minimum(ratio * advantage, clipped * advantage).mean()
        spread = self._policies.spread(log_probabilities)
        missing = (opts.entropy_floor - spread).clamp_min(0.0).mean()
        imitated = self._joint(of_elites, elites).mean()
        self._diagnostics["entropy"] = spread.mean().item()
        self._diagnostics["approx_kl"] = (ratio - 1.0 - log_ratio).mean().item()
        self._diagnostics["clip_fraction"] = ((ratio - 1.0).abs() > opts.clip).float().mean().item()
        return missing - gain - opts.entropy * spread.mean() - opts.imitation * imitated

    def _joint(self, log_probabilities: Tensor, part: _Part) -> Tensor:
        """(B, A) log-probability of each agent's part of the designs; parameters without effect left out."""
        return self._policies.by_agent(chosen(log_probabilities, part.positions) * part.live)

    def _part(self, designs: IndexMatrix, weights: Floats) -> _Part:
        live = with_effect(self.space, designs).astype(np.float32)
        place = self._policies.placed
        positions = torch.from_numpy(designs.astype(np.int64))
        return _Part(self._observe(weights), place(positions), place(torch.from_numpy(live)))

    def _advantages(self) -> Floats:
        """(B,) standardised share of the batch that a design beats under its own preference."""
        costs, violation = self._outcomes(self._designs)
        scaled = self._problem.scaled(costs)
        scores = constrained_score(
            chebyshev(scaled[None, :, :], self._weights[:, None, :]), violation[None, :]
        )
        own = np.diagonal(scores)[:, None]
        rank = (scores > own).mean(axis=1) + 0.5 * (scores == own).mean(axis=1)
        spread = rank.std()
        return np.asarray((rank - rank.mean()) / spread if spread > 0.0 else np.zeros(len(rank)))

    def _outcomes(self, designs: IndexMatrix) -> tuple[Floats, Floats]:
        """Costs (B, M) and total violation (B,): from the archive, or by the rules of the space."""
        rows = self._archive.find(designs)
        known = rows >= 0
        costs = np.full((len(designs), self._problem.n_objectives), np.nan)
        violation = self.space.violations(designs).sum(axis=1)
        costs[known] = self._archive.costs[rows[known]]
        violation[known] = self._archive.violation[rows[known]]
        violation[~known] = np.maximum(violation[~known], 1.0)
        return costs, violation

    def _elites(self) -> tuple[IndexMatrix, Floats]:
        """The best known designs (E, D) under freshly drawn preferences (E, M)."""
        weights = self._preferences(self.options.elites)
        scaled = self._problem.scaled(self._archive.costs)
        scores = constrained_score(
            chebyshev(scaled[None, :, :], weights[:, None, :]), self._archive.violation[None, :]
        )
        return self._archive.designs[np.argmin(scores, axis=1)], weights
