"""Running means and spreads, by which learners scale what they see and what they are paid."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_LIMIT = 10.0
_LEAST = 1e-4
"""Of a spread: a number that never changes is scaled to 0."""


class Scale:
    """Of A agents with K numbers each, over all that they have met. Tensors are (A, B, K) float32."""

    def __init__(self, n_agents: int, n_numbers: int) -> None:
        self._count = 0
        self._mean = torch.zeros(n_agents, 1, n_numbers, dtype=torch.float64)
        self._squares = torch.zeros(n_agents, 1, n_numbers, dtype=torch.float64)
        self._spread = torch.ones(n_agents, 1, n_numbers)

    @property
    def spread(self) -> Tensor:
        """(A, 1, K) the standard deviations so far; 1 before the first case."""
        return self._spread

    def learn(self, met: Tensor) -> None:
        """Take B more cases into account."""
        new = met.to(torch.float64)
        n, mean = new.shape[1], new.mean(1, keepdim=True)
        squares = (new - mean).square().sum(1, keepdim=True)
        total = self._count + n
        apart = mean - self._mean
        self._squares = self._squares + squares + apart.square() * (self._count * n / total)
        self._mean = self._mean + apart * (n / total)
        self._count = total
        self._spread = (self._squares / total).sqrt().clamp_min(_LEAST).to(torch.float32)

    def scaled(self, met: Tensor) -> Tensor:
        """In spreads from the mean, cut off at 10 of them."""
        return ((met - self._mean.to(torch.float32)) / self._spread).clamp(-_LIMIT, _LIMIT)

    def unscaled(self, scaled: Tensor) -> Tensor:
        """The way back of what was not cut off."""
        return scaled * self._spread + self._mean.to(torch.float32)

    def state(self) -> dict[str, Any]:
        """All of it as arrays."""
        return {
            "count": self._count,
            "mean": self._mean.numpy().copy(),
            "squares": self._squares.numpy().copy(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Put `state()` back."""
        self._count = int(state["count"])
        self._mean, self._squares = _tensor(state["mean"]), _tensor(state["squares"])
        if self._count:
            self._spread = (self._squares / self._count).sqrt().clamp_min(_LEAST).to(torch.float32)


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(array))
