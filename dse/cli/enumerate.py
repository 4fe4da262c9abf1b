"""`dse enumerate`: every design of a small space, simulated and stored as a campaign of the grid searcher."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import typer

from dse.campaign import Campaign, CampaignResult
from dse.campaign.enumeration import AGENT, check_size, enumeration
from dse.cli.ls import StoreOption
from dse.cli.run import (
    ExecutorName,
    MemoryLimit,
    Scheduler,
    Threads,
    TimeLimit,
    Workers,
    executor_options,
    free_name,
)
from dse.cli.terminal import add_row, console, print_csv, print_json, progress_bar, table
from dse.errors import ConfigError, did_you_mean, listed
from dse.parameter import Parameter, Value
from dse.space import DesignSpace
from dse.store import default_store, place_of
from dse.units import format_value, unit_of

_LIMIT = 10_000
_SHOWN = 40


def command(
    campaign: Annotated[
        str,
        typer.Argument(metavar="CAMPAIGN", help="A campaign file (TOML), or the name of a stored campaign."),
    ],
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME[=A,B,C]", help="Vary only this parameter, over these values. Repeatable."
        ),
    ] = None,
    store: StoreOption = None,
    name: Annotated[
        str | None, typer.Option(help="Name in the store (default: CAMPAIGN-enumerated).")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Refuse to simulate more designs than this.")] = _LIMIT,
    count: Annotated[bool, typer.Option("--count", help="Only count the designs; simulate nothing.")] = False,
    threads: Threads = None,
    executor: ExecutorName = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Everything, as CSV.")] = False,
) -> None:
    """Simulate every design of a small space on the workloads of a campaign, and show them all.

    Without --set it is the space of the campaign. With --set only the parameters named vary, the others stay
    at their default. The designs are counted first. They are kept in the store as a campaign, so an
    interrupted enumeration goes on with `dse resume`, and no design is simulated twice.
    """
    if as_json and as_csv:
        raise ConfigError("--json and --csv exclude each other", key="--csv")
    how = executor_options(executor, workers, scheduler, time_limit, memory_limit)
    path = store or default_store()
    given = (
        Campaign.from_file(campaign) if campaign.endswith(".toml") else Campaign.from_store(path, campaign)
    )
    overrides = _overrides(given, sets or [])
    others = {p.name: p.default for p in given.setup.space.parameters} if overrides else {}
    left = {**others, **overrides}
    space = given.setup.space.restrict(left) if left else given.setup.space
    designs = space.feasible_size
    if count:
        _show_count(space, as_json)
        return
    check_size(designs, limit, "name fewer values with --set, or raise --limit", "--limit")
    free = free_name(path, name or f"{given.config.name}-enumerated")
    config = enumeration(given.config, designs, free, left)
    made = Campaign(config, base=given.base, source=given.source, simulator=given.setup.simulator)
    try:
        with progress_bar(True) as progress:
            result = made.run(store=path, threads=threads, progress=progress, name=free, **how)
    except KeyboardInterrupt:
        print(f"Interrupted; continue with: dse resume {free!r}", file=sys.stderr)
        raise typer.Exit(130) from None
    _show(result, list(overrides), as_json, as_csv, str(place_of(path)))


def _overrides(given: Campaign, sets: Sequence[str]) -> dict[str, list[Value]]:
    """Parameter to the values that --set lists for it. ConfigError for a name or value that is not there."""
    space = given.setup.space
    found: dict[str, list[Value]] = {}
    for text in sets:
        name, equals, values = text.partition("=")
        if name not in space.names:
            raise ConfigError(
                f"{name!r} is no parameter: expected one of {listed(space.names)}."
                f"{did_you_mean(name, space.names)}",
                key="--set",
            )
        if name in found:
            raise ConfigError(f"{name} is given twice: list all its values after one --set", key="--set")
        parameter = space.parameter(name)
        parts = values.split(",") if equals else [_plain(value) for value in parameter.values]
        found[name] = [_value(parameter, part.strip()) for part in parts]
    return found


def _value(parameter: Parameter, text: str) -> Value:
    choices = {_plain(value).lower(): value for value in parameter.values}
    if text.lower() not in choices:
        known = [_plain(value) for value in parameter.values]
        raise ConfigError(
            f"{parameter.name}={text!r}: expected some of {', '.join(known)}.{did_you_mean(text, known)}",
            key="--set",
        )
    return choices[text.lower()]


def _plain(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _show_count(space: DesignSpace, as_json: bool) -> None:
    sizes = {"raw": space.raw_size, "distinct": space.distinct_size, "feasible": space.feasible_size}
    if as_json:
        print_json({"designs": space.feasible_size, "sizes": sizes})
        return
    print(
        f"{space.feasible_size:,} designs to simulate ({sizes['raw']:,} raw, "
        f"{sizes['distinct']:,} distinct); nothing was simulated"
    )


def _show(result: CampaignResult, varied: Sequence[str], as_json: bool, as_csv: bool, store: str) -> None:
    rows = _rows(result)
    if as_json:
        print_json({"campaign": result.name, "store": store, "designs": rows})
    elif as_csv:
        print_csv([_flat(row) for row in rows])
    else:
        _print_table(result, rows, varied)
        text = f"Kept in {store}. See: dse front {result.name!r}; --csv and --json have every metric"
        console().print(text, markup=False)
    if not any(row["feasible"] for row in rows):
        print("No design of the space is feasible.", file=sys.stderr)
        raise typer.Exit(4)


def _rows(result: CampaignResult) -> list[dict[str, Any]]:
    """One record a design, in the order of the parameters' values."""
    trials, record = result.trials, result.record
    mine = np.flatnonzero(trials.run == 1)
    best = set(result.front_of(AGENT).trials.tolist())
    points = record.space.points(trials.indices[mine])
    return [
        {
            "trial": int(trials.id[row]),
            "feasible": bool(trials.feasible[row]),
            "on_front": int(trials.id[row]) in best,
            "design": point.to_dict(),
            "metrics": dict(zip(trials.metric_names, trials.metrics[row].tolist(), strict=True)),
        }
        for row, point in zip(mine.tolist(), points, strict=True)
    ]


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    first = {name: row[name] for name in ("trial", "feasible", "on_front")}
    return {**first, **row["design"], **row["metrics"]}


def _print_table(result: CampaignResult, rows: Sequence[Mapping[str, Any]], varied: Sequence[str]) -> None:
    """The parameters that vary and the metrics that the campaign asks for; a star marks the front."""
    names = list(varied) or [p.name for p in result.record.search_space.parameters if len(p) > 1]
    asked = [o.metric for o in (*result.record.objectives, *result.record.constraints)]
    metrics = list(dict.fromkeys(asked))
    made = table(
        f"Every design of {result.name}: {len(rows):,} designs, * nothing dominates it",
        ["trial", "", *names, *metrics],
        left=names,
    )
    for row in rows[:_SHOWN]:
        mark = "*" if row["on_front"] else "" if row["feasible"] else "infeasible"
        values = [format_value(row["metrics"][metric], unit_of(metric)) for metric in metrics]
        add_row(made, row["trial"], mark, *(row["design"][name] for name in names), *values)
    console().print(made)
    if len(rows) > _SHOWN:
        console().print(f"... and {len(rows) - _SHOWN:,} more: --csv or --json has all of them")
