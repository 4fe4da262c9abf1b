"""`dse compare`: the agents of a file compared over its campaigns and seeds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from dse.campaign.study import Study
from dse.cli.picture import check_picture, write_picture
from dse.cli.run import (
    AsJson,
    ExecutorName,
    MemoryLimit,
    Quiet,
    Scheduler,
    StoreOption,
    Threads,
    TimeLimit,
    Workers,
    executor_options,
)
from dse.cli.terminal import add_row, console, print_json, progress_bar, table
from dse.comparison.compare import compare
from dse.comparison.result import Comparison
from dse.errors import ConfigError
from dse.store import default_store, place_of
from dse.units import format_value

if TYPE_CHECKING:
    from rich.table import Table

_ALL = "all"
Number = TypeVar("Number", int, float)
_PICTURE_PIXELS = 1200


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A campaign file (TOML), with seeds = 10.")],
    budgets: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,...",
            help="Unique simulations at which to compare (default: a tenth, three tenths and all there are).",
        ),
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="AGENT", help="The control (default: the first agent of the file).")
    ] = None,
    targets: Annotated[
        str | None, typer.Option(metavar="R,R,...", help="Targets of regret (default: 0.1,0.05,0.01).")
    ] = None,
    by: Annotated[
        str, typer.Option(help="label, or name: also look at the entries of each algorithm together.")
    ] = "label",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Write report.html, report.json and a CSV a table there."
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the curves: .html, or .png, .svg, .pdf.")
    ] = None,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Simulate nothing: fail if anything is missing.")
    ] = False,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact", help="Simulate every design of each space first (up to a million): exact regret."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    jobs: Annotated[
        int, typer.Option(min=1, help="Campaigns at a time, each in a process of its own; changes no result.")
    ] = 1,
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
    """Compare the agents of a campaign file over workloads, objectives and seeds.

    What is missing of its campaigns in the store is run first, as `dse run` would; Ctrl-C keeps every trial
    (exit code 130) and the same command goes on. Statistics are over runs at equal unique simulations.
    """
    check_picture(plot)
    if exact and no_run:
        raise ConfigError("--exact and --no-run exclude each other", key="--exact")
    study = Study.from_file(file)
    path = store or default_store()
    how = executor_options(executor, workers, scheduler, time_limit, memory_limit)

    def announce(name: str) -> None:
        if not quiet:
            print(f"{name}{' done' if jobs > 1 else ''} ({len(study)} campaigns)", file=sys.stderr)

    try:
        with progress_bar(not quiet) as progress:
            found = compare(
                study,
                store=path,
                budgets=_numbers(budgets, int, "--budgets"),
                against=against,
                targets=_numbers(targets, float, "--targets"),
                by=by,
                seed=seed,
                run=not no_run,
                exact=exact,
                threads=threads,
                progress=progress,
                started=announce,
                jobs=jobs,
                **how,
            )
    except KeyboardInterrupt:
        kept = place_of(path)
        print(f"Interrupted; every finished trial is in {kept}. The same command goes on.", file=sys.stderr)
        raise typer.Exit(130) from None
    _warn(found)
    if output is not None:
        written = found.save(output)
        if not quiet:
            print(f"Wrote {written[0]} and {len(written) - 1} more files.", file=sys.stderr)
    if plot is not None:
        write_picture(found.plot(), plot, width=_PICTURE_PIXELS)
    if as_json:
        print_json(found.to_dict())
    elif not quiet:
        _show(found)
    empty = [row.cell for row in found.cells if row.best is None]
    if empty:
        print(f"No feasible design was found within the budget of: {', '.join(empty)}", file=sys.stderr)
        raise typer.Exit(4)


def _numbers(text: str | None, kind: Callable[[str], Number], option: str) -> list[Number] | None:
    """Numbers between commas."""
    if text is None:
        return None
    try:
        return [kind(part.strip().replace("_", "")) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"got {text!r}, expected numbers between commas", key=option) from None


def _warn(found: Comparison) -> None:
    for warning in found.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _show(found: Comparison) -> None:
    shown = console()
    for made in (_regret(found), _cells(found), _improvement(found), _targets(found), _wins(found)):
        shown.print(made)
    if found.entries:
        shown.print(_entries(found))
    shown.print("\n".join(found.notes), markup=False)


def _regret(found: Comparison) -> Table:
    """Over all cells, at every budget."""
    heads = [f"{_text(budget)} simulations" for budget in found.budgets_compared]
    made = table(
        f"{found.name}: regret after so many unique simulations, interquartile mean (95 %)",
        ["agent", *(part for head in heads for part in (head, ""))],
        left=["agent"],
    )
    for agent in found.agents:
        rows = [row for row in found.budgets if (row.cell, row.agent) == (_ALL, agent)]
        cells = [part for row in rows for part in (_text(row.iqm), _range(row.iqm_low, row.iqm_high))]
        add_row(made, agent, *cells)
    runs = sum(row.runs for row in found.budgets if row.cell == _ALL) // len(found.budgets_compared)
    made.caption = f"{len(found.cells)} cells, {runs} runs"
    return made


def _cells(found: Comparison) -> Table:
    """The medians of each cell at the last budget."""
    last = found.budgets_compared[-1]
    made = table(
        f"Median regret after {_text(last)} simulations, cell by cell",
        ["cell", "optimum", "default design", *found.agents],
        left=["cell", "optimum"],
    )
    for cell in found.cells:
        rows = [row for row in found.budgets if (row.cell, row.budget) == (cell.cell, last)]
        add_row(made, cell.cell, cell.known, _text(cell.default_regret), *(_text(row.median) for row in rows))
    made.caption = "other budgets, intervals and IQM of each cell: -o FOLDER or --json"
    return made


def _improvement(found: Comparison) -> Table:
    made = table(
        f"Probability of less regret than {found.control}",
        ["agent", "simulations", "probability", "95 %", "cells better", "worse"],
        left=["agent"],
    )
    for row in found.improvement:
        chance = (_text(row.probability), _range(row.low, row.high))
        add_row(made, row.agent, _text(row.budget), *chance, row.cells_better, row.cells_worse)
    return made


def _targets(found: Comparison) -> Table:
    made = table(
        "Unique simulations until the regret is at most the target, over all cells",
        ["agent", "target", "reached", "censored", "median", "expected"],
        left=["agent"],
    )
    for row in found.targets:
        if row.cell == _ALL:
            numbers = (_text(row.median), _text(row.expected))
            add_row(made, row.agent, _text(row.target), row.reached, row.censored, *numbers)
    made.caption = "median: Kaplan-Meier; expected: ERT, all that was spent over the arrivals"
    return made


def _wins(found: Comparison) -> Table:
    made = table(
        f"Least median regret after {_text(found.budgets_compared[-1])} simulations",
        ["cell", "agent", "regret", "second", "probability of beating it", "95 %", "clear"],
        left=["cell", "agent", "second"],
    )
    for row in found.wins:
        chance = "" if row.low is None or row.high is None else _range(row.low, row.high)
        clear = "yes" if row.clear else "no"
        add_row(
            made, row.cell, row.agent, _text(row.regret), row.second, _text(row.probability), chance, clear
        )
    return made


def _entries(found: Comparison) -> Table:
    made = table(
        f"Entries of one algorithm after {_text(found.budgets_compared[-1])} simulations",
        ["algorithm", "rank", "agent", "options", "regret", "95 %"],
        left=["algorithm", "agent", "options"],
    )
    for row in found.entries:
        options = "(default)" if row.default else row.options
        numbers = (_text(row.iqm), _range(row.iqm_low, row.iqm_high))
        add_row(made, row.algorithm, f"{row.rank} of {row.of}", row.agent, options, *numbers)
    return made


def _text(value: float | None) -> str:
    """Three significant digits, whole numbers in full; a dash for what means nothing."""
    if value is None:
        return "-"
    return format_value(value if value == int(value) else float(f"{value:.3g}"))


def _range(low: float, high: float) -> str:
    return f"{_text(low)} to {_text(high)}"
