"""A campaign as Parquet: typed columns with their units, and the rest of the campaign in the file's metadata.

A missing metric is null. Needs pyarrow (the extra `parquet`), which is imported when it is used.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import LookupFailed
from dse.exchange.archive import CampaignArchive
from dse.exchange.columns import Column, Values, columns_of, joined, trials_of, values_of
from dse.exchange.errors import MAX_HEADER_BYTES, BadCell, ExchangeError
from dse.exchange.header import ArchiveHeader, header_from_text, header_to_text
from dse.exchange.whole_file import Progress, reading, whole_file
from dse.store import Trials

_KEY = b"marl-dse campaign"
_ROWS = 65_536


def write_parquet(
    archive: CampaignArchive, path: Path, *, force: bool, progress: Progress
) -> tuple[Path, ...]:
    """Write the file; ExchangeError if it exists (and not `force`), LookupFailed without pyarrow."""
    pa, parquet = _pyarrow()
    columns = columns_of(archive.header.space, archive.header.schema)
    fields = [
        pa.field(
            column.name,
            _type(column, pa),
            nullable=column.role == "metric",
            metadata={"is": column.role, "of": column.of, "unit": column.unit},
        )
        for column in columns
    ]
    schema = pa.schema(fields, metadata={_KEY: header_to_text(archive).encode()})
    with (
        whole_file(path, force=force) as draft,
        parquet.ParquetWriter(draft, schema, compression="zstd") as writer,
    ):
        for start in range(0, len(archive.trials), _ROWS):
            values = values_of(archive.trials, columns, archive.header.runs, slice(start, start + _ROWS))
            arrays = [
                _array(part, column, field.type, pa)
                for part, column, field in zip(values, columns, fields, strict=True)
            ]
            writer.write_table(pa.table(arrays, schema=schema))
            progress(min(start + _ROWS, len(archive.trials)))
    return (path,)


def read_parquet(path: Path, *, progress: Progress) -> CampaignArchive:
    """The campaign in the file; ExchangeError with file, row and column for what is wrong in it."""
    pa, parquet = _pyarrow()
    with reading(path):
        path.open("rb").close()
    try:
        with parquet.ParquetFile(path) as file:
            header = _header(file.schema_arrow.metadata or {}, path)
            _check(file, header, path, pa)
            trials = _trials(file, header, path, progress)
    except pa.ArrowException as error:
        raise ExchangeError(f"is not Parquet that can be read: {_first_line(error)}", path=path) from None
    except OSError as error:
        raise ExchangeError(f"cannot be read: {_first_line(error)}", path=path) from None
    return header.with_trials(trials, path)


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise LookupFailed(
            'Parquet needs pyarrow, which is not installed: pip install "marl-dse[parquet]". CSV and JSON '
            "need nothing"
        ) from None
    return pyarrow, pyarrow.parquet


def _type(column: Column, pa: ModuleType) -> Any:
    kinds = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    return kinds[column.kind] if column.kind in kinds else pa.dictionary(pa.int32(), pa.string())


def _array(values: NDArray[Any], column: Column, kind: Any, pa: ModuleType) -> Any:
    if column.role == "metric":
        return pa.array(np.ascontiguousarray(values), mask=np.isnan(values))
    if column.kind == "text":
        return pa.array(values, type=pa.string()).dictionary_encode().cast(kind)
    return pa.array(np.ascontiguousarray(values), type=kind)


def _header(metadata: dict[bytes, bytes], path: Path) -> ArchiveHeader:
    text = metadata.get(_KEY)
    if text is None or len(text) > MAX_HEADER_BYTES:
        raise ExchangeError(
            "is not a campaign that `dse store export` wrote: its metadata has no campaign", path=path
        )
    return header_from_text(text, path)


def _check(file: Any, header: ArchiveHeader, path: Path, pa: ModuleType) -> None:
    found = file.schema_arrow
    expected = [column.name for column in header.columns]
    if found.names != expected:
        missing = [name for name in expected if name not in found.names]
        what = f"column {missing[0]!r} is missing" if missing else "its columns are not those of its header"
        raise ExchangeError(what, path=path)
    for column, field in zip(header.columns, found, strict=True):
        if field.type not in (_type(column, pa), pa.string() if column.kind == "text" else None):
            raise ExchangeError(f"got {field.type}, expected {_type(column, pa)}", path=path, key=column.name)
    if file.metadata.num_rows != header.n_trials:
        raise ExchangeError(
            f"has {file.metadata.num_rows:,} trials, expected {header.n_trials:,} as its header says",
            path=path,
        )


def _trials(file: Any, header: ArchiveHeader, path: Path, progress: Progress) -> Trials:
    parts: list[Trials] = []
    done = 0
    for batch in file.iter_batches(batch_size=_ROWS):
        batch.validate(full=True)  # texts that are none, positions outside a dictionary
        values = [_plain(part, column) for part, column in zip(batch.columns, header.columns, strict=True)]
        try:
            parts.append(trials_of(values, header.columns, header.header.runs))
        except BadCell as bad:
            raise ExchangeError(
                f"row {done + bad.row + 1}: {bad.message}", path=path, key=bad.column
            ) from None
        done += batch.num_rows
        progress(done)
    return joined(parts, header.columns)


def _plain(values: Any, column: Column) -> Values:
    if column.role == "metric" or (values.null_count == 0 and column.kind != "text"):
        made: NDArray[Any] = values.to_numpy(zero_copy_only=False)
        return made.astype(np.float64) if column.kind == "float" else made
    found: list[Any] = values.to_pylist()
    return found


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
