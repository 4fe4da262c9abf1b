"""The memory of a design: its device in channels and ranks, what its events cost, what it costs itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators.dram.cost import MemoryCost, memory_cost
from simulators.dram.memory.devices import Device, device
from simulators.dram.power import EventEnergy


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """A memory as it is arranged in channels and ranks.

    events: energy of its commands and states. cost: its price, pins and packages (proxies). rows, lengths:
    its constraints and the clocks of its commands as the engine takes them (`ControllerConfig.row_array`).
    """

    device: Device
    events: EventEnergy
    cost: MemoryCost
    rows: NDArray[np.int64]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, chosen: Device, channels: int | None = None, ranks: int | None = None) -> System:
        """`chosen` with so many channels and ranks, by default its own. InputError if it cannot be built."""
        arranged = chosen.arranged(channels=channels, ranks=ranks)
        rows = np.array(arranged.constraints, dtype=np.int64).reshape(-1, 6)
        lengths = np.array(arranged.lengths, dtype=np.int64)
        return cls(arranged, EventEnergy.of(arranged), memory_cost(arranged, chosen.channels), rows, lengths)

    @property
    def key(self) -> str:
        """Tells the memories of one simulator apart."""
        return f"{self.device.id} {self.device.channels}x{self.device.ranks}"

    @property
    def total_ranks(self) -> int:
        """Ranks (or pseudo channels) over all channels."""
        return self.device.channels * self.device.ranks


def chosen_system(design: Mapping[str, Any]) -> System:
    """The memory that a design names itself: its parameters memory, channels and ranks.

    `ranks` says nothing of a memory whose ranks are pseudo channels: it has all of them.
    """
    memory = device(str(design["memory"]))
    ranks = None if memory.pseudo_channels or "ranks" not in design else int(design["ranks"])
    return _system(memory.id, int(design["channels"]) if "channels" in design else None, ranks)


@lru_cache(maxsize=1024)
def _system(device_id: str, channels: int | None, ranks: int | None) -> System:
    return System.of(device(device_id), channels, ranks)
