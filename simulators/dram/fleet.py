"""`DramFleet`: many running DRAM simulations, advanced side by side without the GIL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dse.fleet import Members, packed, unpacked
from dse.metrics import Metrics, Values
from dse.point import DesignPoint
from dse.simulator import Work
from dse.space import DesignSpace, IndexMatrix
from ext.dram_fields import ACTIVE_FIELDS, EPOCH_COUNTS, checked_config
from ext.dram_fleet import EngineFleet
from simulators.dram.config import ControllerConfig
from simulators.dram.live import live_schema, ratio_positions, term_positions, term_units
from simulators.dram.measure import Measured
from simulators.dram.session import DramSession
from simulators.dram.system import System

_MAGIC = b"marl-dse dram fleet 1\n"


class Owner(Protocol):
    """What a fleet needs of the simulator that made it."""

    @property
    def space(self) -> DesignSpace: ...
    def open(self, point: DesignPoint, workload: Work, seed: int = 0) -> DramSession: ...
    def system_of(self, point: DesignPoint) -> System: ...
    def config_of(self, point: DesignPoint) -> ControllerConfig: ...
    def measure(self, measured: Measured, point: DesignPoint) -> Metrics: ...


class DramFleet:
    """Simulations in progress, side by side; made by `DramSimulator.fleet`. See `dse.simulator.Fleet`."""

    def __init__(self, simulator: Owner, live_parameters: tuple[str, ...], n: int, threads: int) -> None:
        def vector(point: DesignPoint) -> NDArray[np.int64]:
            return checked_config(simulator.config_of(point).vector())

        self._simulator = simulator
        self._members: Members[NDArray[np.int64]] = Members(
            simulator.space, live_parameters, n, threads, vector
        )
        starts, columns = term_positions()
        self._sessions: list[DramSession | None] = [None] * n
        self._counts = np.zeros((n, len(EPOCH_COUNTS)), dtype=np.int64)
        self._units = np.zeros((n, len(columns)))
        self._active = np.zeros((n, len(ACTIVE_FIELDS)), dtype=np.int64)
        self._last_arrival = np.zeros(n, dtype=np.int64)
        self._tck_ns, self._left = np.ones(n), np.zeros(n)
        self._until = np.zeros(n, dtype=np.int64)
        self._engines = EngineFleet(
            starts, columns, *ratio_positions(), self._counts, self._units, self._active, self._last_arrival,
            self._tck_ns, self._until, self._left,
        )  # fmt: skip
        self._done = self._members.done.view(np.uint8)
        self._width = len(live_schema())
        self._threads = min(threads, n)
        self._pool = ThreadPoolExecutor(self._threads - 1) if self._threads > 1 else None

    def __len__(self) -> int:
        return len(self._members)

    def begin(self, member: int, row: IndexMatrix, workload: Work, seed: int = 0) -> None:
        """Start that member anew as the design row (D,); `seed` changes nothing."""
        member = self._members.checked(member, begun=False)
        tuning = self._members.tuning(row)
        session = self._simulator.open(tuning.point, workload, seed)
        system = self._simulator.system_of(tuning.point)
        self._sessions[member] = session
        self._units[member], self._tck_ns[member] = term_units(system), system.device.tck_ns
        self._active[member] = [getattr(system.events, f"{name}_active_cycles") for name in ACTIVE_FIELDS]
        self._last_arrival[member] = session.last_arrival_cycle
        self._until[member], self._left[member] = 0, 0.0
        self._engines.begin(member, session.engine)
        self._members.begin(member, row, done=session.advance(cycles=0))

    def retune(self, rows: IndexMatrix) -> None:
        """(N, D), what each member goes on as. SpaceError if data would have to move."""
        changes = self._members.changes(rows)
        for member, _, tuning in changes:
            self._engines.retune(member, tuning.made)
        self._members.adopt(changes)

    def advance(self, time_ns: float) -> tuple[NDArray[np.bool_], Values]:
        """Go on for so much simulated time: (N,) which are done and (N, S) what was counted."""
        self._members.check_time(time_ns)
        values = np.empty((len(self), self._width))
        self._engines.advance(time_ns, self._done, values, self._pool, self._threads)
        return self._members.done.copy(), values

    def measured(self, member: int) -> Metrics:
        """The run of a member finished to its end as it is tuned now; the member stays where it is."""
        session, tuning = self._session(member), self._members.tunings[member]
        assert tuning is not None
        if self._members.done[member]:
            return self._simulator.measure(session.measured(), tuning.point)
        state = session.snapshot()
        try:
            session.advance()
            return self._simulator.measure(session.measured(), tuning.point)
        finally:
            session.restore(state)

    def snapshot(self, member: int) -> bytes:
        """The whole state of a member."""
        engine = self._session(member).snapshot()
        own = np.zeros(1, dtype=self._layout)
        own["row"], own["counts"] = self._members.row(member), self._counts[member]
        own["until"], own["left"] = self._until[member], self._left[member]
        return packed(_MAGIC, own, engine)

    def restore(self, member: int, state: bytes) -> None:
        """Take a member of the same workload back to a snapshot. ValueError for other bytes."""
        session = self._session(member)
        found, engine = unpacked(_MAGIC, self._layout, state, "DRAM")
        session.restore(engine)
        self._counts[member], self._until[member] = found["counts"], found["until"]
        self._left[member] = found["left"]
        self._members.begin(member, found["row"], done=session.advance(cycles=0))

    @property
    def _layout(self) -> np.dtype[np.void]:
        """Of what a snapshot of a member has before the engine's."""
        row, counts = (len(self._simulator.space),), (len(EPOCH_COUNTS),)
        return np.dtype([("row", "<i2", row), ("counts", "<i8", counts), ("until", "<i8"), ("left", "<f8")])

    def _session(self, member: int) -> DramSession:
        """Where it runs; what it runs as is in its tuning."""
        session = self._sessions[self._members.checked(member)]
        assert session is not None
        return session
