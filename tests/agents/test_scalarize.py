from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.search.scalarize import (
    chebyshev,
    constrained_score,
    failed,
    preference_weights,
    total_violation,
)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_a_dominating_design_never_scores_worse(seed, n_objectives):
    rng = np.random.default_rng(seed)
    worse = rng.random((1, n_objectives))
    better = worse - rng.random((1, n_objectives))
    weights = preference_weights(1, n_objectives, rng)

    assert chebyshev(better, weights) < chebyshev(worse, weights)


def test_the_chebyshev_norm_reaches_a_concave_part_of_a_front():
    costs = np.array([[0.0, 1.0], [0.6, 0.6], [1.0, 0.0]])

    best = np.argmin(chebyshev(costs, np.array([0.5, 0.5])))

    assert best == 1


def test_feasible_comes_before_infeasible_and_failed_comes_last():
    scalar = np.array([50.0, -10.0, -10.0, np.nan])
    violation = np.array([0.0, 0.01, 2.0, np.inf])

    order = np.argsort(constrained_score(scalar, violation))

    assert order.tolist() == [0, 1, 2, 3]


def test_a_violated_design_without_costs_is_ranked_by_its_violation():
    score = constrained_score(np.array([np.nan, np.nan]), np.array([1.0, 2.0]))

    assert np.isfinite(score).all()
    assert score[0] < score[1]


def test_slack_does_not_offset_a_violation():
    violations = np.array([[-5.0, 0.2], [0.0, 0.0], [np.nan, -1.0]])

    assert total_violation(violations).tolist() == [0.2, 0.0, np.inf]


def test_any_cost_that_is_not_finite_is_a_failure():
    assert failed(np.array([[1.0, 2.0], [np.nan, 1.0], [np.inf, 1.0]])).tolist() == [False, True, True]


def test_preferences_lie_on_the_simplex():
    weights = preference_weights(100, 3, np.random.default_rng(0))

    assert np.allclose(weights.sum(axis=1), 1.0)
    assert (weights >= 0).all()
