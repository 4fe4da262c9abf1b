"""Latency against bandwidth as a figure: one design under rising load, latency on a log axis."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboards.figures.style import LIGHT, Scheme, axis, plain_figure
from dse.load_curve import LoadCurve, LoadPoint

SERVED = 0.98
_SERIES = (("mean", "read_latency_mean_ns", "solid"), ("95th percentile", "read_latency_p95_ns", "dash"))


def load_curve_figure(curve: LoadCurve, colours: Scheme = LIGHT) -> go.Figure:
    """Read latency over the bandwidth reached; hollow marks where less than 98 % of the load was served."""
    figure = plain_figure(colours, curve.title)
    figure.update_layout(title={"text": curve.title, "x": 0}, paper_bgcolor=colours.paper, margin={"t": 80})
    for position, (name, attribute, dash) in enumerate(_SERIES):
        figure.add_trace(_line(curve.points, name, attribute, dash, colours.agents[position]))
    line = {"color": colours.axis, "dash": "dot"}
    figure.add_vline(
        x=curve.peak_gbps, line=line, annotation_text="peak of the bus", annotation_position="top left"
    )
    figure.update_xaxes(**axis("bandwidth (GB/s)", colours), range=[0, curve.peak_gbps * 1.05])
    figure.update_yaxes(**axis("read latency (ns)", colours), type="log", dtick=1)
    return figure


def _line(points: Sequence[LoadPoint], name: str, attribute: str, dash: str, colour: str) -> go.Scatter:
    return go.Scatter(
        x=[point.bandwidth_gbps for point in points],
        y=[getattr(point, attribute) for point in points],
        mode="lines+markers",
        name=name,
        line={"color": colour, "width": 2, "dash": dash},
        marker={"size": 8, "symbol": [_symbol(point) for point in points], "color": colour},
        customdata=[(point.load, point.offered_gbps, point.served_load) for point in points],
        hovertemplate="load %{customdata[0]:.0%}: %{y:,.1f} ns at %{x:.2f} GB/s, "
        "%{customdata[2]:.1%} of %{customdata[1]:.2f} GB/s served<extra></extra>",
    )


def _symbol(point: LoadPoint) -> str:
    return "circle" if point.served_load >= SERVED else "circle-open"
