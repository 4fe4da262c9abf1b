"""Workloads as the engine takes them: bursts in device cycles, decoded by one address mapping.

A request is one or more whole bursts of the memory: one that is larger than a burst becomes consecutive
bursts with its arrival and its source, and every count, latency and line of a log is of a burst. A trace
larger than memory is decoded chunk by chunk into files of a temporary folder, which the engine reads as if
they were in memory (`Spill`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
from numpy.typing import NDArray

from dse.errors import InputError
from simulators.dram.memory.devices import Device
from simulators.dram.memory.mapping import AddressMapping, Decoded
from traces.trace import Trace
from traces.workload import Requests, Workload

REFUSE, WRAP = BEYOND_CAPACITY = ("refuse", "wrap")


@dataclass(frozen=True, slots=True)
class Stream:
    """Bursts in order of arrival, and where each goes.

    requests: of one burst each. warmup: the first bursts, left out of latency statistics.
    """

    requests: Requests
    decoded: Decoded
    warmup: int

    @property
    def last_arrival_cycle(self) -> int:
        return int(self.requests.arrival_cycle[-1]) if len(self.requests) else 0


def decode(workload: Workload, mapping: AddressMapping, device: Device, beyond: str = REFUSE) -> Stream:
    """The workload's merged stream in cycles of `device`. beyond: "refuse" or "wrap" addresses beyond it.

    InputError for a request that is no whole number of bursts, or beyond the memory.
    """
    merged = workload.merged(device.tck_fs)
    warmup = int(_pieces(merged.size_bytes[: workload.warmup], device).sum())
    requests = _bursts(merged, device)
    if beyond == REFUSE:
        mapping.check_within(requests.address)
    decoded = mapping.decode(requests.address)
    for array in (decoded.channel, decoded.bank, decoded.row, decoded.column):
        array.setflags(write=False)
    return Stream(requests, decoded, warmup)


def _pieces(size_bytes: NDArray[np.int32], device: Device, first: int = 0) -> NDArray[np.int64]:
    """Bursts of each request; InputError names the first that is no whole number of them."""
    burst = device.burst_bytes
    odd = np.flatnonzero(size_bytes % burst)
    if len(odd):
        index = int(odd[0])
        raise InputError(
            f"request {first + index}: {int(size_bytes[index])} bytes are no multiple of the {burst} bytes "
            f"of a burst of {device.id}: record or convert the trace with whole lines of {burst} bytes, or "
            "take a memory with smaller bursts",
            key="size_bytes",
        )
    return size_bytes.astype(np.int64) // burst


def _bursts(requests: Requests, device: Device, first: int = 0) -> Requests:
    """One line a burst; `requests` itself where that is so already."""
    burst = device.burst_bytes
    if (requests.size_bytes == burst).all():
        return requests
    pieces = _pieces(requests.size_bytes, device, first)
    index = np.repeat(np.arange(len(pieces)), pieces)
    nth = np.arange(len(index)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    columns: dict[str, Any] = {
        name: getattr(requests, name)[index] for name in ("arrival_cycle", "is_write", "source")
    }
    start = requests.address - requests.address % np.uint64(burst)
    columns["address"] = start[index] + nth.astype(np.uint64) * np.uint64(burst)
    columns["size_bytes"] = np.full(len(index), burst, dtype=np.int32)
    for column in columns.values():
        column.setflags(write=False)
    return Requests(**columns, n_sources=requests.n_sources)


class Spill:
    """A trace decoded chunk by chunk into files of `folder`; `stream` maps them into memory, read-only.

    Memory in use is that of one chunk; the operating system keeps of the files what fits.
    """

    _TYPES: ClassVar[dict[str, Any]] = {
        "arrival_cycle": np.int64,
        "address": np.uint64,
        "is_write": np.uint8,
        "source": np.uint8,
        "channel": np.uint8,
        "bank": np.uint8,
        "row": np.int32,
        "column": np.int32,
    }

    def __init__(
        self,
        folder: Path,
        mapping: AddressMapping,
        device: Device,
        *,
        arrival_scale: float = 1.0,
        beyond: str = REFUSE,
    ) -> None:
        self._folder = folder
        self._mapping = mapping
        self._device = device
        self._arrival_scale = arrival_scale
        self._beyond = beyond
        self._bursts = 0
        self._requests = 0
        self._last_arrival = 0
        self._seen = np.zeros(256, dtype=np.bool_)

    def add(self, chunks: Iterable[Trace], warmup: int = 0) -> Stream:
        """Decode the chunks, in order of arrival, and map the whole. warmup: the first requests."""
        warmup_bursts = 0
        files = {name: (self._folder / name).open("wb") for name in self._TYPES}
        try:
            for chunk in chunks:
                early = chunk.size_bytes[: max(0, warmup - self._requests)]
                warmup_bursts += int(_pieces(early, self._device, self._requests).sum())
                self._append(chunk, files)
        finally:
            for file in files.values():
                file.close()
        if not self._bursts:
            raise InputError("the trace is empty: expected at least one request")
        return self._mapped(warmup_bursts)

    def _append(self, chunk: Trace, files: Mapping[str, BinaryIO]) -> None:
        arrival = chunk.device_cycles(self._device.tck_fs, self._arrival_scale)
        if int(arrival[0]) < self._last_arrival:
            raise InputError(
                f"request {self._requests} arrives at cycle {int(arrival[0])}, before the last of the chunk "
                f"before it ({self._last_arrival}): expected chunks in order of arrival"
            )
        plain = Requests(
            arrival, chunk.address, chunk.is_write.view(np.uint8), chunk.source, chunk.size_bytes, 0
        )
        requests = _bursts(plain, self._device, self._requests)
        if self._beyond == REFUSE:
            self._mapping.check_within(requests.address, self._bursts)
        decoded = self._mapping.decode(requests.address)
        for name, file in files.items():
            owner: Any = requests if hasattr(requests, name) else decoded
            file.write(np.ascontiguousarray(getattr(owner, name), dtype=self._TYPES[name]).data)
        self._seen[np.unique(chunk.source)] = True
        self._last_arrival = int(arrival[-1])
        self._requests += len(chunk)
        self._bursts += len(requests)

    def _mapped(self, warmup: int) -> Stream:
        """Sources become consecutive numbers in their order, as in a `Workload`."""
        numbers = (np.cumsum(self._seen) - 1).astype(np.uint8)
        n_sources = int(self._seen.sum())
        if not self._seen[:n_sources].all():
            source = self._array("source", "r+")
            for start in range(0, len(source), 1 << 20):
                part = slice(start, start + (1 << 20))
                source[part] = numbers[source[part]]
            del source
        found = {name: self._array(name, "r") for name in self._TYPES}
        sizes = np.broadcast_to(np.int32(self._device.burst_bytes), (self._bursts,))
        placed = {name: found.pop(name) for name in ("channel", "bank", "row", "column")}
        return Stream(Requests(**found, size_bytes=sizes, n_sources=n_sources), Decoded(**placed), warmup)

    def _array(self, name: str, mode: Any) -> NDArray[Any]:
        return np.memmap(self._folder / name, self._TYPES[name], mode, shape=(self._bursts,))
