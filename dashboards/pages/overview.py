"""The strip of numbers above a campaign: how far it is and what it has found."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import labels
from dashboards.data import Frame, column_scale
from dashboards.pages.pieces import change_text, progress_bar, state_badge, value_text


def overview(frame: Frame) -> list[Any]:
    """The strip of numbers at the top."""
    rate = f"{labels.number(frame.rate_per_s, 3)} designs/s" if frame.rate_per_s else ""
    n_agents = len(frame.agents) - (frame.reference_agent >= 0)
    agents = f"{n_agents} agent{'' if n_agents == 1 else 's'}"
    share = 100.0 * float(frame.feasible[frame.unique].mean()) if frame.unique.any() else float("nan")
    n_estimated = int(frame.estimated.sum())
    ladder = n_estimated > 0
    tiles = [
        _tile("State", state_badge(frame.state), rate or agents),
        _tile(
            "Full simulations" if ladder else "Unique designs",
            [labels.spent(frame.spent), html.Span(f" / {labels.count(frame.budget)}", className="of")]
            if frame.budget
            else labels.spent(frame.spent),
            progress_bar(frame.spent, frame.budget),
        ),
        *([_estimates_tile(n_estimated)] if ladder else []),
        _tile("Feasible", [labels.number(share, 3), html.Span("%", className="unit")], "of the designs"),
        _tile("Front", labels.count(len(frame.front)), "non-dominated"),
    ]
    tiles += [_best_tile(frame, objective.metric) for objective in frame.objectives]
    agent, share = frame.best_share
    held = [labels.number(100.0 * share, 4), html.Span("%", className="unit")] if agent else labels.MISSING
    return [*tiles, _tile("Hypervolume", held, f"of best known, {agent}" if agent else " ")]


def _tile(name: str, value: Any, below: Any) -> html.Div:
    return html.Div(
        [
            html.Div(name, className="muted small"),
            html.Div(value, className="tile-value"),
            html.Div(below, className="muted small below"),
        ],
        className="tile",
    )


def _estimates_tile(estimated: int) -> html.Div:
    """Trials that no other tile counts, no plot shows and no front holds."""
    return _tile("Estimated only", labels.count(estimated), "not shown: no full simulation")


def _best_tile(frame: Frame, metric: str) -> html.Div:
    direction = frame.direction(metric)
    column = frame.columns(metric)[frame.unique & frame.feasible, 0]
    column = column[column == column]
    label = "Best " + labels.metric_label(metric).lower()
    if not len(column):
        return _tile(label, labels.MISSING, "no feasible design yet")
    best = float(column.max() if direction == "max" else column.min())
    baseline = frame.baseline_values(metric)
    reference = baseline[0] if baseline else float("nan")
    below = [change_text(best, reference, direction), " from baseline"] if baseline else " "
    return _tile(label, value_text(best, column_scale(frame, metric)), below)
