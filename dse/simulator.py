"""The roles of a simulator: what it must offer to be searched, learned on and replayed.

`Simulator` measures designs; `Session` is one running simulation. `LiveSimulator` and `Fleet` are for those
whose parameters can change while they run: many simulations side by side, an epoch at a time.

A simulator is a pure function of design, workload and seed: no call order, thread count or batch size may
change a result, and nothing that simulates writes files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dse.metrics import Metrics, MetricsBatch, MetricSchema, Values
from dse.point import DesignPoint
from dse.space import DesignSpace, IndexMatrix
from traces.instruction_workload import AnyWorkload
from traces.instructions import InstructionTrace
from traces.trace import Trace

Work = AnyWorkload | Trace | InstructionTrace | Sequence[Trace] | Sequence[InstructionTrace]


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
    that decide its results; part of the cache key. One that runs programs (`InstructionWorkload`) has an
    attribute workload_kind = "instructions", too; without it, workloads are memory requests (`Workload`).
    `check_workload(workload, baseline)`, where it exists, raises InputError for one that no design, or not
    that one, can run: a campaign asks before it begins.
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


@runtime_checkable
class Fleet(Protocol):
    """Running simulations of one simulator, side by side; members are numbered from 0.

    What a member does depends on its row, its workload, its seed and the calls for it alone: not on how many
    members there are, which of them it is, or how many threads they run in. One thread at a time may call a
    fleet.
    """

    def __len__(self) -> int:
        """How many members there are."""
        ...

    def begin(self, member: int, row: IndexMatrix, workload: Work, seed: int = 0) -> None:
        """Start that member anew, at time 0 of `workload`, as the design row (D,).

        LookupFailed for a member that does not exist, SpaceError for what is not a row of the space; then the
        member stays as it was.
        """
        ...

    def retune(self, rows: IndexMatrix) -> None:
        """(N, D), what each member goes on as; a member whose row is unchanged costs nothing.

        Rows of members that are done, or were never begun, are not looked at. SpaceError for rows of another
        shape or type, or that names the parameter if one that is not live differs. All or nothing.
        """
        ...

    def advance(self, time_ns: float) -> tuple[NDArray[np.bool_], Values]:
        """Go on for so much simulated time: whole cycles of each member's clock, and what is left over is
        added to its next epoch, so that epochs do not drift.

        (N,) which members have nothing left to do, and (N, S): what each counted since it was advanced last
        or begun, in the order of `LiveSimulator.live_schema`; a ratio over nothing is NaN. A member that was
        done before, or was never begun, stays where it is, is done, and counts zeros. ConfigError for a time
        that is not positive, or where no member was begun.
        """
        ...

    def measured(self, member: int) -> Metrics:
        """The run of a member finished to its end as it is tuned now, by `Simulator.schema`; the member stays
        where it is.
        """
        ...

    def snapshot(self, member: int) -> bytes:
        """The whole state of a member: its row and what it has counted so far, too."""
        ...

    def restore(self, member: int, state: bytes) -> None:
        """Take a member that was begun with the same workload back to a snapshot, of it or of another one.
        ValueError for other bytes."""
        ...


@runtime_checkable
class LiveSimulator(Simulator, Protocol):
    """A simulator whose designs can change while they run."""

    @property
    def live_parameters(self) -> tuple[str, ...]:
        """Those of its space that `Fleet.retune` accepts, in the order of the space."""
        ...

    @property
    def live_schema(self) -> MetricSchema:
        """What an epoch counts: metrics that combine as "sum", and ratios of them.

        The sums of all epochs of a run add up to those of the whole run, whatever the epochs and however it
        was re-tuned. A name that `schema` has, too, means the same there.
        """
        ...

    @property
    def live_work(self) -> str:
        """The sum of `live_schema` that says how much of the workload is done: "requests", "instructions"."""
        ...

    @property
    def live_fixed(self) -> tuple[str, ...]:
        """Sums of `live_schema` that a whole run of a workload comes to however it is re-tuned."""
        ...

    def fleet(self, n: int, threads: int = 1) -> Fleet:
        """`n` members, none of them begun; up to `threads` of them run at a time."""
        ...
