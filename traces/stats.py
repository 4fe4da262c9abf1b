"""What a trace looks like before any memory is chosen, and how it spreads over banks once it is decoded."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from traces.clock import FS_PER_NS
from traces.errors import TraceError
from traces.trace import BURST_BYTES, Trace

_WINDOW_NS = 1000.0


@dataclass(frozen=True, slots=True)
class TraceStats:
    """Locality and load of a trace, independent of any memory.

    intensity_requests_per_us, offered_gbps: over the whole duration; GB/s are 1e9 bytes a second.
    peak_offered_gbps: in the busiest window of 1 us.
    interarrival_variation: standard deviation of the gaps between arrivals over their mean; 0 evenly paced,
    1 like a Poisson process, more for bursts.
    next_line_share: requests to the line after that of the request before.
    same_row_1kib_share (2, 8): requests in the same aligned block as the request before.
    reuse_share: requests to a line seen before in the trace.
    """

    requests: int
    reads: int
    writes: int
    sources: int
    read_share: float
    duration_us: float
    clock_ns: float
    footprint_bytes: int
    address_span_bytes: int
    distinct_lines: int
    requests_per_line: float
    reuse_share: float
    intensity_requests_per_us: float
    offered_gbps: float
    peak_offered_gbps: float
    interarrival_variation: float
    next_line_share: float
    same_row_1kib_share: float
    same_row_2kib_share: float
    same_row_8kib_share: float

    def to_dict(self) -> dict[str, int | float]:
        """Name to number; every name carries its unit."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class BankSpread:
    """How a trace spreads over the banks of one device under one address mapping.

    bank_evenness: entropy of the requests a bank over that of an even spread; 1 is even, 0 is one bank.
    busiest_bank_share: of all requests. row_hit_share: requests to the row that was last used in their bank.
    offered_load: offered bandwidth over the peak of the data bus; above 1 the memory cannot keep up.
    """

    banks: int
    banks_used: int
    bank_evenness: float
    busiest_bank_share: float
    row_hit_share: float
    peak_gbps: float
    offered_load: float

    def to_dict(self) -> dict[str, int | float]:
        """Name to number; every name carries its unit."""
        return asdict(self)


def describe(trace: Trace) -> TraceStats:
    """Statistics of `trace`; sorts the addresses once, otherwise linear."""
    line = trace.address // np.uint64(BURST_BYTES)
    distinct = len(np.unique(line))
    n, writes = len(trace), int(trace.is_write.sum())
    duration_ns = _duration_ns(trace)
    total_bytes = int(trace.size_bytes.sum(dtype=np.int64))
    return TraceStats(
        requests=n,
        reads=n - writes,
        writes=writes,
        sources=len(np.unique(trace.source)),
        read_share=(n - writes) / n,
        duration_us=duration_ns / 1000,
        clock_ns=trace.clock_fs / FS_PER_NS,
        footprint_bytes=distinct * BURST_BYTES,
        address_span_bytes=(int(line.max()) - int(line.min()) + 1) * BURST_BYTES,
        distinct_lines=distinct,
        requests_per_line=n / distinct,
        reuse_share=1 - distinct / n,
        intensity_requests_per_us=n / duration_ns * 1000,
        offered_gbps=total_bytes / duration_ns,
        peak_offered_gbps=_peak_gbps(trace),
        interarrival_variation=_variation(trace),
        next_line_share=_share(line[1:] == line[:-1] + np.uint64(1)),
        same_row_1kib_share=_same_block(trace, 1 << 10),
        same_row_2kib_share=_same_block(trace, 2 << 10),
        same_row_8kib_share=_same_block(trace, 8 << 10),
    )


def bank_spread(
    bank: NDArray[np.integer],
    row: NDArray[np.integer],
    *,
    banks: int,
    offered_gbps: float,
    peak_gbps: float,
) -> BankSpread:
    """The spread of decoded requests in trace order.

    bank: shape (n,), 0..banks-1 over all ranks. row: shape (n,).
    Raises TraceError when the arrays differ in length, are empty, or a bank is out of range.
    """
    if bank.shape != row.shape or bank.ndim != 1 or not len(bank):
        raise TraceError(f"bank has shape {bank.shape} and row {row.shape}: expected two equal (n,), n >= 1")
    if int(bank.min()) < 0 or int(bank.max()) >= banks:
        raise TraceError(f"bank numbers run from {bank.min()} to {bank.max()}: expected 0 to {banks - 1}")
    count = np.bincount(bank.astype(np.int64), minlength=banks)
    share = count[count > 0] / len(bank)
    entropy = float(-(share * np.log2(share)).sum())
    order = np.argsort(bank, kind="stable")
    by_bank, by_row = bank[order], row[order]
    hits = int(((by_bank[1:] == by_bank[:-1]) & (by_row[1:] == by_row[:-1])).sum())
    return BankSpread(
        banks=banks,
        banks_used=len(share),
        bank_evenness=abs(entropy) / np.log2(banks).item() if banks > 1 else 1.0,
        busiest_bank_share=float(share.max()),
        row_hit_share=hits / len(bank),
        peak_gbps=peak_gbps,
        offered_load=offered_gbps / peak_gbps,
    )


def _duration_ns(trace: Trace) -> float:
    """At least one period of the clock: a trace whose requests all arrive at once still has a finite load."""
    return max(trace.duration_ns, trace.clock_fs / FS_PER_NS)


def _peak_gbps(trace: Trace) -> float:
    """Bytes in the busiest aligned window of 1 us, over 1 us; the mean when the trace is shorter."""
    if trace.duration_ns < _WINDOW_NS:
        return int(trace.size_bytes.sum(dtype=np.int64)) / _duration_ns(trace)
    window = (trace.arrival_ns() / _WINDOW_NS).astype(np.int64)
    edges = np.flatnonzero(np.diff(window, prepend=-1))
    return float(np.add.reduceat(trace.size_bytes.astype(np.int64), edges).max()) / _WINDOW_NS


def _variation(trace: Trace) -> float:
    gaps = np.diff(trace.arrival_cycle).astype(np.float64)
    return float(gaps.std() / gaps.mean()) if len(gaps) and gaps.any() else 0.0


def _same_block(trace: Trace, block_bytes: int) -> float:
    block = trace.address // np.uint64(block_bytes)
    return _share(block[1:] == block[:-1])


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else 0.0
