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
from simulators.dram.measure import Measured
from simulators.dram.memory.devices import Device
from simulators.dram.system import System

COMMANDS: tuple[str, ...] = dram_engine.COMMANDS
PLACEMENT = ("memory", "channels", "ranks", "address_mapping")
"""Parameters that are fixed while a memory runs, for data lies by them."""

STALL_OWNERS: dict[str, tuple[str, ...]] = {
    "front_end": ("idle", "command", "data_bus"),
    "scheduler": ("turnaround", "rank_switch", "command_bus", "batching"),
    "page_policy": ("activation", "row_cycle"),
    "address_mapping": ("bank_group", "activate_spacing", "four_activates"),
    "refresh": ("refresh", "row_hammer"),
    "power_down": ("power_down", "self_refresh"),
}
"""Which subsystem can do something about a lost cycle; each cause once, so that the shares add up to 1.

An idle buffer, a busy bus and a command are the throughput that the front end lets in.
"""
# What each subsystem can see of itself, beside the cycles it lost.
_COUNTERS: dict[str, tuple[str, ...]] = {
    "page_policy": ("row_hits", "row_misses", "row_conflicts", "n_act", "n_pre", "n_rda", "n_wra"),
    "scheduler": ("row_hits", "occupancy_cycles", "occupancy_max", "blocked_cycles"),
    "front_end": ("blocked_cycles", "delivered", "n_rd", "n_rda", "n_wr", "n_wra"),
    "refresh": ("n_ref", "n_refpb", "n_refsb", "refreshes_owed", "n_prea", "n_vrr", "n_rfm", "n_rfmsb"),
    "address_mapping": ("row_hits", "row_conflicts", "n_act"),
    "power_down": (
        "n_pde_active", "n_pde_precharge", "n_pdx", "active_pd_cycles", "precharge_pd_cycles",
        "n_sre", "n_srx", "sr_cycles",
    ),
    "write_buffer": ("forwarded_reads", "coalesced_writes", "n_wr", "n_wra"),
    "memory": ("delivered", "stall_idle", "stall_data_bus"),
}  # fmt: skip


class Owner(Protocol):
    """What a session needs of the simulator that opened it."""

    @property
    def space(self) -> DesignSpace: ...
    def mapping_of(self, point: DesignPoint) -> str: ...
    def system_of(self, point: DesignPoint) -> System: ...
    def config_of(self, point: DesignPoint) -> ControllerConfig: ...
    def measure(self, measured: Measured, point: DesignPoint) -> Metrics: ...


class DramSession:
    """A simulation in progress; made by `DramSimulator.open`."""

    def __init__(
        self,
        simulator: Owner,
        engine: dram_engine.DramEngine,
        point: DesignPoint,
        config: ControllerConfig,
        last_arrival_cycle: int,
    ) -> None:
        self._simulator = simulator
        self._engine = engine
        self._point = point
        self._last_arrival_cycle = last_arrival_cycle
        self._config = config

    @property
    def device(self) -> Device:
        """The memory, arranged in its channels and ranks."""
        return self._simulator.system_of(self._point).device

    @property
    def config(self) -> ControllerConfig:
        """What runs now, as numbers."""
        return self._config

    @property
    def engine(self) -> dram_engine.DramEngine:
        """What runs; for a fleet, which drives many."""
        return self._engine

    @property
    def last_arrival_cycle(self) -> int:
        """Of the whole workload."""
        return self._last_arrival_cycle

    @property
    def delivered(self) -> int:
        """Bursts answered so far."""
        return int(self._engine.delivered)

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
        """Switch the running controller to `point`. SpaceError if data would have to move."""
        self._simulator.space.encode(point)
        for name, kept in self._placement(self._point).items():
            wanted = self._placement(point)[name]
            if wanted != kept:
                raise SpaceError(
                    f"{name}={wanted!r} cannot be changed in a running memory, whose data lies by {kept!r}: "
                    "open a new session",
                    key=name,
                )
        self._config = self._simulator.config_of(point)
        self._engine.retune(self._config.vector())
        self._point = point

    def _placement(self, point: DesignPoint) -> dict[str, str | int]:
        """What decides where data lies."""
        chosen = self._simulator.system_of(point).device
        return {
            "address_mapping": self._simulator.mapping_of(point),
            "memory": chosen.id,
            "channels": chosen.channels,
            "ranks": chosen.ranks,
        }

    def counters(self, subsystem: str) -> dict[str, float]:
        """What `subsystem` has counted since cycle 0, its lost cycles (STALL_OWNERS), and the cycle."""
        if subsystem not in _COUNTERS:
            raise LookupFailed(
                f"no subsystem is called {subsystem!r}: expected one of {listed(_COUNTERS)}."
                f"{did_you_mean(subsystem, _COUNTERS)}"
            )
        counted = {**self._engine.counters(), "delivered": self._engine.delivered}
        lost = tuple(f"stall_{cause}" for cause in STALL_OWNERS.get(subsystem, ()))
        names = (*_COUNTERS[subsystem], *lost)
        return {"cycle": float(self.cycle)} | {name: float(counted[name]) for name in names}

    def snapshot(self) -> bytes:
        """The whole state; `restore` continues from it."""
        return bytes(self._engine.snapshot())

    def restore(self, state: bytes) -> None:
        """Take the session back to a snapshot of the same workload. ValueError for any other bytes."""
        self._engine.restore(state)

    def command_log(self) -> dict[str, NDArray[Any]]:
        """The commands issued so far: arrays cycle, command (position in COMMANDS), channel, rank, bank (flat
        in its channel, -1 for commands to a rank), row, column, request (burst).
        """
        log: dict[str, NDArray[Any]] = self._engine.command_log()
        return log

    @property
    def accept_cycles(self) -> NDArray[np.int64]:
        """Cycle in which each burst was accepted, int64 (n,), -1 for not yet; needs `open(record=True)`."""
        cycles: NDArray[np.int64] = self._engine.accept_cycles
        return cycles

    @property
    def finish_cycles(self) -> NDArray[np.int64]:
        """Cycle of the response of each burst, int64 (n,), -1 for not yet; needs `open(record=True)`."""
        cycles: NDArray[np.int64] = self._engine.finish_cycles
        return cycles

    def source_histograms(self) -> Any:
        """Latencies by source, as the engine keeps them (`ext.dram_engine.DramEngine.source_histograms`)."""
        return self._engine.source_histograms()

    def timeline(self) -> Any:
        """Traffic over time, as the engine keeps it (`ext.dram_engine.DramEngine.timeline`)."""
        return self._engine.timeline()

    def bank_counts(self) -> Any:
        """Commands by bank, as the engine keeps them (`ext.dram_engine.DramEngine.bank_counts`)."""
        return self._engine.bank_counts()

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
