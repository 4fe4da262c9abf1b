"""Small perceptrons stacked along a first axis, so that those of all agents cost one product a layer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

_HIDDEN_GAIN = math.sqrt(2.0)


def perceptrons(n: int, sizes: Sequence[int], last_gain: float, generator: torch.Generator) -> list[Tensor]:
    """Weights of n perceptrons with layers of `sizes`: matrices (n, in, out) and biases (n, 1, out) by turns.

    Orthogonal, float32 on the CPU; last_gain scales the last layer.
    """
    weights: list[Tensor] = []
    for place, (rows, columns) in enumerate(itertools.pairwise(sizes)):
        gain = last_gain if place == len(sizes) - 2 else _HIDDEN_GAIN
        layer = torch.empty(n, rows, columns)
        for one in layer:
            torch.nn.init.orthogonal_(one, gain=gain, generator=generator)
        weights += [layer.requires_grad_(), torch.zeros(n, 1, columns).requires_grad_()]
    return weights


def outputs(
    weights: Sequence[Tensor], inputs: Tensor, between: Callable[[Tensor], Tensor] = torch.tanh
) -> Tensor:
    """(n, B, out) for inputs (n, B, in); `between` comes between layers."""
    hidden = inputs
    for place in range(0, len(weights), 2):
        if place:
            hidden = between(hidden)
        hidden = torch.baddbmm(weights[place + 1], hidden, weights[place])
    return hidden
