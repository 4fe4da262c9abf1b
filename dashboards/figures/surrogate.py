"""Predicted against simulated metrics: one column a metric, one row a model, and the diagonal."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboards import labels
from dashboards.figures.style import Scheme, axis, plain_figure, scheme, translucent
from dse.surrogate_accuracy import MetricAccuracy, SurrogateAccuracy

_PANEL_PIXELS = 340


class Cloud(NamedTuple):
    """Designs of one panel in a readable unit; `within` says where the model's two deviations reach them.

    head: metric and unit. note: how good the model is. ends: smallest and largest value of either axis.
    """

    head: str
    note: str
    logarithm: bool
    simulated: tuple[float, ...]
    predicted: tuple[float, ...]
    within: tuple[bool, ...]
    ends: tuple[float, float]


def cloud_of(one: MetricAccuracy) -> Cloud:
    """The panel of one model and metric."""
    scale = labels.scale_for(max(map(abs, (*one.simulated, *one.predicted))), one.unit)
    simulated = tuple(value * scale.factor for value in one.simulated)
    predicted = tuple(value * scale.factor for value in one.predicted)
    unit = f" ({scale.unit})" if scale.unit else ""
    return Cloud(
        head=f"{labels.metric_label(one.metric)}{unit}",
        note=f"{one.model}: Kendall τ {labels.number(one.kendall_tau, 3)}, R² {labels.number(one.r2, 3)}",
        logarithm=one.scale == "log" and min(predicted) > 0,
        simulated=simulated,
        predicted=predicted,
        within=tuple(
            map(_reached, one.simulated, one.predicted, one.deviation, [one.scale] * len(predicted))
        ),
        ends=(min(*simulated, *predicted), max(*simulated, *predicted)),
    )


def surrogate_figure(accuracy: SurrogateAccuracy, *, theme: str = "light") -> go.Figure:
    """What `accuracy.plot()` and `dse surrogate --plot` show."""
    colours = scheme(theme)
    rows = [[cloud_of(one) for one in accuracy.of(model)] for model in accuracy.models]
    height = 120 + _PANEL_PIXELS * len(rows)
    figure = make_subplots(
        rows=len(rows),
        cols=len(rows[0]),
        subplot_titles=[labels.plain(f"{cloud.head}, {cloud.note}") for row in rows for cloud in row],
        horizontal_spacing=0.12 if len(rows[0]) > 1 else 0.0,
        vertical_spacing=0.14 if len(rows) > 1 else 0.0,
    )
    title = f"{accuracy.campaign}: {accuracy.designs} designs, each predicted from {accuracy.learnt} others"
    figure.update_layout(plain_figure(colours, accuracy.campaign).layout)
    figure.update_annotations(font={"size": 12.5, "color": colours.ink})
    for r, row in enumerate(rows, start=1):
        for c, cloud in enumerate(row, start=1):
            _add_cloud(figure, cloud, r, c, colours)
    return figure.update_layout(
        title={"text": labels.plain(title), "x": 0.01, "y": 1 - 14 / height, "yanchor": "top"},
        title_font={"size": 14},
        paper_bgcolor=colours.paper,
        margin={"l": 80, "t": 96, "b": 56, "r": 24},
        height=height,
        legend={"x": 0.01, "xref": "container", "y": 1 - 38 / height, "yref": "container", "yanchor": "top"},
    )


def _add_cloud(figure: go.Figure, cloud: Cloud, row: int, column: int, colours: Scheme) -> None:
    for inside, name, colour in (
        (True, "within two deviations", colours.agents[0]),
        (False, "outside", colours.agents[1]),
    ):
        chosen = [i for i, within in enumerate(cloud.within) if within == inside]
        figure.add_trace(
            go.Scatter(
                x=[cloud.simulated[i] for i in chosen],
                y=[cloud.predicted[i] for i in chosen],
                mode="markers",
                name=name,
                legendgroup=name,
                showlegend=row == 1 and column == 1,
                marker={"size": 5, "color": translucent(colour, 0.55)},
                hovertemplate="simulated %{x:.4g}, predicted %{y:.4g}<extra></extra>",
            ),
            row=row,
            col=column,
        )
    figure.add_trace(
        go.Scatter(
            x=list(cloud.ends),
            y=list(cloud.ends),
            mode="lines",
            line={"color": colours.muted, "width": 1, "dash": "dot"},
            hoverinfo="skip",
            showlegend=False,
        ),
        row=row,
        col=column,
    )
    kind: dict[str, Any] = {"type": "log", "dtick": 1} if cloud.logarithm else {"nticks": 6}
    figure.update_xaxes(**axis("simulated", colours, **kind), row=row, col=column)
    figure.update_yaxes(**axis("predicted", colours, **kind), row=row, col=column)


def _reached(simulated: float, predicted: float, deviation: float, scale: str) -> bool:
    """Whether the simulated value lies within two deviations, in the scale in which it was learnt."""
    if scale == "log" and predicted > 0:
        return abs(math.log(predicted / simulated)) <= 2 * deviation / predicted
    return abs(predicted - simulated) <= 2 * deviation
