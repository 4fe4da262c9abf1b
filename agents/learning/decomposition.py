"""What VDN and QMIX share: agents with utilities of their own, whose values one team value is made of.

Each subsystem's agent sees the preference between the objectives and has a utility for every value of every
parameter of its own. An agent's action is a tuple of parameters, so that its values are too many to list: its
utility of the tuple is the sum of the utilities of the tuple's values, those of parameters without effect in
the design left out. A team value that rises with every agent's utility then has its maximum where each
parameter takes its own best value. What this assumes is that the best value of a parameter does not depend on
any other parameter, of the same agent or of another's; where it does, the best such fit is learned.

Acting: Boltzmann, each parameter on its own, by what the team loses in leaving the greedy joint action in
that parameter alone. The temperature, in the normal scores in which outcomes are measured, falls with the
designs told since the last start.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from agents.learning.policies import BARRED
from agents.learning.replay import Minibatch, Replay, ReplayOptions
from agents.learning.utilities import Utilities, chosen
from agents.options import option
from dse.search import Capabilities, SearchProblem


@dataclass(frozen=True, slots=True)
class DecompositionOptions(ReplayOptions):
    """Network, replay, exploration and restart."""

    hot: float = option(1.0, low=1e-3, meaning="first temperature, in normal scores of the outcomes")
    cold: float = option(0.05, low=1e-3, meaning="last temperature")
    descent: int = option(256, low=1, meaning="designs told from hot to cold")


class Decomposition(Replay):
    """A team of one agent a subsystem; a subclass mixes their utilities."""

    capabilities = Capabilities(contextual=True)

    def __init__(
        self, problem: SearchProblem, seed: np.random.SeedSequence, options: DecompositionOptions
    ) -> None:
        super().__init__(problem, seed, options)
        self._descent = options
        groups = [subsystem.indices for subsystem in self.space.subsystems]
        self._utilities = Utilities(groups, self._allowed.shape[1], problem.n_objectives, options.hidden)

    def _agents(self) -> list[Tensor]:
        """The weights of the agents' networks: the last of all."""
        return self._weights[-self._utilities.n_weights :]

    @abstractmethod
    def _mixed(self, by_agent: Tensor, observed: Tensor) -> Tensor:
        """The team's values (K, R) of the agents' utilities (K, A, R), under observations (K, O)."""

    def _loss(self, batch: Minibatch) -> Tensor:
        """Mean squared error of the team's values."""
        taken = chosen(self._utilities(self._agents(), batch.observed), batch.positions) * batch.live.T
        values = self._mixed(self._utilities.owners @ taken, batch.observed)
        loss = torch.nn.functional.mse_loss(values, batch.outcomes)
        self._diagnostics["loss"] = loss.item()
        return loss

    def _probabilities(self, observed: Tensor) -> Tensor:
        """Boltzmann over the values of a parameter, all others greedy."""
        temperature = self._temperature()
        self._diagnostics["temperature"] = temperature
        values = self._one_changed(self._utilities(self._agents(), observed), observed)
        return torch.softmax((values / temperature).masked_fill(~self._allowed, BARRED), dim=2)

    def _one_changed(self, utilities: Tensor, observed: Tensor) -> Tensor:
        """(B, D, V): the team's value of the greedy joint action with one parameter at each allowed value."""
        owners, allowed = self._utilities.owners, self._allowed
        best = utilities.masked_fill(~allowed, BARRED).amax(dim=2, keepdim=True)
        owned = owners.unsqueeze(2).expand(-1, *allowed.shape)[:, allowed]
        change = owned * (utilities - best)[:, allowed].unsqueeze(1)
        values = torch.zeros_like(utilities)
        values[:, allowed] = self._mixed(owners @ best + change, observed)
        return values

    def _temperature(self) -> float:
        """Falls geometrically from hot to cold."""
        options = self._descent
        share = min(1.0, self._age / options.descent)
        return float(options.hot * (options.cold / options.hot) ** share)
