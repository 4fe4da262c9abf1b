"""`DaskExecutor`: simulations on a Dask cluster, in chunks that are worth their way.

What a death costs: a worker's is the time of its chunk, which Dask gives to another one; the scheduler's is
the time of the batch, if one answers at its address again soon. A design that kills worker after worker is
found by running the designs of its chunk alone.
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import Any

import dask
import numpy as np
from distributed import Client, Future, KilledWorker, LocalCluster, wait
from numpy.typing import NDArray

from dse.errors import ConfigError, DseError, InputError
from dse.executors.batches import ChunkSizes, Works, failed_batch, joined, picked, positions_of
from dse.executors.dask_worker import DONE, INPUT_ERROR, REFUSED, BenchPlugin, evaluate_chunk
from dse.executors.package import pack
from dse.metrics import MetricsBatch
from dse.simulator import Simulator
from dse.space import IndexMatrix
from traces.instruction_workload import AnyWorkload

log = logging.getLogger(__name__)
_LIBRARY_LOGS = [logging.getLogger(name) for name in ("distributed", "distributed.client")]

_LEAST_SECONDS = 0.05
_PATIENCE_S = 30.0
# What Dask watches for its own pages, many times a second, in every process: nobody looks at them here. Less
# of it took the workers' overhead from 30 % to 6 % of their CPU time (2.43 and 1.97 s for 1.86 s of work).
_OWN_CLUSTER = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.memory.monitor-interval": "500ms",
}
_POLL_S = 0.5

Positions = NDArray[np.int64]
Found = list[tuple[Positions, MetricsBatch]]


class SchedulerLost(Exception):
    """The connection to the scheduler broke; futures are void."""


class DaskExecutor:
    """Implements `Executor` on the cluster of the scheduler at `scheduler`.

    Without an address it starts a cluster of `workers` processes of its own, which only this machine can
    reach. patience_s: how long to wait for a scheduler or a worker to come back. Raises DseError if no
    scheduler answers, ConfigError for a simulator that other processes cannot build.
    """

    def __init__(
        self,
        simulator: Simulator,
        workloads: Sequence[AnyWorkload],
        workers: int,
        *,
        scheduler: str | None = None,
        time_limit_s: float | None = None,
        memory_limit_mib: int | None = None,
        patience_s: float | None = None,
    ) -> None:
        self._schema = simulator.schema
        self._workloads = workloads
        self._works: Works = None
        self._patience_s = _PATIENCE_S if patience_s is None else patience_s
        self._chunk_sizes = ChunkSizes(_LEAST_SECONDS)
        self._plugin = BenchPlugin(
            pack(simulator, workloads), time_limit_s, memory_limit_mib, scheduler is None
        )
        self._cluster: LocalCluster | None = None
        self._client: Client | None = None
        self._levels_before = [logger.level for logger in _LIBRARY_LOGS]
        for logger in _LIBRARY_LOGS:
            logger.setLevel(logging.CRITICAL)  # a lost scheduler is told once, by this class
        self._address = scheduler or self._local_cluster(workers)
        try:
            self._connect()
        except BaseException:
            self.close()
            raise

    def evaluate(self, rows: IndexMatrix, works: Sequence[int] | None = None) -> MetricsBatch:
        """Metrics of rows (B, D), in their order."""
        self._works = positions_of(works)
        n_workloads = len(picked(self._workloads, self._works))
        chunks: list[Positions] = self._chunk_sizes.of(self._works).cut(len(rows), self._n_workers())
        found: Found = []
        suspects = self._run(chunks, rows, found)
        for alone in [part[i : i + 1] for part in suspects for i in range(len(part))]:
            for position in self._run([alone], rows, found):
                note = "crashed every worker of the Dask cluster that ran it"
                found.append((position, failed_batch(self._schema, n_workloads, note)))
        return joined(self._schema, n_workloads, [where for where, _ in found], [p for _, p in found])

    def close(self) -> None:
        """Leave the cluster; end it if it is our own."""
        with contextlib.suppress(Exception):
            if self._client is not None and self._client.status == "running":
                self._client.unregister_worker_plugin(self._plugin.name)
        self._disconnect()
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None
        for logger, level in zip(_LIBRARY_LOGS, self._levels_before, strict=True):
            logger.setLevel(level)

    def _run(self, chunks: list[Positions], rows: IndexMatrix, found: Found) -> list[Positions]:
        """Answers of the chunks into `found`; returns those that killed their workers."""
        left = list(chunks)
        suspects: list[Positions] = []
        while left:
            pending: dict[Future[Any], Positions] = {}
            try:
                parts = [rows[positions] for positions in left]
                futures = self._running().map(
                    evaluate_chunk, parts, works=self._works, plugin=self._plugin.name, pure=False
                )
                pending = dict(zip(futures, left, strict=True))
                while pending:
                    finished = self._finished(list(pending))
                    self._take({future: pending[future] for future in finished}, found, suspects)
                    for future in finished:
                        del pending[future]
                return suspects
            except SchedulerLost:
                answered = {int(where[0]) for where, _ in found} | {int(part[0]) for part in suspects}
                left = [positions for positions in left if int(positions[0]) not in answered]
                self._connect()
            finally:
                with contextlib.suppress(Exception):
                    for future in pending:
                        future.cancel()
        return suspects

    def _finished(self, pending: list[Future[Any]]) -> list[Future[Any]]:
        """Those that are done, at least one; looks every half second, so that many are fetched at once.

        Raises SchedulerLost, or DseError if no worker is left.
        """
        end = time.monotonic() + self._patience_s
        while True:
            try:
                with self._running().as_current():
                    return list(wait(pending, timeout=_POLL_S).done)
            except TimeoutError:
                if finished := [future for future in pending if future.done()]:
                    return finished
                if self._nthreads():
                    end = time.monotonic() + self._patience_s
                elif time.monotonic() > end:
                    raise DseError(self._kept("has no worker left")) from None
            except (CancelledError, OSError) as error:
                raise SchedulerLost(str(error)) from error

    def _take(self, finished: dict[Future[Any], Positions], found: Found, suspects: list[Positions]) -> None:
        """Keep the answers of chunks; those that killed their workers are suspects."""
        answered: dict[Future[Any], Positions] = {}
        for future, positions in finished.items():
            if future.status != "error":
                answered[future] = positions
            elif isinstance(error := future.exception(timeout=self._patience_s), KilledWorker):
                suspects.append(positions)
            else:
                raise DseError(self._cannot("run", error)) from error
        try:
            answers = self._running().gather(list(answered))
        except (CancelledError, OSError, KilledWorker) as error:
            raise SchedulerLost(str(error)) from error
        for positions, answer in zip(answered.values(), answers, strict=True):
            self._keep(positions, answer, found)

    def _keep(self, positions: Positions, answer: tuple[Any, ...], found: Found) -> None:
        kind, *rest = answer
        if kind == REFUSED:
            raise DseError(
                f"the Dask worker at {rest[0]}: install the same version there, or stop that worker"
            )
        if kind == INPUT_ERROR:
            raise InputError(rest[0])
        assert kind == DONE
        values, notes, seconds, elapsed = rest
        found.append((positions, MetricsBatch(self._schema, values, notes, seconds)))
        self._chunk_sizes.of(self._works).learn(len(positions), elapsed)

    def _nthreads(self) -> int:
        """Threads of all workers; SchedulerLost if the scheduler does not say."""
        try:
            return sum(self._running().nthreads().values())
        except OSError as error:
            raise SchedulerLost(str(error)) from error

    def _n_workers(self) -> int:
        """Threads of all workers, once there is one."""
        end = time.monotonic() + self._patience_s
        while True:
            try:
                if n := self._nthreads():
                    return n
            except SchedulerLost:
                self._connect()
            if time.monotonic() > end:
                raise DseError(self._kept("has no worker"))
            time.sleep(0.05)

    # the connection

    def _running(self) -> Client:
        if self._client is None or self._client.status != "running":
            raise SchedulerLost("the client is not connected")
        return self._client

    def _local_cluster(self, workers: int) -> str:
        with dask.config.set(_OWN_CLUSTER):
            self._cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
                silence_logs=logging.ERROR,
            )
        return str(self._cluster.scheduler_address)

    def _connect(self) -> None:
        """Connect, again if need be, until patience ends."""
        self._disconnect()
        end = time.monotonic() + self._patience_s
        while True:
            left = max(1.0, end - time.monotonic())
            try:
                self._client = Client(self._address, timeout=left, set_as_default=False)
                break
            except ValueError as error:
                raise ConfigError(f"{self._address!r} is no address: {error}", key="scheduler") from error
            except OSError as error:
                if time.monotonic() > end:
                    raise DseError(self._kept("does not answer")) from error
                time.sleep(0.2)
        try:
            self._client.register_plugin(self._plugin)
        except Exception as error:
            raise DseError(self._cannot("load", error)) from error

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                client.close(timeout=2)

    def _cannot(self, what: str, error: BaseException | None) -> str:
        return (
            f"a worker of the Dask cluster at {self._address} cannot {what} marl-dse "
            f"({type(error).__name__}: {error}): install the same version there"
        )

    def _kept(self, what: str) -> str:
        return (
            f"the Dask scheduler at {self._address} {what} (waited {math.ceil(self._patience_s)} s). Every "
            "trial of the batches before is kept: start it again and continue with `dse resume`"
        )
