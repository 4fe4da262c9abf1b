"""`ThreadExecutor`: the simulator's own threads, in this process. Nothing is copied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dse.executors.batches import picked, run_isolated
from dse.metrics import MetricsBatch
from dse.simulator import Simulator
from dse.space import IndexMatrix
from traces.instruction_workload import AnyWorkload


@dataclass(frozen=True, slots=True)
class ThreadExecutor:
    """Implements `Executor`; with one thread everything runs in the thread of the caller."""

    simulator: Simulator
    workloads: Sequence[AnyWorkload]
    threads: int = 1

    def evaluate(self, rows: IndexMatrix, works: Sequence[int] | None = None) -> MetricsBatch:
        """Metrics of rows (B, D), in their order."""
        return run_isolated(self.simulator, rows, picked(self.workloads, works), self.threads)

    def close(self) -> None:
        """Nothing to end."""
