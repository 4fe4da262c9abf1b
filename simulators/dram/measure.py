"""From what the controller counted to metrics with units. Pure functions of numbers.

Latency percentiles are nearest-rank over the latency histogram, whose bins are one cycle wide up to 4,096
cycles and 1/64 of an octave above (the upper end of a bin is reported, the maximum at most). The confidence
interval of the mean is that of batch means (32 batches of consecutive reads, Student's t), which respects
that neighbours are correlated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from dse.metrics import Metrics
from simulators.dram.area import ControllerCost
from simulators.dram.memory.devices import Device
from simulators.dram.power import Activity, EventEnergy, energy_pj, refresh_owed_pj, state_cycles
from simulators.dram.schema import STALLS, dram_schema
from simulators.dram.system import System

Histogram = NDArray[np.int64]
_QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
_LATENCIES = tuple(
    (f"{name}mean_ns", f"{name}max_ns", tuple(f"{name}{label}_ns" for label in _QUANTILES))
    for name in ("read_latency_", "write_latency_", "read_latency_accepted_", "write_latency_accepted_")
)
"""Mean, maximum and percentiles of each histogram."""
_STALLED = tuple((f"stall_{name}", f"stall_{name}_fraction") for name in STALLS)
_SHORTEST_RUN_INTERVALS = 100
_WIDEST_INTERVAL = 0.10


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run left behind: counters, latency histograms and batch means, in cycles.

    histograms: (4, bins) for read and write from arrival, then read and write from acceptance; bin_upper:
    (bins,). latency_sums, latency_maxima: (4,) in the same order. batch_sums, batch_counts: (32,) of reads
    from arrival. last_arrival_cycle: of the whole workload.
    """

    counters: Mapping[str, int]
    histograms: Histogram
    bin_upper: Histogram
    latency_sums: NDArray[np.int64]
    latency_maxima: NDArray[np.int64]
    batch_sums: NDArray[np.int64]
    batch_counts: NDArray[np.int64]
    last_arrival_cycle: int


def metrics(
    measured: Measured, system: System, cost: ControllerCost, refresh_policy: str = "AllBank"
) -> Metrics:
    """All metrics of the schema, with notes where a number should not be trusted."""
    device, c = system.device, measured.counters
    values = _counts(c) | _stalls(c, device)
    values |= _outcome(measured, device, values)
    activity = Activity.of(c, system.total_ranks, refresh_policy)
    values |= _energy(activity, values, system.events, cost)
    values |= _latencies(measured, device.tck_ns)
    values |= _states(activity, system.events)
    values |= _costs(system, cost)
    schema = dram_schema()
    array = np.array([*map(values.__getitem__, schema.names)], dtype=np.float64)
    return Metrics(schema, array, _notes(values, measured, device))


def _counts(c: Mapping[str, int]) -> dict[str, float]:
    column_reads, column_writes = c["n_rd"] + c["n_rda"], c["n_wr"] + c["n_wra"]
    reads = column_reads + c["forwarded_reads"]
    writes = column_writes + c["coalesced_writes"]
    return {
        "requests": reads + writes,
        "reads": reads,
        "writes": writes,
        "forwarded_reads": c["forwarded_reads"],
        "coalesced_writes": c["coalesced_writes"],
        "row_hits": c["row_hits"],
        "row_misses": c["row_misses"],
        "row_conflicts": c["row_conflicts"],
        "row_hit_rate": _over(c["row_hits"], reads + writes),
        "activates": c["n_act"],
        "precharges": c["n_pre"],
        "precharge_alls": c["n_prea"],
        "auto_precharges": c["n_rda"] + c["n_wra"],
        "column_reads": column_reads,
        "column_writes": column_writes,
        "refreshes": c["n_ref"],
        "bank_refreshes": c["n_refpb"],
        "same_bank_refreshes": c["n_refsb"],
        "refreshes_owed": c["refreshes_owed"],
        "power_down_entries": c["n_pde_active"] + c["n_pde_precharge"],
        "self_refresh_entries": c["n_sre"],
        "victim_refreshes": c["n_vrr"],
        "refresh_managements": c["n_rfm"] + c["n_rfmsb"],
        "queue_occupancy_mean": _over(c["occupancy_cycles"], c["elapsed_cycles"]),
        "queue_occupancy_max": c["occupancy_max"],
        "blocked_fraction": _over(c["blocked_cycles"], c["elapsed_cycles"]),
    }


def _stalls(c: Mapping[str, int], device: Device) -> dict[str, float]:
    cycles = c["elapsed_cycles"] * device.channels
    return {fraction: _over(c[counter], cycles) for counter, fraction in _STALLED}


def _outcome(measured: Measured, device: Device, values: Mapping[str, float]) -> dict[str, float]:
    elapsed_ns = measured.counters["elapsed_cycles"] * device.tck_ns
    span_ns = (measured.last_arrival_cycle + 1) * device.tck_ns
    burst_ns = device.timings.burst * device.tck_ns / device.data_buses
    bursts = values["column_reads"] + values["column_writes"]
    busy_ns = bursts * burst_ns
    served = values["requests"] * device.burst_bytes
    return {
        "elapsed_ns": elapsed_ns,
        "offered_span_ns": span_ns,
        "bus_busy_ns": busy_ns,
        "served_bytes": served,
        "transferred_bytes": bursts * device.burst_bytes,
        "bandwidth_gbps": _over(served, elapsed_ns),
        "served_load": min(1.0, _over(span_ns, elapsed_ns)),
        "offered_load": _over(busy_ns, span_ns),
        "bus_utilisation": _over(busy_ns, elapsed_ns),
    }


