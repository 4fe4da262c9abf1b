"""The front end of a core: time of one branch by predictor, of one page by translation buffer and by walk.

    python -m tests.benchmarks.bench_soc_front [MILLIONS]

Branches: loops whose exits have learnable periods, three in four of all, beside branches at random that are
taken nine times in ten; 100 places. Pages: a walk through 64 MiB by lines, and places at random in it. Best
of seven in CPU time: on a busy machine compare the ratios.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from ext.soc_front import PredictorAlone, TlbAlone, WalkerAlone
from simulators.soc.twin.branch import PREDICTORS
from simulators.soc.twin.tlb import WALK_CACHES

_ROUNDS = 7


def branches(n: int) -> tuple[np.ndarray, ...]:
    """Columns (ip, target, kind, taken)."""
    rng = np.random.default_rng(1)
    turn, place = np.divmod(np.arange(n), 100)
    period = 2 + np.arange(100) % 11
    taken = np.where(place % 4 > 0, turn % period[place] > 0, rng.random(n) < 0.9)
    ip = (0x400000 + 20 * place).astype(np.uint64)
    return ip, ip + np.uint64(200), np.full(n, 3, np.uint8), taken


def best_ns(run: Callable[[], object], n: int) -> float:
    """Nanoseconds of CPU time for each of the n, in the fastest round."""
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.process_time()
        run()
        best = min(best, time.process_time() - started)
    return 1e9 * best / n


def main() -> None:
    n = int(1e6 * float(sys.argv[1] if len(sys.argv) > 1 else 2))
    columns, base = branches(n), 0.0
    for kind, name in enumerate(PREDICTORS):
        wrong = 1000 * (PredictorAlone(kind).run(*columns) > 0).mean()
        took = best_ns(lambda kind=kind: PredictorAlone(kind).run(*columns), n)
        base = base or took
        ratio = f"{took / base:4.1f} times the first"
        sys.stdout.write(f"{name:11} {took:6.2f} ns a branch, {ratio}; {wrong:.0f} of 1000 wrong\n")
    rng = np.random.default_rng(2)
    patterns = {"by lines": np.arange(n) * 64 >> 12, "at random": rng.integers(0, 1 << 14, n)}
    for name, pages in patterns.items():
        pages = (pages % (1 << 14)).astype(np.uint64)
        first, second = TlbAlone(16, 4), TlbAlone(128, 12)
        walker = WalkerAlone(4, 1, [WALK_CACHES[level] for level in (2, 3, 4)])
        parts = {
            "buffer of 64": lambda pages=pages, part=first: part.run(pages, pages),
            "buffer of 1536": lambda pages=pages, part=second: part.run(pages, pages),
            "walk": lambda pages=pages, part=walker: part.run(pages),
        }
        for part, run in parts.items():
            sys.stdout.write(f"{part:14} {best_ns(run, n):6.2f} ns a page, {name}\n")


if __name__ == "__main__":
    main()
