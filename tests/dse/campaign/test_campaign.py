from __future__ import annotations

import hashlib

import numpy as np
import pytest

from dse.campaign import Campaign
from dse.campaign.loop import CampaignLoop
from dse.campaign.result import CampaignResult
from dse.errors import ConfigError, DseError, LookupFailed, ReplayError
from dse.search import Capabilities, Proposal
from dse.store import Origin, open_reader
from tests.dse.fake import FakeSimulator


def digest(result: CampaignResult) -> str:
    """Everything about the trials but how long they took."""
    trials = result.trials
    parts = (
        trials.run,
        trials.batch,
        trials.step,
        trials.origin,
        trials.feasible,
        trials.indices,
        trials.metrics,
    )
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store.sqlite"


def test_a_campaign_finds_a_front(campaign_file):
    result = Campaign.from_file(campaign_file()).run()

    front = result.front
    assert len(front) > 3
    assert (front.metrics[:, result.record.schema.index("served")] >= 0.8).all()
    assert front.hypervolume > 0
    assert set(result.best) == {"time_ns", "energy_pj"}


def test_every_run_spends_its_budget_of_unique_designs(campaign_file):
    result = Campaign.from_file(campaign_file()).run()

    charged = result.trials.origin != Origin.REPEAT
    assert [int((charged & (result.trials.run == run)).sum()) for run in (1, 2, 3)] == [60, 60, 60]


def test_the_reference_sample_is_not_charged_and_comes_first(campaign_file):
    result = Campaign.from_file(campaign_file()).run()

    first = result.trials.run == 0
    assert 40 < first.sum() <= 51
    assert result.record.baseline_trial == 1
    assert result.record.baseline.values_array.tolist() == result.trials.metrics[0].tolist()


def test_threads_change_nothing(campaign_file):
    one = Campaign.from_file(campaign_file()).run(threads=1)
    two = Campaign.from_file(campaign_file()).run(threads=2)

    assert digest(one) == digest(two)


def test_other_agents_change_nothing_of_a_run(campaign_file):
    both = Campaign.from_file(campaign_file()).run()
    alone = Campaign.from_file(campaign_file(('name = "random"', 'name = "local"'))).run()

    for run in (2, 3):
        ours, theirs = both.trials.run == run, alone.trials.run == run
        assert np.array_equal(both.trials.indices[ours], alone.trials.indices[theirs])


def test_a_design_is_simulated_once(campaign_file):
    simulator = FakeSimulator()

    result = Campaign.from_file(campaign_file(), simulator=simulator).run()

    keys = result.record.space.keys(result.trials.indices)
    assert simulator.simulated == (result.trials.origin == Origin.SIMULATED).sum()
    assert simulator.simulated == len(np.unique(keys[result.trials.origin < Origin.FORBIDDEN]))


def test_another_campaign_in_the_store_uses_its_simulations(campaign_file, store):
    Campaign.from_file(campaign_file()).run(store=store)
    simulator = FakeSimulator()

    again = Campaign.from_file(campaign_file(), simulator=simulator).run(store=store)

    assert again.name == "small-2"
    assert simulator.simulated == 0
    assert not (again.trials.origin == Origin.SIMULATED).any()


def test_another_build_of_the_simulator_does_not(campaign_file, store):
    Campaign.from_file(campaign_file()).run(store=store)
    simulator = FakeSimulator(build="2")

    Campaign.from_file(campaign_file(), simulator=simulator).run(store=store)

    assert simulator.simulated > 0


def test_a_failed_simulation_is_recorded_with_its_note(campaign_file, store):
    result = Campaign.from_file(campaign_file(), simulator=FakeSimulator(poison=[5, 6])).run(store=store)

    failed = result.to_frame().query("depth >= 5 and mode != 'unsafe'")
    assert len(failed)
    assert failed["time_ns"].isna().all()
    assert not failed["feasible"].any()
    assert not np.isin([design.point.depth for design in result.front], [5, 6]).any()
    with open_reader(store) as reader:
        detail = reader.detail(result.record.id, int(failed["trial"].iloc[0]))
    assert detail.metrics.notes == ("poisoned",)


