"""Chips that McPAT describes, as designs, and the activity of its peak power.

Sizes and duty cycles: ProcessorDescriptionFiles of McPAT 1.1 to 1.3 (Penryn.xml, ARM_A9_2GHz.xml, Xeon.xml).
Its peak has every port of every structure busy for the listed share of the cycles, which no program does.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.soc.power.area import block_of, soc_parts
from simulators.soc.power.counts import CacheCounts, CoreCounts, NocCounts, SocCounts
from simulators.soc.power.design import CacheDesign, CoreDesign, NocDesign, SocDesign
from simulators.soc.power.dvfs import OperatingPoint
from simulators.soc.power.report import OperatingPoints, Report, report
from simulators.soc.power.thermal import Temperatures

CYCLES = 1_000_000

PENRYN_CORE = CoreDesign(
    width=4,
    issue_width=6,
    rob=96,
    scheduler_entries=64,
    load_queue=48,
    store_queue=96,
    predictor_bits=29_696,
    btb_entries=1280,
    itlb_entries=128,
    dtlb_entries=256,
    l1i=CacheDesign(32 << 10, 8),
    l1d=CacheDesign(32 << 10, 8, ports=2),
    front_end_depth=10,
    memory_ports=2,
)
PENRYN = SocDesign(
    45, (PENRYN_CORE, PENRYN_CORE), CacheDesign(6 << 20, 16, banks=8), NocDesign("crossbar", 3, link_bits=256)
)
A9_CORE = CoreDesign(
    width=2,
    issue_width=7,
    rob=128,
    scheduler_entries=35,
    load_queue=4,
    store_queue=4,
    predictor_bits=16_436,
    btb_entries=1024,
    itlb_entries=64,
    dtlb_entries=64,
    l1i=CacheDesign(32 << 10, 4, cell="lstp", mshrs=4),
    l1d=CacheDesign(32 << 10, 4, cell="lstp", mshrs=4),
    front_end_depth=4,
    style="embedded",
)
A9 = SocDesign(40, (A9_CORE, A9_CORE))
TULSA_CORE = CoreDesign(
    width=4,
    issue_width=6,
    rob=128,
    scheduler_entries=128,
    load_queue=48,
    store_queue=96,
    predictor_bits=29_696,
    btb_entries=1280,
    itlb_entries=128,
    dtlb_entries=128,
    l1i=CacheDesign(128 << 10, 8),
    l1d=CacheDesign(16 << 10, 4, ports=2),
    l2=CacheDesign(1 << 20, 8),
    front_end_depth=27,
    memory_ports=2,
)
TULSA = SocDesign(
    65, (TULSA_CORE, TULSA_CORE), CacheDesign(16 << 20, 16, banks=16), NocDesign("crossbar", 3, link_bits=256)
)


@dataclass(frozen=True, slots=True)
class Duty:
    """Shares of the cycles in which a unit's ports are busy; accesses a cycle of shared cache and bus."""

    fetch: float
    memory: float
    alu: float
    multiplier: float
    fpu: float
    shared_cache: float = 0.0
    bus: float = 0.0


DESKTOP = Duty(0.25, 0.25, 1.0, 0.3, 0.3, shared_cache=0.5, bus=1.0)
SERVER = Duty(0.25, 0.25, 1.0, 0.3, 0.3, shared_cache=0.25, bus=1.0)
PHONE = Duty(0.9, 0.71, 0.76, 0.82, 0.0)


def peak(chip: SocDesign, duty: Duty, clock_hz: float, voltage_v: float, temperature_k: float) -> Report:
    """The report of a chip at the activity of McPAT's peak power."""
    core = chip.cores[0]
    point = OperatingPoint(voltage_v, clock_hz)
    counts = SocCounts(
        CYCLES / clock_hz,
        tuple(_busy(core, duty) for core in chip.cores),
        CacheCounts(reads=duty.shared_cache * CYCLES),
        NocCounts(duty.bus * CYCLES, duty.bus * CYCLES),
    )
    points = OperatingPoints((point,) * len(chip.cores), OperatingPoint(_uncore_v(core, voltage_v), clock_hz))
    blocks = {block_of(name) for name in soc_parts(chip)} | {"package"}
    return report(chip, counts, points, temperatures=Temperatures(dict.fromkeys(blocks, temperature_k)))


def _uncore_v(core: CoreDesign, voltage_v: float) -> float:
    return voltage_v if core.style == "performance" else 1.0


def _busy(core: CoreDesign, duty: Duty) -> CoreCounts:
    alu, multiply = 1.5 * core.width * duty.alu, core.width / 4 * duty.multiplier
    multiply, floating = max(multiply, duty.multiplier), core.width / 2 * duty.fpu
    memory = core.memory_ports * duty.memory
    return CoreCounts(
        cycles=CYCLES,
        fetched=core.width * CYCLES,
        dispatched=core.width * CYCLES,
        issued=core.issue_width * CYCLES,
        retired=core.width * CYCLES,
        alu=alu * CYCLES,
        multiply=multiply * CYCLES,
        floating=floating * CYCLES,
        results=(alu + multiply + floating) * CYCLES,
        register_reads=2 * core.issue_width * CYCLES,
        register_writes=core.issue_width * CYCLES,
        predictions=duty.fetch * CYCLES,
        btb_lookups=duty.fetch * CYCLES,
        loads=0.7 * memory * CYCLES,
        stores=0.3 * memory * CYCLES,
        itlb_lookups=duty.fetch * CYCLES,
        dtlb_lookups=memory * CYCLES,
        l1i=CacheCounts(reads=duty.fetch * CYCLES),
        l1d=CacheCounts(reads=0.7 * memory * CYCLES, writes=0.3 * memory * CYCLES),
    )
