"""Replacement and prefetching alone: time of an access, and how often each policy hits.

    python -m tests.benchmarks.bench_soc_policies [ACCESSES]

Replacement: a cache of 1,024 sets and 8 ways over the streams of the tests. Prefetching: at degree 4, over
the same streams and one of 48 sequential walks, before a cache without an end that prefetches reach at once.
Best of five rounds: on a busy machine compare the ratio to LRU. Last, a recorded program: what misses a first
level of 32 KiB, in a second one of 64 KiB and 16 ways.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import traces
from ext.soc_policies import HIT, ON_MISS, PREFETCHERS, REPLACEMENTS, CacheAlone, PrefetcherAlone
from tests.ext.policy_cases import IPS, STREAMS, EndlessCache, stream

_SETS, _WAYS = 1024, 8
_ROUNDS = 5

Arrays = tuple[np.ndarray, np.ndarray]


def walks(n: int) -> Arrays:
    """Lines and instructions of 48 walks, some up and some down, that take turns at random."""
    draw = np.random.default_rng(0)
    which = draw.integers(0, 48, n)
    step = np.where(which % 3, 1, -1)
    place = np.zeros(n, np.int64)
    for k in range(48):
        place[which == k] = np.arange((which == k).sum())
    return (((1 + which) << 20) + step * place).astype(np.uint64), IPS[which]


def best_ns(kind: str, line: np.ndarray, ip: np.ndarray) -> tuple[float, float]:
    """Nanoseconds an access of the fastest round, and the share of hits."""
    best = float("inf")
    action = np.zeros(len(line), np.uint8)
    for _ in range(_ROUNDS):
        cache = CacheAlone(kind, _SETS, _WAYS)
        started = time.perf_counter()
        outcome = cache.run(line, ip, action)
        best = min(best, time.perf_counter() - started)
    return 1e9 * best / len(line), float(np.mean(outcome == HIT))


def miss_ns(kind: str, line: np.ndarray, ip: np.ndarray) -> float:
    """Nanoseconds an access, of the fastest round, if all miss and nothing comes in."""
    best = float("inf")
    for _ in range(_ROUNDS):
        prefetch = PrefetcherAlone(kind, 4)
        started = time.perf_counter()
        prefetch.run(np.full(len(line), ON_MISS, np.uint8), ip, line)
        best = min(best, time.perf_counter() - started)
    return 1e9 * best / len(line)


def coverage(kind: str, line: np.ndarray, ip: np.ndarray) -> str:
    """What is left of the misses, and which share of the prefetched lines is of no use."""
    cache = EndlessCache(PrefetcherAlone(kind, 4))
    left = cache.misses(line, ip).sum() / len(np.unique(line))
    useless = len(cache.unused) / max(1, cache.prefetched)
    return f"{100 * left:3.0f} % of misses left; useless {100 * useless:3.0f} %"


def program(name: str) -> Arrays:
    """Lines and instructions of a recorded program's accesses that miss a first level of 32 KiB."""
    trace = traces.load_instructions(name)
    line = trace.address // np.uint64(64)
    ip = np.repeat(trace.ip, trace.n_loads.astype(np.int64) + trace.n_stores)
    missed = CacheAlone("lru", 64, 8).run(line, ip, np.zeros(len(line), np.uint8)) != HIT
    return line[missed], ip[missed]


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    streams = {name: stream(name, n, _SETS * _WAYS, seed=1) for name in STREAMS}
    for kind in REPLACEMENTS:
        for name, (line, ip) in streams.items():
            ns, hits = best_ns(kind, line, ip)
            sys.stdout.write(
                f"replacement {kind:10} {name:8} {ns:6.1f} ns an access, {100 * hits:4.1f} % hits\n"
            )
    streams["walks"] = walks(n)
    for kind in PREFETCHERS:
        for name, (line, ip) in streams.items():
            covered = coverage(kind, line[: n // 10], ip[: n // 10])
            sys.stdout.write(
                f"prefetching {kind:10} {name:8} {miss_ns(kind, line, ip):6.1f} ns a miss, {covered}\n"
            )
    line, ip = program("sample:hashjoin")
    for kind in REPLACEMENTS:
        hits = np.mean(CacheAlone(kind, 64, 16).run(line, ip, np.zeros(len(line), np.uint8)) == HIT)
        sys.stdout.write(f"replacement {kind:10} hashjoin {100 * hits:4.1f} % of {len(line)} accesses hit\n")
    for kind in PREFETCHERS:
        sys.stdout.write(f"prefetching {kind:10} hashjoin {coverage(kind, line, ip)}\n")


if __name__ == "__main__":
    main()
