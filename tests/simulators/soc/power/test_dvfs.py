"""Operating points: the delay law, its ends, and the price of a change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import InputError
from simulators.soc.power.dvfs import (
    CAPACITANCE_F_PER_MM2,
    OperatingPoint,
    clock_hz,
    core_points,
    nominal_clock_hz,
    operating_points,
    transition_j,
    transition_s,
    uncore_points,
)
from simulators.soc.power.technology import supply_v

NOMINAL = OperatingPoint(1.0, 3.0e9)


def test_the_clock_follows_the_alpha_power_law():
    ratio = clock_hz(0.7, NOMINAL) / NOMINAL.frequency_hz

    assert ratio == pytest.approx((0.38**1.3 / 0.7) / (0.68**1.3 / 1.0), rel=1e-12)


def test_nominal_voltage_gives_the_nominal_clock_exactly():
    assert clock_hz(1.0, NOMINAL) == NOMINAL.frequency_hz


@given(low=st.floats(0.33, 1.2), high=st.floats(0.33, 1.2))
def test_more_voltage_never_gives_a_slower_clock(low, high):
    low, high = sorted([low, high])

    assert clock_hz(low, NOMINAL) <= clock_hz(high, NOMINAL)


@pytest.mark.parametrize("node_nm", [22, 45, 65])
@pytest.mark.parametrize("style", ["performance", "embedded"])
def test_a_core_has_twelve_points_of_which_the_last_is_nominal(style, node_nm):
    points = core_points(style, node_nm)

    assert len(points) == 12
    assert points[-1] == OperatingPoint(supply_v(style, node_nm), nominal_clock_hz(style, node_nm))
    assert list(points) == sorted(points, key=lambda point: (point.voltage_v, point.frequency_hz))
    assert len({point.frequency_hz for point in points}) == 12


def test_the_uncore_has_six_points_at_its_share_of_the_clock():
    points = uncore_points(22, clock_ratio=0.5)

    assert len(points) == 6
    assert points[-1].frequency_hz == 0.5 * nominal_clock_hz("performance", 22)


@pytest.mark.parametrize(
    ("style", "node_nm", "printed_hz"), [("performance", 45, 2.6e9), ("embedded", 40, 2.0e9)]
)
def test_the_anchor_chips_have_their_own_clock(style, node_nm, printed_hz):
    assert nominal_clock_hz(style, node_nm) == pytest.approx(printed_hz, rel=1e-12)


def test_a_single_point_is_the_nominal_one():
    assert operating_points(NOMINAL, 1) == (NOMINAL,)


def test_a_change_takes_ten_to_a_hundred_microseconds_and_standing_still_none():
    points = operating_points(NOMINAL, 12)

    assert transition_s(points[0], points[0]) == 0.0
    assert 10e-6 < transition_s(points[3], points[4]) < transition_s(points[0], points[-1]) <= 100e-6
    assert transition_s(points[0], points[-1]) == transition_s(points[-1], points[0])


def test_a_change_costs_the_charge_of_the_supply():
    assert transition_j(0.7, 1.0, 10.0) == pytest.approx(10.0 * CAPACITANCE_F_PER_MM2 * 0.09)
    assert transition_j(1.0, 0.7, 10.0) == transition_j(0.7, 1.0, 10.0)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: clock_hz(0.32, NOMINAL), "voltage_v=0.32: expected more than the threshold"),
        (lambda: operating_points(NOMINAL, 0), "count=0"),
        (lambda: nominal_clock_hz("fast", 22), "style='fast'"),
        (lambda: supply_v("performance", 90), "node_nm=90"),
    ],
)
def test_an_impossible_point_is_refused_by_name(call, named):
    with pytest.raises(InputError, match=named):
        call()
