"""Where cores, banks of the last-level cache, memory controllers and accelerators sit on the interconnect.

As on the rings and meshes of server processors, a core and a bank share a tile, and so a node; a memory
controller has a node of its own, and so has an accelerator, behind the tiles. Where a mesh has more nodes
than are needed, the last ones only pass packets on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import ceil, isqrt


class Topology(Enum):
    """How the routers of an interconnect are joined."""

    CROSSBAR = "crossbar"
    RING = "ring"
    MESH = "mesh"


class Controllers(Enum):
    """Where memory controllers sit: in a mesh as named; on a ring in two groups opposite one another
    (corner), evenly among the tiles (edge), or side by side (centre). In a crossbar all places are alike.
    """

    CORNER = "corner"
    EDGE = "edge"
    CENTRE = "centre"


@dataclass(frozen=True, slots=True)
class Layout:
    """Nodes of an interconnect, and on which of them each core, bank, controller and accelerator sits, by
    number.

    columns: of a mesh, which is made of whole rows; 1 for other topologies.
    """

    topology: Topology
    nodes: int
    columns: int
    cores: tuple[int, ...]
    banks: tuple[int, ...]
    controllers: tuple[int, ...]
    accelerators: tuple[int, ...] = ()


def place(
    topology: Topology,
    n_cores: int,
    n_banks: int,
    n_controllers: int,
    where: Controllers,
    n_accelerators: int = 0,
) -> Layout:
    """The layout of so many cores (at least one), banks (none: no such cache), controllers (at least one) and
    accelerators.

    In a crossbar each has a port of its own. Else there are as many tiles as cores or banks, whichever is
    more; the fewer are spread evenly over them.
    """
    assert n_cores >= 1
    assert n_banks >= 0
    assert n_controllers >= 1
    if topology is Topology.CROSSBAR:
        ports = range(n_cores + n_banks + n_controllers + n_accelerators)
        banks_end = n_cores + n_banks
        controllers_end = banks_end + n_controllers
        return Layout(
            topology,
            len(ports),
            1,
            tuple(ports[:n_cores]),
            tuple(ports[n_cores:banks_end]),
            tuple(ports[banks_end:controllers_end]),
            tuple(ports[controllers_end:]),
        )
    n_tiles = max(n_cores, n_banks)
    nodes, columns = n_tiles + n_controllers + n_accelerators, 1
    if topology is Topology.MESH:
        columns = 1 + isqrt(nodes - 1)
        nodes = columns * ceil(nodes / columns)
        controllers = _in_mesh(nodes // columns, columns, n_controllers, where)
    else:
        controllers = _on_ring(nodes, n_controllers, where)
    free = [node for node in range(nodes) if node not in controllers]
    tiles, accelerators = free[:n_tiles], free[n_tiles : n_tiles + n_accelerators]
    cores, banks = _spread(tiles, n_cores), _spread(tiles, n_banks)
    return Layout(topology, nodes, columns, cores, banks, controllers, tuple(accelerators))


def _spread(tiles: Sequence[int], n: int) -> tuple[int, ...]:
    return tuple(tiles[k * len(tiles) // n] for k in range(n))


def _on_ring(nodes: int, n_controllers: int, where: Controllers) -> tuple[int, ...]:
    groups = {Controllers.CENTRE: 1, Controllers.CORNER: 2, Controllers.EDGE: n_controllers}[where]
    groups = min(groups, n_controllers)
    taken: list[int] = []
    for group in range(groups):
        first = group * nodes // groups
        taken += range(first, first + len(range(group, n_controllers, groups)))
    return tuple(taken)


def _in_mesh(rows: int, columns: int, n: int, where: Controllers) -> tuple[int, ...]:
    """By turns the free node nearest to each corner, to the middle of each side, or to the centre."""
    bottom, right = 2 * (rows - 1), 2 * (columns - 1)  # in halves of a step, so that a centre has coordinates
    middle, centre = bottom // 2, right // 2
    anchors = {
        Controllers.CORNER: [(0, 0), (bottom, right), (0, right), (bottom, 0)],
        Controllers.EDGE: [(middle, 0), (middle, right), (0, centre), (bottom, centre)],
        Controllers.CENTRE: [(middle, centre)],
    }[where]
    free = list(range(rows * columns))
    taken = []
    for k in range(n):
        y, x = anchors[k % len(anchors)]
        nearest = min(free, key=lambda node: abs(2 * (node // columns) - y) + abs(2 * (node % columns) - x))
        free.remove(nearest)
        taken.append(nearest)
    return tuple(taken)
