"""Percentiles and intervals are those of the textbook."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from simulators.dram.measure import _half_width, _percentiles


@pytest.mark.parametrize("sizes", [(1001, 1, 2, 100), (1, 20, 19, 1000)])
def test_percentiles_are_the_nearest_rank_of_each_histogram(sizes):
    rng = np.random.default_rng(1)
    latencies = [rng.integers(0, 400, size=size) for size in sizes]
    histograms = np.array([np.bincount(one, minlength=500) for one in latencies])

    totals, found = _percentiles(histograms, 3 * np.arange(500) + 1)

    wanted = [np.percentile(3 * one + 1, [50, 95, 99], method="inverted_cdf").tolist() for one in latencies]
    assert totals == list(sizes)
    assert found == wanted


def test_no_latencies_have_no_percentile():
    histograms = np.array([[0, 0, 0], [0, 2, 0], [0, 0, 0]])

    totals, found = _percentiles(histograms, np.arange(3))

    assert totals == [0, 2, 0]
    assert found == [[0, 0, 0], [1, 1, 1], [0, 0, 0]]


def test_the_interval_is_students_over_batch_means():
    sums, counts = np.array([100, 120, 90, 0]), np.array([10, 10, 10, 0])

    half_width = _half_width(sums, counts)

    means = np.array([10.0, 12.0, 9.0])
    low, high = stats.t.interval(0.95, 2, loc=means.mean(), scale=stats.sem(means))
    assert half_width == pytest.approx((high - low) / 2)
