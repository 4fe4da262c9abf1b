"""One row at a time gives what whole batches give, and scores are those of campaigns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dse
from dse.campaign.scoring import Scorer
from dse.env.problem import DesignProblem
from dse.env.scores import Scorer as RowScorer
from dse.env.scores import limits_of, missed
from dse.metrics import MetricSchema, MetricSpec
from dse.objective import Objective
from dse.space import Constraint
from dse.testing.toys import toy_space
from tests.dse.env.problems import problem

NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, np.nan, np.inf]), st.floats(-1e6, 1e6, allow_subnormal=False)
)
SCHEMA = MetricSchema([MetricSpec(name, "", "min") for name in "abcd"])
AIMS = (Objective("a", "min"), Objective("b", "max"))


def _spaces():
    for simulator, name in (("dram", "dram"), ("dram", "dramgym"), ("soc", "soc-small"), ("soc", "soc")):
        yield name, dse.make_simulator(simulator, space=name).space
    yield "toy", toy_space().with_constraints([Constraint("sum", requires="p4 + p5 <= 7")])


@pytest.mark.parametrize(("name", "space"), list(_spaces()))
def test_rules_of_a_row_are_those_of_the_space(name, space):
    rules = space.row_rules
    rows = np.random.default_rng(1).integers(0, space.n_values, size=(300, len(space))).astype(np.int16)

    canonical = np.stack([rules.canonical(row) for row in rows])

    violations = np.array([rules.violations(row) for row in canonical]).reshape(len(rows), -1)
    assert np.array_equal(violations, space.violations(space.canonical(rows)))
    assert canonical.dtype == np.int16
    assert np.array_equal(canonical, space.canonical(rows))


BOUNDS = st.tuples(st.one_of(st.none(), st.floats(-100, 0)), st.one_of(st.none(), st.floats(1, 100)))
VALUES = st.lists(NUMBERS, min_size=4, max_size=4)


def _campaign(metrics, bounds):
    """The scores of a campaign, of one design that no rule of its space forbids."""
    space = toy_space()
    return Scorer(space, SCHEMA, AIMS, bounds).score(space.encode({"p0": 1})[None], metrics[None])


@given(values=VALUES, ends=BOUNDS)
def test_a_design_is_scored_as_in_a_campaign(values, ends):
    bounds = (Objective("c", "min", at_most=ends[1], at_least=ends[0]), Objective("d", "max", at_least=0.0))
    metrics = np.array(values)
    batch = _campaign(metrics, bounds)

    costs, misses = RowScorer(SCHEMA, AIMS, bounds).scored(values)

    assert misses == batch.violations[0, len(toy_space().constraints) :].tolist()
    found = [np.nan] * len(AIMS) if costs is None else costs
    assert np.array_equal(found, batch.costs[0], equal_nan=True)


@given(values=VALUES, ends=BOUNDS)
def test_bounds_of_many_episodes_are_judged_as_in_a_campaign(values, ends):
    bounds = (Objective("c", "min", at_most=ends[1], at_least=ends[0]), Objective("d", "max", at_least=0.0))
    metrics = np.nan_to_num(np.array(values), posinf=7.0)

    found = missed(metrics[None, 2:], limits_of(bounds))

    wanted = _campaign(metrics, bounds).violations[0, len(toy_space().constraints) :]
    assert found[0].tolist() == wanted.tolist()


@pytest.mark.parametrize("poison", [(), (3, 5)])
def test_outcomes_are_the_scores_of_a_campaign(poison):
    asked: DesignProblem = problem(poison=poison)
    rows = asked.space.sample(40, np.random.default_rng(2))
    metrics = asked.simulator.run_batch(rows, asked.workloads).values[:, 0]
    metrics[asked.space.violations(rows).any(axis=1)] = np.nan
    batch = Scorer(asked.space, asked.schema, asked.objectives, asked.bounds).score(rows, metrics)

    outcomes = asked.outcomes([0] * len(rows), rows)

    assert np.array_equal(outcomes.feasible, batch.feasible)
    assert np.array_equal(outcomes.violations, batch.violations)
    assert [one is None for one in outcomes.metrics] == np.isnan(batch.costs[:, 0]).tolist()


def test_what_is_not_known_is_simulated_in_one_batch_a_workload_and_each_design_once():
    asked = problem(n_workloads=2)
    calls = []
    run_batch = asked.simulator.run_batch
    asked.simulator.run_batch = lambda rows, *rest: calls.append(len(rows)) or run_batch(rows, *rest)
    rows = np.stack([asked.space.encode({"depth": depth}) for depth in (3, 4, 3, 5, 4)])

    asked.outcomes([0, 0, 0, 0, 1], rows)
    asked.outcomes([0, 0, 0, 0, 1], rows)

    assert calls == [1, 3, 1, 1]  # the baseline and three designs, then both on the other workload
    assert asked.simulations == 6


def test_what_is_forgotten_is_simulated_again_but_for_baselines(monkeypatch):
    monkeypatch.setattr("dse.env.problem._REMEMBERED", 2)
    asked = problem()
    rows = np.stack([asked.space.encode({"depth": depth}) for depth in (3, 4, 5)])
    first = asked.outcomes([0] * 3, rows)

    again = asked.outcomes([0] * 3, rows)

    assert asked.simulations == 7
    assert np.array_equal(first.improvement, again.improvement)
