"""Hypervolume against unique simulations: how quickly each agent finds good trade-offs, and how surely.

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
from dse.campaign_result import CampaignResult  # fmt: skip

Floats = npt.NDArray[np.float64]
MAX_STEPS = 240


class AgentCurve(NamedTuple):
    """One agent: at `designs` unique designs the median, lowest and highest hypervolume over its seeds."""

    agent: str
    number: int
    designs: Floats
    median: Floats
    low: Floats
    high: Floats
    n_seeds: int


class HypervolumeView(NamedTuple):
    """All agents' curves; volumes in percent of what all runs together know by now."""

    campaign_id: str
    agents: tuple[AgentCurve, ...]


def hypervolume_view(frame: Frame) -> HypervolumeView:
    """The curves of a frame, one an agent that has evaluated something."""
    found = []
    scale = 100.0 / frame.best_volume if frame.best_volume > 0 else 0.0
    for index, agent in enumerate(frame.agents):
        curves = [curve for curve in frame.curves if curve.run.agent == index and len(curve.designs)]
        if curves:
            found.append(_agent_curve(agent, index, curves, scale))
    return HypervolumeView(frame.campaign_id, tuple(found))


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
    figure.update_xaxes(**axis("Unique designs simulated", colours, rangemode="tozero", hoverformat=",d"))
    figure.update_yaxes(**axis("Hypervolume (%)", colours))
    return figure


def _agent_curve(agent: str, index: int, curves: list[Curve], scale: float) -> AgentCurve:
    """Sampled where any seed moved, up to the design count that every seed has reached."""
    last = min(int(curve.designs[-1]) for curve in curves)
    moved = np.unique(np.concatenate([curve.designs for curve in curves]))
    designs = np.append(moved[moved < last], last).astype(np.float64)
    if len(designs) > MAX_STEPS:
        designs = designs[np.unique(np.linspace(0, len(designs) - 1, MAX_STEPS).astype(np.int64))]
    stacked = scale * np.vstack([_at(curve, designs) for curve in curves])
    return AgentCurve(
        agent,
        index,
        designs,
        np.median(stacked, axis=0),
        stacked.min(axis=0),
        stacked.max(axis=0),
        len(curves),
    )


def _at(curve: Curve, designs: Floats) -> Floats:
    """The volume that a run had reached at each design count (a staircase)."""
    step = np.searchsorted(curve.designs, designs, side="right") - 1
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
        figure.add_trace(go.Scatter(x=curve.designs, y=curve.low, **band))
        fill = {"fill": "tonexty", "fillcolor": translucent(colour, 0.16)}
        figure.add_trace(go.Scatter(x=curve.designs, y=curve.high, **fill, **band))
    seeds = f" · {curve.n_seeds} seeds" if curve.n_seeds > 1 else ""
    figure.add_trace(
        go.Scatter(
            x=curve.designs,
            y=curve.median,
            mode="lines+markers",
            legendgroup=f"agent{curve.number}",
            name=labels.plain(curve.agent) + seeds,
            hovertemplate="%{y:.2f} %",
            line={"color": colour, "width": 1.8, "shape": "hv", "dash": DASHES[curve.number % len(DASHES)]},
            marker={"symbol": symbol, "color": colour, "size": [0] * (len(curve.designs) - 1) + [8]},
        )
    )
