"""From a design to the chip: what the engine simulates and what the power model costs, from one source.

Nothing is free that follows from something else. Latencies of caches are access times of the SRAM table in
cycles of the clock that their domain is built for; a bank of the last level takes its next access when the
table says so. A link takes as long as its wire. At another operating point a domain's memories and wires slow
down with its logic, at the same voltage, so that their cycles stay, and so does the area: sizes are fixed
when the chip is designed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

from dse.errors import InputError
from dse.parameter import Value
from dse.point import DesignPoint
from ext.dram_engine import DramEngine
from ext.soc_engine import FEMTOSECONDS, SocEngine
from simulators.dram.area import ControllerCost, controller_cost
from simulators.dram.config import ControllerConfig
from simulators.dram.memory.devices import Device
from simulators.dram.memory.mapping import AddressMapping
from simulators.dram.options import Options as DramOptions
from simulators.dram.system import System, chosen_system
from simulators.soc.accelerators import Accelerators, accelerators_of
from simulators.soc.config import (
    LINE_BYTES,
    CacheConfig,
    ChipConfig,
    CoreConfig,
    NocConfig,
    PredictorConfig,
    TranslationConfig,
)
from simulators.soc.memory import live_engine, memory_config, routing_table
from simulators.soc.options import Options
from simulators.soc.pages import Memory
from simulators.soc.parameters import ACCELERATOR_PARAMETERS, DERIVED, SOFTWARE_PARAMETERS, parameters
from simulators.soc.placement import Controllers, Layout, Topology, place
from simulators.soc.power.area import connected_mm2
from simulators.soc.power.design import CacheDesign, CoreDesign, MemoryDesign, NocDesign, SocDesign
from simulators.soc.power.dvfs import OperatingPoint, core_points, uncore_points
from simulators.soc.power.noc import link_mm
from simulators.soc.power.report import OperatingPoints
from simulators.soc.power.sram import Cell, Sram, sram
from simulators.soc.power.technology import Style
from simulators.soc.programs import Programs
from simulators.soc.storage import predictor_bits, prefetcher_bits, replacement_bits

MOST_CONTROLLERS = 16
BTB_WAYS = 8
L1I_MSHRS = 8
IN_ORDER_WINDOW = 8
"""Cycles' worth of instructions that an in-order core has under way: enough that multiplications and hits of
the L1 do not stop it. A miss does."""
SCHEDULER_SHARE = 64 / 96
"""Entries of the scheduler over those of the reorder buffer: Penryn's (`simulators.soc.power.core`)."""
LOAD_QUEUE_SHARE, STORE_QUEUE_SHARE = 128 / 352, 72 / 352
"""Over the reorder buffer, where the space leaves them out: those of ChampSim's default core."""
DECODED_BEFORE_DISPATCH = 2
"""Stages between decoding and dispatch: renaming, and dispatch itself."""
LITTLE: Mapping[str, Value] = {
    "execution": "in-order", "width": 2, "issue_width": 2, "load_queue": 8, "store_queue": 8, "load_ports": 1,
    "branch_predictor": "bimodal", "btb_entries": 512, "front_end_depth": 6, "l1i_kib": 16, "l1i_ways": 4,
    "l1d_kib": 16, "l1d_ways": 4, "l1d_mshrs": 4, "l1d_prefetcher": "none", "l2_kib": 128, "l2_ways": 8,
    "l2_mshrs": 8, "l2_prefetcher": "none",
}  # fmt: skip
"""What a little core is, whatever the big ones are: two instructions a cycle in order, with the smallest
caches of the space; its logic is drawn small (style "embedded"). Our choice, after those of phones."""
LITTLE_STYLE: Style = "embedded"
WIRE_NS_PER_MM = 0.179
"""CACTI's repeated global wire (its print-out, 90 nm; it hardly changes with the node)."""
ADDRESS_CYCLES = 1
"""Of a load, before the data cache sees it."""


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A design as it is simulated and costed.

    design: the value of every parameter, those that the space leaves out among them. chip, controller,
    mapping: of the engine. pages: physical memory and how pages are placed. soc, points: of the power model;
    its cores are all of the chip, those of `chip` the ones that have a program. cost: of the memory
    controllers. level: the operating point at which the cores are. accelerators: None where there are none.
    """

    design: Mapping[str, Value]
    chip: ChipConfig
    system: System
    controller: ControllerConfig
    mapping: AddressMapping
    pages: Memory
    soc: SocDesign
    points: OperatingPoints
    cost: ControllerCost
    level: int
    accelerators: Accelerators | None = None

    def open(
        self, programs: Programs, instructions: Sequence[int], *, record: bool = False, log: bool = False
    ) -> tuple[SocEngine, DramEngine]:
        """The engine at time 0, which runs so many instructions of each program, and that of its memory.

        record: keep the cycles of each instruction. log: keep the commands of the memory.
        """
        dram = live_engine(self.system, self.controller, self.chip.sources, log=log)
        engine = SocEngine(
            **self.chip.engine_arguments(),
            **programs.arguments(translates=self.chip.cores[0].translation.enabled),
            instructions=list(instructions),
            tasks=[task.arguments for task in self.accelerators.tasks] if self.accelerators else [],
            dram=dram,
            table=routing_table(self.mapping),
            shared_lines=programs.shared_lines if self.chip.coherent else 0,
            record=record,
        )
        return engine, dram


def chip_of(
    point: DesignPoint | Mapping[str, Value],
    options: Options,
    n_programs: int = 1,
    *,
    coherent: bool = False,
    seed: int = 0,
) -> Built:
    """The chip of a design that runs so many programs, one a core.

    coherent: they are threads that share memory. seed: of what caches decide at random. InputError where the
    design has fewer cores, or its memory cannot be built or is too small for its accelerators.
    """
    design = completed(point, options, n_programs)
    system = _system(design, options.memory)
    policies = DramOptions(temperature_c=options.temperature_c).policies(design, system.device)
    cost = controller_cost(policies, system.device)
    accelerators = accelerators_of(design, options, system.device.capacity_bytes)
    layout = _layout(design, system, accelerators.count if accelerators else 0)
    uncore = uncore_points(options.node_nm, float(design["uncore_ratio"]))[-1]
    translation = TranslationConfig(enabled=options.translation, page_bits=options.page_bits)
    cores = _cores(design, options, translation, seed)
    soc = _soc_design(design, options, cores, layout, system, cost)
    if accelerators is not None:
        soc = replace(soc, accelerators=(accelerators.array.design,) * accelerators.count)
    level = int(design["core_point"])
    points = OperatingPoints(
        _core_points(soc, level),
        uncore_points(options.node_nm, float(design["uncore_ratio"]))[int(design["uncore_point"]) - 1],
        accelerators.point if accelerators else None,
    )
    bank, bank_cycles = _bank(design, soc, uncore, seed)
    chip = ChipConfig(
        cores=tuple(map(_with_open_ways, cores[:n_programs], soc.cores)),
        bank=bank,
        banks=len(layout.banks),
        inclusion=str(design["llc_inclusion"]),
        bank_cycles=bank_cycles,
        noc=_noc(soc, layout, uncore),
        memory=memory_config(system.device),
        core_nodes=layout.cores[:n_programs],
        bank_nodes=layout.banks,
        port_nodes=layout.controllers,
        core_periods_fs=tuple(map(_period_fs, points.cores[:n_programs])),
        uncore_period_fs=_period_fs(points.uncore),
        memory_period_fs=system.device.tck_fs,
        coherent=coherent,
    )
    if accelerators is not None:
        chip = accelerators.joined(chip, layout.accelerators)
    reserved = accelerators.reserved_bytes if accelerators else 0
    return Built(
        design,
        chip,
        system,
        ControllerConfig.build(system.device, policies, temperature_c=options.temperature_c),
        AddressMapping.of(str(design["address_mapping"]), system.device),
        Memory(
            system.device.capacity_bytes - reserved, options.page_bits, translation.levels,
            options.page_placement, options.page_seed,
        ),
        soc,
        points,
        cost,
        level,
        accelerators,
    )  # fmt: skip


def at_level(built: Built, level: int) -> Built:
    """The same chip, its cores at another operating point."""
    if level == built.level:
        return built
    points = replace(built.points, cores=_core_points(built.soc, level))
    periods = tuple(map(_period_fs, points.cores[: len(built.chip.cores)]))
    return replace(built, chip=replace(built.chip, core_periods_fs=periods), points=points, level=level)


def completed(
    point: DesignPoint | Mapping[str, Value], options: Options, n_programs: int = 1
) -> dict[str, Value]:
    """The value of every parameter of the chip: the design's, the options', what follows from these, or the
    default.

    InputError where there are fewer cores than programs.
    """
    own = point.to_dict() if isinstance(point, DesignPoint) else point
    without = {*DERIVED, *SOFTWARE_PARAMETERS}
    if options.network is None:
        without.update(ACCELERATOR_PARAMETERS)
    defaults = {name: one.default for name, one in parameters(options.device).items() if name not in without}
    design = {**defaults, "memory": options.device, **options.fixed, **own}
    width, rob = int(design["width"]), int(design["rob"])
    derived = {
        "issue_width": max(2, width),
        "load_queue": round(rob * LOAD_QUEUE_SHARE),
        "store_queue": round(rob * STORE_QUEUE_SHARE),
        "load_ports": 1 if width < 3 else 2,
        "l1i_ways": _smallest_ways(int(design["l1i_kib"])),
        "l1d_ways": _smallest_ways(int(design["l1d_kib"])),
        "cores": n_programs,
    }
    found: dict[str, Value] = {**derived, **design}
    if int(found["cores"]) < n_programs:
        raise InputError(
            f"cores={found['cores']}: the workload has {n_programs} programs, and each needs a core of its "
            "own: give the chip as many, or leave `cores` out",
            key="cores",
        )
    if int(found["little_cores"]) >= int(found["cores"]):
        raise InputError(
            f"little_cores={found['little_cores']} of cores={found['cores']}: the first core is a big one: "
            "expected fewer little cores, or more cores",
            key="little_cores",
        )
    return found


# ---------------------------------------------------------------------------------------------------- cores


def _cores(
    design: Mapping[str, Any], options: Options, translation: TranslationConfig, seed: int
) -> tuple[CoreConfig, ...]:
    """All cores of the chip, the little ones last."""
    big = _core(design, options, translation, seed)
    count, littles = int(design["cores"]), int(design["little_cores"])
    if not littles:
        return (big,) * count
    narrow = {"width": min(int(LITTLE["width"]), big.width)}
    little = _core(
        {**design, **LITTLE, **narrow}, replace(options, core_style=LITTLE_STYLE), translation, seed
    )
    return (*(big,) * (count - littles), *(little,) * littles)


def _core(
    design: Mapping[str, Any], options: Options, translation: TranslationConfig, seed: int
) -> CoreConfig:
    """A core and its private caches; times in cycles of the clock that it is built for."""
    nominal = core_points(cast(Style, options.core_style), options.node_nm)[-1]
    width, depth = int(design["width"]), int(design["front_end_depth"])
    in_order = design["execution"] == "in-order"

    def latency(size_kib: int, ways: int) -> int:
        return _array(size_kib << 10, ways, options.node_nm).access_cycles(nominal.frequency_hz)

    l1i, l1d, l2 = (
        (int(design[f"{name}_kib"]), int(design[f"{name}_ways"])) for name in ("l1i", "l1d", "l2")
    )
    return CoreConfig(
        code=CacheConfig(_sets(*l1i), l1i[1], latency(*l1i), L1I_MSHRS),
        data=CacheConfig(
            _sets(*l1d),
            l1d[1],
            ADDRESS_CYCLES + latency(*l1d),
            int(design["l1d_mshrs"]),
            prefetcher=str(design["l1d_prefetcher"]),
            degree=int(design["l1d_prefetch_degree"]),
        ),
        second=CacheConfig(
            _sets(*l2),
            l2[1],
            latency(*l2),
            int(design["l2_mshrs"]),
            replacement=str(design["l2_replacement"]),
            seed=seed,
            prefetcher=str(design["l2_prefetcher"]),
            degree=int(design["l2_prefetch_degree"]),
            distance=int(design["l2_prefetch_distance"]),
        ),
        width=width,
        issue_width=int(design["issue_width"]),
        rob=min(IN_ORDER_WINDOW * width, 512) if in_order else int(design["rob"]),
        load_queue=int(design["load_queue"]),
        store_queue=int(design["store_queue"]),
        load_ports=int(design["load_ports"]),
        depth=depth,
        decode_penalty=max(1, depth - DECODED_BEFORE_DISPATCH),
        in_order=in_order,
        predictor=PredictorConfig(
            str(design["branch_predictor"]), int(design["btb_entries"]) // BTB_WAYS, BTB_WAYS
        ),
        translation=translation,
    )


def _core_points(soc: SocDesign, level: int) -> tuple[OperatingPoint, ...]:
    """Where each core is at a level."""
    return tuple(core_points(core.style, soc.node_nm)[level - 1] for core in soc.cores)


def _with_open_ways(core: CoreConfig, design: CoreDesign) -> CoreConfig:
    """The core with those ways of its second level that are not switched off."""
    assert design.l2 is not None
    return replace(core, second=replace(core.second, ways=_open_ways(design.l2)))


def _core_design(core: CoreConfig, style: Style, l2_gated_share: float) -> CoreDesign:
    """The same core as the power model takes it."""
    buffers = [
        sets * ways for sets, ways in (core.translation.code, core.translation.data, core.translation.second)
    ]
    return CoreDesign(
        width=core.width,
        issue_width=core.issue_width,
        rob=core.rob,
        scheduler_entries=math.ceil(core.rob * SCHEDULER_SHARE),
        load_queue=core.load_queue,
        store_queue=core.store_queue,
        predictor_bits=predictor_bits(core.predictor.predictor),
        btb_entries=core.predictor.btb_sets * core.predictor.btb_ways,
        itlb_entries=buffers[0],
        dtlb_entries=buffers[1],
        stlb_entries=buffers[2],
        l1i=_cache_design(core.code),
        l1d=_cache_design(core.data, ports=core.load_ports),
        l2=_cache_design(core.second, gated_share=l2_gated_share),
        front_end_depth=core.depth,
        memory_ports=core.load_ports,
        in_order=core.in_order,
        style=style,
    )


# --------------------------------------------------------------------------------------------------- uncore


def _system(design: Mapping[str, Any], memory: Device) -> System:
    """memory: the device of the options, which may come from a user's file."""
    if design["memory"] != memory.id:
        return chosen_system(design)
    return _arranged(
        memory, int(design["channels"]), None if memory.pseudo_channels else int(design["ranks"])
    )


