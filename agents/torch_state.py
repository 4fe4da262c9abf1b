"""Torch inside a searcher, made exact: one thread while it computes, state as plain numpy arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread (sums then have one order), and give the setting back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def descend(adam: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of an optimiser against the gradient of a loss."""
    adam.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    adam.step()


def torch_generator(seed: np.random.SeedSequence) -> torch.Generator:
    """A torch generator on the CPU of this seed."""
    generator = torch.Generator()
    generator.manual_seed(int(seed.generate_state(1, np.uint64)[0] >> np.uint64(1)))
    return generator


def arrays(tensors: Sequence[Tensor]) -> list[NDArray[Any]]:
    """Copies of the tensors as arrays."""
    return [tensor.detach().numpy().copy() for tensor in tensors]


def put_back(tensors: Sequence[Tensor], saved: Sequence[NDArray[Any]]) -> None:
    """Overwrite the tensors in place with `arrays` of equal shapes."""
    with torch.no_grad():
        for tensor, array in zip(tensors, saved, strict=True):
            tensor.copy_(torch.from_numpy(np.array(array)))


def adam_state(optimizer: torch.optim.Adam) -> list[dict[str, NDArray[Any]]]:
    """Step and moments of each tensor the optimiser moves; empty before its first step."""
    saved = optimizer.state_dict()["state"]
    return [{name: value.numpy().copy() for name, value in saved[i].items()} for i in sorted(saved)]


def restore_adam(optimizer: torch.optim.Adam, saved: Sequence[dict[str, NDArray[Any]]]) -> None:
    """Put steps and moments back."""
    whole = optimizer.state_dict()
    whole["state"] = {
        i: {name: torch.from_numpy(np.array(value)) for name, value in entry.items()}
        for i, entry in enumerate(saved)
    }
    optimizer.load_state_dict(whole)
