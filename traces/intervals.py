"""A few intervals of a workload that stand for all of it: shorter simulations of a long trace.

The way of SimPoint (Sherwood, Perelman, Hamerly, Calder: Automatically Characterizing Large Scale Program
Behavior, ASPLOS 2002): cut the stream into intervals of equal length, cluster their signatures by k-means,
take as few clusters as the Bayesian information criterion (Pelleg and Moore: X-means, ICML 2000) says is
enough, and simulate the interval next to the middle of each cluster. How far to trust it: docs/intervals.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from traces.clock import FS_PER_NS
from traces.errors import TraceError
from traces.instruction_workload import AnyWorkload, InstructionWorkload
from traces.signatures import Floats, Signatures, program_rows, signatures
from traces.workload import Workload

_MOST_PIECES = 24
_WARMUP_SHARE = 0.25
_MOST_INTERVALS = 20_000
_STARTS = 5
_ITERATIONS = 50
_ENOUGH = 0.9
_NOTHING = 1e-4


@dataclass(frozen=True, slots=True)
class _Pieces:
    """How a share is spent: pieces of about `usual`, and which part of each warms up, at most so much."""

    fewest: int
    usual: int
    shortest: int
    warmup_share: float
    longest_warmup: int


_OF_REQUESTS = _Pieces(4, 4000, 64, _WARMUP_SHARE, 4000)
# Caches and predictors remember much longer than the queues and rows of a memory: few pieces, half of each to
# warm up.
_OF_PROGRAMS = _Pieces(1, 50_000, 1000, 0.5, 1_000_000)


@dataclass(frozen=True, slots=True)
class Interval:
    """A piece of a workload: `workload.cut(start, length, warmup)`.

    start: its first simulated request. length: how many are simulated. warmup: how many of these, the first
    ones, are left out of latency statistics. weight: how many times the piece stands in the workload, so that
    the sum of weight * length is the length of the workload, and times and energies add up likewise.
    """

    start: int
    length: int
    warmup: int
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Phases:
    """How a workload was cut and clustered.

    edges: (n + 1,) requests at which the n intervals begin, and the end. cluster: (n,) of each interval, 0 to
    k - 1 by first appearance. chosen: (k,) the interval that stands for each cluster. pieces: what is
    simulated for each, in that order: the chosen interval and the warm-up before it.
    """

    edges: NDArray[np.int64]
    cluster: NDArray[np.int64]
    chosen: NDArray[np.int64]
    pieces: tuple[Interval, ...]
    signatures: Signatures

    @property
    def shares(self) -> Floats:
        """(k,) share of the requests in each cluster."""
        sizes = np.bincount(self.cluster, weights=np.diff(self.edges))
        return np.asarray(sizes / sizes.sum())


def head(workload: AnyWorkload, share: float) -> tuple[Interval, ...]:
    """The first requests, about `share` of them. Raises TraceError unless 0 < share <= 1."""
    requests = len(workload)
    length = _budget(workload, share)
    warmup = max(workload.warmup * length // requests, min(workload.warmup, int(length * _WARMUP_SHARE)))
    return (Interval(0, length, warmup, requests / length),)


def representative(workload: AnyWorkload, share: float, seed: int = 0) -> tuple[Interval, ...]:
    """Intervals that stand for the workload, at most about `share` of its requests, warm-up included.

    The same for the same requests, share and seed. Raises TraceError unless 0 < share <= 1.
    """
    if _budget(workload, share) == len(workload):
        return head(workload, share)
    if isinstance(workload, InstructionWorkload):
        edges, warmup, most = _edges(workload, share, None)
        return _stood_for(workload, edges, program_rows(workload, edges, seed), warmup, most, seed)[2]
    return phases(workload, share, seed).pieces


def phases(workload: Workload, share: float, seed: int = 0, length: int | None = None) -> Phases:
    """Cut, cluster and choose. length: of an interval without its warm-up, by default what the share allows.

    Raises TraceError for a share out of (0, 1], and for one that has no room for an interval of that length.
    """
    edges, warmup, most = _edges(workload, share, length)
    stream = replace(workload).merged(FS_PER_NS)  # of a copy, which does not keep it
    found = signatures(stream, edges, seed)
    return Phases(edges, *_stood_for(workload, edges, found.rows, warmup, most, seed), found)


def _edges(workload: AnyWorkload, share: float, length: int | None) -> tuple[NDArray[np.int64], int, int]:
    """Where the intervals begin, and the end; the length of a warm-up; for how many there is room."""
    requests, budget = len(workload), _budget(workload, share)
    pieces = _OF_PROGRAMS if isinstance(workload, InstructionWorkload) else _OF_REQUESTS
    own, warmup, most = _lengths(requests, budget, share, length, pieces)
    count = -(-requests // own)
    return np.arange(count + 1, dtype=np.int64) * requests // count, warmup, min(most, count)


def _stood_for(
    workload: AnyWorkload, edges: NDArray[np.int64], rows: Floats, warmup: int, most: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[Interval, ...]]:
    """Cluster, chosen and pieces as in `Phases`."""
    cluster, middles = _clustered(rows, most, seed)
    chosen = _nearest(rows, cluster, middles)
    pieces = tuple(
        _piece(workload, edges, int(interval), warmup, int(np.diff(edges)[cluster == number].sum()))
        for number, interval in enumerate(chosen)
    )
    return cluster, chosen, pieces


def _budget(workload: AnyWorkload, share: float) -> int:
    if not 0 < share <= 1:
        raise TraceError(f"share={share!r} is out of range: expected above 0, and at most 1")
    return max(1, int(len(workload) * share))


def _lengths(
    requests: int, budget: int, share: float, length: int | None, usual: _Pieces
) -> tuple[int, int, int]:
    """Requests of an interval and of the warm-up before it, and for how many of both there is room."""
    if length is None:
        pieces = min(max(round(budget / usual.usual), usual.fewest), _MOST_PIECES)
        piece = min(max(budget // pieces, usual.shortest), budget)
        warmup = min(int(piece * usual.warmup_share), usual.longest_warmup)
        length = max(piece - warmup, -(-requests // _MOST_INTERVALS))
    elif length < 1:
        raise TraceError(f"length={length!r} is out of range: expected at least 1")
    else:
        warmup = min(int(length * usual.warmup_share / (1 - usual.warmup_share)), usual.longest_warmup)
    if length * _MOST_INTERVALS < requests:
        raise TraceError(
            f"{requests} requests in intervals of {length} are more than {_MOST_INTERVALS} intervals: "
            f"expected a length of at least {-(-requests // _MOST_INTERVALS)}"
        )
    if length + warmup > budget:
        raise TraceError(
            f"share={share!r} of {requests} requests is {budget}, too few for one interval of {length} and "
            f"a warm-up of {warmup}: expected a share of at least {_rounded_up((length + warmup) / requests)}"
        )
    return length, warmup, budget // (length + warmup)


def _rounded_up(share: float) -> float:
    return math.ceil(share * 10_000) / 10_000


def _clustered(rows: Floats, most: int, seed: int) -> tuple[NDArray[np.int64], Floats]:
    """The cluster of each row, and the middles: as few as reach 90 % of the range of the criterion."""
    most = min(most, len(np.unique(rows, axis=0)), max(1, len(rows) - 1))
    rng = np.random.default_rng(seed)
    found = [_best_of_some(rows, k, rng) for k in range(1, most + 1)]
    scores = np.array([_information(rows, cluster, middles) for cluster, middles in found])
    enough = scores >= scores.min() + _ENOUGH * (scores.max() - scores.min())
    return _by_appearance(*found[int(np.argmax(enough))])


def _best_of_some(rows: Floats, k: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], Floats]:
    """The closest of a few runs of k-means; clusters that ran empty are gone."""
    from scipy.cluster.vq import ClusterError, kmeans2

    best = np.zeros(len(rows), dtype=np.int64), rows.mean(axis=0, keepdims=True)
    if k == 1:
        return best
    for _ in range(_STARTS):
        try:
            middles, cluster = kmeans2(rows, k, _ITERATIONS, minit="++", missing="raise", rng=rng)
        except ClusterError:  # a cluster ran empty
            continue
        if _spread(rows, cluster, middles) < _spread(rows, *best):
            best = cluster.astype(np.int64), middles
    return best


def _spread(rows: Floats, cluster: NDArray[np.int64], middles: Floats) -> float:
    return float(((rows - middles[cluster]) ** 2).sum())


def _information(rows: Floats, cluster: NDArray[np.int64], middles: Floats) -> float:
    """Bayesian information criterion of a clustering in spheres of one variance (Pelleg and Moore 2000).

    Intervals that differ by no more than 0.01 in a feature are not worth clusters of their own.
    """
    n, features = rows.shape
    k = len(middles)
    variance = max(_spread(rows, cluster, middles) / (features * max(n - k, 1)), _NOTHING)
    sizes = np.bincount(cluster, minlength=k)
    members = float((sizes * np.log(np.maximum(sizes, 1) / n)).sum())
    likelihood = members - n * features / 2 * math.log(2 * math.pi * variance) - features * (n - k) / 2
    return float(likelihood - k * (features + 1) / 2 * math.log(n))


def _by_appearance(cluster: NDArray[np.int64], middles: Floats) -> tuple[NDArray[np.int64], Floats]:
    """The clusters numbered in the order in which they first appear; those without members are left out."""
    names, first = np.unique(cluster, return_index=True)
    order = names[np.argsort(first)]
    place = np.zeros(len(middles), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place[cluster], middles[order]


def _nearest(rows: Floats, cluster: NDArray[np.int64], middles: Floats) -> NDArray[np.int64]:
    """Of each cluster the row next to its middle; the first of several."""
    distance = ((rows - middles[cluster]) ** 2).sum(axis=1)
    return np.array(
        [np.argmin(np.where(cluster == k, distance, np.inf)) for k in range(len(middles))], dtype=np.int64
    )


def _piece(
    workload: AnyWorkload, edges: NDArray[np.int64], interval: int, warmup: int, stands_for: int
) -> Interval:
    """The interval with the warm-up before it; the workload's own warm-up stays out of statistics, too."""
    start = max(0, int(edges[interval]) - warmup)
    end = int(edges[interval + 1])
    left_out = max(int(edges[interval]), min(workload.warmup, end - 1)) - start
    return Interval(start, end - start, left_out, stands_for / (end - start))
