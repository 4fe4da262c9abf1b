"""The trade-off as a figure: quiet designs, the front on top, baseline, bounds and the selected design.

Above 20,000 points the cloud becomes a density image made here, because a browser with a million points
stops answering.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboards import labels
from dashboards.figures.front_view import (
    AxisView,
    Cloud,
    FrontView,
    default_axes,
    front_view,
    within,
)
from dashboards.figures.style import (
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

MAX_RAW_POINTS = 20_000
MAX_VECTOR_POINTS = 1_500
DENSITY_BINS = 220
SELECTED_TRACE = 0


def front_figure(
    result: CampaignResult,
    *,
    x: str | None = None,
    y: str | None = None,
    feasible_only: bool = True,
    theme: str = "light",
) -> go.Figure:
    """The trade-off of a campaign's result, for notebooks and files: what `result.plot()` shows.

    x, y: metrics, by default the first two objectives. Raises ConfigError for a metric the campaign lacks.
    """
    frame = frame_of(result.record, result.trials)
    across, up = default_axes(frame)
    view = front_view(frame, x or across, y or up, feasible_only=feasible_only)
    colours = scheme(theme)
    figure = draw_front(view, colours)
    title = {"text": labels.plain(frame.name), "x": 0.01, "font": {"size": 14}}
    return figure.update_layout(paper_bgcolor=colours.paper, title=title, margin={"t": 72})


def draw_front(view: FrontView, colours: Scheme) -> go.Figure:
    """The view as a figure: quiet designs, the front over them, baseline, bounds, the selected design."""
    if view.total == 0:
        return message_figure(_nothing(view), colours, f"{view.campaign_id}-empty")
    revision = "|".join([view.campaign_id, view.x.metric, view.y.metric, str(view.x.log), str(view.y.log)])
    figure = plain_figure(colours, revision, clickmode="event")
    figure.add_trace(_selected_trace(view, colours))
    _add_clouds(figure, view, colours)
    if len(view.front.x):
        _add_front(figure, view, colours)
    if view.baseline is not None:
        _add_baseline(figure, view, colours)
    _add_bounds(figure, view, colours)
    _add_outside(figure, view, colours)
    figure.update_xaxes(**_axis_options(view.x, colours))
    figure.update_yaxes(**_axis_options(view.y, colours))
    return figure


def _nothing(view: FrontView) -> str:
    if view.hidden_infeasible:
        return (
            f"None of {labels.count(view.hidden_infeasible)} designs meets the constraints yet. "
            "Turn off “Feasible only” to see them."
        )
    return "No design has been simulated yet. Points appear here as the campaign runs."


def _add_outside(figure: go.Figure, view: FrontView, colours: Scheme) -> None:
    """Say what lies beyond the range shown at first."""
    parts = [f"{labels.count(view.outside)} designs"] if view.outside else []
    if view.baseline is not None and not _sees(view, view.baseline):
        parts.append("the baseline")
    if parts:
        text = f"Outside: {', '.join(parts)} · double-click for all"
        corner = {"xref": "paper", "yref": "paper", "x": 1, "y": 0, "xanchor": "right", "yanchor": "top"}
        font = {"size": 11, "color": colours.muted}
        figure.add_annotation(text=text, showarrow=False, font=font, yshift=-26, **corner)


def _sees(view: FrontView, point: tuple[float, float]) -> bool:
    axes = zip((view.x, view.y), point, strict=True)
    return all(bool(within(part, np.asarray([value]))[0]) for part, value in axes)


def _axis_options(view: AxisView, colours: Scheme) -> dict[str, Any]:
    options = axis(view.title + _arrow(view.direction), colours)
    options["type"] = "log" if view.log else "linear"
    if view.log:
        options["minor"] = {"ticks": "outside", "ticklen": 2, "tickcolor": colours.axis}
    if view.visible is not None:
        options["range"] = list(view.visible)
    return options


def _arrow(direction: str) -> str:
    return {"min": "  ←  less is better", "max": "  →  more is better"}.get(direction, "")


def _hover(view: FrontView, agent: str, remark: str = "") -> str:
    x, y = (labels.metric_label(axis_view.metric) for axis_view in (view.x, view.y))
    return (
        f"<b>Design %{{customdata}}</b>  {labels.plain(agent)}<br>{x}: %{{x:,.4~g}} {view.x.scale.unit}"
        f"<br>{y}: %{{y:,.4~g}} {view.y.scale.unit}{remark}<extra></extra>"
    )


def _selected_trace(view: FrontView, colours: Scheme) -> go.Scatter:
    at = view.selected
    return go.Scatter(
        x=[at[0]] if at else [],
        y=[at[1]] if at else [],
        mode="markers",
        name="selected",
        showlegend=False,
        hoverinfo="skip",
        zorder=9,
        cliponaxis=False,
        marker={"size": 18, "color": "rgba(0,0,0,0)", "line": {"width": 2.5, "color": colours.ink}},
    )


def _add_clouds(figure: go.Figure, view: FrontView, colours: Scheme) -> None:
    if view.total > MAX_RAW_POINTS:
        figure.add_trace(_density_trace(view, colours))
        return
    kind = go.Scatter if view.total <= MAX_VECTOR_POINTS else go.Scattergl
    in_legend: set[str] = set()
    for cloud in view.clouds:
        colour, symbol = _mark(cloud.number, view, colours)
        figure.add_trace(_cloud_trace(kind, view, cloud, colour, symbol))
        if cloud.agent not in in_legend:
            figure.add_trace(_legend_mark(cloud.agent, cloud.number, colour, symbol))
            in_legend.add(cloud.agent)


def _mark(number: int, view: FrontView, colours: Scheme) -> tuple[str, str]:
    """Colour and symbol of an agent; the reference sample is no agent and stays grey."""
    return (colours.muted, "x") if number == view.reference_agent else agent_mark(number, colours)


def _cloud_trace(kind: Any, view: FrontView, cloud: Cloud, colour: str, symbol: str) -> Any:
    """Quiet points of one agent; designs that violate a constraint are hollow."""
    quiet = translucent(colour, 0.32)
    hollow = not cloud.feasible
    line = {"width": 1 if hollow else 0, "color": quiet}
    marker = {"size": 5, "symbol": f"{symbol}-open" if hollow else symbol, "color": quiet, "line": line}
    return kind(
        x=cloud.x.astype(np.float32),
        y=cloud.y.astype(np.float32),
        customdata=cloud.trials.tolist(),  # as a list: Dash loses packed arrays when a point is clicked
        mode="markers",
        name=labels.plain(cloud.agent),
        legendgroup=f"agent{cloud.number}",
        showlegend=False,
        marker=marker,
        hovertemplate=_hover(view, cloud.agent, "" if cloud.feasible else "<br>violates a constraint"),
    )


def _legend_mark(agent: str, number: int, colour: str, symbol: str) -> go.Scatter:
    """The quiet points would be lost in the legend: it shows a full mark that stands for them."""
    return go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        name=labels.plain(agent),
        legendgroup=f"agent{number}",
        hoverinfo="skip",
        marker={"size": 8, "symbol": symbol, "color": colour},
    )


def _density_trace(view: FrontView, colours: Scheme) -> go.Heatmap:
    """Where the designs lie: counts on a grid over the visible range, even in what the axis shows."""
    edges, cells = [], []
    for part, side in ((view.x, 0), (view.y, 1)):
        column = np.concatenate([cloud[3 + side] for cloud in view.clouds])
        low, high = part.visible or (0.0, 1.0)
        shown = np.log10(column) if part.log else column
        cells.append(np.floor((shown - low) / (high - low) * DENSITY_BINS).astype(np.int64))
        grid = np.linspace(low, high, DENSITY_BINS + 1)
        centres = (grid[1:] + grid[:-1]) / 2
        edges.append(10**centres if part.log else centres)
    inside = (cells[0] >= 0) & (cells[0] < DENSITY_BINS) & (cells[1] >= 0) & (cells[1] < DENSITY_BINS)
    flat = np.bincount(cells[1][inside] * DENSITY_BINS + cells[0][inside], minlength=DENSITY_BINS**2)
    counts = flat.reshape(DENSITY_BINS, DENSITY_BINS).astype(np.float32)
    return go.Heatmap(
        x=edges[0],
        y=edges[1],
        z=np.where(counts > 0, np.log10(counts + 1), np.nan),
        showscale=False,
        hoverinfo="skip",
        colorscale=[[0, colours.density[0]], [1, colours.density[1]]],
        name="designs",
        zmin=0,
    )


def _add_front(figure: go.Figure, view: FrontView, colours: Scheme) -> None:
    figure.add_trace(
        go.Scatter(
            x=view.front.x,
            y=view.front.y,
            mode="lines",
            name="front",
            hoverinfo="skip",
            zorder=3,
            showlegend=True,
            line={"color": colours.ink, "width": 1.4, "shape": "hv" if view.x.direction == "min" else "vh"},
        )
    )
    names = {cloud.number: cloud.agent for cloud in view.clouds}
    marks = [_mark(int(number), view, colours) for number in view.front_agents]
    figure.add_trace(
        go.Scatter(
            x=view.front.x,
            y=view.front.y,
            customdata=view.front.trials.tolist(),
            mode="markers",
            name="front designs",
            showlegend=False,
            zorder=4,
            hovertemplate=_hover(view, "%{text}"),
            text=[labels.plain(names.get(int(index), "")) for index in view.front_agents],
            marker={
                "size": 9,
                "color": [colour for colour, _ in marks],
                "symbol": [symbol for _, symbol in marks],
                "line": {"width": 1.2, "color": colours.paper},
                "opacity": 1.0,
            },
        )
    )


def _add_baseline(figure: go.Figure, view: FrontView, colours: Scheme) -> None:
    assert view.baseline is not None
    x, y = view.baseline
    figure.add_trace(
        go.Scatter(
            x=[x],
            y=[y],
            mode="markers",
            name="baseline",
            zorder=5,
            cliponaxis=False,
            hovertemplate=_hover(view, "").replace("Design %{customdata}", "Baseline"),
            marker={
                "size": 13,
                "symbol": "star",
                "color": colours.ink,
                "line": {"width": 1.2, "color": colours.paper},
            },
        )
    )
    guide = {"color": colours.muted, "width": 1, "dash": "dot"}
    shared = {"type": "line", "line": guide, "layer": "below", "opacity": 0.55}
    figure.add_shape(x0=x, x1=x, y0=0, y1=1, yref="paper", **shared)
    figure.add_shape(y0=y, y1=y, x0=0, x1=1, xref="paper", **shared)


def _add_bounds(figure: go.Figure, view: FrontView, colours: Scheme) -> None:
    for part, name in ((view.x, "x"), (view.y, "y")):
        other = "y" if name == "x" else "x"
        for bound in part.bounds:
            across = {f"{other}0": 0, f"{other}1": 1, f"{other}ref": "paper"}
            figure.add_shape(
                type="line",
                **{f"{name}0": bound.value, f"{name}1": bound.value},
                **across,
                line={"color": colours.worse, "width": 1.3, "dash": "dash"},
            )
            if part.visible is not None:
                end = part.visible[1 if bound.forbidden == "above" else 0]
                far = 10**end if part.log else end
                figure.add_shape(
                    type="rect",
                    **{f"{name}0": bound.value, f"{name}1": far},
                    **across,
                    layer="below",
                    line={"width": 0},
                    fillcolor=colours.forbidden,
                )
