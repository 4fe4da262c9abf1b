"""Percentiles and intervals are those of the textbook."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from simulators.dram.measure import _half_width, _percentile


@pytest.mark.parametrize("quantile", [0.5, 0.95, 0.99])
def test_a_percentile_is_the_nearest_rank(quantile):
    latencies = np.random.default_rng(1).integers(20, 400, size=1001)
    cumulative = np.cumsum(np.bincount(latencies, minlength=500))

    found = _percentile(cumulative, np.arange(500), quantile, len(latencies))

    assert found == np.percentile(latencies, 100 * quantile, method="inverted_cdf")


def test_no_latencies_have_no_percentile():
    assert _percentile(np.zeros(10, dtype=np.int64), np.arange(10), 0.5, 0) == 0.0


def test_the_interval_is_students_over_batch_means():
    sums, counts = np.array([100, 120, 90, 0]), np.array([10, 10, 10, 0])

    half_width = _half_width(sums, counts)

    means = np.array([10.0, 12.0, 9.0])
    low, high = stats.t.interval(0.95, 2, loc=means.mean(), scale=stats.sem(means))
    assert half_width == pytest.approx((high - low) / 2)
