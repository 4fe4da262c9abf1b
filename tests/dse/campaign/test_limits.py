"""What ends a run, and what a campaign file may demand: budgets, stop rules, constraints, aggregation."""

from __future__ import annotations

import numpy as np
import pytest

from dse import registry
from dse.campaign import Campaign
from dse.campaign.loop import CampaignLoop
from dse.errors import InfeasibleError, InputError
from dse.store import Origin, Store
from tests.benchmarks.bench_campaign import TimedRandom
from tests.dse.campaign.test_campaign import digest
from tests.dse.fake import FakeSimulator


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store.sqlite"


def charged(result, run):
    mine = result.trials.run == run
    return int((mine & (result.trials.origin != Origin.REPEAT)).sum())


def interrupted(campaign, store, monkeypatch, batches):
    """Run until that many batches were told, as if somebody had pressed Ctrl-C then."""
    original = CampaignLoop._batch
    left = iter(range(batches, 0, -1))

    def counted(self, run, meter):
        original(self, run, meter)
        self.stop.raised = next(left, 0) <= 1

    monkeypatch.setattr(CampaignLoop, "_batch", counted)
    with pytest.raises(KeyboardInterrupt):
        campaign.run(store=store)
    monkeypatch.setattr(CampaignLoop, "_batch", original)


# budgets


def test_a_budget_in_proposals_counts_repeats(campaign_file):
    path = campaign_file(("unique = 60", "proposals = 40"))

    result = Campaign.from_file(path).run()

    assert [int((result.trials.run == run).sum()) for run in (1, 2, 3)] == [40, 40, 40]


def test_a_budget_in_cpu_seconds_ends_at_the_batch_that_spends_it(campaign_file):
    path = campaign_file(
        ("unique = 60", "cpu_seconds = 0.04"), ('name = "nsga2"\nseeds = 2', 'name = "local"')
    )

    result = Campaign.from_file(path).run()

    spent = [result.trials.seconds[result.trials.run == run] for run in (1, 2)]
    assert all(one.sum() >= 0.04 for one in spent)
    assert all(one[:-16].sum() < 0.04 for one in spent)


def test_a_budget_in_wall_seconds_ends_and_stays_spent(campaign_file, store):
    path = campaign_file(("unique = 60", "wall_seconds = 0.05"))
    campaign = Campaign.from_file(path, simulator=FakeSimulator(delay_s=0.02))

    result = campaign.run(store=store)
    again = campaign.resume(store=store)

    assert result.record.state == "finished"
    assert 0 < charged(result, 1) < 400
    assert digest(again) == digest(result)


def test_the_dry_run_knows_how_many_designs_a_time_budget_buys(campaign_file):
    path = campaign_file(("unique = 60", "cpu_seconds = 0.02"))

    assert Campaign.from_file(path).dry_run().designs == 3 * 20


# stop rules

TARGET = (
    "[stop]\ntarget = [{ metric = 'time_ns', at_most = 48.0 }, { metric = 'energy_pj', at_most = 60.0 }]\n"
)


def test_a_run_ends_when_one_design_meets_the_whole_target(campaign_file):
    path = campaign_file(("[budget]", TARGET + "[budget]"), ("unique = 60", "unique = 150"))

    result = Campaign.from_file(path).run()

    names = result.record.schema
    time, energy = (result.trials.metrics[:, names.index(m)] for m in ("time_ns", "energy_pj"))
    met = (time <= 48) & (energy <= 60) & result.trials.feasible
    for run in (1, 2, 3):
        mine = np.flatnonzero(result.trials.run == run)
        batches = result.trials.batch[mine]
        if charged(result, run) < 150:
            assert met[mine[batches == batches.max()]].any()
        assert not met[mine[batches < batches.max()]].any()
    assert min(charged(result, run) for run in (1, 2, 3)) < 150


def test_a_run_ends_when_its_hypervolume_no_longer_grows(campaign_file):
    stop = "[stop]\nstalled_designs = 48\nstalled_percent = 0.5\n[budget]"
    path = campaign_file(("[budget]", stop), ("unique = 60", "unique = 320"))

    result = Campaign.from_file(path).run()

    assert 48 < min(charged(result, run) for run in (1, 2, 3)) < 320


@pytest.mark.parametrize("stop", [TARGET, "[stop]\nstalled_designs = 48\nstalled_percent = 0.5\n"])
@pytest.mark.parametrize("batches", [3, 5, 8])
def test_stop_rules_end_a_resumed_run_where_they_end_an_uninterrupted_one(
    campaign_file, store, monkeypatch, stop, batches
):
    path = campaign_file(("[budget]", stop + "[budget]"), ("unique = 60", "unique = 300"), ("= 16", "= 8"))
    whole = Campaign.from_file(path).run()

    interrupted(Campaign.from_file(path), store, monkeypatch, batches)
    resumed = Campaign.from_file(path).resume(store=store)

    assert digest(resumed) == digest(whole)


def test_a_campaign_ends_after_its_batch_when_somebody_asks_for_it(campaign_file, store):
    campaign = Campaign.from_file(campaign_file())
    asked = []

    def ask_once(progress):
        if not asked:
            with Store(store) as other:
                other.request_stop(1)
            asked.append(progress.trials)

    with pytest.raises(KeyboardInterrupt):
        campaign.run(store=store, progress=ask_once)
    resumed = campaign.resume(store=store)

    assert asked[0] < len(resumed.trials)
    assert digest(resumed) == digest(Campaign.from_file(campaign_file()).run())


# constraints of the file


class Careless(TimedRandom):
    """Random designs that break constraints, which none of ours proposes."""


@pytest.fixture(autouse=True)
def careless(monkeypatch):
    monkeypatch.setitem(registry.SEARCHERS, "careless", f"{__name__}:Careless")


