"""Energy, leakage and area of a core: events anchored on two chips of McPAT, scaled by the size of each
structure.

`data/core_components.csv` holds what McPAT 1.1 and 1.2 print in their shipped results for two chips, by
component: Intel Penryn (45 nm, 2.6 GHz, 360 K; style "performance") and ARM Cortex-A9 (40 nm, 2 GHz, 340 K;
style "embedded"), with the number of accesses in 100,000 cycles that the shipped inputs list. Dynamic power
times the time over the accesses is the energy of one event at the chip's own sizes (`CHIPS`).

Other sizes follow power laws. Energy with the width: the growth parameters of Zyuban and Kogge
("Optimization of high-performance superscalar architectures for energy efficiency", ISLPED 2000, as
tabulated by Kaxiras and Martonosi, 2008, table 4.4): rename 1.1, issue window 1.9, memory disambiguation
1.5, register file 1.8, bypass 1.6, functional units 0.1. They grow the structures along with the width; so
of each we give to the entries what its circuit asks for (1 where every entry compares, a CAM; 0.5 where a
bit line gets longer, a RAM) and to the width the rest. Area with the square of the ports, since each adds a
wire in both directions to every cell (Rixner et al., HPCA 2000), leakage in proportion to them. The
exponents are our reading; nothing is fitted.

Known limits: McPAT's own error is 23 to 26 % a component on average (MICRO 2009); pipeline registers and
clock are its worst (72 %). Quote no core power without +-25 %.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources

from simulators.soc.power.counts import CoreCounts
from simulators.soc.power.design import CoreDesign
from simulators.soc.power.sram import SramDesign, node_scale, sram
from simulators.soc.power.technology import Part, Style, leakage_factor

IDLE_CLOCK_SHARE = 0.3
"""Of the clock energy of a busy cycle, what a gated clock still draws in an idle one. Our assumption."""

_ANCHOR_CYCLES = 100_000
_STLB_ENTRY_BYTES, _STLB_WAYS = 8, 4
_SMALLEST_SRAM = 1 << 10

Sizes = dict[str, float]


@dataclass(frozen=True, slots=True)
class Chip:
    """An anchor: its technology, the temperature of its leakage, and the sizes of its structures."""

    node_nm: float
    clock_hz: float
    temperature_k: float
    sizes: Sizes


CHIPS: dict[Style, Chip] = {
    # ProcessorDescriptionFiles/Penryn.xml: tournament predictor of 10 + 3 bits x 1024 and twice 2 bits x 4096
    "performance": Chip(
        45, 2.6e9, 360.0,
        {"width": 4, "issue_width": 6, "memory_ports": 2, "depth": 14, "rob": 96, "scheduler_entries": 64,
         "load_queue": 48, "store_queue": 96, "predictor_bits": 29_696, "btb_entries": 1280,
         "itlb_entries": 128, "dtlb_entries": 256, "alus": 6, "multipliers": 1, "fpus": 2},
    ),
    # ProcessorDescriptionFiles/ARM_A9_2GHz.xml
    "embedded": Chip(
        40, 2.0e9, 340.0,
        {"width": 2, "issue_width": 7, "memory_ports": 1, "depth": 8, "rob": 128, "scheduler_entries": 35,
         "load_queue": 4, "store_queue": 4, "predictor_bits": 16_436, "btb_entries": 1024,
         "itlb_entries": 64, "dtlb_entries": 64, "alus": 3, "multipliers": 1, "fpus": 1},
    ),
}  # fmt: skip

_STAND_INS = {("embedded", "rob"): "registers", ("embedded", "load_queue"): "store_queue"}
"""McPAT's A9 prints neither: a ROB is a RAM with the ports of the registers, a load queue a CAM like the
other."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How a component grows: (name of a size, exponent) for the energy of an event, the area and the
    leakage."""

    energy: tuple[tuple[str, float], ...]
    area: tuple[tuple[str, float], ...]
    leakage: tuple[tuple[str, float], ...]


def _ram(entries: str, ports: str, energy: float) -> Growth:
    return Growth(((entries, 0.5), (ports, energy)), ((entries, 1), (ports, 2)), ((entries, 1), (ports, 1)))


def _cam(entries: str, ports: str, energy: float) -> Growth:
    return Growth(((entries, 1), (ports, energy)), ((entries, 1), (ports, 2)), ((entries, 1), (ports, 1)))


def _units(name: str) -> Growth:
    return Growth((("issue_width", 0.1),), ((name, 1),), ((name, 1),))


_BY_WIDTH = Growth((), (("width", 1),), (("width", 1),))

GROWTH: dict[str, Growth] = {
    "fetch_buffer": Growth((("width", 0.5),), (("width", 2),), (("width", 1),)),
    "decoder": _BY_WIDTH,
    "predictor": Growth((("predictor_bits", 0.5),), (("predictor_bits", 1),), (("predictor_bits", 1),)),
    "btb": Growth((("btb_entries", 0.5),), (("btb_entries", 1),), (("btb_entries", 1),)),
    "rename": Growth((("width", 1.1),), (("width", 2),), (("width", 1),)),
    "scheduler": _cam("scheduler_entries", "issue_width", 0.9),
    "rob": _ram("rob", "width", 1.3),
    # A physical register a ROB entry: the registers grow with the ROB.
    "registers": _ram("rob", "issue_width", 1.3),
    "alu": _units("alus"),
    "multiplier": _units("multipliers"),
    "fpu": _units("fpus"),
    "bypass": Growth((("issue_width", 1.6),), (("issue_width", 2),), (("issue_width", 1),)),
    "load_queue": _cam("load_queue", "memory_ports", 0.5),
    "store_queue": _cam("store_queue", "memory_ports", 0.5),
    "itlb": Growth((("itlb_entries", 1),), (("itlb_entries", 1),), (("itlb_entries", 1),)),
    "dtlb": Growth((("dtlb_entries", 1),), (("dtlb_entries", 1),), (("dtlb_entries", 1),)),
    "clock": Growth((("width", 1), ("depth", 1)), (), ()),
    "control": _BY_WIDTH,
}
"""Component: growth. "control" is McPAT's undifferentiated core, which only leaks and takes area."""

