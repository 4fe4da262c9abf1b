"""What a design is worth beside the baseline."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dse.env.problem import IMPROVEMENT_LIMIT, improvement
from dse.errors import ConfigError, InfeasibleError
from tests.dse.env.problems import problem


def test_the_baseline_improves_nothing():
    asked = problem()

    outcome = asked.outcome(0, asked.baseline_row)

    assert outcome.improvement.tolist() == [0.0, 0.0]
    assert outcome.metrics is not None


def test_half_the_cost_is_worth_the_logarithm_of_two():
    found = improvement(np.array([5.0]), np.array([10.0]))

    assert found == pytest.approx([math.log(2)])


def test_twice_the_gain_is_worth_the_logarithm_of_two():
    found = improvement(np.array([-20.0]), np.array([-10.0]))

    assert found == pytest.approx([math.log(2)])


def test_more_cost_than_the_baseline_is_worth_less_than_nothing():
    assert improvement(np.array([20.0]), np.array([10.0])) == pytest.approx([-math.log(2)])


@pytest.mark.parametrize(
    ("cost", "reference", "expected"), [(0.0, 0.0, 0.0), (1.0, 0.0, -1.0), (-5.0, 10.0, 1.5)]
)
def test_a_change_of_sign_counts_relative_to_the_reference(cost, reference, expected):
    assert improvement(np.array([cost]), np.array([reference])) == pytest.approx([expected])


def test_improvement_is_bounded():
    assert improvement(np.array([1e-300]), np.array([1e300])).tolist() == [IMPROVEMENT_LIMIT]


def test_a_design_that_the_space_forbids_is_not_simulated():
    asked = problem()
    row = asked.space.encode({"mode": "unsafe"})

    outcome = asked.outcome(0, row)

    assert outcome.metrics is None
    assert not outcome.feasible
    assert outcome.violations[0] == 1.0
    assert asked.simulator.simulated == 1  # the baseline


def test_a_design_is_simulated_once():
    asked = problem()
    row = asked.space.encode({"depth": 4})

    first, second = asked.outcome(0, row), asked.outcome(0, row)

    assert asked.simulator.simulated == 2  # the baseline and the design
    assert first.improvement.tolist() == second.improvement.tolist()


def test_a_baseline_that_cannot_be_measured_is_refused():
    asked = problem(poison=[2])

    with pytest.raises(InfeasibleError, match="baseline"):
        asked.outcome(0, asked.space.encode({"depth": 4}))


def test_objectives_without_anything_to_optimise_are_refused():
    with pytest.raises(ConfigError, match="at least one metric without a bound"):
        problem(objectives=["served >= 0.5"])


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(ConfigError, match="energy_pj"):
        problem(objectives=["energi_pj"])
