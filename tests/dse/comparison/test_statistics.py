"""Each statistic against numbers worked out by hand, and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from dse.comparison.statistics import arrival, band, improvement, interval, iqm, median, profile


def rng(seed=0):
    return np.random.default_rng(seed)


def arrays(*cells):
    return [np.array(cell, dtype=float) for cell in cells]


def test_the_interquartile_mean_leaves_out_a_quarter_at_each_end():
    values = np.array([100.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -50.0])

    assert iqm(values) == (2 + 3 + 4 + 5) / 4


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 10, 11, 37])
def test_the_interquartile_mean_is_that_of_scipy(n):
    values = rng(n).lognormal(size=(3, n))

    assert iqm(values) == pytest.approx(scipy.stats.trim_mean(values, 0.25, axis=1), rel=1e-12)


def test_the_statistic_of_an_interval_is_over_all_runs_of_all_cells():
    found = interval(arrays([1, 2, 3], [10, 20, 30]), median, rng())

    assert found.value == 6.5
    assert found.low <= found.value <= found.high


def test_the_bootstrap_draws_runs_within_cells_only():
    """Cells without spread leave nothing to chance, however far apart they are."""
    found = interval(arrays([1, 1, 1, 1], [9, 9, 9, 9]), iqm, rng())

    assert found == (5.0, 5.0, 5.0)


def test_the_interval_of_one_cell_is_that_of_scipy():
    values = rng(3).normal(size=12)
    theirs = scipy.stats.bootstrap(
        (values,), np.median, n_resamples=20_000, method="percentile", rng=rng(4)
    ).confidence_interval

    ours = interval([values], median, rng(5), resamples=20_000)

    # Two sets of 20,000 resamples: their quantiles differ by less than a twentieth of the spread.
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.05 * values.std())


def test_nine_in_ten_intervals_and_more_hold_the_truth():
    """Percentile intervals of a median of 20 runs: nominally 95 %, in truth a little less."""
    draws = rng(6)
    held = 0
    for seed in range(300):
        found = interval([draws.normal(size=20)], median, rng(seed), resamples=400)
        held += found.low <= 0.0 <= found.high

    # 300 draws at 93 to 95 %: a standard deviation is 1.4 %, so three of them lie within 0.89 and 0.99.
    assert 0.89 <= held / 300 <= 0.99


def test_the_same_seed_gives_the_same_interval():
    cells = [rng(1).normal(size=9), rng(2).normal(size=7)]

    assert interval(cells, iqm, rng(1)) == interval(cells, iqm, rng(1))
    assert interval(cells, iqm, rng(1)) != interval(cells, iqm, rng(2))


def test_large_cells_are_resampled_in_parts_to_the_same_number():
    cells = [rng(1).normal(size=3000)]

    found = interval(cells, median, rng(2), resamples=1001)

    # 1.25 standard errors of a median of 3,000 normal values are 0.023; an interval is four of them wide.
    assert 0.05 < found.high - found.low < 0.15


def test_a_band_is_an_interval_at_every_point():
    curves = np.array([[3.0, 2.0, 1.0], [3.0, 1.0, 1.0], [3.0, 0.0, 1.0]])

    value, low, high = band([curves], median, rng())

    assert value.tolist() == [3.0, 1.0, 1.0]
    assert low.tolist() == [3.0, 0.0, 1.0]
    assert high.tolist() == [3.0, 2.0, 1.0]


def test_a_profile_is_the_share_of_runs_within_tau():
    cells = arrays([0.0, 0.1, 0.2], [0.2, 0.4])

    share, low, high = profile(cells, np.array([0.0, 0.1, 0.2, 0.5]), rng())

    assert share.tolist() == [0.2, 0.4, 0.8, 1.0]
    assert (low <= share).all()
    assert (share <= high).all()


def test_improvement_counts_pairs_and_halves_ties():
    found = improvement(arrays([1, 2]), arrays([2, 3]), rng())

    assert found.value == (1 + 1 + 0.5 + 1) / 4


def test_improvement_is_mann_and_whitneys_u_over_the_pairs():
    ours, theirs = rng(1).integers(0, 5, 9).astype(float), rng(2).integers(0, 5, 13).astype(float)
    u = scipy.stats.mannwhitneyu(theirs, ours).statistic

    found = improvement([ours], [theirs], rng())

    assert found.value == pytest.approx(u / (9 * 13), rel=1e-12)


def test_improvement_is_the_mean_over_cells_whatever_their_runs():
    found = improvement(arrays([0, 0, 0, 0], [1, 1]), arrays([1], [0, 0, 0]), rng())

    assert found == (0.5, 0.5, 0.5)


def test_the_interval_of_an_improvement_is_as_wide_as_that_of_resampled_runs():
    ours, theirs = rng(1).normal(size=8), rng(2).normal(0.5, size=6)
    draws = rng(7)
    again = [(draws.choice(ours, 8)[:, None] < draws.choice(theirs, 6)).mean() for _ in range(4000)]

    found = improvement([ours], [theirs], rng(8), resamples=4000)

    # The quantiles of two sets of 4,000 resamples; the statistic moves in steps of 1/48.
    assert (found.low, found.high) == pytest.approx(np.percentile(again, [2.5, 97.5]), abs=1.5 / 48)


def test_arrival_without_censoring_is_the_median_and_the_mean():
    found = arrival(np.array([10.0, 20.0, 30.0, 100.0]), np.ones(4, dtype=bool))

    assert found == (4, 0, 20.0, 40.0)


def test_arrival_with_censored_runs_by_hand():
    """At 10 one of 5 arrives (4/5 left), at 20 one ends, at 30 one of 3 arrives (8/15), at 40 one of 2."""
    spent = np.array([10.0, 20.0, 30.0, 40.0, 50.0])
    reached = np.array([True, False, True, True, False])

    found = arrival(spent, reached)

    assert found == (3, 2, 40.0, 50.0)


def test_fewer_than_half_arriving_has_no_median_but_an_expected_cost():
    found = arrival(np.array([10.0, 100.0, 100.0]), np.array([True, False, False]))

    assert found == (1, 2, None, 210.0)


def test_nobody_arriving_has_neither():
    assert arrival(np.array([5.0, 5.0]), np.zeros(2, dtype=bool)) == (0, 2, None, None)


@pytest.mark.parametrize("seed", range(20))
def test_the_median_arrival_is_that_of_scipys_survival_function(seed):
    draws = rng(seed)
    spent = draws.integers(1, 12, 15).astype(float)
    reached = draws.random(15) < 0.7
    data = scipy.stats.CensoredData.right_censored(spent, ~reached)
    survival = scipy.stats.ecdf(data).sf
    below = survival.quantiles[survival.probabilities <= 0.5 + 1e-12]

    found = arrival(spent, reached)

    assert found.median == (below[0] if len(below) else None)
