"""Hypervolume against unique designs."""

from __future__ import annotations

import numpy as np
import pytest

from dashboards.data import Curve, Run
from dashboards.figures.hypervolume import MAX_STEPS, hypervolume_figure, hypervolume_view
from dashboards.figures.style import LIGHT
from tests.dashboards.frames import frame


def _frame_with(*curves):
    made = frame([(1, 2, 3)])
    object.__setattr__(
        made,
        "curves",
        tuple(
            Curve(Run(k + 1, agent, seed), np.array(d), np.array(v, dtype=float))
            for k, (agent, seed, d, v) in enumerate(curves)
        ),
    )
    return made


def test_seeds_become_a_median_and_a_band():
    made = _frame_with((0, 0, [1, 9], [0.1, 0.3]), (0, 1, [1, 9], [0.2, 0.5]), (0, 2, [5, 9], [0.4, 0.4]))

    (curve,) = hypervolume_view(made).agents

    assert curve.spent.tolist() == [1.0, 5.0, 9.0]
    assert curve.median.tolist() == pytest.approx([10.0, 20.0, 40.0])
    assert curve.low.tolist() == pytest.approx([0.0, 10.0, 30.0])
    assert curve.high.tolist() == pytest.approx([20.0, 40.0, 50.0])


def test_a_curve_ends_where_the_slowest_seed_is():
    made = _frame_with((0, 0, [1, 20], [0.1, 0.9]), (0, 1, [1, 8], [0.2, 0.3]))

    (curve,) = hypervolume_view(made).agents

    assert curve.spent[-1] == 8.0
    assert curve.high[-1] == pytest.approx(30.0)


def test_long_curves_are_thinned_and_keep_their_end():
    steps = np.arange(1, 5001)

    (curve,) = hypervolume_view(_frame_with((0, 0, steps, steps / 5000))).agents

    assert len(curve.spent) == MAX_STEPS
    assert curve.median[-1] == pytest.approx(100.0)


def test_agents_are_drawn_as_lines_and_bands_only_for_several_seeds():
    made = _frame_with((0, 0, [1, 9], [0.1, 0.3]), (1, 0, [1, 9], [0.1, 0.3]), (1, 1, [1, 9], [0.2, 0.5]))

    figure = hypervolume_figure(hypervolume_view(made), LIGHT)

    assert [trace.name for trace in figure.data if trace.showlegend is not False] == [
        "random",
        "nsga2 · 2 seeds",
    ]
    assert sum(trace.fill == "tonexty" for trace in figure.data) == 1


def test_without_curves_it_says_when_they_begin():
    figure = hypervolume_figure(hypervolume_view(frame([])), LIGHT)

    assert "first feasible design" in figure.layout.annotations[0].text


def test_a_campaign_draws_one_curve_an_agent(frame):
    view = hypervolume_view(frame)

    assert [(curve.agent, curve.n_seeds) for curve in view.agents] == [("random", 2), ("local", 2)]


def test_with_estimates_the_axis_counts_full_simulations():
    exact, mixed = frame([(1, 2, 3)] * 2), frame([(1, 2, 3)] * 2, estimated=[1])
    for made in (exact, mixed):
        object.__setattr__(made, "curves", (Curve(Run(1, 0, 0), np.array([1.25]), np.array([0.3])),))

    titles = [
        hypervolume_figure(hypervolume_view(made), LIGHT).layout.xaxis.title.text for made in (exact, mixed)
    ]

    assert titles == ["Unique designs simulated", "Full simulations spent"]
