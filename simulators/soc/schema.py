"""The metrics of the SoC simulator: names with units, directions, and how each combines over workloads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from dse.metrics import MetricSchema, MetricSpec
from ext.soc_fields import LOST
from simulators.dram.schema import STALLS
from simulators.metric_rows import plain, ratio

CORES_SHOWN = 8
"""Those whose instructions a cycle are a metric each: as many as a chip of the presets has at most."""
CACHE_LEVELS = ("l1i", "l1d", "l2", "llc")
COMPONENTS = ("core", "l1", "l2", "llc", "noc", "accelerator", "memory_controller", "dram", "regulators")
"""What draws energy: pipelines of all cores, caches, interconnect, accelerators, the controllers on the chip,
the memory outside it, and the changes of voltages."""
_LOST_TEXTS = {
    "base": "instructions retire",
    "fetch": "waiting for code that is not in the L1I",
    "branch": "waiting for the right way after a misprediction",
    "dependence": "waiting for an operation, or for a place in a queue",
    "l1": "waiting for the L1D",
    "l2": "waiting for the L2",
    "llc": "waiting for the last level",
    "memory": "waiting for the memory",
    "other_core": "waiting for a line that another core has",
    "store": "waiting for a place in the store queue",
    "translation": "waiting for a page walk or the second-level TLB",
    "end": "the core has run its program, and others have not",
}


@cache
def soc_schema() -> MetricSchema:
    """All metrics, in the order of the value arrays."""
    groups = (
        _outcome(),
        _clock(),
        _lost(),
        _misses(),
        _memory(),
        _prefetch(),
        _sharing(),
        _accelerators(),
        _energy(),
        _cost(),
    )
    return MetricSchema([spec for group in groups for spec in group])


def _outcome() -> Iterator[MetricSpec]:
    yield plain(
        "time_us", "us", "min", "sum", "outcome",
        "until all programs and accelerators are done, without the warm-up",
    )  # fmt: skip
    yield plain(
        "programs_time_us", "us", "min", "sum", "outcome", "until all programs are done"
    )  # fmt: skip
    yield plain("instructions", "", "none", "sum", "outcome", "retired by all cores")
    yield plain(
        "cycles", "cycles", "none", "sum", "outcome", "of the core that ran the longest, in its clock"
    )
    yield ratio("ipc", "", "max", "outcome", "instructions", "cycles", "instructions of all cores a cycle")
    yield plain("ipc_worst_core", "", "max", "min", "outcome", "instructions a cycle of the slowest program")
    yield ratio(
        "giga_instructions_per_s", "G/s", "max", "outcome", "instructions", "time_us",
        "instructions of all cores over time", 1e-3,
    )  # fmt: skip
    for core in range(CORES_SHOWN):
        text = f"instructions a cycle of program {core}, on a core of its own; 0: there is none"
        yield plain(f"ipc_program{core}", "", "max", "mean", "outcome", text)


def _clock() -> Iterator[MetricSpec]:
    yield plain("core_clock_ghz", "GHz", "none", "mean", "clock", "of core 0, mean over time")
    yield plain("clock_changes", "", "none", "sum", "clock", "how often the cores got another point")
    yield plain("governor_epochs", "", "none", "sum", "clock", "after which a governor decided")
    yield plain("epochs_over_cap", "", "min", "sum", "clock", "those that drew more than `power_cap_w`")
    yield ratio(
        "epochs_over_cap_fraction", "", "min", "clock", "epochs_over_cap", "governor_epochs",
        "share of the epochs that drew more than the cap",
    )  # fmt: skip


def _lost() -> Iterator[MetricSpec]:
    """Shares of the cores' cycles; they add up to 1."""
    for name in LOST:
        yield plain(f"cpi_{name}_fraction", "", "none", "mean", "cycles", _LOST_TEXTS[name])


