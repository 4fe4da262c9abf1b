"""Statistics on traces small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from traces import Trace, TraceError, describe, synthetic
from traces.stats import bank_spread


def trace(address, arrival=None, clock_ns=1.0, **columns):
    arrival = np.arange(len(address)) if arrival is None else arrival
    return Trace(
        arrival_cycle=arrival,
        address=address,
        is_write=columns.pop("is_write", 0),
        clock_ns=clock_ns,
        **columns,
    )


def test_load_is_bytes_over_the_time_from_first_to_last_arrival():
    stats = describe(trace([0, 64, 128, 192], arrival=[0, 10, 20, 32]))

    assert stats.duration_us == 0.032
    assert stats.offered_gbps == 256 / 32
    assert stats.intensity_requests_per_us == 125


def test_requests_that_arrive_at_once_still_have_a_finite_load():
    assert describe(trace([0, 64], arrival=[5, 5], clock_ns=2.0)).offered_gbps == 64


def test_reads_writes_and_reuse_are_counted():
    stats = describe(trace([0, 64, 0, 32], is_write=[0, 0, 1, 0]))

    assert (stats.reads, stats.writes, stats.read_share) == (3, 1, 0.75)
    assert (stats.distinct_lines, stats.footprint_bytes, stats.reuse_share) == (2, 128, 0.5)


def test_locality_compares_each_request_with_the_one_before():
    stats = describe(trace([0, 64, 1024, 8192, 8256]))

    assert stats.next_line_share == 0.5
    assert stats.same_row_1kib_share == 0.5
    assert stats.same_row_2kib_share == 0.75
    assert stats.same_row_8kib_share == 0.75


def test_the_busiest_microsecond_counts():
    arrival = np.concatenate([np.arange(0, 1000, 100), np.arange(1000, 2000, 10), [5000]])

    stats = describe(trace(64 * np.arange(len(arrival)), arrival=arrival))

    assert stats.peak_offered_gbps == 100 * 64 / 1000


def test_even_arrivals_have_no_variation_and_poisson_ones_have_one():
    gaps = np.rint(np.random.default_rng(1).exponential(1000, 20_000)).astype(int)

    assert describe(synthetic.stream(1000)).interarrival_variation == 0
    poisson = trace(64 * np.arange(20_000), arrival=np.cumsum(gaps))
    assert describe(poisson).interarrival_variation == pytest.approx(1, abs=0.03)  # 4 standard errors


def test_a_single_request_has_statistics():
    assert describe(trace([0])).requests == 1


def test_every_number_in_the_dictionary_has_a_unit_or_is_a_share_or_a_count():
    counts = {"requests", "reads", "writes", "sources", "distinct_lines", "requests_per_line"}
    endings = ("_us", "_ns", "_bytes", "_share", "_gbps", "_per_us", "_variation")

    assert all(name in counts or name.endswith(endings) for name in describe(trace([0])).to_dict())


def test_an_even_spread_over_banks_has_evenness_one():
    spread = bank_spread(np.arange(8) % 4, np.zeros(8, int), banks=4, offered_gbps=5, peak_gbps=20)

    assert (spread.bank_evenness, spread.banks_used, spread.busiest_bank_share) == (1.0, 4, 0.25)
    assert spread.offered_load == 0.25


def test_one_bank_has_evenness_zero():
    spread = bank_spread(np.zeros(8, int), np.arange(8), banks=4, offered_gbps=5, peak_gbps=20)

    assert (spread.bank_evenness, spread.banks_used, spread.row_hit_share) == (0.0, 1, 0.0)


def test_a_row_stays_open_while_other_banks_are_used():
    bank, row = np.array([0, 1, 0, 1, 0]), np.array([7, 3, 7, 4, 7])

    assert bank_spread(bank, row, banks=2, offered_gbps=1, peak_gbps=1).row_hit_share == 2 / 5


@pytest.mark.parametrize(
    ("bank", "row"), [([0, 1], [0]), ([], []), ([0, 4], [0, 0]), ([-1, 0], [0, 0])], ids=str
)
def test_decoded_arrays_that_do_not_fit_are_refused(bank, row):
    with pytest.raises(TraceError):
        bank_spread(np.array(bank, int), np.array(row, int), banks=4, offered_gbps=1, peak_gbps=1)
