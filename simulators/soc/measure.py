"""From what the engines counted to metrics with units. Pure functions of numbers.

A run is one interval, or several where the chip was re-tuned while it ran: counts and energies add up, and
each interval has the clocks and voltages that it ran at. Temperatures are those where an interval's power
would settle.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dse.metrics import Metrics
from ext.soc_fields import LOST
from simulators.dram.schema import STALLS
from simulators.soc.activity import Mix, accelerator_activity, demand, soc_counts
from simulators.soc.build import Built
from simulators.soc.config import LINE_BYTES
from simulators.soc.governor import Pace
from simulators.soc.options import ZERO_CELSIUS_K
from simulators.soc.power.counts import Transition
from simulators.soc.power.dvfs import transition_s
from simulators.soc.power.report import Report, combined, report
from simulators.soc.power.thermal import Package
from simulators.soc.reading import Reading, total
from simulators.soc.schema import CACHE_LEVELS, COMPONENTS, CORES_SHOWN, soc_schema

_FS_PER_NS = 10**6
_SHORTEST_RUN = 10_000
_BLOCKS = {"noc": "noc", "llc": "llc", "memory": "memory_controller", "dram": "dram", "dvfs": "regulators"}


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """What was counted while nothing was re-tuned, and the changes of voltage at its beginning.

    gated_s: how long each core was switched off; empty: none was.
    """

    built: Built
    reading: Reading
    transitions: tuple[Transition, ...] = ()
    gated_s: tuple[float, ...] = ()

    def report(self, mixes: Sequence[Mix], package: Package) -> Report:
        """Its energy and its temperatures."""
        counts = soc_counts(self.built, self.reading, mixes, self.transitions, self.gated_s)
        return report(self.built.soc, counts, self.built.points, package)


def metrics(intervals: Sequence[Interval], mixes: Sequence[Mix], package: Package, pace: Pace) -> Metrics:
    """All metrics of the schema, with notes where a number should not be trusted. pace: of a governor."""
    built = intervals[-1].built
    reports = [one.report(mixes, package) for one in intervals]
    energy = combined(reports)
    values = counted(intervals, pace)
    values |= _energy(energy, values) | _cost(built)
    values["peak_temperature_c"] = _hottest_c(reports, package)
    values |= _ratios(values)
    schema = soc_schema()
    array = np.array([values[name] for name in schema.names], dtype=np.float64)
    return Metrics(schema, array, (*_notes(energy, values), *_governed(built, pace)))


def counted(intervals: Sequence[Interval], pace: Pace) -> dict[str, float]:
    """The metrics that need no energies, but for ratios of others."""
    values = _outcome(intervals) | _misses(intervals) | _memory(intervals) | _stalls(intervals)
    return values | _clock(intervals, pace) | _sharing(intervals) | _accelerators(intervals)


def core_totals(intervals: Sequence[Interval]) -> list[dict[str, int]]:
    """Counts of each core over all intervals."""
    return [total(own) for own in zip(*(one.reading.cores for one in intervals), strict=True)]


def _outcome(intervals: Sequence[Interval]) -> dict[str, float]:
    cores = core_totals(intervals)
    active_fs = [_active_fs(intervals, k) for k in range(len(cores))]
    last = active_fs.index(max(active_fs))
    longest = cores[last]["cycles"]
    lost: dict[str, float] = {name: sum(core[f"lost_{name}"] for core in cores) for name in LOST}
    lost["end"] += sum(_cycles_of(intervals, last, k) - core["cycles"] for k, core in enumerate(cores))
    everything = sum(lost.values())
    ipcs = [_over(core["retired"], core["cycles"]) for core in cores]
    return {
        "time_us": sum(one.reading.time_fs for one in intervals) / (1000 * _FS_PER_NS),
        "programs_time_us": _programs_fs(intervals) / (1000 * _FS_PER_NS),
        "instructions": sum(core["retired"] for core in cores),
        "cycles": longest,
        "ipc_worst_core": min(ipcs),
        **{f"ipc_program{k}": ipc for k, ipc in enumerate((ipcs + [0.0] * CORES_SHOWN)[:CORES_SHOWN])},
        **{f"cpi_{name}_fraction": _over(cycles, everything) for name, cycles in lost.items()},
    }


def _programs_fs(intervals: Sequence[Interval]) -> int:
    """Until all programs have run: to the end if no accelerator can run longer, else to the last cycle of the
    core that ran the longest. A core stands still at the beginning of an interval if its voltage changes."""
    whole = [one.reading.time_fs for one in intervals]
    if intervals[-1].built.accelerators is None:
        return sum(whole)
    cycles = [[core["cycles"] for core in one.reading.cores] for one in intervals]
    last = max((k for k, own in enumerate(cycles) if any(own)), default=0)
    one = intervals[last]
    busy = max(n * period for n, period in zip(cycles[last], one.built.chip.core_periods_fs, strict=True))
    if last:
        before = intervals[last - 1].built.points.cores[0]
        busy += round(transition_s(before, one.built.points.cores[0]) / 1e-15)
    return sum(whole[:last]) + min(whole[last], busy)


def _active_fs(intervals: Sequence[Interval], k: int) -> int:
    """For how long core `k` had something to do, standing still left out."""
    return sum(one.reading.cores[k]["cycles"] * one.built.chip.core_periods_fs[k] for one in intervals)


def _cycles_of(intervals: Sequence[Interval], other: int, k: int) -> float:
    """The cycles of core `other` in cycles of core `k`."""
    clocks = [one.built.chip.core_periods_fs for one in intervals]
    cycles = [one.reading.cores[other]["cycles"] for one in intervals]
    return sum(n * period[other] / period[k] for n, period in zip(cycles, clocks, strict=True))


def _clock(intervals: Sequence[Interval], pace: Pace) -> dict[str, float]:
    points = [one.built.points.cores for one in intervals]
    times = [one.reading.time_fs for one in intervals]
    hertz = sum(own[0].frequency_hz * time for own, time in zip(points, times, strict=True)) / sum(times)
    return {
        "core_clock_ghz": 1e-9 * hertz,
        "clock_changes": sum(before != after for before, after in pairwise(points)),
        "governor_epochs": pace.epochs,
        "epochs_over_cap": pace.over_cap,
    }


def _misses(intervals: Sequence[Interval]) -> dict[str, float]:
    cores = total(core_totals(intervals))
    levels = [total(caches[k] for one in intervals for caches in one.reading.caches) for k in range(3)]
    banks = total(bank for one in intervals for bank in one.reading.banks)
    counts = dict(zip(CACHE_LEVELS, levels, strict=False))
    found = {f"{level}_misses": float(demand(own, "misses")) for level, own in counts.items()}
    data = [counts["l1d"], counts["l2"]]
    used = sum(own["prefetch_useful"] for own in data)
    return found | {
        "llc_misses": demand(banks, "misses") if banks else 0.0,
        "llc_accesses": sum(demand(banks, what) for what in ("hits", "merged", "misses")) if banks else 0.0,
        "mispredictions": cores["mispredictions"],
        "page_walks": cores["walks"],
        "prefetches_used": used,
        "prefetches_judged": used + sum(own["prefetch_useless"] for own in data),
        "prefetches_late": sum(own["prefetch_late"] for own in data),
        "prefetch_chances": used + sum(demand(own, "misses") for own in data),
    }


def _memory(intervals: Sequence[Interval]) -> dict[str, float]:
    uncore = total(one.reading.uncore for one in intervals)
    dram = total(one.reading.dram for one in intervals)
    answered = [
        (core, period)
        for one in intervals
        for core, period in zip(one.reading.cores, one.built.chip.core_periods_fs, strict=True)
    ]
    bursts = sum(dram[name] for name in ("n_rd", "n_rda", "n_wr", "n_wra"))
    return {
        "misses_answered": sum(core["answered"] for core, _ in answered),
        "miss_wait_ns": sum(core["answer_latency"] * _ns(period) for core, period in answered),
        "memory_reads": uncore["memory_reads"],
        "memory_writes": uncore["memory_writes"],
        "memory_wait_ns": sum(
            one.reading.uncore["memory_latency"] * _ns(one.built.chip.uncore_period_fs) for one in intervals
        ),
        "memory_read_bytes": uncore["memory_reads"] * LINE_BYTES,
        "memory_written_bytes": uncore["memory_writes"] * LINE_BYTES,
        "dram_row_hits": dram["row_hits"],
        "dram_bursts": bursts,
    }


def _stalls(intervals: Sequence[Interval]) -> dict[str, float]:
    lost = dram_cycles(intervals)
    cycles = sum(lost.values())
    return {f"dram_stall_{name}_fraction": _over(lost[name], cycles) for name in STALLS}


def dram_cycles(intervals: Sequence[Interval]) -> dict[str, int]:
    """What the channels' cycles went to. Nothing happens in a memory after its last event: it is idle."""
    dram = total(one.reading.dram for one in intervals)
    busy = {name: dram[f"stall_{name}"] for name in STALLS if name != "idle"}
    cycles = dram["elapsed_cycles"] * intervals[-1].built.system.device.channels
    return busy | {"idle": cycles - sum(busy.values())}


