"""`dse run` and `dse resume`: campaigns from the terminal."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from dse.campaign import Campaign, CampaignResult, DryRun
from dse.campaign.study import Study
from dse.cli.front import agents_table, front_table, front_to_json
from dse.cli.study import dry_run_study, refuse_name, run_study
from dse.cli.terminal import add_row, console, print_json, progress_bar, table
from dse.executors import EXECUTORS, ExecutorOptions
from dse.store import default_store, open_reader, place_of
from dse.units import format_duration, format_value

StoreOption = Annotated[
    str | None,
    typer.Option(
        metavar="STORE",
        help="Store of the trials: a file, or postgresql://... (default: $DSE_STORE or campaigns.sqlite).",
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of the simulator; changes no result.")]
ExecutorName = Annotated[
    str | None,
    typer.Option(
        "--executor",
        help=f"Where simulations run: {', '.join(EXECUTORS)} (docs/executors.md); changes no result.",
    ),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Threads or processes that simulate (default: one a core).")
]
Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers simulate (tcp://host:8786)."),
]
TimeLimit = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="A design that takes longer fails (executors processes and dask)."),
]
MemoryLimit = Annotated[
    int | None,
    typer.Option(metavar="MIB", help="A design that needs more memory fails (executors processes and dask)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no tables.")]


def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The campaign file (TOML).")],
    store: StoreOption = None,
    threads: Threads = None,
    executor: ExecutorName = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    name: Annotated[str | None, typer.Option(help="Name in the store (default: that in the file).")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show sizes, expected time and ranges; store nothing.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a campaign file to the end of its budget; one with [matrix], each of its campaigns.

    Ctrl-C ends the current batch and keeps every trial (exit code 130); `dse resume` goes on from there. Exit
    code 4 says that no feasible design was found.
    """
    how = executor_options(executor, workers, scheduler, time_limit, memory_limit)
    study = Study.from_file(file)
    if study.expanded:
        refuse_name(name)
        if dry_run:
            dry_run_study(study, threads, store or default_store(), as_json=as_json)
        else:
            run_study(study, store or default_store(), threads, how, as_json=as_json, quiet=quiet)
        return
    campaign = next(study.campaigns())
    if dry_run:
        _show_dry_run(campaign.dry_run(threads=threads, store=store or default_store()), as_json)
        return
    path = store or default_store()
    wanted = free_name(path, name or campaign.config.name)
    try:
        with progress_bar(not quiet) as progress:
            result = campaign.run(store=path, threads=threads, progress=progress, name=wanted, **how)
    except KeyboardInterrupt:
        _interrupted(wanted, path)
    _show(result, path, as_json, quiet)


def resume(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Its name in the store, or its file.")],
    store: StoreOption = None,
    threads: Threads = None,
    executor: ExecutorName = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Continue a campaign; the result equals that of an uninterrupted run.

    With a name, traces are looked for where the campaign file had them, relative to the store.
    """
    how = executor_options(executor, workers, scheduler, time_limit, memory_limit)
    path = store or default_store()
    from_file = campaign.endswith(".toml")
    found = Campaign.from_file(campaign) if from_file else Campaign.from_store(path, campaign)
    name = found.config.name
    try:
        with progress_bar(not quiet) as progress:
            result = found.resume(store=path, threads=threads, progress=progress, **how)
    except KeyboardInterrupt:
        _interrupted(name, path)
    _show(result, path, as_json, quiet)


def executor_options(
    executor: str | None,
    workers: int | None,
    scheduler: str | None,
    time_limit: float | None,
    memory_limit: int | None,
) -> ExecutorOptions:
    """The options of `Campaign.run`; an address of a scheduler means Dask, a limit means processes."""
    limited = time_limit is not None or memory_limit is not None
    implied = "dask" if scheduler is not None else "processes" if limited else "threads"
    return {
        "executor": executor or implied,
        "workers": workers,
        "scheduler": scheduler,
        "time_limit_s": time_limit,
        "memory_limit_mib": memory_limit,
    }


def free_name(path: Path | str, wanted: str) -> str:
    """The name, or one with a number if the store has a campaign of that name; says so on stderr."""
    if not place_of(path).exists():
        return wanted
    with open_reader(path) as reader:
        states = {row.name: row.state for row in reader.campaigns()}
    if wanted not in states:
        return wanted
    free = next(f"{wanted}-{i}" for i in range(2, len(states) + 3) if f"{wanted}-{i}" not in states)
    hint = "" if states[wanted] == "finished" else f"; `dse resume {wanted!r}` would continue that one"
    print(f"{place_of(path)} has a campaign {wanted!r} already, this one is {free!r}{hint}", file=sys.stderr)
    return free


def _interrupted(name: str, path: Path | str) -> None:
    print(
        f"Interrupted; every finished trial is in {place_of(path)}. "
        f"Continue with: dse resume {name!r} --store {place_of(path)}",
        file=sys.stderr,
    )
    raise typer.Exit(130)


def _show(result: CampaignResult, path: Path | str, as_json: bool, quiet: bool) -> None:
    front = result.front
    if as_json:
        print_json(front_to_json(result.digest, front))
    elif not quiet:
        shown = console()
        shown.print(agents_table(result.digest))
        shown.print(front_table(result.record, front, limit=12))
        kept = place_of(path)
        where = "" if str(path) == str(default_store()) else f" --store {kept}"
        with open_reader(path) as reader:
            _print_notes(reader.detail(result.record.id, 1).metrics.notes)
        text = f"Kept in {kept}. See: dse front {result.name!r}{where}; dse dashboard{where}"
        shown.print(text, markup=False)
    if not len(front):
        print("No feasible design was found within the budget.", file=sys.stderr)
        raise typer.Exit(4)


def _print_notes(notes: Sequence[str]) -> None:
    for note in notes:
        console().print(f"note on the baseline: {note}", markup=False)


def _show_dry_run(report: DryRun, as_json: bool) -> None:
    if as_json:
        print_json(dataclasses.asdict(report))
        return
    shown = console()
    shown.print(f"Campaign {report.name!r}, nothing stored", markup=False)
    shown.print(
        f"  designs    {report.raw_size:,} raw, {report.distinct_size:,} distinct, "
        f"{report.feasible_size:,} feasible"
    )
    shown.print(f"  workloads  {', '.join(report.workloads)}", markup=False)
    shown.print(
        f"  budget     {report.designs:,} {'full simulations' if report.steps else 'unique designs'} in "
        f"{report.runs} runs; at most {format_duration(report.seconds)} with {report.threads} threads"
    )
    for i, line in enumerate(report.warm_start):
        shown.print(f"  {'' if i else 'warm start':<10} {line}", markup=False, highlight=False)
    if report.steps:
        shown.print(f"  a batch    {', '.join(report.steps)}")
    shown.print(
        f"  sample     {report.sampled} designs in {format_duration(report.sample_seconds)}, "
        f"{report.feasible_in_sample} feasible, {report.failed_in_sample} failed"
    )
    ranges = table(
        "Objectives over the sample", ["objective", "least", "median", "most", "baseline"], left=["objective"]
    )
    for item in report.ranges:
        values = [
            format_value(value, item.unit) for value in (item.low, item.median, item.high, item.baseline)
        ]
        add_row(ranges, item.bound, *values)
    shown.print(ranges)
    _print_notes(report.notes)
