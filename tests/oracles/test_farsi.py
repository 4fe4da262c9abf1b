"""The public sheets of FARSI load unchanged, and searches meet the budgets that were published with them."""

from __future__ import annotations

import pytest

from dse.campaign import Campaign
from simulators.soc.graphs.graph import Budget
from simulators.soc.graphs.sheets import read_sheets
from tests.oracles.farsi_sheets import BUDGETS, SHEETS

SIZES = {"audio_decoder": (18, 23), "edge_detection": (8, 8), "hpvm_cava": (9, 8)}


@pytest.mark.parametrize("workload", SIZES)
def test_the_sheets_load_unchanged(workload):
    graph = read_sheets(f"{SHEETS}#{workload}")

    assert (len(graph.tasks), len(graph.edges)) == SIZES[workload]
    assert graph.budget == Budget(BUDGETS[workload], 8.737, 17.475)


@pytest.mark.parametrize(
    ("workload", "unique"), [("audio_decoder", 500), ("edge_detection", 1500), ("hpvm_cava", 1500)]
)
def test_a_search_meets_the_published_budgets(workload, unique, tmp_path):
    campaign = Campaign(
        {
            "name": workload,
            "simulator": {"name": "soc-farsi", "sheets": f"{SHEETS}#{workload}"},
            "workloads": [{"trace": "synthetic:stream?n=1"}],
            "objectives": [
                {"metric": "latency_ms", "at_most": BUDGETS[workload]},
                {"metric": "peak_power_mw", "at_most": 8.737},
                {"metric": "area_mm2", "at_most": 17.475},
                {"metric": "budget_distance"},
            ],
            "agents": [{"name": "nsga2"}],
            "budget": {"unique": unique, "batch": 50},
        }
    )

    result = campaign.run(store=tmp_path / "store.sqlite")

    assert result.trials.feasible.any()
