"""Bandwidth and latency over time are those of the requests that finish in each bin."""

from __future__ import annotations

import numpy as np
import pytest

from dse.over_time import MOST_BINS, over_time


def measured(finish_ns, latency_ns, is_read=None, bins=None):
    finish, latency = np.array(finish_ns, dtype=float), np.array(latency_ns, dtype=float)
    reads = np.ones(len(finish), dtype=bool) if is_read is None else np.array(is_read)
    return over_time("mine", finish, latency, reads, 64.0, 19.2, bins)


def test_bandwidth_is_bytes_over_the_width_of_the_bin():
    found = measured([10, 20, 30, 100], [1, 1, 1, 1], bins=2)

    assert found.width_ns == 50.0
    assert found.time_ns.tolist() == [25.0, 75.0]
    assert found.bandwidth_gbps.tolist() == pytest.approx([3 * 64 / 50, 64 / 50])


def test_bandwidth_over_all_bins_is_all_bytes():
    rng = np.random.default_rng(1)
    finish = rng.integers(1, 100_000, 5_000)

    found = measured(finish, np.ones(5_000))

    assert (found.bandwidth_gbps * found.width_ns).sum() == pytest.approx(64 * 5_000)


def test_latency_is_that_of_the_reads_that_finish_in_the_bin():
    found = measured([10, 20, 30, 99, 100], [8, 4, 100, 7, 9], [True, True, False, True, True], bins=2)

    assert found.read_latency_mean_ns.tolist() == [6.0, 8.0]


def test_the_tail_is_the_nearest_rank():
    latency = np.random.default_rng(2).integers(20, 400, 1000)

    found = measured(np.full(1000, 50), latency, bins=1)

    assert found.read_latency_p95_ns[0] == np.percentile(latency, 95, method="inverted_cdf")


def test_a_bin_without_reads_has_no_latency():
    found = measured([10, 90, 100], [5, 5, 5], [True, False, False], bins=2)

    assert np.isnan(found.read_latency_mean_ns).tolist() == [False, True]
    assert np.isnan(found.read_latency_p95_ns).tolist() == [False, True]


@pytest.mark.parametrize(("requests", "bins"), [(1, 1), (80, 10), (1_000_000, MOST_BINS)])
def test_there_are_as_many_bins_as_requests_can_fill(requests, bins):
    found = measured(np.arange(1, requests + 1), np.ones(requests))

    assert len(found.time_ns) == bins
