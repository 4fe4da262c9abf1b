"""The roles `Simulator` and `Session`: what a simulator must offer to be searched, learned on and replayed.

A simulator is a pure function of design, workload and seed: no call order, thread count or batch size may
change a result, and nothing that simulates writes files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from dse.metrics import Metrics, MetricsBatch, MetricSchema
from dse.point import DesignPoint
from dse.space import DesignSpace, IndexMatrix
from traces.trace import Trace
from traces.workload import Workload

Work = Workload | Trace | Sequence[Trace]


@runtime_checkable
class Session(Protocol):
    """A running simulation that can be observed, re-tuned and copied."""

    def advance(self, cycles: int | None = None, requests: int | None = None) -> bool:
        """Go on for that many device cycles or requests (neither: to the end); True when all is done."""
        ...

    def retune(self, point: DesignPoint) -> None:
        """Change the running controller's parameters to those of `point`."""
        ...

    def counters(self, subsystem: str) -> dict[str, float]:
        """What that subsystem could measure by now; names carry units."""
        ...

    def snapshot(self) -> bytes:
        """The whole state, to be given to `restore` of a session of the same simulator and workload."""
        ...

    def restore(self, state: bytes) -> None:
        """Continue from a snapshot."""
        ...

    def finish(self) -> Metrics:
        """Advance to the end, drain, and return what was measured."""
        ...


@runtime_checkable
class Simulator(Protocol):
    """Something that measures designs.

    name: registry name. space, schema: what it takes and measures. build_id: identity of the code and data
    that decide its results; part of the cache key.
    """

    @property
    def name(self) -> str:
        """Registry name."""
        ...

    @property
    def space(self) -> DesignSpace:
        """The designs it accepts."""
        ...

    @property
    def schema(self) -> MetricSchema:
        """What it measures."""
        ...

    @property
    def build_id(self) -> str:
        """Identity of code and data that decide the results."""
        ...

    def describe(self) -> dict[str, Any]:
        """JSON-able options; `make_simulator(name, **describe())` builds an equal simulator."""
        ...

    def open(self, point: DesignPoint, workload: Work, seed: int = 0) -> Session:
        """Start a simulation."""
        ...

    def run(self, point: DesignPoint, workload: Work, seed: int = 0) -> Metrics:
        """Open, advance to the end, finish."""
        ...

    def run_batch(
        self, points: Sequence[DesignPoint] | IndexMatrix, workloads: Sequence[Work], threads: int = 1
    ) -> MetricsBatch:
        """Every design on every workload: values (P, W, M). A failed run is a NaN row with a note."""
        ...
