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
from agents.learning.replay import Minibatch, Replay, ReplayOptions
from agents.learning.utilities import Utilities
from agents.options import option, read_options
from dse.search import Capabilities, SearchProblem
from dse.space import IndexMatrix

_BARRED = -1e9  # logit of a value that may not be chosen
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

    capabilities = Capabilities(contextual=True, off_policy=True)

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
        logits = self._actor(self._weights[7:], observed).masked_fill(~self._allowed, _BARRED)
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
        seen = self._encoded(batch.positions, batch.live)
        n_preferences, n_designs = batch.outcomes.shape
        designs = seen.expand(n_preferences, *seen.shape)
        who = batch.observed.unsqueeze(1).expand(n_preferences, n_designs, -1)
        judged = self._judged(torch.cat([designs, who], dim=2).flatten(0, 1))
        errors: Tensor = (judged - batch.outcomes.flatten()).square()
        return errors.sum(dim=0).mean()

    def _worth(self, observed: Tensor, probabilities: Tensor) -> Tensor:
        """A number whose gradient in the policy (K, D, V) is that of its designs' expected value."""
        n, n_values = self.options.draws, self._allowed.shape[1]
        drawn_for = torch.arange(n) % len(observed)
        chances = probabilities[drawn_for]
        designs, columns = self._varied(self._sample(chances.detach().numpy()))
        seen = self._encoded(torch.from_numpy(designs.astype(np.int64)), self._live(designs))
        who = observed[drawn_for].repeat_interleave(columns.shape[1] * n_values, dim=0)
        with torch.no_grad():
            judged = self._judged(torch.cat([seen, who], dim=1)).amin(dim=0)
        varied = chances[torch.arange(n)[:, None], torch.from_numpy(columns)]
        share = columns.size / (n * len(self.space))
        worth: Tensor = (varied * judged.view(varied.shape)).sum() / (n * share)
        return worth

    def _varied(self, designs: IndexMatrix) -> tuple[IndexMatrix, NDArray[np.int64]]:
        """Designs (n * C * V, D): each of n with each of C random columns (n, C) at each of V values."""
        n, n_parameters = designs.shape
        n_values = self._allowed.shape[1]
        shuffled = self._memory.rng.permuted(np.tile(np.arange(n_parameters), (n, 1)), axis=1)
        columns = shuffled[:, : self.options.columns]
        rows = np.tile(designs[:, None, None], (1, columns.shape[1], n_values, 1))
        values = np.minimum(np.arange(n_values), self.space.n_values[columns][:, :, None] - 1)
        np.put_along_axis(rows, columns[:, :, None, None], values[..., None].astype(np.int16), axis=3)
        return self.space.canonical(rows.reshape(-1, n_parameters)), columns

    def _judged(self, seen: Tensor) -> Tensor:
        """(2, B) values by both critics of what they see (B, I)."""
        return outputs(self._weights[1:7], seen.expand(2, *seen.shape), torch.relu).squeeze(2)

    def _encoded(self, positions: Tensor, live: Tensor) -> Tensor:
        """(B, D * V) one-hot; all zero where a parameter has no effect."""
        one_hot = torch.zeros(*positions.shape, self._allowed.shape[1])
        return one_hot.scatter_(2, positions.unsqueeze(2), live.unsqueeze(2)).flatten(1)