@lru_cache(maxsize=64)
def _arranged(memory: Device, channels: int, ranks: int | None) -> System:
    return System.of(memory, channels, ranks)


def _layout(design: Mapping[str, Any], system: System, n_accelerators: int) -> Layout:
    banks = int(design["llc_banks"]) if int(design["llc_mib"]) else 0
    controllers = min(system.device.channels, MOST_CONTROLLERS)
    topology = Topology(design["noc_topology"])
    where = Controllers(design["noc_controllers"])
    return place(topology, int(design["cores"]), banks, controllers, where, n_accelerators)


def _soc_design(
    design: Mapping[str, Any],
    options: Options,
    cores: Sequence[CoreConfig],
    layout: Layout,
    system: System,
    cost: ControllerCost,
) -> SocDesign:
    channels = system.device.channels
    return SocDesign(
        options.node_nm,
        tuple(
            _core_design(core, style, float(design["l2_gated_share"]))
            for core, style in zip(cores, _styles(design, options), strict=True)
        ),
        _llc(design) if layout.banks else None,
        NocDesign(
            layout.topology.value,
            layout.nodes,
            int(design["noc_width_bits"]),
            int(design["noc_buffer_flits"]),
            router_stages=int(design["noc_router_cycles"]),
        ),
        MemoryDesign(channels, system.cost.interface_mm2 / channels, cost.area_kge),
    )


