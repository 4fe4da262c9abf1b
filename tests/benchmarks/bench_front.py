"""The front archive: time of one insertion into a front of a thousand designs.

    python -m tests.benchmarks.bench_front [OBJECTIVES]

Three kinds of newcomers: `enters` (all are compared with every member and stay), `replaces` (each also
drives one member out), `rejected` (each is worse than some member). In batches, as the campaign inserts
them, and alone, which adds what a call from Python costs. Best of seven, beside a plain numpy archive: on a
busy machine compare the ratio.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from dse.front import FrontArchive

_MEMBERS = 1000
_BATCH = 64
_ROUNDS = 7

Costs = np.ndarray


def newcomers(m: int) -> tuple[Costs, dict[str, Costs]]:
    """A front of _MEMBERS vectors, and a batch of each kind."""
    rng = np.random.default_rng(m)
    sphere = np.abs(rng.normal(size=(_MEMBERS + _BATCH, m)))
    sphere /= np.linalg.norm(sphere, axis=1)[:, None]
    front, more = sphere[:_MEMBERS], sphere[_MEMBERS:]
    better = front[rng.choice(_MEMBERS, _BATCH, replace=False)] * (1 - 1e-9)
    worse = front[rng.choice(_MEMBERS, _BATCH, replace=False)] * (1 + 1e-9)
    return front, {"enters": more, "replaces": better, "rejected": worse}


def best_us(prepare: Callable[[], Callable[[Costs], None]], calls: list[Costs]) -> float:
    """Microseconds a row, of the fastest round, over calls with these batches; each round starts afresh."""
    best = float("inf")
    for _ in range(_ROUNDS):
        insert = prepare()
        started = time.perf_counter()
        for rows in calls:
            insert(rows)
        best = min(best, time.perf_counter() - started)
    return 1e6 * best / sum(len(rows) for rows in calls)


def archive_of(front: Costs) -> Callable[[Costs], None]:
    """Insertion into our archive."""
    archive = FrontArchive(front.shape[1], 2 * len(front))
    archive.insert(front, np.arange(len(front)))
    ids = np.arange(_BATCH)

    def insert(rows: Costs) -> None:
        archive.insert(rows, ids[: len(rows)])

    return insert


def plain_numpy(front: Costs) -> Callable[[Costs], None]:
    """The same, member against all, in numpy."""
    members = front.copy()

    def insert(rows: Costs) -> None:
        nonlocal members
        for row in rows:
            if not (members <= row).all(axis=1).any():
                members = np.vstack([members[(members < row).any(axis=1)], row])

    return insert


def main() -> None:
    m = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    front, kinds = newcomers(m)
    for kind, rows in kinds.items():
        alone = np.split(rows, len(rows))
        batch = best_us(lambda: archive_of(front), [rows])
        single = best_us(lambda: archive_of(front), alone)
        numpy = best_us(lambda: plain_numpy(front), alone)
        sys.stdout.write(
            f"front archive, {_MEMBERS} x {m}, {kind:8} {batch:6.2f} us in a batch, {single:6.2f} us alone; "
            f"numpy {numpy:6.1f} us, {numpy / batch:.0f} times that of a batch\n"
        )


if __name__ == "__main__":
    main()
