"""What decides a metric: bars of importance, a tornado around a design, a waterfall from baseline to design.

One panel a metric. A change is green when it is for the better, by the direction of the metric.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboards import labels
from dashboards.figures.style import Scheme, axis, plain_figure, scheme, translucent
from dse.importance import (
    AnalysedMetric,
    Analysis,
    Importance,
    Influence,
    Kind,
    OneAtATime,
    Shapley,
    Step,
)

MOST_BARS = 15
_PIXELS_A_BAR = 24
_KINDS: tuple[tuple[Kind, str], ...] = (("subsystem", "Subsystems"), ("parameter", "Parameters"))


class Bars(NamedTuple):
    """Importance of one metric's parameters or subsystems, the most important first; `label` heads it."""

    label: str
    influences: tuple[Influence, ...]


class Reach(NamedTuple):
    """How far the feasible values of a parameter move a metric, in per cent; points are all of them.

    outside: values measured that violate a constraint, which are not drawn.
    """

    parameter: str
    low: float
    high: float
    points: tuple[tuple[str, float], ...]
    outside: int


class Fall(NamedTuple):
    """The way from the baseline to a design in one metric: names and contributions in a readable unit."""

    title: str
    unit: str
    before: float
    after: float
    parts: tuple[tuple[str, float], ...]
    better: int


def importance_figure(analysis: Analysis, *, theme: str = "light") -> go.Figure:
    """The figure of an analysis, whichever it is: what `analysis.plot()` and `dse importance --plot` show."""
    colours = scheme(theme)
    if isinstance(analysis, Importance):
        return _importance(analysis, colours)
    if isinstance(analysis, OneAtATime):
        return _tornado(analysis, colours)
    return _waterfall(analysis, colours)


def bars_of(analysis: Importance, kind: Kind) -> tuple[Bars, ...]:
    """The bars of each metric, its name and the R2 of its fit; the first `MOST_BARS` of each."""
    return tuple(
        Bars(
            f"{labels.metric_label(one.metric)}{' (log)' if one.scale == 'log' else ''}, "
            + (f"R² {one.r2:.2f}" if not one.refused else "not predictable"),
            one.of(kind)[:MOST_BARS],
        )
        for one in analysis.metrics
    )


def reaches_of(analysis: OneAtATime, metric: int) -> tuple[Reach, ...]:
    """One bar a parameter that has another value with a known change, the farthest first."""
    grouped: dict[str, list[Step]] = {}
    for step in analysis.steps:
        if step.state == "measured" and math.isfinite(analysis.change(step, metric)):
            grouped.setdefault(step.parameter, []).append(step)
    others = {name: steps for name, steps in grouped.items() if not all(step.current for step in steps)}
    found = [_reach(name, steps, analysis, metric) for name, steps in others.items()]
    return tuple(sorted(found, key=lambda reach: reach.low - reach.high)[:MOST_BARS])


def _reach(name: str, steps: Sequence[Step], analysis: OneAtATime, metric: int) -> Reach:
    points = [(str(s.value), analysis.change(s, metric)) for s in steps if s.feasible and not s.current]
    changes = [0.0, *(change for _, change in points)]
    outside = sum(not step.feasible for step in steps)
    return Reach(name, min(changes), max(changes), tuple(points), outside)


def fall_of(analysis: Shapley, metric: int) -> Fall:
    """Baseline, contributions of the subsystems (those of none left out) and the design."""
    one = analysis.metrics[metric]
    before, after = analysis.before[metric], analysis.after[metric]
    scale = labels.scale_for(max(abs(before), abs(after)), one.unit)
    parts = [(share.subsystem, share.values[metric] * scale.factor) for share in analysis.shares]
    return Fall(
        title=labels.metric_label(one.name),
        unit=scale.unit,
        before=before * scale.factor,
        after=after * scale.factor,
        parts=tuple((name, value) for name, value in parts if value != 0.0),
        better=_better(one),
    )


