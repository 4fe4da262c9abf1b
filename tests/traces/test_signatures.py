"""What intervals of a stream look like."""

from __future__ import annotations

import numpy as np
import pytest

from traces import Trace, Workload
from traces.signatures import signatures


def look(address, is_write=0, arrival=None, *, intervals=2, seed=0):
    """Signatures of a trace of 64-byte lines in equal intervals; one request a nanosecond unless told."""
    n = len(address)
    trace = Trace(
        arrival_cycle=np.arange(n) if arrival is None else arrival,
        address=np.asarray(address, dtype=np.uint64),
        is_write=np.broadcast_to(is_write, n),
        clock_ns=1.0,
    )
    edges = np.arange(intervals + 1) * n // intervals
    return signatures(Workload.of(trace).merged(1_000_000), edges, seed)


def distance(found, a, b):
    return float(np.linalg.norm(found.rows[a] - found.rows[b]))


def test_rate_writes_regions_and_start_are_those_of_the_interval():
    far = 64 * np.arange(8)
    near = 8192 * np.arange(8)
    arrival = [0, 1, 2, 3, 4, 5, 6, 7, 8, 18, 28, 38, 48, 58, 68, 72]

    found = look(np.concatenate([far, near]), [0] * 8 + [1, 0] * 4, arrival)

    assert found.start_ns.tolist() == [0.0, 8.0]
    assert found.requests_per_us.tolist() == [1000.0, 1000 * 7 / 64]  # the last has seven gaps in 64 ns
    assert found.write_share.tolist() == [0.0, 0.5]
    assert found.regions.tolist() == [1, 8]


def test_a_region_is_local_if_one_of_the_eight_requests_before_went_there():
    eight_streams = np.tile(8192 * np.arange(8), 8)
    nine_streams = np.tile(8192 * np.arange(9), 8)

    assert look(eight_streams, intervals=1).row_locality[0] == 56 / 64
    assert look(nine_streams, intervals=1).row_locality[0] == 0.0


@pytest.mark.parametrize("what", ["addresses", "writes", "rate", "locality", "bursts", "turns"])
def test_intervals_that_differ_in_one_respect_are_further_apart_than_equal_ones(what):
    """Intervals 0 and 1 are alike, 2 is not."""
    address = np.tile(64 * np.arange(200), 3)
    is_write = np.tile([0, 0, 1, 1], 150)
    gap = np.full(600, 10)
    changed = slice(400, 600)
    if what == "addresses":
        address[changed] += 1 << 30
    elif what == "writes":
        is_write[changed] = 1
    elif what == "rate":
        gap[changed] = 20
    elif what == "locality":
        address[changed] *= 128
    elif what == "bursts":
        gap[changed] = np.tile([0, 20], 100)
    else:
        is_write[changed] = np.tile([0, 1], 100)

    found = look(address, is_write, np.cumsum(gap), intervals=3)

    assert distance(found, 0, 2) > 4 * distance(found, 0, 1)


def test_what_differs_by_less_than_five_points_is_not_stretched():
    rng = np.random.default_rng(1)
    address = 64 * rng.integers(0, 1 << 20, 40_000)
    found = look(address, rng.random(40_000) < 0.5, intervals=8)

    behaviour = found.rows[:, 16:]

    assert np.linalg.norm(behaviour, axis=1).max() < 0.5


def test_the_seed_draws_another_projection_and_the_same_one_again():
    address = 8192 * np.arange(100)

    rows = look(address, seed=1).rows

    assert np.array_equal(rows, look(address, seed=1).rows)
    assert not np.array_equal(rows, look(address, seed=2).rows)


def test_requests_that_all_arrive_at_once_have_finite_signatures():
    found = look(64 * np.arange(50), arrival=np.zeros(50, dtype=np.int64), intervals=5)

    assert np.isfinite(found.rows).all()
    assert np.isfinite(found.requests_per_us).all()


def test_an_interval_of_one_request_has_a_signature():
    found = look([0, 64, 128], intervals=3)

    assert np.isfinite(found.rows).all()
