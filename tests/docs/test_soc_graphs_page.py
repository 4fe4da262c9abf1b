"""The page on task graphs names what there is: metrics, graphs, networks, options of the simulator."""

from __future__ import annotations

import inspect
import re

from simulators.soc.graphs.catalog import graph_names
from simulators.soc.graphs.hardware import LIBRARIES
from simulators.soc.graphs.network import network_names
from simulators.soc.graphs.simulator import GraphSimulator
from simulators.soc.graphs.space import SPACES
from tests.docs.tables import page

PLACES = {"GRAPH": r"\w+", "PART": r"\w+", "BLOCK": r"\w+", "K": r"\d+"}


def _named():
    """Every name in code marks, with its placeholders as patterns."""
    for name in set(re.findall(r"`([a-zA-Z_0-9]+)`", page("soc-graphs.md"))):
        yield re.compile(re.sub("GRAPH|PART|BLOCK|K(?=_)", lambda found: PLACES[found[0]], name))


def test_every_metric_is_named():
    patterns = list(_named())

    names = GraphSimulator(["audio-chain", "sensor-fusion"]).schema.names

    assert [name for name in names if not any(one.fullmatch(name) for one in patterns)] == []


def test_every_option_graph_network_library_and_space_is_named():
    options = inspect.signature(GraphSimulator).parameters
    wanted = (*options, *graph_names(), *network_names(), *LIBRARIES, *SPACES)

    text = page("soc-graphs.md")

    assert [name for name in wanted if not re.search(rf'`"?{name}"?`|"{name}"', text)] == []
