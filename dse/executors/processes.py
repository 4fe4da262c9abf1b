"""`ProcessExecutor`: simulations in processes of this machine, with limits of time and memory.

A design that hangs, crashes or takes too much costs its own result and one worker, which is replaced; the
other designs of its chunk are run again, one by one. A pool of the standard library loses every worker and
every task with the first that dies (concurrent.futures.process.BrokenProcessPool), hence one of our own.

Workers are started as `python -m dse.executors.worker`, not through multiprocessing, so that a script needs
no `if __name__ == "__main__"`, and in a session of their own, so that Ctrl-C ends the batch, not them.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dse.errors import DseError, InputError
from dse.executors.batches import ChunkSizes, Works, failed_batch, joined, picked, positions_of
from dse.executors.package import pack
from dse.executors.worker import DONE, INPUT_ERROR, NO_MEMORY, READY, REFUSED
from dse.metrics import MetricsBatch
from dse.simulator import Simulator
from dse.space import IndexMatrix
from traces.instruction_workload import AnyWorkload

_LEAST_SECONDS = 0.01
_SECONDS_TO_START = 120.0
_SECONDS_TO_END = 1.0
_FAILED_STARTS = 3
_ATTEMPTS_ALONE = 3


@dataclass(slots=True, eq=False)
class Chunk:
    """Positions of a batch that one worker evaluates at once; crashes: how often it did so when alone."""

    positions: NDArray[np.int64]
    crashes: int = 0

    def singles(self) -> list[Chunk]:
        """Its designs one by one."""
        return [Chunk(self.positions[i : i + 1]) for i in range(len(self.positions))]


@dataclass(slots=True, eq=False)
class Worker:
    """One process: starting until it says that it is ready, then idle or busy with a chunk."""

    process: subprocess.Popen[bytes]
    connection: Connection
    deadline: float
    ready: bool = False
    chunk: Chunk | None = None

    def give(self, chunk: Chunk, rows: IndexMatrix, works: Works, time_limit_s: float | None) -> None:
        """Send designs and the workloads they run on; the time runs from now."""
        self.chunk = chunk
        self.deadline = np.inf if time_limit_s is None else time.monotonic() + time_limit_s
        with contextlib.suppress(OSError):  # it died idle: `wait` will say so
            self.connection.send((rows[chunk.positions], works))

    def end(self, *, patience_s: float = 0.0) -> str:
        """Kill it, if it has not ended by itself after `patience_s`, and say how it ended."""
        self.connection.close()
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
        code = self.process.wait()
        if code >= 0:
            return f"ended with exit status {code}"
        try:
            return f"was killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"was killed by signal {-code}"


class ProcessExecutor:
    """Implements `Executor` with `workers` processes, each of which builds the simulator once.

    time_limit_s: of one design on all workloads. memory_limit_mib: address space that a worker may take
    beyond the loaded simulator and workloads. package: both, packed already.
    Raises ConfigError for a simulator that cannot be built again.
    """

    def __init__(
        self,
        simulator: Simulator,
        workloads: Sequence[AnyWorkload],
        workers: int,
        *,
        time_limit_s: float | None = None,
        memory_limit_mib: int | None = None,
        package: bytes | None = None,
    ) -> None:
        self._schema = simulator.schema
        self._workloads = workloads
        self._works: Works = None
        self._size = workers
        self._time_limit_s = time_limit_s
        self._memory_limit_mib = memory_limit_mib
        self._chunk_sizes = ChunkSizes(_LEAST_SECONDS, time_limit_s)
        self._failed_starts = 0
        self._package = _unnamed_file(package or pack(simulator, workloads))
        self._lifeline = os.pipe()
        self._workers = [self._start() for _ in range(workers)]

    def evaluate(self, rows: IndexMatrix, works: Sequence[int] | None = None) -> MetricsBatch:
        """Metrics of rows (B, D), in their order."""
        self._works = positions_of(works)
        cut = self._chunk_sizes.of(self._works).cut(len(rows), self._size)
        chunks = deque(Chunk(positions) for positions in cut)
        found: list[tuple[NDArray[np.int64], MetricsBatch]] = []
        try:
            while chunks or any(worker.chunk is not None for worker in self._workers):
                for worker in self._workers:
                    if chunks and worker.ready and worker.chunk is None:
                        worker.give(chunks.popleft(), rows, self._works, self._time_limit_s)
                self._step(chunks, found)
        except BaseException:
            self._give_up()
            raise
        positions, parts = [where for where, _ in found], [part for _, part in found]
        return joined(self._schema, self._n_workloads(), positions, parts)

    def _n_workloads(self) -> int:
        """Those of the present batch."""
        return len(picked(self._workloads, self._works))

    def close(self) -> None:
        """End all workers; those that simulate are killed."""
        for worker in self._workers:
            worker.connection.close()  # all at once, then wait for each
        for worker in self._workers:
            worker.end(patience_s=_SECONDS_TO_END if worker.chunk is None else 0.0)
        self._workers = []
        if not self._package.closed:
            self._package.close()
            for fd in self._lifeline:
                os.close(fd)

    def _step(self, chunks: deque[Chunk], found: list[tuple[NDArray[np.int64], MetricsBatch]]) -> None:
        """Wait for the next thing to happen, and deal with it."""
        deadline = min(worker.deadline for worker in self._workers)
        timeout = None if deadline == np.inf else max(0.0, deadline - time.monotonic())
        heard = wait([worker.connection for worker in self._workers], timeout)
        now = time.monotonic()
        for place, worker in enumerate(self._workers):
            if worker.connection in heard:
                self._hear(place, worker, chunks, found)
            elif now >= worker.deadline:
                self._replace(place)
                if worker.chunk is None:
                    self._did_not_start(f"it was not ready after {_SECONDS_TO_START:g} s")
                else:
                    limit = f"{self._time_limit_s:g} s, the limit of time for a design"
                    self._retry(worker.chunk, f"stopped after {limit}", chunks, found)

    def _hear(
        self,
        place: int,
        worker: Worker,
        chunks: deque[Chunk],
        found: list[tuple[NDArray[np.int64], MetricsBatch]],
    ) -> None:
        try:
            kind, *rest = worker.connection.recv()
        except (EOFError, OSError):
            self._lost(place, worker, chunks, found)
            return
        chunk = worker.chunk
        if kind == READY:
            worker.ready, worker.deadline, self._failed_starts = True, np.inf, 0
        elif kind == REFUSED:
            raise DseError(f"a worker process cannot build the simulator: {rest[0]}")
        elif kind == INPUT_ERROR:
            raise InputError(rest[0])
        elif kind == NO_MEMORY and chunk is not None:
            self._replace(place)
            limit = f"{self._memory_limit_mib} MiB, the limit of memory for a design"
            self._retry(chunk, f"needed more than {limit}", chunks, found)
        elif kind == DONE and chunk is not None:
            values, notes, seconds, elapsed = rest
            found.append((chunk.positions, MetricsBatch(self._schema, values, notes, seconds)))
            self._chunk_sizes.of(self._works).learn(len(chunk.positions), elapsed)
            worker.chunk, worker.deadline = None, np.inf
            self._failed_starts = 0  # work goes on: something kills workers that start, not their start

    def _lost(
        self,
        place: int,
        worker: Worker,
        chunks: deque[Chunk],
        found: list[tuple[NDArray[np.int64], MetricsBatch]],
    ) -> None:
        """A worker's process has ended. A design fails only if it was alone each time, and more than once:
        something else may have killed the process."""
        chunk, how = worker.chunk, self._replace(place, patience_s=_SECONDS_TO_END)
        if chunk is None:
            if not worker.ready:
                self._did_not_start(f"it {how}")
            return
        if len(chunk.positions) == 1:
            chunk.crashes += 1
            if chunk.crashes < _ATTEMPTS_ALONE:
                chunks.appendleft(chunk)
                return
        self._retry(chunk, f"crashed {_ATTEMPTS_ALONE} times: the simulator's process {how}", chunks, found)

    def _retry(
        self,
        chunk: Chunk,
        note: str,
        chunks: deque[Chunk],
        found: list[tuple[NDArray[np.int64], MetricsBatch]],
    ) -> None:
        """Run the designs of a chunk one by one; one that was alone has failed."""
        if len(chunk.positions) == 1:
            found.append((chunk.positions, failed_batch(self._schema, self._n_workloads(), note)))
            return
        chunks.extendleft(reversed(chunk.singles()))

    def _start(self) -> Worker:
        ours, theirs = multiprocessing.Pipe()
        fds = (theirs.fileno(), self._lifeline[0], self._package.fileno())
        command = [sys.executable, "-m", "dse.executors.worker", *map(str, fds)]
        process = subprocess.Popen(
            [*command, str(self._memory_limit_mib or 0)],
            stdin=subprocess.DEVNULL,
            pass_fds=fds,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
        )
        theirs.close()
        return Worker(process, ours, time.monotonic() + _SECONDS_TO_START)

    def _replace(self, place: int, *, patience_s: float = 0.0) -> str:
        how = self._workers[place].end(patience_s=patience_s)
        self._workers[place] = self._start()
        return how

    def _did_not_start(self, why: str) -> None:
        self._failed_starts += 1
        if self._failed_starts >= _FAILED_STARTS:
            raise DseError(f"worker processes do not start: {why} (tried {_FAILED_STARTS} times)")

    def _give_up(self) -> None:
        """Replace the workers that are still at a batch nobody waits for."""
        for place, worker in enumerate(self._workers):
            if worker.chunk is not None:
                self._replace(place)


def _unnamed_file(content: bytes) -> BinaryIO:
    """A file that has no name, and so is gone with the last process that holds it."""
    file: Any = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(content)
    file.flush()
    return file  # type: ignore[no-any-return]
