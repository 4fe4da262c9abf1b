"""Bandwidth and latency over time: what a run's totals hide (phases, bursts, refreshes)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_BINS = 240
_FEWEST_PER_BIN = 8


class OverTime(NamedTuple):
    """One run in equal bins of time; `label` names it and `peak_gbps` is the bandwidth of a bus that
    never rests.

    time_ns: middle of each bin, (bins,). bandwidth_gbps: bytes of the requests that finished in it over
    its width. read_latency_*_ns: of the reads that finished in it; NaN where there are none.
    """

    label: str
    peak_gbps: float
    width_ns: float
    time_ns: NDArray[np.float64]
    bandwidth_gbps: NDArray[np.float64]
    read_latency_mean_ns: NDArray[np.float64]
    read_latency_p95_ns: NDArray[np.float64]


def over_time(
    label: str,
    finish_ns: NDArray[np.float64],
    latency_ns: NDArray[np.float64],
    is_read: NDArray[np.bool_],
    request_bytes: float,
    peak_gbps: float,
    bins: int | None = None,
) -> OverTime:
    """From the requests of a run, arrays (n,) in any order; by default in bins of eight requests or
    more."""
    end_ns = float(finish_ns.max()) if len(finish_ns) else 0.0
    count = bins or max(1, min(MOST_BINS, len(finish_ns) // _FEWEST_PER_BIN))
    width_ns = end_ns / count or 1.0
    place = np.minimum((finish_ns / width_ns).astype(np.int64), count - 1)
    served = np.bincount(place, minlength=count)
    mean_ns, p95_ns = _latencies(place[is_read], latency_ns[is_read], count)
    return OverTime(
        label,
        peak_gbps,
        width_ns,
        np.asarray((np.arange(count) + 0.5) * width_ns, dtype=np.float64),
        np.asarray(served * request_bytes / width_ns, dtype=np.float64),
        mean_ns,
        p95_ns,
    )


def _latencies(
    place: NDArray[np.int64], latency_ns: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and 95th percentile (nearest rank) of each bin, (count,) each."""
    ascending = latency_ns[np.lexsort((latency_ns, place))]
    reads = np.bincount(place, minlength=count)
    ends = np.cumsum(reads)
    mean_ns = np.full(count, math.nan)
    p95_ns = np.full(count, math.nan)
    filled = reads > 0
    sums = np.bincount(place, weights=latency_ns, minlength=count)
    mean_ns[filled] = sums[filled] / reads[filled]
    rank = np.ceil(0.95 * reads).astype(np.int64) - 1
    p95_ns[filled] = ascending[(ends - reads + rank)[filled]]
    return mean_ns, p95_ns