def test_a_simulator_that_raises_fails_one_design_only(campaign_file, store):
    result = Campaign.from_file(campaign_file(), simulator=FakeSimulator(poison=[-1])).run(store=store)

    frame = result.to_frame().query("mode != 'unsafe'")
    assert frame.query("depth == 6")["time_ns"].isna().all()
    assert frame.query("depth != 6")["time_ns"].notna().all()


def test_a_baseline_that_fails_stops_the_campaign(campaign_file):
    with pytest.raises(DseError, match="baseline design could not be simulated: poisoned"):
        Campaign.from_file(campaign_file(), simulator=FakeSimulator(poison=[2])).run()


class Stubborn:
    """Proposes the default design for ever; `proposals` counts how often."""

    capabilities = Capabilities()

    def __init__(self, problem, seed):
        self.row = problem.space.encode(problem.space.default())

    def ask(self, n):
        return Proposal(np.repeat(self.row[None, :], n, axis=0))

    def tell(self, proposal, results):
        pass

    def state(self):
        return {}

    def load(self, state):
        pass


class Forbidden(Stubborn):
    """Proposes what the space forbids."""

    def __init__(self, problem, seed):
        self.row = problem.space.encode({"mode": "unsafe"})


class Moody(Stubborn):
    """Proposes something else after every start of the process; told apart by `start`."""

    start = 0

    def __init__(self, problem, seed):
        self.row = problem.space.sample(1, np.random.default_rng(Moody.start))[0]
        self.space = problem.space


class Uncanonical(Stubborn):
    """Proposes a slow design with a colour."""

    def __init__(self, problem, seed):
        self.row = problem.space.encode({"mode": "slow"})
        self.row[2] = 1


@pytest.fixture
def with_searcher(monkeypatch, campaign_file):
    from dse import registry

    def write(kind: type, **files) -> object:
        monkeypatch.setitem(registry.SEARCHERS, "odd", f"tests.dse.campaign.test_campaign:{kind.__name__}")
        replaced = (('name = "random"', 'name = "odd"'), ('[[agents]]\nname = "nsga2"\nseeds = 2\n', ""))
        return campaign_file(*replaced, *files.items())

    return write


def test_a_searcher_that_only_repeats_stops_at_the_cap_of_proposals(with_searcher):
    result = Campaign.from_file(with_searcher(Stubborn)).run()

    mine = result.trials.origin[result.trials.run == 1]
    assert len(mine) == 600
    assert (mine[1:] == Origin.REPEAT).all()


def test_a_design_that_violates_the_space_is_charged_but_not_simulated(with_searcher):
    simulator = FakeSimulator()

    result = Campaign.from_file(with_searcher(Forbidden), simulator=simulator).run()

    mine = result.trials.run == 1
    assert result.trials.origin[mine][0] == Origin.FORBIDDEN
    assert np.isnan(result.trials.metrics[mine]).all()
    assert not result.trials.feasible[mine].any()
    assert simulator.simulated == (result.trials.run == 0).sum()


def test_a_design_that_is_not_canonical_is_the_searchers_mistake(with_searcher):
    with pytest.raises(DseError, match=r"agent 'odd' .* not in canonical form"):
        Campaign.from_file(with_searcher(Uncanonical)).run()


def test_an_empty_proposal_ends_a_run(campaign_file):
    result = Campaign.from_file(campaign_file(("unique = 60", "unique = 5000"), ('"random"', '"grid"'))).run()

    grid = result.front_of("grid")
    assert (result.trials.run == 1).sum() < 5000
    assert grid.hypervolume == pytest.approx(result.front.hypervolume)


def interrupt_after(monkeypatch, batches: int) -> None:
    """Raise the stop flag after that many batches of agents, as the first Ctrl-C does."""
    original = CampaignLoop._batch
    done = []

    def batch(self, run, meter):
        original(self, run, meter)
        done.append(run)
        if len(done) == batches:
            self.stop.raised = True

    monkeypatch.setattr(CampaignLoop, "_batch", batch)


