"""Synthetic instruction traces: the very ones that ChampSim was measured with, and what each is made of."""

from __future__ import annotations

import numpy as np
import pytest

from traces import TraceError
from traces.instructions import Branch
from traces.shared_instructions import (
    THREAD_GENERATORS,
    false_sharing,
    locked,
    producer_consumer,
    read_mostly,
)
from traces.synthetic_instructions import (
    HEAP,
    INSTRUCTION_GENERATORS,
    branchy,
    chase,
    gups,
    matmul,
    random,
    scan,
    stream,
)

# Hashes of the traces for which results of ChampSim are known: name, options, n, length, hash.
# Compared by hand with the generator those were made with: every byte of every record is the same.
MEASURED = [
    ("stream", {}, 1_500_000, 1_500_000, "b2db3792ce3c9601872579962c2ca7e1"),
    ("scan", {}, 1_000_000, 1_000_000, "4c607c09b8b4322c71665899f5a3e378"),
    ("random", {}, 1_500_000, 1_500_000, "117ab51e15e521c824bd1fa1eb4fa120"),
    ("gups", {}, 1_500_000, 1_500_000, "ae5921a40619466bd0cd528edec0cb69"),
    ("matmul", {}, 1_500_000, 1_500_000, "ec59ee92b1b41e3bb20e8c04cf030ed7"),
    ("chase", {"size_kib": 16}, 1_500_000, 1_500_000, "435f87e1183395fe4f5670a1d0bb960d"),
    ("chase", {"size_kib": 256}, 1_500_000, 1_500_000, "ac133a963a5b6b95084727c99f8326e9"),
    ("chase", {"size_kib": 1024}, 1_500_000, 1_500_000, "a6b21dc63baf8910f7bfa0253f9983bd"),
    ("chase", {"size_kib": 16384}, 1_500_000, 1_500_000, "152f2ab0073c6640d2a9f28f6f52a027"),
    ("branchy", {}, 1_500_000, 1_375_355, "11824766cf37d67d611a641016658213"),
    ("branchy", {"taken_probability": 0.9}, 1_500_000, 1_274_917, "98685fdc0355c59c2d3cd40859d75a58"),
]


@pytest.mark.parametrize(("name", "options", "n", "length", "expected"), MEASURED)
def test_the_measured_traces_are_made_again_bit_for_bit(name, options, n, length, expected):
    trace = INSTRUCTION_GENERATORS[name](n, **options)

    assert (len(trace), trace.hash) == (length, expected)


@pytest.mark.parametrize("name", INSTRUCTION_GENERATORS)
def test_the_provenance_says_how_a_trace_was_made(name):
    trace = INSTRUCTION_GENERATORS[name](1000, seed=7)

    said = dict(trace.provenance)
    assert (trace.name, said.pop("generator"), said.pop("seed")) == (name, name, "7")
    again = INSTRUCTION_GENERATORS[name](1000, seed=7, **{k: float(v) for k, v in said.items() if "." in v})
    assert again.hash == trace.hash


@pytest.mark.parametrize("name", ["random", "gups", "chase", "branchy"])
def test_another_seed_gives_another_trace(name):
    make = INSTRUCTION_GENERATORS[name]

    assert make(1000, seed=1).hash != make(1000, seed=2).hash


def test_the_triad_reads_two_arrays_and_writes_a_third():
    trace = stream(12, array_mib=1)

    apart = (1 << 20) + 4096
    assert trace.address.tolist() == [HEAP + apart * k + 8 * i for i in range(2) for k in range(3)]


def test_arrays_begin_again_at_their_end():
    trace = stream(6 * ((1 << 17) + 1), array_mib=1)

    assert trace.address[-3:].tolist() == trace.address[:3].tolist()


def test_every_load_of_a_chase_needs_the_one_before_and_visits_every_line_once():
    trace = chase(2 * 64, size_kib=4)

    loads = trace.n_loads == 1
    assert (trace.sources[loads, 0] == trace.destinations[loads, 0]).all()
    assert sorted(trace.address.tolist()) == [HEAP + 64 * k for k in range(64)]


