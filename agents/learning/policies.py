"""One small policy network a subsystem, all evaluated in one batched product.

Every agent owns a two-layer perceptron of its own (no weights are shared). It sees the same observation and
gives one categorical distribution for each parameter of its subsystem; a design's probability under an agent
is the product over that agent's parameters that have an effect in the design. The agents' weights are stacked
along the first axis, so that eight agents cost one kernel call and not eight.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dse.space import DesignSpace

_BARRED = -1e9  # logit of a value that an agent may not choose
_LAST_GAIN = 0.01  # starts every head near the uniform distribution


class SubsystemPolicies:
    """A agents over D parameters with at most V values; all tensors are float32 on the CPU.

    barred: (D, V) True where a value is infeasible by itself or does not exist.
    """

    def __init__(self, space: DesignSpace, n_observed: int, hidden: int, barred: NDArray[np.bool_]) -> None:
        self.owner = torch.tensor(_owners(space))
        self.n_agents = len(space.subsystems)
        self._n_observed, self._hidden = n_observed, hidden
        self._barred = torch.tensor(barred)
        self._column, self._width = _columns(space, barred.shape[1])
        self.max_entropy = torch.tensor(np.log(np.maximum((~barred).sum(axis=1), 2)), dtype=torch.float32)
        self.weights: list[Tensor] = []

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights: orthogonal layers, heads near uniform."""
        sizes = [(self._n_observed, self._hidden), (self._hidden, self._hidden), (self._hidden, self._width)]
        gains = (math.sqrt(2.0), math.sqrt(2.0), _LAST_GAIN)
        self.weights = []
        for (rows, columns), gain in zip(sizes, gains, strict=True):
            layer = torch.empty(self.n_agents, rows, columns)
            for agent in range(self.n_agents):
                torch.nn.init.orthogonal_(layer[agent], gain=gain, generator=generator)
            bias = torch.zeros(self.n_agents, 1, columns)
            self.weights += [layer.requires_grad_(), bias.requires_grad_()]

    def log_probabilities(self, observed: Tensor) -> Tensor:
        """(B, D, V) log-probability of each value of each parameter, given observations (B, O)."""
        first, first_bias, second, second_bias, head, head_bias = self.weights
        hidden = torch.tanh(torch.baddbmm(first_bias, observed.expand(self.n_agents, *observed.shape), first))
        hidden = torch.tanh(torch.baddbmm(second_bias, hidden, second))
        logits = torch.baddbmm(head_bias, hidden, head).permute(1, 0, 2).flatten(1)
        return torch.log_softmax(logits[:, self._column].masked_fill(self._barred, _BARRED), dim=-1)

    def by_agent(self, per_parameter: Tensor) -> Tensor:
        """Sums (B, D) over the parameters of each agent: (B, A)."""
        total = torch.zeros(len(per_parameter), self.n_agents)
        return total.index_add(1, self.owner, per_parameter)


def sample(log_probabilities: Tensor, generator: torch.Generator) -> Tensor:
    """One value position (B, D) from each distribution (B, D, V), by the Gumbel-max rule."""
    uniform = torch.rand(log_probabilities.shape, generator=generator).clamp_min(1e-12)
    return torch.argmax(log_probabilities - torch.log(-torch.log(uniform)), dim=-1)


def entropies(log_probabilities: Tensor) -> Tensor:
    """Entropy (B, D) in nats of each distribution (B, D, V)."""
    return -(log_probabilities.exp() * log_probabilities).sum(dim=-1)


def chosen(log_probabilities: Tensor, designs: Tensor) -> Tensor:
    """Log-probability (B, D) of the value positions `designs` (B, D)."""
    return log_probabilities.gather(2, designs.unsqueeze(2)).squeeze(2)


def _owners(space: DesignSpace) -> list[int]:
    owner = [0] * len(space)
    for agent, subsystem in enumerate(space.subsystems):
        for column in subsystem.indices:
            owner[column] = agent
    return owner


def _columns(space: DesignSpace, n_values: int) -> tuple[Tensor, int]:
    """Where the logits of parameter d are in the flattened (A, width) output: (D, V), and the width."""
    width = max(int(space.n_values[list(part.indices)].sum()) for part in space.subsystems)
    start = np.zeros(len(space), dtype=np.int64)
    for agent, part in enumerate(space.subsystems):
        sizes = space.n_values[list(part.indices)]
        start[list(part.indices)] = agent * width + np.concatenate([[0], np.cumsum(sizes)[:-1]])
    inside = np.minimum(np.arange(n_values)[None, :], space.n_values[:, None] - 1)
    return torch.tensor(start[:, None] + inside), width
