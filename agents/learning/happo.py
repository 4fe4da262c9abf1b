"""HAPPO: agents learn one after the other (Kuba et al., arXiv 2109.11251).

When all agents move at once, each towards what was good while the others stood still, the team may get worse:
two moves that are good by themselves can be bad together. Here the agents move in an order drawn anew for
each batch. What an agent learns from is the advantage times the likelihood ratios of those that have moved
already (the compounding factor of Algorithm 1), so it answers the team as it is by then. Every agent takes
all its passes over the batch in its turn: as many gradient steps as `epochs` times the agents.

Not as in the paper: each ratio enters the factor cut off at the clip's range. Imitation moves agents beyond
it, and products of such ratios let a few designs decide the rest (measured: worse than no factor).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.learning.networks import outputs
from agents.learning.policies import BARRED, SubsystemPolicies, chosen, entropies
from agents.learning.policy_search import Part, PolicyOptions, PolicySearch
from agents.options import option, read_options
from dse.search import SearchProblem
from dse.space import DesignSpace


@dataclass(frozen=True, slots=True)
class Options(PolicyOptions):
    """Those of every searcher with policies, and whether the turns matter."""

    compound: bool = option(True, meaning="whether agents answer the moves of those before them")


class SteppedPolicies(SubsystemPolicies):
    """Policies of which one moves at a time: `weights` has each agent's own, agent by agent."""

    def __init__(self, space: DesignSpace, n_observed: int, hidden: int) -> None:
        super().__init__(space, n_observed, hidden)
        self._columns = [torch.tensor(subsystem.indices) for subsystem in space.subsystems]

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights. The agents' own are views of the stacked ones, which all are sampled with."""
        super().initialise(generator)
        self._stacked = [weight.detach() for weight in self.weights]
        self.weights = [
            weight[agent : agent + 1].requires_grad_()
            for agent in range(self.n_agents)
            for weight in self._stacked
        ]

    def logits(self, observed: Tensor) -> Tensor:
        """(A, B, P * V) preferences of all agents; without a gradient."""
        return outputs(self._stacked, observed.expand(self.n_agents, *observed.shape))

    def of_agent(self, agent: int, observed: Tensor) -> Tensor:
        """(B, P, V) log-probability of each value in each slot of one agent."""
        n = len(self._stacked)
        own = self.weights[agent * n : (agent + 1) * n]
        logits = outputs(own, observed.unsqueeze(0)).view(len(observed), self._width, -1)
        return torch.log_softmax(logits.masked_fill(self._barred[self.slots_of(agent)], BARRED), dim=-1)

    def slots_of(self, agent: int) -> slice:
        """The agent's slots."""
        return slice(agent * self._width, (agent + 1) * self._width)

    def spread_of(self, agent: int, log_probabilities: Tensor) -> Tensor:
        """(parameters of the agent,) mean entropy as a share of the most, of (B, P, V)."""
        columns = self._columns[agent]
        return entropies(log_probabilities).mean(dim=0)[: len(columns)] / self._full_entropy[columns]


class Happo(PolicySearch):
    """Agents that learn in turn; see the module text. Diagnostics are means over the agents."""

    options: Options
    _policies: SteppedPolicies

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        super().__init__(problem, seed, read_options(Options, options, algorithm="happo"))

    def _make_policies(self, space: DesignSpace, n_observed: int) -> SubsystemPolicies:
        return SteppedPolicies(space, n_observed, self.options.hidden)

    def _learn(self, batch: Part, elites: Part) -> None:
        factor = self._advantages().unsqueeze(1)
        both = batch.followed_by(elites)
        told = []
        for agent in self._memory.rng.permutation(self._policies.n_agents).tolist():
            moved = self._move(agent, both, factor)
            if self.options.compound:
                factor = factor * moved.clamp(1.0 - self.options.clip, 1.0 + self.options.clip)
            told.append(dict(self._diagnostics))
        self._diagnostics = {name: float(np.mean([one[name] for one in told])) for name in self._diagnostics}

    def _move(self, agent: int, both: Part, factor: Tensor) -> Tensor:
        """All passes of one agent; its likelihood ratios (B, 1) afterwards. factor: (B, 1), of the batch."""
        n = len(factor)
        with torch.no_grad():
            before = self._likelihood(agent, both, self._policies.of_agent(agent, both.observed))[:n]
        for _ in range(self.options.epochs):
            log_probabilities = self._policies.of_agent(agent, both.observed)
            now = self._likelihood(agent, both, log_probabilities)
            spread = self._policies.spread_of(agent, log_probabilities[:n])
            self._step(self._loss(now[:n] - before, factor, spread, now[n:]))
        with torch.no_grad():
            after = self._likelihood(agent, both, self._policies.of_agent(agent, both.observed))[:n]
            return (after - before).exp()

    def _likelihood(self, agent: int, part: Part, log_probabilities: Tensor) -> Tensor:
        """(B, 1) log-likelihood of the agent's part of the designs, of its (B, P, V)."""
        slots = self._policies.slots_of(agent)
        own = chosen(log_probabilities, part.positions[:, slots]) * part.live[:, slots]
        return own.sum(dim=1, keepdim=True)