_OUT_OF_ORDER = ("rename", "scheduler", "rob")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A component of a chip: energy of one event, and its silicon at 350 K."""

    event_j: float
    part: Part


def core_parts(design: CoreDesign, node_nm: float) -> dict[str, Part]:
    """Silicon of a core without its caches, by component."""
    sizes, chip = _sizes(design), CHIPS[design.style]
    area, leakage = (node_scale(name, node_nm, chip.node_nm) for name in ("area", "leakage"))
    parts = {}
    for name in _components(design):
        anchor, growth = _anchors(design.style)[name], GROWTH[name]
        parts[name] = Part(
            anchor.part.area_mm2 * area * _growth(growth.area, sizes, chip.sizes),
            anchor.part.leakage_w * leakage * _growth(growth.leakage, sizes, chip.sizes),
        )
    if design.stlb_entries:
        table = sram(_stlb(design, node_nm))
        parts["stlb"] = Part(table.area_mm2, table.leakage_w + table.gate_leakage_w)
    return parts


def event_energies_j(design: CoreDesign, node_nm: float) -> dict[str, float]:
    """Energy of one event of each component at nominal voltage; of "clock", that of a busy cycle."""
    sizes, chip = _sizes(design), CHIPS[design.style]
    energy = node_scale("energy", node_nm, chip.node_nm)
    events = {
        name: _anchors(design.style)[name].event_j * energy * _growth(GROWTH[name].energy, sizes, chip.sizes)
        for name in _components(design)
        if name != "control"
    }
    if design.stlb_entries:
        events["stlb"] = sram(_stlb(design, node_nm)).read_j
    return events


def event_anchor(style: Style, component: str) -> Anchor:
    """What McPAT says of a component of the style's chip, at that chip's node and sizes."""
    return _anchors(style)[component]


def logic_leakage_w_per_mm2(node_nm: float) -> float:
    """What Penryn's core leaks in a square millimetre at 350 K, carried to another node."""
    anchors, chip = _anchors("performance").values(), CHIPS["performance"]
    leakage_w = sum(anchor.part.leakage_w for anchor in anchors)
    area_mm2 = sum(anchor.part.area_mm2 for anchor in anchors)
    scale = node_scale("leakage", node_nm, chip.node_nm) / node_scale("area", node_nm, chip.node_nm)
    return leakage_w / area_mm2 * scale


