"""MAPPO: PPO with shared parameters and a centralised critic (Yu et al., arXiv 2103.01955).

All agents use one network, which sees the preference and which agent it speaks for; its heads are masked to
the values of that agent's parameters. Each agent clips its own likelihood ratio.

What is left of MAPPO when an episode is one step: nothing is discounted and no value is bootstrapped, so the
critic is a baseline and no more. It may not see the design (that would take the credit away), hence it learns
what designs are worth under each preference, from earlier batches as well as this one; with one objective it
is a running mean. An agent's advantage is how much better than that its design did. `baseline = "batch"`
leaves the critic out and ranks the designs of the batch under the same preference, as `ippo` does: possible
because every outcome can be judged under every preference, which an environment with a scalar reward cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.learning.networks import outputs, perceptrons
from agents.learning.policies import LAST_GAIN, SubsystemPolicies
from agents.learning.policy_search import Part, PolicyOptions, PolicySearch, standardised
from agents.options import option, read_options
from agents.search.scalarize import Floats, chebyshev
from dse.search import SearchProblem
from dse.space import DesignSpace

_WORST = 1.5  # scaled costs beyond this are worth no less


@dataclass(frozen=True, slots=True)
class Options(PolicyOptions):
    """Those of every searcher with policies, and what designs are compared with."""

    baseline: str = option("critic", choices=("critic", "batch"), meaning="what designs are compared with")


class SharedPolicies(SubsystemPolicies):
    """One network for all agents, told by a one-hot input which of them it speaks for."""

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights: orthogonal layers, heads near uniform."""
        sizes = (self._n_observed + self.n_agents, self._hidden, self._hidden, self._width * self._n_values)
        self.weights = perceptrons(1, sizes, LAST_GAIN, generator)

    def logits(self, observed: Tensor) -> Tensor:
        """(A, B, P * V) preferences of all agents among their values, given observations (B, O)."""
        n, n_cases = self.n_agents, len(observed)
        who = torch.eye(n).repeat_interleave(n_cases, dim=0)
        seen = torch.cat([observed.repeat(n, 1), who], dim=1)
        return outputs(self.weights, seen.unsqueeze(0)).view(n, n_cases, -1)


class Mappo(PolicySearch):
    """Agents that share a network and a critic; see the module text. `diagnostics()` adds value_error, the
    mean square error of the critic on the last batch before it learnt from it."""

    options: Options

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        super().__init__(problem, seed, read_options(Options, options, algorithm="mappo"))
        if self._critic:
            self._diagnostics["value_error"] = 0.0

    def _make_policies(self, space: DesignSpace, n_observed: int) -> SubsystemPolicies:
        return SharedPolicies(space, n_observed, self.options.hidden)

    def _initialise(self) -> None:
        super()._initialise()
        hidden, n_observed = self.options.hidden, max(1, self._problem.n_objectives)
        sizes = (n_observed, hidden, hidden, 1)
        judges = self.options.baseline == "critic"
        self._critic = perceptrons(1, sizes, LAST_GAIN, self._torch_rng) if judges else []

    def _trained(self) -> list[Tensor]:
        return [*super()._trained(), *self._critic]

    def _learn(self, batch: Part, elites: Part) -> None:
        self._judged = batch.observed
        self._worth = worth(self._problem, self._weights, *self._outcomes(self._designs))
        super()._learn(batch, elites)

    def _advantages(self) -> Tensor:
        """(B,) standardised rank of how much better a design did than the critic thought, before it learns
        from the batch. Ranks, because infeasible designs lie far from the others."""
        if not self._critic:
            return super()._advantages()
        with torch.no_grad():
            surprise = (self._worth - self._values()).numpy().astype(np.float64)
        self._diagnostics["value_error"] = float((surprise**2).mean())
        return standardised((surprise[:, None] > surprise).mean(axis=1))

    def _loss(self, log_ratio: Tensor, advantage: Tensor, spread: Tensor, imitated: Tensor) -> Tensor:
        loss = super()._loss(log_ratio, advantage, spread, imitated)
        return loss + 0.5 * (self._worth - self._values()).square().mean() if self._critic else loss

    def _values(self) -> Tensor:
        """(B,) what the critic expects under the preferences of the batch."""
        return outputs(self._critic, self._judged.unsqueeze(0)).view(-1)


def worth(problem: SearchProblem, weights: Floats, costs: Floats, violation: Floats) -> Tensor:
    """(B,) float32, to maximise, of costs (B, M) and total violations (B,) under weights (B, M).

    From 0 (every objective ideal) down to -1.5; infeasible designs lie between -2 and -3, failed ones at -3.
    """
    scalar = np.minimum(chebyshev(problem.scaled(costs), weights), _WORST)
    missed = _WORST + 0.5 + 1.0 - 1.0 / (1.0 + violation)
    return torch.from_numpy(-np.where(violation > 0.0, missed, scalar).astype(np.float32))
