"""SAC: discrete soft actor-critic (Christodoulou, arXiv 1910.07207) with a factored policy, on designs.

One agent tunes the whole design. It sees the preference between the objectives; its policy is a categorical
distribution for each parameter. Two critics see the preference and the whole design (one-hot; nothing for a
parameter without effect), so that they know how parameters interact, which the policy cannot express.

What one-step episodes leave of SAC: the replay of every outcome (see `agents.learning.replay`), the lesser of
two critics, the entropy in the objective and its temperature, tuned until the policy has `entropy` of the
most that it can have. There is no next state: critics are regressions, without bootstrapping, target networks
or an entropy term of their own. The paper's exact expectation over actions is out of reach for whole designs;
it is taken over the values of one parameter at a time, the others as the policy drew them, for `columns`
parameters a draw, chosen at random: an unbiased gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.learning.networks import outputs, perceptrons
from agents.learning.policies import BARRED
from agents.learning.replay import Minibatch, Replay, ReplayOptions
from agents.learning.utilities import Utilities
from agents.options import option, read_options
from dse.search import Capabilities, SearchProblem
from dse.space import IndexMatrix

_LOGARITHMS = (-12.0, 3.0)  # bounds of the temperature's, should no temperature reach the entropy aimed at


@dataclass(frozen=True, slots=True)
class Options(ReplayOptions):
    """Networks, replay, exploration and restart."""

    entropy: float = option(0.3, low=0.0, high=1.0, meaning="share of the full entropy that is aimed at")
    temperature: float = option(0.3, low=0.0, meaning="first weight of the entropy; 0: none, ever")
    draws: int = option(8, low=1, meaning="designs drawn from the policy a step, to teach it")
    columns: int = option(8, low=1, meaning="parameters of each drawn design of which all values are judged")


class Sac(Replay):
    """An actor and two critics; see the module text."""

    capabilities = Capabilities(contextual=True)

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = given = read_options(Options, options, algorithm="sac")
        super().__init__(problem, seed, given)
        n_parameters, n_values = self._allowed.shape
        everything = [range(n_parameters)]
        self._actor = Utilities(everything, n_values, problem.n_objectives, given.hidden)
        n_seen = n_parameters * n_values + problem.n_objectives
        self._critic_sizes = (n_seen, given.hidden, given.hidden, 1)
        self._start()

    def _fresh(self, generator: torch.Generator) -> list[Tensor]:
        """Logarithm of the temperature, critics, actor."""
        start = np.log(max(self.options.temperature, 1e-8))
        temperature = torch.tensor([start], dtype=torch.float32, requires_grad=True)
        critics = perceptrons(2, self._critic_sizes, 1.0, generator)
        return [temperature, *critics, *self._actor.fresh(generator)]

    def _probabilities(self, observed: Tensor) -> Tensor:
        """The policy as it is: the temperature keeps it from collapsing."""
        logits = self._actor(self._weights[7:], observed).masked_fill(~self._allowed, BARRED)
        probabilities: Tensor = torch.softmax(logits, dim=2)
        return probabilities

    def _loss(self, batch: Minibatch) -> Tensor:
        """Squared error of the critics, what the actor is short of, and the temperature's own loss."""
        logarithm = self._weights[0]
        with torch.no_grad():
            logarithm.clamp_(*_LOGARITHMS)
        temperature = logarithm.exp().item() if self.options.temperature else 0.0
        chances = self._probabilities(batch.observed)
        share = self._entropy_share(chances)
        critic = self._critic_loss(batch)
        actor = -self._worth(batch.observed, chances) - temperature * self._full_entropy * share
        aim = (logarithm * (share.item() - self.options.entropy)).sum()
        self._diagnostics.update(critic_loss=critic.item(), temperature=temperature)
        loss: Tensor = critic + actor + aim
        return loss

    def _critic_loss(self, batch: Minibatch) -> Tensor:
        """Squared error of both critics, mean over all designs under all preferences."""
        designs, who = self._seen(batch.positions, batch.live), self._who(batch.observed)
        judged = self._judged((designs.unsqueeze(1) + who.unsqueeze(2)).flatten(1, 2))
        errors: Tensor = (judged - batch.outcomes.flatten()).square()
        return errors.sum(dim=0).mean()

    def _worth(self, observed: Tensor, probabilities: Tensor) -> Tensor:
        """A number whose gradient in the policy (K, D, V) is that of its designs' expected value."""
        drawn_for = torch.arange(self.options.draws) % len(observed)
        chances = probabilities[drawn_for]
        designs, columns, exists = self._varied(self._sample(chances.detach().numpy()))
        with torch.no_grad():
            seen = self._seen(torch.from_numpy(designs.astype(np.int64)), self._live(designs))
            who = self._who(observed[drawn_for])[:, torch.from_numpy(exists.nonzero()[0])]
            judged = torch.zeros(exists.shape)
            judged[torch.from_numpy(exists)] = self._judged(seen + who).amin(dim=0)
        varied = chances[torch.arange(len(columns))[:, None], torch.from_numpy(columns)]
        worth: Tensor = (varied * judged).sum() * (len(self.space) / columns.size)
        return worth

    def _varied(self, designs: IndexMatrix) -> tuple[IndexMatrix, NDArray[np.int64], NDArray[np.bool_]]:
        """Designs (N, D): each of n with C random columns (n, C) at each value that exists (n, C, V)."""
        n, n_parameters = designs.shape
        values = np.arange(self._allowed.shape[1])
        shuffled = self._memory.rng.permuted(np.tile(np.arange(n_parameters), (n, 1)), axis=1)
        columns = shuffled[:, : self.options.columns]
        exists = values < self.space.n_values[columns][:, :, None]
        owner, place, value = exists.nonzero()
        rows = designs[owner]
        rows[np.arange(len(rows)), columns[owner, place]] = value
        return self.space.canonical(rows), columns, exists

    def _seen(self, positions: Tensor, live: Tensor) -> Tensor:
        """(2, B, H): what designs (B, D) add to the first layers of the critics."""
        n_parameters, n_values = self._allowed.shape
        table = self._weights[1][:, : n_parameters * n_values].transpose(0, 1).flatten(1)
        entries = positions + torch.arange(n_parameters) * n_values
        summed = torch.nn.functional.embedding_bag(entries, table, per_sample_weights=live, mode="sum")
        return summed.view(len(positions), 2, -1).transpose(0, 1)

    def _who(self, observed: Tensor) -> Tensor:
        """(2, K, H): what preferences (K, O) and the offsets add to the first layers of the critics."""
        return outputs(
            [self._weights[1][:, self._allowed.numel() :], self._weights[2]],
            observed.expand(2, *observed.shape),
        )

    def _judged(self, first: Tensor) -> Tensor:
        """(2, B) values by both critics, given the sums of their first layers (2, B, H)."""
        return outputs(self._weights[3:7], torch.relu(first), torch.relu).squeeze(2)
