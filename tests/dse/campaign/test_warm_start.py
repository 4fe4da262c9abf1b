from __future__ import annotations

import hashlib
import logging
import shutil

import numpy as np
import pytest

from dse.campaign import Campaign
from dse.campaign.loop import CampaignLoop
from dse.campaign.result import CampaignResult
from dse.campaign.scoring import Scores
from dse.campaign.study import Study
from dse.campaign.warm_start import WarmStart, crowding, ranked
from dse.errors import ConfigError, LookupFailed
from dse.exchange import export_campaign, import_campaign
from dse.front import hypervolume
from dse.parameter import Parameter
from dse.space import DesignSpace
from dse.store import Origin, Store, open_reader
from tests.dse import fake
from tests.dse.exchange.campaigns import stop_after
from tests.dse.fake import FakeSimulator

WARM = ("[budget]", '[warm_start]\ncampaign = "small"\ndesigns = 20\n[budget]')
OTHER_WORKLOAD = ("n=500&seed=1", "n=700&seed=2")
ALL_AGENTS = (
    '[[agents]]\nname = "random"\n',
    "".join(f'[[agents]]\nname = "{name}"\n' for name in ("random", "local", "team", "grid", "ippo")),
)


def digest(result: CampaignResult) -> str:
    """Everything about the trials but how long they took and where the metrics came from."""
    trials = result.trials
    parts = (
        trials.run,
        trials.batch,
        trials.step,
        trials.feasible,
        trials.indices,
        trials.metrics,
        trials.charge,
    )
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


@pytest.fixture
def store(tmp_path, campaign_file):
    """A store with the small campaign, finished."""
    path = tmp_path / "store.sqlite"
    Campaign.from_file(campaign_file()).run(store=path, threads=1)
    return path


@pytest.fixture
def warm_file(campaign_file):
    """Write the second campaign, on another workload, which begins with the best of the first."""

    def write(*replacements, name="warm.toml"):
        return campaign_file(
            ('name = "small"', 'name = "second"'), WARM, OTHER_WORKLOAD, *replacements, name=name
        )

    return write


def started_with(store, name: str = "second") -> WarmStart:
    with open_reader(store) as reader:
        return WarmStart.from_dict(reader.campaign(name).provenance["warm_start"])


def test_every_run_begins_with_the_same_designs_and_pays_for_them(store, warm_file):
    result = Campaign.from_file(warm_file(ALL_AGENTS)).run(store=store, threads=1)

    expected = started_with(store).rows(result.record.space)
    assert len(expected) == 20
    for run in range(1, len(result.record.runs)):
        mine = result.trials.taken(result.trials.run == run)
        assert mine.indices[:20].tolist() == expected.tolist()
        assert (mine.charge[:20] == 1.0).all()
        assert mine.charge.sum() == 60


def test_the_designs_are_those_of_the_old_front_first(store, warm_file):
    Campaign.from_file(warm_file()).run(store=store, threads=1)

    old = CampaignResult.load(store, "small")
    front = set(old.front.trials.tolist())
    assert set(started_with(store).trials[: min(20, len(front))]) <= front


def test_designs_are_simulated_on_the_new_workload(store, warm_file):
    simulator = FakeSimulator()

    result = Campaign.from_file(warm_file(), simulator=simulator).run(store=store, threads=1)

    first = result.trials.taken((result.trials.run == 1) & (result.trials.step < 20))
    assert (first.origin <= Origin.CACHE).all()
    assert simulator.simulated == (result.trials.origin == Origin.SIMULATED).sum()
    old = CampaignResult.load(store, "small")
    numbers = np.searchsorted(old.trials.id, started_with(store).trials)
    assert not np.array_equal(first.metrics, old.trials.metrics[numbers])


def test_searchers_propose_no_design_that_they_began_with_and_a_sweep_may_for_nothing(store, warm_file):
    result = Campaign.from_file(warm_file(ALL_AGENTS)).run(store=store, threads=1)

    expected = {row.tobytes() for row in started_with(store).rows(result.record.space)}
    for row in result.record.runs[1:]:
        mine = result.trials.taken((result.trials.run == row.number) & (result.trials.step >= 20))
        again = np.array([one.tobytes() in expected for one in mine.indices])
        assert (mine.origin[again] == Origin.REPEAT).all()
        if row.searcher != "grid":
            assert not again.any()