def _importance(analysis: Importance, colours: Scheme) -> go.Figure:
    rows = [[bars_of(analysis, kind)[m] for m in range(len(analysis.metrics))] for kind, _ in _KINDS]
    counts = [max(1, *(len(bars.influences) for bars in row)) for row in rows]
    figure = _panels(
        colours,
        f"What decides the metrics of {labels.plain(analysis.campaign)}",
        [bars.label for bars in rows[0]],
        counts,
    )
    for r, row in enumerate(rows, start=1):
        for c, bars in enumerate(row, start=1):
            _add_bars(figure, bars, r, c, colours)
            _name_axis(figure, r, c, colours, len(row))
        figure.update_yaxes(title={"text": _KINDS[r - 1][1], "standoff": 6}, row=r, col=1)
    share = axis("share of the variance", colours, tickformat=".0%", range=[0, 1.02], nticks=6)
    figure.update_xaxes(**share)
    return figure.update_layout(barmode="overlay", showlegend=True)


def _add_bars(figure: go.Figure, bars: Bars, row: int, column: int, colours: Scheme) -> None:
    names = [labels.parameter_label(one.name) for one in bars.influences]
    shown = row == 1 and column == 1
    totals = [one.total for one in bars.influences]
    solid = colours.agents[0]
    figure.add_trace(
        go.Bar(
            y=names,
            x=[total.value for total in totals],
            orientation="h",
            name="with interactions (total)",
            legendgroup="total",
            showlegend=shown,
            marker={"color": translucent(solid, 0.3)},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [total.high - total.value for total in totals],
                "arrayminus": [total.value - total.low for total in totals],
                "color": colours.muted,
                "thickness": 1.2,
                "width": 3,
            },
            hovertemplate="%{y}: %{x:.1%} with interactions<extra></extra>",
        ),
        row=row,
        col=column,
    )
    figure.add_trace(
        go.Bar(
            y=names,
            x=[one.first.value for one in bars.influences],
            orientation="h",
            name="by itself (first order)",
            legendgroup="first",
            showlegend=shown,
            width=0.45,
            marker={"color": solid},
            hovertemplate="%{y}: %{x:.1%} by itself<extra></extra>",
        ),
        row=row,
        col=column,
    )


def _tornado(analysis: OneAtATime, colours: Scheme) -> go.Figure:
    panels = [reaches_of(analysis, m) for m in range(len(analysis.metrics))]
    title = f"One change at a time around {analysis.design} of {analysis.campaign}"
    heads = [labels.metric_label(metric.name) for metric in analysis.metrics]
    figure = _panels(colours, labels.plain(title), heads, [max(len(panel) for panel in panels) or 1])
    for c, (metric, reaches) in enumerate(zip(analysis.metrics, panels, strict=True), start=1):
        better = _better(metric)
        for sign, edge in ((-1, "low"), (1, "high")):
            figure.add_trace(
                go.Bar(
                    y=[labels.parameter_label(reach.parameter) for reach in reaches],
                    x=[getattr(reach, edge) for reach in reaches],
                    orientation="h",
                    marker={"color": translucent(_colour(sign * better, colours), 0.45)},
                    hoverinfo="skip",
                ),
                row=1,
                col=c,
            )
        figure.add_trace(_values(reaches, colours), row=1, col=c)
        _name_axis(figure, 1, c, colours, len(panels))
        base = labels.quantity(analysis.values[c - 1], metric.unit)
        options = axis(f"change from {base}", colours, ticksuffix=" %", nticks=7)
        figure.update_xaxes(**options, zerolinecolor=colours.ink, row=1, col=c)
        figure.update_xaxes(zeroline=True, zerolinewidth=1.2, row=1, col=c)
        _say_outside(figure, sum(reach.outside for reach in reaches), c, colours)
    return figure.update_layout(barmode="overlay", showlegend=False)


def _values(reaches: Sequence[Reach], colours: Scheme) -> go.Scatter:
    """A mark for each value of each parameter."""
    dots = [(labels.parameter_label(r.parameter), value, at) for r in reaches for value, at in r.points]
    return go.Scatter(
        y=[name for name, _, _ in dots],
        x=[at for _, _, at in dots],
        customdata=[labels.plain(value) for _, value, _ in dots],
        mode="markers",
        marker={"size": 7, "symbol": "line-ns", "line": {"width": 1.6, "color": colours.ink}},
        hovertemplate="%{y} = %{customdata}: %{x:+.2f} %<extra></extra>",
    )


def _say_outside(figure: go.Figure, outside: int, column: int, colours: Scheme) -> None:
    if outside:
        text = "1 value violates a constraint and is not shown"
        if outside > 1:
            text = f"{outside} values violate a constraint and are not shown"
        figure.add_annotation(
            text=text,
            showarrow=False,
            font={"size": 11, "color": colours.muted},
            x=1,
            y=0,
            xref="x domain" if column == 1 else f"x{column} domain",
            yref="y domain" if column == 1 else f"y{column} domain",
            xanchor="right",
            yanchor="bottom",
        )


