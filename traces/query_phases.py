"""The phases of `synthetic.query`: a worker of a column store that runs joins, one kind of access each.

* scan: `columns` columns are read in step, each line after line. Revisits of a row are far apart in time, but
  all of them are hits if it is left open. Columns begin a row of 8 KiB apart beyond a multiple of their
  length, as tuned code places them, so that they lie in different banks.
* probe: independent reads of random lines, with exponential gaps: a hash table larger than any cache.
* lookup: dependent reads of random lines, one after the other: the way down an index.
* spill: a run is read and another one written, both in order, at a high load: a partition that goes to disk.
  The runs lie in different banks.
* wait: for a client or a disk: long gaps, exponential, between bursts of a few consecutive lines.

All of it is stated relative to `interval_cycles`, the mean time between two requests of a scan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traces.phases import Phase, Planned

FOOTPRINT_LINES = (1 << 30) // 64
_ROW_LINES = 8192 // 64
_COLUMN_LINES, _RUN_LINES = (2 << 20) // 64, (4 << 20) // 64 + 5 * _ROW_LINES
_PROBE, _LOOKUP, _SPILL, _WAIT, _BURST = 1.6, 1.8, 0.4, 150.0, 0.1  # of the interval of a scan
_BURST_LINES = 8
SPREAD = 0.5
"""Of the lengths of phases around their mean."""

Lines = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Requests:
    """Of one phase, from its begin: arrivals in cycles, lines, and whether each is a write."""

    arrival: Lines
    line: Lines
    is_write: NDArray[np.bool_]


def made(planned: Planned, interval: float, columns: int, cycles: int) -> Requests:
    """The requests of a phase of so many cycles, one at least."""
    return KINDS[planned.kind](planned.rng, interval, columns, cycles)


def cut(phases: list[Phase], end: int) -> tuple[Phase, ...]:
    """The phases that begin before `end`, the last of them ending there."""
    kept = [phase for phase in phases if phase.start < end]
    return (*kept[:-1], Phase(kept[-1].kind, kept[-1].start, end))


def _scan(rng: np.random.Generator, interval: float, columns: int, cycles: int) -> Requests:
    slots = _regular(interval, cycles)
    arrival = np.sort(slots + rng.integers(0, max(1, int(interval)), len(slots)))
    count = np.arange(len(slots))
    start = rng.integers(0, FOOTPRINT_LINES // _ROW_LINES) * _ROW_LINES
    line = start + count % columns * (_COLUMN_LINES + _ROW_LINES) + count // columns
    return Requests(np.minimum(arrival, cycles - 1), line % FOOTPRINT_LINES, _reads(line))


def _probe(rng: np.random.Generator, interval: float, columns: int, cycles: int) -> Requests:
    arrival = _exponential(rng, _PROBE * interval, cycles)
    line = rng.integers(0, FOOTPRINT_LINES, len(arrival))
    return Requests(arrival, line, _reads(line))


def _lookup(rng: np.random.Generator, interval: float, columns: int, cycles: int) -> Requests:
    arrival = _regular(_LOOKUP * interval, cycles)
    line = rng.integers(0, FOOTPRINT_LINES, len(arrival))
    return Requests(arrival, line, _reads(line))


def _spill(rng: np.random.Generator, interval: float, columns: int, cycles: int) -> Requests:
    arrival = _regular(_SPILL * interval, cycles)
    count = np.arange(len(arrival))
    start = rng.integers(0, FOOTPRINT_LINES // _ROW_LINES) * _ROW_LINES
    line = start + count % 2 * _RUN_LINES + count // 2
    return Requests(arrival, line % FOOTPRINT_LINES, count % 2 == 1)


def _wait(rng: np.random.Generator, interval: float, columns: int, cycles: int) -> Requests:
    begin = _exponential(rng, _WAIT * interval, cycles)
    step = max(1, round(_BURST * interval))
    arrival = (begin[:, None] + np.arange(_BURST_LINES) * step).ravel()
    start = rng.integers(0, FOOTPRINT_LINES - _BURST_LINES, len(begin))
    line = (start[:, None] + np.arange(_BURST_LINES)).ravel()
    order = np.argsort(arrival, kind="stable")
    return Requests(np.minimum(arrival[order], cycles - 1), line[order], _reads(line))


KINDS: dict[str, Callable[[np.random.Generator, float, int, int], Requests]] = {
    "scan": _scan,
    "probe": _probe,
    "lookup": _lookup,
    "spill": _spill,
    "wait": _wait,
}


def _regular(interval: float, cycles: int) -> Lines:
    """A request each `interval`, the first at once."""
    arrival: Lines = np.floor(np.arange(0, cycles, interval)).astype(np.int64)
    return arrival


def _exponential(rng: np.random.Generator, mean: float, cycles: int) -> Lines:
    """The first at once, the others after exponential gaps."""
    gaps = rng.exponential(mean, int(2 * cycles / mean) + 16)
    arrival: Lines = np.concatenate([[0], np.cumsum(np.maximum(1, np.rint(gaps)))]).astype(np.int64)
    within: Lines = arrival[arrival < cycles]
    return within


def _reads(like: NDArray[Any]) -> NDArray[np.bool_]:
    return np.zeros(len(like), dtype=np.bool_)
