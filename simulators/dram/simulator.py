"""`DramSimulator`: the DRAM controller as a `Simulator`, over the compiled engine.

One simulation is a pure function of the design and the workload. Traces are merged and decoded once per
address mapping and shared, read-only, by all simulations of a batch; the engine runs without the GIL, so a
batch uses threads.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from threading import Lock
from typing import Any

import numpy as np

from dse.errors import InputError, SpaceError, listed
from dse.metrics import Metrics, MetricsBatch, MetricSchema
from dse.point import DesignPoint
from dse.simulator import Work
from dse.space import DesignSpace, IndexMatrix
from ext import dram_engine
from simulators.dram.area import controller_cost
from simulators.dram.config import ControllerConfig
from simulators.dram.devices import Device, device
from simulators.dram.mapping import MAPPINGS, AddressMapping, Decoded
from simulators.dram.measure import Measured, metrics
from simulators.dram.power import EventEnergy
from simulators.dram.schema import dram_schema
from simulators.dram.session import DramSession
from simulators.dram.space import space
from traces.workload import Requests, Workload

_CACHED_STREAMS = 32
_SOURCES = ("area.py", "config.py", "mapping.py", "measure.py", "power.py", "schema.py", "simulator.py")


@dataclass(frozen=True, slots=True)
class Stream:
    """A workload as the engine takes it: requests in device cycles, decoded by one address mapping."""

    requests: Requests
    decoded: Decoded
    warmup: int

    @property
    def last_arrival_cycle(self) -> int:
        return int(self.requests.arrival_cycle[-1]) if len(self.requests) else 0


class DramSimulator:
    """A single-channel DRAM controller and its memory.

    space: a preset ("dram", "dramgym", "dramgym-published") or a `DesignSpace` with parameters of those.
    device: one of `simulators.dram.devices.device_ids()`.
    address_mapping: for spaces in which it is not a parameter (where it is, its default).
    Raises LookupFailed for an unknown name.
    """

    name = "dram"

    def __init__(
        self,
        space: str | DesignSpace = "dram",
        device: str | Device = "ddr4-2400-8gb-x8",
        address_mapping: str = MAPPINGS[0],
    ) -> None:
        self.device = _device(device)
        AddressMapping.preset(address_mapping, self.device)
        self.address_mapping = address_mapping
        self.space = _with_default_mapping(_space(space), address_mapping)
        self.events = EventEnergy.of(self.device)
        self._preset = space if isinstance(space, str) else self.space.name
        self._streams: OrderedDict[tuple[str, str], Stream] = OrderedDict()
        self._lock = Lock()

    @property
    def schema(self) -> MetricSchema:
        return dram_schema()

    @property
    def build_id(self) -> str:
        """Identity of everything that decides a result but the design and the workload."""
        return f"dram-{_code_hash()}-{self.device.id}-{self.address_mapping}"

    def describe(self) -> dict[str, Any]:
        """Options that build an equal simulator."""
        return {"space": self._preset, "device": self.device.id, "address_mapping": self.address_mapping}

    def open(self, point: DesignPoint, workload: Work, seed: int = 0, *, log: bool = False) -> DramSession:
        """A session at cycle 0. The controller has no randomness, so `seed` changes nothing.

        log: keep the command log (`DramSession.command_log`).
        """
        self.space.encode(point)
        design = point.to_dict()
        config = ControllerConfig.build(self.device, design)
        stream = self.stream(workload, self.mapping_of(point))
        requests, decoded = stream.requests, stream.decoded
        engine = dram_engine.DramEngine(
            config.vector(),
            requests.arrival_cycle,
            decoded.bank,
            decoded.row,
            decoded.column,
            requests.is_write,
            requests.source,
            warmup=stream.warmup,
            log=log,
        )
        return DramSession(self, engine, point, stream.last_arrival_cycle)

    def run(self, point: DesignPoint, workload: Work, seed: int = 0) -> Metrics:
        """One design on one workload to its end."""
        return self.open(point, workload, seed).finish()

    def run_batch(
        self, points: Sequence[DesignPoint] | IndexMatrix, workloads: Sequence[Work], threads: int = 1
    ) -> MetricsBatch:
        """Every design on every workload, in `threads` threads; the result does not depend on how many."""
        designs = self._points(points)
        works = [Workload.of(workload) for workload in workloads]
        values = np.full((len(designs), len(works), len(self.schema)), np.nan)
        seconds = np.zeros(values.shape[:2])
        notes: list[list[tuple[str, ...]]] = [[() for _ in works] for _ in designs]

        def one(cell: tuple[int, int]) -> None:
            started = time.perf_counter()
            measured = self.run(designs[cell[0]], works[cell[1]])
            values[cell] = measured.values_array
            notes[cell[0]][cell[1]] = measured.notes
            seconds[cell] = time.perf_counter() - started

        _for_each(one, list(np.ndindex(values.shape[:2])), threads)
        return MetricsBatch(self.schema, values, notes, seconds)

    def stream(self, workload: Work, address_mapping: str) -> Stream:
        """The workload merged and decoded; kept for the next simulation."""
        return self._stream(Workload.of(workload), address_mapping)

    def mapping_of(self, point: DesignPoint) -> str:
        """The address mapping that `point` is simulated with."""
        return str(point["address_mapping"]) if "address_mapping" in point.names else self.address_mapping

    def measure(self, measured: Measured, point: DesignPoint) -> Metrics:
        """Metrics of what an engine counted while it ran `point`."""
        cost = controller_cost(point.to_dict(), self.device)
        return metrics(measured, self.device, self.events, cost)

    def _points(self, points: Sequence[DesignPoint] | IndexMatrix) -> list[DesignPoint]:
        if isinstance(points, np.ndarray):
            return [self.space.from_indices(row) for row in points]
        return list(points)

    def _stream(self, workload: Workload, mapping: str) -> Stream:
        key = (workload.hash, mapping)
        with self._lock:
            found = self._streams.get(key)
            if found is None:
                found = self._decode(workload, mapping)
                self._streams[key] = found
            self._streams.move_to_end(key)
            while len(self._streams) > _CACHED_STREAMS:
                self._streams.popitem(last=False)
        return found

    def _decode(self, workload: Workload, mapping: str) -> Stream:
        requests = workload.merged(self.device.tck_fs)
        _check_sources(workload, requests)
        decoded = AddressMapping.preset(mapping, self.device).decode(requests.address)
        for array in (decoded.bank, decoded.row, decoded.column):
            array.setflags(write=False)
        return Stream(requests, decoded, workload.warmup)


def _for_each(work: Callable[[tuple[int, int]], None], cells: list[tuple[int, ...]], threads: int) -> None:
    if threads <= 1 or len(cells) <= 1:
        for cell in cells:
            work((cell[0], cell[1]))
        return
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for future in [pool.submit(work, (cell[0], cell[1])) for cell in cells]:
            future.result()


def _device(chosen: str | Device) -> Device:
    return device(chosen) if isinstance(chosen, str) else chosen


def _space(chosen: str | DesignSpace) -> DesignSpace:
    if isinstance(chosen, str):
        return space(chosen)
    unknown = [name for name in chosen.names if name not in space("dram").names]
    if unknown:
        raise SpaceError(
            f"design space {chosen.name!r} has the parameter {unknown[0]!r}, which the DRAM controller does "
            f"not know: expected some of {listed(space('dram').names)}"
        )
    return chosen


def _with_default_mapping(chosen: DesignSpace, mapping: str) -> DesignSpace:
    """`chosen`, with `mapping` as the default of its parameter address_mapping if it has one."""
    if "address_mapping" not in chosen.names:
        return chosen
    parameters = [
        replace(parameter, default=mapping) if parameter.name == "address_mapping" else parameter
        for parameter in chosen.parameters
    ]
    return DesignSpace(chosen.name, parameters, chosen.constraints, chosen.dead_rules)


def _check_sources(workload: Workload, requests: Requests) -> None:
    limit = int(dram_engine.MAX_SOURCES)
    if requests.n_sources > limit:
        raise InputError(
            f"workload {workload.name!r} has {requests.n_sources} sources: the controller has {limit} ports"
        )


@cache
def _code_hash() -> str:
    """Hash of the engine's sources and of the Python and data that turn its counts into metrics."""
    folder = resources.files("simulators.dram")
    digest = hashlib.blake2b(digest_size=8)
    digest.update(dram_engine.SOURCE_HASH.encode())
    presets = sorted((folder / "presets").iterdir(), key=lambda file: file.name)
    for file in [*(folder / name for name in _SOURCES), *presets]:
        digest.update(file.read_bytes())
    return digest.hexdigest()
