from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dse.front import HypervolumeTrace, adrs, hypervolume, knee, non_dominated

COSTS = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 30), st.just(2)), elements=st.integers(0, 8).map(float)
)


def brute_force(costs):
    kept = []
    for i, row in enumerate(costs):
        better = (costs <= row).all(axis=1) & (costs < row).any(axis=1)
        twin = (costs[:i] == row).all(axis=1)
        kept.append(not better.any() and not twin.any())
    return np.array(kept)


@given(COSTS)
@settings(deadline=None)
def test_the_front_is_what_nothing_dominates(costs):
    assert np.array_equal(non_dominated(costs), brute_force(costs))


@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 30), st.integers(1, 6)),
        elements=st.sampled_from([-np.inf, np.inf, 0.0, 1.0, 2.0]),
    )
)
@settings(deadline=None)
def test_infinities_are_compared_as_numbers(costs):
    assert np.array_equal(non_dominated(costs), brute_force(costs))


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
def test_a_cost_without_bound_dominates_without_bound(m):
    costs = np.zeros((2, m))
    costs[0, 0] = -np.inf

    assert hypervolume(costs, np.ones(m)) == np.inf


@given(COSTS)
@settings(deadline=None)
def test_the_hypervolume_is_the_area_of_dominated_cells(costs):
    cells = np.array([[x, y] for x in range(9) for y in range(9)])
    dominated = [(costs <= cell).all(axis=1).any() for cell in cells]

    assert hypervolume(costs, [9, 9]) == pytest.approx(sum(dominated))


@given(st.lists(COSTS, min_size=1, max_size=4))
@settings(deadline=None)
def test_adding_batches_gives_the_hypervolume_of_all(batches):
    trace = HypervolumeTrace([9, 9])

    values = [trace.add(batch) for batch in batches]

    assert values == sorted(values)
    assert values[-1] == pytest.approx(hypervolume(np.concatenate(batches), [9, 9]))


def test_failed_designs_are_never_on_the_front():
    assert non_dominated([[np.nan, 0.0], [1.0, 1.0]]).tolist() == [False, True]


def test_the_knee_is_the_bend():
    assert knee([[0, 10], [1, 1], [10, 0]]) == 1


def test_the_distance_to_a_reached_reference_front_is_zero():
    assert adrs([[1, 2], [2, 1], [5, 5]], [[1, 2], [2, 1]]) == 0


def test_the_distance_is_the_mean_relative_excess():
    assert adrs([[2.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]]) == pytest.approx(1.0)
