"""The metrics of the DRAM simulator: names with units, directions, and how each combines over workloads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from dse.metrics import Combine, MetricSchema, MetricSpec
from simulators.dram.memory.constraints import CAUSES
from simulators.dram.power import COMPONENTS
from simulators.metric_rows import plain, ratio

STALLS = ("idle", "command", *CAUSES[1:], "batching")
"""What a cycle of a channel went to: a command, nothing to do, or what the next command waited for."""
LATENCY_STATISTICS = ("mean", "p50", "p95", "p99", "max")
_COUNTS = (
    ("requests", "requests served, a burst each"),
    ("reads", "reads served"),
    ("writes", "writes served"),
    ("forwarded_reads", "reads answered from a buffered write"),
    ("coalesced_writes", "writes merged into a buffered one"),
    ("row_hits", "requests that found their row open"),
    ("row_misses", "requests that found their bank closed"),
    ("row_conflicts", "requests for which another row had to be closed"),
    ("activates", "ACT commands"),
    ("precharges", "PRE commands"),
    ("precharge_alls", "PREA commands"),
    ("auto_precharges", "column commands with auto-precharge"),
    ("column_reads", "RD and RDA commands"),
    ("column_writes", "WR and WRA commands"),
    ("refreshes", "REF commands"),
    ("bank_refreshes", "REFpb commands: one bank"),
    ("same_bank_refreshes", "REFsb commands: one bank of each group"),
    ("refreshes_owed", "postponed refreshes not made up for at the end (their energy is charged)"),
    ("power_down_entries", "PDE commands"),
    ("self_refresh_entries", "SRE commands"),
    ("victim_refreshes", "refreshes of the neighbours of a row (VRR)"),
    ("refresh_managements", "RFM commands of either kind"),
)


@cache
def dram_schema() -> MetricSchema:
    """All metrics, in the order of the value arrays."""
    return MetricSchema([*_outcome(), *_latencies(), *_energy(), *_traffic(), *_stalls(), *_cost()])


def _outcome() -> Iterator[MetricSpec]:
    yield plain("elapsed_ns", "ns", "min", "sum", "outcome", "from cycle 0 to the last response")
    yield ratio("bandwidth_gbps", "GB/s", "max", "outcome", "served_bytes", "elapsed_ns", "bytes over time")
    yield ratio(
        "served_load", "", "max", "outcome", "offered_span_ns", "elapsed_ns",
        "served over offered bandwidth: 1 when the memory keeps up with the arrivals",
    )  # fmt: skip
    yield ratio(
        "offered_load", "", "none", "outcome", "bus_busy_ns", "offered_span_ns", "demand over peak bandwidth"
    )
    yield ratio(
        "bus_utilisation",
        "",
        "max",
        "outcome",
        "bus_busy_ns",
        "elapsed_ns",
        "share of time the bus moves data",
    )


def _latencies() -> Iterator[MetricSpec]:
    for kind in ("read", "write"):
        for origin, words in (("", "arrival"), ("accepted_", "acceptance")):
            for statistic in LATENCY_STATISTICS:
                combine: Combine = "mean" if statistic == "mean" else "max"
                text = f"{kind} latency from {words} to the response, {statistic}"
                yield plain(f"{kind}_latency_{origin}{statistic}_ns", "ns", "min", combine, "latency", text)
    yield plain(
        "read_latency_ci95_ns", "ns", "none", "max", "latency",
        "half width of the 95 % confidence interval of the mean read latency (batch means)",
    )  # fmt: skip


def _energy() -> Iterator[MetricSpec]:
    yield plain("energy_pj", "pJ", "min", "sum", "energy", "what the memory drew: commands and background")
    for component in COMPONENTS:
        yield plain(f"energy_{component}_pj", "pJ", "min", "sum", "energy", component.replace("_", " "))
    yield ratio(
        "average_power_mw", "mW", "min", "energy", "energy_pj", "elapsed_ns", "energy drawn over time",
        needs_constraint="served_load",
    )  # fmt: skip
    yield plain(
        "refresh_owed_energy_pj", "pJ", "min", "sum", "energy", "cost of the refreshes owed at the end"
    )
    yield plain("charged_energy_pj", "pJ", "min", "sum", "energy", "drawn, and refreshes owed")
    yield ratio(
        "energy_per_bit_pj", "pJ/bit", "min", "energy", "charged_energy_pj", "served_bytes",
        "charged energy a bit", 1 / 8,
    )  # fmt: skip
    yield plain("total_energy_pj", "pJ", "min", "sum", "energy", "charged, and the controller (proxy)")
    yield ratio(
        "total_power_mw", "mW", "min", "energy", "total_energy_pj", "elapsed_ns", "memory and controller",
        needs_constraint="served_load",
    )  # fmt: skip
    yield ratio(
        "total_energy_per_bit_pj", "pJ/bit", "min", "energy", "total_energy_pj", "served_bytes",
        "memory and controller, a bit", 1 / 8,
    )  # fmt: skip


def _traffic() -> Iterator[MetricSpec]:
    for name, text in _COUNTS:
        yield plain(name, "", "none", "sum", "traffic", text)
    yield ratio("row_hit_rate", "", "max", "traffic", "row_hits", "requests", "row hits over requests")
    yield plain("served_bytes", "B", "none", "sum", "traffic", "bytes of the requests served")
    yield plain("transferred_bytes", "B", "none", "sum", "traffic", "bytes moved over the buses")
    yield plain("bus_busy_ns", "ns", "none", "sum", "traffic", "time a bus moves data, mean of all buses")
    yield plain("offered_span_ns", "ns", "none", "sum", "traffic", "from cycle 0 to the last arrival")
    yield plain(
        "queue_occupancy_mean", "requests", "none", "mean", "traffic", "requests in the buffer, over time"
    )
    yield plain("queue_occupancy_max", "requests", "none", "max", "traffic", "most requests in the buffer")
    yield plain("blocked_fraction", "", "min", "mean", "traffic", "share of time a request waits for a place")
    for state in ("active_standby", "precharge_standby", "power_down", "self_refresh"):
        yield plain(
            f"{state}_fraction", "", "none", "mean", "traffic",
            f"share of the ranks' time in {state.replace('_', ' ')}",
        )  # fmt: skip


_STALL_TEXTS = {
    "idle": "no request is in the buffer",
    "command": "a command is issued",
    "data_bus": "waiting for the data bus",
    "bank_group": "waiting for the bank group of the last column command (tCCD_L)",
    "activation": "waiting for a row to open (tRCD)",
    "row_cycle": "waiting for a row to close and open again (tRAS, tRP, tRC): bank conflicts",
    "activate_spacing": "waiting between two activates (tRRD)",
    "four_activates": "waiting for the window of four activates (tFAW)",
    "turnaround": "waiting for the data bus to change direction (tWTR, read to write)",
    "rank_switch": "waiting for the data bus to change between ranks",
    "refresh": "waiting for a refresh",
    "power_down": "waiting for the exit from power-down",
    "self_refresh": "waiting for the exit from self-refresh",
    "row_hammer": "waiting for a RowHammer mitigation",
    "command_bus": "another command of this channel went first",
    "batching": "requests gather at an idle rank",
}


def _stalls() -> Iterator[MetricSpec]:
    """Shares of the channels' cycles; they add up to 1."""
    for name in STALLS:
        yield plain(f"stall_{name}_fraction", "", "none", "mean", "stall", _STALL_TEXTS[name])


def _cost() -> Iterator[MetricSpec]:
    yield plain("controller_area_kge", "kGE", "min", "max", "cost", "buffers and reorder logic (proxy)")
    yield plain(
        "controller_static_power_mw", "mW", "min", "max", "cost", "static power of the controller (proxy)"
    )
    yield plain(
        "memory_cost_proxy", "", "min", "max", "cost", "price of the memory, 1 GiB of DDR4 = 1 (proxy)"
    )
    yield plain("memory_pins", "", "min", "max", "cost", "signals between controller and memory")
    yield plain(
        "interface_area_mm2", "mm2", "min", "max", "cost", "drivers and receivers of those signals (proxy)"
    )
    yield plain("memory_packages", "", "min", "max", "cost", "modules, packages or stacks")
    yield plain("capacity_gib", "GiB", "max", "min", "cost", "what the memory holds")
