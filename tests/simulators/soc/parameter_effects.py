"""For every parameter of `soc`, a program on which it matters: what is changed, and what it does.

    python -m tests.simulators.soc.parameter_effects

writes the table of docs/soc-parameters.md.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from simulators.soc.simulator import SocSimulator
from traces import load_instructions
from traces.instruction_workload import InstructionWorkload

TIME, ENERGY = "time_us", "energy_uj"
_STREAMS = ("synthetic:stream?n=10000",) * 4
_RANDOMS = tuple(f"synthetic:random?n=10000&seed={seed}" for seed in range(4))
_STREAM, _RANDOM = ("synthetic:stream?n=20000",), ("synthetic:random?n=20000",)
_MATMUL, _GUPS = ("synthetic:matmul?n=20000",), ("synthetic:gups?n=20000",)
_CODE, _LONG_STREAM = ("synthetic:code?n=100000",), ("synthetic:stream?n=100000",)
_PARSER, _PRODUCT = ("sample:parser",), ("sample:product-o2",)
_HASHJOIN, _QUICKSORT = ("sample:hashjoin",), ("sample:quicksort",)
_MOST_INSTRUCTIONS = 250_000
_WIDE = {"width": 8, "issue_width": 8}
_SMALL_LLC = {"l2_kib": 128, "llc_mib": 1}
_RING = {"cores": 4, "noc_topology": "ring", "channels": 4}
_MESH = {"cores": 4, "noc_topology": "mesh", "channels": 4}
_WRITES = {
    "scheduler": "GrpFrFcfsWm", "scheduler_buffer": "Shared", "request_buffer_size": 64, "l2_kib": 128,
    "llc_mib": 0,
}  # fmt: skip
_SLEEPY = {"power_down_policy": "PrechargePowerDown"}


@dataclass(frozen=True, slots=True)
class Effect:
    """One parameter, from one value to another, on programs, one a core.

    given: other parameters that are not at their default. metric: what is compared. network: what
    accelerators run; none: the chip has none.
    """

    parameter: str
    before: Any
    after: Any
    programs: tuple[str, ...]
    given: Mapping[str, Any] = field(default_factory=dict)
    metric: str = TIME
    network: str | None = None

    def percent(self) -> float:
        """What the change does to the metric."""
        before, after = (self._measured(value) for value in (self.before, self.after))
        return 100 * (after / before - 1)

    def _measured(self, value: Any) -> float:
        one = simulator(self.network)
        point = one.space.default().replace(**self.given, **{self.parameter: value})
        return float(one.run(point, _workload(self.programs))[self.metric])


@cache
def simulator(network: str | None = None) -> SocSimulator:
    return SocSimulator("soc") if network is None else SocSimulator("soc-accelerator", network=network)


@cache
def _workload(programs: tuple[str, ...]) -> InstructionWorkload:
    traces = tuple(load_instructions(spec, max_instructions=_MOST_INSTRUCTIONS) for spec in programs)
    return InstructionWorkload(traces)


EFFECTS = (
    Effect("execution", "out-of-order", "in-order", _GUPS),
    Effect("width", 1, 8, _MATMUL),
    Effect("issue_width", 2, 8, _MATMUL, {"width": 8}),
    Effect("rob", 32, 512, _HASHJOIN),
    Effect("load_queue", 16, 128, _PRODUCT, {"rob": 512}),
    Effect("store_queue", 16, 72, _STREAM),
    Effect("load_ports", 1, 3, _MATMUL, _WIDE),
    Effect("branch_predictor", "not-taken", "tage", _PARSER),
    Effect("btb_entries", 512, 8192, _CODE),
    Effect("front_end_depth", 6, 18, _PARSER),
    Effect("l1i_kib", 16, 64, ("synthetic:code?n=100000&functions=192",)),
    Effect("l1i_ways", 4, 16, ("synthetic:code?n=20000",)),
    Effect("l1d_kib", 16, 64, ("synthetic:scan?size_kib=24&n=100000",), {}, ENERGY),
    Effect("l1d_ways", 4, 16, _PARSER),
    Effect("l1d_mshrs", 4, 32, _STREAM, {"rob": 512}),
    Effect("l1d_prefetcher", "none", "ip_stride", _QUICKSORT),
    Effect("l1d_prefetch_degree", 1, 8, _PRODUCT, {"l1d_prefetcher": "next_line"}),
    Effect("l2_kib", 128, 512, ("synthetic:scan?size_kib=384&n=100000",)),
    Effect("l2_ways", 4, 16, _HASHJOIN, {"l2_kib": 128}),
    Effect("l2_replacement", "lru", "random", ("synthetic:scan?size_kib=144&n=100000",), {"l2_kib": 128}),
    Effect("l2_mshrs", 8, 64, _MATMUL, {"rob": 512, "l1d_mshrs": 32}),
    Effect("l2_prefetcher", "none", "spp", _QUICKSORT),
    Effect("l2_prefetch_degree", 1, 8, _GUPS, {"l2_prefetcher": "next_line"}),
    Effect("l2_prefetch_distance", 4, 32, _STREAM, {"l2_prefetcher": "stream"}),
    Effect("llc_mib", 1, 4, ("synthetic:scan?size_kib=1280&n=250000",)),
    Effect("llc_ways", 8, 32, _HASHJOIN, _SMALL_LLC),
    Effect("llc_replacement", "lru", "drrip", ("synthetic:scan?size_kib=1280&n=250000",), _SMALL_LLC),
    Effect("llc_banks", 1, 16, _MATMUL),
    Effect(
        "llc_inclusion", "nine", "exclusive", ("synthetic:scan?size_kib=1280&n=250000",),
        {"l2_kib": 512, "llc_mib": 1},
    ),
    Effect("llc_cell", "hp", "lstp", _PRODUCT),
    Effect("llc_mshrs", 16, 128, _MATMUL),
    Effect("noc_topology", "crossbar", "ring", _PRODUCT),
    Effect("noc_width_bits", 64, 512, _STREAMS, _RING),
    Effect("noc_buffer_flits", 2, 16, _STREAMS, _RING),
    Effect("noc_router_cycles", 1, 4, _STREAMS, _RING),
    Effect("noc_controllers", "edge", "centre", _STREAMS, _MESH),
    Effect("uncore_ratio", 0.5, 1.0, ("synthetic:code?n=20000",)),
    Effect("memory", "ddr4-3200-8gb-x8", "ddr5-4800-16gb-x8", _STREAM),
    Effect("channels", 1, 4, _RANDOMS, {"cores": 4}),
    Effect("ranks", 1, 4, _RANDOMS, {"cores": 4}),
    Effect("address_mapping", "row-bank-column", "bank-row-column", _RANDOM),
    Effect("refresh_policy", "AllBank", "PerBank", _RANDOM, {"memory": "lpddr4-3200-8gb-x16"}),
    Effect("refresh_max_postponed", 0, 8, _GUPS),
    Effect("refresh_max_pulledin", 0, 8, ("synthetic:scan?size_kib=96&n=100000",), {}, ENERGY),
    Effect("page_policy", "Open", "Closed", _STREAM),
    Effect("scheduler", "FrFcfs", "Fcfs", _RANDOMS, {"cores": 4}),
    Effect("scheduler_buffer", "Bankwise", "Shared", _RANDOMS, {"cores": 4}),
    Effect("request_buffer_size", 4, 64, _MATMUL),
    Effect("page_timeout_cycles", 16, 512, _STREAM, {"page_policy": "Timeout"}),
    Effect("row_hit_cap", 1, 32, _STREAM, {"page_policy": "ClosedCap"}),
    Effect("write_high_watermark", 8, 48, _LONG_STREAM, _WRITES),
    Effect("write_low_watermark", 0, 8, _LONG_STREAM, _WRITES),
    Effect("bliss_streak", 2, 16, _STREAMS, {"cores": 4, "scheduler": "Bliss"}),
    Effect("bliss_clear_cycles", 1000, 30000, _STREAMS, {"cores": 4, "scheduler": "Bliss"}),
    Effect("max_active_transactions", 8, 128, _MATMUL),
    Effect("power_down_policy", "NoPowerDown", "PrechargePowerDown", _QUICKSORT),
    Effect("power_down_timeout_cycles", 0, 1024, _PRODUCT, _SLEEPY),
    Effect("self_refresh_timeout_cycles", 0, 1024, ("synthetic:branchy?n=100000",), _SLEEPY),
    Effect("core_point", 1, 12, _PARSER),
    Effect("uncore_point", 1, 6, _STREAM),
    Effect("governor", "fixed", "ondemand", ("sample:chase",), {}, ENERGY),
    Effect("power_cap_w", 1.0, 3.0, ("synthetic:branchy?n=250000",), {"governor": "power-cap"}),
    Effect("l2_gated_share", 0.0, 0.75, ("synthetic:scan?size_kib=384&n=100000",)),
    Effect("llc_gated_share", 0.0, 0.75, ("synthetic:scan?size_kib=1280&n=250000",)),
    Effect("idle_gate_us", 0, 1, ("sample:chase",), {"cores": 8}, ENERGY),
    Effect("cores", 1, 8, ("sample:chase",), {}, ENERGY),
    Effect("little_cores", 0, 2, _PARSER * 4, {"cores": 4}, ENERGY),
    Effect(
        "program_mapping", "in-order", "demanding-first", _PARSER + _PRODUCT, {"cores": 2, "little_cores": 1}
    ),
)  # fmt: skip

HEADER = """| parameter | from | to | program | with | metric | change |
|---|---|---|---|---|---|---|
"""


def row(effect: Effect) -> str:
    """The line of the table."""
    program = f"`{effect.network}`" if effect.network else _spoken(effect.programs)
    given = ", ".join(f"{name} {value}" for name, value in effect.given.items())
    return (
        f"| `{effect.parameter}` | {effect.before} | {effect.after} | {program} | {given} | "
        f"`{effect.metric}` | {effect.percent():+.1f} % |\n"
    )


def _spoken(programs: tuple[str, ...]) -> str:
    """How often a program is run, where all are of one kind; else each of them."""
    if len({one.partition("?")[0] for one in programs}) > 1:
        return ", ".join(f"`{one}`" for one in programs)
    return f"{len(programs)} x `{programs[0]}`" if len(programs) > 1 else f"`{programs[0]}`"


def main() -> None:
    sys.stdout.write(HEADER)
    for effect in EFFECTS:
        sys.stdout.write(row(effect))


if __name__ == "__main__":
    main()
