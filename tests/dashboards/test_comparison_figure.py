"""A comparison of searchers as figures and as a page."""

from __future__ import annotations

import re

import pytest

from dashboards.comparison_page import comparison_page
from dashboards.figures.comparison import (
    KINDS,
    anytime_panels,
    comparison_figure,
    entry_panels,
    improvement_panels,
    interval_panels,
    profile_panels,
)
from dse import registry
from dse.comparison.compare import compare
from dse.errors import LookupFailed
from tests.dashboards.stores import HOSTILE

SEVERAL, ONE = "objectives=time_ns + energy_pj", "objectives=energy_pj"


def study_of(**more):
    return {
        "name": "which",
        "simulator": {"name": "fake"},
        "workloads": [{"trace": "synthetic:stream?n=200", "name": "stream"}],
        "objectives": [{"metric": "time_ns"}],
        "agents": [
            {"name": "random", "seeds": 3},
            {"name": "local", "seeds": 3},
            {"name": "local", "label": HOSTILE, "seeds": 3, "options": {"chains": 2}},
        ],
        "budget": {"unique": 30, "batch": 8},
        "matrix": {
            "objectives": [[{"metric": "time_ns"}, {"metric": "energy_pj"}], [{"metric": "energy_pj"}]]
        },
        **more,
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.SIMULATORS, "fake", "tests.dse.fake:FakeSimulator")
        store = tmp_path_factory.mktemp("comparison") / "store.sqlite"
        return compare(study_of(), store=store, by="name", budgets=[5, 30])


def test_of_several_objectives_the_hypervolume_is_drawn_of_one_the_regret(found):
    panels = anytime_panels(found)

    assert [(panel.title, panel.y) for panel in panels] == [
        ("all cells (interquartile mean)", "Regret"),
        (SEVERAL, "Hypervolume (% of best known)"),
        (ONE, "Regret"),
    ]


def test_the_hypervolume_rises_within_its_band(found):
    line = anytime_panels(found)[1].lines[0]

    assert list(line.y) == sorted(line.y)
    assert all(low <= y <= high for low, y, high in zip(line.low, line.y, line.high, strict=True))
    assert 0 <= min(line.low) <= max(line.high) <= 100
    assert (line.x[0], line.x[-1]) == (1.0, 30.0)


def test_every_budget_has_its_dots(found):
    assert [panel.title for panel in interval_panels(found)] == [
        "after 5 simulations",
        "after 30 simulations",
    ]
    assert [dot.row for dot in interval_panels(found)[0].dots] == list(found.agents)
    assert [dot.row for dot in improvement_panels(found)[1].dots] == list(found.agents[1:])


def test_a_profile_rises_to_all_runs(found):
    (panel,) = profile_panels(found)

    assert all(list(line.y) == sorted(line.y) for line in panel.lines)
    assert [line.y[-1] for line in panel.lines] == [1.0, 1.0, 1.0]


def test_the_default_entry_is_marked(found):
    (panel,) = entry_panels(found)

    assert [dot.special for dot in panel.dots if dot.row.endswith("(default)")] == [True]
    assert sum(dot.special for dot in panel.dots) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_kind_is_drawn_with_harmless_names(found, kind, theme):
    text = found.plot(kind, theme=theme).to_json()

    assert "<img" not in text.replace("\\u003c", "<")
    assert "%{x}" not in text


def test_an_agent_is_once_in_the_legend(found):
    figure = comparison_figure(found)

    names = [trace.name for trace in figure.data if trace.showlegend]
    assert len(names) == len(set(names)) == 3


def test_an_unknown_kind_is_named(found):
    with pytest.raises(LookupFailed, match="Did you mean 'profiles'"):
        comparison_figure(found, "profile")


def test_without_entries_the_figure_says_so(found):
    from dataclasses import replace

    figure = comparison_figure(replace(found, entries=(), algorithms=()), "entries")

    assert "--by name" in figure.layout.annotations[0].text


def test_the_page_has_every_figure_table_and_warning(found):
    page = comparison_page(found)

    assert re.findall(r'<div id="figure-(\w+)"', page) == [
        "anytime",
        "budgets",
        "profiles",
        "improvement",
        "entries",
    ]
    tables = ["budgets", "improvement", "targets", "wins", "algorithms", "entries", "effort", "cells"]
    assert list(dict.fromkeys(re.findall(r'id="table-(\w+)"', page))) == tables
    assert "Fewer than 10 seeds (the least: 3)" in page
    assert "3 agents, 2 cells, 18 runs" in page


def test_the_page_loads_nothing_from_elsewhere(found):
    page = comparison_page(found)

    assert re.findall(r"<(?:script|img|link|iframe)[^>]*(?:src|href)=\"(?!data:)[^\"]*\"", page) == []


def test_the_page_takes_names_for_text(found):
    page = comparison_page(found)

    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
