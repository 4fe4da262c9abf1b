"""Runs as curves, against the trials that the store has."""

from __future__ import annotations

import numpy as np
import pytest

from dse.campaign import Campaign, CampaignResult
from dse.campaign.study import Study
from dse.comparison.curves import Curve, _looks, read_cell
from dse.comparison.plan import Plan
from dse.errors import LookupFailed
from dse.front import hypervolume
from dse.store import Origin, open_reader
from tests.dse.fake import FakeSimulator


def run(study, store):
    """Run a study, and give its cells as they were read, with what `CampaignResult` has of their first."""
    Study.of(study).complete(store=store)
    plan = Plan.of(Study.of(study))
    with open_reader(store) as reader:
        cells = [read_cell(reader, cell) for cell in plan.cells]
    return cells, [CampaignResult.load(store, cell.campaigns[0]) for cell in plan.cells]


def costs_of_run(result, number):
    """Costs of the designs new to a run, in order; NaN for infeasible ones."""
    mine = (result.trials.run == number) & (result.trials.origin != Origin.REPEAT)
    return result.costs[mine]


def numbers(result, agent):
    return [run.number for run in result.record.runs if run.number and run.agent == agent]


def test_of_one_objective_regret_is_the_distance_from_the_best_over_that_of_a_typical_design(study, store):
    cells, results = run(study, store)
    one, result = cells[1], results[1]
    best = np.nanmin(result.costs)
    sample = result.costs[result.trials.run == 0][1:]
    typical = np.nanmedian(sample)

    for agent in ("random", "local"):
        for curve, number in zip(one.curves[agent], numbers(result, agent), strict=True):
            costs = costs_of_run(result, number)[:, 0]
            for spent in (1, 5, 17, 40):
                found = costs[:spent][np.isfinite(costs[:spent])]
                expected = min(1.0, (found.min() - best) / (typical - best)) if len(found) else 1.0
                assert curve.at(np.array([float(spent)]))[0] == pytest.approx(expected, abs=1e-12)


def test_of_several_objectives_regret_is_the_share_of_the_hypervolume_that_is_missing(study, store):
    cells, results = run(study, store)
    several, result = cells[0], results[0]
    whole = hypervolume(result.costs[np.isfinite(result.costs).all(axis=1)], result.reference)

    for agent in ("random", "local"):
        for curve, number in zip(several.curves[agent], numbers(result, agent), strict=True):
            costs = costs_of_run(result, number)
            for spent in (1, 5, 17, 40):
                found = costs[:spent][np.isfinite(costs[:spent]).all(axis=1)]
                share = hypervolume(found, result.reference) / whole if len(found) else 0.0
                assert curve.at(np.array([float(spent)]))[0] == pytest.approx(1 - share, abs=1e-12)


def test_the_hypervolume_of_a_long_run_is_looked_at_often_enough(study, store):
    """Beyond 1,024 trials the curve may lag by 0.1 % of what was spent, and ends with the whole front."""
    del study["matrix"]
    study["simulator"] = {"name": "fake", "width": 2}
    study["agents"] = [{"name": "random", "seeds": 2}, {"name": "sobol", "seeds": 2}]
    study["budget"] = {"unique": 2000, "batch": 500}
    (cell,), (result,) = run(study, store)
    costs = costs_of_run(result, 1)
    whole = hypervolume(result.costs[np.isfinite(result.costs).all(axis=1)], result.reference)

    for spent, seen in ((1024, 1024), (1500, 1498), (2000, 2000)):
        found = costs[:seen][np.isfinite(costs[:seen]).all(axis=1)]
        least = 1 - hypervolume(found, result.reference) / whole
        assert cell.curves["random"][0].at(np.array([float(spent)]))[0] <= least + 1e-12


def test_what_a_run_spends_is_counted_in_designs_new_to_it(study, store):
    cells, _ = run(study, store)

    assert {curve.ended for cell in cells for curves in cell.curves.values() for curve in curves} == {40.0}


def test_the_default_design_has_a_regret_too(study, store):
    cells, results = run(study, store)
    baseline = [result.costs[0] for result in results]
    one, several = cells[1].scale, cells[0].scale

    assert one.default == pytest.approx((baseline[1][0] - one.best) / (one.typical - one.best))
    assert several.default == pytest.approx(1 - hypervolume(baseline[0], several.reference) / several.best)


