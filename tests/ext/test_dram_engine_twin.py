"""The engine gives the twin's commands in the twin's cycles, and counts what the twin counts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ext.dram_engine import bin_upper_bounds, latency_bins
from simulators.dram.config import ControllerConfig
from tests.ext.dram_cases import (
    Case,
    RequestArrays,
    device_timings,
    first_difference,
    open_engine,
    random_case,
)

QUICK_CASES = 300
SLOW_CASES = 4000
BLOCK = 50


@pytest.mark.parametrize("start", range(0, QUICK_CASES, BLOCK))
def test_engine_equals_the_twin_on_random_controllers_and_traces(start):
    cases = range(start, start + BLOCK)

    differences = {number: first_difference(random_case(number)) for number in cases}

    assert not {number: text for number, text in differences.items() if text}


@pytest.mark.slow
@pytest.mark.parametrize("start", range(QUICK_CASES, QUICK_CASES + SLOW_CASES, 4 * BLOCK))
def test_engine_equals_the_twin_on_thousands_of_longer_traces(start):
    cases = range(start, start + 4 * BLOCK)

    differences = {number: first_difference(random_case(number, n_requests=250)) for number in cases}

    assert not {number: text for number, text in differences.items() if text}


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
    columns = RequestArrays.from_columns(0 * rows, 0 * rows, rows, np.arange(n) % 128, 0 * rows, 0 * rows)
    timings = device_timings("ddr4-2400-8gb-x8")
    config = ControllerConfig(**timings, scheduler_buffer=2, refresh_policy=0, arbiter=arbiter)
    case = Case(config, columns, warmup=0)
    engine = open_engine(case)

    engine.advance()

    overtaken_by = int((engine.finish_cycles[starved + 1 :] < engine.finish_cycles[starved]).sum())
    # Arbiter Reorder keeps what overtook until its source may have it, in the order of the source.
    assert overtaken_by == (0 if arbiter == 2 else 4095)
    assert first_difference(case) is None
