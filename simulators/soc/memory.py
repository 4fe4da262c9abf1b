"""The DRAM controller as the memory of a chip: the engine opened to be fed, and where addresses go."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ext.dram_engine import DramEngine
from simulators.dram.config import ControllerConfig
from simulators.dram.memory.devices import Device
from simulators.dram.memory.mapping import AddressMapping
from simulators.dram.system import System
from simulators.soc.config import LINE_BYTES, MemoryConfig

_ADDRESS_BYTES = 8
_COLUMN_SHIFT, _BANK_SHIFT, _CHANNEL_SHIFT = (np.uint64(shift) for shift in (32, 48, 56))


def live_engine(
    system: System, controller: ControllerConfig, sources: int, *, log: bool = False
) -> DramEngine:
    """An engine at cycle 0 without requests, which `sources` will hand theirs in while it runs."""
    words, small, large = np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.int32)
    return DramEngine(
        controller.vector(),
        system.rows,
        system.lengths,
        words,
        small if system.device.channels > 1 else None,
        small,
        large,
        large,
        small,
        small,
        log=log,
        live_sources=sources,
    )


def routing_table(mapping: AddressMapping) -> NDArray[np.uint64]:
    """Where each byte of an address sends it, uint64 (8, 256): row, column, bank and channel in one number.

    A mapping is made of bits and exclusive ors, so that an address goes where its bytes do, combined so.
    """
    rows = []
    for byte in range(_ADDRESS_BYTES):
        found = mapping.decode(np.arange(256, dtype=np.uint64) << np.uint64(8 * byte))
        row, column, bank, channel = (
            part.astype(np.uint64) for part in (found.row, found.column, found.bank, found.channel)
        )
        rows.append(row | column << _COLUMN_SHIFT | bank << _BANK_SHIFT | channel << _CHANNEL_SHIFT)
    return np.stack(rows)


def memory_config(device: Device) -> MemoryConfig:
    """How lines become bursts of the device."""
    burst = min(device.burst_bytes, LINE_BYTES)
    return MemoryConfig("dram", 1, 0, LINE_BYTES // burst, burst.bit_length() - 1)
