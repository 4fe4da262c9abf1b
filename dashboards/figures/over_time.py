"""Bandwidth and read latency over time as a figure: two panels over one axis, one colour a design."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboards.figures.style import LIGHT, Scheme, axis, plain_figure
from dashboards.labels import plain, scale_for
from dse.over_time import OverTime

_LATENCIES = (("mean", "read_latency_mean_ns", "solid"), ("95th percentile", "read_latency_p95_ns", "dot"))
_LARGE_SPREAD = 100.0
_UPPER, _LOWER = (0.54, 1.0), (0.0, 0.46)


def over_time_figure(series: Sequence[OverTime], title: str = "", colours: Scheme = LIGHT) -> go.Figure:
    """One line of bandwidth and two of read latency (mean, 95th percentile) for each run."""
    figure = plain_figure(colours, title)
    scale = scale_for(max(float(run.time_ns[-1]) for run in series), "ns")
    for position, run in enumerate(series):
        colour, name = colours.agents[position % len(colours.agents)], plain(run.label)
        time = run.time_ns * scale.factor
        figure.add_trace(_line(time, run.bandwidth_gbps, f"{name}: bandwidth", colour, "solid", "y", "GB/s"))
        for words, attribute, dash in _LATENCIES:
            values = getattr(run, attribute)
            figure.add_trace(_line(time, values, f"{name}: read latency, {words}", colour, dash, "y2", "ns"))
    _peaks(figure, series, colours)
    latency_axis: dict[str, Any] = {"rangemode": "tozero"}
    if _spread(series) > _LARGE_SPREAD:
        latency_axis = {"type": "log", "dtick": 1}
    figure.update_layout(
        title={"text": plain(title), "x": 0},
        paper_bgcolor=colours.paper,
        margin={"t": 110},
        hovermode="x unified",
        xaxis={**axis(f"time ({scale.unit})", colours), "anchor": "y2"},
        yaxis={**axis("bandwidth (GB/s)", colours), "domain": _UPPER, "rangemode": "tozero"},
        yaxis2={**axis("read latency (ns)", colours), "domain": _LOWER, **latency_axis},
    )
    return figure


def _spread(series: Sequence[OverTime]) -> float:
    """Largest over smallest mean latency: large where one design does not keep up with the arrivals."""
    means = np.concatenate([run.read_latency_mean_ns for run in series])
    known = means[np.isfinite(means) & (means > 0)]
    return float(known.max() / known.min()) if len(known) else 1.0


def _line(
    time: NDArray[Any], values: NDArray[Any], name: str, colour: str, dash: str, panel: str, unit: str
) -> go.Scatter:
    return go.Scatter(
        x=time,
        y=values,
        name=name,
        mode="lines",
        line={"color": colour, "width": 1.6, "dash": dash, "shape": "hvh" if panel == "y" else "linear"},
        yaxis=panel,
        connectgaps=False,
        hovertemplate=f"%{{y:,.4~r}} {unit}",
    )


def _peaks(figure: go.Figure, series: Sequence[OverTime], colours: Scheme) -> None:
    for peak in sorted({run.peak_gbps for run in series}):
        figure.add_hline(
            y=peak, line={"color": colours.axis, "dash": "dot"}, annotation_text="peak of the bus", yref="y"
        )
