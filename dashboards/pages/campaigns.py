"""The list of campaigns: how far each is, how fast, and what it has found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update

from dashboards import labels
from dashboards.data import Summary
from dashboards.figures.sparkline import HEIGHT, WIDTH, sparkline_image
from dashboards.pages.address import campaign_address
from dashboards.pages.pieces import change_text, empty_state, progress_bar, state_badge, value_text
from dashboards.source import CampaignSource, Unavailable

_HEADS = (
    "Campaign",
    "State",
    "Budget spent",
    "Rate",
    "Front",
    "Best of each objective, against the baseline",
    "Hypervolume",
)


def layout(summaries: Sequence[Summary]) -> html.Div:
    """The page with what is known now."""
    return html.Div(
        [
            dcc.Store(id="list-version", data=version(summaries)),
            html.Div(listing(summaries), id="list", className="list-page"),
        ]
    )


def register(app: Dash, source: CampaignSource) -> None:
    """Refresh the list while campaigns run."""

    @app.callback(
        Output("list", "children"),
        Output("list-version", "data"),
        Input("tick", "n_intervals"),
        State("list-version", "data"),
        prevent_initial_call=True,
    )
    def refresh(_: int, seen: str) -> Any:
        return refreshed(source, seen)


def refreshed(source: CampaignSource, seen: str) -> tuple[Any, Any]:
    """The list and its version, or twice no_update when nothing has happened since `seen`."""
    try:
        summaries = source.summaries()
    except Unavailable:
        return no_update, no_update
    now = version(summaries)
    return (no_update, no_update) if now == seen else (listing(summaries), now)


def version(summaries: Sequence[Summary]) -> str:
    """Changes whenever a line of the list does."""
    return ";".join(
        f"{s.campaign_id}:{s.state}:{s.spent:g}:{s.front_size}:{s.rate_per_s:.3g}" for s in summaries
    )


def listing(summaries: Sequence[Summary]) -> Any:
    """The table, or what to do when there is no campaign."""
    if not summaries:
        return empty_state(
            "No campaign yet", "Run one and it appears here while it is still going:", "dse run campaign.toml"
        )
    running = sum(summary.state == "running" for summary in summaries)
    title = f"{labels.count(len(summaries))} campaign{'s' if len(summaries) != 1 else ''}"
    lead = f"{running} running" if running else "none running"
    head = html.Thead(html.Tr([html.Th(text, scope="col") for text in _HEADS]))
    body = html.Tbody([_line(summary) for summary in summaries])
    return [
        html.Div([html.H1(title), html.Span(lead, className="muted")], className="page-head"),
        html.Div(html.Table([head, body], className="campaigns"), className="card table-card"),
    ]


def _line(summary: Summary) -> html.Tr:
    about = " · ".join([summary.simulator, *summary.workloads])
    name = [
        dcc.Link(summary.name, href=campaign_address(summary.campaign_id), className="campaign-name"),
        html.Div(about, className="muted small"),
        html.Div(", ".join(summary.agents), className="muted small"),
    ]
    goal = f" / {labels.count(summary.budget)}" if summary.budget else ""
    progress = [
        html.Div([labels.spent(summary.spent), html.Span(goal, className="muted")]),
        progress_bar(summary.spent, summary.budget),
    ]
    rate = (
        [labels.number(summary.rate_per_s, 3), html.Span("/s", className="unit")]
        if summary.rate_per_s
        else "–"
    )
    return html.Tr(
        [
            html.Td(name),
            html.Td([state_badge(summary.state), html.Div(summary.created, className="muted small")]),
            html.Td(progress, className="number progress"),
            html.Td(rate, className="number"),
            html.Td(labels.count(summary.front_size), className="number"),
            html.Td(_best(summary)),
            html.Td(_curve(summary)),
        ]
    )


def _best(summary: Summary) -> Any:
    if not summary.best:
        return html.Span("no feasible design yet", className="muted")
    lines = []
    for metric, unit, direction, value, baseline in summary.best:
        scale = labels.scale_for(value, unit)
        lines.append(
            html.Div(
                [
                    html.Span(labels.metric_label(metric), className="muted"),
                    html.Span(value_text(value, scale), className="number"),
                    change_text(value, baseline, direction),
                ],
                className="best",
            )
        )
    return lines


def _curve(summary: Summary) -> Any:
    address = sparkline_image(summary.volumes)
    if address is None:
        return html.Span("–", className="muted")
    final = f"{100 * summary.volumes[-1]:.1f} %"
    return html.Div(
        [
            html.Img(
                src=address,
                width=WIDTH,
                height=HEIGHT,
                alt=f"Hypervolume rising to {final} of the best known",
            ),
            html.Span(final, className="number"),
        ],
        className="spark",
    )
