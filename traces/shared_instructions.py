"""Synthetic programs of several threads that share memory: what a coherence protocol has to do with.

Each gives one instruction trace a thread; equal addresses are the same memory. The traces hold no
synchronisation: which thread comes first at a line follows from the cores that run them. n: instructions of
each thread at most. Shared data begins at HEAP, private data of thread k at PRIVATE + k * PRIVATE_BYTES.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from traces.instructions import InstructionTrace
from traces.synthetic_instructions import (
    AGAIN,
    FLAGS,
    HEAP,
    INDEX,
    LINE_BYTES,
    WORD_BYTES,
    Addresses,
    Step,
    generator,
    loop,
    size_of,
    times_round,
    within,
)

PRIVATE, PRIVATE_BYTES = 0x20_0000_0000, 1 << 30
_MOST_THREADS = 64
_MOST_WORK = 1000

Threads = tuple[InstructionTrace, ...]


def producer_consumer(n: int = 100_000, *, seed: int = 0, threads: int = 2, size_kib: int = 64) -> Threads:
    """Thread 0 fills a ring of 8-byte words over and over; all others read it in the same order.

    Lines move from modified in one cache to shared in the others and back. The seed has no effect.
    """
    within("threads", threads, 2, _MOST_THREADS)
    times, words = times_round(n, 4), size_of("size_kib", size_kib, 1 << 10) // WORD_BYTES
    place = np.arange(times, dtype=np.uint64) % np.uint64(words)
    where = np.uint64(HEAP) + place * np.uint64(WORD_BYTES)
    makes = (Step(writes=(40,), reads=(40,)), Step(reads=(40, 1), store=where), INDEX, AGAIN)
    takes = (Step(writes=(40,), reads=(1,), load=where), Step(writes=(41,), reads=(41, 40)), INDEX, AGAIN)
    bodies = [makes] + [takes] * (threads - 1)
    return _threads("producer_consumer", bodies, times, seed=seed, threads=threads, size_kib=size_kib)


def false_sharing(n: int = 100_000, *, seed: int = 0, threads: int = 4, lines: int = 1) -> Threads:
    """Each thread counts up a word of its own, but up to 8 of these words share a line.

    lines: so many such lines in turn. No data is shared, yet every write takes the line from another cache.
    The seed has no effect.
    """
    within("threads", threads, 1, _MOST_THREADS)
    within("lines", lines, 1, 1 << 20)
    times = times_round(n, 5)
    turn = np.arange(times, dtype=np.uint64) % np.uint64(lines)
    stride = -(-threads * WORD_BYTES // LINE_BYTES) * LINE_BYTES
    bodies = []
    for thread in range(threads):
        where = np.uint64(HEAP + thread * WORD_BYTES) + turn * np.uint64(stride)
        bodies.append((*_count_up(where), INDEX, AGAIN))
    return _threads("false_sharing", bodies, times, seed=seed, threads=threads, lines=lines)


def read_mostly(
    n: int = 100_000, *, seed: int = 0, threads: int = 4, size_kib: int = 256, write_share: float = 0.01
) -> Threads:
    """All threads read random lines of one table, and now and then write the line just read.

    write_share: of the reads that are followed by a write; a branch jumps over it in the others. A write
    invalidates the line in every other cache. n counts instructions as if none were jumped over.
    """
    within("threads", threads, 1, _MOST_THREADS)
    within("write_share", write_share, 0.0, 1.0)
    times, lines = times_round(n, 6), size_of("size_kib", size_kib, 1 << 10) // LINE_BYTES
    bodies, each = [], []
    for thread in range(threads):
        draw = generator(seed, thread)
        where = np.uint64(HEAP) + draw.integers(0, lines, times).astype(np.uint64) * np.uint64(LINE_BYTES)
        load, store = Step(writes=(40,), reads=(1,), load=where), Step(reads=(40, 1), store=where)
        bodies.append((load, Step(writes=(41,), reads=(41, 40)), AGAIN, store, INDEX, AGAIN))
        writes = draw.random(times) < write_share
        outcome = np.stack([~writes, np.ones(times, np.bool_)], axis=1).ravel()
        outcome[-1] = False
        runs = np.ones((times, 6), np.bool_)
        runs[:, 3] = writes
        each.append({"outcome": outcome, "runs": runs})
    call = {"seed": seed, "threads": threads, "size_kib": size_kib, "write_share": write_share}
    return _threads("read_mostly", bodies, times, each=each, **call)


def locked(n: int = 100_000, *, seed: int = 0, threads: int = 4, work: int = 20) -> Threads:
    """A lock, a counter that it guards in another line, and work on private data in between.

    The lock is taken by one instruction that reads and writes it, tested, and given back by a store; it is
    always found free, so what the trace shows is how the two lines travel. work: instructions outside, each
    fourth a load of 4 KiB of private data. The seed has no effect.
    """
    within("threads", threads, 1, _MOST_THREADS)
    within("work", work, 0, _MOST_WORK)
    times = times_round(n, 9 + work)
    lock, counter = (np.full(times, HEAP + at, np.uint64) for at in (0, LINE_BYTES))
    taken = Step(writes=(40,), reads=(1,), load=lock, store=lock)
    test = (Step(writes=(FLAGS,), reads=(40,)), AGAIN)
    bodies = []
    for thread in range(threads):
        own = np.uint64(PRIVATE + thread * PRIVATE_BYTES)
        walk = np.arange(times, dtype=np.uint64)
        outside = [_private_work(own, walk * np.uint64(-(-work // 4)), at) for at in range(work)]
        bodies.append((taken, *test, *_count_up(counter), Step(store=lock), *outside, INDEX, AGAIN))
    outcome = np.tile([False, True], times)  # never back to the test, always round again
    outcome[-1] = False
    each = [{"outcome": outcome}] * threads
    return _threads("locked", bodies, times, each=each, seed=seed, threads=threads, work=work)


THREAD_GENERATORS: dict[str, Callable[..., Threads]] = {
    function.__name__: function for function in (producer_consumer, false_sharing, read_mostly, locked)
}


def _count_up(where: Addresses) -> tuple[Step, Step, Step]:
    return (
        Step(writes=(41,), reads=(1,), load=where),
        Step(writes=(41,), reads=(41,)),
        Step(reads=(41, 1), store=where),
    )


def _private_work(own: np.uint64, first: Addresses, at: int) -> Step:
    if at % 4:
        return Step(writes=(43,), reads=(43, 42))
    line = (first + np.uint64(at // 4)) % np.uint64(4096 // LINE_BYTES)
    return Step(writes=(42,), reads=(1,), load=own + line * np.uint64(LINE_BYTES))


def _threads(
    name: str,
    bodies: Sequence[tuple[Step, ...]],
    times: int,
    *,
    each: list[dict[str, Any]] | None = None,
    **call: Any,
) -> Threads:
    """One loop a thread. each: what `loop` needs for that thread beside the body."""
    return tuple(
        loop(f"{name}.{thread}", body, times, **(each[thread] if each else {}), **call, thread=thread)
        for thread, body in enumerate(bodies)
    )
