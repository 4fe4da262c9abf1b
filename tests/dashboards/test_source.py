"""Reading a store as frames that grow."""

from __future__ import annotations

import numpy as np
import pytest

from dashboards import source as source_module
from dashboards.source import CampaignSource, Unavailable
from dse.campaign.result import CampaignResult
from tests.dashboards.stores import HOSTILE, add_trials, fake_store, running_campaign
from tests.dse.estimates import add_estimates


def test_a_frame_holds_all_trials_of_the_campaign(frame, finished_store):
    result = CampaignResult.load(finished_store, 1)

    assert frame.trial.tolist() == result.trials.id.tolist()
    np.testing.assert_array_equal(frame.values, result.trials.metrics)


def test_the_front_is_that_of_the_campaign(frame, finished_store):
    front = CampaignResult.load(finished_store, 1).front

    assert sorted(map(tuple, frame.costs(frame.front).tolist())) == sorted(map(tuple, front.costs.tolist()))


def test_repeats_are_not_unique(frame):
    assert frame.spent == 4 * 40  # two agents, two seeds each


def test_agents_come_first_and_the_reference_sample_last(frame):
    assert frame.agents[:2] == ("random", "local")
    assert frame.reference_agent == 2


def test_every_seed_has_a_curve(frame):
    assert [(curve.run.agent, curve.run.seed) for curve in frame.curves] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert {int(curve.spent[-1]) for curve in frame.curves} == {40}


def test_the_same_frame_is_given_while_nothing_changes(source):
    assert source.frame("1") is source.frame("1")


def test_only_the_tail_is_read_again(growing_store, monkeypatch):
    watched = CampaignSource(growing_store)
    before = watched.frame("1")
    asked = []
    real = source_module.open_reader

    def spy(path):
        reader = real(path)
        parts = reader.parts
        reader.parts = lambda campaign, *, after: asked.append(after) or parts(campaign, after=after)
        return reader

    monkeypatch.setattr(source_module, "open_reader", spy)
    add_trials(growing_store, 5)

    after = watched.frame("1")

    assert asked == [int(before.trial[-1])]
    assert len(after) == len(before) + 5
    assert len(before) == len(before.values)  # the old picture is as it was


def test_a_frame_built_piece_by_piece_equals_one_read_at_once(growing_store):
    piecewise = CampaignSource(growing_store)
    piecewise.frame("1")
    for _ in range(3):
        add_trials(growing_store, 40, scale=0.9)
        piecewise.frame("1")

    grown, whole = piecewise.frame("1"), CampaignSource(growing_store).frame("1")

    np.testing.assert_array_equal(grown.values, whole.values)
    assert grown.front.tolist() == whole.front.tolist()
    assert [c.volumes[-1] for c in grown.curves] == [c.volumes[-1] for c in whole.curves]


def test_a_running_campaign_has_a_rate(growing_store):
    now = [0.0]
    watched = CampaignSource(growing_store, clock=lambda: now[0])
    watched.frame("1")

    with running_campaign(growing_store) as add:
        add(20)
        now[0] = 4.0
        frame = watched.frame("1")

    assert (frame.state, frame.rate_per_s) == ("running", pytest.approx(5.0))


def test_a_finished_campaign_has_no_rate(frame):
    assert frame.rate_per_s == 0.0


def test_few_campaigns_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(source_module, "KEPT_CAMPAIGNS", 2)
    path = tmp_path / "many.sqlite"
    for number in range(4):
        fake_store(path, name=f"c{number}", unique=8)
    watched = CampaignSource(path)

    for number in range(1, 5):
        watched.frame(str(number))

    assert len(watched._kept) == 2


def test_a_summary_holds_what_the_list_shows(source):
    (summary,) = source.summaries()

    assert summary.state == "finished"
    assert summary.spent == summary.budget == 160
    assert [entry[0] for entry in summary.best] == ["time_ns", "energy_pj"]
    assert all(value <= baseline for _, _, _, value, baseline in summary.best)


def test_a_missing_store_has_no_campaigns_and_says_what_to_do(tmp_path):
    absent = CampaignSource(tmp_path / "absent.sqlite")

    assert absent.summaries() == []
    with pytest.raises(Unavailable) as problem:
        absent.frame("1")
    assert problem.value.command == "dse run campaign.toml"


@pytest.mark.parametrize("campaign_id", ["7", "fake", "../1", "1 OR 1", "", "٣", None, 1, ["1"], "9" * 40])
def test_anything_but_the_number_of_a_campaign_is_unavailable(source, campaign_id):
    with pytest.raises(Unavailable):
        source.frame(campaign_id)


def test_a_file_that_is_no_store_is_unavailable(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a store")

    with pytest.raises(Unavailable, match="not a store"):
        CampaignSource(path).frame("1")


def test_a_store_in_the_making_can_be_read(tmp_path):
    path = fake_store(tmp_path / "new.sqlite", unique=8)
    from dse.store import Store

    with Store(path) as store:
        store._submit_one("UPDATE campaign SET scale = NULL, baseline = NULL WHERE id = ?", (1,))

    frame = CampaignSource(path).frame("1")

    assert frame.baseline is None
    assert frame.curves == ()


def test_details_name_the_workload(source, frame):
    detail = source.detail("1", int(frame.trial[frame.front[0]]))

    assert [name for name, _ in detail.workloads] == ["stream"]


def test_hostile_names_stay_as_they_are(hostile_store):
    assert CampaignSource(hostile_store).frame("1").name == HOSTILE


def test_estimates_are_in_no_front_and_no_line_of_the_list_but_are_charged(growing_store):
    before = CampaignSource(growing_store)
    frame, (line,) = before.frame("1"), before.summaries()
    add_estimates(growing_store, 6)

    after = CampaignSource(growing_store)
    estimated, (estimated_line,) = after.frame("1"), after.summaries()

    assert estimated.front.tolist() == frame.front.tolist()
    assert int(estimated.estimated.sum()) == 6
    assert estimated.spent == estimated_line.spent == frame.spent + 6 * 0.25
    assert estimated.best_volume == frame.best_volume
    assert estimated_line.best == line.best
    assert estimated_line.front_size == line.front_size == len(frame.front)


def test_estimates_move_a_curve_to_the_right_and_not_up(growing_store):
    before = CampaignSource(growing_store).frame("1").curves[0]
    add_estimates(growing_store, 6, feasible=True)

    after = CampaignSource(growing_store).frame("1").curves[0]

    assert (after.spent[-1], after.volumes[-1]) == (before.spent[-1] + 1.5, before.volumes[-1])


def test_the_list_follows_a_campaign_as_it_grows(growing_store):
    piecewise = CampaignSource(growing_store)
    (before,) = piecewise.summaries()
    add_trials(growing_store, 40, scale=0.9)

    (grown,), (whole,) = piecewise.summaries(), CampaignSource(growing_store).summaries()

    assert grown == whole
    assert grown.spent == before.spent + 40


def test_a_line_says_what_the_frame_of_its_campaign_says(source, frame):
    (line,) = source.summaries()

    best = {metric: value for metric, _, _, value, _ in line.best}
    usable = frame.feasible & frame.unique
    assert best == {name: frame.columns(name)[usable].min() for name in ("time_ns", "energy_pj")}
    farthest = max(frame.curves, key=lambda curve: curve.volumes[-1])
    assert line.volumes == pytest.approx((farthest.volumes / frame.best_volume).tolist())
