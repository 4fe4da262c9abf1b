"""`dse importance`: what decides a campaign's metrics, and what sets one design apart from the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dse.campaign.result import CampaignResult
from dse.cli.picture import check_picture, write_picture
from dse.cli.terminal import add_row, console, print_json, table
from dse.errors import ConfigError, did_you_mean, listed
from dse.importance import Analysis, Estimate, Importance, Kind, MetricImportance, OneAtATime, Shapley, Step
from dse.store import default_store
from dse.units import format_percent, format_value

if TYPE_CHECKING:
    from rich.table import Table

_METHODS = (Importance.method, OneAtATime.method, Shapley.method)
_LEAST_SHOWN = 0.005


def command(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name or number in the store.")],
    method: Annotated[
        str,
        typer.Option(
            help="sobol: share of the variance each parameter explains, from the trials there are. "
            "one-at-a-time: simulate every value of every parameter around a design. "
            "shapley: split the difference of a design from the baseline over the subsystems, exactly."
        ),
    ] = Importance.method,
    design: Annotated[
        str, typer.Option(help="For the last two: knee, the number of a trial, or a design_id.")
    ] = "knee",
    objective: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC", help="Any metric; give it again for more (default: the objectives)."),
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Store (default: $DSE_STORE or campaigns.sqlite).")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Of the simulator (default: every core).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap of the method sobol.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also draw it: .html, or .png, .svg, .pdf.")
    ] = None,
) -> None:
    """Show what decides a metric: parameters and subsystems, over the whole space or around one design."""
    from agents.analysis import one_at_a_time, shapley, sobol

    if method not in _METHODS:
        hint = did_you_mean(method, _METHODS) or f" Expected one of {listed(_METHODS)}."
        raise ConfigError(f"there is no method {method!r}.{hint}", key="--method")
    check_picture(plot)
    where = store or default_store()
    which = int(campaign) if campaign.isdigit() else campaign
    analysis: Analysis
    if method == Importance.method:
        analysis = sobol(CampaignResult.load(where, which), objective, seed=seed)
    else:
        compare = one_at_a_time if method == OneAtATime.method else shapley
        analysis = compare(where, which, design, objective, threads=threads, announce=_announce)
    if as_json:
        print_json(analysis.to_dict())
    else:
        _show(analysis)
    if plot is not None:
        write_picture(analysis.plot(), plot, width=max(1200, 560 * len(analysis.metrics)))


def _announce(simulations: int) -> None:
    if simulations:
        console(error=True).print(f"{simulations} new simulations", markup=False)


def _show(analysis: Analysis) -> None:
    shown = console()
    if isinstance(analysis, Importance):
        _show_importance(analysis)
        return
    shown.print(_steps_table(analysis) if isinstance(analysis, OneAtATime) else _shares_table(analysis))
    shown.print(f"{analysis.simulated} designs were simulated for this; the store had the others.")


def _show_importance(analysis: Importance) -> None:
    shown = console()
    for one in analysis.metrics:
        if one.refused:
            shown.print(f"{one.metric}: no importance can be given: {one.refused}.\n", markup=False)
            continue
        for kind in ("subsystem", "parameter"):
            shown.print(_influences_table(one, kind))
    notes = [f"{analysis.measured} distinct designs, all values of a parameter equally likely."]
    if analysis.failed:
        notes.append(f"{analysis.failed} designs without metrics (failed or forbidden) were left out.")
    if analysis.estimated:
        notes.append(f"{analysis.estimated} designs that were only estimated were left out.")
    if analysis.outside:
        notes.append(f"{analysis.outside} designs outside the search space were left out.")
    if analysis.constant:
        notes.append(f"Measured with one value only, so not rated: {', '.join(analysis.constant)}.")
    for name, values in analysis.unmeasured.items():
        notes.append(f"Never measured and left out: {name} = {', '.join(map(str, values))}.")
    shown.print("\n".join(notes), markup=False)


def _influences_table(one: MetricImportance, kind: Kind) -> Table:
    scale = "its logarithm" if one.scale == "log" else "it"
    made = table(
        f"{one.metric}: share of the variance of {scale} (R2 {one.r2:.2f} on {one.held_out} held-out trials)",
        [kind, "by itself", "95 %", "with interactions", "95 %"],
        left=[kind],
    )
    shown = [i for i in one.of(kind) if i.total.value >= _LEAST_SHOWN]
    for influence in shown:
        cells = [*_cells(influence.first), *_cells(influence.total)]
        add_row(made, influence.name, *cells)
    rest = len(one.of(kind)) - len(shown)
    if rest:
        made.caption = f"{rest} others below {100 * _LEAST_SHOWN:g} %; --json has them"
    return made


def _cells(estimate: Estimate) -> tuple[str, str]:
    low, high = 100 * estimate.low, 100 * estimate.high
    return f"{100 * estimate.value:.1f} %", f"{low:.1f} to {high:.1f}"


def _steps_table(analysis: OneAtATime) -> Table:
    names = [metric.name for metric in analysis.metrics]
    made = table(
        f"One change at a time around {analysis.design} of {analysis.campaign}",
        ["parameter", "now", *names],
        left=["parameter", "now", *names],
    )
    now = [
        format_value(value, metric.unit)
        for value, metric in zip(analysis.values, analysis.metrics, strict=True)
    ]
    add_row(made, "(this design)", "", *now)
    for parameter in dict.fromkeys(step.parameter for step in analysis.steps):
        steps = [step for step in analysis.steps if step.parameter == parameter]
        cells = [_range(steps, analysis, metric) for metric in range(len(names))]
        add_row(made, parameter, analysis.point[parameter], *cells)
    made.caption = "lowest and highest among the feasible values; --json has every value"
    return made


def _range(steps: Sequence[Step], analysis: OneAtATime, metric: int) -> str:
    """The values of a parameter with the lowest and the highest metric, or why there are none."""
    others = [step for step in steps if not step.current]
    usable = [step for step in others if step.state == "measured" and step.feasible]
    if not usable:
        states = dict.fromkeys("infeasible" if s.state == "measured" else s.state for s in others)
        return ", ".join(states) or "fixed"
    low = min(usable, key=lambda step: step.values[metric])
    high = max(usable, key=lambda step: step.values[metric])
    base = analysis.values[metric]
    ends = [low] if low.values[metric] == high.values[metric] else [low, high]
    texts = [f"{step.value} {format_percent(step.values[metric], base)}".strip() for step in ends]
    return "no change" if all(s.values[metric] == base for s in ends) else " .. ".join(texts)


def _shares_table(analysis: Shapley) -> Table:
    names = [metric.name for metric in analysis.metrics]
    made = table(
        f"What each subsystem contributes to {analysis.design} of {analysis.campaign}",
        ["subsystem", *names, "changed"],
        left=["subsystem", "changed"],
    )
    units = [metric.unit for metric in analysis.metrics]
    before = [format_value(v, u) for v, u in zip(analysis.before, units, strict=True)]
    add_row(made, "baseline", *before, "")
    for share in analysis.shares:
        cells = [
            _signed(value, unit, base)
            for value, unit, base in zip(share.values, units, analysis.before, strict=True)
        ]
        changed = ", ".join(f"{name} {old} -> {new}" for name, old, new in share.parameters)
        add_row(made, share.subsystem, *cells, changed or "nothing")
    after = [
        f"{format_value(v, u)} {format_percent(v, b):>9}"
        for v, u, b in zip(analysis.after, units, analysis.before, strict=True)
    ]
    add_row(made, "this design", *after, "")
    made.caption = f"exact, from all {analysis.coalitions} mixtures of the two designs"
    return made


def _signed(value: float, unit: str, base: float) -> str:
    sign: Any = "+" if value > 0 else ""
    return f"{sign}{format_value(value, unit)} {format_percent(base + value, base):>9}"