def _waterfall(analysis: Shapley, colours: Scheme) -> go.Figure:
    falls = [fall_of(analysis, m) for m in range(len(analysis.metrics))]
    title = f"What each subsystem contributes: {analysis.design} of {analysis.campaign}"
    height = [max(len(fall.parts) for fall in falls) + 2]
    figure = _panels(colours, labels.plain(title), [fall.title for fall in falls], height)
    for c, fall in enumerate(falls, start=1):
        figure.add_trace(_steps(fall, colours), row=1, col=c)
        _name_axis(figure, 1, c, colours, len(falls))
        options = axis("", colours, ticksuffix=f" {fall.unit}", nticks=5)
        figure.update_xaxes(**options, range=_visible(fall), row=1, col=c)
    return figure.update_layout(showlegend=False)


def _steps(fall: Fall, colours: Scheme) -> go.Waterfall:
    values = [fall.before, *(value for _, value in fall.parts), fall.after]
    texts = [labels.number(value) for value in values]
    texts[1:-1] = [f"{'+' if value > 0 else '−'}{labels.number(abs(value))}" for _, value in fall.parts]
    ends = {"marker": {"color": colours.muted}}
    return go.Waterfall(
        y=["Baseline", *(labels.parameter_label(name) for name, _ in fall.parts), "This design"],
        x=values,
        measure=["absolute", *["relative"] * len(fall.parts), "total"],
        orientation="h",
        text=texts,
        textposition="outside",
        cliponaxis=False,
        increasing={"marker": {"color": _colour(fall.better, colours)}},
        decreasing={"marker": {"color": _colour(-fall.better, colours)}},
        totals=ends,
        connector={"line": {"color": colours.axis, "width": 1}},
        hovertemplate=f"%{{y}}: %{{text}} {fall.unit}<extra></extra>",
    )


def _visible(fall: Fall) -> list[float]:
    """The range in which anything happens, with room for the numbers beside the bars."""
    level, levels = fall.before, [fall.before]
    for _, value in fall.parts:
        level += value
        levels.append(level)
    low, high = min(levels), max(levels)
    room = 0.25 * (high - low) or abs(high) or 1.0
    return [low - room, high + room]


def _panels(colours: Scheme, title: str, heads: Sequence[str], counts: Sequence[int]) -> go.Figure:
    """Empty panels: one column for each head, one row for each count of bars."""
    total = sum(counts)
    height = 150 + 70 * (len(counts) - 1) + _PIXELS_A_BAR * total
    figure = make_subplots(
        rows=len(counts),
        cols=len(heads),
        column_titles=[labels.plain(head) for head in heads],
        row_heights=[count / total for count in counts],
        vertical_spacing=70 / height if len(counts) > 1 else 0.0,
        horizontal_spacing=min(0.17, 0.4 / len(heads)) if len(heads) > 1 else 0.0,
    )
    figure.update_layout(plain_figure(colours, title).layout)
    figure.update_annotations(font={"size": 12.5, "color": colours.ink})
    return figure.update_layout(
        title={"text": title, "x": 0.01, "y": 1 - 14 / height, "yanchor": "top", "font": {"size": 14}},
        paper_bgcolor=colours.paper,
        margin={"l": 150, "t": 96, "b": 56, "r": 24},
        height=height,
        bargap=0.3,
        legend={"x": 0.01, "xref": "container", "y": 1 - 38 / height, "yref": "container", "yanchor": "top"},
    )


def _name_axis(figure: go.Figure, row: int, column: int, colours: Scheme, columns: int) -> None:
    """Names on the left of each panel, the first on top."""
    options: dict[str, Any] = axis("", colours, autorange="reversed", ticks="", showgrid=False)
    figure.update_yaxes(**options, row=row, col=column)
    if columns > 2:
        figure.update_yaxes(tickfont={"size": 10}, row=row, col=column)


def _better(metric: AnalysedMetric) -> int:
    """1 where more is better, -1 where less is, 0 where neither is."""
    return {"max": 1, "min": -1}.get(metric.direction, 0)


def _colour(good: int, colours: Scheme) -> str:
    return colours.better if good > 0 else colours.worse if good < 0 else colours.muted
