"""What a design is worth beside the baseline."""

from __future__ import annotations

import math

import pytest

from dse.env.scores import IMPROVEMENT_LIMIT, improvement
from dse.errors import ConfigError, InfeasibleError
from tests.dse.env.problems import problem


def test_the_baseline_improves_nothing():
    asked = problem()

    outcome = asked.outcomes([0], asked.baseline_row[None])

    assert outcome.improvement.tolist() == [[0.0, 0.0]]
    assert outcome.metrics[0] is not None


def test_half_the_cost_is_worth_the_logarithm_of_two():
    found = improvement(5.0, 10.0)

    assert found == pytest.approx(math.log(2))


def test_twice_the_gain_is_worth_the_logarithm_of_two():
    found = improvement(-20.0, -10.0)

    assert found == pytest.approx(math.log(2))


def test_more_cost_than_the_baseline_is_worth_less_than_nothing():
    assert improvement(20.0, 10.0) == pytest.approx(-math.log(2))


@pytest.mark.parametrize(
    ("cost", "reference", "expected"), [(0.0, 0.0, 0.0), (1.0, 0.0, -1.0), (-5.0, 10.0, 1.5)]
)
def test_a_change_of_sign_counts_relative_to_the_reference(cost, reference, expected):
    assert improvement(cost, reference) == pytest.approx(expected)


def test_improvement_is_bounded():
    assert improvement(1e-300, 1e300) == IMPROVEMENT_LIMIT


def test_a_design_that_the_space_forbids_is_not_simulated():
    asked = problem()
    row = asked.space.encode({"mode": "unsafe"})

    outcome = asked.outcomes([0], row[None])

    assert outcome.metrics == [None]
    assert not outcome.feasible[0]
    assert outcome.violations[0, 0] == 1.0
    assert asked.simulator.simulated == 1  # the baseline


def test_a_design_is_simulated_once():
    asked = problem()
    row = asked.space.encode({"depth": 4})

    first, second = asked.outcomes([0], row[None]), asked.outcomes([0], row[None])

    assert asked.simulator.simulated == 2  # the baseline and the design
    assert first.improvement.tolist() == second.improvement.tolist()


def test_a_baseline_that_cannot_be_measured_is_refused():
    asked = problem(poison=[2])

    with pytest.raises(InfeasibleError, match="baseline"):
        asked.outcomes([0], asked.space.encode({"depth": 4})[None])


def test_objectives_without_anything_to_optimise_are_refused():
    with pytest.raises(ConfigError, match="at least one metric without a bound"):
        problem(objectives=["served >= 0.5"])


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(ConfigError, match="energy_pj"):
        problem(objectives=["energi_pj"])
