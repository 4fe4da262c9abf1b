"""Executors: how much of the threads' throughput processes and Dask keep, with simulations of 1 ms.

    python -m tests.benchmarks.bench_executors [BATCH]

The simulator busies a core for 1 ms a design without the interpreter's lock, as a compiled engine does. Two
workers each; rounds of all executors in turn, because a shared machine is never equally fast twice: compare
the ratios.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from importlib.util import find_spec
from typing import Any

import numpy as np

import traces
from dse import registry
from dse.executors import make_executor
from dse.metrics import MetricsBatch
from tests.dse.fake import FakeSimulator
from traces.workload import Workload

_WORKERS = 2
_ROUNDS = 5
_BATCHES = 2
_BLOCK = bytes(1 << 16)
_BLOCKS_PER_MS = 20


class OneMillisecond(FakeSimulator):
    """The fake simulator, with about 1 ms of hashing a design, for which Python gives its lock away."""

    name = "one-millisecond"

    def __init__(self, *, blocks: int = _BLOCKS_PER_MS) -> None:
        super().__init__(width=9, n_extra=55)
        self._blocks = blocks

    def describe(self) -> dict[str, Any]:
        return {"blocks": self._blocks}

    def run_batch(self, points: Any, workloads: Sequence[Any], threads: int = 1) -> MetricsBatch:
        rows = self.space.rows(points)
        if threads == 1:
            for _ in rows:
                self._busy()
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(lambda _: self._busy(), rows))
        return super().run_batch(rows, workloads, threads)

    def _busy(self) -> None:
        digest = hashlib.sha256()
        for _ in range(self._blocks):
            digest.update(_BLOCK)


def _blocks_of_a_millisecond() -> int:
    """Calibrate, so that the simulations take 1 ms on this machine."""
    simulator = OneMillisecond(blocks=1000)
    started = time.thread_time()
    simulator._busy()
    return max(1, round(1000 * 0.001 / (time.thread_time() - started)))


def main() -> None:
    batch = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    registry.SIMULATORS["one-millisecond"] = "tests.benchmarks.bench_executors:OneMillisecond"
    simulator = OneMillisecond(blocks=_blocks_of_a_millisecond())
    work = [Workload.of(traces.load("synthetic:stream?n=1000&seed=1"))]
    rows = simulator.space.sample(batch, np.random.default_rng(0))
    rates: dict[str, list[float]] = {"threads": [], "processes": []}
    if find_spec("distributed"):
        rates["dask"] = []
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(
                closing(make_executor(simulator, work, executor=name, workers=_WORKERS))
            )
            for name in rates
        }
        for executor in running.values():
            executor.evaluate(rows)
        for _ in range(_ROUNDS):
            for name, executor in running.items():
                started = time.perf_counter()
                for _ in range(_BATCHES):
                    executor.evaluate(rows)
                rates[name].append(_BATCHES * batch / (time.perf_counter() - started))
    for name, measured in rates.items():
        ratios = sorted(rate / base for rate, base in zip(measured, rates["threads"], strict=True))
        sys.stdout.write(
            f"{name:10s} {max(measured):6.0f} designs/s with {_WORKERS} workers, batches of {batch}; "
            f"{ratios[len(ratios) // 2]:.0%} of threads (median of {_ROUNDS})\n"
        )


if __name__ == "__main__":
    main()
