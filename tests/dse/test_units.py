from __future__ import annotations

import pytest

from dse.units import format_duration, format_percent, format_value, unit_of


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("read_latency_p95_ns", "ns"),
        ("energy_per_bit_pj", "pJ/bit"),
        ("average_power_mw", "mW"),
        ("bandwidth_gbps", "GB/s"),
        ("row_hits", ""),
    ],
)
def test_the_name_says_the_unit(name, unit):
    assert unit_of(name) == unit


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234567.0, "1,234,567 ns"), (12.3456, "12.35 ns"), (3.0, "3 ns"), (float("nan"), "-")],
)
def test_numbers_are_short(value, text):
    assert format_value(value, "ns") == text


def test_differences_are_signed_per_cent():
    assert format_percent(90, 100) == "-10.0 %"
    assert format_percent(1, 0) == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.44, "0.4 s"), (59.7, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_are_read_at_a_glance(seconds, text):
    assert format_duration(seconds) == text