def test_a_scan_never_comes_back_early():
    lines = scan(4 * 40, size_kib=1).address // np.uint64(64)

    assert lines.tolist() == [(HEAP // 64) + k % 16 for k in range(40)]


def test_random_loads_stay_within_their_size_and_wait_for_nothing():
    trace = random(40_000, size_mib=1)

    assert int(trace.address.min()) >= HEAP
    assert int(trace.address.max()) < HEAP + (1 << 20)
    assert set(trace.sources[trace.n_loads == 1, 0].tolist()) == {1}


def test_gups_writes_the_word_that_it_read():
    trace = gups(5000)

    assert (trace.address[::2] == trace.address[1::2]).all()
    assert (trace.n_loads.sum(), trace.n_stores.sum()) == (1000, 1000)


def test_a_product_of_matrices_walks_along_rows_and_down_columns():
    trace = matmul(5 * 6, order=4)

    assert (trace.address[::2] - np.uint64(HEAP)).tolist() == [0, 8, 16, 24, 0, 8]
    assert (trace.address[1::2] - np.uint64(HEAP + (1 << 24))).tolist() == [0, 32, 64, 96, 8, 40]


def test_branches_are_taken_as_often_as_asked_and_jump_over_one_instruction():
    trace = branchy(60_000, taken_probability=0.25)

    first_of_two = trace.ip == trace.ip[3]
    assert trace.taken[first_of_two].mean() == pytest.approx(0.25, abs=0.02)  # 10,000 draws
    assert len(trace) == 60_000 - trace.taken[first_of_two].sum()


@pytest.mark.parametrize("name", INSTRUCTION_GENERATORS)
def test_only_the_last_branch_leaves_the_loop(name):
    trace = INSTRUCTION_GENERATORS[name](600)

    again = (trace.branch == Branch.CONDITIONAL) & (trace.ip == trace.ip[-1])
    assert trace.taken[again].tolist() == [True] * (int(again.sum()) - 1) + [False]


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: stream(5), "n=5 is out of range: expected 6 to"),
        (lambda: random(100, size_mib=0), "size_mib=0 is out of range: expected 1 to"),
        (lambda: chase(100, size_kib=1 << 31), "size_kib=2147483648 is out of range"),
        (lambda: matmul(100, order=0), "order=0"),
        (
            lambda: branchy(100, taken_probability=1.5),
            r"taken_probability=1\.5 is out of range: expected 0 to 1",
        ),
        (lambda: gups(100, seed=-1), "seed=-1"),
        (lambda: producer_consumer(100, threads=1), "threads=1 is out of range: expected 2 to 64"),
        (lambda: false_sharing(100, lines=0), "lines=0"),
        (lambda: read_mostly(100, write_share=-0.1), r"write_share=-0\.1"),
        (lambda: locked(100, work=1001), "work=1001 is out of range: expected 0 to 1000"),
    ],
)
def test_an_option_out_of_range_is_named(call, reason):
    with pytest.raises(TraceError, match=reason):
        call()


THREADS = {
    "producer_consumer": "206767ffb11c21ab8c1aaaaa6e93581f",
    "false_sharing": "9a3c0bb2cb594f9b19289dc6592e6e4a",
    "read_mostly": "31672365eab8faa28fcc535e8c1db2e4",
    "locked": "1d1b5441d954f697fc0e05718ab1b050",
}


@pytest.mark.parametrize("name", THREAD_GENERATORS)
def test_each_thread_has_a_trace_that_says_which_it_is(name):
    made = THREAD_GENERATORS[name](10_000, threads=3)

    assert [trace.name for trace in made] == [f"{name}.{thread}" for thread in range(3)]
    assert [trace.provenance["thread"] for trace in made] == ["0", "1", "2"]
    assert {trace.provenance["generator"] for trace in made} == {name}


@pytest.mark.parametrize("name", THREAD_GENERATORS)
def test_thread_1_is_the_same_on_every_machine(name):
    assert THREAD_GENERATORS[name](10_000)[1].hash == THREADS[name]


def lines(trace):
    return set((trace.address // np.uint64(64)).tolist())


def test_consumers_read_in_the_order_in_which_the_producer_writes():
    producer, first, second = producer_consumer(4000, threads=3, size_kib=1)

    assert (producer.n_stores.sum(), producer.n_loads.sum()) == (1000, 0)
    assert (first.n_stores.sum(), first.n_loads.sum()) == (0, 1000)
    assert first.address.tolist() == second.address.tolist() == producer.address.tolist()


def test_false_sharing_shares_lines_but_no_word():
    first, second, *_, ninth = false_sharing(500, threads=9, lines=3)

    assert not set(first.address.tolist()) & set(second.address.tolist())
    assert lines(first) == lines(second)
    assert len(lines(first)) == 3
    assert not lines(first) & lines(ninth)  # eight words fill a line


def test_a_mostly_read_table_is_written_where_it_was_read_and_as_seldom_as_asked():
    first, second = read_mostly(60_000, threads=2, write_share=0.1)

    assert first.n_stores.sum() / first.n_loads.sum() == pytest.approx(0.1, abs=0.02)  # 10,000 draws
    written = first.address[first.first_access[first.n_stores == 1]]
    before = first.address[first.first_access[first.n_stores == 1] - 1]
    assert (written == before).all()
    assert first.hash != second.hash
    assert len(lines(first) & lines(second)) > 0.9 * len(lines(first))


def test_a_lock_is_read_and_written_at_once_and_private_data_is_private():
    first, second = locked(2900, threads=2, work=20)

    both = (first.n_loads == 1) & (first.n_stores == 1)
    assert both.sum() == 100
    assert lines(first) & lines(second) == {HEAP // 64, HEAP // 64 + 1}
    assert len(lines(first)) == 2 + 64  # 4 KiB of its own


def test_a_lock_needs_no_work_in_between():
    (trace,) = locked(900, threads=1, work=0)

    assert len(trace) == 900
    assert len(lines(trace)) == 2