def test_without_every_design_the_best_is_the_best_known(study, store):
    cells, _ = run(study, store)

    assert [cell.scale.exact for cell in cells] == [False, False]


def test_once_the_space_was_enumerated_the_optimum_is_exact(study, store):
    space = FakeSimulator().space
    for config in Study.of(study).configs:
        data = config.model_dump(mode="json", exclude_unset=True)
        data |= {
            "name": f"{config.name}-enumerated",
            "agents": [{"name": "grid", "options": {"order": "lexicographic"}}],
            "budget": {"unique": space.feasible_size, "batch": 256},
        }
        Campaign(data).run(store=store)

    cells, _ = run(study, store)

    rows = np.array(np.meshgrid(*[np.arange(n) for n in space.n_values])).reshape(len(space), -1).T
    legal = rows[(space.violations(rows) <= 0).all(axis=1)]
    values = FakeSimulator()._values(legal, np.array([0.5]))[:, 0, :]
    served = values[:, 3] >= 0.8
    assert [cell.scale.exact for cell in cells] == [True, True]
    assert cells[1].scale.best == pytest.approx(values[served, 1].min())
    assert cells[0].scale.best == pytest.approx(hypervolume(values[served, :2], cells[0].scale.reference))


def test_an_enumeration_of_another_problem_proves_nothing(study, store):
    data = {key: value for key, value in study.items() if key != "matrix"}
    data |= {
        "name": "louder",
        "workloads": [{"trace": "synthetic:stream?n=400&seed=1"}],
        "agents": [{"name": "grid", "options": {"order": "lexicographic"}}],
        "budget": {"unique": 500, "batch": 256},
    }
    Campaign(data).run(store=store)

    cells, _ = run(study, store)

    assert [cell.scale.exact for cell in cells] == [False, False]


def test_a_run_that_visits_every_design_proves_the_optimum_itself(study, store):
    study["agents"] = [{"name": "grid", "seeds": 2}, {"name": "random", "seeds": 2}]
    study["budget"]["unique"] = 500

    cells, _ = run(study, store)

    assert [cell.scale.exact for cell in cells] == [True, True]
    assert cells[1].scores("grid", 500).tolist() == [0.0, 0.0]


def test_without_a_feasible_design_a_run_has_the_most_regret():
    nothing = Curve(0, np.empty(0), np.empty(0), 40.0, 40)

    assert nothing.at(np.array([1.0, 40.0])).tolist() == [1.0, 1.0]
    assert nothing.arrival(0.1) == (40.0, False)


def test_a_curve_is_a_staircase_that_holds_on_after_its_end():
    curve = Curve(0, np.array([3.0, 7.0]), np.array([0.5, 0.05]), 9.0, 9)

    assert curve.at(np.array([2.0, 3.0, 6.9, 7.0, 100.0])).tolist() == [1.0, 0.5, 0.5, 0.05, 0.05]
    assert curve.arrival(0.5) == (3.0, True)
    assert curve.arrival(0.1) == (7.0, True)
    assert curve.arrival(0.01) == (9.0, False)


def test_a_campaign_that_was_interrupted_is_refused(study, store):
    Study.of(study).complete(store=store)
    plan = Plan.of(Study.of(study))
    with open_reader(store) as reader:
        number = reader.campaign(plan.cells[0].campaigns[0]).id
    from dse.store import Store

    with Store(store) as opened:
        opened.set_state(number, "interrupted")

    with open_reader(store) as reader, pytest.raises(LookupFailed, match="is interrupted: run it to its end"):
        read_cell(reader, plan.cells[0])


@pytest.mark.parametrize(("objectives", "dense"), [(2, 1024), (4, 128)])
def test_looks_rise_from_every_trial_to_the_last(objectives, dense):
    looks = list(_looks(20_000, objectives))

    steps = np.diff(looks)
    assert looks[:dense] == list(range(1, dense + 1))
    assert looks[-1] == 20_000
    # a step is one part in `dense` of what was spent, rounded to whole trials at either end
    assert (steps <= np.array(looks[:-1]) / dense + 2).all()
    assert (steps > 0).all()
