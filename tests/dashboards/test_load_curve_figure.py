"""The load curve as a figure."""

from __future__ import annotations

from dashboards.figures.load_curve import load_curve_figure
from dse.load_curve import LoadCurve, LoadPoint

CURVE = LoadCurve(
    "sort: latency against bandwidth",
    (LoadPoint(0.2, 2.0, 4.0, 4.0, 60.0, 90.0, 1.0), LoadPoint(0.9, 0.5, 18.0, 12.0, 900.0, 4000.0, 0.7)),
    19.2,
)


def test_mean_and_tail_are_drawn_over_the_bandwidth_that_was_reached():
    figure = load_curve_figure(CURVE)

    assert [trace.name for trace in figure.data] == ["mean", "95th percentile"]
    assert tuple(figure.data[0].x) == (4.0, 12.0)
    assert tuple(figure.data[1].y) == (90.0, 4000.0)


def test_loads_that_were_not_served_are_hollow():
    figure = load_curve_figure(CURVE)

    assert tuple(figure.data[0].marker.symbol) == ("circle", "circle-open")
