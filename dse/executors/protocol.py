"""The role `Executor`, and the options by which a user picks one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypedDict

from dse.metrics import MetricsBatch
from dse.space import IndexMatrix


class Executor(Protocol):
    """Something that runs simulations of one simulator on the workloads of one campaign."""

    def evaluate(self, rows: IndexMatrix, works: Sequence[int] | None = None) -> MetricsBatch:
        """Metrics of canonical rows (B, D), in their order; on the workloads at these positions (None: all).

        A design whose simulation fails is a NaN row with a note, and costs no other design. Raises InputError
        for a workload that the simulator refuses, and DseError when there is nothing left to run on.
        """
        ...

    def close(self) -> None:
        """End the workers; a simulation under way is given up."""
        ...


class ExecutorOptions(TypedDict, total=False):
    """How a campaign is to be run; no result depends on it, but for designs that exceed a limit.

    executor: one of `EXECUTORS`. workers: threads or processes (default: every core). scheduler: address of a
    Dask scheduler. time_limit_s: for one design on all workloads. memory_limit_mib: what one worker may take
    beyond the loaded simulator.
    """

    executor: str
    workers: int | None
    scheduler: str | None
    time_limit_s: float | None
    memory_limit_mib: int | None
