"""Hypervolume against full simulations spent: how quickly each agent finds good trade-offs, and how surely.

Several seeds of an agent become a median and the band from the worst to the best seed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from dashboards import labels
from dashboards.data import Curve, Frame
from dashboards.figures.style import (
    DASHES,
    Scheme,
    agent_mark,
    axis,
    message_figure,
    plain_figure,
    scheme,
    translucent,
)
from dashboards.source import frame_of
from dse.campaign.result import CampaignResult  # fmt: skip

Floats = npt.NDArray[np.float64]
MAX_STEPS = 240


class AgentCurve(NamedTuple):
    """One agent: the median, lowest and highest hypervolume of its seeds when each had spent `spent`."""

    agent: str
    number: int
    spent: Floats
    median: Floats
    low: Floats
    high: Floats
    n_seeds: int


class HypervolumeView(NamedTuple):
    """All agents' curves; volumes in percent of what all runs together know by now.

    estimated: whether there are estimates, which cost parts of a full simulation.
    """

    campaign_id: str
    agents: tuple[AgentCurve, ...]
    estimated: bool = False


def hypervolume_view(frame: Frame) -> HypervolumeView:
    """The curves of a frame, one an agent that has evaluated something."""
    found = []
    scale = 100.0 / frame.best_volume if frame.best_volume > 0 else 0.0
    for index, agent in enumerate(frame.agents):
        curves = [curve for curve in frame.curves if curve.run.agent == index and len(curve.spent)]
        if curves:
            found.append(_agent_curve(agent, index, curves, scale))
    return HypervolumeView(frame.campaign_id, tuple(found), bool(frame.estimated.any()))


def growth_figure(result: CampaignResult, *, theme: str = "light") -> go.Figure:
    """How fast each agent of a result found its designs: what `result.plot("hypervolume")` shows."""
    colours = scheme(theme)
    figure = hypervolume_figure(hypervolume_view(frame_of(result.record, result.trials)), colours)
    title = {"text": labels.plain(result.name), "x": 0.01, "font": {"size": 14}}
    return figure.update_layout(paper_bgcolor=colours.paper, title=title, margin={"t": 72})


def hypervolume_figure(view: HypervolumeView, colours: Scheme) -> go.Figure:
    """The view as a figure: one line an agent, its band when there are several seeds."""
    if not view.agents:
        return message_figure("The curve starts with the first feasible design.", colours)
    figure = plain_figure(colours, f"{view.campaign_id}-hv", hovermode="x unified")
    for curve in view.agents:
        _add_curve(figure, curve, colours)
    unit, form = ("Full simulations spent", ",.1f") if view.estimated else ("Unique designs simulated", ",d")
    figure.update_xaxes(**axis(unit, colours, rangemode="tozero", hoverformat=form))
    figure.update_yaxes(**axis("Hypervolume (%)", colours))
    return figure


def _agent_curve(agent: str, index: int, curves: list[Curve], scale: float) -> AgentCurve:
    """Sampled where any seed moved, up to what every seed has spent."""
    last = min(float(curve.spent[-1]) for curve in curves)
    moved = np.unique(np.concatenate([curve.spent for curve in curves]))
    spent = np.append(moved[moved < last], last)
    if len(spent) > MAX_STEPS:
        spent = spent[np.unique(np.linspace(0, len(spent) - 1, MAX_STEPS).astype(np.int64))]
    stacked = scale * np.vstack([_at(curve, spent) for curve in curves])
    return AgentCurve(
        agent,
        index,
        spent,
        np.median(stacked, axis=0),
        stacked.min(axis=0),
        stacked.max(axis=0),
        len(curves),
    )


def _at(curve: Curve, spent: Floats) -> Floats:
    """The volume that a run had reached when it had spent that much (a staircase)."""
    step = np.searchsorted(curve.spent, spent, side="right") - 1
    return np.where(step < 0, 0.0, curve.volumes[np.maximum(step, 0)])


def _add_curve(figure: go.Figure, curve: AgentCurve, colours: Scheme) -> None:
    colour, symbol = agent_mark(curve.number, colours)
    if curve.n_seeds > 1:
        edge = {
            "mode": "lines",
            "line": {"width": 0, "shape": "hv"},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        band = {"legendgroup": f"agent{curve.number}", "name": labels.plain(curve.agent), **edge}
        figure.add_trace(go.Scatter(x=curve.spent, y=curve.low, **band))
        fill = {"fill": "tonexty", "fillcolor": translucent(colour, 0.16)}
        figure.add_trace(go.Scatter(x=curve.spent, y=curve.high, **fill, **band))
    seeds = f" · {curve.n_seeds} seeds" if curve.n_seeds > 1 else ""
    figure.add_trace(
        go.Scatter(
            x=curve.spent,
            y=curve.median,
            mode="lines+markers",
            legendgroup=f"agent{curve.number}",
            name=labels.plain(curve.agent) + seeds,
            hovertemplate="%{y:.2f} %",
            line={"color": colour, "width": 1.8, "shape": "hv", "dash": DASHES[curve.number % len(DASHES)]},
            marker={"symbol": symbol, "color": colour, "size": [0] * (len(curve.spent) - 1) + [8]},
        )
    )