def _sharing(intervals: Sequence[Interval]) -> dict[str, float]:
    uncore = total(one.reading.uncore for one in intervals)
    noc = total(one.reading.noc for one in intervals)
    return {
        "lines_invalidated": uncore["invalidations"],
        "lines_from_cores": uncore["forwarded"],
        "upgrades": uncore["upgrades"],
        "noc_packets": noc.get("packets", 0),
        "noc_wait_ns": sum(
            one.reading.noc.get("latency", 0) * _ns(one.built.chip.uncore_period_fs) for one in intervals
        ),
    }


def _accelerators(intervals: Sequence[Interval]) -> dict[str, float]:
    """Cells of those that have nothing to do are idle until the last is done."""
    built, chip = intervals[-1].built, intervals[-1].built.chip
    counts = [total(own) for own in zip(*(one.reading.accelerators for one in intervals), strict=True)]
    longest = max((own["cycles"] for own in counts), default=0)
    sums, period_ns = total(counts), _ns(next(iter(chip.accelerator_periods_fs), 0))
    return accelerator_spans(built, longest) | {
        "accelerator_macs": sum(
            own.macs for one in intervals for own in accelerator_activity(one.built, one.reading)
        ),
        "accelerator_cycles": sums.get("cycles", 0),
        "accelerator_waiting": sums.get("waiting", 0),
        "accelerator_read_bytes": sums.get("read_lines", 0) * LINE_BYTES,
        "accelerator_written_bytes": sums.get("written_lines", 0) * LINE_BYTES,
        "accelerator_read_wait_ns": sums.get("read_latency", 0) * period_ns,
    }