@pytest.mark.parametrize("batches", [1, 2, 3, 7, 12])
def test_a_warm_started_campaign_resumes_without_the_old_one(
    batches, store, warm_file, monkeypatch, tmp_path
):
    path = warm_file(ALL_AGENTS)
    spare = tmp_path / "spare.sqlite"
    shutil.copy(store, spare)
    whole = Campaign.from_file(path).run(store=spare, threads=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        stop_after(patch, batches)
        Campaign.from_file(path).run(store=store, threads=1)
    with Store(store) as opened:
        opened.remove_campaign(1)

    resumed = Campaign.from_file(path).resume(store=store, threads=2)

    assert digest(resumed) == digest(whole)


def test_resuming_without_a_snapshot_repeats_the_log(store, warm_file, monkeypatch, tmp_path):
    path = warm_file(ALL_AGENTS)
    spare = tmp_path / "spare.sqlite"
    shutil.copy(store, spare)
    whole = Campaign.from_file(path).run(store=spare, threads=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        stop_after(patch, 9)
        patch.setattr(CampaignLoop, "_save_all", lambda self: self.store.flush())
        Campaign.from_file(path).run(store=store, threads=1)

    resumed = Campaign.from_store(store, "second").resume(store=store, threads=1)

    assert digest(resumed) == digest(whole)


def test_the_number_of_workers_changes_nothing(store, warm_file, tmp_path):
    spare = tmp_path / "spare.sqlite"
    shutil.copy(store, spare)

    one = Campaign.from_file(warm_file()).run(store=store, workers=1)
    two = Campaign.from_file(warm_file()).run(store=spare, workers=2)

    assert digest(one) == digest(two)


def test_a_campaign_taken_to_another_store_still_has_what_it_began_with(store, warm_file, tmp_path):
    first = Campaign.from_file(warm_file()).run(store=store, threads=1)
    export_campaign(store, "second", tmp_path / "second.json")
    other = tmp_path / "other.sqlite"
    import_campaign(tmp_path / "second.json", other)

    again = Campaign.from_store(other, "second").run(store=other, threads=1)

    assert started_with(other) == started_with(store)
    assert again.name == "second-2"
    assert digest(again) == digest(first)


def test_the_old_campaign_may_be_in_another_store(store, warm_file, tmp_path):
    file = warm_file(('campaign = "small"', 'campaign = 1\nstore = "store.sqlite"'))

    result = Campaign.from_file(file).run(threads=1)

    assert result.record.provenance["warm_start"]["campaign"] == "small"


def test_with_fidelity_the_designs_go_through_its_steps(store, warm_file):
    steps = ("[budget]", "[fidelity]\nrungs = [0.5]\nsampling = 'head'\n[budget]")

    result = Campaign.from_file(warm_file(steps)).run(store=store, threads=1)

    mine = result.trials.taken((result.trials.run == 1) & (result.trials.step < 20))
    assert set(mine.fidelity.tolist()) == {0.5, 1.0}


def test_a_dry_run_tells_what_would_be_taken(store, warm_file):
    report = Campaign.from_file(warm_file()).dry_run(threads=1, store=store)

    assert report.warm_start[0].startswith("20 designs of 'small' (trials ")


def test_a_campaign_of_a_study_begins_warm(store, warm_file):
    file = warm_file(("[budget]", "[matrix]\nseed = [1, 2]\n[budget]"), ("unique = 60", "unique = 24"))

    results = Study.from_file(file).run(store=store, threads=1)

    rows = [one.trials.indices[one.trials.run == 1][:20].tolist() for one in results]
    assert rows[0] == rows[1]


def test_fewer_designs_than_wanted_are_all_taken(store, warm_file):
    Campaign.from_file(warm_file(("designs = 20", "designs = 5000"))).run(store=store, threads=1)

    old = CampaignResult.load(store, "small")
    measured = old.trials.feasible
    assert len(started_with(store).designs) == len(np.unique(old.trials.indices[measured], axis=0))


# spaces that differ


def test_designs_with_values_that_are_gone_are_left_out(store, warm_file):
    file = warm_file(("[budget]", "[space]\ndepth = [2, 3]\n[budget]"))

    result = Campaign.from_file(file).run(store=store, threads=1)

    kept = started_with(store)
    assert 0 < len(kept.designs) <= 20
    mine = result.trials.indices[result.trials.run == 1]
    assert set(result.record.space.decode(mine)["depth"].tolist()) == {2, 3}
    assert any("trials have values that this space lacks or forbids" in note for note in kept.notes)


def test_a_value_without_effect_is_not_missed(store, warm_file):
    file = warm_file(("[budget]", '[space]\ncolour = ["green"]\n[budget]'))

    Campaign.from_file(file).run(store=store, threads=1)

    modes = {
        dict(zip(started_with(store).parameters, row, strict=True))["mode"]
        for row in started_with(store).designs
    }
    assert "slow" in modes


def test_parameters_that_are_new_take_their_default_and_it_is_said(store, warm_file, caplog):
    file = warm_file(('name = "fake"', 'name = "fake"\nwidth = 2'))

    with caplog.at_level(logging.INFO, "dse"):
        Campaign.from_file(file).run(store=store, threads=1)

    kept = started_with(store)
    assert "completed by the defaults of knob0, knob1, which space 'fake' lacks" in kept.notes
    assert {row[-2:] for row in kept.designs} == {(0, 0)}
    assert "warm start: completed by the defaults" in caplog.text


def test_parameters_that_are_gone_are_dropped_and_it_is_said(campaign_file, tmp_path, warm_file):
    store = tmp_path / "store.sqlite"
    Campaign.from_file(campaign_file(('name = "fake"', 'name = "fake"\nwidth = 1'))).run(store=store)

    Campaign.from_file(warm_file()).run(store=store, threads=1)

    assert "without knob0, which space 'fake' lacks" in started_with(store).notes


# what is refused


def test_a_campaign_that_is_not_there_is_refused_with_the_nearest_name(store, warm_file):
    file = warm_file(('campaign = "small"', 'campaign = "smal"'))

    with pytest.raises(LookupFailed, match=r"no campaign 'smal'.*Did you mean 'small'") as caught:
        Campaign.from_file(file).run(store=store)

    assert caught.value.key == "warm_start.campaign"
    assert caught.value.line is not None
    with open_reader(store) as reader:
        assert reader.names() == ["small"]


def test_a_store_that_is_not_there_is_refused_and_not_made(warm_file, tmp_path):
    with pytest.raises(LookupFailed, match="there is no store"):
        Campaign.from_file(warm_file()).run(store=tmp_path / "new.sqlite")

    assert not (tmp_path / "new.sqlite").exists()


def test_a_run_without_a_store_has_no_campaigns_to_begin_with(warm_file):
    with pytest.raises(ConfigError, match="in the store of the run, which has none"):
        Campaign.from_file(warm_file()).run()


def test_a_campaign_of_another_simulator_is_refused(store, warm_file):
    class Other(FakeSimulator):
        name = "other"

    with pytest.raises(ConfigError, match="is of simulator 'fake', not 'other'"):
        Campaign.from_file(warm_file(), simulator=Other()).run(store=store)


def test_a_campaign_without_a_measured_design_is_refused(store, warm_file, monkeypatch):
    with Store(store) as opened:
        opened.remove_campaign(1)
    monkeypatch.setattr(CampaignLoop, "run", _never)
    with pytest.raises(KeyboardInterrupt):
        _empty_campaign(store)

    with pytest.raises(ConfigError, match="campaign 'small' has no design that was measured"):
        Campaign.from_file(warm_file()).run(store=store)


def _never(loop) -> None:
    raise KeyboardInterrupt


def _empty_campaign(store) -> None:
    config = {
        "name": "small",
        "simulator": {"name": "fake"},
        "workloads": [{"trace": "synthetic:stream?n=500&seed=1"}],
        "objectives": [{"metric": "time_ns"}],
        "agents": [{"name": "random"}],
        "budget": {"unique": 4},
    }
    Campaign(config).run(store=store, threads=1)


def test_a_space_without_any_of_its_parameters_is_refused(store, warm_file, monkeypatch):
    other = DesignSpace("odd", [Parameter.integer("size", 0, 3, 0, "queue")])
    simulator = FakeSimulator()
    monkeypatch.setattr(fake, "fake_space", lambda width=0: other)
    simulator.space = other
    campaign = Campaign.from_file(warm_file(), simulator=simulator)

    with pytest.raises(ConfigError, match="space 'fake' has no parameter of space 'odd'"):
        campaign.run(store=store)


def test_a_space_that_has_none_of_its_values_is_refused(store, warm_file):
    simulator = FakeSimulator()
    wider = [
        Parameter.integer("depth", 7, 9, 7, "queue") if one.name == "depth" else one
        for one in simulator.space.parameters
    ]
    simulator.space = DesignSpace("fake", wider, simulator.space.constraints, simulator.space.dead_rules)

    with pytest.raises(ConfigError, match="none has a value of depth that this space has"):
        Campaign.from_file(warm_file(), simulator=simulator).run(store=store)


def test_a_campaign_that_did_not_measure_the_objectives_is_refused(campaign_file, tmp_path, warm_file):
    store = tmp_path / "store.sqlite"
    Campaign.from_file(campaign_file()).run(store=store, threads=1)
    file = warm_file(
        ('name = "fake"', 'name = "fake"\nn_extra = 1'),
        ('metric = "energy_pj"', 'metric = "extra0_ns"'),
    )

    with pytest.raises(ConfigError, match="did not measure 'extra0_ns'"):
        Campaign.from_file(file).run(store=store)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("designs = 0", "got 0, expected"),
        ("design = 4", "Did you mean 'designs'"),
        ("designs = 1.5", "expected a valid integer"),
    ],
)
def test_wrong_keys_are_refused_with_their_place(text, said, warm_file):
    with pytest.raises(ConfigError, match=said) as caught:
        Campaign.from_file(warm_file(("designs = 20", text)))

    assert caught.value.line is not None


