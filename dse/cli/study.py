"""`dse run` of a file with `[matrix]`: its campaigns one after the other, continued where they ended."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import typer

from dse.campaign import CampaignResult
from dse.campaign.study import Study
from dse.cli.campaign_status import shown_hypervolume
from dse.cli.front import front_to_json
from dse.cli.terminal import add_row, console, print_json, progress_bar, table
from dse.errors import ConfigError
from dse.executors import ExecutorOptions
from dse.store import place_of
from dse.units import format_duration


def run_study(
    study: Study,
    store: Path | str,
    threads: int | None,
    how: ExecutorOptions,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run what is left of a study and show one line a campaign; exit code 4 if one has no feasible design."""

    def announce(name: str) -> None:
        if not quiet:
            print(f"{name} ({len(study)} campaigns)", file=sys.stderr)

    try:
        with progress_bar(not quiet) as progress:
            results = study.run(store=store, threads=threads, progress=progress, started=announce, **how)
    except KeyboardInterrupt:
        print(
            f"Interrupted; every finished trial is in {place_of(store)}. Run the same command to go on.",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None
    if as_json:
        print_json([front_to_json(result.digest, result.front) for result in results])
    elif not quiet:
        _show(results, store)
    empty = [result.name for result in results if not len(result.front)]
    if empty:
        print(f"No feasible design was found within the budget of: {', '.join(empty)}", file=sys.stderr)
        raise typer.Exit(4)


def dry_run_study(study: Study, threads: int | None, store: Path | str, *, as_json: bool) -> None:
    """Simulate a sample of every campaign and show what each would cost; stores nothing."""
    reports = [campaign.dry_run(threads=threads, store=store) for campaign in study.campaigns()]
    if as_json:
        print_json([dataclasses.asdict(report) for report in reports])
        return
    made = table(
        f"{len(study)} campaigns, nothing stored",
        ["campaign", "feasible", "runs", "designs", "at most"],
        left=["campaign"],
    )
    for report in reports:
        counts = (f"{report.feasible_size:,}", report.runs, f"{report.designs:,}")
        add_row(made, report.name, *counts, format_duration(report.seconds))
    console().print(made)


def refuse_name(name: str | None) -> None:
    """ConfigError if a name was given for campaigns that the matrix names."""
    if name is not None:
        raise ConfigError("--name is for a file of one campaign: [matrix] names those of this one")


def _show(results: list[CampaignResult], store: Path | str) -> None:
    made = table(
        f"{len(results)} campaigns", ["campaign", "trials", "front", "hypervolume"], left=["campaign"]
    )
    for result in results:
        front = result.front
        add_row(
            made,
            result.name,
            f"{len(result.trials):,}",
            len(front),
            shown_hypervolume(result.record, front.hypervolume),
        )
    made.caption = "each hypervolume is relative to its own campaign's box of ideal and reference point"
    shown = console()
    shown.print(made)
    shown.print(f"Kept in {place_of(store)}. See: dse front NAME; dse dashboard", markup=False)
