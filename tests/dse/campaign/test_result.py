from __future__ import annotations

import numpy as np
import pytest

from dse.campaign import Campaign
from dse.campaign.result import CampaignResult
from dse.errors import DseError, LookupFailed
from tests.dse.campaign.test_limits import BALANCE, CARELESS, careless
from tests.dse.estimates import add_estimates

__all__ = ["careless"]

TWO_LOADS = """[[workloads]]
trace = "synthetic:stream?n=2000&seed=1"
name = "long"
weight = 3.0
[[objectives]]
metric = "time_ns"
"""


def test_violations_are_those_of_the_space_then_of_the_bounds(campaign_file):
    result = Campaign.from_file(campaign_file(("[budget]", BALANCE), CARELESS)).run()

    assert result.constraint_names == ("safe", "buffers >= 8 * depth", "served >= 0.8")
    values = result.record.space.decode(result.trials.indices)
    found = result.violations
    assert np.array_equal(found[:, 0] > 0, values["mode"] == "unsafe")
    assert np.array_equal(found[:, 1] > 0, values["buffers"] < 8 * values["depth"])
    measured = np.isfinite(result.trials.metrics[:, 0])
    served = result.trials.metrics[:, result.record.schema.index("served")]
    assert np.allclose(found[measured, 2], (0.8 - served[measured]) / 0.8)
    assert np.array_equal(result.trials.feasible, (found <= 0).all(axis=1) & measured)
    assert result.violated["safe"] == int((values["mode"] == "unsafe").sum())


def test_the_frame_has_the_violation_of_every_trial(campaign_file):
    result = Campaign.from_file(campaign_file(CARELESS)).run()

    frame = result.to_frame()

    assert (frame["violation"][frame["feasible"]] == 0).all()
    assert (frame["violation"][~frame["feasible"]] > 0).all()


def test_without_a_feasible_design_the_nearest_are_named(campaign_file):
    result = Campaign.from_file(campaign_file(("at_least = 0.8", "at_least = 5.0"))).run()

    nearest = result.nearest_to_feasible(3)

    served = result.trials.metrics[:, result.record.schema.index("served")]
    assert len(nearest) == 3
    assert served[nearest].tolist() == [np.nanmax(served)] * 3
    assert not len(result.front)


def test_there_is_a_frame_of_the_agents_and_one_of_the_workloads(campaign_file):
    path = campaign_file(('[[objectives]]\nmetric = "time_ns"\n', TWO_LOADS))

    result = Campaign.from_file(path).run()

    assert result.agents_frame()["agent"].tolist() == ["random", "nsga2"]
    assert result.agents_frame()["unique"].tolist() == [60, 120]
    loads = result.workloads_frame()
    assert loads[["name", "weight", "requests"]].to_numpy().tolist() == [
        ["stream", 1.0, 500],
        ["long", 3.0, 2000],
    ]


@pytest.mark.parametrize("kind", ["front", "hypervolume"])
def test_a_result_plots_itself(campaign_file, kind):
    result = Campaign.from_file(campaign_file()).run()

    figure = result.plot(kind)

    assert len(figure.data) > 0
    assert figure.layout.title.text == "small"


def test_an_unknown_plot_is_an_error_with_the_nearest_name(campaign_file):
    result = Campaign.from_file(campaign_file()).run()

    with pytest.raises(LookupFailed, match="Did you mean 'front'"):
        result.plot("fronts")


def test_a_notebook_shows_text_of_a_file_as_text(campaign_file):
    path = campaign_file(('name = "small"', 'name = "<b>small</b>"'), ('"random"', '"random"\nlabel = "<i>"'))
    campaign = Campaign.from_file(path)

    shown = campaign._repr_html_() + campaign.run()._repr_html_()

    assert "&lt;b&gt;small" in shown
    assert "&lt;i&gt;" in shown
    assert "<b>" not in shown
    assert "<i>" not in shown


def test_a_campaign_says_what_it_ran_with(campaign_file):
    path = campaign_file(("[budget]", "[space]\nmode = ['fast']\n[budget]"))
    campaign = Campaign.from_file(path)

    record = campaign.run().record

    ran = record.provenance
    assert {"python", "packages", "system", "machine", "processor", "cores"} <= set(ran)
    assert ran["packages"]["numpy"] == np.__version__
    assert (ran["seed"], ran["space"]) == (7, record.space.hash)
    assert ran["search_space"] == campaign.setup.space.hash != record.space.hash
    assert record.build_id == "fake-1"
    assert [load["hash"] for load in record.workloads] == [w.hash for w in campaign.setup.workloads]
    assert [run.repetition for run in record.runs] == [0, 0, 0, 1]


@pytest.fixture
def two_loads(campaign_file, tmp_path):
    path = campaign_file(('[[objectives]]\nmetric = "time_ns"\n', TWO_LOADS))
    return Campaign.from_file(path).run(store=tmp_path / "store.sqlite", threads=1)


def test_the_metrics_on_each_workload_combine_to_those_of_the_trial(two_loads):
    frame = two_loads.per_workload_frame()

    times = frame.pivot(index="trial", columns="workload", values="time_ns")
    measured = two_loads.to_frame().set_index("trial")["time_ns"].dropna()
    assert times.index.tolist() == measured.index.tolist()
    assert np.allclose(times["stream"] + 3 * times["long"], measured)  # a sum, by their weights
    assert list(frame.columns) == ["trial", "workload", *two_loads.record.schema.names]


def test_only_the_metrics_asked_for_are_in_the_frame_of_the_workloads(two_loads):
    assert list(two_loads.per_workload_frame("served").columns) == ["trial", "workload", "served"]


def test_a_result_that_is_loaded_finds_its_store_from_any_folder(two_loads, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loaded = CampaignResult.load("store.sqlite", "small")
    monkeypatch.chdir("/")

    assert loaded.per_workload_frame("time_ns").equals(two_loads.per_workload_frame("time_ns"))


def test_estimates_have_no_metrics_on_a_workload(two_loads):
    before = two_loads.per_workload_frame("time_ns")
    add_estimates(two_loads.store, 3)

    after = CampaignResult.load(two_loads.store, "small")

    assert after.per_workload_frame("time_ns").equals(before)


def test_without_a_store_the_frame_of_the_workloads_says_what_to_do(campaign_file):
    result = Campaign.from_file(campaign_file()).run(threads=1)

    with pytest.raises(DseError, match=r"run it with store="):
        result.per_workload_frame()
