"""What `dse replay A B --diff` says: which parameters differ, and where the time and the energy went."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dse.cli.replay_report import Report, show_written
from dse.cli.terminal import add_row, console, table
from dse.units import format_percent, format_value

if TYPE_CHECKING:
    from rich.table import Table


Row = Any  # of simulators.dram.replay.difference, as Section: the wings are imported inside functions only
Section = Any
_ABSENT = "-"
_LARGE_CHANGE = 10.0  # times the first


def difference_dict(first: Report, second: Report) -> dict[str, Any]:
    """Both runs in full, and every section of the comparison, for --json."""
    from simulators.dram.replay.difference import difference

    return {
        "designs": [first.to_dict(), second.to_dict()],
        "parameters": {name: list(pair) for name, pair in _parameters(first, second).items()},
        "difference": [_section_dict(section) for section in difference(first.recording, second.recording)],
    }


def show_difference(first: Report, second: Report, data: Mapping[str, Any]) -> None:
    """Tables on stdout: B less A, the largest difference first; what is equal is left out."""
    from simulators.dram.replay.difference import difference

    shown = console()
    workload = first.workload
    shown.print(f"A: {first.label}\nB: {second.label}", markup=False)
    shown.print(f"on {workload.name} ({len(workload):,} requests)", markup=False)
    if _parameters(first, second):
        shown.print(_parameter_table(first, second))
    else:
        shown.print("the designs are equal", markup=False)
    for section in difference(first.recording, second.recording):
        if any(row.difference for row in (*section.rows, *filter(None, [section.total]))):
            shown.print(_section_table(section))
        else:
            shown.print(f"{section.title}: no difference", markup=False)
    for letter, report in (("A", first), ("B", second)):
        for note in report.metrics.notes:
            shown.print(f"note on {letter}: {note}", markup=False)
    show_written(shown, data)


def _parameters(first: Report, second: Report) -> dict[str, tuple[Any, Any]]:
    """What differs between the designs, their devices and schedulers; None where one has no such."""
    a, b = (_description(report) for report in (first, second))
    names = dict.fromkeys((*a, *b))
    return {name: (a.get(name), b.get(name)) for name in names if a.get(name) != b.get(name)}


def _description(report: Report) -> dict[str, Any]:
    simulator = report.picked.description
    described = {name: simulator[name] for name in ("device", "address_mapping") if name in simulator}
    described |= report.picked.point.to_dict()
    if report.scheduler is not None:
        described["scheduler"] = report.scheduler
    return described


def _section_dict(section: Section) -> dict[str, Any]:
    total = None if section.total is None else _row_dict(section.total)
    return {"title": section.title, "rows": [_row_dict(row) for row in section.rows], "total": total}


def _row_dict(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "unit": row.unit,
        "a": row.first,
        "b": row.second,
        "difference": row.difference,
        "relative": row.relative,
    }


def _parameter_table(first: Report, second: Report) -> Table:
    made = table("what differs", ["parameter", "A", "B"], left=["parameter"])
    for name, pair in _parameters(first, second).items():
        add_row(made, name, *(_ABSENT if value is None else value for value in pair))
    return made


def _section_table(section: Section) -> Table:
    made = table(section.title, ["", "A", "B", "B - A", "change"], left=[""])
    changed = [row for row in section.rows if row.difference]
    for row in changed:
        add_row(made, *_cells(row))
    if section.total is not None:
        made.add_section()
        add_row(made, *_cells(section.total))
    if equal := len(section.rows) - len(changed):
        made.caption = f"{equal} equal in both"
    return made


def _cells(row: Row) -> tuple[str, ...]:
    sign = "+" if row.difference > 0 else ""
    return (
        row.name,
        format_value(row.first, row.unit),
        format_value(row.second, row.unit),
        sign + format_value(row.difference, row.unit),
        _change(row),
    )


def _change(row: Row) -> str:
    """In per cent, or as a factor where that would be a long number; empty from nothing to something."""
    if abs(row.relative) < _LARGE_CHANGE or not math.isfinite(row.relative):
        return format_percent(row.second, row.first)
    return f"x {row.second / row.first:,.0f}"
