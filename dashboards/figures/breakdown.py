"""Where the energy goes: the parts of a total, for a design beside the baseline, as stacked bars.

A part is any metric of the unit of the total whose name starts like the total's (`energy_pj` has the parts
`energy_activate_pj`, `energy_read_pj`, ...); which they are is read from the schema, not written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards import labels
from dashboards.figures.style import Scheme, axis, plain_figure
from dse.metrics import MetricSpec

TOTAL = "energy_pj"


class Bar(NamedTuple):
    """One stacked bar: what it is of, and the parts in the order of Breakdown.parts."""

    label: str
    values: tuple[float, ...]


class Breakdown(NamedTuple):
    """Parts of a total at one scale; empty `parts` when the simulator reports none."""

    title: str
    unit: str
    parts: tuple[str, ...]
    bars: tuple[Bar, ...]


def breakdown(
    specs: Sequence[MetricSpec],
    design: Mapping[str, float],
    baseline: Mapping[str, float] | None,
    total: str = TOTAL,
) -> Breakdown:
    """The parts of `total` for a design and, where there is one, the baseline; none that is zero in both."""
    stem, _, unit = total.rpartition("_")
    names = [
        spec.name
        for spec in specs
        if spec.name.startswith(f"{stem}_")
        and spec.name.endswith(f"_{unit}")
        and spec.name != total
        and "_per_" not in spec.name
    ]
    rows = [("This design", design)] + ([("Baseline", baseline)] if baseline is not None else [])
    kept = [name for name in names if any(row.get(name, 0.0) > 0.0 for _, row in rows)]
    if not kept:
        return Breakdown("", "", (), ())
    scale = labels.scale_for(
        max(sum(row.get(name, 0.0) for name in kept) for _, row in rows),
        next(spec.unit for spec in specs if spec.name == kept[0]),
    )
    bars = tuple(Bar(label, tuple(row.get(name, 0.0) * scale.factor for name in kept)) for label, row in rows)
    parts = tuple(labels.metric_label(name[len(stem) + 1 :]) for name in kept)
    return Breakdown(labels.metric_label(total), scale.unit, parts, bars)


def breakdown_figure(view: Breakdown, colours: Scheme) -> go.Figure:
    """The view as stacked bars, the design on top (the parts are listed beside it)."""
    figure = plain_figure(
        colours,
        "breakdown",
        barmode="stack",
        margin={"l": 8, "r": 12, "t": 2, "b": 20},
        bargap=0.3,
        showlegend=False,
    )
    for index, part in enumerate(view.parts):
        figure.add_trace(
            go.Bar(
                y=[bar.label for bar in view.bars],
                x=[bar.values[index] for bar in view.bars],
                orientation="h",
                name=labels.plain(part),
                marker={"color": part_colour(index, colours), "line": {"width": 0.6, "color": colours.paper}},
                hovertemplate=f"{labels.plain(part)}: %{{x:,.4~g}} {view.unit}<extra>%{{y}}</extra>",
            )
        )
    figure.update_xaxes(**axis("", colours, ticksuffix=f" {view.unit}", nticks=5))
    figure.update_yaxes(**axis("", colours, autorange="reversed", ticks=""))
    return figure


def part_colour(index: int, colours: Scheme) -> str:
    """The colour of a part; repeats after nine."""
    return colours.parts[index % len(colours.parts)]
