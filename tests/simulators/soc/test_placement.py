"""Layouts: who sits on which node of a crossbar, a ring and a mesh."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from simulators.soc.placement import Controllers, Topology, place
from simulators.soc.twin.noc import Interconnect, path

COUNTS = [(1, 0, 1), (1, 1, 1), (1, 16, 1), (2, 4, 2), (4, 4, 1), (8, 16, 8), (16, 4, 4), (16, 16, 8)]


def _mean_hops(layout, sources, targets):
    c = Interconnect(layout.topology, layout.nodes, 16, 8, 1, columns=layout.columns)
    return np.mean([len(path(c, s, t)) - 2 for s, t in product(sources, targets) if s != t])


@pytest.mark.parametrize("counts", COUNTS, ids=str)
@pytest.mark.parametrize("where", Controllers)
@pytest.mark.parametrize("topology", Topology)
def test_everybody_has_a_node_and_controllers_have_it_alone(topology, where, counts):
    layout = place(topology, *counts, where)

    assert (len(layout.cores), len(layout.banks), len(layout.controllers)) == counts
    seats = {*layout.cores, *layout.banks, *layout.controllers}
    assert seats <= set(range(layout.nodes))
    assert len(set(layout.controllers)) == counts[2]
    assert not {*layout.cores, *layout.banks} & set(layout.controllers)
    assert len(set(layout.cores)) == counts[0]
    assert len(set(layout.banks)) == counts[1]
    assert layout.nodes % layout.columns == 0


def test_a_crossbar_gives_each_a_port_of_its_own():
    layout = place(Topology.CROSSBAR, 4, 2, 1, Controllers.CENTRE)

    assert (layout.cores, layout.banks, layout.controllers) == ((0, 1, 2, 3), (4, 5), (6,))
    assert layout.nodes == 7


def test_a_core_and_a_bank_share_a_tile():
    layout = place(Topology.MESH, 4, 4, 1, Controllers.CORNER)

    assert layout.cores == layout.banks


def test_fewer_banks_than_cores_are_spread_over_the_tiles():
    layout = place(Topology.RING, 8, 2, 1, Controllers.CENTRE)

    assert layout.cores == (1, 2, 3, 4, 5, 6, 7, 8)
    assert layout.banks == (1, 5)


@pytest.mark.parametrize(
    ("where", "controllers"),
    [
        (Controllers.CORNER, (0, 15, 3, 12)),
        (Controllers.EDGE, (4, 7, 1, 13)),
        (Controllers.CENTRE, (5, 6, 9, 10)),
    ],
    ids=str,
)
def test_four_controllers_of_a_mesh_of_sixteen_sit_where_they_should(where, controllers):
    layout = place(Topology.MESH, 12, 12, 4, where)

    assert (layout.nodes, layout.columns) == (16, 4)
    assert layout.controllers == controllers


def test_a_fifth_controller_sits_beside_the_first():
    layout = place(Topology.MESH, 20, 20, 5, Controllers.CORNER)

    assert layout.controllers == (0, 24, 4, 20, 1)


@pytest.mark.parametrize(
    ("where", "controllers"),
    [
        (Controllers.CORNER, (0, 1, 6, 7)),
        (Controllers.EDGE, (0, 3, 6, 9)),
        (Controllers.CENTRE, (0, 1, 2, 3)),
    ],
    ids=str,
)
def test_controllers_stand_round_a_ring_in_groups_or_evenly(where, controllers):
    assert place(Topology.RING, 8, 8, 4, where).controllers == controllers


def test_controllers_in_the_centre_are_nearest_to_the_banks_and_those_in_corners_farthest():
    layouts = [
        place(Topology.MESH, 12, 12, 4, where)
        for where in (Controllers.CENTRE, Controllers.EDGE, Controllers.CORNER)
    ]

    hops = [_mean_hops(layout, layout.banks, layout.controllers) for layout in layouts]

    assert hops[0] < hops[1] < hops[2]


def test_a_mesh_that_does_not_fill_its_rows_has_nodes_that_only_pass_on():
    layout = place(Topology.MESH, 4, 4, 1, Controllers.CORNER)

    assert (layout.nodes, layout.columns) == (6, 3)
    assert set(range(6)) - {*layout.cores, *layout.controllers} == {5}
