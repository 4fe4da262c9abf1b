"""The input traces of the measured peers, by formula: `make(kind, n)`.

Reads and writes of 64-byte lines (32 bytes for seq32 and rand32) within 1 GiB; random numbers are SplitMix64
in counter mode (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

GIB = 2**30
LINE_BYTES, SHORT_LINE_BYTES = 64, 32
KINDS = ("seq", "rand", "triad", "triadc", "randrw", "idle", "mid", "seqmid", "seq32", "rand32")
_PLACE, _DIRECTION, _GAP = 1, 2, 3  # seeds

Requests = tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]


def make(kind: str, n: int) -> Requests:
    """Byte addresses, directions and arrival cycles of `n` requests, arrays (n,), in order of arrival.

    seq, seq32: consecutive lines. rand, rand32: uniform over 1 GiB. triad: read B, read C, write A, line by
    line; triadc: all three in one bank. randrw: rand with a third of writes. All these arrive in cycle 0.
    idle: rand, a gap of 100 to 300 cycles before each. mid: randrw, a gap of 0 to 24. seqmid: seq, one in 8
    cycles.
    """
    address = _ADDRESSES[kind](n)
    is_write = np.zeros(n, dtype=bool)
    if kind in ("randrw", "mid"):
        is_write = splitmix64(_DIRECTION, n) % np.uint64(3) == 0
    if kind in ("triad", "triadc"):
        is_write = np.arange(n) % 3 == 2
    return address, is_write, _arrivals(kind, n)


def splitmix64(seed: int, n: int) -> NDArray[np.uint64]:
    """The first `n` numbers of the generator, (n,)."""
    with np.errstate(over="ignore"):
        z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return z ^ (z >> np.uint64(31))


def _lines_in_order(size: int) -> Callable[[int], NDArray[np.int64]]:
    return lambda n: np.arange(n, dtype=np.int64) * size


def _lines_at_random(size: int) -> Callable[[int], NDArray[np.int64]]:
    return lambda n: (splitmix64(_PLACE, n) % np.uint64(GIB // size)).astype(np.int64) * size


def _three_arrays(skew: int) -> Callable[[int], NDArray[np.int64]]:
    """B, C and A a quarter of a GiB apart, each `skew` bytes further."""
    bases = np.array([GIB // 4 + skew, GIB // 2 + 2 * skew, 0])
    return lambda n: bases[np.arange(n) % 3] + np.arange(n) // 3 * LINE_BYTES


def _arrivals(kind: str, n: int) -> NDArray[np.int64]:
    if kind == "seqmid":
        return np.arange(n, dtype=np.int64) * 8
    gaps = {"idle": (100, 201), "mid": (0, 25)}
    if kind not in gaps:
        return np.zeros(n, dtype=np.int64)
    least, spread = gaps[kind]
    return np.cumsum(least + (splitmix64(_GAP, n) % np.uint64(spread)).astype(np.int64))


_RANDOM = _lines_at_random(LINE_BYTES)
_ORDERED = _lines_in_order(LINE_BYTES)
_ADDRESSES: dict[str, Callable[[int], NDArray[np.int64]]] = {
    "seq": _ORDERED,
    "seqmid": _ORDERED,
    "seq32": _lines_in_order(SHORT_LINE_BYTES),
    "rand": _RANDOM,
    "randrw": _RANDOM,
    "idle": _RANDOM,
    "mid": _RANDOM,
    "rand32": _lines_at_random(SHORT_LINE_BYTES),
    "triad": _three_arrays(24 * 1024),
    "triadc": _three_arrays(0),
}
