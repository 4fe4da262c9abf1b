"""`dse trace record --instructions`: what a program executes, for the simulation of its processor."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traces.record import Progress
    from traces.record_instructions import Span

# Options of `dse trace record` that say something about one of its two kinds of traces only.
OF_MEMORY = ("cache", "line_bytes", "core_mhz", "cpi", "max_requests")
OF_INSTRUCTIONS = ("first", "last", "max_instructions")
_NAMES = {"first": "from", "last": "to"}


def check_options(given: Sequence[str], instructions: bool) -> None:
    """Refuse an option that the kind of trace has no use for; `given`: names of the parameters given."""
    from traces.errors import TraceError

    for name in OF_MEMORY if instructions else OF_INSTRUCTIONS:
        if name in given:
            option = f"--{_NAMES.get(name, name).replace('_', '-')}"
            fit = "is not for --instructions" if instructions else "needs --instructions"
            raise TraceError(f"{option} {fit}: leave it out, or record the other kind of trace")


def record_to_file(command: list[str], target: Path | None, *, name: str, span: Span, as_json: bool) -> None:
    """Record, write by suffix, and say what was written."""
    from traces.formats import instruction_format_of
    from traces.instruction_files import instruction_losses, write_instructions
    from traces.record_instructions import record_instructions, warnings

    target = target if target is not None else Path(f"{Path(command[0]).name}.npz")
    instruction_format_of(target, None)  # a suffix that says nothing is refused before the program runs
    with _progress(span.max_instructions) as progress:
        made = record_instructions(command, name=name, span=span, progress=progress)
    write_instructions(made, target)
    size_bytes = target.stat().st_size
    said, lost = warnings(made), instruction_losses(made, target)
    for sentence in said:
        print(f"note: {sentence}", file=sys.stderr)
    if as_json:
        shown = {
            "file": str(target),
            "bytes": size_bytes,
            "instructions": len(made),
            "accesses": len(made.address),
            "name": made.name,
            "hash": made.hash,
            "provenance": dict(made.provenance),
            "lost": list(lost),
            "notes": said,
        }
        print(json.dumps(shown, indent=2))
        return
    print(f"{target}: {len(made):,} instructions, {len(made.address):,} accesses, {size_bytes:,} bytes")
    print(f"ends at: {made.provenance['ends']}")
    if lost:
        print(f"not kept by this format: {', '.join(lost)}")


@contextmanager
def _progress(max_instructions: int) -> Iterator[Progress]:
    """A bar on standard error, so that standard output stays clean."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("recording"), BarColumn(), TextColumn("{task.fields[what]}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("recording", total=max_instructions, what="")

        def show(kept: int, executed: int) -> None:
            what = f"{kept:,} kept, {executed / 1e6:,.1f} M executed"
            bar.update(task, completed=kept, what=what)

        yield show
