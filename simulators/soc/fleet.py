"""`SocFleet`: many running chips, advanced side by side in threads."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dse.fleet import Members, packed, unpacked
from dse.metrics import Metrics, Values
from dse.point import DesignPoint
from dse.simulator import Work
from dse.space import DesignSpace, IndexMatrix
from simulators.soc.live import Progress, live_schema
from simulators.soc.session import SocSession

_MAGIC = b"marl-dse soc fleet 1\n"
_FS_PER_NS = 1e6
_NEARLY = 1e-3  # of a femtosecond: what rounding may take from a whole number of them
_LONGEST_FS = 1 << 60


class Owner(Protocol):
    """What a fleet needs of the simulator that made it."""

    @property
    def space(self) -> DesignSpace: ...
    def open(self, point: DesignPoint, workload: Work, seed: int = 0) -> SocSession: ...


@dataclass(slots=True)
class _Run:
    """A member: its session, what that had come to when it was advanced last, and the end of that epoch."""

    session: SocSession
    progress: Progress
    before: Values
    until_fs: int = 0
    left_fs: float = 0.0
    more: Values = field(default_factory=lambda: np.zeros(0))


class SocFleet:
    """Simulations in progress, side by side; made by `SocSimulator.fleet`. See `dse.simulator.Fleet`.

    A member's time begins after its warm-up, which is simulated with the first epoch; its clock ticks in
    femtoseconds.
    """

    def __init__(self, simulator: Owner, live_parameters: tuple[str, ...], n: int, threads: int) -> None:
        self._simulator = simulator
        self._members: Members[None] = Members(
            simulator.space, live_parameters, n, threads, lambda _point: None
        )
        self._runs: list[_Run | None] = [None] * n
        self._n_sums = sum(spec.combine == "sum" for spec in live_schema())
        self._pool = ThreadPoolExecutor(min(threads, n)) if min(threads, n) > 1 else None

    def __len__(self) -> int:
        return len(self._members)

    def begin(self, member: int, row: IndexMatrix, workload: Work, seed: int = 0) -> None:
        """Start that member anew as the design row (D,). InputError for a design that cannot run it."""
        member = self._members.checked(member, begun=False)
        tuning = self._members.tuning(row)
        session = self._simulator.open(tuning.point, workload, seed)
        self._runs[member] = _Run(session, Progress(session), np.zeros(self._n_sums))
        self._members.begin(member, row, done=False)

    def retune(self, rows: IndexMatrix) -> None:
        """(N, D), what each member goes on as. SpaceError for what is fixed when a chip is made."""
        changes = self._members.changes(rows)
        plans = [self._run(member).session.planned(tuning.point) for member, _, tuning in changes]
        for (member, _, tuning), after in zip(changes, plans, strict=True):
            self._run(member).session.go_on_as(tuning.point, after)
        self._members.adopt(changes)

    def advance(self, time_ns: float) -> tuple[NDArray[np.bool_], Values]:
        """Go on for so much simulated time: (N,) which are done and (N, S) what was counted."""
        self._members.check_time(time_ns)
        going = np.flatnonzero(~self._members.done).tolist()
        for member in going:
            run = self._run(member)
            wanted = run.left_fs + time_ns * _FS_PER_NS
            whole = min(math.floor(wanted + _NEARLY), _LONGEST_FS)
            run.until_fs, run.left_fs = min(run.until_fs + whole, _LONGEST_FS), wanted - whole
        if self._pool is None or len(going) < 2:
            for member in going:
                self._go_on(member)
        else:
            list(self._pool.map(self._go_on, going))
        values = np.zeros((len(self), len(live_schema())))
        for member in going:
            values[member, : self._n_sums] = self._run(member).more
        return self._members.done.copy(), live_schema().with_ratios(values)

    def measured(self, member: int) -> Metrics:
        """The run of a member finished to its end as it is tuned now; the member stays where it is."""
        session = self._run(member).session
        if self._members.done[member]:
            return session.finish()
        state = session.snapshot()
        try:
            return session.finish()
        finally:
            session.restore(state)

    def snapshot(self, member: int) -> bytes:
        """The whole state of a member."""
        run, own = self._run(member), np.zeros(1, dtype=self._layout)
        own["row"], own["before"], own["done"] = (
            self._members.row(member),
            run.before,
            self._members.done[member],
        )
        own["until_fs"], own["left_fs"] = run.until_fs, run.left_fs
        return packed(_MAGIC, own, run.session.snapshot())

    def restore(self, member: int, state: bytes) -> None:
        """Take a member of the same workload back to a snapshot. ValueError for other bytes."""
        run = self._run(member)
        found, session = unpacked(_MAGIC, self._layout, state, "SoC")
        run.session.restore(session)
        run.progress, run.before = Progress(run.session), found["before"].copy()
        run.until_fs, run.left_fs = int(found["until_fs"]), float(found["left_fs"])
        self._members.begin(member, found["row"], done=bool(found["done"]))

    @property
    def _layout(self) -> np.dtype[np.void]:
        """Of what a snapshot of a member has before the session's."""
        row, sums = (len(self._simulator.space),), (self._n_sums,)
        return np.dtype(
            [
                ("row", "<i2", row),
                ("before", "<f8", sums),
                ("until_fs", "<i8"),
                ("left_fs", "<f8"),
                ("done", "?"),
            ]
        )

    def _run(self, member: int) -> _Run:
        run = self._runs[self._members.checked(member)]
        assert run is not None
        return run

    def _go_on(self, member: int) -> None:
        run = self._run(member)
        done = run.session.advance_to(run.until_fs)
        now = run.progress.sums()
        run.more, run.before = now - run.before, now
        self._members.done[member] = done
