"""The silicon of an SoC by component, named `block.component`: "core0.rob", "core0.l1d", "llc.cache",
"noc.links".

It depends on the design alone. A controller's gate is a NAND2 of 0.798 um2 at 45 nm (Nangate open cell
library).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from simulators.soc.power.accelerator import accelerator_parts, buffer_sram
from simulators.soc.power.cache import cache_part
from simulators.soc.power.core import core_parts, logic_leakage_w_per_mm2
from simulators.soc.power.design import CacheDesign, CoreDesign, SocDesign
from simulators.soc.power.noc import noc_parts
from simulators.soc.power.sram import node_scale, sram
from simulators.soc.power.technology import Part

_GATE_UM2, _GATE_NM = 0.798, 45


@lru_cache(maxsize=256)
def soc_parts(design: SocDesign) -> Mapping[str, Part]:
    """Every component on the chip, in the order in which the blocks stand."""
    node_nm = design.node_nm
    parts: dict[str, Part] = {}
    for i, core in enumerate(design.cores):
        parts |= {f"core{i}.{name}": part for name, part in _core_parts(core, node_nm).items()}
    if design.llc is not None:
        parts["llc.cache"] = cache_part(design.llc, node_nm)
    if design.memory is not None and design.memory.channels:
        pads_mm2 = design.memory.channels * design.memory.interface_mm2
        gates_mm2 = design.memory.controller_kge * 1e3 * _GATE_UM2 * 1e-6
        gates_mm2 *= node_scale("area", node_nm, _GATE_NM)
        parts["memory.interface"] = Part(pads_mm2, 0.0)
        parts["memory.controller"] = Part(gates_mm2, gates_mm2 * logic_leakage_w_per_mm2(node_nm))
    for i, accelerator in enumerate(design.accelerators):
        named = accelerator_parts(accelerator, node_nm).items()
        parts |= {f"accelerator{i}.{name}": part for name, part in named}
    if design.noc is not None:
        parts |= {
            f"noc.{name}": part for name, part in noc_parts(design.noc, node_nm, _sum_mm2(parts)).items()
        }
    return parts


def connected_mm2(design: SocDesign) -> float:
    """Area of all that the interconnect connects, itself left out."""
    return _sum_mm2({name: part for name, part in soc_parts(design).items() if block_of(name) != "noc"})


@lru_cache(maxsize=256)
def extrapolated(design: SocDesign) -> tuple[str, ...]:
    """Components whose memory lies outside the SRAM table."""
    caches: dict[str, CacheDesign | None] = {"llc.cache": design.llc}
    for i, core in enumerate(design.cores):
        caches |= {f"core{i}.l1i": core.l1i, f"core{i}.l1d": core.l1d, f"core{i}.l2": core.l2}
    memories = {name: cache.sram(design.node_nm) for name, cache in caches.items() if cache is not None}
    for i, accelerator in enumerate(design.accelerators):
        memories[f"accelerator{i}.buffer"] = buffer_sram(accelerator, design.node_nm)
    return tuple(name for name, memory in memories.items() if sram(memory).basis == "extrapolated")


def area_mm2(design: SocDesign) -> float:
    """Area of the chip."""
    return _sum_mm2(soc_parts(design))


def block_of(component: str) -> str:
    """The block that a component stands in."""
    return component.partition(".")[0]


def _sum_mm2(parts: Mapping[str, Part]) -> float:
    return sum(part.area_mm2 for part in parts.values())


@lru_cache(maxsize=256)
def _core_parts(core: CoreDesign, node_nm: float) -> Mapping[str, Part]:
    parts = core_parts(core, node_nm)
    parts |= {"l1i": cache_part(core.l1i, node_nm), "l1d": cache_part(core.l1d, node_nm)}
    if core.l2 is not None:
        parts["l2"] = cache_part(core.l2, node_nm)
    return parts
