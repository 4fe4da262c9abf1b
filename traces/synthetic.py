"""Synthetic traces, seeded and vectorised: the same arguments give the same requests.

Every generator takes the number of requests, a seed, the arrival interval and the arrival clock, and says in
the provenance how it was called. Addresses are 64-byte lines. The defaults offer 9.6 GB/s, half of what a
64-bit DDR4-2400 channel can carry, unless a docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traces import query_phases as of_query
from traces.errors import TraceError
from traces.phases import Phase, plan
from traces.trace import BURST_BYTES, Trace

CLOCK_MHZ = 1200.0
_MAX_REQUESTS = 10**9

Lines = NDArray[np.int64]


def stream(
    n: int,
    *,
    seed: int = 0,
    interval_cycles: int = 8,
    footprint_bytes: int = 64 << 20,
    write_share: float = 0.0,
    clock_mhz: float = CLOCK_MHZ,
) -> Trace:
    """One sequential pass, line after line, starting again at the end of the footprint."""
    rng = _generator(n, seed)
    lines = np.arange(n) % _lines("footprint_bytes", footprint_bytes)
    call = {"footprint_bytes": footprint_bytes, "write_share": write_share}
    return _trace(
        "stream", lines, _writes(rng, n, write_share), _paced(n, interval_cycles), clock_mhz, seed, call
    )


def triad(
    n: int,
    *,
    seed: int = 0,
    interval_cycles: int = 8,
    array_bytes: int = 16 << 20,
    offset_bytes: int = 24 << 10,
    clock_mhz: float = CLOCK_MHZ,
) -> Trace:
    """a[i] = b[i] + s * c[i]: read a line of b, one of c, write one of a. Arrays lie `offset_bytes` apart.

    The seed has no effect: nothing here is random.
    """
    _generator(n, seed)
    length, offset = _lines("array_bytes", array_bytes), _lines("offset_bytes", offset_bytes, low=0)
    which, element = np.arange(n) % 3, (np.arange(n) // 3) % length
    lines = (np.array([1, 2, 0]) * (length + offset))[which] + element
    call = {"array_bytes": array_bytes, "offset_bytes": offset_bytes}
    return _trace("triad", lines, which == 2, _paced(n, interval_cycles), clock_mhz, seed, call)


def strided(
    n: int,
    *,
    seed: int = 0,
    interval_cycles: int = 8,
    stride_bytes: int = 4096,
    footprint_bytes: int = 64 << 20,
    write_share: float = 0.0,
    clock_mhz: float = CLOCK_MHZ,
) -> Trace:
    """A constant stride; each pass over the footprint starts one line later, like walking down columns."""
    rng = _generator(n, seed)
    stride = _lines("stride_bytes", stride_bytes)
    footprint = max(_lines("footprint_bytes", footprint_bytes), stride)
    per_pass = footprint // stride
    passes, step = np.divmod(np.arange(n), per_pass)
    lines = step * stride + passes % stride
    call = {"stride_bytes": stride_bytes, "footprint_bytes": footprint_bytes, "write_share": write_share}
    writes = _writes(rng, n, write_share)
    return _trace("strided", lines, writes, _paced(n, interval_cycles), clock_mhz, seed, call)


def uniform_random(
    n: int,
    *,
    seed: int = 0,
    interval_cycles: int = 8,
    footprint_bytes: int = 1 << 30,
    write_share: float = 1 / 3,
    clock_mhz: float = CLOCK_MHZ,
) -> Trace:
    """Lines drawn uniformly from the footprint."""
    rng = _generator(n, seed)
    lines = rng.integers(0, _lines("footprint_bytes", footprint_bytes), n)
    call = {"footprint_bytes": footprint_bytes, "write_share": write_share}
    writes = _writes(rng, n, write_share)
    return _trace("uniform_random", lines, writes, _paced(n, interval_cycles), clock_mhz, seed, call)


def pointer_chase(
    n: int,
    *,
    seed: int = 0,
    interval_cycles: int = 72,
    footprint_bytes: int = 64 << 20,
    clock_mhz: float = CLOCK_MHZ,
) -> Trace:
    """Dependent reads along one random cycle through the footprint: the next arrives a nominal latency later.

    interval_cycles: that latency, 60 ns by default; the offered load is low, 1.1 GB/s.
    """
    rng = _generator(n, seed)
    length = _lines("footprint_bytes", footprint_bytes)
    lines = np.resize(rng.permutation(length), n)
    call = {"footprint_bytes": footprint_bytes}
    reads = np.zeros(n, dtype=np.bool_)
    return _trace("pointer_chase", lines, reads, _paced(n, interval_cycles), clock_mhz, seed, call)


def zipf_rows(
    n: int,
    *,
    seed: int = 0,
    interval_cycles: int = 8,
    rows: int = 16384,
    row_bytes: int = 8192,
    exponent: float = 1.1,
    write_share: float = 1 / 3,
    clock_mhz: float = CLOCK_MHZ,
) -> Trace:
    """Hot rows: row k in order of heat is drawn with probability ~ k^-exponent, its line uniformly.

    Hot rows are scattered over the footprint of `rows` x `row_bytes`.
    """
    rng = _generator(n, seed)
    per_row = _lines("row_bytes", row_bytes)
    _within("rows", rows, 1, 2**30)
    _within("exponent", exponent, 0.0, 20.0)
    heat = np.cumsum(np.arange(1, rows + 1, dtype=np.float64) ** -exponent)
    rank = np.minimum(np.searchsorted(heat, rng.random(n) * heat[-1], side="right"), rows - 1)
    lines = rng.permutation(rows)[rank] * per_row + rng.integers(0, per_row, n)
    call = {"rows": rows, "row_bytes": row_bytes, "exponent": exponent, "write_share": write_share}
    writes = _writes(rng, n, write_share)
    return _trace("zipf_rows", lines, writes, _paced(n, interval_cycles), clock_mhz, seed, call)


def bursty(
    n: int,
    *,
    seed: int = 0,
    interval_cycles: int = 4,
    burst_length: int = 64,
    gap_cycles: int = 2000,
    footprint_bytes: int = 256 << 20,
    write_share: float = 1 / 3,
    clock_mhz: float = CLOCK_MHZ,
) -> Trace:
    """Bursts of consecutive lines at full speed, then idle gaps, exponential with mean `gap_cycles`.

    The mean load is low: power-down and refresh have room here.
    """
    rng = _generator(n, seed)
    _within("burst_length", burst_length, 1, _MAX_REQUESTS)
    _within("gap_cycles", gap_cycles, 0, 2**31)
    footprint = _lines("footprint_bytes", footprint_bytes)
    burst, place = np.divmod(np.arange(n), burst_length)
    start = rng.integers(0, footprint, burst[-1] + 1)
    gap = np.concatenate([[0], np.cumsum(np.rint(rng.exponential(gap_cycles, burst[-1])).astype(np.int64))])
    arrival = _paced(n, interval_cycles) + gap[burst]
    writes = _writes(rng, burst[-1] + 1, write_share)[burst]
    call = {
        "burst_length": burst_length,
        "gap_cycles": gap_cycles,
        "footprint_bytes": footprint_bytes,
        "write_share": write_share,
    }
    return _trace("bursty", (start[burst] + place) % footprint, writes, arrival, clock_mhz, seed, call)


def alternating(
    n: int,
    *,
    seed: int = 0,
    interval_cycles: int = 8,
    shortest: int = 50,
    longest: int = 300,
    block_seed: int = 0,
    footprint_bytes: int = 1 << 30,
    write_share: float = 0.0,
    clock_mhz: float = CLOCK_MHZ,
) -> Trace:
    """A sequential pass and random lines by turns, in blocks of `shortest` to `longest` requests.

    A block has the requests that `stream` or `uniform_random`, called with the same arguments, has at these
    places. block_seed: of the lengths of the blocks; a stream comes first.
    """
    _within("shortest", shortest, 1, _MAX_REQUESTS)
    _within("longest", longest, shortest, _MAX_REQUESTS)
    _within("block_seed", block_seed, 0, 2**63)
    given = {"seed": seed, "interval_cycles": interval_cycles, "footprint_bytes": footprint_bytes}
    kinds = [make(n, **given, write_share=write_share) for make in (stream, uniform_random)]
    lengths = np.random.default_rng(block_seed).integers(shortest, longest + 1, -(-n // shortest))
    at_random = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)[:n]
    address, writes = (
        np.where(at_random, getattr(kinds[1], column), getattr(kinds[0], column))
        for column in ("address", "is_write")
    )
    call = {
        "shortest": shortest,
        "longest": longest,
        "block_seed": block_seed,
        "footprint_bytes": footprint_bytes,
        "write_share": write_share,
    }
    lines = address // np.uint64(BURST_BYTES)
    return _trace("alternating", lines, writes, kinds[0].arrival_cycle, clock_mhz, seed, call)


def phases(
    n: int,
    *,
    seed: int = 0,
    interval_cycles: int = 8,
    kinds: Sequence[str] = ("stream", "uniform_random", "zipf_rows", "bursty"),
    phase_length: int = 4096,
    clock_mhz: float = CLOCK_MHZ,
) -> Trace:
    """A program that changes its behaviour: phases of the given kinds in turn, one after the other in time.

    phase_length: requests a phase. Each phase is drawn anew from the seed.
    """
    _generator(n, seed)
    _within("phase_length", phase_length, 1, _MAX_REQUESTS)
    if not kinds or any(kind not in GENERATORS or kind in _CHANGING for kind in kinds):
        known = ", ".join(name for name in GENERATORS if name not in _CHANGING)
        raise TraceError(f"kinds={list(kinds)!r}: expected one or more of {known}")
    seeds = np.random.SeedSequence(seed).generate_state(-(-n // phase_length))
    parts = []
    for index, start in enumerate(range(0, n, phase_length)):
        make = GENERATORS[kinds[index % len(kinds)]]
        length = min(phase_length, n - start)
        part = make(length, seed=int(seeds[index]), interval_cycles=interval_cycles, clock_mhz=clock_mhz)
        parts.append(part)
    starts = np.cumsum([0, *(int(part.arrival_cycle[-1]) + interval_cycles for part in parts[:-1])])
    arrival = np.concatenate([part.arrival_cycle + at for part, at in zip(parts, starts, strict=True)])
    lines = np.concatenate([part.address for part in parts]) // np.uint64(BURST_BYTES)
    writes = np.concatenate([part.is_write for part in parts])
    call = {"kinds": ",".join(kinds), "phase_length": phase_length}
    return _trace("phases", lines, writes, arrival, clock_mhz, seed, call)


QUERY = (*("scan",) * 3, *("probe",) * 5, "lookup", "spill", "wait")
"""A round of the phases of `query` (kinds of `traces.query_phases`): a join mostly probes."""


def query(
    n: int,
    *,
    seed: int = 0,
    interval_cycles: int = 50,
    kinds: Sequence[str] = QUERY,
    period_us: float = 50.0,
    columns: int = 16,
    clock_mhz: float = CLOCK_MHZ,
) -> Trace:
    """A worker of a column store, whose phases want different things of a memory controller.

    kinds: of phases (`traces.query_phases`); each round has all entries once, in a seeded order.
    period_us: mean length of a phase. columns: that a scan reads in step. interval_cycles: mean time between
    two requests of a scan, 1.5 GB/s by default; the other kinds are in proportion. Where the phases begin:
    `query_phases`, with the same arguments.
    """
    requests, _ = _query(n, seed, interval_cycles, kinds, period_us, columns, clock_mhz)
    lines, writes, arrival = requests.line, requests.is_write, requests.arrival
    call = {"kinds": ",".join(kinds), "period_us": period_us, "columns": columns}
    return _trace("query", lines, writes, arrival, clock_mhz, seed, call)


def query_phases(
    n: int,
    *,
    seed: int = 0,
    interval_cycles: int = 50,
    kinds: Sequence[str] = QUERY,
    period_us: float = 50.0,
    columns: int = 16,
    clock_mhz: float = CLOCK_MHZ,
) -> tuple[Phase, ...]:
    """The phases of the trace that `query` makes of the same arguments, in cycles of its arrival clock."""
    return _query(n, seed, interval_cycles, kinds, period_us, columns, clock_mhz)[1]


_ALL = (
    *(stream, triad, strided, uniform_random, pointer_chase, zipf_rows, bursty, alternating),
    *(phases, query),
)
GENERATORS: dict[str, Callable[..., Trace]] = {function.__name__: function for function in _ALL}


def _query(
    n: int,
    seed: int,
    interval_cycles: int,
    kinds: Sequence[str],
    period_us: float,
    columns: int,
    clock_mhz: float,
) -> tuple[of_query.Requests, tuple[Phase, ...]]:
    _generator(n, seed)
    _within("interval_cycles", interval_cycles, 1, 2**20)
    _within("columns", columns, 1, 256)
    _within("clock_mhz", clock_mhz, 1.0, 1e5)
    parts: list[of_query.Requests] = []
    found: list[Phase] = []
    start = left = 0
    for planned in plan(seed, kinds, of_query.KINDS, period_us, of_query.SPREAD):
        if left >= n:
            break
        end = start + max(1, round(planned.length_us * clock_mhz))
        part = of_query.made(planned, interval_cycles, columns, end - start)
        parts.append(of_query.Requests(part.arrival + start, part.line, part.is_write))
        found.append(Phase(planned.kind, start, end))
        start, left = end, left + len(part.arrival)
    columns_of = (np.concatenate([getattr(part, name) for part in parts])[:n] for name in _QUERY_COLUMNS)
    requests = of_query.Requests(*columns_of)
    return requests, of_query.cut(found, int(requests.arrival[-1]) + 1)


_QUERY_COLUMNS = ("arrival", "line", "is_write")
_CHANGING = ("phases", "query")


def _trace(
    name: str,
    lines: NDArray[Any],
    is_write: NDArray[np.bool_],
    arrival: Lines,
    clock_mhz: float,
    seed: int,
    call: dict[str, Any],
) -> Trace:
    provenance = {"generator": name, "seed": str(seed), **{key: str(value) for key, value in call.items()}}
    return Trace(
        arrival_cycle=arrival,
        address=lines.astype(np.uint64) * np.uint64(BURST_BYTES),
        is_write=is_write,
        clock_mhz=clock_mhz,
        name=name,
        provenance=provenance,
    )


def _generator(n: int, seed: int) -> np.random.Generator:
    _within("n", n, 1, _MAX_REQUESTS)
    _within("seed", seed, 0, 2**63)
    return np.random.default_rng(seed)


def _paced(n: int, interval_cycles: int) -> Lines:
    _within("interval_cycles", interval_cycles, 0, 2**31)
    return np.arange(n, dtype=np.int64) * interval_cycles


def _writes(rng: np.random.Generator, n: int, share: float) -> NDArray[np.bool_]:
    _within("write_share", share, 0.0, 1.0)
    return rng.random(n) < share


def _lines(name: str, size_bytes: int, low: int = BURST_BYTES) -> int:
    _within(name, size_bytes, low, 1 << 48)
    return size_bytes // BURST_BYTES


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise TraceError(f"{name}={value!r} is out of range: expected {low:g} to {high:g}")
