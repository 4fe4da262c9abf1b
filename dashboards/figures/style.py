"""Colours, marks and the plain layout that every plot shares, in light and in dark.

Agents are told apart by colour and by symbol. The colours are Okabe and Ito's set (Color Universal Design,
2008), which stays distinct under the common forms of colour blindness; each theme starts with those that
contrast with its paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

FONT = "Inter, 'Segoe UI', system-ui, -apple-system, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "pentagon", "triangle-down")
DASHES = ("solid", "dash", "dot", "dashdot", "9px,3px", "longdashdot", "solid", "dash")
REFERENCE_SYMBOL = "x-thin-open"


@dataclass(frozen=True, slots=True)
class Scheme:
    """The colours of one theme."""

    name: str
    paper: str
    ink: str
    muted: str
    grid: str
    axis: str
    better: str
    worse: str
    forbidden: str
    agents: tuple[str, ...]
    parts: tuple[str, ...]
    density: tuple[str, str]


LIGHT = Scheme(
    name="light",
    paper="#ffffff",
    ink="#16202c",
    muted="#5d6b7c",
    grid="#eceff3",
    axis="#c3cad4",
    better="#007a58",
    worse="#b3430a",
    forbidden="rgba(213, 94, 0, 0.07)",
    agents=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a6f00", "#3b3f46"),
    parts=("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00", "#cc79a7", "#8a94a3", "#c4b200", "#3f5f7f"),
    density=("rgba(93, 107, 124, 0)", "rgba(45, 60, 80, 0.85)"),
)
DARK = Scheme(
    name="dark",
    paper="#171b21",
    ink="#e3e8ef",
    muted="#93a0b1",
    grid="#242b34",
    axis="#3d4754",
    better="#3ecf9e",
    worse="#ff9559",
    forbidden="rgba(255, 149, 89, 0.08)",
    agents=("#56b4e9", "#ff8f3f", "#1fc496", "#e09cc4", "#f0b429", "#3d8fd1", "#f0e442", "#c9d1db"),
    parts=("#56b4e9", "#2f7fbf", "#1fc496", "#f0b429", "#f0803c", "#e09cc4", "#7d8a9a", "#f0e442", "#9fb8d1"),
    density=("rgba(147, 160, 177, 0)", "rgba(220, 230, 242, 0.85)"),
)


def scheme(name: str | None) -> Scheme:
    """The scheme called `dark`; light for anything else."""
    return DARK if name == "dark" else LIGHT


def translucent(colour: str, alpha: float) -> str:
    """`#rrggbb` as an rgba() string."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha:g})"


def agent_mark(index: int, colours: Scheme) -> tuple[str, str]:
    """Colour and symbol of the agent with this index; both repeat only after eight."""
    return colours.agents[index % len(colours.agents)], SYMBOLS[index % len(SYMBOLS)]


def axis(title: str, colours: Scheme, **options: Any) -> dict[str, Any]:
    """One axis: thin grid, no box, ticks outside, room for the title."""
    return {
        "title": {"text": title, "standoff": 10, "font": {"size": 12, "color": colours.ink}},
        "gridcolor": colours.grid,
        "linecolor": colours.axis,
        "showline": True,
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": colours.axis,
        "ticklen": 4,
        "tickfont": {"size": 11, "color": colours.muted},
        "automargin": True,
        "separatethousands": True,
        "exponentformat": "none",
        "minor": {"showgrid": False},
        **options,
    }


def plain_figure(colours: Scheme, revision: str, **layout: Any) -> go.Figure:
    """An empty figure with our fonts and margins. While `revision` stays, so does the reader's zoom."""
    figure = go.Figure()
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        uirevision=revision,
        font={"family": FONT, "size": 12, "color": colours.ink},
        margin={"l": 60, "r": 16, "t": 28, "b": 48},
        hovermode="closest",
        dragmode="zoom",
        showlegend=True,
        selectionrevision=revision,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.0,
            "xanchor": "left",
            "yanchor": "bottom",
            "font": {"size": 11.5},
            "itemwidth": 30,
            "bgcolor": "rgba(0,0,0,0)",
            "title": {"text": ""},
        },
        hoverlabel={
            "bgcolor": colours.paper,
            "bordercolor": colours.axis,
            "align": "left",
            "font": {"family": FONT, "size": 12, "color": colours.ink},
        },
        modebar={
            "bgcolor": "rgba(0,0,0,0)",
            "color": colours.muted,
            "activecolor": colours.ink,
            "orientation": "h",
        },
    )
    figure.update_layout(**layout)
    return figure


def message_figure(text: str, colours: Scheme, revision: str = "empty") -> go.Figure:
    """A figure without data that says what is missing and what to do."""
    figure = plain_figure(
        colours, revision, xaxis={"visible": False}, yaxis={"visible": False}, showlegend=False
    )
    figure.add_annotation(
        text=text,
        showarrow=False,
        font={"size": 13, "color": colours.muted},
        xref="paper",
        yref="paper",
        x=0.5,
        y=0.5,
    )
    return figure
