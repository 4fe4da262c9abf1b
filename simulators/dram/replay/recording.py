"""One run with everything that it left behind: what replays report, compare, draw and write.

A `Recording` is the same whether the compiled engine ran the design or the twin with a user's own
scheduler.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dse.metrics import Metrics
from dse.point import DesignPoint
from dse.simulator import Work
from ext import dram_engine
from simulators.dram.config import ControllerConfig
from simulators.dram.measure import Measured
from simulators.dram.memory.devices import Device
from simulators.dram.simulator import DramSimulator
from simulators.dram.stream import Stream

CommandArrays = Mapping[str, NDArray[Any]]
Watch = Callable[[int], None]
"""Told, now and then, how many requests are done."""

STALL = "stall_"
_STEP = 100_000
_BATCHES = 32  # as the engine


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A finished run.

    counters: of SPEC names, cycles and counts. log: arrays cycle, command (position in COMMANDS),
    channel, rank, bank (flat in the channel, -1 for commands to a rank), row, column, request; None if it
    was not kept. accept, finish: device cycles of each request of `stream`, (n,).
    """

    device: Device
    config: ControllerConfig
    metrics: Metrics
    counters: Mapping[str, int]
    stream: Stream
    accept: NDArray[np.int64]
    finish: NDArray[np.int64]
    log: CommandArrays | None

    @property
    def arrival(self) -> NDArray[np.int64]:
        """Device cycles, (n,)."""
        return self.stream.requests.arrival_cycle

    @property
    def elapsed_ns(self) -> float:
        return self.counters["elapsed_cycles"] * self.device.tck_ns


class SourceStatistics(NamedTuple):
    """What one source of requests got; latencies in ns from arrival to the response, without the
    warm-up."""

    source: int
    reads: int
    writes: int
    bandwidth_gbps: float
    read_latency_mean_ns: float
    read_latency_p95_ns: float
    read_latency_p99_ns: float
    write_latency_mean_ns: float


def record(
    simulator: DramSimulator,
    point: DesignPoint,
    workload: Work,
    *,
    log: bool = False,
    watch: Watch | None = None,
) -> Recording:
    """Run `point` on the engine to its end. log: keep every command (28 bytes each)."""
    session = simulator.open(point, workload, log=log, record=True)
    while not session.advance(requests=_STEP):
        if watch is not None:
            watch(session.delivered)
    return Recording(
        device=session.device,
        config=session.config,
        metrics=session.finish(),
        counters=session.measured().counters,
        stream=simulator.stream(workload, point=point),
        accept=session.accept_cycles,
        finish=session.finish_cycles,
        log=session.command_log() if log else None,
    )


def measured_from(
    counters: Mapping[str, int], stream: Stream, accept: NDArray[np.int64], finish: NDArray[np.int64]
) -> Measured:
    """Counters and cycles of requests in the form of the engine's; requests that did not finish (-1) are
    left out."""
    requests = stream.requests
    counted = (np.arange(len(requests)) >= stream.warmup) & (finish >= 0)
    reads = counted & (requests.is_write == 0)
    writes = counted & (requests.is_write != 0)
    latencies = [
        (finish - since)[chosen] for since in (requests.arrival_cycle, accept) for chosen in (reads, writes)
    ]
    upper = dram_engine.bin_upper_bounds()
    in_order = np.lexsort((requests.source[reads], finish[reads]))
    batch_sums, batch_counts = _batches(latencies[0][in_order])
    histograms = [np.bincount(dram_engine.latency_bins(one), minlength=len(upper)) for one in latencies]
    return Measured(
        counters=counters,
        histograms=np.array(histograms, dtype=np.int64),
        bin_upper=upper,
        latency_sums=np.array([one.sum() for one in latencies], dtype=np.int64),
        latency_maxima=np.array([one.max(initial=0) for one in latencies], dtype=np.int64),
        batch_sums=batch_sums,
        batch_counts=batch_counts,
        last_arrival_cycle=stream.last_arrival_cycle,
    )


def time_by_cause(recording: Recording) -> dict[str, float]:
    """Where the elapsed time went, ns by cause, the mean over the channels; the sum is the elapsed time.

    A cycle in which a channel issued a command counts as "command", one without requests as "idle", any
    other under the constraint that its next command waited for (`simulators.dram.memory.constraints.CAUSES`).
    """
    per_cycle = recording.device.tck_ns / recording.config.n_channels
    return {
        name.removeprefix(STALL): cycles * per_cycle
        for name, cycles in recording.counters.items()
        if name.startswith(STALL)
    }


def by_source(recording: Recording) -> list[SourceStatistics]:
    """One entry a source, in the order of their numbers."""
    requests = recording.stream.requests
    latency_ns = (recording.finish - recording.arrival) * recording.device.tck_ns
    finished = recording.finish >= 0
    counted = finished & (np.arange(len(requests)) >= recording.stream.warmup)
    is_write = requests.is_write.astype(np.bool_)
    found = []
    for source in range(requests.n_sources):
        own = requests.source == source
        read_ns = np.sort(latency_ns[own & ~is_write & counted])
        write_ns = latency_ns[own & is_write & counted]
        moved_bytes = int((own & finished).sum()) * recording.device.burst_bytes
        found.append(
            SourceStatistics(
                source,
                int((own & ~is_write).sum()),
                int((own & is_write).sum()),
                moved_bytes / recording.elapsed_ns if recording.elapsed_ns else 0.0,
                _mean(read_ns),
                _nearest_rank(read_ns, 0.95),
                _nearest_rank(read_ns, 0.99),
                _mean(write_ns),
            )
        )
    return found


def _batches(latencies: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sums and counts of consecutive reads, by completion, in as many batches as the engine makes."""
    edges = np.arange(1, _BATCHES + 1) * len(latencies) // _BATCHES
    batch = np.searchsorted(edges, np.arange(len(latencies)), "right")
    sums = np.bincount(batch, weights=latencies, minlength=_BATCHES).astype(np.int64)
    return sums, np.bincount(batch, minlength=_BATCHES).astype(np.int64)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else math.nan


def _nearest_rank(ascending: NDArray[np.float64], share: float) -> float:
    return float(ascending[math.ceil(share * len(ascending)) - 1]) if len(ascending) else math.nan
