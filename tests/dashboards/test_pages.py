"""Pages and callbacks, as functions of a store and an address."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dash import no_update
from plotly.utils import PlotlyJSONEncoder

from dashboards.figures.style import LIGHT
from dashboards.pages import campaign, campaigns
from dashboards.pages.address import ViewState, campaign_address, campaign_of, view_state
from dashboards.pages.design import metric_groups, parameter_lines
from dashboards.pages.shell import page_for
from dashboards.pages.table import column_definitions, differences, front_rows_data
from dashboards.source import CampaignSource
from tests.dashboards.stores import HOSTILE, add_trials
from tests.dse.estimates import add_estimates


def _components(tree: Any) -> list[Any]:
    """Every component below a component, children first."""
    if isinstance(tree, list | tuple):
        return [found for part in tree for found in _components(part)]
    return [*_components(getattr(tree, "children", None)), tree] if hasattr(tree, "to_plotly_json") else []


def _text(tree: Any) -> str:
    """All text below a component."""
    if isinstance(tree, list | tuple):
        return " ".join(map(_text, tree))
    return _text(tree.children) if hasattr(tree, "children") else "" if tree is None else str(tree)


def _by_id(tree: Any, name: str) -> Any:
    return next(part for part in _components(tree) if getattr(part, "id", None) == name)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/campaign/3", "3"),
        ("/campaign/3/", "3"),
        ("/", None),
        (None, None),
        ("/campaign/", None),
        ("/x/3", None),
    ],
)
def test_the_campaign_is_read_from_the_path(path, expected):
    assert campaign_of(path) == expected


def test_an_address_comes_back_as_the_campaign_it_was_made_of():
    assert campaign_of(campaign_address("a/b c")) == "a/b c"


def test_a_query_gives_the_view(frame):
    state = view_state("?x=energy_pj&y=served&all=1&logx=1&logy=0&trial=12", frame)

    assert state == ViewState("energy_pj", "served", False, True, False, 12)


@pytest.mark.parametrize(
    "search", [None, "", "?", "?x=nope&y=%3Cscript%3E&trial=-1&logx=maybe", "?trial=1e9&trial=٣"]
)
def test_nonsense_in_a_query_falls_back(frame, search):
    assert view_state(search, frame) == ViewState("time_ns", "energy_pj")


def test_the_list_shows_every_campaign(source):
    page, crumbs = page_for(source, "/", "")

    assert "fake" in _text(page)
    assert "160" in _text(page)
    assert _text(crumbs) == "Campaigns"


def test_an_empty_list_says_what_to_do(tmp_path):
    page, _ = page_for(CampaignSource(tmp_path / "absent.sqlite"), "/", "")

    assert "dse run campaign.toml" in _text(page)


@pytest.mark.parametrize("path", ["/campaign/77", "/campaign/abc", "/elsewhere", "/campaign/1%00"])
def test_an_address_that_leads_nowhere_says_so(source, path):
    page, _ = page_for(source, path, "")

    assert any(word in _text(page) for word in ("No such", "Not in this store"))


def test_the_list_is_left_alone_while_nothing_happens(source):
    seen = campaigns.version(source.summaries())

    assert campaigns.refreshed(source, seen) == (no_update, no_update)


def test_the_list_follows_a_campaign_that_goes_on(growing_store):
    source = CampaignSource(growing_store)
    seen = campaigns.version(source.summaries())
    add_trials(growing_store, 7)

    listing, version = campaigns.refreshed(source, seen)

    assert version != seen
    assert "167" in _text(listing)


def test_the_campaign_page_opens_in_the_state_of_its_address(frame):
    page = campaign.layout(frame, "?x=energy_pj&y=time_ns&all=1&trial=5")

    assert _by_id(page, "x-axis").value == "energy_pj"
    assert not _by_id(page, "feasible-only").checked
    assert _by_id(page, "selected").data == 5
    assert _by_id(page, "front-table").selectedRows == {"ids": ["5"]}


def test_a_poll_without_news_changes_nothing(source, frame):
    assert campaign.polled(source, "1", frame.version) == (no_update,) * 4


def test_a_poll_with_news_brings_overview_and_table(growing_store):
    source = CampaignSource(growing_store)
    seen = source.frame("1").version
    add_trials(growing_store, 3)

    version, overview, rows, caption = campaign.polled(source, "1", seen)

    assert version != seen
    assert "163" in _text(overview)
    assert len(rows) >= 1
    assert "designs" in caption


def test_a_store_that_goes_away_leaves_the_page_alone(growing_store):
    source = CampaignSource(growing_store)
    source.frame("1")
    growing_store.unlink()

    assert campaign.polled(source, "1", "x") == (no_update,) * 4


def test_a_design_shows_parameters_metrics_and_downloads(source, frame):
    trial = int(frame.trial[frame.front[0]])

    page = campaign.panel(source, "1", trial, "light")

    text = _text(page)
    assert f"Design {trial}" in text
    assert "on the front" in text
    assert all(label in text for label in ("Time", "Energy", "Served", "Baseline", "Buffers"))
    links = [part.href for part in _components(page) if getattr(part, "className", "") == "export"]
    assert links == [f"/export/1/{trial}/{target}.zip" for target in ("dramsys", "ramulator2", "dramsim3")]


@pytest.mark.parametrize("trial", [None, 10**9])
def test_without_a_design_the_panel_says_how_to_choose_one(source, trial):
    assert "No design selected" in _text(campaign.panel(source, "1", trial, "light"))


def test_changed_parameters_are_marked_beside_the_baseline(frame):
    row = next(row for row in range(len(frame)) if (frame.indices[row] != frame.baseline_indices).any())

    lines = [line for group in parameter_lines(frame, row).values() for line in group]

    assert any(line.changed for line in lines)
    assert all((line.value != line.baseline) == line.changed for line in lines)


def test_parameters_are_grouped_by_subsystem(frame):
    assert list(parameter_lines(frame, 0)) == [part.name for part in frame.space.subsystems]


def test_metrics_without_a_group_find_one(frame):
    assert {"energy", "other"} <= set(metric_groups(frame.schema))


def test_the_table_has_one_row_a_design_of_the_front(frame):
    rows = front_rows_data(frame)

    assert [row["trial"] for row in rows] == frame.trial[frame.front].tolist()
    assert [row["value0"] for row in rows] == sorted(row["value0"] for row in rows)


def test_the_table_names_what_a_design_changes(frame):
    assert differences(frame, frame.row_of(1)) == ""  # the baseline is the first trial
    assert "Buffers" in " ".join(differences(frame, row) for row in frame.front.tolist())


def test_the_columns_follow_the_objectives(frame):
    heads = [column["headerName"] for column in column_definitions(frame)]

    assert heads[:2] == ["Design", "Agent"]
    assert heads[2:6:2] == ["Time (ns)", "Energy (pJ)"]


@pytest.mark.parametrize(
    ("click", "expected"),
    [
        ({"points": [{"customdata": 7}]}, 7),
        ({"points": [{"x": 1}]}, None),
        ({"points": []}, None),
        ({"points": [{"customdata": "7"}]}, None),
        ({"points": [{"customdata": True}]}, None),
        (None, None),
        ("text", None),
    ],
)
def test_a_click_gives_the_trial_it_hit(click, expected):
    assert campaign.clicked_trial(click) == expected


@pytest.mark.parametrize(
    ("cell", "expected"), [({"rowId": "12"}, 12), ({"rowId": "x"}, None), ({}, None), (None, None)]
)
def test_a_row_gives_its_trial(cell, expected):
    assert campaign.clicked_row(cell) == expected


def test_hostile_names_are_shown_as_text_only(hostile_store):
    source = CampaignSource(hostile_store)

    pages = [
        page_for(source, "/", "")[0],
        page_for(source, "/campaign/1", "")[0],
        campaign.panel(source, "1", 1, "light"),
    ]

    parts = _components(pages)
    assert HOSTILE in _text(pages[0])
    assert not any(getattr(part, "dangerously_allow_html", False) for part in parts)
    assert not any(type(part).__name__ in ("Markdown", "DangerouslySetInnerHTML", "Iframe") for part in parts)
    assert all(
        str(getattr(part, "href", "/")).startswith(("/", "#"))
        for part in parts
        if getattr(part, "href", None)
    )


def test_pages_are_plain_json(source):
    page, _ = page_for(source, "/campaign/1", "")

    assert json.loads(json.dumps(page, cls=PlotlyJSONEncoder))
    assert LIGHT.name == "light"


def test_the_overview_of_a_campaign_with_estimates_counts_them_apart(growing_store):
    before = _text(campaign.layout(CampaignSource(growing_store).frame("1"), None))
    add_estimates(growing_store, 6)

    after = _text(campaign.layout(CampaignSource(growing_store).frame("1"), None))

    assert "Unique designs 160  / 160" in before
    assert "Estimated only" not in before
    assert "Full simulations 161.5  / 160" in after
    assert "Estimated only 6" in after


@pytest.mark.parametrize(
    ("fidelity", "tag"), [(0.25, "estimated from 25 % of the requests"), (0.0, "only predicted")]
)
def test_the_panel_of_an_estimate_says_that_it_is_one(growing_store, fidelity, tag):
    add_estimates(growing_store, 1, fidelity=fidelity)
    source = CampaignSource(growing_store)

    shown = _text(campaign.panel(source, "1", int(source.frame("1").trial[-1]), "light"))

    assert tag in shown
    assert "feasible" not in shown
    assert "violates" not in shown
