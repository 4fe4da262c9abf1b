"""An engine may be stopped, copied, re-tuned and shared between threads without changing a result."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from ext.dram_engine import DramEngine
from tests.ext.dram_cases import log_rows, open_engine, outcome, random_case


def run_to_the_end(case):
    engine = open_engine(case)
    engine.advance()
    return outcome(engine)


@pytest.mark.parametrize("number", range(30))
def test_advancing_in_random_steps_changes_nothing(number):
    case, rng = random_case(number), np.random.default_rng(number)
    engine = open_engine(case)

    while not engine.advance(until_cycle=engine.cycle + int(rng.integers(1, 300))):
        pass

    assert outcome(engine) == run_to_the_end(case)


@pytest.mark.parametrize("number", range(30))
def test_advancing_request_by_request_changes_nothing(number):
    case = random_case(number)
    engine = open_engine(case)

    while not engine.advance(until_requests=engine.delivered + 1):
        pass

    assert outcome(engine) == run_to_the_end(case)


@pytest.mark.parametrize("number", range(30))
def test_going_on_from_a_snapshot_equals_the_uninterrupted_run(number):
    case, rng = random_case(number), np.random.default_rng(number)
    engine = open_engine(case)
    engine.advance(until_requests=int(rng.integers(0, len(case.requests))))
    snapshot, middle = engine.snapshot(), outcome(engine)

    engine.advance()
    first_end = outcome(engine)
    engine.restore(snapshot)
    restored = outcome(engine)
    engine.advance()

    assert restored == middle
    assert outcome(engine) == first_end == run_to_the_end(case)


@pytest.mark.parametrize("number", range(10))
def test_a_snapshot_continues_in_another_engine_with_the_commands_still_to_come(number):
    case = random_case(number)
    first, second = open_engine(case), open_engine(case)
    first.advance(until_requests=len(case.requests) // 2)
    already = len(log_rows(first))

    second.restore(first.snapshot())
    second.advance()
    first.advance()

    assert log_rows(second) == log_rows(first)[already:]
    assert second.counters() == first.counters()


@pytest.mark.parametrize("number", range(60))
def test_retuning_to_the_same_policies_changes_nothing(number):
    case, rng = random_case(number), np.random.default_rng(number)
    engine = open_engine(case)

    while not engine.advance(until_cycle=engine.cycle + int(rng.integers(1, 200))):
        engine.retune(case.config.vector())

    assert outcome(engine) == run_to_the_end(case)


@pytest.mark.parametrize("number", range(60))
def test_retuning_to_any_policies_serves_every_request(number):
    case, rng = random_case(number), np.random.default_rng(number)
    engine, policies = open_engine(case), case.config.vector()

    while not engine.advance(until_cycle=engine.cycle + int(rng.integers(1, 200))):
        policies[23:] = random_case(int(rng.integers(1000))).config.vector()[23:]
        engine.retune(policies)

    assert engine.delivered == len(case.requests)
    assert (engine.finish_cycles > engine.accept_cycles).all()
    assert (engine.accept_cycles >= case.requests.arrival).all()


def test_retuning_from_the_first_cycle_equals_opening_with_those_policies():
    before, after = (
        random_case(3),
        replace(random_case(3), config=replace(random_case(3).config, scheduler=0)),
    )
    engine = open_engine(before)

    engine.retune(after.config.vector())
    engine.advance()

    assert outcome(engine) == run_to_the_end(after)


def test_threads_give_the_results_of_one_thread():
    cases = [random_case(number, n_requests=400) for number in range(40)]
    alone = [run_to_the_end(case) for case in cases]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(run_to_the_end, cases))

    assert together == alone


def test_pausing_stops_before_the_cycle_asked_for():
    engine = open_engine(random_case(1))

    engine.advance(until_cycle=3)

    assert engine.cycle == 3


def test_a_finished_engine_stays_finished():
    engine = open_engine(random_case(1))
    engine.advance()
    before = outcome(engine)

    assert engine.advance(until_cycle=engine.cycle + 1000)
    assert outcome(engine) == before


def test_a_snapshot_of_other_requests_is_refused():
    with pytest.raises(ValueError, match="other requests"):
        open_engine(random_case(1)).restore(open_engine(random_case(2)).snapshot())


def test_a_damaged_snapshot_is_refused():
    engine = open_engine(random_case(1))
    damaged = bytearray(engine.snapshot())
    damaged[5000] ^= 1

    with pytest.raises(ValueError, match="checksum"):
        engine.restore(bytes(damaged))


@pytest.mark.parametrize("snapshot", [b"", b"marl-dse dram 1\n", b"x" * 100])
def test_other_bytes_are_no_snapshot(snapshot):
    with pytest.raises(ValueError, match="not a snapshot"):
        open_engine(random_case(1)).restore(snapshot)


def test_retuning_a_timing_is_refused():
    case = random_case(1)
    slower = replace(case.config, t_rcd=case.config.t_rcd + 1)

    with pytest.raises(ValueError, match="t_rcd"):
        open_engine(case).retune(slower.vector())


@pytest.mark.parametrize(
    ("field", "value"),
    [("page_policy", 4), ("request_buffer_size", 0), ("n_banks", 65), ("t_rcd", -1), ("arbiter", -1)],
)
def test_a_field_out_of_range_is_named(field, value):
    case = random_case(1)

    with pytest.raises(ValueError, match=field):
        open_engine(replace(case, config=replace(case.config, **{field: value})))


def test_a_short_gap_above_the_long_one_is_refused():
    case = random_case(1)

    with pytest.raises(ValueError, match="t_ccd_s"):
        open_engine(replace(case, config=replace(case.config, t_ccd_s=9, t_ccd_l=5)))


def test_arrivals_that_decrease_are_refused():
    case = random_case(0)
    columns = list(case.requests.arrays())
    columns[0] = columns[0][::-1] + np.arange(len(columns[0]))[::-1]

    with pytest.raises(ValueError, match="arrivals that do not decrease"):
        DramEngine(case.config.vector(), *map(np.ascontiguousarray, columns))


def test_arrays_of_different_lengths_are_refused():
    case = random_case(1)
    columns = list(case.requests.arrays())
    columns[1] = columns[1][:-1]

    with pytest.raises(ValueError, match="bank has"):
        DramEngine(case.config.vector(), *columns)


def test_no_requests_end_at_cycle_zero():
    case = random_case(1)
    nothing = [column[:0] for column in case.requests.arrays()]
    engine = DramEngine(case.config.vector(), *nothing, log=True)

    assert engine.advance()
    assert engine.cycle == 0
    assert not log_rows(engine)
    assert not any(engine.counters().values())
