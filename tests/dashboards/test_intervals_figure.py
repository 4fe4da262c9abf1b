"""Clusters of intervals over time as a figure."""

from __future__ import annotations

import numpy as np
import pytest

from dashboards.figures.intervals import intervals_figure
from traces import Workload
from traces.intervals import phases
from traces.synthetic import phases as phased

FOUND = phases(Workload.of(phased(20_000, seed=1, phase_length=5_000)), 0.3)


@pytest.fixture(scope="module")
def figure():
    return intervals_figure(FOUND, "mine <b>")


def test_every_interval_is_in_the_lane_of_its_cluster(figure):
    lanes = [trace for trace in figure.data if trace.yaxis == "y" and trace.marker.symbol == "square"]

    drawn = {
        int(row[0]): int(height)
        for trace in lanes
        for row, height in zip(trace.customdata, trace.y, strict=True)
    }

    assert drawn == dict(enumerate(FOUND.cluster.tolist()))


def test_stars_mark_the_chosen_intervals_in_both_panels(figure):
    stars = [trace for trace in figure.data if trace.marker.symbol == "star"]

    assert [trace.yaxis for trace in stars] == ["y", "y2"]
    assert all([int(row[0]) for row in trace.customdata] == FOUND.chosen.tolist() for trace in stars)
    assert [trace.showlegend for trace in stars] == [True, False]


def test_times_are_those_of_the_first_requests(figure):
    (lane,) = (t for t in figure.data if t.yaxis == "y" and t.y[0] == 0 and t.marker.symbol == "square")

    expected = FOUND.signatures.start_ns[FOUND.cluster == 0] / 1000

    assert np.allclose(lane.x, expected)
    assert "µs" in figure.layout.xaxis.title.text


def test_lanes_say_what_share_of_the_requests_they_have(figure):
    texts = figure.layout.yaxis.ticktext

    assert texts[0] == f"0 ({FOUND.shares[0]:.1%})"
    assert len(texts) == len(FOUND.pieces)


def test_a_name_is_not_taken_for_markup(figure):
    assert "<b>" not in figure.layout.title.text
