"""The engine gives the twin's commands in the twin's cycles, and counts what the twin counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ext.dram_engine import COMMANDS, bin_upper_bounds, coarse_bin_upper_bounds, latency_bins
from tests.ext.dram_cases import (
    Case,
    RequestArrays,
    device_config,
    first_difference,
    open_engine,
    plain_case,
    random_case,
)

ROTATING_CASES = 400
BLOCK = 20


@pytest.mark.parametrize("make", [random_case, plain_case])
@pytest.mark.parametrize("start", [0, 20, pytest.param(40, marks=pytest.mark.slow)])
def test_engine_equals_the_twin_on_random_controllers_and_traces(start, make):
    cases = range(start, start + BLOCK)

    differences = {number: first_difference(make(number)) for number in cases}

    assert not {number: text for number, text in differences.items() if text}


@given(number=st.integers(100_000, 1 << 40), n_requests=st.integers(1, 60))
@settings(max_examples=15, deadline=None)
def test_engine_equals_the_twin_on_any_case(number, n_requests):
    assert first_difference(random_case(number, n_requests)) is None


@pytest.mark.slow
@pytest.mark.parametrize("make", [random_case, plain_case])
@pytest.mark.parametrize("block", range(ROTATING_CASES // BLOCK // 10))
def test_engine_equals_the_twin_on_other_cases_every_day(block, make):
    first = ROTATING_CASES * date.today().toordinal() + 10 * BLOCK * block
    cases = range(first, first + 10 * BLOCK)

    differences = {number: first_difference(make(number, n_requests=250)) for number in cases}

    assert not {number: text for number, text in differences.items() if text}


def test_activations_count_for_a_threshold_that_is_set_later():
    """Found by the cases of a day: the engine's Graphene did not count while its threshold was 0."""
    assert first_difference(random_case(739_943_674, n_requests=250)) is None


@pytest.mark.parametrize("number", [3149, 3178, 7337])
def test_a_request_that_is_not_accepted_yet_when_the_arbiter_changes_counts_from_its_acceptance(number):
    """Found by 10,000 cases: the loop for a lone source counted all that had been offered."""
    assert first_difference(plain_case(number)) is None


@pytest.mark.parametrize("number", range(20))
def test_latency_statistics_are_those_of_the_recorded_cycles(number):
    case = random_case(number)
    engine = open_engine(case)
    writes = case.requests.is_write.astype(bool)
    measured = np.arange(len(case.requests)) >= case.warmup

    engine.advance()

    latencies = [
        (engine.finish_cycles - begin)[measured & (writes == direction)]
        for begin in (case.requests.arrival, engine.accept_cycles)
        for direction in (False, True)
    ]
    n_bins = len(bin_upper_bounds())
    expected = [np.bincount(latency_bins(values), minlength=n_bins) for values in latencies]
    np.testing.assert_array_equal(engine.histograms(), expected)
    assert engine.latency_sums().tolist() == [int(values.sum()) for values in latencies]
    assert engine.latency_maxima().tolist() == [int(values.max(initial=0)) for values in latencies]


@pytest.mark.parametrize("number", range(20))
def test_coarse_histograms_and_timeline_are_those_of_the_recorded_cycles(number):
    case = random_case(number)
    engine = open_engine(case)
    series, source = case.requests.is_write, case.requests.source
    measured = np.arange(len(case.requests)) >= case.warmup

    engine.advance()

    latency = engine.finish_cycles - case.requests.arrival
    bins = np.searchsorted(coarse_bin_upper_bounds(), latency)
    histograms = np.zeros_like(engine.source_histograms())
    np.add.at(histograms, (source[measured], series[measured], bins[measured]), 1)
    np.testing.assert_array_equal(engine.source_histograms(), histograms)
    timeline = engine.timeline()
    place = engine.finish_cycles // timeline["interval_cycles"]
    requests, sums = np.zeros_like(timeline["requests"]), np.zeros_like(timeline["requests"])
    np.add.at(requests, (series, place), 1)
    np.add.at(sums, (series, place), latency)
    np.testing.assert_array_equal(timeline["requests"], requests)
    np.testing.assert_array_equal(timeline["latency_sums"], sums)
    assert requests.shape[1] <= 512


@pytest.mark.parametrize("number", range(20))
def test_bank_counts_are_those_of_the_log(number):
    case = random_case(number)
    engine = open_engine(case)

    engine.advance()

    counts, counters = engine.bank_counts(), engine.counters()
    log = engine.command_log()
    name = np.array(COMMANDS)[log["command"]]
    for k, names in enumerate((("ACT",), ("PRE",), ("RD", "RDA"), ("WR", "WRA"))):
        chosen = np.isin(name, names)
        expected = np.zeros(counts.shape[:2], dtype=np.int64)
        np.add.at(expected, (log["channel"][chosen], log["bank"][chosen]), 1)
        np.testing.assert_array_equal(counts[:, :, k], expected)
    assert counts[:, :, 4].sum() == counters["row_conflicts"]


@pytest.mark.parametrize("number", range(40))
def test_every_cycle_of_a_channel_is_put_down_to_one_cause(number):
    case = random_case(number)
    engine = open_engine(case)

    engine.advance()

    counters = engine.counters()
    lost = sum(value for name, value in counters.items() if name.startswith("stall_"))
    assert lost == counters["elapsed_cycles"] * case.config.n_channels


@pytest.mark.parametrize("number", range(20))
def test_batches_divide_the_measured_reads_in_the_order_of_completion(number):
    case = random_case(number)
    engine = open_engine(case)
    reads = (case.requests.is_write == 0) & (np.arange(len(case.requests)) >= case.warmup)

    engine.advance()

    # Deliveries of one cycle go to different sources, in the order of their numbers.
    order = np.lexsort((case.requests.source[reads], engine.finish_cycles[reads]))
    latencies = (engine.finish_cycles - case.requests.arrival)[reads][order]
    edges = np.arange(33) * len(latencies) // 32
    batches = [latencies[low:high] for low, high in pairwise(edges)]
    assert engine.batch_counts().tolist() == [len(batch) for batch in batches]
    assert engine.batch_sums().tolist() == [int(batch.sum()) for batch in batches]


@pytest.mark.parametrize("arbiter", [0, 1, 2])
def test_a_starved_request_fills_the_reorder_buffer_and_then_is_served(arbiter):
    n, starved = 4800, 300
    rows = np.where(np.arange(n) == starved, 2, 1)
    columns = RequestArrays.from_columns(
        0 * rows, 0 * rows, 0 * rows, rows, np.arange(n) % 128, 0 * rows, 0 * rows
    )
    memory = device_config("ddr4-2400-8gb-x8")
    config = replace(memory, scheduler_buffer=2, refresh_policy=0, arbiter=arbiter)
    case = Case(config, columns, warmup=0)
    engine = open_engine(case)

    engine.advance()

    overtaken_by = int((engine.finish_cycles[starved + 1 :] < engine.finish_cycles[starved]).sum())
    # Arbiter Reorder keeps what overtook until its source may have it, in the order of the source.
    assert overtaken_by == (0 if arbiter == 2 else 4095)
    assert first_difference(case) is None
