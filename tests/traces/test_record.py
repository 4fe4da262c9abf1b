"""Recording real programs: needs valgrind, except where its absence is what is tested."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from ext.cache_filter import CacheFilter
from traces import TraceError
from traces.record import CacheModel, CoreModel, Window, _Collected, base_names, first_touch, record

needs_valgrind = pytest.mark.requires_program("valgrind")


def program(name):
    path = shutil.which(name)
    assert path is not None
    return path


@needs_valgrind
def test_a_program_is_recorded_with_its_origin():
    seen = []

    trace = record([program("true")], progress=lambda requests, executed: seen.append((requests, executed)))

    assert len(trace) > 500
    assert trace.name == "true"
    assert trace.provenance["recorded"] == "true"
    assert trace.provenance["cache"] == "L1 16 KiB 4-way, L2 128 KiB 8-way, 64 B lines, LRU, write-back"
    assert trace.provenance["tool"].endswith("lackey")
    assert seen == sorted(seen)
    assert seen[-1][0] == len(trace)


@needs_valgrind
def test_the_same_run_at_another_cpi_has_the_same_requests_at_other_times():
    slow, fast = (record([program("true")], core=CoreModel(cpi=cpi)) for cpi in (2.0, 0.5))

    assert slow.address.tolist() == fast.address.tolist()
    assert (slow.arrival_cycle // 4).tolist() == fast.arrival_cycle.tolist()


@needs_valgrind
def test_a_larger_cache_lets_less_through():
    small, large = (
        record([program("true")], cache=CacheModel((size,), (4,))) for size in (4 << 10, 64 << 10)
    )

    assert len(large) < len(small) / 2


@needs_valgrind
def test_the_window_cuts_the_start_and_the_end():
    cut = record([program("true")], window=Window(skip_instructions=20_000, max_requests=100))

    assert (len(cut), cut.arrival_cycle[0]) == (100, 0)
    assert cut.provenance["skipped_instructions"] == "20000"


@needs_valgrind
def test_modified_lines_come_out_as_writes():
    trace = record([program("true")], cache=CacheModel((4 << 10,), (4,)))

    assert 0 < trace.is_write.sum() < len(trace)


@needs_valgrind
def test_a_program_that_fails_is_reported_with_what_it_said():
    with pytest.raises(TraceError, match=r"'ls' ended with exit code \d under valgrind.*No such file"):
        record(["ls", "/no/such/folder"])


@needs_valgrind
def test_a_program_that_is_missing_is_reported():
    with pytest.raises(TraceError, match="there is no program 'no-such-program'"):
        record(["no-such-program"])


@needs_valgrind
def test_skipping_everything_is_explained():
    with pytest.raises(TraceError, match="skip fewer"):
        record([program("true")], window=Window(skip_instructions=10**12))


def test_a_missing_valgrind_says_how_to_get_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(TraceError, match="apt-get install valgrind"):
        record(["true"])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"core": CoreModel(cpi=0)}, "cpi=0"),
        ({"core": CoreModel(clock_mhz=-1)}, "clock_mhz=-1"),
        ({"window": Window(max_requests=0)}, "at least 1 request"),
    ],
)
def test_impossible_options_are_refused_before_anything_runs(options, reason):
    with pytest.raises(TraceError, match=reason):
        record(["true"], **options)


@needs_valgrind
def test_an_impossible_cache_is_explained():
    with pytest.raises(TraceError, match="the cache model is impossible"):
        record([program("true")], cache=CacheModel((1000,), (3,)))


def test_output_that_is_not_lackeys_is_reported_with_its_line():
    collected = _Collected(CacheFilter((1024,), (2,)), Window())
    collected.add(b"I  4000,3\n L 8000,8\n")

    with pytest.raises(TraceError, match=r"line 4: valgrind printed ' L what'"):
        collected.add(b"I  4003,3\n L what\n")


def test_pages_are_numbered_in_order_of_first_touch():
    address = np.array([0x7000_0040, 0x4000_0000, 0x7000_0080, 0x4000_1000], np.uint64)

    assert first_touch(address).tolist() == [0x40, 0x1000, 0x80, 0x2000]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("/usr/bin/sort", "sort"),
        ("./sort", "sort"),
        ("../data/words.txt", "words.txt"),
        ("~/words.txt", "words.txt"),
        ("-T/tmp/here", "-There"),
        ("--file=/srv/data/a.c", "--file=a.c"),
        ("s/a/b/", "s/a/b/"),
        ("-3", "-3"),
        ("17", "17"),
    ],
)
def test_folders_of_this_machine_are_left_out_of_the_provenance(part, expected):
    assert base_names([part]) == [expected]
