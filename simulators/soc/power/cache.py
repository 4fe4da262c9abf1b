"""Caches: the SRAM table, more ports, miss registers, and the tables of replacement and prefetching.

* Around an array of the table lie its controller and wires: x1.32 in area, McPAT's overheads of macro (1.1)
  and chip (1.2), which it took from die photographs of Niagara 1 and 2.
* Further ports: McPAT's Penryn has two caches of 32 KiB and 8 ways, one with one port and one with two. The
  second takes 1.40 times the energy, 3.14 times the leakage and 3.56 times the area; so a cache with p
  ports takes p to the log2 of these.
* A miss register is an entry of a core's load queue at 45 nm (`simulators.soc.power.core`): an address that
  is compared, and its bookkeeping. A miss allocates one and looks at all of them.
* Ways that are switched off leak what `technology.GATED_LEAKAGE_SHARE` says; an access costs as before.
* Replacement state and prefetch tables are a direct-mapped memory that every look-up reads.
"""

from __future__ import annotations

import math

from simulators.soc.power.core import CHIPS, event_anchor
from simulators.soc.power.counts import CacheCounts
from simulators.soc.power.design import CacheDesign
from simulators.soc.power.sram import SramDesign, node_scale, sram
from simulators.soc.power.technology import Part, ungated_share

LAYOUT_OVERHEAD = 1.1 * 1.2
_SECOND_PORT = (1.40, 3.14, 3.56)
_PORT_ENERGY, _PORT_LEAKAGE, _PORT_AREA = (math.log2(ratio) for ratio in _SECOND_PORT)
_SMALLEST_TABLE_BYTES = 1 << 10
_ANCHOR_NM = 45


def cache_part(design: CacheDesign, node_nm: float) -> Part:
    """Silicon of a cache."""
    array = sram(design.sram(node_nm))
    part = Part(
        array.area_mm2 * LAYOUT_OVERHEAD * design.ports**_PORT_AREA,
        (array.leakage_w + array.gate_leakage_w)
        * design.ports**_PORT_LEAKAGE
        * ungated_share(design.gated_share),
    )
    queue = event_anchor("performance", "load_queue")
    share = design.mshrs / CHIPS["performance"].sizes["load_queue"]
    part += Part(
        queue.part.area_mm2 * share * node_scale("area", node_nm, _ANCHOR_NM),
        queue.part.leakage_w * share * node_scale("leakage", node_nm, _ANCHOR_NM),
    )
    if design.table_bits:
        memory, share = _tables(design, node_nm)
        tables = sram(memory)
        part += Part(
            tables.area_mm2 * share * LAYOUT_OVERHEAD, (tables.leakage_w + tables.gate_leakage_w) * share
        )
    return part


def cache_energy_j(design: CacheDesign, counts: CacheCounts, node_nm: float) -> float:
    """Dynamic energy of a cache at nominal voltage."""
    array = sram(design.sram(node_nm))
    energy = counts.reads * array.read_j + counts.writes * array.write_j + counts.tag_checks * array.tag_j
    energy *= float(design.ports**_PORT_ENERGY)
    queue = event_anchor("performance", "load_queue")
    share = design.mshrs / CHIPS["performance"].sizes["load_queue"]
    energy += counts.misses * queue.event_j * share * node_scale("energy", node_nm, _ANCHOR_NM)
    if design.table_bits:
        memory, share = _tables(design, node_nm)
        lookups = counts.reads + counts.writes + counts.tag_checks
        energy += lookups * sram(memory).read_j * share
    return energy


def _tables(design: CacheDesign, node_nm: float) -> tuple[SramDesign, float]:
    """The memory of the tables, and what share of it they are: less than a KiB is a part of one."""
    size = math.ceil(design.table_bits / 8)
    whole = max(size, _SMALLEST_TABLE_BYTES)
    return SramDesign(whole, 1, node_nm), size / whole
