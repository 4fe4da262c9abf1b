"""The trade-off: what is shown, then how it is drawn."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dashboards.figures import front as front_module
from dashboards.figures.front import SELECTED_TRACE, draw_front, front_figure
from dashboards.figures.front_view import default_axes, front_view, selected_point, within, zoomed
from dashboards.figures.style import DARK, LIGHT
from dse.campaign.result import CampaignResult
from dse.objective import Objective
from tests.dashboards.frames import frame

POINTS = [(1, 8, 1), (2, 4, 5), (3, 5, 2), (4, 2, 3), (8, 2, 9)]


def test_the_front_is_what_nothing_beats_ordered_along_x():
    view = front_view(frame(POINTS), "delay_ns", "energy_pj")

    assert view.front.trials.tolist() == [1, 2, 4]
    assert view.front.x.tolist() == [1.0, 2.0, 4.0]


def test_a_metric_to_maximise_turns_the_front_around():
    view = front_view(frame(POINTS), "bandwidth_gbps", "delay_ns")

    assert view.front.trials.tolist() == [1, 2, 5]
    assert view.front.x.tolist() == [1.0, 5.0, 9.0]


@pytest.mark.parametrize(("x", "y"), [("requests", "delay_ns"), ("delay_ns", "delay_ns")])
def test_axes_that_cannot_conflict_have_no_front(x, y):
    assert len(front_view(frame(POINTS), x, y).front.trials) == 0


def test_infeasible_designs_are_hidden_and_counted():
    view = front_view(frame(POINTS, feasible=[0, 1, 1, 1, 1]), "delay_ns", "energy_pj")

    assert (view.total, view.hidden_infeasible) == (4, 1)
    assert 1 not in view.front.trials


def test_infeasible_designs_can_be_shown_apart_and_never_join_the_front():
    made = frame(POINTS, feasible=[0, 1, 1, 1, 1])

    view = front_view(made, "delay_ns", "energy_pj", feasible_only=False)

    assert [(cloud.feasible, len(cloud.trials)) for cloud in view.clouds] == [(False, 1), (True, 4)]
    assert 1 not in view.front.trials


def test_each_agent_has_a_cloud():
    view = front_view(frame(POINTS, agents=[0, 0, 1, 1, 2]), "delay_ns", "energy_pj")

    assert [(cloud.agent, cloud.trials.tolist()) for cloud in view.clouds] == [
        ("random", [1, 2]),
        ("nsga2", [3, 4]),
        ("reference", [5]),
    ]


def test_a_design_under_a_mark_of_the_front_does_not_take_its_click():
    twins = [(1.0, 5.0, 1.0), (1.0, 5.0, 1.0), (5.0, 1.0, 1.0), (6.0, 6.0, 1.0)]

    view = front_view(frame(twins, agents=[0, 1, 1, 1]), "delay_ns", "energy_pj")

    drawn = [trial for cloud in view.clouds for trial in cloud.trials.tolist()]
    assert sorted(drawn) == sorted({*view.front.trials.tolist(), 4})


def test_failed_designs_are_left_out():
    view = front_view(frame([*POINTS, (np.nan, np.nan, np.nan)]), "delay_ns", "energy_pj")

    assert view.total == 5


def test_large_values_are_shown_in_a_larger_unit():
    view = front_view(frame([(50_000.0, 1, 1), (70_000.0, 0.5, 1)]), "delay_ns", "energy_pj")

    assert view.x.title == "Delay (µs)"
    assert view.front.x.tolist() == [50.0, 70.0]


def test_a_wide_spread_is_shown_on_a_logarithmic_axis():
    points = [(10.0**k, 6 - k, 1) for k in range(6)]

    view = front_view(frame(points), "delay_ns", "energy_pj")

    assert (view.x.log, view.y.log) == (True, False)


def test_zero_refuses_a_logarithmic_axis():
    view = front_view(frame([(0.0, 1, 1), (1, 0.5, 1)]), "delay_ns", "energy_pj", log_x=True)

    assert not view.x.log


def test_a_baseline_nearby_is_in_view():
    view = front_view(frame(POINTS, baseline=(9.0, 9.0)), "delay_ns", "energy_pj")

    assert within(view.x, np.array([9.0]))[0]


def test_a_baseline_far_off_does_not_squeeze_the_rest():
    view = front_view(frame(POINTS, baseline=(900.0, 9.0)), "delay_ns", "energy_pj")

    assert not within(view.x, np.array([900.0]))[0]
    assert "the baseline" in draw_front(view, LIGHT).layout.annotations[0].text


def test_a_bound_is_drawn_with_its_forbidden_side():
    bounds = (Objective("delay_ns", "min", at_most=5.0), Objective("bandwidth_gbps", "max", at_least=1.0))

    view = front_view(frame(POINTS, constraints=bounds), "delay_ns", "energy_pj")

    assert [(bound.value, bound.forbidden) for bound in view.x.bounds] == [(5.0, "above")]
    assert view.y.bounds == ()
    assert sum(shape.type == "rect" for shape in draw_front(view, LIGHT).layout.shapes) == 1


def test_the_selected_design_is_marked_where_it_lies():
    view = front_view(frame(POINTS), "delay_ns", "energy_pj", selected=2)

    assert tuple(draw_front(view, LIGHT).data[SELECTED_TRACE].x) == (2.0,)
    assert selected_point(frame(POINTS), "delay_ns", "energy_pj", 2) == ([2.0], [4.0])


@pytest.mark.parametrize("trial", [None, 99])
def test_no_selection_is_marked_for_an_unknown_design(trial):
    assert selected_point(frame(POINTS), "delay_ns", "energy_pj", trial) == ([], [])


def test_every_point_carries_its_trial():
    figure = draw_front(front_view(frame(POINTS), "delay_ns", "energy_pj"), LIGHT)

    trials = {
        int(trial) for trace in figure.data if trace.customdata is not None for trial in trace.customdata
    }
    assert trials == {1, 2, 3, 4, 5}


def test_zoom_survives_new_designs_but_not_new_axes():
    few, more = frame(POINTS[:3]), frame(POINTS)

    revision = draw_front(front_view(few, "delay_ns", "energy_pj"), LIGHT).layout.uirevision

    assert draw_front(front_view(more, "delay_ns", "energy_pj"), LIGHT).layout.uirevision == revision
    assert draw_front(front_view(more, "delay_ns", "requests"), LIGHT).layout.uirevision != revision


def test_agents_differ_in_colour_and_in_symbol():
    view = front_view(frame(POINTS, agents=[0, 1, 0, 1, 0]), "delay_ns", "energy_pj")

    figure = draw_front(view, DARK)

    legend = [
        trace for trace in figure.data if trace.name in ("random", "nsga2") and trace.showlegend is not False
    ]
    assert len({trace.marker.color for trace in legend}) == 2
    assert len({trace.marker.symbol for trace in legend}) == 2


def test_many_designs_become_a_density_and_keep_their_front(monkeypatch):
    monkeypatch.setattr(front_module, "MAX_RAW_POINTS", 100)
    rng = np.random.default_rng(0)
    view = front_view(frame(rng.uniform(1, 2, (500, 3))), "delay_ns", "energy_pj")

    figure = draw_front(view, LIGHT)

    kinds = [trace.type for trace in figure.data]
    assert "heatmap" in kinds
    assert "scattergl" not in kinds
    drawn = next(trace for trace in figure.data if trace.name == "front designs")
    assert len(drawn.x) == len(view.front.x)


def test_a_density_can_be_drawn_on_logarithmic_axes(monkeypatch):
    monkeypatch.setattr(front_module, "MAX_RAW_POINTS", 100)
    rng = np.random.default_rng(0)
    view = front_view(
        frame(10 ** rng.uniform(0, 4, (500, 3))), "delay_ns", "energy_pj", log_x=True, log_y=True
    )

    heat = next(trace for trace in draw_front(view, LIGHT).data if trace.type == "heatmap")

    assert np.isfinite(heat.x).all()


def test_nothing_simulated_says_so():
    figure = draw_front(front_view(frame([]), "delay_ns", "energy_pj"), LIGHT)

    assert "No design has been simulated" in figure.layout.annotations[0].text


def test_nothing_feasible_says_what_to_do():
    figure = draw_front(front_view(frame(POINTS, feasible=[0] * 5), "delay_ns", "energy_pj"), LIGHT)

    assert "Turn off" in figure.layout.annotations[0].text


def test_hostile_names_of_agents_are_text(hostile_store):
    made = frame(POINTS)
    object.__setattr__(made, "agents", ("<b>%{x}</b>", "nsga2", "reference"))

    text = json.dumps(
        draw_front(front_view(made, "delay_ns", "energy_pj"), LIGHT).to_plotly_json(), default=str
    )

    assert "<b>%{x}" not in text
    assert "&lt;b&gt;% {x}" in text


def test_a_single_objective_is_set_against_another_metric():
    made = frame(POINTS)
    object.__setattr__(made, "objectives", made.objectives[:1])

    assert default_axes(made) == ("delay_ns", "energy_pj")


def test_a_result_draws_itself(finished_store):
    result = CampaignResult.load(finished_store, 1)

    figure = front_figure(result, theme="dark")

    drawn = next(trace for trace in figure.data if trace.name == "front designs")
    assert len(drawn.x) == len(result.front)
    assert result.plot(x="energy_pj", y="depth_used").layout.title.text == "fake"


KEY = "delay_ns|energy_pj|false|false"


def test_a_zoom_is_kept():
    view = zoomed(front_view(frame(POINTS), "delay_ns", "energy_pj"), {"key": KEY, "x": [1, 2.5], "y": None})

    assert view.x.visible == (1.0, 2.5)
    assert view.y == front_view(frame(POINTS), "delay_ns", "energy_pj").y


def test_a_zoom_to_everything_leaves_the_range_to_the_plot():
    view = zoomed(front_view(frame(POINTS), "delay_ns", "energy_pj"), {"key": KEY, "x": "auto", "y": "auto"})

    assert draw_front(view, LIGHT).layout.xaxis.range is None


@pytest.mark.parametrize(
    "zoom",
    [
        None,
        "text",
        {"key": "other", "x": [1, 2]},
        {"key": KEY, "x": [1]},
        {"key": KEY, "x": ["a", "b"]},
        {"key": KEY, "x": [float("nan"), 2]},
        {"key": KEY, "x": [1, float("inf")]},
        {"key": KEY, "x": {"0": 1}},
    ],
)
def test_a_zoom_that_makes_no_sense_is_ignored(zoom):
    view = front_view(frame(POINTS), "delay_ns", "energy_pj")

    assert zoomed(view, zoom).x == view.x


def test_estimates_are_neither_in_the_cloud_nor_on_the_front():
    made = frame([(1, 1, 1), (2, 3, 1), (3, 2, 1)], estimated=[0])

    view = front_view(made, "delay_ns", "energy_pj", feasible_only=False)

    assert view.total == 2
    assert view.front.trials.tolist() == [2, 3]
    assert [int(trial) for cloud in view.clouds for trial in cloud.trials] == [2, 3]
