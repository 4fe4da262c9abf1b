"""`SavedPolicy`: what a team has learnt about many workloads, as a file and as a distribution over designs.

Networks as `agents.learning.ppo` trains them (`agents.learning.train_policy`), one a subsystem, that see what
a workload is like and which objective counts how much. Here is no torch: using a policy takes numpy alone.
A file is arrays and JSON (`dse.state`), never pickle.

What is seen is cut off at the ends of what was learnt from: networks do not extrapolate.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import ConfigError
from dse.option_files import MOST_BYTES, read_option_file
from dse.state import pack, unpack

FORMAT, VERSION = "marl-dse policy", 1
_LIMIT = 10.0  # spreads from the mean at which `agents.learning.scaling.Scale` cuts off
_TRAIN = "train one with agents.learning.train_policy.train_policy"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SavedPolicy:
    """A agents with P parameters of V values at most; K numbers seen.

    space: its name. parameters: name to values. agents: name to its parameters. metrics: of the objectives
    under preference. sees: names of the numbers seen, "workload:*" before "weight:*". networks: matrices
    (A, in, out) and biases (A, 1, out) by turns. mean, spread, low, high: (K,) of what was seen. allowed:
    (A, P, V) the values to choose among. trained: how, in JSON values.
    """

    space: str
    parameters: Mapping[str, Sequence[Any]]
    agents: Mapping[str, Sequence[str]]
    metrics: Sequence[str]
    sees: Sequence[str]
    networks: Sequence[NDArray[np.float32]]
    mean: Floats
    spread: Floats
    low: Floats
    high: Floats
    allowed: NDArray[np.bool_]
    trained: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_context(self) -> int:
        """How many of the numbers seen say what the workload is like; 0 for a blind policy."""
        return sum(name.startswith("workload:") for name in self.sees)

    def preferences(self, observed: Floats) -> Floats:
        """(A, B, P, V) logits of all values under observations (B, K); -inf where there is no value."""
        seen = np.clip(observed, self.low, self.high)
        hidden = np.clip((seen - self.mean) / self.spread, -_LIMIT, _LIMIT)[None]
        for place in range(0, len(self.networks), 2):
            hidden = np.tanh(hidden) if place else hidden
            hidden = hidden @ self.networks[place].astype(np.float64) + self.networks[place + 1]
        n_agents, width, n_values = self.allowed.shape
        logits = hidden.reshape(n_agents, len(observed), width, n_values)
        return np.where(self.allowed[:, None], logits, -np.inf)

    def to_bytes(self) -> bytes:
        """The file; equal policies give equal bytes."""
        contents = {one.name: getattr(self, one.name) for one in fields(self)}
        return pack({"format": FORMAT, "version": VERSION, **contents})

    def write(self, path: Path | str) -> None:
        """Save it in a file (`.npz`)."""
        Path(path).write_bytes(self.to_bytes())

    @property
    def digest(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @classmethod
    def read(cls, name: str) -> SavedPolicy:
        """The policy in a file that an option names (`dse.option_files`). ConfigError if there is none."""
        try:
            data = read_option_file(name, MOST_BYTES)
        except OSError as error:
            raise ConfigError(
                f"checkpoint {name!r} cannot be read: {error.strerror}. Give the file of a saved policy; "
                f"{_TRAIN}",
                key="checkpoint",
            ) from None
        return cls.from_bytes(data, name)

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> SavedPolicy:
        """The policy in the bytes of a file of that name. ConfigError if they are something else."""
        try:
            saved = unpack(data)
        except (ValueError, KeyError, TypeError, OSError, EOFError, MemoryError, zipfile.BadZipFile):
            saved = {}
        if saved.get("format") != FORMAT:
            raise ConfigError(f"checkpoint {name!r} is not a saved policy: {_TRAIN}", key="checkpoint")
        if saved.get("version") != VERSION:
            raise ConfigError(
                f"checkpoint {name!r} is of version {saved.get('version')!r}, and this is for version "
                f"{VERSION}: {_TRAIN} of this version",
                key="checkpoint",
            )
        try:
            policy = cls(**{one.name: saved[one.name] for one in fields(cls)})
            policy.preferences(np.zeros((1, len(policy.sees))))
            _check_names(policy)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            raise ConfigError(f"checkpoint {name!r} is damaged: {_TRAIN}", key="checkpoint") from None
        return policy


def _check_names(policy: SavedPolicy) -> None:
    """ValueError unless names and arrays belong together."""
    n_agents, width, n_values = policy.allowed.shape
    owned = [name for names in policy.agents.values() for name in names]
    fits = (
        n_agents == len(policy.agents)
        and all(len(names) <= width for names in policy.agents.values())
        and all(len(values) <= n_values for values in policy.parameters.values())
        and sorted(owned) == sorted(policy.parameters)
    )
    if not fits:
        raise ValueError("names and arrays do not belong together")