def _misses() -> Iterator[MetricSpec]:
    for level in CACHE_LEVELS:
        text = f"demand accesses that missed the {_spoken(level)}"
        yield plain(f"{level}_misses", "", "none", "sum", "misses", text)
        yield _per_kilo(f"{level}_mpki", f"{level}_misses", f"{_spoken(level)} misses")
    yield plain("mispredictions", "", "none", "sum", "misses", "branches that were predicted wrong")
    yield _per_kilo("branch_mpki", "mispredictions", "mispredicted branches")
    yield plain("page_walks", "", "none", "sum", "misses", "translations that no TLB had")
    yield _per_kilo("tlb_mpki", "page_walks", "page walks")
    yield plain("llc_accesses", "", "none", "sum", "misses", "demand accesses to the last level")
    yield ratio(
        "llc_miss_rate", "", "min", "misses", "llc_misses", "llc_accesses",
        "misses of the last level over its accesses",
    )  # fmt: skip


def _memory() -> Iterator[MetricSpec]:
    yield plain("misses_answered", "", "none", "sum", "memory", "lines that came from below the L2")
    yield plain("miss_wait_ns", "ns", "none", "sum", "memory", "time of all of them together")
    yield ratio(
        "miss_latency_ns", "ns", "min", "memory", "miss_wait_ns", "misses_answered",
        "from the L2 to the answer, mean",
    )  # fmt: skip
    yield plain("memory_reads", "", "none", "sum", "memory", "lines read from memory")
    yield plain("memory_writes", "", "none", "sum", "memory", "lines written to memory")
    yield plain("memory_wait_ns", "ns", "none", "sum", "memory", "time of all reads together")
    yield ratio(
        "memory_latency_ns", "ns", "min", "memory", "memory_wait_ns", "memory_reads",
        "from the memory controller to its answer, mean",
    )  # fmt: skip
    yield plain("memory_read_bytes", "B", "none", "sum", "memory", "read from memory")
    yield plain("memory_written_bytes", "B", "none", "sum", "memory", "written to memory")
    for kind, part in (("read", "read"), ("write", "written")):
        yield ratio(
            f"memory_{kind}_gbps", "GB/s", "none", "memory", f"memory_{part}_bytes", "time_us",
            f"{kind} bandwidth of the memory", 1e-3,
        )  # fmt: skip
    yield plain("dram_row_hits", "", "none", "sum", "memory", "bursts that found their row open")
    yield plain("dram_bursts", "", "none", "sum", "memory", "bursts that the memory served")
    yield ratio(
        "dram_row_hit_rate", "", "max", "memory", "dram_row_hits", "dram_bursts", "row hits over bursts"
    )
    for name in STALLS:
        text = f"share of the channels' cycles: {name.replace('_', ' ')}, as in the DRAM simulator"
        yield plain(f"dram_stall_{name}_fraction", "", "none", "mean", "memory", text)


def _prefetch() -> Iterator[MetricSpec]:
    yield plain("prefetches_used", "", "none", "sum", "prefetch", "prefetched lines that were used")
    yield plain("prefetches_judged", "", "none", "sum", "prefetch", "prefetched lines used, or gone unused")
    yield plain("prefetches_late", "", "none", "sum", "prefetch", "used before they had come")
    yield plain(
        "prefetch_chances", "", "none", "sum", "prefetch", "prefetched lines used, and misses of L1D and L2"
    )
    yield ratio(
        "prefetch_accuracy", "", "max", "prefetch", "prefetches_used", "prefetches_judged",
        "prefetched lines that were used",
    )  # fmt: skip
    yield ratio(
        "prefetch_coverage", "", "max", "prefetch", "prefetches_used", "prefetch_chances",
        "misses of L1D and L2 that a prefetch made a hit",
    )  # fmt: skip
    yield ratio(
        "prefetch_lateness", "", "min", "prefetch", "prefetches_late", "prefetches_used",
        "used lines that had not come yet",
    )  # fmt: skip


def _sharing() -> Iterator[MetricSpec]:
    yield plain("lines_invalidated", "", "none", "sum", "sharing", "lines taken away from cores by others")
    yield plain("lines_from_cores", "", "none", "sum", "sharing", "lines that came from another core")
    yield plain("upgrades", "", "none", "sum", "sharing", "writes to lines that were only shared")
    yield plain("noc_packets", "", "none", "sum", "sharing", "messages over the interconnect")
    yield plain("noc_wait_ns", "ns", "none", "sum", "sharing", "time of all of them together")
    yield ratio(
        "noc_latency_ns", "ns", "min", "sharing", "noc_wait_ns", "noc_packets",
        "of a message over the interconnect, mean",
    )  # fmt: skip


