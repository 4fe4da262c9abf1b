"""`dse front`: the Pareto front of a campaign, every design beside the baseline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dse.campaign.digest import CampaignDigest, constraint_names, front_of
from dse.campaign.result import CampaignResult
from dse.cli.campaign_status import shown_hypervolume, shown_spent
from dse.cli.terminal import add_row, console, print_csv, print_json, table
from dse.errors import ConfigError
from dse.front import Front, FrontDesign, knee
from dse.metrics import Metrics
from dse.store import CampaignRecord, default_store, open_reader
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
    """Show the feasible designs that nothing dominates, with their difference from the baseline.

    The hypervolume is relative to the box between the ideal and the reference point of the campaign.
    """
    if as_json and as_csv:
        raise ConfigError("--json and --csv exclude each other")
    path = store or default_store()
    number = int(campaign) if campaign.isdigit() else campaign
    with open_reader(path) as reader:
        record = reader.campaign(number)
        if agent is None:
            front = front_of(record, reader.front_trials(record.id))
        else:
            front = CampaignResult(record, reader.trials(record.id)).front_of(agent)
        if as_csv:
            print_csv(front_to_rows(front))
        elif as_json:
            print_json(front_to_json(CampaignDigest.read(reader, record), front))
        else:
            console().print(front_table(record, front, limit=limit))
            if not len(front) or constraint_names(record) or record.config.get("fidelity"):
                _print_misses(CampaignDigest.read(reader, record), front)
    if plot is not None:
        CampaignResult.load(path, number).plot().write_html(plot, include_plotlyjs=True)


def front_to_json(digest: CampaignDigest, front: Front) -> dict[str, Any]:
    """The front with everything a script needs; numbers carry their unit in the metric's name."""
    record = digest.record
    baseline, point = record.baseline, record.baseline_point
    return {
        "campaign": record.name,
        "state": record.state,
        "objectives": [objective.text for objective in record.objectives],
        "constraints": [objective.text for objective in record.constraints],
        "reference_costs": front.reference.tolist(),
        "hypervolume": front.hypervolume,
        "relative_hypervolume": front.hypervolume / record.box if record.box else None,
        "trials": digest.trials,
        "feasible_trials": digest.feasible,
        "estimated_trials": digest.estimated,
        "violated": digest.violated,
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
                "estimated": agent.estimated,
                "spent": agent.spent,
            }
            for agent in digest.agents
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


def front_table(record: CampaignRecord, front: Front, *, limit: int) -> Table:
    """The baseline, then at most `limit` designs spread over the front, the best compromise (knee) marked."""
    names = [objective.metric for objective in record.objectives]
    bounded = [objective.metric for objective in record.constraints if objective.metric not in names]
    so_far = " so far" if record.state == "running" else ""
    made = table(
        f"Front of {record.name}{so_far}: {len(front)} designs, hypervolume "
        + shown_hypervolume(record, front.hypervolume),
        ["trial", *names, *bounded, "differs from the baseline in"],
        left=["differs from the baseline in"],
    )
    if record.baseline is not None:
        values = [_cell(record.baseline, name, None) for name in (*names, *bounded)]
        add_row(made, "baseline", *values, "")
    best = front.knee.trial if len(front) else None
    for design in _spread(front, limit):
        values = [_cell(design.metrics, name, record.baseline) for name in (*names, *bounded)]
        mark = "knee " if design.trial == best else ""
        add_row(made, f"{mark}{design.trial}", *values, _changes(record, design))
    if len(front) > limit:
        made.caption = f"{limit} of {len(front)} designs; --limit, --csv and --json show more"
    return made


def _print_misses(digest: CampaignDigest, front: Front) -> None:
    """What stands between the designs and the front: the nearest ones if it is empty, else counts."""
    shown = console()
    if digest.estimated:
        text = f"{digest.estimated:,} of {digest.trials:,} trials were only estimated and are not shown."
        shown.print(text, markup=False)
    if not len(front):
        shown.print("No feasible design yet.")
        if digest.nearest is not None and len(digest.nearest):
            shown.print(_nearest_table(digest))
    elif any(digest.violated.values()):
        missed = ", ".join(f"{name}: {n:,}" for name, n in digest.violated.items() if n)
        shown.print(f"Trials that miss a constraint: {missed}", markup=False)


def _nearest_table(digest: CampaignDigest) -> Table:
    """The designs that come nearest to meeting the constraints, and by how much they miss each."""
    record, nearest = digest.record, digest.nearest
    assert nearest is not None
    names = [objective.metric for objective in record.objectives]
    made = table(
        "Nearest to feasible",
        ["trial", *names, "misses by (relative to the bound)"],
        left=["misses by (relative to the bound)"],
    )
    for row, violations in enumerate(digest.nearest_violations.tolist()):
        values = dict(zip(nearest.metric_names, nearest.metrics[row].tolist(), strict=True))
        misses = zip(constraint_names(record), violations, strict=True)
        text = ", ".join(f"{name}: {miss:.3g}" for name, miss in misses if miss > 0)
        cells = [format_value(values[name], record.schema.spec(name).unit) for name in names]
        add_row(made, int(nearest.id[row]), *cells, text)
    return made


def agents_table(digest: CampaignDigest) -> Table:
    """One row an agent; what was estimated and what it cost only where there are estimates."""
    ladder = digest.estimated > 0
    columns = ["agent", "seeds", "unique", "from cache", "repeats", "feasible", "hypervolume"]
    if ladder:
        columns[2:3] = ["spent", "in full", "estimated"]
    made = table("Agents", columns, left=["agent"])
    for one in digest.agents:
        repeats = one.trials - one.unique - one.estimated
        counts = [one.unique, one.estimated] if ladder else [one.unique]
        cells = [f"{n:,}" for n in (*counts, one.cached, repeats, one.feasible)]
        spent = [shown_spent(one.spent)] if ladder else []
        add_row(made, one.agent, one.seeds, *spent, *cells, shown_hypervolume(digest.record, one.hypervolume))
    return made


def _cell(metrics: Metrics, name: str, baseline: Metrics | None) -> str:
    text = format_value(metrics[name], metrics.schema.spec(name).unit)
    if baseline is None:
        return text
    return f"{text} {format_percent(metrics[name], baseline[name]):>9}"


def _changes(record: CampaignRecord, design: FrontDesign) -> str:
    base = record.baseline_point
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
