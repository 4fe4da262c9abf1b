"""The parts of a total."""

from __future__ import annotations

from dashboards.figures.breakdown import breakdown, breakdown_figure
from dashboards.figures.style import LIGHT
from tests.dashboards.frames import SCHEMA


def test_parts_are_found_by_name_and_share_a_scale():
    view = breakdown(
        SCHEMA, {"energy_read_pj": 3e6, "energy_idle_pj": 1e6}, {"energy_read_pj": 2e6, "energy_idle_pj": 0.0}
    )

    assert view.parts == ("Read", "Idle")
    assert view.unit == "nJ"
    assert [(bar.label, bar.values) for bar in view.bars] == [
        ("This design", (3000.0, 1000.0)),
        ("Baseline", (2000.0, 0.0)),
    ]


def test_parts_that_are_zero_everywhere_are_left_out():
    view = breakdown(SCHEMA, {"energy_read_pj": 3.0, "energy_idle_pj": 0.0}, None)

    assert view.parts == ("Read",)


def test_nothing_to_break_down_is_an_empty_view():
    assert breakdown(SCHEMA, {}, None).parts == ()


def test_every_part_is_one_bar_a_row():
    view = breakdown(SCHEMA, {"energy_read_pj": 3.0, "energy_idle_pj": 1.0}, {"energy_read_pj": 1.0})

    figure = breakdown_figure(view, LIGHT)

    assert [list(trace.y) for trace in figure.data] == [["This design", "Baseline"]] * 2
