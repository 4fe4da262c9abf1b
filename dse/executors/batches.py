"""Batches of designs cut into chunks for workers, and the answers put together again."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import InputError
from dse.metrics import MetricsBatch, MetricSchema
from dse.simulator import Simulator
from dse.space import IndexMatrix
from traces.instruction_workload import AnyWorkload

log = logging.getLogger(__name__)

Works = tuple[int, ...] | None
"""Positions of the workloads to run on; None means all of them."""

_CHUNKS_PER_WORKER = 4
_CHUNKS_PER_TIME_LIMIT = 4
_WEIGHT_OF_THE_LAST = 0.3


def run_isolated(
    simulator: Simulator,
    rows: IndexMatrix,
    workloads: Sequence[AnyWorkload],
    threads: int = 1,
    *,
    not_caught: tuple[type[Exception], ...] = (InputError,),
) -> MetricsBatch:
    """`run_batch`; if it raises, one design at a time, so that only those fail that fail alone."""
    try:
        return simulator.run_batch(rows, workloads, threads=threads)
    except not_caught:
        raise
    except Exception as error:
        if len(rows) == 1:
            log.warning("a simulation failed: %s: %s", type(error).__name__, error)
            return failed_batch(simulator.schema, len(workloads), f"{type(error).__name__}: {error}")
    parts = [
        run_isolated(simulator, rows[i : i + 1], workloads, threads, not_caught=not_caught)
        for i in range(len(rows))
    ]
    order = [np.array([i]) for i in range(len(rows))]
    return joined(simulator.schema, len(workloads), order, parts)


def picked(workloads: Sequence[AnyWorkload], works: Sequence[int] | None) -> Sequence[AnyWorkload]:
    """The workloads at these positions, in that order; all of them if None."""
    return workloads if works is None else [workloads[position] for position in works]


def positions_of(works: Sequence[int] | None) -> Works:
    """The same positions as plain numbers, which can be sent and looked up."""
    return None if works is None else tuple(int(position) for position in works)


def failed_batch(schema: MetricSchema, n_workloads: int, note: str) -> MetricsBatch:
    """One design that failed, with a note that says why."""
    shape = (1, n_workloads, len(schema))
    notes: list[Any] = [[(note,)] * n_workloads]
    return MetricsBatch(schema, np.full(shape, np.nan), notes, np.zeros(shape[:2]))


def joined(
    schema: MetricSchema,
    n_workloads: int,
    positions: Sequence[NDArray[np.int64]],
    parts: Sequence[MetricsBatch],
) -> MetricsBatch:
    """One batch of parts that answer the rows at `positions`, which together are 0 .. n - 1."""
    n = sum(len(part) for part in parts)
    values = np.full((n, n_workloads, len(schema)), np.nan)
    seconds = np.zeros((n, n_workloads))
    notes: list[Sequence[tuple[str, ...]]] = []
    if any(part.notes for part in parts):
        notes = [[()] * n_workloads for _ in range(n)]
    for where, part in zip(positions, parts, strict=True):
        values[where] = part.values
        seconds[where] = part.seconds
        for position, remarks in zip(where.tolist(), part.notes, strict=False):
            notes[position] = remarks
    return MetricsBatch(schema, values, notes, seconds)


@dataclass(slots=True)
class ChunkSize:
    """How many designs a worker gets at once: enough work to be worth the way, little enough to share out.

    least_seconds: work that a chunk should have. time_limit_s: of one design; a chunk stays well below it.
    """

    least_seconds: float
    time_limit_s: float | None = None
    seconds_per_design: float = math.nan

    def learn(self, designs: int, seconds: float) -> None:
        """Note that a worker took so long for that many designs."""
        one = max(seconds, 1e-9) / designs
        known = self.seconds_per_design
        self.seconds_per_design = one if math.isnan(known) else known + _WEIGHT_OF_THE_LAST * (one - known)

    def cut(self, n: int, workers: int) -> list[NDArray[np.int64]]:
        """Positions 0 .. n - 1 in consecutive chunks."""
        share = max(1, math.ceil(n / workers))
        size = math.ceil(share / _CHUNKS_PER_WORKER)
        if not math.isnan(self.seconds_per_design):
            size = min(share, max(size, math.ceil(self.least_seconds / self.seconds_per_design)))
            if self.time_limit_s is not None:
                most = self.time_limit_s / _CHUNKS_PER_TIME_LIMIT / self.seconds_per_design
                size = min(size, max(1, int(most)))
        return np.array_split(np.arange(n), max(1, math.ceil(n / size)))


@dataclass(slots=True)
class ChunkSizes:
    """A `ChunkSize` for each selection of workloads: how long a design takes depends on it."""

    least_seconds: float
    time_limit_s: float | None = None
    _known: dict[Works, ChunkSize] = field(default_factory=dict)

    def of(self, works: Works) -> ChunkSize:
        """The one for these workloads."""
        return self._known.setdefault(works, ChunkSize(self.least_seconds, self.time_limit_s))
