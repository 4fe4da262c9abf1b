"""`SocSession`: one running simulation of a chip that can be observed, re-tuned, copied and taken back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from dse.errors import InputError, LookupFailed, SpaceError, did_you_mean, listed
from dse.metrics import Metrics
from dse.point import DesignPoint
from dse.space import DesignSpace
from ext.dram_engine import DramEngine
from ext.soc_engine import SocEngine
from ext.soc_fields import ACCELERATOR_COUNTS
from simulators.dram.session import PLACEMENT
from simulators.dram.session import STALL_OWNERS as DRAM_STALL_OWNERS
from simulators.soc.activity import Mix
from simulators.soc.build import Built, at_level
from simulators.soc.governor import Pace, on_demand, within_cap
from simulators.soc.idle import gated_s, idle_since
from simulators.soc.measure import Interval, core_totals, metrics
from simulators.soc.power.counts import Transition
from simulators.soc.power.dvfs import OperatingPoint, transition_s
from simulators.soc.power.thermal import Package
from simulators.soc.reading import Counts, Reading, total

STALL_OWNERS: dict[str, tuple[str, ...]] = {
    "core": ("base", "branch", "dependence", "store", "translation"),
    "l1": ("fetch", "l1"),
    "l2": ("l2",),
    "llc": ("llc",),
    "interconnect": ("other_core",),
    "memory_controller": ("memory",),
    "mapping": ("end",),
}
"""Which subsystem can do something about a lost cycle of a core; each cause once."""
LIVE = (
    "core_point", "uncore_point", "governor", "power_cap_w", "idle_gate_us", "l1d_prefetch_degree",
    "l2_prefetch_degree",
)  # fmt: skip
"""What can change while the chip runs, beside the policies of the memory controller."""
_FINEST_STEP = 64  # cycles of a core, to which the end of a warm-up or of a number of instructions is exact
_FS = 1e15
_MAGIC = b"marl-dse soc session 2\n"


def live_parameters(space: DesignSpace) -> tuple[str, ...]:
    """Those parameters of a space that can change while the chip runs."""
    policies = [one.name for one in space.parameters if one.subsystem == "memory_controller"]
    live = {*LIVE, *policies} - {*PLACEMENT}
    return tuple(name for name in space.names if name in live)


class Owner(Protocol):
    """What a session needs of the simulator that opened it."""

    @property
    def space(self) -> DesignSpace: ...
    def rebuilt(self, point: DesignPoint, like: Built) -> Built: ...


class SocSession:
    """A simulation in progress; made by `SocSimulator.open`.

    It begins at time 0; the warm-up is simulated with the first `advance`, and what is counted and measured
    begins after it.
    """

    def __init__(
        self,
        simulator: Owner,
        point: DesignPoint,
        built: Built,
        engines: tuple[SocEngine, DramEngine],
        mixes: Sequence[Mix],
        instructions: Sequence[int],
        warmup: int,
        package: Package,
        epoch_fs: int,
    ) -> None:
        self._simulator = simulator
        self._point = point
        self._built = built
        self._engine, self._dram = engines
        self._mixes = mixes
        self._package = package
        self._instructions = instructions
        self._warmup = warmup
        self._is_done = False
        self._past: list[tuple[DesignPoint, Interval]] = []
        self._transitions: tuple[Transition, ...] = ()
        self._paused_fs = [0] * len(built.chip.cores)
        self._ended_fs: list[int | None] = [None] * len(built.chip.cores)
        self._measured_fs = 0
        self._pace = Pace(epoch_fs)
        self._begun: Reading | None = None
        if not warmup:
            self._begin_to_measure()

    @property
    def built(self) -> Built:
        """The chip that runs now."""
        return self._built

    @property
    def point(self) -> DesignPoint:
        """The design that runs now."""
        return self._point

    @property
    def time_fs(self) -> int:
        """Simulated femtoseconds, the warm-up included."""
        return self._engine.time

    def advance(self, cycles: int | None = None, requests: int | None = None) -> bool:
        """Go on for so many cycles of core 0, or until all cores together have retired so many instructions
        more (to 64 cycles); True when every program has run.
        """
        self._warm_up()
        if requests is not None:
            self._until_retired(sum(self._retired()) + requests, together=True)
        elif cycles is not None:
            self._until(self._engine.time + cycles * self._period)
        else:
            self._until(None)
        return self._is_done

    def advance_to(self, time_fs: int) -> bool:
        """Go on to that time after the warm-up, or to the end; True when every program has run."""
        self._warm_up()
        self._until(self._measured_fs + time_fs)
        return self._is_done

    def intervals_from(self, first: int) -> list[Interval]:
        """Those that have ended, from that number on."""
        return [one for _, one in self._past[first:]]

    def present_interval(self) -> Interval | None:
        """That which has not ended; None if it has only begun."""
        self._warm_up()
        assert self._begun is not None
        return self._interval() if self._engine.time > self._begun.time_fs else None

    @property
    def mixes(self) -> Sequence[Mix]:
        """Of the instructions of each program."""
        return self._mixes

    @property
    def package(self) -> Package:
        """Of the chip."""
        return self._package

    @property
    def pace(self) -> Pace:
        """Where a governed run is among its epochs."""
        return self._pace

    def finish(self) -> Metrics:
        """Run every program to its end, and measure."""
        self.advance()
        return metrics(self._intervals(), self._mixes, self._package, self._pace)

    def counters(self, subsystem: str) -> dict[str, float]:
        """What `subsystem` has counted since the warm-up, the cycles that the cores lost to it
        (STALL_OWNERS), and the time. LookupFailed for any other name.
        """
        self._warm_up()
        if subsystem not in _COUNTERS:
            raise LookupFailed(
                f"no subsystem is called {subsystem!r}: expected one of {listed(_COUNTERS)}."
                f"{did_you_mean(subsystem, _COUNTERS)}"
            )
        readings = [one.reading for one in self._intervals()]
        cores = total(core for one in readings for core in one.cores)
        counted = _of(subsystem, readings, cores)
        lost = {f"lost_{name}": cores[f"lost_{name}"] for name in STALL_OWNERS.get(subsystem, ())}
        time_ns = sum(one.time_fs for one in readings) / 1e6
        return {"time_ns": time_ns} | {name: float(value) for name, value in (counted | lost).items()}

    def core_counts(self) -> list[dict[str, int]]:
        """What each core has counted since the warm-up: `ext.soc_fields.CORE_COUNTS`, and its cycles."""
        self._warm_up()
        return core_totals(self._intervals())

    def retune(self, point: DesignPoint) -> None:
        """Go on as `point`: other operating points (a domain stands still while its voltage changes), another
        governor or cap, other degrees of the prefetchers, other policies of the memory controller. A governor
        goes on from where the cores are, in a new epoch. Without effect when every program has run.

        SpaceError for anything that is fixed when a chip is made.
        """
        self.go_on_as(point, self.planned(point))

    def planned(self, point: DesignPoint) -> Built:
        """The chip that the present one can go on as; SpaceError as `retune` has it."""
        self._simulator.space.encode(point)
        after = self._simulator.rebuilt(point, self._built)
        self._check_live(after)
        return after

    def go_on_as(self, point: DesignPoint, after: Built) -> None:
        """The second half of `retune`, given what `planned` made."""
        self._warm_up()
        if self._is_done:
            return
        if after.design["governor"] != "fixed":
            after = at_level(after, min(self._built.level, after.level))
        self._go_on_as(after, point)
        degrees = [(core.data.degree, core.second.degree) for core in after.chip.cores]
        self._engine.retune(degrees=degrees)
        self._dram.retune(after.controller.vector())

    def snapshot(self) -> bytes:
        """The whole state; `restore` continues from it."""
        self._warm_up()
        assert self._begun is not None
        own = {
            "point": self._point.to_dict(),
            "level": self._built.level,
            "begun": asdict(self._begun),
            "transitions": [asdict(one) for one in self._transitions],
            "paused_fs": self._paused_fs,
            "ended_fs": self._ended_fs,
            "measured_fs": self._measured_fs,
            "pace": asdict(self._pace),
            "is_done": self._is_done,
            "past": [
                {
                    "point": point.to_dict(),
                    "level": one.built.level,
                    "reading": asdict(one.reading),
                    "transitions": [asdict(change) for change in one.transitions],
                    "gated_s": one.gated_s,
                }
                for point, one in self._past
            ],
        }
        text = json.dumps(own).encode()
        return _MAGIC + len(text).to_bytes(8, "little") + text + self._engine.snapshot()

    def restore(self, state: bytes) -> None:
        """Take the session back to a snapshot of the same design and workload. ValueError for other bytes."""
        if not state.startswith(_MAGIC):
            raise ValueError("not a snapshot of a session of the SoC simulator")
        start = len(_MAGIC) + 8
        end = start + int.from_bytes(state[len(_MAGIC) : start], "little")
        self._engine.restore(state[end:])
        own = json.loads(state[start:end])
        self._begun = Reading(**own["begun"])
        self._transitions = _changes(own["transitions"])
        self._paused_fs, self._ended_fs = own["paused_fs"], own["ended_fs"]
        self._measured_fs = own["measured_fs"]
        pace = own["pace"]
        self._pace = Pace(**pace | {"begun": None if pace["begun"] is None else Reading(**pace["begun"])})
        self._is_done = own["is_done"]
        self._past = []
        for row in own["past"]:
            point, built = self._built_as(row["point"], row["level"])
            changes, off = _changes(row["transitions"]), tuple(row["gated_s"])
            self._past.append((point, Interval(built, Reading(**row["reading"]), changes, off)))
        self._point, self._built = self._built_as(own["point"], own["level"])

    # --------------------------------------------------------------------------------------------- running

    @property
    def _period(self) -> int:
        return self._built.chip.core_periods_fs[0]

    def _warm_up(self) -> None:
        if self._begun is None:
            self._until_retired(self._warmup, together=False)
            self._begin_to_measure()

    def _begin_to_measure(self) -> None:
        self._begun = self._read()
        self._measured_fs = self._begun.time_fs
        self._pace.begin_at(self._measured_fs)

    def _until_retired(self, wanted: int, *, together: bool) -> None:
        """Go on until all cores together, or each of them, have retired so many instructions, or to the end.

        No core retires more than its width a cycle, so steps of what is left at that rate never pass the end;
        the last steps are of 64 cycles, or fewer where a program would be over by then.
        """
        width = self._built.chip.cores[0].width
        finest = min(_FINEST_STEP, 1 + (min(self._instructions) - self._warmup) // (4 * width))
        while not self._is_done:
            retired = self._retired()
            left = wanted - sum(retired) if together else wanted - min(retired)
            if left <= 0:
                return
            cycles = max(finest, left // (width * len(retired) if together else width))
            until = self._engine.time + cycles * self._period
            self._until(until if self._due_fs is None else min(until, self._due_fs))

    def _until(self, time_fs: int | None) -> None:
        """Go on to a time, or to the end of every program; what is under way then is not followed further."""
        while not self._is_done:
            due = self._due_fs
            stop = due if time_fs is None or (due is not None and due < time_fs) else time_fs
            self._is_done = self._engine.advance() if stop is None else self._engine.advance(stop)
            if stop is not None and stop == due and not self._is_done:
                self._govern()
            if stop == time_fs:
                return

    @property
    def _is_governed(self) -> bool:
        return self._built.design["governor"] != "fixed"

    @property
    def _due_fs(self) -> int | None:
        """When the governor wants to look at the run next."""
        return self._pace.next_fs if self._is_governed and self._begun is not None else None

    def _govern(self) -> None:
        """An epoch begins, or has ended."""
        begun, now = self._pace.begun, self._read()
        if begun is not None:
            epoch = now.since(begun)
            level = self._decided(epoch, begun.time_fs)
            self._pace.epochs += 1
            if level != self._built.level:
                self._go_on_as(at_level(self._built, level), self._point)
                return
        self._pace.begin(now)

    def _decided(self, epoch: Reading, begun_fs: int) -> int:
        if self._built.design["governor"] == "ondemand":
            return on_demand(self._built, epoch)
        cap_w = float(self._built.design["power_cap_w"])
        off = self._gated_s(self._idle_since(), begun_fs, begun_fs + epoch.time_fs)
        drawn = Interval(self._built, epoch, (), off).report(self._mixes, self._package)
        self._pace.over_cap += drawn.power_w > cap_w
        return within_cap(self._built, drawn, cap_w)

    def _go_on_as(self, after: Built, point: DesignPoint) -> None:
        """Other clocks from now on; the interval ends."""
        before, now, begun = self._built, self._read(), self._begun
        if begun is not None and now.time_fs > begun.time_fs:
            self._past.append((self._point, self._interval()))
            self._ended_fs = self._idle_since()
            self._begun, self._transitions = now, ()
            self._paused_fs = [0] * len(self._paused_fs)
        self._transitions += _transitions(before, after)
        clocks = [*after.chip.core_periods_fs, after.chip.uncore_period_fs]
        pauses = _pauses_fs(before, after)
        cores = pauses[: len(self._paused_fs)]
        self._engine.retune(clocks, [*cores, pauses[-1]])
        self._paused_fs = [old + new for old, new in zip(self._paused_fs, cores, strict=True)]
        self._pace.begin_at(now.time_fs + max(cores))
        self._built, self._point = after, point

    def _retired(self) -> list[int]:
        return [self._engine.core_counts(k)["retired"] for k in range(len(self._built.chip.cores))]

    def _read(self) -> Reading:
        chip = self._built.chip
        n_accelerators = len(chip.accelerators)
        return Reading.of(self._engine, self._dram, len(chip.cores), chip.memory_period_fs, n_accelerators)

    def _intervals(self) -> list[Interval]:
        return [*(one for _, one in self._past), self._interval()]

    def _interval(self) -> Interval:
        assert self._begun is not None
        found = self._read().since(self._begun)
        if found.time_fs <= 0 and not self._past and self._is_done:
            raise InputError(
                f"a warm-up of {self._warmup} instructions leaves nothing to measure of a program of "
                f"{min(self._instructions)}: expected a shorter one",
                key="warmup",
            )
        end_fs = self._begun.time_fs + found.time_fs
        off = self._gated_s(self._idle_since(), self._begun.time_fs, end_fs)
        return Interval(self._built, found, self._transitions, off)

    def _idle_since(self) -> list[int | None]:
        """When each core with a program had run it, if it has."""
        assert self._begun is not None
        has_ended = [n == most for n, most in zip(self._retired(), self._instructions, strict=True)]
        found = self._read().since(self._begun)
        return idle_since(self._built, found, self._begun.time_fs, self._paused_fs, has_ended, self._ended_fs)

    def _gated_s(self, ended_fs: Sequence[int | None], begin_fs: int, end_fs: int) -> tuple[float, ...]:
        idle = [self._measured_fs] * (len(self._built.soc.cores) - len(ended_fs))
        return gated_s(self._built, [*ended_fs, *idle], begin_fs, end_fs)

    def _built_as(self, design: Mapping[str, Any], level: int) -> tuple[DesignPoint, Built]:
        point = self._simulator.space.point(**design)
        return point, at_level(self._simulator.rebuilt(point, self._built), level)

    def _check_live(self, after: Built) -> None:
        own = self._simulator.space
        live = live_parameters(own)
        for name in own.names:
            was, wanted = self._built.design[name], after.design[name]
            if was == wanted or name in live:
                continue
            raise SpaceError(
                f"{name}={wanted!r} cannot be changed in a running chip, which was made with {was!r}: open a "
                f"new session; {listed(LIVE)} and the policies of the memory controller can",
                key=name,
            )


def _changes(rows: Sequence[Mapping[str, Any]]) -> tuple[Transition, ...]:
    return tuple(Transition(**row) for row in rows)


def _of(subsystem: str, readings: Sequence[Reading], cores: Counts) -> dict[str, int]:
    """What the subsystem can see of itself."""
    names = _COUNTERS[subsystem]
    if subsystem in ("core", "power", "mapping", "software"):
        return {name: cores[name] for name in names}
    if subsystem in ("l1", "l2"):
        levels = ((0, "l1i_"), (1, "l1d_")) if subsystem == "l1" else ((2, ""),)
        return {
            f"{prefix}{name}": sum(caches[k][name] for one in readings for caches in one.caches)
            for k, prefix in levels
            for name in names
        }
    counts = {
        "llc": lambda: total(bank for one in readings for bank in one.banks),
        "interconnect": lambda: total([*(one.noc for one in readings), *(one.uncore for one in readings)]),
        "memory_controller": lambda: total(one.dram for one in readings),
        "accelerator": lambda: total(own for one in readings for own in one.accelerators),
    }[subsystem]()
    return {name: counts.get(name, 0) for name in names}


_OF_CACHE = (
    "hits_load", "hits_store", "hits_fetch", "misses_load", "misses_store", "misses_fetch", "misses_walk",
    "refused", "written_back", "prefetch_useful", "prefetch_late", "prefetch_useless", "prefetch_dropped",
)  # fmt: skip
_COUNTERS: dict[str, tuple[str, ...]] = {
    "core": (
        "cycles", "retired", "loads", "stores", "branches", "mispredictions", "forwarded", "walks",
        "first_tlb_misses", "rob_integral",
    ),
    "l1": _OF_CACHE,
    "l2": _OF_CACHE,
    "llc": (*_OF_CACHE, "looked", "waited"),
    "interconnect": ("packets", "flits", "flit_hops", "latency", "queued", "forwarded", "invalidations"),
    "memory_controller": (
        "row_hits", "row_misses", "row_conflicts", "n_rd", "n_rda", "n_wr", "n_wra", "n_act", "n_ref",
        "occupancy_cycles", "blocked_cycles",
        *(f"stall_{cause}" for causes in DRAM_STALL_OWNERS.values() for cause in causes),
    ),
    "power": ("cycles", "retired"),
    "mapping": ("retired",),
    "software": ("retired", "loads", "stores", "branches"),
    "accelerator": ("cycles", *ACCELERATOR_COUNTS),
}  # fmt: skip


def _pauses_fs(before: Built, after: Built) -> list[int]:
    """How long each core and, last, the uncore stand still."""

    def pause(a: OperatingPoint, b: OperatingPoint) -> int:
        return round(transition_s(a, b) * _FS)

    cores = map(pause, before.points.cores, after.points.cores)
    return [*cores, pause(before.points.uncore, after.points.uncore)]


def _transitions(before: Built, after: Built) -> tuple[Transition, ...]:
    """The changes of voltage, by block."""
    blocks = [f"core{k}" for k in range(len(after.soc.cores))]
    blocks += [name for name in ("llc", "noc", "memory") if getattr(after.soc, name) is not None]
    pairs = [(name, before.points.of(name).voltage_v, after.points.of(name).voltage_v) for name in blocks]
    return tuple(Transition(name, a, b) for name, a, b in pairs if a != b)
