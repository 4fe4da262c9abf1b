"""Task graphs of one's own in campaigns: beside the file or in it, kept in the store, in worker processes."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from dse.campaign import Campaign
from dse.cli.picked import pick_trial
from simulators.soc.graphs.catalog import graph_names
from tests.oracles.farsi_sheets import SHEETS

GRAPH = """
name = "mine"
[[tasks]]
name = "a"
instructions = 1000000
iterations = 4
accelerator_cycles = 1000
accelerator_energy_pj = 10
accelerator_area_mm2 = 0.1
[[tasks]]
name = "b"
instructions = 500000
[[edges]]
from = "a"
to = "b"
bytes = 4096
"""
CAMPAIGN = """
name = "own"
[simulator]
name = "soc-farsi"
{option}
[[workloads]]
trace = "synthetic:stream?n=2"
[[objectives]]
metric = "latency_ms"
[[objectives]]
metric = "area_mm2"
[[agents]]
name = "random"
[budget]
unique = 20
batch = 10
"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write a campaign with that option beside mine.toml, and stay in another folder."""
    folder, elsewhere = tmp_path / "campaign", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (folder / "mine.toml").write_text(GRAPH)

    def write(option):
        (folder / "own.toml").write_text(CAMPAIGN.format(option=option))
        return folder / "own.toml"

    return write


def test_a_graph_beside_the_campaign_file_is_kept_in_the_store(written, tmp_path):
    file = written('graphs = "mine.toml"')
    result = Campaign.from_file(file).run(store=tmp_path / "store.sqlite")

    (file.parent / "mine.toml").unlink()
    picked = pick_trial("own", int(result.trials.id[-1]), tmp_path / "store.sqlite")

    assert picked.simulator.platform.graphs[0].name == "mine"


def test_a_changed_graph_is_another_simulator(written):
    file = written('graphs = "mine.toml"')
    before = Campaign.from_file(file).setup.simulator.build_id

    (file.parent / "mine.toml").write_text(GRAPH.replace("4096", "8192"))

    assert Campaign.from_file(file).setup.simulator.build_id != before


def test_sheets_are_kept_in_the_store(written, tmp_path):
    sheets = tmp_path / "sheets"
    shutil.copytree(SHEETS, sheets)
    result = Campaign.from_file(written(f'sheets = "{sheets}#hpvm_cava"')).run(
        store=tmp_path / "store.sqlite"
    )

    shutil.rmtree(sheets)
    picked = pick_trial("own", int(result.trials.id[-1]), tmp_path / "store.sqlite")
    again = picked.simulator.run(picked.point, picked.workload())

    assert picked.metrics == again


def test_processes_find_what_threads_find(written, tmp_path):
    campaign = Campaign.from_file(written('graphs = "mine.toml"'))

    here = campaign.run(store=tmp_path / "threads.sqlite")
    there = campaign.run(store=tmp_path / "processes.sqlite", executor="processes")

    assert np.array_equal(here.trials.metrics, there.trials.metrics)


def test_a_graph_in_the_campaign_file_itself_is_taken(written, tmp_path):
    option = (
        '[[simulator.graphs]]\nname = "inline"\ntasks = [{name = "a", instructions = 1000}, '
        '{name = "b", instructions = 500}]\nedges = [{from = "a", to = "b", bytes = 64}]'
    )

    result = Campaign.from_file(written(option)).run(store=tmp_path / "store.sqlite")

    assert "latency_inline_ms" in result.record.schema.names


@pytest.mark.slow
@pytest.mark.parametrize("graph", graph_names())
def test_the_budget_of_a_shipped_graph_asks_for_a_search_and_can_be_met(graph):
    campaign = Campaign(
        {
            "name": graph,
            "simulator": {"name": "soc-farsi", "graphs": graph},
            "workloads": [{"trace": "synthetic:stream?n=1"}],
            "objectives": [{"metric": "budget_distance"}],
            "agents": [{"name": "nsga2"}],
            "budget": {"unique": 3000, "batch": 50},
        }
    )

    result = campaign.run()

    distance = result.trials.metrics[:, result.record.schema.index("budget_distance")]
    assert distance[0] > 0  # the default design
    assert distance.min() == 0
