"""An engine may be stopped, copied, re-tuned and shared between threads without changing a result."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from ext.dram_engine import COMMANDS, TIMING_FIELDS, DramEngine
from tests.ext.dram_cases import log_rows, open_engine, outcome, random_case


def run_to_the_end(case):
    engine = open_engine(case)
    engine.advance()
    return outcome(engine)


def open_with(case, rows=None, lengths=None, columns=None):
    config = case.config
    return DramEngine(
        config.vector(),
        config.row_array() if rows is None else rows,
        config.length_array() if lengths is None else lengths,
        *(case.requests.arrays() if columns is None else columns),
        log=True,
    )


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
        other = random_case(int(rng.integers(1000))).config
        # An interval that is long enough for one refresh policy may be too short for another.
        other = replace(other, refresh_policy=case.config.refresh_policy)
        policies[len(TIMING_FIELDS) :] = other.vector()[len(TIMING_FIELDS) :]
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


def test_a_snapshot_with_other_constraints_is_refused():
    case = random_case(1)
    rows = case.config.row_array()
    rows[0, 3] += 1
    other = open_with(case, rows=rows)

    with pytest.raises(ValueError, match="other timing constraints"):
        open_engine(case).restore(other.snapshot())


@pytest.mark.parametrize("snapshot", [b"", b"marl-dse dram 1\n", b"x" * 100])
def test_other_bytes_are_no_snapshot(snapshot):
    with pytest.raises(ValueError, match="not a snapshot"):
        open_engine(random_case(1)).restore(snapshot)


def test_retuning_a_timing_is_refused():
    case = random_case(1)
    slower = replace(case.config, t_ras=case.config.t_ras + 1)

    with pytest.raises(ValueError, match="t_ras"):
        open_engine(case).retune(slower.vector())


@pytest.mark.parametrize(
    ("field", "value"),
    [("page_policy", 6), ("request_buffer_size", 0), ("n_banks", 65), ("t_ras", -1), ("arbiter", -1)],
)
def test_a_field_out_of_range_is_named(field, value):
    case = random_case(1)

    with pytest.raises(ValueError, match=field):
        open_engine(replace(case, config=replace(case.config, **{field: value})))


@pytest.mark.parametrize(("column", "value"), [(0, 5), (1, 17), (2, -1), (3, 1 << 30), (4, 17), (5, 14)])
def test_a_row_out_of_range_is_refused(column, value):
    case = random_case(1)
    rows = case.config.row_array()
    rows[3, column] = value

    with pytest.raises(ValueError, match="row 3 has"):
        open_with(case, rows=rows)


def test_a_row_on_a_bank_of_a_command_to_a_rank_is_refused():
    with pytest.raises(ValueError, match="goes to several"):
        open_with(random_case(1), rows=np.array([[0, COMMANDS.index("REF"), 0, 5, 1, 9]]))


def test_a_window_beyond_a_rank_is_refused():
    with pytest.raises(ValueError, match="beyond a rank"):
        open_with(random_case(1), rows=np.array([[3, 0, 0, 5, 4, 6]]))


def test_lengths_of_no_clocks_are_refused():
    with pytest.raises(ValueError, match="expected 1 to 64 clocks"):
        open_with(random_case(1), lengths=np.zeros(len(COMMANDS), dtype=np.int64))


def test_ranks_with_more_than_64_banks_are_refused():
    case = random_case(1)
    wide = replace(case.config, n_ranks=8, n_banks=16, n_bank_groups=4)

    with pytest.raises(ValueError, match="at most 64"):
        open_engine(replace(case, config=wide))


def test_a_request_to_a_channel_that_does_not_exist_is_refused():
    case = random_case(1)
    channel = np.full(len(case.requests), case.config.n_channels, dtype=np.uint8)

    with pytest.raises(ValueError, match="a channel below"):
        open_engine(replace(case, requests=replace(case.requests, channel=channel)))


def test_no_channels_given_are_channel_zero():
    case = random_case(1)
    zeros = np.zeros(len(case.requests), dtype=np.uint8)
    explicit = open_engine(replace(case, requests=replace(case.requests, channel=zeros)))
    implicit = open_engine(replace(case, requests=replace(case.requests, channel=None)))

    explicit.advance()
    implicit.advance()

    assert outcome(implicit) == outcome(explicit)


def test_read_only_requests_are_taken_as_they_are():
    case = random_case(1)
    for column in case.requests.arrays():
        column.setflags(write=False)

    assert open_engine(case).advance()


def test_arrivals_that_decrease_are_refused():
    case = random_case(0)
    columns = list(case.requests.arrays())
    columns[0] = columns[0][::-1] + np.arange(len(columns[0]))[::-1]

    with pytest.raises(ValueError, match="arrivals that do not decrease"):
        open_with(case, columns=[np.ascontiguousarray(column) for column in columns])


def test_arrays_of_different_lengths_are_refused():
    case = random_case(1)
    columns = list(case.requests.arrays())
    columns[2] = columns[2][:-1]

    with pytest.raises(ValueError, match="bank has"):
        open_with(case, columns=columns)


def test_no_requests_end_at_cycle_zero():
    case = random_case(1)
    nothing = [column[:0] for column in case.requests.arrays()]
    engine = open_with(case, columns=nothing)

    assert engine.advance()
    assert engine.cycle == 0
    assert not log_rows(engine)
    assert not any(engine.counters().values())
