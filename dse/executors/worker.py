"""A worker process of `ProcessExecutor`: `python -m dse.executors.worker CONNECTION LIFELINE PACKAGE MEMORY`.

The first three are file descriptors: a socket to the parent, the reading end of a pipe that the parent holds
open, and the packed simulator and workloads. When the parent is gone the kernel ends this process through
the lifeline, whatever the simulator is doing. MEMORY is a limit in MiB, 0 for none.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import resource
import select
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from dse.errors import InputError
from dse.executors.batches import picked, run_isolated
from dse.executors.package import Bench, WorkerMismatch, unpack
from dse.metrics import MetricsBatch

# What a worker says, each with what follows it.
READY = "ready"  # nothing
REFUSED = "refused"  # why it cannot start
DONE = "done"  # values, notes, seconds of each simulation, seconds of the chunk
INPUT_ERROR = "input error"  # message of the simulator about a workload
NO_MEMORY = "no memory"  # nothing; the worker has ended itself


def main(arguments: list[str]) -> None:
    """Serve until the parent closes the connection."""
    connection_fd, lifeline_fd, package_fd, memory_mib = (int(text) for text in arguments)
    _die_with_parent(lifeline_fd)
    connection = Connection(connection_fd)
    try:
        bench = unpack(_content(package_fd))
    except (InputError, WorkerMismatch, ImportError) as error:
        connection.send((REFUSED, f"{type(error).__name__}: {error}"))
        return
    if memory_mib:
        _limit_memory(memory_mib)
    connection.send((READY,))
    _serve(connection, bench, limited=bool(memory_mib))


def _serve(connection: Connection, bench: Bench, limited: bool) -> None:
    not_caught = (InputError, MemoryError) if limited else (InputError,)
    while True:
        try:
            rows, works = connection.recv()
        except EOFError:
            return
        started = time.monotonic()
        try:
            workloads = picked(bench.workloads, works)
            batch = run_isolated(bench.simulator, rows, workloads, not_caught=not_caught)
            answer = done(batch, time.monotonic() - started)
        except MemoryError:
            connection.send((NO_MEMORY,))
            return
        except InputError as error:
            answer = (INPUT_ERROR, str(error))
        connection.send(answer)


def done(batch: MetricsBatch, seconds: float) -> tuple[Any, ...]:
    """The message with a chunk's results."""
    values: Any = np.ascontiguousarray(batch.values)
    return (DONE, values, [list(row) for row in batch.notes], batch.seconds, seconds)


def _content(fd: int) -> bytes:
    """The package; mapped, because all workers share one file position."""
    with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as mapped:
        return mapped[:]


def _die_with_parent(fd: int) -> None:
    """Have the kernel send SIGIO, which ends a process that does not handle it, when the pipe is closed."""
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([fd], [], [], 0)[0]:  # it went before we asked
        sys.exit(1)


def _limit_memory(mib: int) -> None:
    """Allow that much address space beyond what is in use now."""
    limit = _address_space() + (mib << 20)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))


def _address_space() -> int:
    """Bytes of address space of this process; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the parent needs no answer any more
        main(sys.argv[1:])
