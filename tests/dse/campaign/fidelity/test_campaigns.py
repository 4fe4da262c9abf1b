"""Campaigns on shares of their traces: what is simulated, charged, told and kept."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dse import registry
from dse.campaign import Campaign
from dse.campaign.loop import CampaignLoop
from dse.errors import ConfigError, DseError, LookupFailed
from dse.executors.leases import LeaseWorker
from dse.executors.threads import ThreadExecutor
from dse.search import Capabilities, Proposal
from dse.store import Origin, open_reader
from tests.dse.campaign.fidelity.hasty import HastySimulator


def digest(result):
    """Everything about the trials but how long they took."""
    names = ("run", "batch", "step", "origin", "feasible", "indices", "metrics", "fidelity", "charge")
    return hashlib.sha256(b"".join(getattr(result.trials, name).tobytes() for name in names)).hexdigest()


def run_of(result, number):
    return result.trials.taken(result.trials.run == number)


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store.sqlite"


SIXTY_PROPOSALS = ("unique = 30", "unique = 200\nproposals = 60")
WITH_MODEL = ("keep = 0.34", 'keep = 0.34\nsurrogate = "plain"\noversample = 4')


@pytest.fixture(params=["rungs", "rungs and model", "model alone"])
def every_ladder(request, halving_file):
    """Campaign files with each kind of ladder."""
    replacements = {
        "rungs": [],
        "rungs and model": [WITH_MODEL],
        "model alone": [WITH_MODEL, ("rungs = [0.1, 0.25]", "rungs = []"), ("batch = 16", "batch = 4")],
    }
    return halving_file(*replacements[request.param])


def test_a_third_of_the_designs_of_a_rung_goes_on_to_the_next(halving_file):
    result = Campaign.from_file(halving_file()).run()

    first = run_of(result, 1)
    assert Counter(first.fidelity[first.batch == 0].tolist()) == {0.1: 10, 0.25: 3, 1.0: 3}
    assert Counter(np.round(first.charge[first.batch == 0], 9).tolist()) == {0.1: 10, 0.35: 3, 1.35: 3}


def test_only_designs_simulated_in_full_are_feasible(every_ladder):
    result = Campaign.from_file(every_ladder).run()

    assert (result.trials.fidelity[result.trials.feasible] == 1.0).all()
    assert (result.trials.fidelity < 1.0).any()


def test_the_front_has_what_full_simulations_measured(every_ladder):
    campaign = Campaign.from_file(every_ladder)
    front = campaign.run().front

    again = HastySimulator(width=3).run_batch(front.indices, campaign.setup.workloads)

    assert len(front) > 3
    np.testing.assert_array_equal(front.metrics, again.combined())


def test_a_run_spends_its_budget_and_never_more(every_ladder):
    campaign = Campaign.from_file(every_ladder)

    result = campaign.run()

    for number in (1, 2, 3):
        spent = run_of(result, number).charge.sum()
        assert 30 - campaign.setup.ladder.cost(1) < spent <= 30 + 1e-9


def test_the_store_knows_what_a_run_has_spent(halving_file, store):
    result = Campaign.from_file(halving_file()).run(store=store)

    with open_reader(store) as reader:
        spent = reader.spent(result.record.id)
    assert spent == pytest.approx(result.trials.charge[result.trials.run > 0].sum())


def test_the_charge_is_what_the_simulator_did(halving_file):
    simulator = HastySimulator(width=3)
    path = halving_file(('[[agents]]\nname = "nsga2"\nseeds = 2\n', ""))

    result = Campaign.from_file(path, simulator=simulator).run()

    sample, mine = run_of(result, 0), run_of(result, 1)
    known = {row.tobytes() for row in sample.indices[sample.origin != Origin.FORBIDDEN]}
    in_full = {row.tobytes() for row in mine.indices[(mine.fidelity == 1) & (mine.charge > 0)]}
    done = Counter()
    for designs, requests in simulator.runs:
        done[requests] += designs
    the_baseline = 1
    assert done[200] == (mine.charge > 0).sum() + the_baseline
    assert done[500] == (mine.charge > 0.3).sum() + the_baseline
    assert done[2000] == len(known | in_full)


def test_the_estimate_of_the_baseline_is_what_it_measures_in_full(halving_file, with_searcher):
    with_searcher(Again, lambda space: [space.encode(space.default())])
    path = halving_file(('name = "random"', 'name = "again"'), ("unique = 30", "unique = 30\nproposals = 30"))
    campaign = Campaign.from_file(path)
    seen = []
    original = CampaignLoop._batch

    def look(self, run, meter):
        row = self.setup.full_space.encode(self.setup.baseline)[None, :]
        for evaluator in self._climb.rungs:
            keys = self.setup.full_space.keys(row).tolist()
            seen.extend(evaluator.evaluate(row, keys).metrics)
        original(self, run, meter)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CampaignLoop, "_batch", look)
        result = campaign.run()

    for estimate in seen:
        np.testing.assert_allclose(estimate, result.record.baseline.values_array, rtol=1e-12)


class Again:
    """Proposes the same designs again and again."""

    capabilities = Capabilities()
    rows = staticmethod(lambda space: [])

    def __init__(self, problem, seed):
        self.designs = np.array(type(self).rows(problem.space), dtype=np.int16)
        self.told = []

    def ask(self, n):
        return Proposal(np.resize(self.designs, (min(n, len(self.designs)), self.designs.shape[1])))

    def tell(self, proposal, results):
        self.told.append(results)

    def state(self):
        return {}

    def load(self, state):
        pass


@pytest.fixture
def with_searcher(monkeypatch):
    """Register the searcher "again" with the designs that a function makes of the space."""

    def register(searcher, rows):
        monkeypatch.setattr(searcher, "rows", staticmethod(rows))
        monkeypatch.setitem(registry.SEARCHERS, "again", f"{__name__}:{searcher.__name__}")

    return register


def ten_designs(space):
    rng = np.random.default_rng(1)
    return space.sample(10, rng, feasible=True).tolist()


def test_a_design_asked_again_goes_on_from_where_it_was(halving_file, with_searcher):
    with_searcher(Again, ten_designs)
    path = halving_file(('name = "random"', 'name = "again"'), SIXTY_PROPOSALS)

    mine = run_of(Campaign.from_file(path).run(), 1)

    once = mine.charge.reshape(-1, 10).sum(axis=0)
    assert np.isin(np.round(once, 9), [0.1, 0.35, 1.35]).all()
    assert (mine.fidelity.reshape(-1, 10)[-1] == mine.fidelity.reshape(-1, 10).max(axis=0)).all()
    assert ((mine.origin == Origin.REPEAT) == (mine.charge == 0)).all()
    assert (mine.origin[:10] != Origin.REPEAT).all()


def test_an_agent_that_only_repeats_itself_comes_to_an_end(halving_file, with_searcher):
    with_searcher(Again, ten_designs)
    path = halving_file(('name = "random"', 'name = "again"'))
    campaign = Campaign.from_file(path)

    mine = run_of(campaign.run(), 1)

    assert len(mine) == campaign.setup.ladder.proposal_limit(campaign.config.budget)


def test_a_design_that_is_twice_in_a_batch_is_charged_once(halving_file, with_searcher):
    with_searcher(Again, lambda space: ten_designs(space)[:5] * 2)
    path = halving_file(('name = "random"', 'name = "again"'), ("unique = 30", "unique = 30\nproposals = 10"))

    mine = run_of(Campaign.from_file(path).run(), 1)

    assert (mine.charge[:5] > 0).all()
    assert (mine.charge[5:] == 0).all()
    assert (mine.origin[5:] == Origin.REPEAT).all()
    np.testing.assert_array_equal(mine.metrics[:5], mine.metrics[5:])
    np.testing.assert_array_equal(mine.fidelity[:5], mine.fidelity[5:])


def test_a_design_that_violates_the_space_costs_nothing_and_takes_no_place(halving_file, with_searcher):
    def rows(space):
        unsafe = space.encode(space.point(mode="unsafe")).tolist()
        return [unsafe, *ten_designs(space)]

    with_searcher(Again, rows)
    path = halving_file(('name = "random"', 'name = "again"'), ("unique = 30", "unique = 30\nproposals = 11"))

    mine = run_of(Campaign.from_file(path).run(), 1)

    assert mine.origin[0] == Origin.FORBIDDEN
    assert (mine.charge[0], mine.fidelity[0]) == (0.0, 1.0)
    assert np.isnan(mine.metrics[0]).all()
    assert (mine.fidelity[1:] == 1.0).sum() == 2


def test_a_design_that_fails_on_a_rung_does_not_go_on(halving_file):
    simulator = HastySimulator(width=3, poison=[1, 3, 4, 5, 6])

    result = Campaign.from_file(halving_file(), simulator=simulator).run()

    agents = result.trials.taken(result.trials.run > 0)
    failed = np.isnan(agents.metrics).all(axis=1) & (agents.origin != Origin.FORBIDDEN)
    assert failed.any()
    assert (agents.fidelity[failed] == 0.1).all()
    assert not agents.feasible[failed].any()


def test_predictions_cost_nothing_and_are_told_as_estimates(halving_file):
    result = Campaign.from_file(halving_file(WITH_MODEL)).run()

    predicted = result.trials.taken(result.trials.origin == Origin.PREDICTED)
    needed = [result.record.schema.index(name) for name in ("time_ns", "energy_pj", "served")]
    assert len(predicted) > 50
    assert (predicted.fidelity == 0).all()
    assert (predicted.charge == 0).all()
    assert np.isfinite(predicted.metrics[:, needed]).all()
    assert not predicted.feasible.any()


def test_a_model_lets_the_best_quarter_be_simulated(halving_file):
    result = Campaign.from_file(halving_file(WITH_MODEL)).run()

    first = run_of(result, 1)
    first = first.taken(first.batch == 0)
    assert len(first) == 64
    assert ((first.fidelity > 0) & (first.charge > 0)).sum() == 16


def test_another_campaign_takes_the_rungs_from_the_cache_and_is_charged_the_same(every_ladder, store):
    first = Campaign.from_file(every_ladder).run(store=store)
    simulator = HastySimulator(width=3)

    second = Campaign.from_file(every_ladder, simulator=simulator).run(store=store)

    assert simulator.runs == []
    np.testing.assert_array_equal(first.trials.charge, second.trials.charge)
    np.testing.assert_array_equal(first.trials.metrics, second.trials.metrics)
    assert not (second.trials.origin == Origin.SIMULATED).any()


def interrupted(campaign, store, batches):
    """Run until that many batches were told, as if somebody had pressed Ctrl-C then."""
    original = CampaignLoop._batch
    left = iter(range(batches, 0, -1))

    def counted(self, run, meter):
        original(self, run, meter)
        self.stop.raised = next(left, 0) <= 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CampaignLoop, "_batch", counted)
        with pytest.raises(KeyboardInterrupt):
            campaign.run(store=store)


@pytest.mark.parametrize("batches", [1, 5])
@pytest.mark.parametrize("snapshots", [True, False], ids=["from a snapshot", "from the log alone"])
def test_a_resumed_campaign_equals_the_uninterrupted_one(
    every_ladder, store, batches, snapshots, monkeypatch
):
    whole = Campaign.from_file(every_ladder).run()
    if not snapshots:
        monkeypatch.setattr("dse.store.Store.add_snapshot", lambda *_: None)
    interrupted(Campaign.from_file(every_ladder), store, batches)

    resumed = Campaign.from_file(every_ladder).resume(store=store)

    assert digest(resumed) == digest(whole)
    with open_reader(store) as reader:
        stored = reader.trials(resumed.record.id)
    np.testing.assert_array_equal(stored.charge, whole.trials.charge)
    np.testing.assert_array_equal(stored.fidelity, whole.trials.fidelity)


def test_a_stop_rule_counts_the_same_in_a_resumed_campaign(halving_file, store):
    path = halving_file(
        ("unique = 30", "unique = 100"),
        ("[fidelity]", "[stop]\nstalled_designs = 12\nstalled_percent = 8.0\n[fidelity]"),
    )
    whole = Campaign.from_file(path).run()
    interrupted(Campaign.from_file(path), store, 8)

    resumed = Campaign.from_file(path).resume(store=store)

    assert digest(resumed) == digest(whole)
    assert run_of(whole, 1).charge.sum() < 90


@pytest.mark.parametrize("how", [{"threads": 2}, {"executor": "processes", "workers": 2}], ids=str)
def test_no_result_depends_on_the_executor(every_ladder, how):
    alone = Campaign.from_file(every_ladder).run(threads=1)

    assert digest(Campaign.from_file(every_ladder).run(**how)) == digest(alone)


@pytest.mark.slow
def test_no_result_depends_on_workers_that_know_only_the_store(halving_file, store):
    path = halving_file(WITH_MODEL)
    alone = Campaign.from_file(path).run(threads=1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(Campaign.from_file(path).run, store=store, executor="leases", workers=2)
        while not _runs(store):
            time.sleep(0.01)

        LeaseWorker(store, 1, lambda bench: ThreadExecutor(bench.simulator, bench.workloads)).run()

        assert digest(running.result()) == digest(alone)


def _runs(store):
    try:
        with open_reader(store) as reader:
            return bool(reader.campaigns())
    except (DseError, LookupFailed):
        return False


def test_other_agents_change_nothing_of_a_run(halving_file):
    both = Campaign.from_file(halving_file(WITH_MODEL)).run()
    alone = Campaign.from_file(halving_file(WITH_MODEL, ('name = "random"', 'name = "local"'))).run()

    for run in (2, 3):
        ours, theirs = run_of(both, run), run_of(alone, run)
        np.testing.assert_array_equal(ours.indices, theirs.indices)
        np.testing.assert_array_equal(ours.metrics, theirs.metrics)
        np.testing.assert_array_equal(ours.charge, theirs.charge)


def test_a_campaign_whose_intervals_changed_is_not_resumed(halving_file, store):
    path = halving_file()
    interrupted(Campaign.from_file(path), store, 1)
    campaign = Campaign.from_file(path)
    object.__setattr__(campaign.setup.ladder.rungs[0], "weights", (np.array([9.0]),))

    with pytest.raises(ConfigError, match=r"what a rung of .fidelity. simulates changed"):
        campaign.resume(store=store)


SECOND_WORKLOAD = """
[[workloads]]
trace = "synthetic:uniform_random?n=3000&seed=2"
weight = 2.0
[[objectives]]
metric = "time_ns"
aggregate = "geometric"
"""


def test_several_workloads_are_aggregated_as_the_campaign_says(halving_file):
    path = halving_file(
        ('[[objectives]]\nmetric = "time_ns"\n', SECOND_WORKLOAD), ("width = 3", "width = 3\nerror = 0.0")
    )
    campaign = Campaign.from_file(path)

    trials = campaign.run().trials

    partial = trials.taken(trials.fidelity < 1)
    exact = campaign.setup.simulator.run_batch(partial.indices, campaign.setup.workloads).values
    combined = campaign.setup.aggregation.combined(exact)
    np.testing.assert_allclose(partial.metrics[:, :2], combined[:, :2], rtol=1e-9)


def test_a_dry_run_says_what_a_batch_costs_and_counts_full_simulations(halving_file):
    report = Campaign.from_file(halving_file(WITH_MODEL)).dry_run(threads=1)

    assert report.designs == 3 * 30
    assert report.steps == (
        "64 predicted",
        "16 on 0.1 of the requests",
        "6 on 0.25 of the requests",
        "3 in full",
        "6.1 full simulations in all",
    )


def test_whoever_watches_is_told_of_full_simulations(halving_file):
    seen = []

    result = Campaign.from_file(halving_file()).run(progress=seen.append)

    assert seen[-1].unit == "full simulations"
    assert seen[-1].done == pytest.approx(result.trials.charge[result.trials.run > 0].sum())
    assert seen[-1].total == pytest.approx(seen[-1].done)
