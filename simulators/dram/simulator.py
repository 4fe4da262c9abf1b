"""`DramSimulator`: the DRAM controller as a `Simulator`, over the compiled engine.

One simulation is a pure function of the design and the workload. Traces are merged and decoded once per
memory and address mapping and shared, read-only, by all simulations of a batch; the engine runs without the
GIL, so a batch uses threads.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import resources
from itertools import product
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from dse.errors import InputError
from dse.metrics import Metrics, MetricsBatch, MetricSchema
from dse.parameter import Value
from dse.point import DesignPoint
from dse.simulator import Work
from dse.space import DesignSpace, IndexMatrix
from ext import dram_engine
from simulators.dram.area import controller_cost
from simulators.dram.config import ControllerConfig
from simulators.dram.fleet import DramFleet
from simulators.dram.live import live_schema
from simulators.dram.measure import Measured, metrics
from simulators.dram.memory.devices import Device, device
from simulators.dram.memory.mapping import MAPPINGS, AddressMapping
from simulators.dram.options import Options, checked_space
from simulators.dram.schema import dram_schema
from simulators.dram.session import PLACEMENT, DramSession
from simulators.dram.stream import Spill, Stream, decode
from simulators.dram.system import System, chosen_system
from traces.trace import Trace
from traces.workload import Workload

_CACHED_STREAMS = 32
_SOURCES = (
    "area.py", "config.py", "cost.py", "measure.py", "options.py", "power.py", "row_hammer.py", "schema.py",
    "simulator.py", "stream.py", "system.py", "memory/bounds.py", "memory/constraints.py",
    "memory/devices.py", "memory/mapping.py", "memory/standard_file.py",
)  # fmt: skip


class DramSimulator:
    """A DRAM controller of one or more channels, and its memory.

    space: a preset (`simulators.dram.space.space_names()`) or a `DesignSpace` with parameters of those.
    device: one of `simulators.dram.memory.devices.device_ids()`.
    address_mapping: a name or a text (`memory.mapping`). channels, ranks: by default the device's own.
    Where the space has them as parameters (memory, address_mapping, channels, ranks), these are its defaults.
    temperature_c: of the case; above the limit of the standard refresh comes more often.
    beyond_capacity: "refuse" requests beyond the memory, or let their addresses "wrap".
    mitigation: against RowHammer, of every design, set for `row_hammer_threshold` activates
    (`simulators.dram.row_hammer`). controller: policies of every design that the space leaves out.
    Raises LookupFailed for an unknown name, InputError or SpaceError for what cannot be.
    """

    name = "dram"

    def __init__(
        self,
        space: str | DesignSpace = "dram",
        device: str | Device = "ddr4-2400-8gb-x8",
        address_mapping: str = MAPPINGS[0],
        channels: int | None = None,
        ranks: int | None = None,
        temperature_c: float | None = None,
        beyond_capacity: str = "refuse",
        mitigation: str = "None",
        row_hammer_threshold: int = 10_000,
        controller: Mapping[str, Value] | None = None,
    ) -> None:
        self._memory = memory = _device(device)
        self._system = System.of(memory, channels, ranks)
        self.device = self._system.device
        self._systems = {(self.device.channels, self.device.ranks): self._system}
        self.address_mapping = AddressMapping.of(address_mapping, self.device).name
        self._options = Options(
            channels=channels,
            ranks=ranks,
            temperature_c=temperature_c,
            beyond_capacity=beyond_capacity,
            mitigation=mitigation,
            row_hammer_threshold=row_hammer_threshold,
            controller=dict(controller or {}),
        )
        self.space = checked_space(space, memory, address_mapping, self._options)
        self._preset = space if isinstance(space, str) else self.space.name
        self._streams: OrderedDict[tuple[str, str, str], Stream] = OrderedDict()
        self._lock = Lock()
        self.config_of(self.space.default())

    @property
    def schema(self) -> MetricSchema:
        return dram_schema()

    @property
    def live_parameters(self) -> tuple[str, ...]:
        """All of its space but those by which data lies in the memory."""
        return tuple(name for name in self.space.names if name not in PLACEMENT)

    @property
    def live_schema(self) -> MetricSchema:
        """What an epoch of a running memory counts."""
        return live_schema()

    @property
    def live_work(self) -> str:
        """The sum that says how much of the workload is done."""
        return "requests"

    @property
    def live_fixed(self) -> tuple[str, ...]:
        """Sums that are the same however a run is re-tuned."""
        return ("requests", "reads", "writes", "served_bytes", "timed_reads", "timed_writes")

    @property
    def build_id(self) -> str:
        """Identity of everything that decides a result but the design and the workload."""
        text = json.dumps(self._options.changed(), sort_keys=True) + repr(self.device)
        digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
        return f"dram-{_code_hash()}-{self.device.id}-{self.address_mapping}-{digest}"

    def describe(self) -> dict[str, Any]:
        """Options that build an equal simulator."""
        own = {"space": self._preset, "device": self.device.id, "address_mapping": self.address_mapping}
        return own | self._options.changed()

    def open(
        self, point: DesignPoint, workload: Work, seed: int = 0, *, log: bool = False, record: bool = False
    ) -> DramSession:
        """A session at cycle 0. The controller has no randomness but that of `mitigation_seed`, so `seed`
        changes nothing.

        log: keep the command log (`DramSession.command_log`). record: keep the cycles of acceptance and
        response of each burst (`accept_cycles`, `finish_cycles`).
        """
        self.space.encode(point)
        return self._open(point, self.stream(workload, point=point), log, record)

    def run(self, point: DesignPoint, workload: Work, seed: int = 0) -> Metrics:
        """One design on one workload to its end."""
        return self.open(point, workload, seed).finish()

    def _run(self, point: DesignPoint, workload: Workload) -> Metrics:
        """`run` of a design that is known to be one of the space."""
        return self._open(point, self.stream(workload, point=point)).finish()

    def fleet(self, n: int, threads: int = 1) -> DramFleet:
        """`n` simulations side by side, none of them begun; up to `threads` of them run at a time."""
        return DramFleet(self, self.live_parameters, n, threads)

    def run_chunks(
        self, point: DesignPoint, chunks: Iterable[Trace], *, arrival_scale: float = 1.0, warmup: int = 0
    ) -> Metrics:
        """One design on one trace that comes in pieces, in order of arrival, and need never be in memory.

        The pieces are decoded one by one into a temporary folder. The result is that of the whole trace.
        """
        self.space.encode(point)
        system = self.system_of(point)
        mapping = AddressMapping.of(self.mapping_of(point), system.device)
        beyond = self._options.beyond_capacity
        with tempfile.TemporaryDirectory(prefix="dse-trace-") as folder:
            spill = Spill(Path(folder), mapping, system.device, arrival_scale=arrival_scale, beyond=beyond)
            return self._open(point, spill.add(chunks, warmup)).finish()

    def run_batch(
        self, points: Sequence[DesignPoint] | IndexMatrix, workloads: Sequence[Work], threads: int = 1
    ) -> MetricsBatch:
        """Every design on every workload, in `threads` threads; the result does not depend on how many.

        Where the memory is part of the design, one that cannot be built or is too small is a failed run.
        """
        if isinstance(points, np.ndarray):
            designs, run = self.space.points(self.space.rows(points)), self._run
        else:
            designs, run = list(points), self.run
        works = [Workload.of(workload) for workload in workloads]
        values = np.full((len(designs), len(works), len(self.schema)), np.nan)
        seconds = np.zeros(values.shape[:2])
        notes: list[list[tuple[str, ...]]] = [[() for _ in works] for _ in designs]
        may_fail = "memory" in self.space.names

        def one(design: int, work: int) -> None:
            started = time.perf_counter()
            try:
                measured = run(designs[design], works[work])
            except InputError as error:
                if not may_fail:
                    raise
                notes[design][work] = (error.message,)
                return
            values[design, work] = measured.values_array
            notes[design][work] = measured.notes
            seconds[design, work] = time.perf_counter() - started

        _for_each(one, list(product(range(len(designs)), range(len(works)))), threads)
        return MetricsBatch(self.schema, values, notes, seconds)

    def stream(
        self, workload: Work, address_mapping: str | None = None, point: DesignPoint | None = None
    ) -> Stream:
        """The workload merged and decoded, a burst a line; kept for the next simulation.

        address_mapping: by default that of `point`. point: whose memory it is; by default the simulator's.
        """
        system = self._system if point is None else self.system_of(point)
        own = self.address_mapping if point is None else self.mapping_of(point)
        return self._stream(Workload.of(workload), system, address_mapping or own)

    def mapping_of(self, point: DesignPoint) -> str:
        """The address mapping that `point` is simulated with."""
        return str(point["address_mapping"]) if "address_mapping" in point.names else self.address_mapping

    def system_of(self, point: DesignPoint) -> System:
        """The memory of `point`, arranged in its channels and ranks, and what it costs."""
        if "memory" in point.names:
            return chosen_system(point.to_dict())
        channels = int(point["channels"]) if "channels" in point.names else self.device.channels
        ranks = int(point["ranks"]) if "ranks" in point.names else self.device.ranks
        wanted = channels, ranks
        if wanted not in self._systems:
            self._systems[wanted] = System.of(self._memory, channels, ranks)
        return self._systems[wanted]

    def device_of(self, point: DesignPoint) -> Device:
        """The device of `point`, arranged in its channels and ranks."""
        return self.system_of(point).device

    def config_of(self, point: DesignPoint) -> ControllerConfig:
        """What the engine and the twin are given: the memory and all policies of `point` as numbers.

        A source may enter as many requests a cycle as there are data buses, so that one can load them all.
        """
        memory = self.device_of(point)
        design = self._options.policies(point.to_dict(), memory)
        return ControllerConfig.build(memory, design, temperature_c=self._options.temperature_c)

    def measure(self, measured: Measured, point: DesignPoint) -> Metrics:
        """Metrics of what an engine counted while it ran `point`."""
        system = self.system_of(point)
        design = self._options.policies(point.to_dict(), system.device)
        cost = controller_cost(design, system.device)
        return metrics(measured, system, cost, str(design.get("refresh_policy", "AllBank")))

    def _open(
        self, point: DesignPoint, stream: Stream, log: bool = False, record: bool = False
    ) -> DramSession:
        config, system = self.config_of(point), self.system_of(point)
        requests, decoded = stream.requests, stream.decoded
        engine = dram_engine.DramEngine(
            config.vector(),
            system.rows,
            system.lengths,
            requests.arrival_cycle,
            decoded.channel if system.device.channels > 1 else None,
            decoded.bank,
            decoded.row,
            decoded.column,
            requests.is_write,
            requests.source,
            warmup=stream.warmup,
            log=log,
            record=record,
        )
        return DramSession(self, engine, point, config, stream.last_arrival_cycle)

    def _stream(self, workload: Workload, system: System, mapping: str) -> Stream:
        key = (workload.hash, mapping, system.key)
        with self._lock:
            found = self._streams.get(key)
            if found is None:
                address_mapping = AddressMapping.of(mapping, system.device)
                found = decode(workload, address_mapping, system.device, self._options.beyond_capacity)
                self._streams[key] = found
            self._streams.move_to_end(key)
            while len(self._streams) > _CACHED_STREAMS:
                self._streams.popitem(last=False)
        return found


def _for_each(work: Callable[[int, int], None], cells: list[tuple[int, int]], threads: int) -> None:
    if threads <= 1 or len(cells) <= 1:
        for cell in cells:
            work(*cell)
        return
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for future in [pool.submit(work, *cell) for cell in cells]:
            future.result()


def _device(chosen: str | Device) -> Device:
    return device(chosen) if isinstance(chosen, str) else chosen


@cache
def _code_hash() -> str:
    """Hash of the engine's sources and of the Python and data that turn its counts into metrics."""
    folder = resources.files("simulators.dram")
    digest = hashlib.blake2b(digest_size=8)
    digest.update(dram_engine.SOURCE_HASH.encode())
    standards = sorted((folder / "memory" / "standards").iterdir(), key=lambda file: file.name)
    shared = resources.files("simulators") / "metric_rows.py"
    for file in [*(folder / name for name in _SOURCES), shared, *standards]:
        digest.update(file.read_bytes())
    return digest.hexdigest()
