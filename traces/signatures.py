"""What the intervals of a request stream are like, as rows of numbers that a clustering can compare.

SimPoint (Sherwood, Perelman, Hamerly, Calder: Automatically Characterizing Large Scale Program Behavior,
ASPLOS 2002) compares intervals of a program by how often each runs every basic block, projected at random to
15 dimensions. A memory trace has no basic blocks. Here a row has two parts: where an interval goes, which is
the histogram of the 8 KiB regions that it touches, hashed and projected in the same way; and how it goes
there, in quantities that a memory controller feels. The second part counts four times as much: a program that
walks through its data touches new addresses all the time and still does the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from traces.instruction_workload import InstructionWorkload
from traces.workload import Requests

REGION_BITS = 13
"""Regions of 8 KiB: the row of a usual rank of DDR4."""
_RECENT = 8
_BUCKETS = 4096
_DIMENSIONS = 16
_WHERE_WEIGHT = 0.25
_NO_DIFFERENCE = 0.05
_DECIMALS = 6
_SPACE_SHIFT = 57  # programs beyond addresses that user code has

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Signatures:
    """One row an interval; all arrays of shape (intervals,) but `rows`.

    rows: (intervals, features), to be compared by Euclidean distance. start_ns: first arrival.
    requests_per_us: mean rate. write_share: of the requests. row_locality: share of requests to a region that
    one of the eight requests before went to. regions: how many different ones.
    """

    rows: Floats
    start_ns: Floats
    requests_per_us: Floats
    write_share: Floats
    row_locality: Floats
    regions: NDArray[np.int64]


def signatures(requests: Requests, edges: NDArray[np.int64], seed: int) -> Signatures:
    """The signatures of the intervals from edges[i] to edges[i+1] of a stream in clock cycles of 1 ns.

    edges: (intervals + 1,), rising from 0 to the number of requests. seed: of the random projection.
    """
    count = np.diff(edges)
    which = np.repeat(np.arange(len(count)), count)
    region = requests.address >> np.uint64(REGION_BITS)
    hashed = _mixed(region)
    arrival = requests.arrival_cycle
    rate = count / _durations(arrival, edges)
    writes = _share(requests.is_write != 0, edges)
    local = _share(_recently(region), edges)
    regions = _distinct(hashed, which, len(count))
    how = np.stack(
        [
            writes,
            local,
            _share(np.diff(region, prepend=region[:1]) == 0, edges),
            _share(np.diff(requests.is_write, prepend=requests.is_write[:1]) != 0, edges),
            np.log(rate),
            np.log(regions),
            np.log1p(_gap_variation(arrival, edges)),
        ],
        axis=1,
    )
    where = _projected(hashed, which, count, seed)
    rows = np.hstack([_WHERE_WEIGHT * _of_unit_size(where), _standardised(how)])
    return Signatures(
        # Rounded, so that machines whose logarithms differ in the last digit compare equal rows.
        rows=np.round(rows, _DECIMALS),
        start_ns=arrival[edges[:-1]].astype(np.float64),
        requests_per_us=rate * 1000,
        write_share=writes,
        row_locality=local,
        regions=regions,
    )


def program_rows(workload: InstructionWorkload, edges: NDArray[np.int64], seed: int) -> Floats:
    """Rows (intervals, features) of programs: as in SimPoint, how often each instruction runs, projected.

    edges: (intervals + 1,), in instructions of each core. Cores that run no more count as if they began anew.
    """
    count = np.diff(edges)
    which = np.repeat(np.arange(len(count)), count)
    rows = np.zeros((len(count), _DIMENSIONS))
    for number, program in enumerate(workload.programs):
        ran = (workload.start + np.arange(edges[-1])) % len(program)
        hashed = _mixed(program.ip + np.uint64(number << _SPACE_SHIFT))[ran]
        rows += _projected(hashed, which, count, seed) / len(workload.programs)
    return np.round(_of_unit_size(rows), _DECIMALS)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A hash of each number: the finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _share(flags: NDArray[np.bool_], edges: NDArray[np.int64]) -> Floats:
    return np.add.reduceat(flags.astype(np.float64), edges[:-1]) / np.diff(edges)


def _durations(arrival: NDArray[np.int64], edges: NDArray[np.int64]) -> Floats:
    """From the first request to that of the next interval; the last one is given a usual gap at its end."""
    begin, count = arrival[edges[:-1]], np.diff(edges)
    end = np.append(arrival[edges[1:-1]], arrival[-1])
    spans = (end - begin).astype(np.float64)
    spans[-1] *= count[-1] / max(count[-1] - 1, 1)
    return np.maximum(spans, 1.0)


def _recently(region: NDArray[np.uint64]) -> NDArray[np.bool_]:
    found = np.zeros(len(region), dtype=np.bool_)
    for back in range(1, min(_RECENT, len(region) - 1) + 1):
        found[back:] |= region[back:] == region[:-back]
    found[:1] = found[1:2].any()  # the first request comes after no other
    return found


def _distinct(hashed: NDArray[np.uint64], which: NDArray[np.int64], intervals: int) -> NDArray[np.int64]:
    """Different regions an interval."""
    order = np.lexsort((hashed, which))
    by_interval, by_hash = which[order], hashed[order]
    new = np.ones(len(hashed), dtype=np.bool_)
    new[1:] = (by_interval[1:] != by_interval[:-1]) | (by_hash[1:] != by_hash[:-1])
    return np.bincount(by_interval[new], minlength=intervals).astype(np.int64)


def _gap_variation(arrival: NDArray[np.int64], edges: NDArray[np.int64]) -> Floats:
    """Standard deviation of the gaps between arrivals over their mean: 0 even, 1 random, more in bursts."""
    gap = np.diff(arrival, prepend=arrival[:1]).astype(np.float64)
    gap[:1] = gap[1:2].sum()  # the first request comes after no other: as if after the usual gap
    count = np.diff(edges)
    mean = np.add.reduceat(gap, edges[:-1]) / count
    square = np.add.reduceat(gap**2, edges[:-1]) / count
    spread = np.sqrt(np.maximum(square - mean**2, 0.0))
    return np.asarray(np.divide(spread, mean, out=np.zeros_like(mean), where=mean > 0))


def _projected(
    hashed: NDArray[np.uint64], which: NDArray[np.int64], count: NDArray[np.int64], seed: int
) -> Floats:
    """Shares of the requests in each hash bucket times a random matrix; the shares are never written down."""
    matrix = np.random.default_rng(seed).uniform(-1.0, 1.0, (_DIMENSIONS, _BUCKETS))
    bucket = (hashed % np.uint64(_BUCKETS)).astype(np.int64)
    columns = [np.bincount(which, weights=row[bucket], minlength=len(count)) / count for row in matrix]
    return np.stack(columns, axis=1)


def _of_unit_size(rows: Floats) -> Floats:
    """Around their mean, with a mean squared length of 1 (of 0 if all are equal)."""
    centred = rows - rows.mean(axis=0)
    size = float(np.sqrt((centred**2).sum(axis=1).mean()))
    return np.asarray(centred / size if size > 0 else centred)


def _standardised(columns: Floats) -> Floats:
    """Every column around its mean in standard deviations, all columns together of unit size.

    Shares and logarithms that vary by less than 0.05 are not stretched: such intervals are alike.
    """
    spread = np.maximum(columns.std(axis=0), _NO_DIFFERENCE)
    return np.asarray((columns - columns.mean(axis=0)) / spread / np.sqrt(columns.shape[1]))
