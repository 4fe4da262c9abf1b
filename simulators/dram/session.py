"""`DramSession`: one running DRAM simulation that can be observed, re-tuned, copied and taken back."""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dse.errors import LookupFailed, SpaceError, did_you_mean, listed
from dse.metrics import Metrics
from dse.point import DesignPoint
from dse.space import DesignSpace
from ext import dram_engine
from simulators.dram.config import ControllerConfig
from simulators.dram.devices import Device
from simulators.dram.measure import Measured

COMMANDS: tuple[str, ...] = dram_engine.COMMANDS

# What each subsystem can see of itself.
_COUNTERS: dict[str, tuple[str, ...]] = {
    "page_policy": ("row_hits", "row_misses", "row_conflicts", "n_act", "n_pre", "n_rda", "n_wra"),
    "scheduler": ("row_hits", "occupancy_cycles", "occupancy_max", "blocked_cycles"),
    "front_end": ("blocked_cycles", "delivered", "n_rd", "n_rda", "n_wr", "n_wra"),
    "refresh": ("n_ref", "refreshes_owed", "n_prea"),
    "address_mapping": ("row_hits", "row_conflicts", "n_act"),
    "power_down": ("n_pde_active", "n_pde_precharge", "n_pdx", "active_pd_cycles", "precharge_pd_cycles"),
}


class Owner(Protocol):
    """What a session needs of the simulator that opened it."""

    @property
    def space(self) -> DesignSpace: ...
    @property
    def device(self) -> Device: ...
    def mapping_of(self, point: DesignPoint) -> str: ...
    def measure(self, measured: Measured, point: DesignPoint) -> Metrics: ...


class DramSession:
    """A simulation in progress; made by `DramSimulator.open`."""

    def __init__(self, simulator: Owner, engine: Any, point: DesignPoint, last_arrival_cycle: int) -> None:
        self._simulator = simulator
        self._engine = engine
        self._point = point
        self._last_arrival_cycle = last_arrival_cycle

    @property
    def cycle(self) -> int:
        """The next device cycle to be simulated."""
        return int(self._engine.cycle)

    @property
    def point(self) -> DesignPoint:
        """The design that runs now."""
        return self._point

    def advance(self, cycles: int | None = None, requests: int | None = None) -> bool:
        """Go on for so many device cycles or until so many more requests are delivered; True at the end."""
        until_cycle = -1 if cycles is None else self._engine.cycle + cycles
        until_requests = -1 if requests is None else self._engine.delivered + requests
        return bool(self._engine.advance(until_cycle, until_requests))

    def retune(self, point: DesignPoint) -> None:
        """Switch the running controller to `point`. SpaceError if data would have to move (the mapping)."""
        self._simulator.space.encode(point)
        if self._simulator.mapping_of(point) != self._simulator.mapping_of(self._point):
            raise SpaceError(
                f"address_mapping={self._simulator.mapping_of(point)!r} cannot be changed in a running "
                f"memory, whose data lies by {self._simulator.mapping_of(self._point)!r}: open a new session",
                key="address_mapping",
            )
        self._engine.retune(ControllerConfig.build(self._simulator.device, point.to_dict()).vector())
        self._point = point

    def counters(self, subsystem: str) -> dict[str, float]:
        """What `subsystem` has counted since cycle 0, and the cycle."""
        if subsystem not in _COUNTERS:
            raise LookupFailed(
                f"no subsystem is called {subsystem!r}: expected one of {listed(_COUNTERS)}."
                f"{did_you_mean(subsystem, _COUNTERS)}"
            )
        counted = {**self._engine.counters(), "delivered": self._engine.delivered}
        return {"cycle": float(self.cycle)} | {name: float(counted[name]) for name in _COUNTERS[subsystem]}

    def snapshot(self) -> bytes:
        """The whole state; `restore` continues from it."""
        return bytes(self._engine.snapshot())

    def restore(self, state: bytes) -> None:
        """Take the session back to a snapshot of the same workload. ValueError for any other bytes."""
        self._engine.restore(state)

    def command_log(self) -> dict[str, NDArray[Any]]:
        """The commands issued so far: arrays cycle, command (position in COMMANDS), bank, row, column,
        request.
        """
        log: dict[str, NDArray[Any]] = self._engine.command_log()
        return log

    def finish(self) -> Metrics:
        """Run to the last response, charge what refresh is owed, and measure."""
        self._engine.advance(-1, -1)
        return self._simulator.measure(self.measured(), self._point)

    def measured(self) -> Measured:
        """The raw counts so far."""
        engine = self._engine
        return Measured(
            counters=engine.counters(),
            histograms=engine.histograms(),
            bin_upper=_bin_upper(),
            latency_sums=engine.latency_sums(),
            latency_maxima=engine.latency_maxima(),
            batch_sums=engine.batch_sums(),
            batch_counts=engine.batch_counts(),
            last_arrival_cycle=self._last_arrival_cycle,
        )


@cache
def _bin_upper() -> NDArray[np.int64]:
    bounds: NDArray[np.int64] = dram_engine.bin_upper_bounds()
    return bounds
