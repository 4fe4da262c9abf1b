"""Every parameter of an SoC's design, by subsystem, and the rules between them.

Values are those that current designs are built with (L1 to L2 sizes, queues and widths of published cores);
the memory controller has the parameters of the DRAM spaces (`simulators.dram.space`), the very same objects.
What follows from other parameters is no parameter: latencies of caches and links come from the SRAM table,
the wires and the clocks (`simulators.soc.build`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from dse.parameter import Parameter, Value
from dse.rules import Condition
from dse.space import Constraint, DeadRule
from ext.soc_fields import INCLUSIONS, PREDICTORS, PREFETCHERS, REPLACEMENTS, TOPOLOGIES
from simulators.dram.memory.devices import device, device_ids
from simulators.dram.space import space as dram_space
from simulators.soc.config import LINE_BYTES
from simulators.soc.placement import Controllers
from simulators.soc.power.dvfs import ACCELERATOR_POINTS, CORE_POINTS, UNCORE_POINTS
from traces.catalog import INSTRUCTION_CATALOG

DEFAULT_DEVICE = "ddr4-3200-8gb-x8"
SOFTWARE = "product"
"""The program of which the catalogue has versions."""
SOFTWARE_PARAMETERS = ("optimisation", "tile")
"""Which of them is run: no part of the chip."""
ACCELERATOR_PARAMETERS = (
    "accelerators", "array_rows", "array_columns", "array_input_kib", "array_weight_kib", "dma_bytes",
    "dma_lines", "accelerator_point",
)  # fmt: skip
"""Of chips with accelerators only: those whose simulator is given a network to run on them."""
EXECUTIONS = ("out-of-order", "in-order")
GOVERNORS = ("fixed", "ondemand", "power-cap")
MAPPINGS = ("in-order", "demanding-first")
GATED_SHARES = (0.0, 0.25, 0.5, 0.75)
DERIVED = (
    "issue_width", "load_queue", "store_queue", "load_ports", "l1i_ways", "l1d_ways", "cores",
)  # fmt: skip
"""Parameters that follow from the others where a space leaves them out (`simulators.soc.build`)."""

_FULL = (
    "page_policy", "scheduler", "scheduler_buffer", "request_buffer_size", "page_timeout_cycles",
    "row_hit_cap", "write_high_watermark", "write_low_watermark", "bliss_streak", "bliss_clear_cycles",
    "max_active_transactions", "power_down_policy", "power_down_timeout_cycles",
    "self_refresh_timeout_cycles",
)  # fmt: skip
_SYSTEM = (
    "memory", "channels", "ranks", "address_mapping", "refresh_policy", "refresh_max_postponed",
    "refresh_max_pulledin",
)  # fmt: skip
_PAGE_BYTES = 4096


@cache
def parameters(device_id: str = DEFAULT_DEVICE) -> Mapping[str, Parameter]:
    """All of them by name, in the order of a design; device_id: the default of `memory`, if it is shipped."""
    found = [
        *_core(), *_l1(), *_l2(), *_llc(), *_interconnect(), *_memory_controller(device_id), *_power(),
        *_mapping(), *_software(), *_accelerator(),
    ]  # fmt: skip
    return {parameter.name: parameter for parameter in found}


@cache
def constraints(page_bytes: int | None = _PAGE_BYTES) -> tuple[Constraint, ...]:
    """What no chip may be. page_bytes: that a way of an L1 cache must fit into; None: it need not."""
    return (*_queues(), *_geometry(page_bytes), *_gated_trees(), *_little_cores(), *_memory_constraints())


@cache
def dead_rules() -> tuple[DeadRule, ...]:
    """Parameters without effect in some designs."""
    return (*_own_dead_rules(), *_memory_dead_rules())


# --------------------------------------------------------------------------------------------------- values


def _core() -> Iterator[Parameter]:
    yield _choice("execution", EXECUTIONS, EXECUTIONS[0], "core", "order in which instructions are executed")
    yield _count(
        "width", (1, 2, 3, 4, 6, 8), 4, "core", "instructions fetched, dispatched and retired a cycle"
    )
    yield _count("issue_width", (2, 4, 6, 8), 4, "core", "instructions whose execution begins in a cycle")
    yield _count(
        "rob", (32, 64, 96, 128, 192, 256, 352, 512), 192, "core", "instructions in the reorder buffer"
    )
    yield _sizes("load_queue", (16, 32, 64, 128), 64, "core", "loads", "loads in flight")
    yield _sizes("store_queue", (16, 32, 48, 72), 48, "core", "stores", "stores in flight")
    yield _sizes("load_ports", (1, 2, 3), 2, "core", "loads", "loads that may begin in a cycle")
    yield _choice("branch_predictor", PREDICTORS, "tage", "core", "how directions of branches are guessed")
    yield _sizes(
        "btb_entries", (512, 1024, 4096, 8192), 4096, "core", "targets", "targets in the branch target buffer"
    )
    yield _sizes("front_end_depth", (6, 10, 14, 18), 10, "core", "cycles", "cycles from fetch to dispatch")


def _l1() -> Iterator[Parameter]:
    yield _sizes("l1i_kib", (16, 32, 64), 32, "l1", "KiB", "size of the instruction cache")
    yield _sizes("l1i_ways", (4, 8, 16), 8, "l1", "ways", "ways of the instruction cache")
    yield _sizes("l1d_kib", (16, 32, 48, 64), 32, "l1", "KiB", "size of the data cache")
    yield _sizes("l1d_ways", (4, 8, 12, 16), 8, "l1", "ways", "ways of the data cache")
    yield _sizes("l1d_mshrs", (4, 8, 16, 32), 16, "l1", "lines", "miss registers of the data cache")
    yield _choice(
        "l1d_prefetcher", PREFETCHERS[:4], "none", "l1", "what the data cache fetches before it is asked"
    )
    yield _degree("l1d_prefetch_degree", "l1")


def _l2() -> Iterator[Parameter]:
    yield _sizes(
        "l2_kib", (128, 256, 512, 1024, 2048), 512, "l2", "KiB", "size of a core's second-level cache"
    )
    yield _sizes("l2_ways", (4, 8, 16), 8, "l2", "ways", "ways of the second-level cache")
    yield _choice("l2_replacement", REPLACEMENTS, "lru", "l2", "which line leaves the second-level cache")
    yield _sizes("l2_mshrs", (8, 16, 32, 64), 32, "l2", "lines", "miss registers of the second-level cache")
    yield _choice(
        "l2_prefetcher", PREFETCHERS, "none", "l2", "what the second-level cache fetches before it is asked"
    )
    yield _degree("l2_prefetch_degree", "l2")
    yield _sizes("l2_prefetch_distance", (4, 8, 16, 32), 16, "l2", "lines", "lines that streams run ahead")


def _llc() -> Iterator[Parameter]:
    yield _sizes(
        "llc_mib", (0, 1, 2, 4, 8, 16, 32), 2, "llc", "MiB", "size of the last-level cache (0: there is none)"
    )
    yield _sizes("llc_ways", (8, 16, 32), 16, "llc", "ways", "ways of the last-level cache")
    yield _choice("llc_replacement", REPLACEMENTS, "lru", "llc", "which line leaves the last-level cache")
    yield _sizes("llc_banks", (1, 2, 4, 8, 16), 2, "llc", "banks", "banks of the last-level cache")
    yield _choice(
        "llc_inclusion",
        INCLUSIONS,
        "nine",
        "llc",
        "whether it holds what the second level holds, or what not",
    )
    yield _choice("llc_cell", ("hp", "lstp"), "hp", "llc", "memory cells: fast, or hardly leaking")
    yield _sizes(
        "llc_mshrs",
        (16, 32, 64, 128),
        64,
        "llc",
        "lines",
        "miss registers of the last-level cache, all banks",
    )


def _interconnect() -> Iterator[Parameter]:
    where = tuple(place.value for place in Controllers)
    yield _choice("noc_topology", TOPOLOGIES, "crossbar", "interconnect", "how routers are joined")
    yield _sizes(
        "noc_width_bits",
        (64, 128, 256, 512),
        128,
        "interconnect",
        "bits",
        "width of a link, and size of a flit",
    )
    yield _sizes(
        "noc_buffer_flits", (2, 4, 8, 16), 8, "interconnect", "flits", "flits in a buffer of a router"
    )
    yield _sizes("noc_router_cycles", (1, 2, 3, 4), 2, "interconnect", "cycles", "cycles that a router takes")
    yield _choice("noc_controllers", where, "edge", "interconnect", "where memory controllers sit")
    yield Parameter(
        "uncore_ratio", (0.5, 0.67, 1.0), 0.67, "interconnect", "real", "",
        "clock for which everything behind the L2 is built, over that of a performance core",
    )  # fmt: skip


def _memory_controller(device_id: str) -> Iterator[Parameter]:
    """Those of the DRAM spaces: memory and refresh of all standards, every policy of the controller."""
    default = device(device_id if device_id in device_ids() else DEFAULT_DEVICE)
    system, full = dram_space("dram-system", default), dram_space("dram-full")
    for name in _SYSTEM:
        yield replace(system.parameter(name), subsystem="memory_controller")
    for name in _FULL:
        yield replace(full.parameter(name), subsystem="memory_controller")


def _power() -> Iterator[Parameter]:
    for name, points, of in (
        ("core_point", CORE_POINTS, "the cores"),
        ("uncore_point", UNCORE_POINTS, "everything behind the L2"),
    ):
        yield Parameter.integer(
            name, 1, points, points, "power",
            description=f"operating point of {of}: 1 is the slowest, {points} the one they are built for",
        )  # fmt: skip
    yield _choice(
        "governor", GOVERNORS, GOVERNORS[0], "power",
        "who chooses the point of the cores while they run, up to `core_point`",
    )  # fmt: skip
    yield Parameter(
        "power_cap_w", (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 16.0), 3.0, "power", "real", "W",
        "what chip and memory may draw over an epoch",
    )  # fmt: skip
    for level, of in (("l2", "every second-level cache"), ("llc", "the last-level cache")):
        yield Parameter(
            f"{level}_gated_share", GATED_SHARES, 0.0, "power", "real", "",
            f"share of the ways of {of} that are switched off",
        )  # fmt: skip
    yield _sizes(
        "idle_gate_us", (0, 1, 10, 100), 0, "power", "us",
        "time after which an idle core is switched off (0: never)",
    )  # fmt: skip


def _mapping() -> Iterator[Parameter]:
    yield Parameter.power_of_two(
        "cores", 1, 8, 1, "mapping", description="cores on the chip; those without a program idle"
    )
    yield _sizes(
        "little_cores", (0, 1, 2, 4), 0, "mapping", "", "how many of the cores, the last, are little"
    )
    yield _choice("program_mapping", MAPPINGS, MAPPINGS[0], "mapping", "which program runs on which core")


def _software() -> Iterator[Parameter]:
    rows = [row for row in INSTRUCTION_CATALOG.values() if row.program == SOFTWARE]
    levels = tuple(dict.fromkeys(row.optimisation for row in rows))
    tiles = tuple(sorted({row.tile for row in rows}))
    yield _choice("optimisation", levels, "o2", "software", "how the program was compiled")
    yield _sizes("tile", tiles, 0, "software", "elements", "side of the blocks it works on (0: none)")


def _accelerator() -> Iterator[Parameter]:
    def sizes(name: str, values: tuple[int, ...], default: int, unit: str, text: str) -> Parameter:
        return _sizes(name, values, default, "accelerator", unit, text)

    yield sizes("accelerators", (1, 2, 4), 1, "", "systolic arrays, which share the network's rows of tiles")
    yield sizes("array_rows", (8, 16, 32, 64), 16, "cells", "rows of cells of an array")
    yield sizes("array_columns", (8, 16, 32, 64), 16, "cells", "columns of cells of an array")
    yield sizes("array_input_kib", (16, 32, 64, 128, 256), 64, "KiB", "buffer of inputs, both halves")
    yield sizes("array_weight_kib", (16, 32, 64, 128, 256), 64, "KiB", "buffer of weights, both halves")
    yield sizes(
        "dma_bytes", (8, 16, 32, 64), 16, "B", "bytes a cycle that a DMA asks for, and sends, at most"
    )
    yield sizes("dma_lines", (4, 8, 16, 32, 64), 16, "lines", "lines under way, each way, of a DMA")
    yield Parameter.integer(
        "accelerator_point", 1, ACCELERATOR_POINTS, ACCELERATOR_POINTS, "accelerator",
        description=f"operating point of the arrays: 1 is the slowest, {ACCELERATOR_POINTS} the one they are "
        "built for",
    )  # fmt: skip


def _choice(name: str, values: Iterable[Value], default: Value, subsystem: str, text: str) -> Parameter:
    return Parameter.choice(name, tuple(values), default, subsystem, description=text)


def _sizes(
    name: str, values: tuple[int, ...], default: int, subsystem: str, unit: str, text: str
) -> Parameter:
    return Parameter(name, values, default, subsystem, "integer", unit, text)


def _count(name: str, values: tuple[int, ...], default: int, subsystem: str, text: str) -> Parameter:
    return _sizes(name, values, default, subsystem, "instructions", text)


def _degree(name: str, subsystem: str) -> Parameter:
    return _sizes(name, (1, 2, 4, 8), 2, subsystem, "lines", "lines that one access may prefetch")


# ---------------------------------------------------------------------------------------------- constraints


def _queues() -> Iterator[Constraint]:
    known = parameters()
    for queue in ("load_queue", "store_queue"):
        for entries in _numbers(known["rob"]):
            longer = tuple(n for n in _numbers(known[queue]) if n > entries)
            if longer:
                forbids: Condition = {queue: longer, "rob": (entries,)}
                why = "a queue longer than the reorder buffer is never filled"
                yield Constraint(f"{queue}_within_rob_{entries}", forbids, why)


def _geometry(page_bytes: int | None) -> Iterator[Constraint]:
    for cache_name in ("l1i", "l1d"):
        sizes, ways = (parameters()[f"{cache_name}_{part}"] for part in ("kib", "ways"))
        for kib in _numbers(sizes):
            odd = tuple(n for n in _numbers(ways) if not _has_whole_sets(kib << 10, n))
            long = tuple(
                n for n in _numbers(ways) if n not in odd and page_bytes and kib << 10 > n * page_bytes
            )
            if odd:
                yield Constraint(
                    f"{cache_name}_sets_of_{kib}_kib", {sizes.name: (kib,), ways.name: odd},
                    "the number of sets must be a power of two",
                )  # fmt: skip
            if long:
                yield Constraint(
                    f"{cache_name}_pages_of_{kib}_kib", {sizes.name: (kib,), ways.name: long},
                    "a way larger than a page cannot be indexed before translation",
                )  # fmt: skip


def _has_whole_sets(size_bytes: int, ways: int) -> bool:
    sets = size_bytes // (LINE_BYTES * ways)
    return sets * LINE_BYTES * ways == size_bytes and sets & (sets - 1) == 0


def _gated_trees() -> Iterator[Constraint]:
    odd = tuple(share for share in GATED_SHARES if (4 - round(4 * share)) == 3)
    for level in ("l2", "llc"):
        forbids: Condition = {f"{level}_replacement": ("tree_plru",), f"{level}_gated_share": odd}
        yield Constraint(f"{level}_ways_of_a_tree", forbids, "a tree has a power of two of ways")


def _little_cores() -> Iterator[Constraint]:
    known = parameters()
    for cores in _numbers(known["cores"]):
        too_many = tuple(n for n in _numbers(known["little_cores"]) if n >= cores)
        if too_many:
            forbids: Condition = {"cores": (cores,), "little_cores": too_many}
            yield Constraint(f"little_cores_of_{cores}", forbids, "the first core is a big one")


def _memory_constraints() -> Iterator[Constraint]:
    return iter(dram_space("dram-system").constraints)


def _own_dead_rules() -> Iterator[DeadRule]:
    yield DeadRule("rob", {"execution": ("in-order",)}, "nothing is reordered")
    for level in ("l1d", "l2"):
        none: Condition = {f"{level}_prefetcher": ("none",)}
        yield DeadRule(f"{level}_prefetch_degree", none, "nothing is prefetched")
    others = tuple(name for name in PREFETCHERS if name != "stream")
    yield DeadRule("l2_prefetch_distance", {"l2_prefetcher": others}, "there are no streams")
    for part in ("ways", "replacement", "banks", "inclusion", "cell", "mshrs"):
        yield DeadRule(f"llc_{part}", {"llc_mib": (0,)}, "there is no last-level cache")
    yield DeadRule("llc_gated_share", {"llc_mib": (0,)}, "there is no last-level cache")
    yield DeadRule("program_mapping", {"little_cores": (0,)}, "all cores are alike")
    uncapped = tuple(name for name in GOVERNORS if name != "power-cap")
    yield DeadRule("power_cap_w", {"governor": uncapped}, "nobody keeps to a cap")
    yield DeadRule("noc_controllers", {"noc_topology": ("crossbar",)}, "in a crossbar all places are alike")


def _memory_dead_rules() -> Iterator[DeadRule]:
    """Of the system those of memory and ranks, of the full controller those of the policies that are here."""
    for rule in dram_space("dram-system").dead_rules:
        if rule.parameter in _SYSTEM:
            yield rule
    for rule in dram_space("dram-full").dead_rules:
        if {rule.parameter, *rule.when} <= set(_FULL):
            yield rule


def _numbers(parameter: Parameter) -> tuple[int, ...]:
    return tuple(int(value) for value in parameter.values)
