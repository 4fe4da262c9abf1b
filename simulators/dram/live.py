"""What an epoch of a running memory counts: the sums of `live_schema`, as counters times units.

A sum is the sum of some counters (`ext.dram_fields.EPOCH_COUNTS`), each times a unit of its memory: a cycle
in ns, the energy of a command in pJ, or 1. Over all epochs of a run the counters add up exactly to those of
the whole run, so the sums do but for rounding. Not here is what no epoch can say of itself: percentiles,
maxima, and the controller's static energy, which a whole run charges by the design that it ends with.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from dse.metrics import MetricSchema, MetricSpec
from ext.dram_fields import EPOCH_COUNTS
from simulators.dram.schema import STALLS, dram_schema
from simulators.dram.system import System
from simulators.metric_rows import plain

Terms = tuple[tuple[str, str], ...]
"""Counters and the unit of each."""

_COLUMN_READS, _COLUMN_WRITES = ("n_rd", "n_rda"), ("n_wr", "n_wra")
_READS, _WRITES = (*_COLUMN_READS, "forwarded_reads"), (*_COLUMN_WRITES, "coalesced_writes")
_REFRESHES = (("n_ref", "refresh_pj"), ("n_refpb", "refresh_bank_pj"), ("n_refsb", "refresh_set_pj"))
_OWED = (("owed_all", "refresh_pj"), ("owed_bank", "refresh_bank_pj"), ("owed_set", "refresh_set_pj"))
_STATES = {
    "active_standby": "active_standby_cycles", "precharge_standby": "precharge_standby_cycles",
    "active_power_down": "active_pd_cycles", "precharge_power_down": "precharge_pd_cycles",
    "self_refresh": "sr_cycles",
}  # fmt: skip
_LATENCIES = ("read", "write", "accepted_read", "accepted_write")


def _each(names: tuple[str, ...], unit: str = "one") -> Terms:
    return tuple((name, unit) for name in names)


_ENERGIES: dict[str, Terms] = {
    "activate": (("n_act", "activate_pj"),),
    "precharge": _each(("n_pre", "n_prea_banks", "n_rda", "n_wra"), "precharge_pj"),
    "read": _each(_COLUMN_READS, "read_pj"),
    "write": _each(_COLUMN_WRITES, "write_pj"),
    "refresh": _REFRESHES,
    "mitigation": (("n_vrr", "victims_pj"), ("n_rfm", "rfm_pj"), ("n_rfmsb", "rfm_set_pj")),
    **{state: ((counter, f"{state}_cycle_pj"),) for state, counter in _STATES.items()},
}
_DRAWN: Terms = tuple(term for terms in _ENERGIES.values() for term in terms)
_KNOWN: dict[str, Terms] = {
    "elapsed_ns": _each(("elapsed_cycles",), "tck_ns"),
    "requests": _each((*_READS, *_WRITES)),
    "reads": _each(_READS),
    "writes": _each(_WRITES),
    "forwarded_reads": _each(("forwarded_reads",)),
    "coalesced_writes": _each(("coalesced_writes",)),
    "row_hits": _each(("row_hits",)),
    "row_misses": _each(("row_misses",)),
    "row_conflicts": _each(("row_conflicts",)),
    "activates": _each(("n_act",)),
    "precharges": _each(("n_pre",)),
    "precharge_alls": _each(("n_prea",)),
    "auto_precharges": _each(("n_rda", "n_wra")),
    "column_reads": _each(_COLUMN_READS),
    "column_writes": _each(_COLUMN_WRITES),
    "refreshes": _each(("n_ref",)),
    "bank_refreshes": _each(("n_refpb",)),
    "same_bank_refreshes": _each(("n_refsb",)),
    "refreshes_owed": _each(("refreshes_owed",)),
    "power_down_entries": _each(("n_pde_active", "n_pde_precharge")),
    "self_refresh_entries": _each(("n_sre",)),
    "victim_refreshes": _each(("n_vrr",)),
    "refresh_managements": _each(("n_rfm", "n_rfmsb")),
    "served_bytes": _each((*_READS, *_WRITES), "burst_bytes"),
    "transferred_bytes": _each((*_COLUMN_READS, *_COLUMN_WRITES), "burst_bytes"),
    "bus_busy_ns": _each((*_COLUMN_READS, *_COLUMN_WRITES), "burst_ns"),
    "offered_span_ns": _each(("offered_cycles",), "tck_ns"),
    **{f"energy_{name}_pj": terms for name, terms in _ENERGIES.items()},
    "energy_pj": _DRAWN,
    "refresh_owed_energy_pj": _OWED,
    "charged_energy_pj": (*_DRAWN, *_OWED),
}
"""Sums that the schema of whole runs has, too."""


def _of_epochs() -> Iterator[tuple[MetricSpec, Terms]]:
    """Sums of which the schema of whole runs has only what they are means of."""
    yield _sum("elapsed_cycles", "cycles", "traffic", "of the device clock"), _each(("elapsed_cycles",))
    yield _sum("channel_cycles", "cycles", "stall", "of all channels"), _each(("elapsed_cycles",), "channels")
    yield _sum("rank_cycles", "cycles", "traffic", "of all ranks"), _each(("elapsed_cycles",), "ranks")
    for name in _LATENCIES:
        text = "of all {}s together, from {}".format(
            name.rpartition("_")[2], "acceptance" if name.startswith("accepted") else "arrival"
        )
        yield _sum(_latency(name), "ns", "latency", text), _each((f"delay_{name}",), "tck_ns")
    yield _sum("timed_reads", "", "latency", "reads answered after the warm-up"), _each(("timed_reads",))
    yield _sum("timed_writes", "", "latency", "writes answered after the warm-up"), _each(("timed_writes",))
    text = "requests in the buffer, summed over cycles"
    yield _sum("queue_occupancy_cycles", "requests cycles", "traffic", text), _each(("occupancy_cycles",))
    text = "cycles in which a request waits for a place"
    yield _sum("blocked_cycles", "cycles", "traffic", text), _each(("blocked_cycles",))
    for state, counters in _STATE_CYCLES.items():
        text = f"ranks' cycles in {state.replace('_', ' ')}"
        yield _sum(f"{state}_cycles", "cycles", "traffic", text), _each(counters)
    for name in STALLS:
        text = f"channels' cycles: {dram_schema().spec(f'stall_{name}_fraction').description}"
        yield _sum(f"stall_{name}_cycles", "cycles", "stall", text), _each((f"stall_{name}",))


_STATE_CYCLES = {
    "active_standby": ("active_standby_cycles",),
    "precharge_standby": ("precharge_standby_cycles",),
    "power_down": ("active_pd_cycles", "precharge_pd_cycles"),
    "self_refresh": ("sr_cycles",),
}


def _sum(name: str, unit: str, group: str, text: str) -> MetricSpec:
    return plain(name, unit, "none", "sum", group, text)


def _latency(name: str) -> str:
    """The name of the mean without "mean": of accepted_read, read_latency_accepted_ns."""
    origin, _, kind = name.rpartition("_")
    return f"{kind}_latency_{origin}_ns" if origin else f"{kind}_latency_ns"


def _means() -> Iterator[tuple[str, str, str]]:
    """Metrics of whole runs that are a mean there and a ratio of two sums here."""
    for name in _LATENCIES:
        kind = name.rpartition("_")[2]
        yield _latency(name).removesuffix("ns") + "mean_ns", _latency(name), f"timed_{kind}s"
    yield "queue_occupancy_mean", "queue_occupancy_cycles", "elapsed_cycles"
    yield "blocked_fraction", "blocked_cycles", "elapsed_cycles"
    for state in _STATE_CYCLES:
        yield f"{state}_fraction", f"{state}_cycles", "rank_cycles"
    for name in STALLS:
        yield f"stall_{name}_fraction", f"stall_{name}_cycles", "channel_cycles"


@cache
def _sums() -> tuple[tuple[MetricSpec, Terms], ...]:
    """The sums in the order of the schema, and their terms: counter to unit."""
    full = dram_schema()
    known = [(full.spec(name), terms) for name, terms in _KNOWN.items()]
    return (*known, *_of_epochs())


@cache
def live_schema() -> MetricSchema:
    """What an epoch counts: all sums, then the ratios of them."""
    full = dram_schema()
    sums = [spec for spec, _ in _sums()]
    names = {spec.name for spec in sums}
    ratios = [spec for spec in full if spec.numerator in names and spec.denominator in names]
    for name, above, below in _means():
        old = full.spec(name)
        ratios.append(
            MetricSpec(name, old.unit, old.direction, "ratio", old.description, above, below, group=old.group)
        )
    return MetricSchema([*sums, *ratios])


@cache
def term_positions() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the terms of each sum begin, int64 (sums + 1,), and the counter of each term, int64 (terms,)."""
    counts = [len(terms) for _, terms in _sums()]
    counters = [EPOCH_COUNTS.index(name) for _, terms in _sums() for name, _ in terms]
    return np.cumsum([0, *counts], dtype=np.int64), np.array(counters, dtype=np.int64)


@cache
def ratio_positions() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The sums that each ratio is of, int64 (ratios,) above and below, and its scale."""
    schema = live_schema()
    ratios = [spec for spec in schema if spec.combine == "ratio"]
    above = np.array([schema.index(str(spec.numerator)) for spec in ratios], dtype=np.int64)
    below = np.array([schema.index(str(spec.denominator)) for spec in ratios], dtype=np.int64)
    return above, below, np.array([spec.scale for spec in ratios], dtype=np.float64)


@lru_cache(maxsize=256)
def term_units(system: System) -> NDArray[np.float64]:
    """What the counter of each term is multiplied with in a memory, float64 (terms,), not to be written."""
    device, events = system.device, system.events
    units = {
        "one": 1.0,
        "tck_ns": device.tck_ns,
        "channels": device.channels,
        "ranks": system.total_ranks,
        "burst_bytes": device.burst_bytes,
        "burst_ns": device.timings.burst * device.tck_ns / device.data_buses,
    }
    units |= {f"{state}_cycle_pj": events.tck_ns * getattr(events, f"{state}_mw") for state in _STATES}
    wanted = [unit for _, terms in _sums() for _, unit in terms]
    return np.array([units[name] if name in units else getattr(events, name) for name in wanted])
