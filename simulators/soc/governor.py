"""Governors: who moves the cores from one operating point to another while they run.

A governor looks at the run once an epoch and chooses the point of the next one, from the slowest up to
`core_point`. All cores are one clock domain. The change costs what `simulators.soc.power.dvfs` says: the
cores stand still, and the next epoch begins when they run again.

* "ondemand": the rule of Linux's governor of that name since kernel 3.10: above a load of 80 % the highest
  clock, below it a clock between the lowest and the highest in proportion to the load. For Linux, load is the
  share of time in which a processor is not idle. Programs here are never idle, so it is the share in which a
  core does not wait for anything behind its L2, which no clock of a core makes faster; as it would be at the
  highest clock, so that the choice does not change what is seen of the program. That of the busiest core
  counts, as in Linux. To move by a single point is not worth the standstill, but up to the highest.
* "power-cap": the highest point at which the last epoch would have kept to the cap. What other points would
  draw is the epoch's energy with the cores' events in proportion to the clock and the square of the voltage,
  and their leakage to the voltage. Where cores wait for memory they change less than that: down takes another
  epoch, and up stops early.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.soc.build import Built, at_level
from simulators.soc.power.dvfs import OperatingPoint
from simulators.soc.power.report import Report
from simulators.soc.reading import Counts, Reading

UP_THRESHOLD = 0.8
"""Of the load, above which Linux's governor takes the highest clock (its default `up_threshold`)."""
_BEHIND_L2 = ("lost_llc", "lost_memory", "lost_other_core")


@dataclass(slots=True)
class Pace:
    """Where a governed run is among its epochs.

    next_fs: when an epoch ends, or begins if `begun` is None. epochs, over_cap: those that have ended, and
    those of them that drew more than the cap.
    """

    epoch_fs: int
    next_fs: int = 0
    begun: Reading | None = None
    epochs: int = 0
    over_cap: int = 0

    def begin_at(self, time_fs: int) -> None:
        """The next epoch begins then; the present one is not looked at."""
        self.next_fs, self.begun = time_fs, None

    def begin(self, now: Reading) -> None:
        """An epoch begins now."""
        self.next_fs, self.begun = now.time_fs + self.epoch_fs, now


def on_demand(built: Built, epoch: Reading) -> int:
    """The next point of the cores, from what they did in an epoch."""
    highest = int(built.design["core_point"])
    clocks = [at_level(built, level).points.cores[0].frequency_hz for level in range(1, highest + 1)]
    load = highest_load(built, epoch)
    if load > UP_THRESHOLD:
        return highest
    wanted = clocks[0] + load * (clocks[-1] - clocks[0])
    level = 1 + min(range(highest), key=lambda k: abs(clocks[k] - wanted))
    return built.level if abs(level - built.level) == 1 and level != highest else level


def highest_load(built: Built, epoch: Reading) -> float:
    """Of the busiest core: its share of time that a clock of its own makes shorter, at the highest clock."""
    highest = at_level(built, int(built.design["core_point"]))
    now_fs, then_fs = built.chip.core_periods_fs, highest.chip.core_periods_fs
    loads = []
    for k, core in enumerate(epoch.cores):
        latency = built.chip.cores[k].second.latency
        waited = float(sum(core[name] for name in _BEHIND_L2))
        waited += _walking_behind_l2(core, epoch.caches[k][2], latency)
        busy_cycles = max(0.0, core["cycles"] - waited)
        elsewhere_fs = max(0.0, epoch.time_fs - busy_cycles * now_fs[k])
        busy_fs = busy_cycles * then_fs[k]
        loads.append(busy_fs / (busy_fs + elsewhere_fs) if busy_fs else 0.0)
    return max(loads)


def _walking_behind_l2(core: Counts, second: Counts, latency: int) -> float:
    """Cycles lost to page walks, as far as these waited for what missed the L2, of so many cycles."""
    missed = second["misses_walk"] + second["merged_walk"]
    inside = (missed + second["hits_walk"]) * latency
    outside = missed * core["answer_latency"] / core["answered"] if core["answered"] else 0.0
    return core["lost_translation"] * outside / (inside + outside) if outside else 0.0


def within_cap(built: Built, drawn: Report, cap_w: float) -> int:
    """The next point of the cores, from what chip and memory drew in an epoch."""
    levels = range(1, int(built.design["core_point"]) + 1)
    return max((level for level in levels if expected_w(built, drawn, level) <= cap_w), default=1)


def expected_w(built: Built, drawn: Report, level: int) -> float:
    """What an epoch would have drawn with the cores at another point."""
    joules = drawn.total_j
    now, then = built.points.cores, at_level(built, level).points.cores
    for name, dynamic_j in drawn.dynamic_j.items():
        joules += dynamic_j * (_switching(name, now, then) - 1)
    for name, leakage_j in drawn.leakage_j.items():
        pair = _of_core(name, now, then)
        joules += leakage_j * (pair[1].voltage_v / pair[0].voltage_v - 1) if pair else 0.0
    return joules / drawn.seconds


def _switching(name: str, now: tuple[OperatingPoint, ...], then: tuple[OperatingPoint, ...]) -> float:
    """How many times more a component draws at its point then, for what it does a cycle."""
    pair = _of_core(name, now, then)
    if pair is None:
        return 1.0
    voltage = pair[1].voltage_v / pair[0].voltage_v
    return voltage * voltage * pair[1].frequency_hz / pair[0].frequency_hz


def _of_core(
    name: str, now: tuple[OperatingPoint, ...], then: tuple[OperatingPoint, ...]
) -> tuple[OperatingPoint, OperatingPoint] | None:
    """The points of the core that a component is part of."""
    block = name.partition(".")[0]
    if not block.startswith("core"):
        return None
    k = int(block.removeprefix("core"))
    return now[k], then[k]
