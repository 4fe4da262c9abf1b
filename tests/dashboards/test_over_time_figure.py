"""Bandwidth and latency over time as a figure."""

from __future__ import annotations

import numpy as np
import pytest

from dashboards.figures.over_time import over_time_figure
from dse.over_time import OverTime


def run(label, latency=(50.0, float("nan"))):
    time = np.array([1000.0, 3000.0])
    return OverTime(label, 19.2, 2000.0, time, np.array([4.0, 8.0]), np.array(latency), np.array(latency) * 2)


def test_bandwidth_lies_over_latency_on_one_axis_of_time():
    figure = over_time_figure([run("mine")], "sort")

    assert [(trace.name, trace.yaxis) for trace in figure.data] == [
        ("mine: bandwidth", "y"),
        ("mine: read latency, mean", "y2"),
        ("mine: read latency, 95th percentile", "y2"),
    ]
    assert figure.layout.title.text == "sort"


def test_two_designs_have_a_colour_each():
    figure = over_time_figure([run("A"), run("B")])

    colours = [trace.line.color for trace in figure.data]
    assert colours == [colours[0]] * 3 + [colours[3]] * 3
    assert colours[0] != colours[3]


def test_times_and_values_are_those_of_the_run():
    figure = over_time_figure([run("mine")])

    assert figure.layout.xaxis.title.text == "time (ns)"
    assert tuple(figure.data[0].x) == (1000.0, 3000.0)
    assert tuple(figure.data[0].y) == (4.0, 8.0)


def test_a_bin_without_reads_is_a_gap():
    figure = over_time_figure([run("mine")])

    assert not figure.data[1].connectgaps
    assert np.isnan(figure.data[1].y[1])


def test_a_name_is_not_taken_for_markup():
    figure = over_time_figure([run("<b>x")])

    assert figure.data[0].name == "&lt;b&gt;x: bandwidth"


@pytest.mark.parametrize(("slow_ns", "kind"), [(500.0, None), (900_000.0, "log")])
def test_latencies_that_differ_much_are_drawn_on_a_log_axis(slow_ns, kind):
    figure = over_time_figure([run("fast"), run("slow", latency=(slow_ns, slow_ns))])

    assert figure.layout.yaxis2.type == kind