def _accelerators() -> Iterator[MetricSpec]:
    """Nothing but zeros for a chip without."""
    group = "accelerator"
    yield plain("accelerator_time_us", "us", "min", "sum", group, "until the last of them is done")
    yield plain("accelerator_macs", "", "none", "sum", group, "multiply-accumulates")
    yield plain("accelerator_slots", "", "none", "sum", group, "cycles of all cells until then")
    yield ratio(
        "accelerator_utilisation", "", "max", group, "accelerator_macs", "accelerator_slots",
        "share of the cells' cycles that are multiply-accumulates",
    )  # fmt: skip
    yield plain("accelerator_cycles", "cycles", "none", "sum", group, "of all of them, in their clock")
    yield plain(
        "accelerator_waiting",
        "cycles",
        "none",
        "sum",
        group,
        "that cells waited for what the DMA was to bring",
    )
    yield ratio(
        "accelerator_waiting_fraction", "", "min", group, "accelerator_waiting", "accelerator_cycles",
        "share of the cycles in which cells waited for the DMA",
    )  # fmt: skip
    for part, text in (("read", "read from memory"), ("written", "written to memory")):
        yield plain(f"accelerator_{part}_bytes", "B", "none", "sum", group, f"{text} by them, in lines of 64")
    for kind, part in (("read", "read"), ("write", "written")):
        yield ratio(
            f"accelerator_{kind}_gbps", "GB/s", "none", group, f"accelerator_{part}_bytes",
            "accelerator_time_us", f"{kind} bandwidth of all of them", 1e-3,
        )  # fmt: skip
    yield plain("accelerator_read_wait_ns", "ns", "none", "sum", group, "time of all lines read together")
    yield ratio(
        "accelerator_read_latency_ns", "ns", "min", group, "accelerator_read_wait_ns",
        "accelerator_read_bytes", "from asking for a line to having it, mean", 64.0,
    )  # fmt: skip


def _energy() -> Iterator[MetricSpec]:
    yield plain("energy_uj", "uJ", "min", "sum", "energy", "all that chip and memory drew")
    for component in COMPONENTS:
        text = f"{component.replace('_', ' ')}, leakage included"
        yield plain(f"energy_{component}_uj", "uJ", "min", "sum", "energy", text)
    yield plain("leakage_uj", "uJ", "min", "sum", "energy", "of the chip, and part of the above")
    yield ratio(
        "accelerator_power_w", "W", "min", "energy", "energy_accelerator_uj", "time_us",
        "energy of the accelerators over the time of all",
    )  # fmt: skip
    yield ratio("power_w", "W", "min", "energy", "energy_uj", "time_us", "energy over time")
    yield plain("energy_delay_pjs", "pJ s", "min", "sum", "energy", "energy times time")
    yield ratio(
        "energy_per_instruction_pj", "pJ", "min", "energy", "energy_uj", "instructions",
        "energy over instructions", 1e6,
    )  # fmt: skip
    yield ratio(
        "instructions_per_joule", "1/J", "max", "energy", "instructions", "energy_uj",
        "instructions over energy", 1e6,
    )  # fmt: skip
    yield plain(
        "peak_temperature_c", "°C", "min", "max", "energy",
        "of the hottest block; that at which silicon fails where leakage runs away",
    )  # fmt: skip


def _cost() -> Iterator[MetricSpec]:
    yield plain("area_mm2", "mm2", "min", "max", "cost", "of the chip")
    yield plain("accelerator_area_mm2", "mm2", "min", "max", "cost", "of the accelerators, and part of that")
    yield plain(
        "memory_cost_proxy", "", "min", "max", "cost", "price of the memory, 1 GiB of DDR4 = 1 (proxy)"
    )
    yield plain("memory_pins", "", "min", "max", "cost", "signals between chip and memory")
    yield plain("capacity_gib", "GiB", "max", "min", "cost", "what the memory holds")


def _spoken(level: str) -> str:
    return "last level" if level == "llc" else level.upper()[:2] + level[2:].upper()


def _per_kilo(name: str, count: str, text: str) -> MetricSpec:
    text = f"{text} in 1000 instructions"
    return ratio(name, "1/k", "min", "misses", count, "instructions", text, 1000.0)