def _costs(system: System, cost: ControllerCost) -> dict[str, float]:
    return {
        "controller_area_kge": cost.area_kge,
        "controller_static_power_mw": cost.static_power_mw,
        "memory_cost_proxy": system.cost.price,
        "memory_pins": system.cost.pins,
        "interface_area_mm2": system.cost.interface_mm2,
        "memory_packages": system.cost.packages,
        "capacity_gib": system.cost.capacity_gib,
    }


def _energy(
    activity: Activity, values: Mapping[str, float], events: EventEnergy, cost: ControllerCost
) -> dict[str, float]:
    parts = energy_pj(events, activity)
    memory_pj, owed_pj = parts.pop("total"), refresh_owed_pj(events, activity)
    charged_pj = memory_pj + owed_pj
    elapsed_ns = values["elapsed_ns"]
    total_pj = charged_pj + cost.static_power_mw * elapsed_ns
    bits = 8 * values["served_bytes"]
    return {f"energy_{name}_pj": part for name, part in parts.items()} | {
        "energy_pj": memory_pj,
        "refresh_owed_energy_pj": owed_pj,
        "charged_energy_pj": charged_pj,
        "average_power_mw": _over(memory_pj, elapsed_ns),
        "energy_per_bit_pj": _over(charged_pj, bits),
        "total_energy_pj": total_pj,
        "total_power_mw": _over(total_pj, elapsed_ns),
        "total_energy_per_bit_pj": _over(total_pj, bits),
    }


def _latencies(measured: Measured, tck_ns: float) -> dict[str, float]:
    maxima: list[int] = measured.latency_maxima.tolist()
    last_bin = int(measured.bin_upper.searchsorted(max(maxima)))  # those behind it are empty
    totals, found = _percentiles(measured.histograms[:, : last_bin + 1], measured.bin_upper)
    sums: list[int] = measured.latency_sums.tolist()
    values: dict[str, float] = {}
    for (mean, maximum, percentiles), total, summed, longest, ends in zip(
        _LATENCIES, totals, sums, maxima, found, strict=True
    ):
        values[mean] = _over(summed, total) * tck_ns
        values[maximum] = longest * tck_ns
        for percentile, at_most in zip(percentiles, ends, strict=True):
            values[percentile] = min(at_most, longest) * tck_ns
    values["read_latency_ci95_ns"] = _half_width(measured.batch_sums, measured.batch_counts) * tck_ns
    return values


def _percentiles(histograms: Histogram, bin_upper: Histogram) -> tuple[list[int], list[list[int]]]:
    """How many are in each histogram (n, bins), and its `_QUANTILES` by nearest rank: the smallest value that
    such a share does not exceed; 0 where there is none.

    All histograms behind one another are one, in which each rank is that of its own and all before.
    """
    n_bins = histograms.shape[1]
    cumulative = histograms.ravel().cumsum()
    ends = cumulative[n_bins - 1 :: n_bins].tolist()
    totals = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    ranks = [
        end - total + math.ceil(quantile * total)
        for end, total in zip(ends, totals, strict=True)
        for quantile in _QUANTILES.values()
    ]
    values = bin_upper[cumulative.searchsorted(ranks) % n_bins].reshape(len(totals), -1).tolist()
    return totals, [own if total else [0] * len(own) for own, total in zip(values, totals, strict=True)]


def _half_width(sums: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """Half of the 95 % confidence interval of the mean of batch means; 0 with fewer than two batches."""
    both = zip(sums.tolist(), counts.tolist(), strict=True)
    means = np.array([total / count for total, count in both if count])
    n = len(means)
    if n < 2:
        return 0.0
    apart = means - means.sum() / n
    deviation = math.sqrt((apart * apart).sum() / (n - 1))
    return _student_t(n - 1) * deviation / math.sqrt(n)


@cache
def _student_t(degrees_of_freedom: int) -> float:
    return float(stdtrit(degrees_of_freedom, 0.975))


def _states(activity: Activity, events: EventEnergy) -> dict[str, float]:
    cycles = state_cycles(events, activity)
    total = activity.rank_cycles
    down = cycles["active_power_down"] + cycles["precharge_power_down"]
    return {
        "active_standby_fraction": _over(cycles["active_standby"], total),
        "precharge_standby_fraction": _over(cycles["precharge_standby"], total),
        "power_down_fraction": _over(down, total),
        "self_refresh_fraction": _over(cycles["self_refresh"], total),
    }


def _notes(values: Mapping[str, float], measured: Measured, device: Device) -> tuple[str, ...]:
    notes = []
    intervals = measured.counters["elapsed_cycles"] / device.timings.refi
    if intervals < _SHORTEST_RUN_INTERVALS:
        notes.append(
            f"short run: {intervals:.1f} refresh intervals, fewer than {_SHORTEST_RUN_INTERVALS}; "
            "refresh policies cannot be told apart"
        )
    mean, half_width = values["read_latency_mean_ns"], values["read_latency_ci95_ns"]
    if half_width > _WIDEST_INTERVAL * mean:
        notes.append(f"wide interval: mean read latency {mean:.1f} ns ± {half_width:.1f} ns (95 %)")
    return tuple(notes)


def _over(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else 0.0
