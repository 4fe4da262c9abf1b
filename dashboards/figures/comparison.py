"""A comparison of searchers as figures: anytime curves, intervals, profiles, improvement, entries.

Every kind is panels of lines with bands, or of dots with bars; an agent has one colour and mark in all.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboards import labels
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
from dse.comparison.result import Comparison
from dse.comparison.rows import BudgetRow
from dse.errors import LookupFailed, did_you_mean, listed

_ALL = "all"
_LINE_PIXELS = 300
_DOT_PIXELS = 34
_TITLE_LETTERS = 52
_COLUMNS_OF_LINES = 2
_COLUMNS_OF_DOTS = 3


class Line(NamedTuple):
    """A curve with its band; number: of the agent."""

    name: str
    number: int
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class Dot(NamedTuple):
    """A value with its interval in a row of its own; special: drawn as a hollow diamond."""

    row: str
    name: str
    number: int
    value: float
    low: float
    high: float
    special: bool = False


class Panel(NamedTuple):
    """One plot of a figure. marked: an x that a vertical line shows. log: whether x is logarithmic."""

    title: str
    x: str
    y: str
    lines: tuple[Line, ...] = ()
    dots: tuple[Dot, ...] = ()
    marked: float | None = None
    log: bool = False


def anytime_panels(found: Comparison) -> list[Panel]:
    """Regret, or of several objectives the hypervolume in per cent of the best known, against simulations."""
    measures = {row.cell: row.measure for row in found.cells}
    partial = any(row.partial for row in found.cells)
    spent = "Full simulations spent" if partial else "Unique designs simulated"
    panels = []
    for cell in dict.fromkeys(row.cell for row in found.curves):
        share = measures.get(cell) == "hypervolume"
        lines = []
        for number, agent in enumerate(found.agents):
            rows = [row for row in found.curves if (row.cell, row.agent) == (cell, agent)]
            x = tuple(float(row.spent) for row in rows)
            y, low, high = (
                tuple(100 * (1 - value) if share else value for value in column)
                for column in zip(*((row.regret, row.low, row.high) for row in rows), strict=True)
            )
            lines.append(Line(agent, number, x, y, *((high, low) if share else (low, high))))
        title = "all cells (interquartile mean)" if cell == _ALL else cell
        y_title = "Hypervolume (% of best known)" if share else "Regret"
        panels.append(Panel(title, spent, y_title, tuple(lines), log=True))
    return panels


def interval_panels(found: Comparison) -> list[Panel]:
    """IQM of the regret over all cells, a panel a budget."""
    return [
        Panel(
            f"after {labels.count(budget)} simulations",
            "Regret, interquartile mean",
            "",
            dots=tuple(_dot(found, row) for row in found.budgets if (row.cell, row.budget) == (_ALL, budget)),
        )
        for budget in found.budgets_compared
    ]


def profile_panels(found: Comparison) -> list[Panel]:
    """Share of runs with at most so much regret at the last budget."""
    lines = []
    for number, agent in enumerate(found.agents):
        rows = [row for row in found.profiles if row.agent == agent]
        columns = zip(*((row.tau, row.share, row.low, row.high) for row in rows), strict=True)
        lines.append(Line(agent, number, *columns))
    title = f"after {labels.count(found.budgets_compared[-1])} simulations"
    return [Panel(title, "Regret at most", "Share of runs", tuple(lines))]


def improvement_panels(found: Comparison) -> list[Panel]:
    """Probability of improvement over the control, a panel a budget."""
    return [
        Panel(
            f"after {labels.count(budget)} simulations",
            f"Probability of less regret than {found.control}",
            "",
            dots=tuple(
                Dot(row.agent, row.agent, found.agents.index(row.agent), row.probability, row.low, row.high)
                for row in found.improvement
                if row.budget == budget
            ),
            marked=0.5,
        )
        for budget in found.budgets_compared
    ]


def entry_panels(found: Comparison) -> list[Panel]:
    """Entries of each algorithm, the default as a hollow diamond; a panel an algorithm."""
    return [
        Panel(
            f"{algorithm.algorithm}: {algorithm.entries} entries",
            "Regret, interquartile mean",
            "",
            dots=tuple(
                Dot(
                    row.agent + (" (default)" if row.default else ""),
                    row.agent,
                    found.agents.index(row.agent),
                    row.iqm,
                    row.iqm_low,
                    row.iqm_high,
                    row.default,
                )
                for row in found.entries
                if row.algorithm == algorithm.algorithm
            ),
        )
        for algorithm in found.algorithms
    ]


KINDS: dict[str, Callable[[Comparison], list[Panel]]] = {
    "anytime": anytime_panels,
    "intervals": interval_panels,
    "profiles": profile_panels,
    "improvement": improvement_panels,
    "entries": entry_panels,
}


def comparison_figure(found: Comparison, kind: str = "anytime", *, theme: str = "light") -> go.Figure:
    """What `comparison.plot(kind)` and `dse compare --plot` show; LookupFailed for an unknown kind."""
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS) or f" There are {listed(KINDS)}."
        raise LookupFailed(f"a comparison has no figure {kind!r}.{hint}")
    colours = scheme(theme)
    panels = KINDS[kind](found)
    if not panels:
        return message_figure("No algorithm has several entries, or nobody asked for --by name.", colours)
    return _drawn(found.name, panels, colours)


def _drawn(name: str, panels: Sequence[Panel], colours: Scheme) -> go.Figure:
    most = max(len(panel.dots) for panel in panels)
    columns = min(_COLUMNS_OF_DOTS if most else _COLUMNS_OF_LINES, len(panels))
    rows = -(-len(panels) // columns)
    each = 110 + _DOT_PIXELS * most if most else _LINE_PIXELS
    height = 78 + each * rows
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[_wrapped(panel.title) for panel in panels],
        horizontal_spacing=0.12 if columns > 1 else 0.0,
        vertical_spacing=min(0.9 / max(rows - 1, 1), 96 / (each * rows)) if rows > 1 else 0.0,
    )
    figure.update_layout(plain_figure(colours, name).layout)
    figure.update_annotations(font={"size": 12.5, "color": colours.ink})
    shown: set[str] = set()
    for i, panel in enumerate(panels):
        _add(figure, panel, i // columns + 1, i % columns + 1, shown, colours)
    return figure.update_layout(
        paper_bgcolor=colours.paper,
        height=height,
        margin={"l": 72, "r": 24, "t": 84, "b": 56},
        legend={"y": 1 - 8 / height, "yref": "container", "yanchor": "top", "traceorder": "normal"},
    )


def _wrapped(title: str) -> str:
    """The title on as many lines as a panel is wide."""
    return "<br>".join(labels.plain(line) for line in textwrap.wrap(title, _TITLE_LETTERS))


def _add(figure: go.Figure, panel: Panel, row: int, column: int, shown: set[str], colours: Scheme) -> None:
    place = {"row": row, "col": column}
    for line in panel.lines:
        for trace in _traces(line, line.name not in shown, colours):
            figure.add_trace(trace, **place)
        shown.add(line.name)
    for dot in panel.dots:
        figure.add_trace(_dot_trace(dot, colours), **place)
    if panel.marked is not None:
        figure.add_vline(panel.marked, line={"color": colours.muted, "width": 1, "dash": "dot"}, **place)
    x: dict[str, Any] = {"type": "log", "dtick": 1} if panel.log else {"rangemode": "tozero"}
    y = {"autorange": "reversed", "type": "category"} if panel.dots else {"rangemode": "tozero"}
    if panel.marked is not None:
        x = {"range": [-0.02, 1.02]}
    figure.update_xaxes(**axis(labels.plain(panel.x), colours, **x), **place)
    figure.update_yaxes(**axis(panel.y, colours, **y), **place)


def _traces(line: Line, in_legend: bool, colours: Scheme) -> list[go.Scatter]:
    """The band and the curve of an agent."""
    colour, _ = agent_mark(line.number, colours)
    edge = {
        "x": line.x,
        "mode": "lines",
        "line": {"width": 0, "shape": "hv"},
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": f"agent{line.number}",
    }
    return [
        go.Scatter(y=line.low, **edge),
        go.Scatter(y=line.high, fill="tonexty", fillcolor=translucent(colour, 0.14), **edge),
        go.Scatter(
            x=line.x,
            y=line.y,
            mode="lines",
            name=labels.plain(line.name),
            legendgroup=f"agent{line.number}",
            showlegend=in_legend,
            line={"color": colour, "width": 1.8, "shape": "hv", "dash": DASHES[line.number % len(DASHES)]},
            hovertemplate="%{x:.4~g}: %{y:.4~g}",
        ),
    ]


def _dot_trace(dot: Dot, colours: Scheme) -> go.Scatter:
    colour, symbol = agent_mark(dot.number, colours)
    return go.Scatter(
        x=[dot.value],
        y=[labels.plain(dot.row)],
        mode="markers",
        name=labels.plain(dot.name),
        showlegend=False,
        marker={"symbol": "diamond-open" if dot.special else symbol, "color": colour, "size": 10},
        error_x={
            "array": [dot.high - dot.value],
            "arrayminus": [dot.value - dot.low],
            "color": colour,
            "thickness": 1.6,
            "width": 5,
        },
        hovertemplate=f"%{{x:.4~g}} ({dot.low:.4g} to {dot.high:.4g})",
    )


def _dot(found: Comparison, row: BudgetRow) -> Dot:
    return Dot(row.agent, row.agent, found.agents.index(row.agent), row.iqm, row.iqm_low, row.iqm_high)
