"""Names, units and numbers as people read them."""

from __future__ import annotations

import math

import pytest

from dashboards import labels


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("read_latency_p95_ns", "Read latency p95"),
        ("energy_per_bit_pj", "Energy per bit"),
        ("bandwidth_gbps", "Bandwidth"),
        ("row_hits", "Row hits"),
        ("elapsed_ns", "Elapsed"),
        ("ns", "Ns"),
    ],
)
def test_a_metric_loses_its_unit_suffix(name, expected):
    assert labels.metric_label(name) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (47.812, "47.81"),
        (1234.5, "1,234"),
        (0.98765, "0.9877"),
        (12.0, "12"),
        (1e9, "1.000e+09"),
        (1e-6, "1.000e-06"),
        (math.nan, "–"),
        (math.inf, "–"),
        (-3.14159, "-3.142"),
    ],
)
def test_a_number_has_four_significant_digits(value, expected):
    assert labels.number(value) == expected


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (47.8, "ns", "47.80 ns"),
        (1_234_567.0, "ns", "1,235 µs"),
        (2.5e8, "pJ", "250 µJ"),
        (967.9, "mW", "967.9 mW"),
        (0.5, "", "0.5000"),
        (math.nan, "ns", "–"),
    ],
)
def test_a_quantity_is_shown_at_a_readable_scale(value, unit, expected):
    assert labels.quantity(value, unit) == expected


@pytest.mark.parametrize(
    ("value", "reference", "expected"),
    [
        (50.0, 100.0, "−50.0 %"),
        (103.1, 100.0, "+3.1 %"),
        (100.0, 100.0, "0.0 %"),
        (5.0, 0.0, "–"),
        (-5.0, -10.0, "+50.0 %"),
    ],
)
def test_a_change_has_its_sign(value, reference, expected):
    assert labels.percent(labels.change(value, reference)) == expected


def test_text_for_a_plot_keeps_no_markup_and_no_template():
    assert labels.plain('<a href="x">%{x}</a>') == '&lt;a href="x"&gt;% {x}&lt;/a&gt;'
