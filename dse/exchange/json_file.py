"""A campaign as JSON: one document (`.json`), or a line for the header and one for each trial (`.jsonl`).

A missing metric is null; infinite ones, which JSON has no numbers for, are the texts "inf" and "-inf".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from dse.exchange.archive import CampaignArchive
from dse.exchange.columns import Column, columns_of, joined, trials_of, values_of
from dse.exchange.errors import (
    MAX_DOCUMENT_BYTES,
    MAX_HEADER_BYTES,
    MAX_LINE_CHARACTERS,
    BadCell,
    ExchangeError,
)
from dse.exchange.header import ArchiveHeader, header_from_dict, header_from_text, header_to_text
from dse.exchange.whole_file import Progress, reading, size_checked, whole_file
from dse.store import Trials

_ROWS = 8192
_INFINITIES = {"inf": math.inf, "-inf": -math.inf}
_PARTS = {"parameter": "design", "metric": "metrics"}


def write_json(archive: CampaignArchive, path: Path, *, force: bool, progress: Progress) -> tuple[Path, ...]:
    """Write one document; ExchangeError if the file exists (and not `force`)."""
    with whole_file(path, force=force) as draft, draft.open("w", encoding="utf-8") as file:
        file.write(f'{{"campaign": {header_to_text(archive)},\n"trials": [')
        before = "\n"
        for line in _trial_lines(archive, progress):
            file.write(before + line)
            before = ",\n"
        file.write("\n]}\n")
    return (path,)


def write_json_lines(
    archive: CampaignArchive, path: Path, *, force: bool, progress: Progress
) -> tuple[Path, ...]:
    """Write a line for the header and one for each trial; ExchangeError if the file exists."""
    with whole_file(path, force=force) as draft, draft.open("w", encoding="utf-8") as file:
        file.write(header_to_text(archive) + "\n")
        file.writelines(line + "\n" for line in _trial_lines(archive, progress))
    return (path,)


def read_json(path: Path, *, progress: Progress) -> CampaignArchive:
    """The campaign in one document; ExchangeError with file and key for what is wrong in it."""
    size_checked(path, MAX_DOCUMENT_BYTES, "export it as .jsonl or .parquet")
    with reading(path):
        text = path.read_text(encoding="utf-8")
    data = _json(text, path)
    if not isinstance(data, dict) or not isinstance(data.get("trials"), list) or "campaign" not in data:
        raise ExchangeError(
            'is not a campaign that `dse store export` wrote: expected an object with "campaign" and '
            '"trials"',
            path=path,
        )
    header = header_from_dict(data["campaign"], path)
    trials = data["trials"]
    if len(trials) != header.n_trials:
        raise ExchangeError(
            f"has {len(trials):,} trials, expected {header.n_trials:,} as its header says",
            path=path,
            key="trials",
        )
    parts: list[Trials] = []
    for start in range(0, len(trials), _ROWS):
        chunk = trials[start : start + _ROWS]
        try:
            parts.append(_typed(chunk, header))
        except BadCell as bad:
            raise ExchangeError(
                bad.message, path=path, key=f"trials[{start + bad.row}].{bad.column}"
            ) from None
        progress(start + len(chunk))
    return header.with_trials(joined(parts, header.columns), path)


def read_json_lines(path: Path, *, progress: Progress) -> CampaignArchive:
    """The campaign in lines of JSON; ExchangeError with file, line and key for what is wrong in them."""
    with reading(path), path.open(encoding="utf-8") as file:
        first = file.readline(MAX_HEADER_BYTES)
        header = header_from_text(first, path)
        parts: list[Trials] = []
        done = 0
        for chunk in _chunks(file, path, header.n_trials):
            try:
                parts.append(_typed(chunk, header))
            except BadCell as bad:
                raise ExchangeError(bad.message, path=path, line=done + bad.row + 2, key=bad.column) from None
            done += len(chunk)
            progress(done)
    return header.with_trials(joined(parts, header.columns), path)


def _trial_lines(archive: CampaignArchive, progress: Progress) -> Iterator[str]:
    columns = columns_of(archive.header.space, archive.header.schema)
    for start in range(0, len(archive.trials), _ROWS):
        values = values_of(archive.trials, columns, archive.header.runs, slice(start, start + _ROWS))
        for row in zip(*(part.tolist() for part in values), strict=True):
            yield json.dumps(_nested(row, columns), separators=(",", ":"), allow_nan=False)
        progress(min(start + _ROWS, len(archive.trials)))


def _nested(row: Sequence[Any], columns: Sequence[Column]) -> dict[str, Any]:
    """One trial: bookkeeping, then its design and its metrics under their own names."""
    made: dict[str, Any] = {}
    design: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    for value, column in zip(row, columns, strict=True):
        if column.role == "trial":
            made[column.name] = value
        elif column.role == "parameter":
            design[column.of] = value
        else:
            finite = math.isfinite(value)
            metrics[column.of] = value if finite else None if math.isnan(value) else repr(value)
    return {**made, "design": design, "metrics": metrics}


def _typed(chunk: Sequence[Any], header: ArchiveHeader) -> Trials:
    values = [_column(chunk, column) for column in header.columns]
    return trials_of(values, header.columns, header.header.runs)


def _column(chunk: Sequence[Any], column: Column) -> list[Any]:
    part = _PARTS.get(column.role)
    place = f"{part}.{column.of}" if part else column.name
    try:
        found = [(trial[part] if part else trial)[column.of] for trial in chunk]
    except (KeyError, TypeError, IndexError):
        row = next(row for row, trial in enumerate(chunk) if not _has(trial, part, column.of))
        raise BadCell(row, place, chunk[row], f"an object with {place}") from None
    if column.role == "metric":
        return [_INFINITIES.get(value, value) if isinstance(value, str) else value for value in found]
    return found


def _has(trial: Any, part: str | None, name: str) -> bool:
    inside = trial.get(part) if part and isinstance(trial, dict) else trial
    return isinstance(inside, dict) and name in inside


def _chunks(file: TextIO, path: Path, n_trials: int) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    number = 1
    while line := file.readline(MAX_LINE_CHARACTERS):
        number += 1
        if len(line) == MAX_LINE_CHARACTERS:
            raise ExchangeError(f"is longer than {MAX_LINE_CHARACTERS:,} characters", path=path, line=number)
        if number - 1 > n_trials:
            raise ExchangeError(
                f"has more than the {n_trials:,} trials of its header", path=path, line=number
            )
        chunk.append(_json(line, path, number))
        if len(chunk) == _ROWS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _json(text: str, path: Path, line: int | None = None) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ExchangeError(
            f"is not JSON: {error.msg} (column {error.colno})", path=path, line=line or error.lineno
        ) from None
    except (ValueError, RecursionError) as error:
        raise ExchangeError(f"is not JSON that can be read: {error}", path=path, line=line) from None
