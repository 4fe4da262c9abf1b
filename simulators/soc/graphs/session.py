"""`GraphSession`: running task graphs that can be observed, re-tuned, copied and taken back."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dse.errors import LookupFailed, SpaceError, did_you_mean, listed
from dse.metrics import Metrics, MetricSchema
from dse.point import DesignPoint
from ext import soc_phases
from simulators.soc.graphs import measure
from simulators.soc.graphs.engine import designs_of, measured, tables_of
from simulators.soc.graphs.placement import Placements, Problem

_SUBSYSTEMS = ("mapping", "accelerators", "cores", "memories", "interconnect")


class Owner(Protocol):
    """What a session needs of the simulator that opened it."""

    @property
    def problem(self) -> Problem: ...
    @property
    def schema(self) -> MetricSchema: ...
    def placement(self, point: DesignPoint) -> Placements: ...


class GraphSession:
    """A simulation in progress; made by `GraphSimulator.open`."""

    def __init__(
        self, simulator: Owner, point: DesignPoint, arrivals: NDArray[np.float64], warmup: int
    ) -> None:
        self._simulator = simulator
        self._arrivals = arrivals
        self._warmup = warmup
        self._placement = simulator.placement(point)
        self._tables = tables_of(simulator.problem, arrivals)
        self._engine = soc_phases.PhaseEngine(self._tables, designs_of(self._tables, self._placement))
        self._point = point

    @property
    def time_ms(self) -> float:
        """Simulated time."""
        return self._engine.time * measure.MS

    @property
    def point(self) -> DesignPoint:
        """The design that runs now."""
        return self._point

    def advance(self, cycles: int | None = None, requests: int | None = None) -> bool:
        """Go on for so many phases (there are no cycles here) or until so many more tasks are done."""
        return self._engine.advance(-1 if cycles is None else cycles, -1 if requests is None else requests)

    def retune(self, point: DesignPoint) -> None:
        """Change clocks and widths from now on. SpaceError if a task, memory or bus would be another one."""
        placement = self._simulator.placement(point)
        old = self._placement
        if not (
            np.array_equal(placement.is_dram, old.is_dram)
            and np.array_equal(placement.unroll, old.unroll)
            and np.array_equal(placement.core_kind, old.core_kind)
            and np.array_equal(placement.bus_width, old.bus_width)
        ):
            raise SpaceError(
                "a running system keeps its blocks: only clocks and memory widths can be changed"
            )
        try:
            self._engine.retune(designs_of(self._tables, placement))
        except ValueError:
            raise SpaceError(
                "a running system keeps its mapping: only clocks and memory widths can be changed"
            ) from None
        self._placement, self._point = placement, point

    def counters(self, subsystem: str) -> dict[str, float]:
        """Time, phases and tasks so far, and the seconds for which the subsystem's blocks held tasks up."""
        if subsystem not in _SUBSYSTEMS:
            raise LookupFailed(
                f"no subsystem is called {subsystem!r}: expected one of {listed(_SUBSYSTEMS)}."
                f"{did_you_mean(subsystem, _SUBSYSTEMS)}"
            )
        engine, platform = self._engine, self._simulator.problem.platform
        held = engine.results()[2]
        first = platform.n_cores + self._simulator.problem.n_tasks
        last = first + 2 * platform.n_memories
        spans = {
            "cores": held[: platform.n_cores],
            "accelerators": held[platform.n_cores : first],
            "memories": held[first:last],
            "interconnect": held[last:],
        }
        return {
            "time_ms": self.time_ms,
            "phases": float(engine.phases),
            "tasks_done": float(engine.tasks_done),
            "held_up_s": float(spans.get(subsystem, held).sum()),
        }

    def snapshot(self) -> bytes:
        """The whole state; `restore` continues from it."""
        return self._engine.snapshot()

    def restore(self, state: bytes) -> None:
        """Take the session back to a snapshot of the same workload. ValueError for any other bytes."""
        self._engine.restore(state)

    def finish(self) -> Metrics:
        """Run to the last task, and measure. After `retune` energy, power and area are the last design's."""
        self._engine.advance()
        found = self._engine.results()
        finish, peak, bottleneck, n_phases = (np.asarray(one)[None] for one in found)
        phases = measure.Phases(finish, peak, bottleneck, n_phases, self._arrivals, self._warmup)
        designs = designs_of(self._tables, self._placement)
        values = measured(self._simulator.problem, self._placement, self._tables, designs, phases)
        return Metrics(self._simulator.schema, values[0])
