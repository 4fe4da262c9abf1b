"""One design: what it is, what it costs beside the baseline, where the energy goes, its files to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dash import dcc, html

from dashboards import labels
from dashboards.data import Detail, Frame, column_scale
from dashboards.figures.breakdown import Breakdown, breakdown, breakdown_figure, part_colour
from dashboards.figures.style import Scheme
from dashboards.pages.pieces import agent_mark, card, change_text, empty_state, value_text
from dse.front import knee
from dse.metrics import MetricSpec

_GRAPH = {"displayModeBar": False, "responsive": True}
_OPEN_GROUPS = 2
_GOOD = ("feasible", "on the front")


class ParameterLine(NamedTuple):
    """One parameter of a design and what the baseline has."""

    name: str
    value: str
    baseline: str
    unit: str
    changed: bool


def nothing_selected(frame: Frame) -> Any:
    """What the panel says before a design is chosen."""
    hint = (
        "Click a point of the plot, or a row of the table, to see its parameters, its metrics beside the "
        "baseline, and to download its configuration."
    )
    return card("Design", empty_state("No design selected", hint), _suggestions(frame), className="design")


def _suggestions(frame: Frame) -> Any:
    """Where to begin: the compromise, and the best design in each objective."""
    if not len(frame.front):
        return None
    costs = frame.costs(frame.front)
    named = [("Best compromise (knee)", knee(costs))]
    for position, objective in enumerate(frame.objectives):
        named.append(
            (f"Best {labels.metric_label(objective.metric).lower()}", int(costs[:, position].argmin()))
        )
    buttons = []
    for label, position in named:
        trial = int(frame.trial[frame.front[position]])
        about = [html.Span(label), html.Span(f"Design {trial}", className="muted")]
        buttons.append(html.Button(about, id={"choose": label, "trial": trial}, className="suggestion"))
    return html.Div([html.Div("Or start with", className="muted small"), *buttons], className="suggestions")


def design_panel(frame: Frame, row: int, detail: Detail, targets: Sequence[str], colours: Scheme) -> Any:
    """Everything about one row of a frame."""
    values = dict(zip(frame.metric_names, frame.values[row].tolist(), strict=True))
    baseline = (
        None
        if frame.baseline is None
        else dict(zip(frame.metric_names, frame.baseline.tolist(), strict=True))
    )
    return html.Section(
        [
            _head(frame, row),
            _notes(detail.notes),
            _objectives(frame, values, baseline),
            _exports(frame, row, targets),
            _parameters(frame, row),
            _breakdown(frame, values, baseline, colours),
            _workloads(frame, detail),
            *_groups(frame, values, baseline),
        ],
        className="card design",
        **{"aria-label": "Selected design"},
    )


def parameter_lines(frame: Frame, row: int) -> dict[str, list[ParameterLine]]:
    """Parameters by subsystem, each beside the baseline's value (the default's if there is none yet)."""
    own = frame.space.from_indices(frame.indices[row])
    base = (
        frame.space.default()
        if frame.baseline_indices is None
        else frame.space.from_indices(frame.baseline_indices)
    )
    groups: dict[str, list[ParameterLine]] = {}
    for parameter in frame.space.parameters:
        value, usual = (_written(point[parameter.name]) for point in (own, base))
        name, unit = labels.parameter_label(parameter.name), labels.unit_label(parameter.unit)
        line = ParameterLine(name, value, usual, unit, value != usual)
        groups.setdefault(parameter.subsystem, []).append(line)
    return groups


def metric_groups(specs: Sequence[MetricSpec]) -> dict[str, list[MetricSpec]]:
    """Metrics by the group their schema gives; those without one by what their name begins with."""
    groups: dict[str, list[MetricSpec]] = {}
    for spec in specs:
        groups.setdefault(spec.group or _group(spec.name), []).append(spec)
    return groups


def _group(name: str) -> str:
    for group, words in (
        ("latency", ("latency",)),
        ("energy", ("energy", "power")),
        ("commands", ("activates", "precharges", "refreshes", "reads", "writes", "row_")),
    ):
        if any(word in name for word in words):
            return group
    return "other"


def _written(value: str | int | float | bool) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _head(frame: Frame, row: int) -> html.Header:
    run = frame.run_of_row(row)
    agent = frame.agents[run.agent]
    tags = [_verdict(frame, row)]
    if row in frame.front:
        tags.insert(0, "on the front")
    about = [agent_mark(agent, run.agent), html.Span(f"seed {run.seed}", className="muted")]
    return html.Header(
        [
            html.H2([f"Design {frame.trial[row]}"]),
            html.Div(about, className="design-about"),
            html.Div([html.Span(tag, className="tag " + ("" if tag in _GOOD else "bad")) for tag in tags]),
            html.Button(
                "×", id="close-design", className="close", title="Close", **{"aria-label": "Close the design"}
            ),
        ],
        className="card-head design-head",
    )


def _verdict(frame: Frame, row: int) -> str:
    """Whether the design may be built, or that nobody knows yet."""
    if frame.estimated[row]:
        share = labels.number(100 * float(frame.fidelity[row]), 3)
        return f"estimated from {share} % of the requests" if frame.fidelity[row] else "only predicted"
    return "feasible" if frame.feasible[row] else "violates a constraint"


def _notes(notes: Sequence[str]) -> Any:
    if not notes:
        return None
    return html.Ul([html.Li(note) for note in notes], className="notes", **{"aria-label": "Remarks"})


def _objectives(frame: Frame, values: Mapping[str, float], baseline: Mapping[str, float] | None) -> Any:
    wanted = list(dict.fromkeys(objective.metric for objective in (*frame.objectives, *frame.constraints)))
    tiles = []
    for name in wanted:
        reference = baseline[name] if baseline is not None else float("nan")
        scale = column_scale(frame, name)
        tiles.append(
            html.Div(
                [
                    html.Div(labels.metric_label(name), className="muted small"),
                    html.Div(value_text(values[name], scale), className="tile-value"),
                    html.Div(
                        [
                            change_text(values[name], reference, frame.direction(name)),
                            html.Span([" from ", *value_text(reference, scale)], className="muted small"),
                        ]
                    ),
                ],
                className="tile",
            )
        )
    return html.Div(tiles, className="tiles")


def _exports(frame: Frame, row: int, targets: Sequence[str]) -> Any:
    from dashboards.downloads import export_address

    is_chip = str(frame.description.get("build_id", "")).startswith("soc-")  # exporters write controllers
    if not targets or is_chip:
        return None
    links = [
        html.A(
            target,
            href=export_address(frame.campaign_id, int(frame.trial[row]), target),
            download="",
            className="export",
            title=f"Configuration for {target}, as a zip",
        )
        for target in targets
    ]
    return html.Div([html.Span("Download for", className="muted"), *links], className="exports")


def _parameters(frame: Frame, row: int) -> Any:
    blocks = []
    for subsystem, lines in parameter_lines(frame, row).items():
        rows = [_parameter_line(line) for line in lines]
        blocks.append(
            html.Div(
                [html.H4(labels.metric_label(subsystem)), html.Table(html.Tbody(rows))], className="subsystem"
            )
        )
    return html.Div([html.H3("Parameters"), html.Div(blocks, className="subsystems")], className="block")


def _parameter_line(line: ParameterLine) -> html.Tr:
    was = [html.Span(f"{line.baseline} → ", className="muted")] if line.changed else []
    unit = [html.Span(line.unit, className="unit")] if line.unit else []
    return html.Tr(
        [html.Th(line.name, scope="row"), html.Td([*was, html.Span(line.value, className="value"), *unit])],
        className="changed" if line.changed else "",
    )


def _breakdown(
    frame: Frame, values: Mapping[str, float], baseline: Mapping[str, float] | None, colours: Scheme
) -> Any:
    view = breakdown(frame.schema, values, baseline)
    if not view.parts:
        return None
    figure = breakdown_figure(view, colours)
    graph = dcc.Graph(
        id="breakdown", figure=figure, config=_GRAPH, style={"height": 36 + 30 * len(view.bars)}
    )
    lines = [_part_line(view, index, colours) for index in range(len(view.parts))]
    names = [html.Th(text, scope="col") for text in ("", *(bar.label for bar in view.bars), "Unit", "Share")]
    table = html.Table([html.Thead(html.Tr(names)), html.Tbody(lines)], className="metrics parts")
    return html.Div([html.H3(f"{view.title} by part"), graph, table], className="block")


def _part_line(view: Breakdown, index: int, colours: Scheme) -> html.Tr:
    mark = html.Span(
        className="mark", style={"background": part_colour(index, colours)}, **{"aria-hidden": "true"}
    )
    share = labels.number(100.0 * view.bars[0].values[index] / sum(view.bars[0].values), 3)
    values = [html.Td(labels.number(bar.values[index])) for bar in view.bars]
    return html.Tr(
        [
            html.Th([mark, view.parts[index]], scope="row"),
            *values,
            html.Td(view.unit, className="unit-cell"),
            html.Td([share, html.Span("%", className="unit")]),
        ]
    )


def _workloads(frame: Frame, detail: Detail) -> Any:
    """The objectives on each workload, when there are several."""
    if len(detail.workloads) < 2:
        return None
    names = [objective.metric for objective in frame.objectives]
    head = html.Tr(
        [html.Th("Workload", scope="col"), *[html.Th(labels.metric_label(n), scope="col") for n in names]]
    )
    rows = [
        html.Tr(
            [
                html.Th(workload, scope="row"),
                *[
                    html.Td(
                        labels.quantity(metrics.get(name, float("nan")), frame.metric(name).unit),
                        className="number",
                    )
                    for name in names
                ],
            ]
        )
        for workload, metrics in detail.workloads
    ]
    return html.Div(
        [html.H3("By workload"), html.Table([html.Thead(head), html.Tbody(rows)], className="metrics")],
        className="block",
    )


def _groups(frame: Frame, values: Mapping[str, float], baseline: Mapping[str, float] | None) -> list[Any]:
    blocks = []
    for position, (group, specs) in enumerate(metric_groups(frame.schema).items()):
        lines = [_metric_line(frame, spec, values, baseline) for spec in specs]
        head = html.Tr(
            [
                html.Th("Metric", scope="col"),
                html.Th("Design", scope="col"),
                html.Th("Baseline", scope="col"),
                html.Th("Unit", scope="col"),
                html.Th("Change", scope="col"),
            ]
        )
        blocks.append(
            html.Details(
                [
                    html.Summary([labels.metric_label(group), html.Span(f"{len(specs)}", className="muted")]),
                    html.Table([html.Thead(head), html.Tbody(lines)], className="metrics"),
                ],
                open=position < _OPEN_GROUPS,
                className="group",
            )
        )
    return blocks


def _metric_line(
    frame: Frame, spec: MetricSpec, values: Mapping[str, float], baseline: Mapping[str, float] | None
) -> html.Tr:
    value = values[spec.name]
    reference = baseline[spec.name] if baseline is not None else float("nan")
    known = [abs(number) for number in (value, reference) if number == number]
    scale = labels.scale_for(max(known, default=0.0), spec.unit)
    return html.Tr(
        [
            html.Th(labels.metric_label(spec.name), scope="row", title=spec.description or spec.name),
            html.Td(labels.number(value * scale.factor)),
            html.Td(labels.number(reference * scale.factor)),
            html.Td(scale.unit, className="unit-cell"),
            html.Td(change_text(value, reference, frame.direction(spec.name))),
        ]
    )