def _styles(design: Mapping[str, Any], options: Options) -> list[Style]:
    """How each core's logic is drawn."""
    count, littles = int(design["cores"]), int(design["little_cores"])
    return [cast(Style, options.core_style)] * (count - littles) + [LITTLE_STYLE] * littles


def _llc(design: Mapping[str, Any]) -> CacheDesign:
    size, ways, banks = int(design["llc_mib"]) << 20, int(design["llc_ways"]), int(design["llc_banks"])
    bank = CacheConfig(
        size // (LINE_BYTES * ways * banks), ways, 1, max(1, int(design["llc_mshrs"]) // banks),
        replacement=str(design["llc_replacement"]),
    )  # fmt: skip
    return _cache_design(
        bank, cell=design["llc_cell"], banks=banks, gated_share=float(design["llc_gated_share"])
    )


def _bank(
    design: Mapping[str, Any], soc: SocDesign, uncore: OperatingPoint, seed: int
) -> tuple[CacheConfig, int]:
    """One bank of the last level, and the cycles from one access to the next."""
    if soc.llc is None:
        return CacheConfig(1, 1, 1, 1), 1
    array = sram(soc.llc.sram(soc.node_nm))
    bank = CacheConfig(
        soc.llc.size_bytes // (LINE_BYTES * soc.llc.ways * soc.llc.banks),
        _open_ways(soc.llc),
        array.access_cycles(uncore.frequency_hz),
        soc.llc.mshrs // soc.llc.banks,
        replacement=str(design["llc_replacement"]),
        seed=seed,
    )
    return bank, max(1, math.ceil(array.cycle_s * uncore.frequency_hz * (1 - 1e-12)))


