"""`dse front`: the Pareto front of a campaign, every design beside the baseline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dse.campaign_result import CampaignResult
from dse.cli.terminal import add_row, console, print_csv, print_json, table
from dse.errors import ConfigError
from dse.front import Front, FrontDesign, knee
from dse.metrics import Metrics
from dse.store import default_store
from dse.units import format_percent, format_value

if TYPE_CHECKING:
    from rich.table import Table

_MOST_SHOWN = 40


def command(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name or number in the store.")],
    store: Annotated[
        Path | None, typer.Option(help="Store (default: $DSE_STORE or campaigns.sqlite).")
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Only what this agent found by itself.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Everything, as CSV.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Most designs in the table.")] = _MOST_SHOWN,
    plot: Annotated[Path | None, typer.Option(help="Also draw it, into this HTML file.")] = None,
) -> None:
    """Show the feasible designs that nothing dominates, with their difference from the baseline."""
    if as_json and as_csv:
        raise ConfigError("--json and --csv exclude each other")
    number = int(campaign) if campaign.isdigit() else campaign
    result = CampaignResult.load(store or default_store(), number)
    front = result.front if agent is None else result.front_of(agent)
    if as_json:
        print_json(front_to_json(result, front))
    elif as_csv:
        print_csv(front_to_rows(front))
    else:
        shown = console()
        shown.print(front_table(result, front, limit=limit))
        if not len(front):
            shown.print("No feasible design yet.")
            if len(result.nearest_to_feasible()):
                shown.print(nearest_table(result))
        elif any(result.violated.values()):
            missed = ", ".join(f"{name}: {n:,}" for name, n in result.violated.items() if n)
            shown.print(f"Trials that miss a constraint: {missed}", markup=False)
    if plot is not None:
        result.plot().write_html(plot, include_plotlyjs=True)


def front_to_json(result: CampaignResult, front: Front) -> dict[str, Any]:
    """The front with everything a script needs; numbers carry their unit in the metric's name."""
    baseline = result.baseline
    point = result.record.baseline_point
    return {
        "campaign": result.name,
        "state": result.record.state,
        "objectives": [objective.text for objective in result.record.objectives],
        "constraints": [objective.text for objective in result.record.constraints],
        "reference_costs": front.reference.tolist(),
        "hypervolume": front.hypervolume,
        "trials": len(result.trials),
        "feasible_trials": int(result.trials.feasible.sum()),
        "violated": result.violated,
        "baseline": {
            "design": point.to_dict() if point is not None else None,
            "metrics": baseline.to_dict() if baseline is not None else None,
        },
        "agents": [
            {
                "agent": agent.agent,
                "seeds": agent.seeds,
                "trials": agent.trials,
                "unique": agent.unique,
                "from_cache": agent.cached,
                "feasible": agent.feasible,
                "hypervolume": agent.hypervolume,
            }
            for agent in result.agents
        ],
        "front": front.to_dicts(),
    }


def front_to_rows(front: Front) -> list[dict[str, Any]]:
    """One flat record a design: trial, parameters, metrics, change of each objective in per cent."""
    rows: list[dict[str, Any]] = []
    for record in front.to_dicts():
        row = {"trial": record["trial"], **record["design"], **record["metrics"]}
        for objective in front.objectives:
            change = record.get("change_percent", {}).get(objective.metric)
            row[f"{objective.metric}_change_percent"] = change
        rows.append(row)
    return rows


def front_table(result: CampaignResult, front: Front, *, limit: int) -> Table:
    """The baseline, then at most `limit` designs spread over the front, the best compromise (knee) marked."""
    names = [objective.metric for objective in result.record.objectives]
    bounded = [objective.metric for objective in result.record.constraints if objective.metric not in names]
    made = table(
        f"Front of {result.name}: {len(front)} designs, hypervolume {front.hypervolume:.6g}",
        ["trial", *names, *bounded, "differs from the baseline in"],
        left=["differs from the baseline in"],
    )
    if result.baseline is not None:
        values = [_cell(result.baseline, name, None) for name in (*names, *bounded)]
        add_row(made, "baseline", *values, "")
    best = front.knee.trial if len(front) else None
    for design in _spread(front, limit):
        values = [_cell(design.metrics, name, result.baseline) for name in (*names, *bounded)]
        mark = "knee " if design.trial == best else ""
        add_row(made, f"{mark}{design.trial}", *values, _changes(result, design))
    if len(front) > limit:
        made.caption = f"{limit} of {len(front)} designs; --limit, --csv and --json show more"
    return made


def nearest_table(result: CampaignResult) -> Table:
    """The designs that come nearest to meeting the constraints, and by how much they miss each."""
    rows = result.nearest_to_feasible()
    names = [objective.metric for objective in result.record.objectives]
    made = table(
        "Nearest to feasible",
        ["trial", *names, "misses by (relative to the bound)"],
        left=["misses by (relative to the bound)"],
    )
    violations, schema = result.violations, result.record.schema
    for row in rows.tolist():
        metrics = Metrics(schema, result.trials.metrics[row])
        misses = zip(result.constraint_names, violations[row].tolist(), strict=True)
        text = ", ".join(f"{name}: {miss:.3g}" for name, miss in misses if miss > 0)
        add_row(made, int(result.trials.id[row]), *(_cell(metrics, name, None) for name in names), text)
    return made


def agents_table(result: CampaignResult) -> Table:
    """One row an agent."""
    columns = ["agent", "seeds", "unique", "from cache", "repeats", "feasible", "hypervolume"]
    made = table("Agents", columns, left=["agent"])
    for one in result.agents:
        counts = (one.unique, one.cached, one.trials - one.unique, one.feasible)
        add_row(made, one.agent, one.seeds, *(f"{n:,}" for n in counts), f"{one.hypervolume:.6g}")
    return made


def _cell(metrics: Metrics, name: str, baseline: Metrics | None) -> str:
    text = format_value(metrics[name], metrics.schema.spec(name).unit)
    if baseline is None:
        return text
    return f"{text} {format_percent(metrics[name], baseline[name]):>9}"


def _changes(result: CampaignResult, design: FrontDesign) -> str:
    base = result.record.baseline_point
    if base is None:
        return ""
    before = base.to_dict()
    return ", ".join(f"{k}={v}" for k, v in design.point.to_dict().items() if v != before[k]) or "nothing"


def _spread(front: Front, limit: int) -> list[FrontDesign]:
    if len(front) <= limit:
        return list(front)
    step = (len(front) - 1) / max(limit - 1, 1)
    rows = {round(i * step) for i in range(limit)}
    middle = knee(front.costs)
    if middle not in rows:
        rows.remove(min(rows, key=lambda row: abs(row - middle)))
    return [front[row] for row in sorted(rows | {middle})]