CARELESS = ('"random"', '"careless"')
BALANCE = "[[constraints]]\nrequires = 'buffers >= 8 * depth'\nwhy = 'or they starve'\n[budget]"


def test_a_constraint_of_the_file_makes_designs_infeasible_and_saves_their_simulation(campaign_file):
    simulator = FakeSimulator()

    result = Campaign.from_file(campaign_file(("[budget]", BALANCE), CARELESS), simulator=simulator).run()

    values = result.record.space.decode(result.trials.indices)
    broken = values["buffers"] < 8 * values["depth"]
    assert broken.any()
    assert not result.trials.feasible[broken].any()
    assert np.isnan(result.trials.metrics[broken]).all()
    assert (result.trials.origin[broken] != Origin.SIMULATED).all()


@pytest.mark.parametrize(
    "agent", ["random", "grid", "local", "nsga2", pytest.param("ippo", marks=pytest.mark.slow)]
)
def test_every_agent_finds_designs_that_meet_a_condition(campaign_file, agent):
    alone = ('name = "nsga2"\nseeds = 2', f'name = "{agent}"\nlabel = "it"')
    path = campaign_file(("[budget]", BALANCE), alone, ("unique = 60", "unique = 40"))

    result = Campaign.from_file(path).run()

    front = result.front_of("it")
    values = result.record.space.decode(front.indices)
    assert len(front) > 0
    assert (values["buffers"] >= 8 * values["depth"]).all()


def test_the_space_of_the_store_knows_the_constraints_of_the_file(campaign_file, store):
    Campaign.from_file(campaign_file(("[budget]", BALANCE))).run(store=store)

    campaign = Campaign.from_store(store, "small")

    assert [one.name for one in campaign.setup.space.constraints] == ["safe", "buffers >= 8 * depth"]


def test_a_forbidden_combination_is_a_constraint_too(campaign_file):
    text = "[[constraints]]\nforbids = { mode = 'fast', depth = [1, 2] }\n[budget]"

    result = Campaign.from_file(campaign_file(("[budget]", text), CARELESS)).run()

    values = result.record.space.decode(result.trials.indices)
    broken = (values["mode"] == "fast") & (values["depth"] <= 2)
    assert broken.any()
    assert not result.trials.feasible[broken].any()


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        ("[[constraints]]\nrequires = 'dept > 2'", 21, "constraints[0].requires", "Did you mean 'depth'"),
        ("[[constraints]]\nforbids = { dept = 2 }", 20, "constraints[0]", "Did you mean 'depth'"),
        ("[[constraints]]\nforbids = { depth = 9 }", 20, "constraints[0]", "depth"),
        ("[[constraints]]\nwhy = 'so'", 20, "constraints[0]", "either 'requires'"),
        ("[stop]\nstalled_percent = 1.0", 20, "stop", "stalled_designs beside"),
        (
            "[stop]\ntarget = [{ metric = 'tim_ns', at_most = 1.0 }]",
            21,
            "stop.target",
            "Did you mean 'time_ns'",
        ),
        ("[stop]\ntarget = [{ metric = 'time_ns' }]", 21, "stop.target", "a bound"),
        ("[aggregate]\nx = 1", 20, "aggregate", "valid string"),
    ],
)
def test_a_mistake_in_the_new_tables_is_reported_with_its_place(campaign_file, text, line, key, said):
    path = campaign_file(("[budget]", f"{text}\n[budget]"))

    with pytest.raises(InputError) as caught:
        Campaign.from_file(path)

    assert said in str(caught.value)
    assert (caught.value.line, caught.value.key[: len(key)]) == (line, key)


def test_constraints_that_leave_no_design_are_found_at_once(campaign_file):
    text = "[[constraints]]\nrequires = 'buffers > 999'\n[budget]"

    with pytest.raises(InfeasibleError, match="buffers > 999"):
        Campaign.from_file(campaign_file(("[budget]", text)))


# aggregation

SECOND = '[[workloads]]\ntrace = "synthetic:stream?n=2000&seed=1"\n[[objectives]]\nmetric = "time_ns"\n'


@pytest.mark.parametrize(("rule", "factor"), [("worst", 2.0), ("mean", 1.25), ("geometric", 1.0)])
def test_objectives_are_aggregated_over_the_workloads_as_the_file_says(campaign_file, rule, factor):
    named = SECOND + f'aggregate = "{rule}"\n'
    path = campaign_file(('[[objectives]]\nmetric = "time_ns"\n', named))

    result = Campaign.from_file(path).run()

    base = result.record.schema.index("time_ns")
    one = FakeSimulator().run(result.record.baseline_point, Campaign.from_file(path).setup.workloads[0])
    assert result.trials.metrics[0, base] == pytest.approx(factor * 2 * one.time_ns)


def test_the_rule_of_the_campaign_holds_for_every_objective_without_its_own(campaign_file):
    path = campaign_file(
        ("seed = 7", 'seed = 7\naggregate = "worst"'), ('[[objectives]]\nmetric = "time_ns"\n', SECOND)
    )

    rules = Campaign.from_file(path).setup.aggregation.rules

    assert {metric: (rule.name, rule.maximised) for metric, rule in rules.items()} == {
        "time_ns": ("worst", False),
        "energy_pj": ("worst", False),
        "served": ("worst", True),
    }


def test_one_metric_has_one_aggregate(campaign_file):
    text = (
        '[[objectives]]\nmetric = "time_ns"\nat_most = 90.0\naggregate = "worst"\n[[agents]]\nname = "random"'
    )
    path = campaign_file(('[[agents]]\nname = "random"', text))

    with pytest.raises(InputError, match="has the aggregate 'combined' already"):
        Campaign.from_file(path)
