"""What searchers with policies share: sampling, a batch to learn from, advantages, imitation, restarts.

An episode is one design, so there is no bootstrapping: the outcome of a design is compared with those of its
own batch. Each design draws a preference weight vector; the agents see it, and the design's rank in the batch
*under those weights* (augmented Chebyshev over scaled costs, constraints dominating) is its advantage. One
network thus covers the whole front.

Nothing is simulated twice: a sampled design that is known, or that the space forbids, is not proposed, but
its known outcome joins the batch that the agents learn from, which keeps the batch on-policy. When hardly any
sample that the space allows is new, the policies have collapsed, and all agents start again from fresh
weights; the archive stays.
Parameters without effect in a design (dead) get no credit for it.

A searcher adds its policies, what it clips (`_likelihoods`), and where it departs from one joint step of all
agents (`_learn`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from agents.learning.policies import SubsystemPolicies, chosen, clipped_gain
from agents.options import option
from agents.search.memory import Memory
from agents.search.scalarize import Floats, chebyshev, constrained_score
from agents.search.values import with_effect
from agents.torch_state import (
    adam_state,
    arrays,
    descend,
    one_thread,
    put_back,
    restore_adam,
    torch_generator,
)
from dse.search import Capabilities, Proposal, Results, SearchProblem
from dse.space import DesignSpace, IndexMatrix


@dataclass(frozen=True, slots=True)
class PolicyOptions:
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
class Part:
    """Designs to learn from: observations (B, O), positions (B, S), 1.0 where those have an effect (B, S).

    barred: (B, S, V) True where the design's other values forbid a value, or None.
    """

    observed: Tensor
    positions: Tensor
    live: Tensor
    barred: Tensor | None = None

    def __len__(self) -> int:
        return len(self.observed)

    def followed_by(self, other: Part) -> Part:
        """The designs of both."""
        barred = None
        if self.barred is not None and other.barred is not None:
            barred = torch.cat([self.barred, other.barred])
        return Part(
            torch.cat([self.observed, other.observed]),
            torch.cat([self.positions, other.positions]),
            torch.cat([self.live, other.live]),
            barred,
        )


class PolicySearch:
    """Policies that see a preference and propose designs; `diagnostics()` tells how learning goes."""

    capabilities: ClassVar[Capabilities] = Capabilities(contextual=True)

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, options: PolicyOptions) -> None:
        self.options = options
        self.space, self._problem = problem.space, problem
        for_numpy, for_torch = seed.spawn(2)
        self._memory = Memory(problem, for_numpy)
        self._torch_rng = torch_generator(for_torch)
        self._policies = self._make_policies(self.space, max(1, problem.n_objectives))
        self._forget_batch()
        self._diagnostics = {"entropy": 1.0, "approx_kl": 0.0, "clip_fraction": 0.0, "unique_share": 1.0}
        self._counts = {"updates": 0, "restarts": 0}
        self._start()

    def ask(self, n: int) -> Proposal:
        """Up to n new designs, each sampled under a preference of its own (`context`)."""
        with one_thread():
            earlier = len(self._designs)
            designs, weights = self._sample_new(n)
            if not len(designs) and self._n_allowed(earlier):
                self._restart()
                designs, weights = self._sample_new(n)
        if not len(designs):
            designs = self._memory.draw(n)
            weights = self._memory.weights(len(designs))
        return Proposal(indices=designs, context=weights)

    def tell(self, proposal: Proposal, results: Results) -> None:
        """Remember the results; learn when a batch is complete."""
        self._memory.add(proposal.indices, results)
        self._n_new += len(proposal)
        if self._n_new < self.options.batch:
            return
        with one_thread():
            self._diagnostics["unique_share"] = min(1.0, self._n_new / max(1, self._n_allowed()))
            if self._diagnostics["unique_share"] < self.options.restart:
                self._restart()
            else:
                self._update()
                self._forget_batch()

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """Remember designs of others: their best are imitated, and none is proposed."""
        self._memory.hear(indices, results)

    def diagnostics(self) -> dict[str, float]:
        """Of the last batch: entropy (share of the most), approx_kl (nats, a likelihood that is clipped),
        clip_fraction and unique_share (new designs among the samples that the space allows); and the numbers
        of updates and restarts so far."""
        return {**self._diagnostics, **{name: float(count) for name, count in self._counts.items()}}

    def state(self) -> dict[str, Any]:
        """Networks, optimiser, archive, unfinished batch, generators, counters."""
        return {
            **self._memory.state(),
            "networks": arrays(self._trained()),
            "adam": adam_state(self._adam),
            "batch": {"designs": self._designs, "weights": self._weights, "new": self._n_new},
            "torch_rng": self._torch_rng.get_state().numpy().copy(),
            "diagnostics": dict(self._diagnostics),
            "counts": dict(self._counts),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken (bitwise on the same machine and torch build)."""
        self._start()
        put_back(self._trained(), state["networks"])
        restore_adam(self._adam, state["adam"])
        self._memory.load(state)
        self._designs, self._weights = state["batch"]["designs"], state["batch"]["weights"]
        self._n_new = state["batch"]["new"]
        self._torch_rng.set_state(torch.from_numpy(np.array(state["torch_rng"])))
        self._diagnostics, self._counts = dict(state["diagnostics"]), dict(state["counts"])

    # -- what a searcher may change -------------------------------------------------------------------------

    def _make_policies(self, space: DesignSpace, n_observed: int) -> SubsystemPolicies:
        """The agents; here one policy a subsystem, with a network of its own."""
        return SubsystemPolicies(space, n_observed, self.options.hidden)

    def _initialise(self) -> None:
        """Draw fresh weights for all networks."""
        self._policies.initialise(self._torch_rng)

    def _trained(self) -> list[Tensor]:
        """All that the optimiser moves."""
        return self._policies.weights

    def _draw(self, observed: Tensor) -> Tensor:
        """(B, D) value positions, sampled under observations (B, O)."""
        return self._policies.draw(observed, self._torch_rng)

    def _log_probabilities(self, part: Part) -> Tensor:
        """(B, S, V) log-probability of each value in each slot."""
        return self._policies.log_probabilities(part.observed)

    def _likelihoods(self, log_probabilities: Tensor, part: Part) -> Tensor:
        """(B, L) log-likelihoods of the designs, each to be clipped by itself; here one an agent.
        Parameters without effect are left out."""
        return self._policies.by_agent(chosen(log_probabilities, part.positions) * part.live)

    def _learn(self, batch: Part, elites: Part) -> None:
        """Some passes over the batch, all agents at once, with a pull towards the archive's best."""
        advantage = self._advantages().unsqueeze(1)
        with torch.no_grad():
            before = self._likelihoods(self._log_probabilities(batch), batch)
        both = batch.followed_by(elites)
        for _ in range(self.options.epochs):
            of_batch, of_elites = torch.split(self._log_probabilities(both), [len(batch), len(elites)])
            log_ratio = self._likelihoods(of_batch, batch) - before
            spread = self._policies.spread(of_batch)
            imitated = self._likelihoods(of_elites, elites)
            self._step(self._loss(log_ratio, advantage, spread, imitated))

    # -- acting ---------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Fresh networks and a fresh optimiser."""
        self._initialise()
        self._adam = torch.optim.Adam(self._trained(), lr=self.options.learning_rate, fused=True)

    def _restart(self) -> None:
        """Give up collapsed policies; what they learnt from stays in the archive."""
        self._counts["restarts"] += 1
        self._start()
        self._forget_batch()

    def _observe(self, weights: Floats) -> Tensor:
        """(B, O): the preference, centred; a constant where there is only one objective."""
        if self._problem.n_objectives == 1:
            return torch.ones(len(weights), 1)
        centred = weights * self._problem.n_objectives - 1.0
        return torch.from_numpy(centred.astype(np.float32))

    def _sample_new(self, n: int) -> tuple[IndexMatrix, Floats]:
        """Sample until n designs are new and allowed, or the rounds are over; keep every sample to learn."""
        seen = self._memory.seen
        designs = np.zeros((0, len(self.space)), dtype=np.int16)
        weights = np.zeros((0, self._problem.n_objectives))
        for _ in range(self.options.resample):
            preferences = self._memory.weights(n - len(designs))
            rows = self._sample(preferences)
            new = seen.fresh(rows) & ~self.space.violations(rows).any(axis=1)
            seen.add(rows[new])
            self._designs = np.concatenate([self._designs, rows])
            self._weights = np.concatenate([self._weights, preferences])
            designs = np.concatenate([designs, rows[new]])
            weights = np.concatenate([weights, preferences[new]])
            if len(designs) == n:
                break
        return designs, weights

    def _n_allowed(self, first: int = 0) -> int:
        """Of the batch's samples, from this one on, those that the space allows."""
        return int((~self.space.violations(self._designs[first:]).any(axis=1)).sum())

    def _sample(self, preferences: Floats) -> IndexMatrix:
        """(B, D) canonical designs, one for each preference (B, M)."""
        with torch.no_grad():
            positions = self._draw(self._observe(preferences))
        return self.space.canonical(positions.numpy().astype(np.int16))

    # -- learning -------------------------------------------------------------------------------------------

    def _forget_batch(self) -> None:
        self._designs = np.zeros((0, len(self.space)), dtype=np.int16)
        self._weights = np.zeros((0, self._problem.n_objectives))
        self._n_new = 0

    def _update(self) -> None:
        """One update of every agent."""
        if len(self._designs) < 2:
            return
        self._learn(self._part(self._designs, self._weights), self._part(*self._elites()))
        self._counts["updates"] += 1

    def _loss(self, log_ratio: Tensor, advantage: Tensor, spread: Tensor, imitated: Tensor) -> Tensor:
        """Clipped surrogate, entropy bonus and floor, and imitation of the elites.

        log_ratio: (B, L) of the likelihoods; advantage: (B, 1); spread: (D,) entropy of each parameter as a
        share of the most; imitated: (E, L) log-likelihoods of the elites.
        """
        opts = self.options
        ratio = log_ratio.exp()
        gain = clipped_gain(ratio, advantage, opts.clip).mean()
        missing = (opts.entropy_floor - spread).clamp_min(0.0).mean()
        self._diagnostics["entropy"] = spread.mean().item()
        self._diagnostics["approx_kl"] = (ratio - 1.0 - log_ratio).mean().item()
        self._diagnostics["clip_fraction"] = ((ratio - 1.0).abs() > opts.clip).float().mean().item()
        return missing - gain - opts.entropy * spread.mean() - opts.imitation * imitated.mean()

    def _step(self, loss: Tensor) -> None:
        descend(self._adam, loss)

    def _part(self, designs: IndexMatrix, weights: Floats) -> Part:
        live = with_effect(self.space, designs).astype(np.float32)
        place = self._policies.placed
        positions = torch.from_numpy(designs.astype(np.int64))
        return Part(self._observe(weights), place(positions), place(torch.from_numpy(live)))

    def _advantages(self) -> Tensor:
        """(B,) standardised share of the batch that a design beats under its own preference."""
        costs, violation = self._outcomes(self._designs)
        scaled = self._problem.scaled(costs)
        scores = constrained_score(
            chebyshev(scaled[None, :, :], self._weights[:, None, :]), violation[None, :]
        )
        own = np.diagonal(scores)[:, None]
        return standardised((scores > own).mean(axis=1) + 0.5 * (scores == own).mean(axis=1))

    def _outcomes(self, designs: IndexMatrix) -> tuple[Floats, Floats]:
        """Costs (B, M) and total violation (B,): from the archive, or by the rules of the space."""
        archive = self._memory.archive
        rows = archive.find(designs)
        known = rows >= 0
        costs = np.full((len(designs), self._problem.n_objectives), np.nan)
        violation = self.space.violations(designs).sum(axis=1)
        costs[known] = archive.costs[rows[known]]
        violation[known] = archive.violation[rows[known]]
        violation[~known] = np.maximum(violation[~known], 1.0)
        return costs, violation

    def _elites(self) -> tuple[IndexMatrix, Floats]:
        """The best known designs (E, D) under freshly drawn preferences (E, M)."""
        weights = self._memory.weights(self.options.elites)
        best = np.argmin(self._memory.scores(weights), axis=1)
        return self._memory.archive.designs[best], weights


def standardised(values: Floats) -> Tensor:
    """(B,) float32 with mean 0 and spread 1; all 0 where the values are equal."""
    spread = values.std()
    scaled = (values - values.mean()) / spread if spread > 0.0 else np.zeros(len(values))
    return torch.from_numpy(scaled.astype(np.float32))
