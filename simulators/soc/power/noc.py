"""Energy, leakage and area of the interconnect: buffers, crossbars and links by flit and millimetre. +-50 %.

* Links: 0.420 pJ a bit and millimetre for a transition of CACTI's repeated global wire at 90 nm and 1.2 V
  (its own print-out), at half a transition a bit. The capacitance of a millimetre of wire hardly changes
  from node to node, so only the voltage scales it: 0.15 pJ a bit and millimetre at 1.0 V, inside the 0.1 to
  0.25 of published links. It leaks 0.95 uW a bit and millimetre (the same print-out).
* Crossbars are wires: a bit drives one line in and one line out, each as long as all ports' bits side by
  side.
* Buffers: written and read once a router, `BUFFER_PJ` a bit at a depth of 4 flits, growing with the square
  root of depth; control, arbitration and clock `CONTROL_PJ` a bit. Chosen so that a five-port router of 128
  bits takes about 0.5 pJ a bit at 45 nm, the lower end of published models (0.5 to 1 pJ a bit and hop at 32
  to 45 nm). Our choice.
* Area: a flip-flop a buffered bit (4.522 um2, DFF_X1 of the Nangate 45 nm open cell library) and the
  crossbar's wires. It leaks as much as Penryn's logic does in the same area (`simulators.soc.power.core`).
"""

from __future__ import annotations

import math

from simulators.soc.power.core import logic_leakage_w_per_mm2
from simulators.soc.power.counts import NocCounts
from simulators.soc.power.design import NocDesign, Topology
from simulators.soc.power.sram import node_scale
from simulators.soc.power.technology import Part, supply_v

BUFFER_PJ, CONTROL_PJ = 0.30, 0.15
_LINK_PJ_PER_MM, _LINK_V = 0.420, 1.2
_TOGGLES = 0.5
_LINK_LEAKAGE_W_PER_MM = 0.95e-6
_FLIP_FLOP_UM2 = 4.522
_REFERENCE_NM, _REFERENCE_DEPTH = 45, 4
_PITCH_PER_NODE = 4.0
"""Pitch of an intermediate wire over the feature size: 0.18 um at 45 nm."""


def link_mm(design: NocDesign, chip_mm2: float) -> float:
    """Mean length of a link: as given, else from the area of a square chip.

    Neighbours of a mesh or ring are one tile apart (a folded ring would be two; ours is laid in a loop);
    the links of a crossbar run from the tiles to the centre, half the side of the chip on average along
    both axes.
    """
    if design.link_mm is not None:
        return design.link_mm
    side = math.sqrt(chip_mm2)
    return side / 2 if design.topology == "crossbar" else side / math.sqrt(design.nodes)


def noc_energy_j(design: NocDesign, counts: NocCounts, node_nm: float, chip_mm2: float) -> dict[str, float]:
    """Dynamic energy at nominal voltage of "routers" and "links"."""
    energy = node_scale("energy", node_nm, _REFERENCE_NM)
    buffered = BUFFER_PJ * math.sqrt(design.buffer_flits / _REFERENCE_DEPTH) + CONTROL_PJ
    crossing = 2 * _crossbar_mm(design, node_nm) * _link_pj_per_mm(node_nm)
    router_j = design.link_bits * (buffered * energy + crossing) * 1e-12
    link_j = design.link_bits * _link_pj_per_mm(node_nm) * link_mm(design, chip_mm2) * 1e-12
    return {"routers": counts.router_flits * router_j, "links": counts.link_flits * link_j}


def noc_parts(design: NocDesign, node_nm: float, chip_mm2: float) -> dict[str, Part]:
    """Silicon of "routers" and "links". Links run over other blocks and take no area of their own."""
    buffered = (
        _ports(design.topology, design.nodes) * design.networks * design.buffer_flits * design.link_bits
    )
    pipeline = _ports(design.topology, design.nodes) * (design.router_stages - 1) * design.link_bits
    flip_flops_mm2 = (
        (buffered + pipeline) * _FLIP_FLOP_UM2 * 1e-6 * node_scale("area", node_nm, _REFERENCE_NM)
    )
    area_mm2 = _routers(design) * (flip_flops_mm2 + _crossbar_mm(design, node_nm) ** 2)
    wires_mm = _links(design) * design.link_bits * link_mm(design, chip_mm2)
    return {
        "routers": Part(area_mm2, area_mm2 * logic_leakage_w_per_mm2(node_nm)),
        "links": Part(0.0, wires_mm * _LINK_LEAKAGE_W_PER_MM),
    }


def _link_pj_per_mm(node_nm: float) -> float:
    """Of one bit."""
    return _LINK_PJ_PER_MM * _TOGGLES * (supply_v("performance", node_nm) / _LINK_V) ** 2


def _crossbar_mm(design: NocDesign, node_nm: float) -> float:
    """Side of a router's crossbar."""
    return _ports(design.topology, design.nodes) * design.link_bits * _PITCH_PER_NODE * node_nm * 1e-6


def _ports(topology: Topology, nodes: int) -> int:
    """Of one router: its node and its neighbours; a crossbar is a single one with a port a node."""
    return {"crossbar": nodes, "ring": 3, "mesh": 5}[topology]


def _routers(design: NocDesign) -> int:
    return 1 if design.topology == "crossbar" else design.nodes


def _links(design: NocDesign) -> float:
    """One-way links: two a node of a crossbar or ring, about four of a mesh less those at its edges."""
    if design.topology != "mesh":
        return 2 * design.nodes
    return max(0.0, 4 * (design.nodes - math.sqrt(design.nodes)))