def accelerator_spans(built: Built, longest: int) -> dict[str, float]:
    """The time that an accelerator runs for so many cycles, and the slots that all cells have until then."""
    period_ns = _ns(next(iter(built.chip.accelerator_periods_fs), 0))
    cells = 0
    if built.accelerators is not None:
        array = built.accelerators.array
        cells = built.accelerators.count * array.rows * array.columns
    return {"accelerator_time_us": longest * period_ns / 1000, "accelerator_slots": float(longest * cells)}


def _energy(energy: Report, values: dict[str, float]) -> dict[str, float]:
    energies = energies_uj(energy)
    return energies | {
        "energy_delay_pjs": energies["energy_uj"] * values["time_us"],
        "area_mm2": energy.total_mm2,
        "accelerator_area_mm2": math.fsum(
            mm2 for name, mm2 in energy.area_mm2.items() if _component(name) == "accelerator"
        ),
    }


def energies_uj(energy: Report) -> dict[str, float]:
    """By component, all together, and the leakage of the chip."""
    parts = dict.fromkeys(COMPONENTS, 0.0)
    for name, joules in energy.energy_j.items():
        parts[_component(name)] += 1e6 * joules
    return {
        "energy_uj": sum(parts.values()),
        **{f"energy_{name}_uj": uj for name, uj in parts.items()},
        "leakage_uj": 1e6 * sum(energy.leakage_j.values()),
    }


def _component(name: str) -> str:
    block, _, part = name.partition(".")
    if block.startswith("core"):
        return {"l1i": "l1", "l1d": "l1", "l2": "l2"}.get(part, "core")
    if block.startswith("accelerator"):
        return "accelerator"
    return _BLOCKS[block]


def _hottest_c(reports: Sequence[Report], package: Package) -> float:
    return max(package.limit_k if one.runaway else one.hottest_k for one in reports) - ZERO_CELSIUS_K


def _cost(built: Built) -> dict[str, float]:
    cost = built.system.cost
    return {
        "memory_cost_proxy": cost.price,
        "memory_pins": cost.pins,
        "capacity_gib": cost.capacity_gib,
    }


def _ratios(values: dict[str, float]) -> dict[str, float]:
    return {
        spec.name: spec.scale * _over(values[spec.numerator], values[spec.denominator])
        for spec in soc_schema()
        if spec.numerator is not None and spec.denominator is not None
    }


def _notes(energy: Report, values: dict[str, float]) -> tuple[str, ...]:
    return tuple(_remarks(energy, values))


def _remarks(energy: Report, values: dict[str, float]) -> Iterator[str]:
    if energy.runaway:
        yield f"temperature: {energy.runaway}"
    if energy.extrapolated:
        yield f"outside the SRAM table, and so extrapolated: {', '.join(energy.extrapolated)}"
    if values["instructions"] < _SHORTEST_RUN:
        yield (
            f"short run: {values['instructions']:,.0f} instructions, fewer than {_SHORTEST_RUN:,}; what "
            "caches and predictors have yet to learn decides it"
        )


def _governed(built: Built, pace: Pace) -> Iterator[str]:
    if built.design["governor"] != "fixed" and not pace.epochs:
        yield (
            f"governor: the run ended within its first epoch of {pace.epoch_fs / (1000 * _FS_PER_NS):g} us, "
            "so it decided nothing"
        )


def _ns(period_fs: int) -> float:
    return period_fs / _FS_PER_NS


def _over(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else 0.0
