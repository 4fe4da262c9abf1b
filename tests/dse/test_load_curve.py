"""The load curve: the loads that were asked for, on the same requests."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.errors import ConfigError
from dse.load_curve import load_curve, parse_loads
from traces.synthetic import uniform_random
from traces.trace import Trace
from traces.workload import Workload

SYSTEM = dse.make_simulator("dram", device="ddr4-2400-8gb-x8")


@pytest.mark.parametrize(
    ("text", "loads"),
    [("0.1:0.3:0.1", (0.1, 0.2, 0.3)), ("0.5:0.5:0.1", (0.5,)), ("0.2,0.9", (0.2, 0.9)), ("1", (1.0,))],
)
def test_ranges_and_lists_of_loads_are_read(text, loads):
    assert parse_loads(text) == pytest.approx(loads)


NO_RANGES = (
    "",
    "a",
    "0:1:0.1",
    "0.1:1",
    "0.1:1:0",
    "0.1:1:-1",
    "1:0.1:0.1",
    "0.001:1:0.0001",
    "nan",
    "inf",
    "99",
)


@pytest.mark.parametrize("text", [*NO_RANGES, "0.1:inf:0.1"])
def test_what_is_not_a_range_of_loads_is_refused(text):
    with pytest.raises(ConfigError, match="FIRST:LAST:STEP"):
        parse_loads(text)


def test_each_point_has_the_load_that_was_asked_for():
    workload = Workload.of(uniform_random(2000, seed=1))

    curve = load_curve(SYSTEM, SYSTEM.space.default(), workload, (0.2, 0.4))

    assert [point.load for point in curve.points] == pytest.approx([0.2, 0.4], rel=0.01)
    assert curve.points[0].read_latency_mean_ns < curve.points[1].read_latency_mean_ns
    assert curve.points[1].offered_gbps == pytest.approx(0.4 * curve.peak_gbps, rel=0.01)
    assert curve.peak_gbps == pytest.approx(SYSTEM.device.peak_bandwidth_gbps)


def test_requests_that_all_arrive_at_once_have_no_load():
    n = np.arange(50)
    burst = Trace(arrival_cycle=n * 0, address=n * 64, is_write=n * 0, clock_ns=1.0, name="burst")

    with pytest.raises(ConfigError, match="arrive at once"):
        load_curve(SYSTEM, SYSTEM.space.default(), Workload.of(burst), (0.5,))