@pytest.mark.parametrize("batches", [1, 2, 5, 8])
def test_a_resumed_campaign_equals_the_uninterrupted_one(campaign_file, store, monkeypatch, batches):
    whole = Campaign.from_file(campaign_file()).run(threads=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        interrupt_after(patch, batches)
        Campaign.from_file(campaign_file()).run(store=store)

    with open_reader(store) as reader:
        assert reader.campaign("small").state == "interrupted"
    resumed = Campaign.from_file(campaign_file()).resume(store=store, threads=2)

    assert resumed.record.state == "finished"
    assert digest(resumed) == digest(whole)
    assert digest(CampaignResult.load(store, "small")) == digest(whole)


def test_resuming_without_any_snapshot_replays_the_log(campaign_file, store, monkeypatch):
    whole = Campaign.from_file(campaign_file()).run()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        interrupt_after(patch, 7)
        patch.setattr(CampaignLoop, "_save_all", lambda self: self.store.flush())
        Campaign.from_file(campaign_file()).run(store=store)

    resumed = Campaign.from_store(store, "small").resume(store=store)

    assert digest(resumed) == digest(whole)


def test_resuming_a_finished_campaign_adds_nothing(campaign_file, store):
    whole = Campaign.from_file(campaign_file()).run(store=store)

    again = Campaign.from_file(campaign_file()).resume(store=store)

    assert digest(again) == digest(whole)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("seed = 7", "seed = 8"), "the campaign file"),
        (('name = "fake"', 'name = "fake"\nbuild = "2"'), "the simulator's build"),
        (("n=500", "n=501"), "a trace or workload"),
    ],
)
def test_resuming_something_else_is_refused(campaign_file, store, change, what):
    Campaign.from_file(campaign_file()).run(store=store)

    with pytest.raises(ConfigError, match=what):
        Campaign.from_file(campaign_file(change)).resume(store=store)


def test_resuming_a_searcher_that_changed_its_mind_is_an_error(with_searcher, store, monkeypatch):
    path = with_searcher(Moody)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        interrupt_after(patch, 3)
        patch.setattr(CampaignLoop, "_save_all", lambda self: self.store.flush())
        Campaign.from_file(path).run(store=store)
    monkeypatch.setattr(Moody, "start", 1)

    with pytest.raises(ReplayError, match="does not repeat its log"):
        Campaign.from_file(path).resume(store=store)


def test_resuming_what_is_not_there_is_an_error(campaign_file, store):
    with pytest.raises(LookupFailed):
        Campaign.from_file(campaign_file()).resume(store=store)


def test_a_dry_run_reports_sizes_and_ranges(campaign_file):
    report = Campaign.from_file(campaign_file()).dry_run()

    assert (report.raw_size, report.distinct_size, report.feasible_size) == (486, 378, 216)
    assert report.designs == 180
    assert [item.metric for item in report.ranges] == ["time_ns", "energy_pj", "served"]
    assert all(item.low <= item.median <= item.high for item in report.ranges)


def test_progress_ends_with_everything_done(campaign_file):
    seen = []

    result = Campaign.from_file(campaign_file()).run(progress=seen.append)

    assert (seen[-1].done, seen[-1].total) == (180, 180)
    assert seen[-1].trials == len(result.trials)
    assert seen[-1].best["time_ns"] == pytest.approx(result.best["time_ns"].metrics.time_ns)


def test_a_restricted_space_is_searched_and_stored_in_the_whole_one(campaign_file):
    path = campaign_file(("[budget]", '[space]\nmode = ["fast"]\n[budget]'), ("unique = 60", "unique = 40"))

    result = Campaign.from_file(path).run()

    searched = result.to_frame().query("agent != 'reference'")
    assert set(searched["mode"]) == {"fast"}
    assert result.record.baseline_point.mode == "slow"


def test_a_frame_has_a_row_a_trial(campaign_file):
    result = Campaign.from_file(campaign_file()).run()

    frame = result.to_frame()

    assert len(frame) == len(result.trials)
    assert {"trial", "agent", "origin", "buffers", "time_ns"} <= set(frame.columns)
    assert result.front.to_frame()["energy_pj"].is_monotonic_decreasing