def core_energy_j(design: CoreDesign, counts: CoreCounts, node_nm: float) -> dict[str, float]:
    """Dynamic energy of a core without its caches at nominal voltage, by component."""
    accesses = _accesses(design, counts)
    return {name: accesses[name] * event_j for name, event_j in event_energies_j(design, node_nm).items()}


def _accesses(design: CoreDesign, counts: CoreCounts) -> dict[str, float]:
    """Events as McPAT counts them: a renamed instruction reads two sources and writes one destination,
    enters the scheduler and leaves it; a result wakes others; a ROB entry is written and read."""
    busy = min(1.0, counts.dispatched / (counts.cycles * design.width)) if counts.cycles else 0.0
    memory = counts.loads + counts.stores
    return {
        "fetch_buffer": counts.fetched,
        "decoder": counts.fetched,
        "predictor": counts.predictions,
        "btb": counts.btb_lookups,
        "rename": 3 * counts.dispatched,
        "scheduler": counts.dispatched + counts.issued + counts.results,
        "rob": counts.dispatched + counts.retired,
        "registers": counts.register_reads + counts.register_writes,
        "alu": counts.alu,
        "multiplier": counts.multiply,
        "fpu": counts.floating,
        "bypass": counts.results,
        "load_queue": memory,
        "store_queue": memory,
        "itlb": counts.itlb_lookups,
        "dtlb": counts.dtlb_lookups,
        "stlb": counts.stlb_lookups,
        "clock": counts.cycles * (IDLE_CLOCK_SHARE + (1 - IDLE_CLOCK_SHARE) * busy),
    }


def _components(design: CoreDesign) -> list[str]:
    absent = _OUT_OF_ORDER if design.in_order else ()
    return [
        name
        for name in GROWTH
        if name not in absent and not (name == "predictor" and not design.predictor_bits)
    ]


def _sizes(design: CoreDesign) -> Sizes:
    """Sizes by the names of `CHIPS`. Functional units as both anchors have them: three ALUs, one FPU and
    half a multiplier for two instructions of width."""
    return {
        "width": design.width,
        "issue_width": design.issue_width,
        "memory_ports": design.memory_ports,
        "depth": design.front_end_depth + 4,  # and issue, read, execute, retire
        "rob": design.rob,
        "scheduler_entries": design.scheduler_entries,
        "load_queue": design.load_queue,
        "store_queue": design.store_queue,
        "predictor_bits": design.predictor_bits,
        "btb_entries": design.btb_entries,
        "itlb_entries": design.itlb_entries,
        "dtlb_entries": design.dtlb_entries,
        "alus": math.ceil(1.5 * design.width),
        "multipliers": math.ceil(design.width / 4),
        "fpus": math.ceil(design.width / 2),
    }


def _growth(exponents: tuple[tuple[str, float], ...], sizes: Sizes, of_anchor: Sizes) -> float:
    factor = 1.0
    for name, exponent in exponents:
        factor *= (sizes[name] / of_anchor[name]) ** exponent
    return factor


def _stlb(design: CoreDesign, node_nm: float) -> SramDesign:
    """A second-level TLB as a memory of 8-byte entries in 4 ways."""
    return SramDesign(max(design.stlb_entries * _STLB_ENTRY_BYTES, _SMALLEST_SRAM), _STLB_WAYS, node_nm)


@cache
def _anchors(style: Style) -> dict[str, Anchor]:
    chip = CHIPS[style]
    to_reference = 1 / leakage_factor(chip.temperature_k)
    seconds = _ANCHOR_CYCLES / chip.clock_hz
    anchors = {}
    text = resources.files(__package__).joinpath("data/core_components.csv").read_text()
    for row in csv.DictReader(text.splitlines()):
        if row["style"] == style:
            accesses = float(row["accesses"])
            leakage_w = float(row["subthreshold_w"]) * to_reference + float(row["gate_w"])
            event_j = float(row["runtime_w"]) * seconds / accesses if accesses else 0.0
            anchors[row["component"]] = Anchor(event_j, Part(float(row["area_mm2"]), leakage_w))
    for (of_style, name), stand_in in _STAND_INS.items():
        if of_style == style:
            anchors[name] = anchors[stand_in]
    return anchors
