"""What an epoch of a running chip counts: the sums of `live_schema`, read off a session.

A sum is what the whole run has come to by now, less what it had come to before: energies are not proportional
to counts (leakage goes with the temperature at which an interval's power settles, and an interval ends where
something is re-tuned), so an epoch has the difference of two cumulative energies. The sums of all epochs are
therefore those of the whole run. Not here is what no epoch can say of itself: maxima and minima, energy times
time, and `programs_time_us`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np

from dse.metrics import MetricSchema, MetricSpec, Values
from ext.soc_fields import LOST
from simulators.dram.schema import STALLS
from simulators.metric_rows import plain
from simulators.soc.build import Built
from simulators.soc.measure import Interval, accelerator_spans, counted, dram_cycles, energies_uj
from simulators.soc.power.dvfs import OperatingPoint
from simulators.soc.schema import CORES_SHOWN, soc_schema
from simulators.soc.session import SocSession

_NOT_OF_AN_EPOCH = ("programs_time_us", "energy_delay_pjs")
_CYCLES_PER_US = 1e-3  # of a clock, in GHz
Number = TypeVar("Number", int, float)


@cache
def live_schema() -> MetricSchema:
    """All sums, then the ratios of them."""
    full = soc_schema()
    sums = [spec for spec in full if spec.combine == "sum" and spec.name not in _NOT_OF_AN_EPOCH]
    sums += _of_epochs()
    names = {spec.name for spec in sums}
    ratios = [spec for spec in full if spec.numerator in names and spec.denominator in names]
    for name, above, below, scale in _means():
        old = full.spec(name)
        ratios.append(
            MetricSpec(
                name, old.unit, old.direction, "ratio", old.description, above, below, scale, old.group
            )
        )
    return MetricSchema([*sums, *ratios])


def _of_epochs() -> Iterator[MetricSpec]:
    """Sums of which the schema of whole runs has only what they are means of."""
    full = soc_schema()
    for name in LOST:
        text = f"of all cores: {full.spec(f'cpi_{name}_fraction').description}"
        yield plain(f"lost_{name}_cycles", "cycles", "none", "sum", "cycles", text)
    yield plain("core_cycles", "cycles", "none", "sum", "cycles", "of all cores, to the end of the longest")
    text = "of the clock of core 0, standing still included"
    yield plain("core_clock_cycles", "cycles", "none", "sum", "clock", text)
    for name in STALLS:
        text = full.spec(f"dram_stall_{name}_fraction").description.partition(": ")[2]
        yield plain(
            f"dram_stall_{name}_cycles", "cycles", "none", "sum", "memory", f"channels' cycles: {text}"
        )
    yield plain("dram_channel_cycles", "cycles", "none", "sum", "memory", "of all channels of the memory")
    for core in range(CORES_SHOWN):
        yield plain(f"instructions_program{core}", "", "none", "sum", "outcome", f"of program {core}")
        yield plain(f"cycles_program{core}", "cycles", "none", "sum", "outcome", f"of program {core}'s core")


def _means() -> Iterator[tuple[str, str, str, float]]:
    """Metrics of whole runs that are a mean there and a ratio of two sums here."""
    yield "core_clock_ghz", "core_clock_cycles", "time_us", _CYCLES_PER_US
    for name in LOST:
        yield f"cpi_{name}_fraction", f"lost_{name}_cycles", "core_cycles", 1.0
    for name in STALLS:
        yield f"dram_stall_{name}_fraction", f"dram_stall_{name}_cycles", "dram_channel_cycles", 1.0
    for core in range(CORES_SHOWN):
        yield f"ipc_program{core}", f"instructions_program{core}", f"cycles_program{core}", 1.0


@cache
def _sum_names() -> tuple[str, ...]:
    return tuple(spec.name for spec in live_schema() if spec.combine == "sum")


class Progress:
    """Reads off a session what it has come to; an interval that has ended is read once."""

    def __init__(self, session: SocSession) -> None:
        self._session = session
        self._n_read = 0
        self._ended: _Part | None = None
        self._clock_changes = 0
        self._points: tuple[OperatingPoint, ...] | None = None
        self._last: tuple[int, _Part] | None = None

    def sums(self) -> Values:
        """Cumulative, in the order of the sums of `live_schema`; zeros before anything has happened."""
        for one in self._session.intervals_from(self._n_read):
            self._read(one)
        present = self._session.present_interval()
        whole, changes = self._ended, self._clock_changes
        if present is not None:
            part = _part(present, self._session)
            self._last = present.reading.time_fs, part
            whole = part if whole is None else whole.plus(part)
            changes += self._changes(present)
        if whole is None:
            return np.zeros(len(_sum_names()))
        pace = self._session.pace
        found = whole.sums(self._session.built)
        found |= {
            "clock_changes": changes,
            "governor_epochs": pace.epochs,
            "epochs_over_cap": pace.over_cap,
        }
        return np.array([found[name] for name in _sum_names()], dtype=np.float64)

    def _read(self, one: Interval) -> None:
        known, self._last = self._last, None  # an interval often ends where it was read last
        part = known[1] if known and known[0] == one.reading.time_fs else _part(one, self._session)
        self._ended = part if self._ended is None else self._ended.plus(part)
        self._clock_changes += self._changes(one)
        self._points = one.built.points.cores
        self._n_read += 1

    def _changes(self, one: Interval) -> int:
        return int(self._points is not None and self._points != one.built.points.cores)


@dataclass(frozen=True, slots=True)
class _Part:
    """What was counted in one interval, or in several that follow each other.

    linear: sums that add up as they are. busy_fs, cycles: of each core. in_clock_of: (cores, cores), the
    cycles of one core in the clock of another. accelerated: cycles of each accelerator.
    """

    linear: Mapping[str, float]
    busy_fs: tuple[int, ...]
    cycles: tuple[int, ...]
    in_clock_of: tuple[tuple[float, ...], ...]
    accelerated: tuple[int, ...]

    def plus(self, more: _Part) -> _Part:
        """Both together."""
        return _Part(
            {name: value + more.linear[name] for name, value in self.linear.items()},
            _added(self.busy_fs, more.busy_fs),
            _added(self.cycles, more.cycles),
            tuple(map(_added, self.in_clock_of, more.in_clock_of)),
            _added(self.accelerated, more.accelerated),
        )

    def sums(self, built: Built) -> dict[str, float]:
        """By name: the linear ones, and those that go by the core or the accelerator that ran the longest."""
        last = self.busy_fs.index(max(self.busy_fs))
        idle = sum(a - b for a, b in zip(self.in_clock_of[last], self.cycles, strict=True))
        found = dict(self.linear)
        found["cycles"] = self.cycles[last]
        found["lost_end_cycles"] += idle
        found["core_cycles"] = sum(found[f"lost_{name}_cycles"] for name in LOST)
        longest = max(self.accelerated, default=0)
        return found | accelerator_spans(built, longest)


def _part(one: Interval, session: SocSession) -> _Part:
    cores, periods = one.reading.cores, one.built.chip.core_periods_fs
    cycles = tuple(core["cycles"] for core in cores)
    busy_fs = tuple(n * period for n, period in zip(cycles, periods, strict=True))
    linear = counted([one], session.pace) | energies_uj(one.report(session.mixes, session.package))
    linear |= {f"lost_{name}_cycles": sum(core[f"lost_{name}"] for core in cores) for name in LOST}
    memory = dram_cycles([one])
    linear |= {f"dram_stall_{name}_cycles": n for name, n in memory.items()}
    linear["dram_channel_cycles"] = sum(memory.values())
    linear["core_clock_cycles"] = one.built.points.cores[0].frequency_hz * one.reading.time_fs * 1e-15
    for k in range(CORES_SHOWN):
        linear[f"instructions_program{k}"] = cores[k]["retired"] if k < len(cores) else 0
        linear[f"cycles_program{k}"] = cycles[k] if k < len(cores) else 0
    return _Part(
        {name: linear[name] for name in _sum_names() if name in linear},
        busy_fs,
        cycles,
        tuple(tuple(fs / period for period in periods) for fs in busy_fs),
        tuple(own["cycles"] for own in one.reading.accelerators),
    )


def _added(one: tuple[Number, ...], other: tuple[Number, ...]) -> tuple[Number, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))
