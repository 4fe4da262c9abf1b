"""What runs in a worker of a Dask cluster: one plug-in a campaign, which every worker gets once.

A plug-in and not scattered data: the scheduler gives it to workers that join later too, and to one that was
started again, so that no death of a worker can lose it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker

from dse.errors import InputError
from dse.executors.batches import Works, picked, run_isolated
from dse.executors.package import Bench, WorkerMismatch, digest, unpack
from dse.executors.processes import ProcessExecutor
from dse.executors.worker import DONE, INPUT_ERROR, REFUSED, done
from dse.metrics import MetricsBatch
from dse.space import IndexMatrix

__all__ = ["DONE", "INPUT_ERROR", "REFUSED", "BenchPlugin", "evaluate_chunk"]


class BenchPlugin(WorkerPlugin):
    """The packed simulator and workloads, built in each thread of the worker when first needed.

    With limits, each thread has a process that it may kill. own: of a cluster that the campaign started;
    Ctrl-C in its terminal is for the campaign alone.
    """

    def __init__(
        self,
        package: bytes,
        time_limit_s: float | None = None,
        memory_limit_mib: int | None = None,
        own: bool = False,
    ) -> None:
        self.package = package
        self.own = own
        self.limits: dict[str, Any] = {"time_limit_s": time_limit_s, "memory_limit_mib": memory_limit_mib}
        self.name = f"marl-dse-{digest(package + repr(self.limits).encode())}"

    def setup(self, worker: Worker) -> None:
        """Called by Dask in each worker."""
        self._local = threading.local()
        self._processes: list[ProcessExecutor] = []
        if self.own and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def teardown(self, worker: Worker) -> None:
        """End the processes of this worker."""
        for executor in self._processes:
            executor.close()

    def evaluate(self, rows: IndexMatrix, works: Works) -> MetricsBatch:
        """Metrics of the rows, in this thread or its process."""
        bench = self._bench()
        if self._local.executor is not None:
            found: MetricsBatch = self._local.executor.evaluate(rows, works)
            return found
        return run_isolated(bench.simulator, rows, picked(bench.workloads, works))

    def _bench(self) -> Bench:
        with contextlib.suppress(AttributeError):
            known: Bench = self._local.bench
            return known
        bench = unpack(self.package)
        executor = None
        if any(limit is not None for limit in self.limits.values()):
            executor = ProcessExecutor(
                bench.simulator, bench.workloads, 1, package=self.package, **self.limits
            )
            self._processes.append(executor)
        self._local.executor, self._local.bench = executor, bench
        return bench


def evaluate_chunk(rows: IndexMatrix, works: Works, plugin: str) -> tuple[Any, ...]:
    """The task: one chunk, answered as a process of `ProcessExecutor` would (see dse/executors/worker.py)."""
    worker = get_worker()
    started = time.monotonic()
    try:
        bench: Any = worker.plugins[plugin]
        batch = bench.evaluate(rows, works)
    except WorkerMismatch as error:
        return (REFUSED, f"{worker.address} has {error}")
    except InputError as error:
        return (INPUT_ERROR, str(error))
    return done(batch, time.monotonic() - started)
