"""Generalised advantage estimation (Schulman et al., arXiv 1506.02438)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dse.env.rollout import Rollout


def advantages(
    rewards: Tensor, values: Tensor, following: Tensor, rollout: Rollout, *, discount: float, trace: float
) -> Tensor:
    """(A, T, n) of tensors of that shape: rewards, and what states were thought to be worth before and after.

    A terminated episode is worth nothing more; a truncated one what is thought of its end.
    """
    terminated, over = (
        torch.from_numpy(flags.astype(np.float32))
        for flags in (rollout.terminated, rollout.terminated | rollout.truncated)
    )
    errors = rewards + discount * following * (1.0 - terminated) - values
    fading = discount * trace * (1.0 - over)
    found, ahead = torch.zeros_like(errors), torch.zeros_like(errors[:, 0])
    for step in reversed(range(len(over))):
        ahead = errors[:, step] + fading[step] * ahead
        found[:, step] = ahead
    return found


def standardised(gained: Tensor) -> Tensor:
    """(A, T * n) of advantages (A, T, n): each agent's with mean 0 and spread 1."""
    flat = gained.flatten(1)
    return (flat - flat.mean(1, keepdim=True)) / (flat.std(1, keepdim=True) + 1e-8)
