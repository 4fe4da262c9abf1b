"""A campaign as CSV: `NAME.csv` with the trials, and `NAME.csv.json` beside it with everything else.

UTF-8, commas, lines that end in CR LF (RFC 4180), one header row, numbers with as many digits as they need to
come back exactly; an empty cell is a missing metric. Text that a spreadsheet would run as a formula gets an
apostrophe, which the reader takes off again.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from dse.exchange.archive import CampaignArchive
from dse.exchange.columns import Column, columns_of, joined, trials_of, values_of
from dse.exchange.errors import MAX_HEADER_BYTES, MAX_LINE_CHARACTERS, BadCell, ExchangeError
from dse.exchange.header import ArchiveHeader, header_from_text, header_to_text
from dse.exchange.whole_file import Progress, reading, size_checked, whole_file
from dse.store import Trials

_ROWS = 8192
_RISKY = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_TRUTHS = {"true": True, "false": False}


def write_csv(archive: CampaignArchive, path: Path, *, force: bool, progress: Progress) -> tuple[Path, ...]:
    """Write both files and return their paths; ExchangeError if one exists (and not `force`)."""
    beside = header_path(path)
    columns = columns_of(archive.header.space, archive.header.schema)
    with whole_file(beside, force=force) as header_draft, whole_file(path, force=force) as draft:
        header_draft.write_text(header_to_text(archive) + "\n", encoding="utf-8")
        with draft.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([column.name for column in columns])
            for start in range(0, len(archive.trials), _ROWS):
                values = values_of(archive.trials, columns, archive.header.runs, slice(start, start + _ROWS))
                texts = [_written(part, column) for column, part in zip(columns, values, strict=True)]
                writer.writerows(zip(*texts, strict=True))
                progress(min(start + _ROWS, len(archive.trials)))
    return path, beside


def read_csv(path: Path, *, progress: Progress) -> CampaignArchive:
    """The campaign in both files; ExchangeError with file, line and column for what is wrong in them."""
    beside = header_path(path)
    with reading(path):
        path.stat()
    if not beside.exists():
        raise ExchangeError(
            f"there is no {beside.name} beside it, which has the campaign's space, units and provenance; "
            "`dse store export` writes both",
            path=path,
        )
    size_checked(beside, MAX_HEADER_BYTES, "this is no header of a campaign")
    with reading(beside):
        header = header_from_text(beside.read_text(encoding="utf-8"), beside)
    with reading(path), path.open(encoding="utf-8", newline="") as file:
        trials = _trials(file, header, path, progress)
    return header.with_trials(trials, path)


def header_path(path: Path) -> Path:
    """The file beside a table that has the rest of the campaign."""
    return path.with_name(path.name + ".json")


def guarded(text: str) -> str:
    """A cell that no spreadsheet runs as a formula; `unguarded` undoes it, for every text."""
    return "'" + text if _RISKY.match(text) else text


def unguarded(cell: str) -> str:
    """The text that `guarded` was given."""
    return cell[1:] if _GUARDED.match(cell) else cell


def _written(values: NDArray[Any], column: Column) -> list[Any]:
    if column.kind == "text":
        known = {text: guarded(text) for text in set(values.tolist())}
        return [known[text] for text in values.tolist()]
    if column.kind == "bool":
        return ["true" if value else "false" for value in values.tolist()]
    plain: list[Any] = values.tolist()
    if column.kind == "float" and np.isnan(values).any():
        return [None if value != value else value for value in plain]
    return plain


def _trials(file: TextIO, header: ArchiveHeader, path: Path, progress: Progress) -> Trials:
    rows = csv.reader(_lines(file, path), strict=True)
    names = [column.name for column in header.columns]
    with _located(path, rows):
        first = next(rows, [])
    if first != names:
        raise ExchangeError(_other_columns(first, names), path=path, line=1)
    parts: list[Trials] = []
    done = 0
    for lines, chunk in _chunks(rows, len(names), path):
        done += len(chunk)
        if done > header.n_trials:
            raise ExchangeError(
                f"has more than the {header.n_trials:,} trials of its header", path=path, line=lines[-1]
            )
        try:
            values = [
                _parsed(part, column)
                for column, part in zip(header.columns, zip(*chunk, strict=True), strict=True)
            ]
            parts.append(trials_of(values, header.columns, header.header.runs))
        except BadCell as bad:
            raise ExchangeError(bad.message, path=path, line=lines[bad.row], key=bad.column) from None
        progress(done)
    return joined(parts, header.columns)


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_LINE_CHARACTERS):
        number += 1
        if len(line) == MAX_LINE_CHARACTERS:
            raise ExchangeError(f"is longer than {MAX_LINE_CHARACTERS:,} characters", path=path, line=number)
        yield line


class _located:
    """Errors of the CSV reader with file and line."""

    def __init__(self, path: Path, rows: Any) -> None:
        self._path = path
        self._rows = rows

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, csv.Error):
            raise ExchangeError(
                f"is not CSV: {error}", path=self._path, line=max(self._rows.line_num, 1)
            ) from None


def _chunks(rows: Any, width: int, path: Path) -> Iterator[tuple[list[int], list[list[str]]]]:
    """(numbers of the last line of each row, the rows), some thousand at a time."""
    lines: list[int] = []
    chunk: list[list[str]] = []
    while True:
        with _located(path, rows):
            row = next(rows, None)
        if row is None:
            break
        if len(row) != width:
            raise ExchangeError(f"got {len(row)} cells, expected {width}", path=path, line=rows.line_num)
        lines.append(rows.line_num)
        chunk.append(row)
        if len(chunk) == _ROWS:
            yield lines, chunk
            lines, chunk = [], []
    if chunk:
        yield lines, chunk


def _parsed(cells: Sequence[str], column: Column) -> Sequence[Any]:
    """The cells of a column as its kind says; BadCell for one that is not."""
    if column.kind == "text":
        known = {cell: unguarded(cell) for cell in set(cells)}
        return [known[cell] for cell in cells]
    if column.kind == "bool":
        return _each(cells, column, lambda cell: _TRUTHS[cell.lower()], "true or false")
    if column.kind == "int":
        return _each(cells, column, int, "a whole number")
    if column.role == "metric":
        return _each(cells, column, lambda cell: float(cell) if cell else None, "a number or nothing")
    return _each(cells, column, float, "a number")


def _each(cells: Sequence[str], column: Column, convert: Callable[[str], Any], expected: str) -> list[Any]:
    try:
        return [convert(cell) for cell in cells]
    except (ValueError, KeyError):
        for row, cell in enumerate(cells):
            try:
                convert(cell)
            except (ValueError, KeyError):
                raise BadCell(row, column.name, cell, expected) from None
        raise


def _other_columns(found: Sequence[str], expected: Sequence[str]) -> str:
    for position, (got, wanted) in enumerate(zip(found, expected, strict=False), start=1):
        if got != wanted:
            return f"column {position} is {got!r}, expected {wanted!r} as the header says"
    return f"has {len(found)} columns, expected {len(expected)} as the header says"