# which designs are best


def test_designs_are_taken_front_by_front_and_the_crowded_ones_last():
    costs = np.array([[0.0, 4.0], [1.0, 3.0], [1.1, 2.9], [4.0, 0.0], [5.0, 5.0], [np.nan, np.nan]])
    scores = Scores(costs, np.zeros((6, 0)), np.array([True] * 5 + [False]))

    assert ranked(scores, 6).tolist() == [0, 3, 2, 1, 4]
    assert ranked(scores, 2).tolist() == [0, 3]


def test_without_a_feasible_design_those_that_violate_least_are_taken():
    violations = np.array([[3.0], [1.0], [2.0]])

    assert ranked(Scores(np.ones((3, 2)), violations, np.zeros(3, dtype=bool)), 2).tolist() == [1, 2]


def test_the_ends_of_a_front_are_not_crowded():
    distance = crowding(np.array([[0.0, 3.0], [1.0, 1.0], [3.0, 0.0]]))

    assert np.isinf(distance[[0, 2]]).all()
    assert distance[1] == pytest.approx(2.0)


def test_of_equal_costs_nothing_is_divided_by_zero():
    assert np.isinf(crowding(np.ones((2, 2)))).all()


# what it is worth


def test_a_warm_start_finds_more_of_a_memory_with_the_same_budget(tmp_path):
    store = tmp_path / "store.sqlite"
    base = {
        "simulator": {"name": "dram"},
        "objectives": [
            {"metric": "read_latency_p95_ns"},
            {"metric": "energy_per_bit_pj"},
            {"metric": "served_load", "at_least": 0.98},
        ],
    }
    old = {
        **base,
        "name": "old",
        "workloads": [{"trace": "sample:sort", "length": 1000}],
        "agents": [{"name": "nsga2"}],
        "budget": {"unique": 160},
    }
    new = {
        **base,
        "workloads": [{"trace": "sample:bfs", "length": 1000}],
        "agents": [{"name": name} for name in ("nsga2", "local", "random")],
        "budget": {"unique": 48, "batch": 16},
    }
    Campaign(old).run(store=store, threads=1)

    cold = Campaign({**new, "name": "cold"}).run(store=store, threads=1)
    warm = Campaign({**new, "name": "warm", "warm_start": {"campaign": "old"}}).run(store=store, threads=1)

    assert (volumes(warm, 16) > volumes(cold, 16)).all()
    assert (volumes(warm, 48) > volumes(cold, 48)).all()


def volumes(result: CampaignResult, n: int) -> np.ndarray:
    """Hypervolume of each run after n designs, up to the same reference point in warm and cold campaigns."""
    trials = result.trials
    costs = np.stack(
        [trials.metrics[:, result.record.schema.index(o.metric)] for o in result.record.objectives], 1
    )
    found = []
    for run in range(1, len(result.record.runs)):
        kept = (trials.run == run) & (trials.step < n) & trials.feasible
        found.append(hypervolume(costs[kept], result.record.reference))
    return np.array(found)
