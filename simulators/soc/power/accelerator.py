"""Energy, leakage and area of a systolic accelerator: multiply-accumulates and its buffer.

Energies at 45 nm and 0.9 V and areas at 45 nm: M. Horowitz, "Computing's energy problem", ISSCC 2014. Its
0.9 V are taken to 1.0 V, the nominal voltage of the node here, by the square. A cell also holds and moves
its operands and sum: as much again as the arithmetic, our assumption; a cell is twice the area of its
arithmetic likewise.
"""

from __future__ import annotations

from simulators.soc.power.cache import LAYOUT_OVERHEAD
from simulators.soc.power.core import logic_leakage_w_per_mm2
from simulators.soc.power.counts import AcceleratorCounts
from simulators.soc.power.design import AcceleratorDesign
from simulators.soc.power.sram import SramDesign, node_scale, sram
from simulators.soc.power.technology import Part, supply_v

MULTIPLY_ADD_PJ = {"int8": 0.2 + 0.03, "int32": 3.1 + 0.1, "fp16": 1.1 + 0.4, "fp32": 3.7 + 0.9}
MULTIPLY_ADD_UM2 = {
    "int8": 282.0 + 36.0,
    "int32": 3495.0 + 137.0,
    "fp16": 1640.0 + 1360.0,
    "fp32": 7700.0 + 4184.0,
}
CELL_OVERHEAD = 2.0
_REFERENCE_NM, _REFERENCE_V = 45, 0.9


def mac_energy_j(number_format: str, node_nm: float) -> float:
    """One multiply-accumulate with its operands at nominal voltage."""
    voltage = (supply_v("performance", _REFERENCE_NM) / _REFERENCE_V) ** 2
    scale = node_scale("energy", node_nm, _REFERENCE_NM)
    return MULTIPLY_ADD_PJ[number_format] * 1e-12 * CELL_OVERHEAD * voltage * scale


def accelerator_parts(design: AcceleratorDesign, node_nm: float) -> dict[str, Part]:
    """Silicon of the "array" and its "buffer"."""
    cells = design.rows * design.columns
    cell_mm2 = MULTIPLY_ADD_UM2[design.number_format] * 1e-6 * CELL_OVERHEAD
    area_mm2 = cells * cell_mm2 * node_scale("area", node_nm, _REFERENCE_NM)
    memory = sram(buffer_sram(design, node_nm))
    return {
        "array": Part(area_mm2, area_mm2 * logic_leakage_w_per_mm2(node_nm)),
        "buffer": Part(memory.area_mm2 * LAYOUT_OVERHEAD, memory.leakage_w + memory.gate_leakage_w),
    }


def accelerator_energy_j(
    design: AcceleratorDesign, counts: AcceleratorCounts, node_nm: float
) -> dict[str, float]:
    """Dynamic energy at nominal voltage of the "array" and its "buffer"."""
    memory = sram(buffer_sram(design, node_nm))
    return {
        "array": counts.macs * mac_energy_j(design.number_format, node_nm),
        "buffer": counts.buffer_reads * memory.read_j + counts.buffer_writes * memory.write_j,
    }


def buffer_sram(design: AcceleratorDesign, node_nm: float) -> SramDesign:
    """Direct-mapped: a scratchpad has no tags to compare."""
    return SramDesign(design.buffer_bytes, 1, node_nm, banks=design.buffer_banks)
