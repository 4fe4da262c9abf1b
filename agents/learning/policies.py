"""One small policy network a subsystem, all evaluated in one batched product.

Every agent owns a two-layer perceptron of its own (no weights are shared). It sees the same observation and
gives one categorical distribution for each parameter of its subsystem; a design's probability under an agent
is the product over that agent's parameters that have an effect in the design. The agents' weights are stacked
along the first axis, so that eight agents cost one kernel call and not eight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from agents.learning.networks import outputs, perceptrons
from agents.search.values import barred_values
from dse.space import DesignSpace

BARRED = -1e9  # logit of a value that an agent may not choose
LAST_GAIN = 0.01  # starts every head near the uniform distribution


class SubsystemPolicies:
    """A agents, each with P slots for its parameters; V values at most. All tensors are float32 on the CPU.

    Parameters live in slots, S = A * P of them, so that an agent's are side by side; an agent with fewer
    than P has empty slots, which always hold position 0. `slot` (D,) is the slot of each column.
    owned: the columns of each agent (default: a subsystem's each). A value that does not exist, or that is
    infeasible by itself, is never chosen.
    """

    def __init__(
        self, space: DesignSpace, n_observed: int, hidden: int, owned: Sequence[Sequence[int]] | None = None
    ) -> None:
        owned = [subsystem.indices for subsystem in space.subsystems] if owned is None else owned
        barred = barred_values(space)
        self.n_agents = len(owned)
        self._width = max(len(columns) for columns in owned)
        self._n_values = barred.shape[1]
        self._n_observed, self._hidden = n_observed, hidden
        self.slot = torch.tensor(_slots(owned, len(space), self._width))
        self._barred = torch.ones(self.n_agents * self._width, self._n_values, dtype=torch.bool)
        self._barred[:, 0] = False
        self._barred[self.slot] = torch.tensor(barred)
        self._full_entropy = torch.tensor(np.log(np.maximum((~barred).sum(axis=1), 2)), dtype=torch.float32)
        self.weights: list[Tensor] = []

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights: orthogonal layers, heads near uniform."""
        sizes = (self._n_observed, self._hidden, self._hidden, self._width * self._n_values)
        self.weights = perceptrons(self.n_agents, sizes, LAST_GAIN, generator)

    def logits(self, observed: Tensor) -> Tensor:
        """(A, B, P * V) preferences of all agents among their values, given observations (B, O)."""
        return outputs(self.weights, observed.expand(self.n_agents, *observed.shape))

    def log_probabilities(self, observed: Tensor, barred: Tensor | None = None) -> Tensor:
        """(B, S, V) log-probability of each value in each slot, given observations (B, O).

        barred: (B, S, V) values that may not be chosen (default: those that never may).
        """
        logits = self.logits(observed).permute(1, 0, 2).reshape(len(observed), -1, self._n_values)
        barred = self._barred if barred is None else barred
        return torch.log_softmax(logits.masked_fill(barred, BARRED), dim=-1)

    def draw(self, observed: Tensor, generator: torch.Generator) -> Tensor:
        """(B, D) value positions, sampled under observations (B, O)."""
        return sample(self.log_probabilities(observed), generator)[:, self.slot]

    def placed(self, per_parameter: Tensor) -> Tensor:
        """(B, S): what is given for each column (B, D), in its slot; 0 in empty slots."""
        slots = torch.zeros(len(per_parameter), len(self._barred), dtype=per_parameter.dtype)
        slots[:, self.slot] = per_parameter
        return slots

    def by_agent(self, per_slot: Tensor) -> Tensor:
        """Sums (B, A) over the slots (B, S) of each agent."""
        return per_slot.view(-1, self.n_agents, self._width).sum(dim=2)

    def spread(self, log_probabilities: Tensor) -> Tensor:
        """(D,) mean entropy of each parameter as a share of the most it can have."""
        return entropies(log_probabilities).mean(dim=0)[self.slot] / self._full_entropy


def sample(log_probabilities: Tensor, generator: torch.Generator) -> Tensor:
    """One value position (B, S) from each distribution (B, S, V), by the Gumbel-max rule."""
    return torch.argmax(log_probabilities + gumbel(log_probabilities.shape, generator), dim=-1)


def gumbel(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Noise that, added to logits, makes the largest a sample of their distribution."""
    return -torch.log(-torch.log(torch.rand(shape, generator=generator).clamp_min(1e-12)))


def entropies(log_probabilities: Tensor) -> Tensor:
    """Entropy (B, S) in nats of each distribution (B, S, V)."""
    return -(log_probabilities.exp() * log_probabilities).sum(dim=-1)


def clipped_gain(ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """PPO's surrogate (Schulman et al., arXiv 1707.06347, equation 7), to be raised; shapes broadcast."""
    clipped = ratio.clamp(1.0 - clip, 1.0 + clip)
    return torch.minimum(ratio * advantage, clipped * advantage)


def chosen(log_probabilities: Tensor, positions: Tensor) -> Tensor:
    """Log-probability (B, S) of the value positions (B, S)."""
    return log_probabilities.gather(2, positions.unsqueeze(2)).squeeze(2)


def _slots(owned: Sequence[Sequence[int]], n_columns: int, width: int) -> list[int]:
    """The slot of each column: agents in order, the columns of one agent side by side."""
    slot = [0] * n_columns
    for agent, columns in enumerate(owned):
        for place, column in enumerate(columns):
            slot[column] = agent * width + place
    return slot
