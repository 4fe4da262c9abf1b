"""The small parts that pages are made of: cards, badges, empty states, changes against the baseline."""

from __future__ import annotations

import math
from typing import Any

import dash_mantine_components as dmc
from dash import html

from dashboards import labels

_STATES = {
    "running": "running",
    "finished": "done",
    "done": "done",
    "complete": "done",
    "completed": "done",
    "interrupted": "paused",
    "paused": "paused",
    "created": "paused",
    "new": "paused",
    "failed": "failed",
}


def card(
    title: str | None, *children: Any, tools: Any = None, className: str = "", **props: Any
) -> html.Section:
    """A titled panel with optional controls at the right of its title."""
    head = (
        html.Header([html.H2(title), html.Div(tools, className="tools")], className="card-head")
        if title
        else None
    )
    return html.Section([head, *children], className=f"card {className}".strip(), **props)


def state_badge(state: str) -> html.Span:
    """The state of a campaign: a word with a mark, never a colour alone."""
    kind = _STATES.get(state.lower(), "paused")
    return html.Span(
        [html.Span(className="dot", **{"aria-hidden": "true"}), state], className=f"badge {kind}"
    )


def empty_state(title: str, text: Any, code: str | None = None) -> html.Div:
    """What to show where there is nothing: what is missing and the command that helps."""
    lines = [html.H3(title), html.P(text)]
    return html.Div([*lines, html.Pre(code)] if code else lines, className="empty")


def change_text(value: float, reference: float, direction: str) -> html.Span:
    """The change against the baseline with an arrow; better or worse by colour and by word for readers."""
    percent = labels.change(value, reference)
    if not math.isfinite(percent):
        return html.Span(labels.MISSING, className="delta")
    sign = {"min": -1.0, "max": 1.0}.get(direction, 0.0) * percent
    verdict = "" if abs(percent) < 0.05 or sign == 0.0 else "better" if sign > 0 else "worse"
    return html.Span(labels.percent(percent), className=f"delta {verdict}".strip(), title=verdict or None)


def value_text(value: float, scale: labels.Scale) -> list[Any]:
    """A number and, set quietly behind it, its unit."""
    text = labels.number(value * scale.factor)
    unit = html.Span(scale.unit, className="unit")
    return [text, unit] if scale.unit and text != labels.MISSING else [text]


def progress_bar(done: float, total: int) -> html.Div:
    """A thin bar with its value for screen readers."""
    share = 0.0 if total <= 0 else min(1.0, done / total)
    return html.Div(
        html.Div(style={"width": f"{100 * share:.2f}%"}),
        className="bar",
        role="progressbar",
        **{"aria-valuenow": f"{done:g}", "aria-valuemin": "0", "aria-valuemax": f"{max(total, done):g}"},
    )


def agent_mark(name: str, index: int) -> html.Span:
    """An agent's name behind the mark it has in the plots."""
    return html.Span(
        [html.Span(className=f"mark agent-{index % 8}", **{"aria-hidden": "true"}), name], className="agent"
    )


def theme_switch() -> dmc.ColorSchemeToggle:
    """Light, dark, and at first what the system prefers; the browser remembers."""
    return dmc.ColorSchemeToggle(
        id="theme",
        lightIcon=_icon("sun"),
        darkIcon=_icon("moon"),
        variant="subtle",
        color="gray",
        size="md",
        **{"aria-label": "Switch between light and dark"},
    )


def _icon(name: str) -> html.Span:
    return html.Span(className=f"dse-icon dse-{name}", **{"aria-hidden": "true"})
