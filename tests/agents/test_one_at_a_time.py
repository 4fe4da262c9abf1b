"""Every value of every parameter around a design."""

from __future__ import annotations

import math

import pytest

from agents.analysis import one_at_a_time
from dse.campaign import Campaign
from dse.campaign.result import CampaignResult
from dse.errors import DseError, LookupFailed
from tests.agents.known_function import SPACE, KnownSimulator, campaign
from tests.agents.test_sobol import FAKE
from tests.dse.fake import FakeSimulator, fake_space


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "store.sqlite"
    campaign(60).run(store=path)
    return path


def around(store, design="knee", **options):
    return one_at_a_time(store, 1, design, simulator=KnownSimulator(), **options)


def test_each_value_of_each_parameter_is_one_step(store):
    found = around(store)

    assert len(found.steps) == sum(len(parameter) for parameter in SPACE.parameters)
    assert [step.value for step in found.steps if step.current] == list(found.point.values())


def test_a_step_shows_what_the_simulator_measures(store):
    found = around(store, SPACE.default())

    costs = {step.value: step.values[0] for step in found.steps if step.parameter == "shape"}
    changes = [found.change(step, 0) for step in found.steps if step.parameter == "shape"]
    assert costs == {"a": 10.0, "b": 13.0, "c": 11.0, "d": 12.0}
    assert changes == pytest.approx([0.0, 30.0, 10.0, 20.0])


def test_simulations_are_announced_and_found_in_the_store_next_time(store):
    told = []

    first = around(store, announce=told.append)
    second = around(store, announce=told.append)

    assert told == [first.simulated, 0]
    assert first.simulated > 0
    assert first.steps == second.steps


def test_the_trials_of_the_campaign_stay_what_they_were(store):
    before = len(CampaignResult.load(store, 1).trials)

    around(store, SPACE.point(shape="d", level=3, idle=2))

    assert len(CampaignResult.load(store, 1).trials) == before


def test_dead_forbidden_and_failed_values_say_so(tmp_path):
    simulator = FakeSimulator(poison=[6])
    Campaign(FAKE, simulator=simulator).run(store=tmp_path / "s.sqlite")

    found = one_at_a_time(tmp_path / "s.sqlite", "fake", fake_space().default(), simulator=simulator)

    states = {(step.parameter, step.value): step.state for step in found.steps}
    assert states["colour", "green"] == "no effect"
    assert states["mode", "unsafe"] == "forbidden"
    assert states["depth", 6] == "failed"
    assert states["depth", 5] == "measured"
    failed = next(step for step in found.steps if step.value == 6)
    assert not failed.feasible
    assert math.isnan(found.change(failed, 0))


def test_a_value_that_misses_a_bound_is_measured_but_not_feasible(tmp_path):
    bounded = {**FAKE, "objectives": [*FAKE["objectives"], {"metric": "served", "at_least": 0.8}]}
    Campaign(bounded, simulator=FakeSimulator()).run(store=tmp_path / "s.sqlite")

    found = one_at_a_time(tmp_path / "s.sqlite", 1, fake_space().point(buffers=4), simulator=FakeSimulator())

    small = next(step for step in found.steps if step.value == 2 and step.parameter == "buffers")
    assert (small.state, small.feasible) == ("measured", False)


def test_a_design_that_fails_is_refused(tmp_path):
    simulator = FakeSimulator(poison=[6])
    Campaign(FAKE, simulator=simulator).run(store=tmp_path / "s.sqlite")

    with pytest.raises(DseError, match="was not measured: nothing to compare"):
        one_at_a_time(tmp_path / "s.sqlite", 1, fake_space().point(depth=6), simulator=simulator)


def test_a_campaign_without_a_feasible_design_has_no_knee(tmp_path):
    hopeless = {**FAKE, "objectives": [*FAKE["objectives"], {"metric": "served", "at_least": 2.0}]}
    Campaign(hopeless, simulator=FakeSimulator()).run(store=tmp_path / "s.sqlite")

    with pytest.raises(LookupFailed, match="no feasible design and so no knee"):
        one_at_a_time(tmp_path / "s.sqlite", 1, simulator=FakeSimulator())


def test_the_result_becomes_a_frame_and_json(store):
    found = around(store, metrics=["cost", "flat"])

    assert list(found.to_frame().columns[-4:]) == [
        "cost",
        "cost_change_percent",
        "flat",
        "flat_change_percent",
    ]
    assert found.to_dict()["steps"][0]["change_percent"][1] == 0.0
