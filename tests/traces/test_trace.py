"""Trace: validation, immutability, hash, and arrivals in device cycles."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traces import InputError, Trace, TraceError
from traces.clock import clock_fs, convert_cycles, scale_fraction


def make(**changes):
    arguments = {
        "arrival_cycle": [0, 3, 3],
        "address": [0, 64, 128],
        "is_write": [0, 1, 0],
        "clock_ns": 0.833,
    }
    return Trace(**{**arguments, **changes})


def test_the_constructor_takes_what_the_readme_shows():
    cycles, addresses, writes = np.arange(4), np.arange(4) * 64, np.zeros(4, bool)

    trace = Trace(arrival_cycle=cycles, address=addresses, is_write=writes, clock_ns=0.833)

    assert (len(trace), trace.clock_fs, trace.size_bytes.tolist()) == (4, 833_000, [64] * 4)


@pytest.mark.parametrize("column", ["arrival_cycle", "address", "is_write", "size_bytes", "source"])
def test_every_array_is_read_only(column):
    with pytest.raises(ValueError, match="read-only"):
        getattr(make(), column)[0] = 1


def test_changing_the_array_given_does_not_change_the_trace():
    address = np.array([0, 64, 128], np.uint64)
    trace = make(address=address)

    address[0] = 999

    assert trace.address[0] == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"arrival_cycle": [0, 5, 4]}, r"goes back at index 2: 4 after 5"),
        ({"arrival_cycle": [-1, 0, 0]}, r"arrival_cycle\[0\] = -1 is out of range"),
        ({"arrival_cycle": [0, 1, 2**62]}, r"arrival_cycle\[2\] = 4611686018427387904 is out of range"),
        ({"arrival_cycle": [0.0, 1.5, 2.0]}, "not integers"),
        ({"arrival_cycle": np.zeros(3)}, "float64: expected integers"),
        ({"arrival_cycle": [], "address": [], "is_write": []}, "empty"),
        ({"arrival_cycle": [[0, 1, 2]]}, r"shape \(1, 3\)"),
        ({"address": [0, 64]}, r"address has shape \(2,\): expected \(3,\)"),
        ({"address": [0, -64, 0]}, r"address\[1\] = -64"),
        ({"address": [0, 2**64, 0]}, "address holds an integer out of range"),
        ({"is_write": [0, 2, 0]}, r"is_write\[1\] = 2"),
        ({"size_bytes": [64, 64, 65]}, r"size_bytes\[2\] = 65 is out of range: expected 1 to 64"),
        ({"size_bytes": 0}, r"size_bytes\[0\] = 0"),
        ({"source": 256}, r"source\[0\] = 256"),
        ({"clock_ns": None}, "the clock must be given once"),
        ({"clock_mhz": 800}, "the clock must be given once"),
        ({"clock_ns": float("nan")}, "clock_ns=nan"),
        ({"clock_ns": -1}, "clock_ns=-1"),
        ({"clock_ns": "fast"}, "clock_ns='fast' is not a number"),
        ({"clock_ns": 1e10}, "out of range"),
    ],
)
def test_a_wrong_array_is_named_with_its_index(changes, reason):
    with pytest.raises(TraceError, match=reason):
        make(**changes)


def test_addresses_up_to_the_last_byte_of_64_bits_are_kept():
    trace = make(address=[0, 64, 2**64 - 64])

    assert trace.address.tolist() == [0, 64, 2**64 - 64]


def test_the_hash_is_that_of_content_and_clock():
    assert make().hash == make(name="other", provenance={"from": "elsewhere"}).hash
    assert make().hash == "44d56e54ea564b643f0c605cb45943b9"


@pytest.mark.parametrize(
    "changes",
    [
        {"arrival_cycle": [0, 3, 4]},
        {"address": [0, 64, 192]},
        {"is_write": [0, 1, 1]},
        {"size_bytes": 32},
        {"source": [0, 0, 1]},
        {"clock_ns": 1.25},
    ],
)
def test_any_change_of_content_changes_the_hash(changes):
    assert make(**changes).hash != make().hash


def test_head_keeps_the_first_requests_and_the_clock():
    head = make().head(2)

    assert (head.arrival_cycle.tolist(), head.clock_fs) == ([0, 3], 833_000)
    assert head.hash == make(arrival_cycle=[0, 3], address=[0, 64], is_write=[0, 1]).hash


def test_head_of_more_than_there_is_is_everything():
    assert make().head(100).hash == make().hash


def test_head_of_nothing_is_refused():
    with pytest.raises(TraceError, match="at least 1"):
        make().head(0)


def test_the_duration_runs_from_the_first_arrival_to_the_last():
    assert make(arrival_cycle=[10, 20, 40], clock_ns=2).duration_ns == 60


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"clock_mhz": 800}, 1_250_000),
        ({"clock_mhz": 1200}, 833_333),
        ({"clock_ns": 0.833}, 833_000),
        ({"clock_ns": 1.25}, 1_250_000),
        ({"clock_mhz": 0.1}, 10**10),
    ],
)
def test_clock_periods_are_whole_femtoseconds(given, expected):
    assert clock_fs(**given) == expected


@pytest.mark.parametrize(("scale", "expected"), [(0.1, (1, 10)), (1 / 0.3, (10, 3)), (2.0, (2, 1))])
def test_a_scale_is_the_fraction_it_was_meant_as(scale, expected):
    assert scale_fraction(scale) == Fraction(*expected)


@pytest.mark.parametrize("scale", [0, -1.0, float("inf"), float("nan"), 1e7, "2"])
def test_an_impossible_scale_is_refused(scale):
    with pytest.raises(TraceError, match="arrival_scale"):
        scale_fraction(scale)


@given(
    cycles=st.lists(st.integers(0, 2**45), min_size=1, max_size=50).map(sorted),
    from_fs=st.integers(1, 10**8),
    to_fs=st.integers(10**3, 10**8),
    scale=st.fractions(min_value=Fraction(1, 1000), max_value=10, max_denominator=10**6),
)
@settings(deadline=None)
def test_conversion_equals_exact_rational_arithmetic(cycles, from_fs, to_fs, scale):
    exact = [-(-Fraction(cycle * from_fs) * scale // to_fs) for cycle in cycles]

    if exact[-1] < 2**62:
        assert convert_cycles(np.array(cycles, np.int64), from_fs, to_fs, scale).tolist() == exact
    else:
        with pytest.raises(TraceError, match="does not fit"):
            convert_cycles(np.array(cycles, np.int64), from_fs, to_fs, scale)


def test_arrivals_round_up_to_the_next_device_cycle():
    trace = make(arrival_cycle=[0, 1, 2], clock_ns=1.0)

    assert trace.device_cycles(833_000).tolist() == [0, 2, 3]


def test_a_scale_of_two_doubles_arrival_times():
    trace = make(clock_ns=1.0)

    assert trace.device_cycles(1_000_000, 2.0).tolist() == [0, 6, 6]


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (InputError("wrong"), "wrong"),
        (InputError("wrong", path="a.stl"), "a.stl: wrong"),
        (InputError("wrong", path="a.stl", line=3), "a.stl:3: wrong"),
        (InputError("wrong", line=3), "line 3: wrong"),
        (InputError("wrong", path="c.toml", key="space"), "c.toml: space: wrong"),
    ],
)
def test_an_input_error_shows_where_as_far_as_known(error, shown):
    assert str(error) == shown
