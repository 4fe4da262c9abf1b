"""The example of task graphs finds systems that are in time."""

from __future__ import annotations

from dse.campaign import Campaign
from tests.docs.pages import ROOT


def test_the_example_of_task_graphs_finds_systems_in_time(tmp_path):
    campaign = Campaign.from_file(ROOT / "examples" / "soc-farsi.toml")

    result = campaign.run(store=tmp_path / "store.sqlite")

    latency = result.record.schema.index("latency_ms")
    assert len(result.front) > 3
    assert (result.trials.metrics[result.trials.feasible, latency] <= 20.0).all()