def _noc(soc: SocDesign, layout: Layout, uncore: OperatingPoint) -> NocConfig:
    """A flit through a crossbar passes two of its wires, to the middle and from there."""
    assert soc.noc is not None
    wires = 2 if layout.topology is Topology.CROSSBAR else 1
    wire_s = wires * link_mm(soc.noc, connected_mm2(soc)) * WIRE_NS_PER_MM * 1e-9
    return NocConfig(
        topology=layout.topology.value,
        nodes=layout.nodes,
        columns=layout.columns,
        width=soc.noc.link_bits // 8,
        buffer_flits=soc.noc.buffer_flits,
        router_latency=soc.noc.router_stages,
        link_latency=max(1, math.ceil(wire_s * uncore.frequency_hz)),
    )


# --------------------------------------------------------------------------------------------------- caches


def _cache_design(
    cache: CacheConfig, *, ports: int = 1, cell: Cell = "hp", banks: int = 1, gated_share: float = 0.0
) -> CacheDesign:
    """All banks of a cache, each like `cache`."""
    bits = replacement_bits(cache.replacement, cache.sets, cache.ways, cache.sampled_sets)
    bits += prefetcher_bits(cache.prefetcher, cache.sets * cache.ways)
    return CacheDesign(
        cache.size_bytes * banks,
        cache.ways,
        cell,
        banks,
        ports=ports,
        mshrs=cache.registers * banks,
        table_bits=bits * banks,
        gated_share=gated_share,
    )


def _open_ways(cache: CacheDesign) -> int:
    """Those that are not switched off; sets stay as they are."""
    return cache.ways - round(cache.ways * cache.gated_share)


def _array(size_bytes: int, ways: int, node_nm: float) -> Sram:
    return sram(CacheDesign(size_bytes, ways).sram(node_nm))


def _sets(size_kib: int, ways: int) -> int:
    return (size_kib << 10) // (LINE_BYTES * ways)


def _smallest_ways(size_kib: int) -> int:
    """Of an L1 cache whose ways are pages of 4 KiB."""
    return max(4, size_kib // 4)


def _period_fs(point: OperatingPoint) -> int:
    return round(FEMTOSECONDS / point.frequency_hz)
