"""Importance, tornado and waterfall as figures."""

from __future__ import annotations

import pytest

from dashboards.figures.importance import MOST_BARS, bars_of, fall_of, importance_figure, reaches_of
from dashboards.figures.style import LIGHT
from dse.importance import (
    AnalysedMetric,
    Estimate,
    Importance,
    Influence,
    MetricImportance,
    OneAtATime,
    Shapley,
    Share,
    Step,
)

LATENCY = AnalysedMetric("read_latency_p95_ns", "ns", "min")
LOAD = AnalysedMetric("served_load", "", "max")


def influence(name, total, kind="parameter"):
    return Influence(name, kind, "core", Estimate(total / 2, 0.0, total), Estimate(total, total / 2, 1.0))


def importance(*influences, refused=""):
    one = MetricImportance("read_latency_p95_ns", "log", 80, 20, 0.912, refused, influences)
    return Importance("sort <b>", (one,), 100, 0, 0, (), {})


def step(value, change, *, parameter="depth", state="measured", feasible=True, current=False):
    return Step(parameter, "core", value, current, state, feasible, (200.0 + 2 * change, 0.5))


def around(*steps):
    metrics = (LATENCY, LOAD)
    return OneAtATime("sort", "knee, trial 7", {"depth": 2}, metrics, (200.0, 0.5), steps, 3)


def shapley(*values, before=20_000.0):
    shares = tuple(Share(f"part_{i}", (), (value,)) for i, value in enumerate(values))
    return Shapley("sort", "trial 7", (LATENCY,), (before,), (before + sum(values),), shares, 8, 0)


def test_bars_say_how_good_the_fit_is():
    (bars,) = bars_of(importance(influence("depth", 0.6)), "parameter")

    assert bars.label == "Read latency p95 (log), R² 0.91"
    assert [one.name for one in bars.influences] == ["depth"]


def test_a_refused_metric_has_no_bars():
    (bars,) = bars_of(importance(refused="too few"), "parameter")

    assert bars.label.endswith("not predictable")
    assert importance_figure(importance(refused="too few")).data[0].x == ()


def test_only_the_most_important_parameters_are_drawn():
    many = [influence(f"p{i}", 0.5) for i in range(MOST_BARS + 5)]

    (bars,) = bars_of(importance(*many), "parameter")

    assert len(bars.influences) == MOST_BARS


def test_importance_has_a_panel_of_subsystems_over_one_of_parameters():
    figure = importance_figure(importance(influence("depth", 0.6), influence("core", 0.8, "subsystem")))

    assert [(bar.y[0], bar.x[0]) for bar in figure.data] == [
        ("Core", 0.8),
        ("Core", 0.4),
        ("Depth", 0.6),
        ("Depth", 0.3),
    ]
    assert tuple(figure.data[0].error_x.array) == pytest.approx((0.2,))
    assert tuple(figure.data[0].error_x.arrayminus) == pytest.approx((0.4,))
    assert "<b>" not in figure.layout.title.text


def test_the_farthest_parameter_leads_a_tornado():
    found = reaches_of(
        around(
            step(2, 0.0, current=True),
            step(3, 5.0),
            step("a", 0.0, parameter="mode", current=True),
            step("b", -10.0, parameter="mode"),
        ),
        0,
    )

    assert [(reach.parameter, reach.low, reach.high) for reach in found] == [
        ("mode", -10.0, 0.0),
        ("depth", 0.0, 5.0),
    ]


def test_a_parameter_whose_present_value_is_not_among_the_steps_is_drawn():
    (reach,) = reaches_of(around(step(3, 5.0)), 0)

    assert (reach.low, reach.high, reach.points) == (0.0, 5.0, (("3", 5.0),))


def test_a_parameter_without_another_value_is_not_drawn():
    assert reaches_of(around(step(2, 0.0, current=True)), 0) == ()


def test_values_that_cannot_be_used_are_counted_and_not_drawn():
    steps = (
        step(2, 0.0, current=True),
        step(3, 5.0),
        step(4, 9e5, feasible=False),
        step(5, float("nan"), state="failed", feasible=False),
        step(6, 0.0, state="no effect"),
    )

    (reach,) = reaches_of(around(*steps), 0)
    figure = importance_figure(around(*steps))

    assert reach.points == (("3", 5.0),)
    assert reach.outside == 1
    texts = [note.text for note in figure.layout.annotations]
    assert texts.count("1 value violates a constraint and is not shown") == 2


def test_a_change_for_the_better_is_green_whichever_way_it_goes():
    figure = importance_figure(around(step(2, 0.0, current=True), step(3, 5.0)))

    low_latency, _, _, low_load, high_load, _ = figure.data
    assert low_latency.marker.color == high_load.marker.color
    assert low_latency.marker.color != low_load.marker.color


def test_a_waterfall_goes_from_the_baseline_to_the_design_in_a_readable_unit():
    fall = fall_of(shapley(-4000.0, 0.0, 1000.0), 0)

    assert (fall.unit, fall.before, fall.after) == ("µs", 20.0, 17.0)
    assert fall.parts == (("part_0", -4.0), ("part_2", 1.0))


def test_less_latency_is_green_in_a_waterfall():
    (steps,) = importance_figure(shapley(-4000.0, 1000.0)).data

    assert steps.decreasing.marker.color == LIGHT.better
    assert list(steps.y) == ["Baseline", "Part 0", "Part 1", "This design"]
    assert list(steps.text[1:3]) == ["−4", "+1"]


def test_a_waterfall_shows_the_range_in_which_something_happens():
    figure = importance_figure(shapley(-100.0, 50.0))

    low, high = figure.layout.xaxis.range
    assert 19.8 < low < 19.9 < 20.0 < high < 20.1


def test_results_draw_themselves():
    assert shapley(1.0).plot().layout.title.text == "What each subsystem contributes: trial 7 of sort"
