"""Which cluster each interval of a trace belongs to, over time, and which intervals stand for them."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboards.figures.style import LIGHT, Scheme, axis, plain_figure
from dashboards.labels import plain, scale_for
from traces.intervals import Phases

_UPPER, _LOWER = (0.46, 1.0), (0.0, 0.36)
_CHOSEN = "simulated for its cluster"


def intervals_figure(phases: Phases, title: str = "", colours: Scheme = LIGHT) -> go.Figure:
    """Above, a lane a cluster; below, requests per microsecond. Stars mark the intervals that are chosen."""
    figure = plain_figure(colours, title)
    start_ns = phases.signatures.start_ns
    scale = scale_for(float(start_ns[-1]), "ns")
    time = start_ns * scale.factor
    clusters = len(phases.pieces)
    for number in range(clusters):
        colour = colours.agents[number % len(colours.agents)]
        members = np.flatnonzero(phases.cluster == number)
        for panel in ("y", "y2"):
            figure.add_trace(_marks(phases, members, time, panel, colour))
    for panel in ("y", "y2"):
        figure.add_trace(_stars(phases, time, panel, colours))
    lanes = [f"{number} ({share:.1%})" for number, share in enumerate(phases.shares)]
    figure.update_layout(
        title={"text": plain(title), "x": 0},
        paper_bgcolor=colours.paper,
        margin={"t": 90},
        xaxis={**axis(f"time ({scale.unit})", colours), "anchor": "y2"},
        yaxis={
            **axis("cluster (share of requests)", colours),
            "domain": _UPPER,
            "tickvals": list(range(clusters)),
            "ticktext": lanes,
            "range": [clusters - 0.5, -0.5],
        },
        yaxis2={**axis("requests/µs", colours), "domain": _LOWER, "rangemode": "tozero"},
    )
    return figure


def _marks(
    phases: Phases, which: NDArray[np.int64], time: NDArray[np.float64], panel: str, colour: str
) -> go.Scatter:
    return go.Scatter(
        x=time[which],
        y=_heights(phases, which, panel),
        yaxis=panel,
        mode="markers",
        showlegend=False,
        marker={"size": 7, "symbol": "square", "color": colour},
        customdata=_facts(phases, which),
        hovertemplate=_HOVER,
    )


def _stars(phases: Phases, time: NDArray[np.float64], panel: str, colours: Scheme) -> go.Scatter:
    which = phases.chosen
    own = [colours.agents[number % len(colours.agents)] for number in range(len(which))]
    return go.Scatter(
        x=time[which],
        y=_heights(phases, which, panel),
        yaxis=panel,
        mode="markers",
        name=_CHOSEN,
        showlegend=panel == "y",
        legendgroup=_CHOSEN,
        marker={"size": 16, "symbol": "star", "color": own, "line": {"color": colours.ink, "width": 1.5}},
        customdata=_facts(phases, which),
        hovertemplate=_HOVER,
    )


def _heights(phases: Phases, which: NDArray[np.int64], panel: str) -> NDArray[np.float64]:
    heights = phases.cluster if panel == "y" else phases.signatures.requests_per_us
    return np.asarray(heights[which], dtype=np.float64)


_HOVER = (
    "interval %{customdata[0]:,}, requests %{customdata[1]:,} to %{customdata[2]:,}<br>"
    "cluster %{customdata[3]}<br>%{customdata[4]:,.1f} requests/µs, %{customdata[5]:.1%} writes, "
    "row locality %{customdata[6]:.1%}<extra></extra>"
)


def _facts(phases: Phases, which: NDArray[np.int64]) -> NDArray[np.float64]:
    look = phases.signatures
    columns = (
        which,
        phases.edges[which],
        phases.edges[which + 1] - 1,
        phases.cluster[which],
        look.requests_per_us[which],
        look.write_share[which],
        look.row_locality[which],
    )
    return np.stack(columns, axis=1).astype(np.float64)
