"""`Utilities`: small networks that give every value of every parameter a number, one network an agent."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from agents.learning.networks import outputs, perceptrons
from agents.learning.policies import LAST_GAIN


class Utilities:
    """Of D parameters with V values at most, owned by A agents with a two-layer perceptron each.

    groups: the columns of each agent. owners: (A, D), 1.0 where a parameter belongs to an agent.
    n_weights: how many tensors `fresh` gives.
    """

    def __init__(self, groups: Sequence[Sequence[int]], n_values: int, n_observed: int, hidden: int) -> None:
        self._width = max(len(columns) for columns in groups)
        self._sizes = (n_observed, hidden, hidden, self._width * n_values)
        self._n_values = n_values
        self.n_weights = 2 * (len(self._sizes) - 1)
        slots = {
            column: agent * self._width + place
            for agent, columns in enumerate(groups)
            for place, column in enumerate(columns)
        }
        self._slot = torch.tensor([slots[column] for column in range(len(slots))])
        self.owners = torch.zeros(len(groups), len(slots))
        self.owners[self._slot // self._width, torch.arange(len(slots))] = 1.0

    def fresh(self, generator: torch.Generator) -> list[Tensor]:
        """New weights: orthogonal layers, the last one small."""
        return perceptrons(len(self.owners), self._sizes, LAST_GAIN, generator)

    def __call__(self, weights: Sequence[Tensor], observed: Tensor) -> Tensor:
        """(B, D, V), given observations (B, O)."""
        n_agents, n = len(self.owners), len(observed)
        stacked = outputs(weights, observed.expand(n_agents, *observed.shape)).permute(1, 0, 2)
        return stacked.reshape(n, n_agents * self._width, self._n_values)[:, self._slot]


def chosen(values: Tensor, positions: Tensor) -> Tensor:
    """(K, D, R): of values (K, D, V) those at the positions (R, D) of designs."""
    return values.gather(2, positions.T.expand(len(values), *positions.T.shape))
