"""What commands share about the terminal: consoles, tables, JSON and CSV on stdout, progress on stderr.

Results go to stdout, everything else to stderr. Without a terminal there is no progress and no colour, and
tables are as wide as they need. NO_COLOR is honoured by rich.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dse.campaign.progress import Progress, Watcher
from dse.safe_output import safe_cell, strict
from dse.units import format_value, unit_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDE = 400


def console(*, error: bool = False) -> Console:
    """A rich console on stdout, or on stderr."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    return Console(stderr=error, width=None if stream.isatty() else _WIDE, highlight=False, soft_wrap=False)


def table(title: str, columns: Sequence[str], *, left: Sequence[str] = ()) -> Table:
    """An empty table; columns are right-aligned but those in `left`."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    made = Table(title=escape(title), box=box.SIMPLE_HEAD, pad_edge=False)
    made.title_justify = made.caption_justify = "left"
    for name in columns:
        made.add_column(name, justify="left" if name in left else "right", overflow="fold")
    return made


def add_row(made: Table, *cells: object) -> None:
    """Add a row of plain text; markup in it is shown as it is written."""
    from rich.markup import escape

    made.add_row(*(escape(str(cell)) for cell in cells))


def print_json(data: Any) -> None:
    """Strict JSON on stdout; numbers that are not finite become null."""
    json.dump(strict(data), sys.stdout, indent=2, allow_nan=False)
    print()


def print_csv(rows: Sequence[dict[str, Any]]) -> None:
    """CSV on stdout; text that a spreadsheet would take for a formula gets a leading quote."""
    writer = csv.writer(sys.stdout)
    if rows:
        writer.writerow([safe_cell(name) for name in rows[0]])
    for row in rows:
        writer.writerow([safe_cell(value) for value in row.values()])


@contextmanager
def progress_bar(wanted: bool) -> Iterator[Watcher | None]:
    """A watcher that draws a progress bar on stderr; None if it is not wanted or there is no terminal."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(bar_width=24),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} {task.fields[unit]}"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[best]}"),
    )
    with Bar(*columns, console=console(error=True), transient=True) as bar:
        task = bar.add_task("", total=1, rate="", best="reference sample", unit="designs")

        def watch(now: Progress) -> None:
            bar.update(
                task,
                completed=now.done,
                total=max(now.total, 1),
                rate=_rate(now),
                best=_best(now),
                unit=now.unit,
            )

        yield watch


def _rate(now: Progress) -> str:
    return f"{now.rate:,.0f}/s"


def _best(now: Progress) -> str:
    shown = [f"{metric} {format_value(value, unit_of(metric))}" for metric, value in now.best.items()]
    return f"[dim]{now.agent}[/dim]  best " + ", ".join(shown) + f"  hypervolume {now.hypervolume:.3f}"
