"""Read a trace from a file: text formats of other simulators through ext.trace_scan, and our own .npz.

Text formats know no clock, so the caller gives one. A request larger than one burst is split at 64-byte
lines, which the provenance says. The first malformed line ends the reading with its number, its text and
the grammar.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ext.trace_scan import Fault, Grammar, scan
from traces.clock import clock_fs
from traces.compression import BoundedReader, open_bounded
from traces.errors import TraceError
from traces.formats import Format, bare_name, format_of
from traces.npz import read_npz
from traces.trace import BURST_BYTES, Trace

_BLOCK_BYTES = 4 << 20
_LONGEST_LINE_BYTES = 1 << 16
_SHOWN_CHARACTERS = 120

_GRAMMARS = {
    "stl": Grammar.STL,
    "rstl": Grammar.RSTL,
    "load-store": Grammar.LOAD_STORE,
    "read-write": Grammar.READ_WRITE,
    "dramsim3": Grammar.DRAMSIM3,
}

_REASONS = {
    Fault.NOT_A_CYCLE: "there is no cycle count where one belongs",
    Fault.TOO_LARGE: "a number does not fit: cycles have 62 bits, addresses 64",
    Fault.NO_COLON: "there is no ':' after the cycle count",
    Fault.BAD_LENGTH: "the length is not a number of bytes from 1 to 4096 in parentheses",
    Fault.NOT_AN_OPERATION: "the operation is none of the format's",
    Fault.NOT_AN_ADDRESS: "there is no address where one belongs; hexadecimal ones start with 0x",
    Fault.TRAILING_TEXT: "there is more text after the request",
    Fault.GOES_BACK: "the arrival is before that of the line above; sort the trace by arrival",
    Fault.NO_ORGANISATION: "an address vector needs `levels`, the sizes of the organisation",
    Fault.OUTSIDE_ORGANISATION: "the address vector does not fit the organisation given as `levels`",
}


@dataclass(frozen=True, slots=True)
class _Options:
    line_bytes: int
    levels: NDArray[np.int64] | None
    max_requests: int | None


def read(
    path: str | Path,
    *,
    clock_mhz: float | None = None,
    clock_ns: float | None = None,
    format: str | None = None,
    interval_cycles: int = 1,
    line_bytes: int = BURST_BYTES,
    levels: Sequence[int] | None = None,
    max_requests: int | None = None,
) -> Trace:
    """The trace in `path`, whose suffix (before .gz, .zst, .xz or .bz2) says the format unless `format` does.

    clock_mhz or clock_ns: the clock in which a text trace counts; .npz carries its own.
    interval_cycles: arrivals of formats without time are this many cycles apart.
    line_bytes: size of a request where the line gives none.
    levels: for address vectors, the sizes of the organisation, outermost first, innermost in 64-byte bursts.
    max_requests: stop reading there.
    Raises TraceError with file and line.
    """
    path = Path(path)
    row = format_of(path, format)
    if row.name == "npz":
        return _own(path, clock_mhz, clock_ns, max_requests)
    if clock_mhz is None and clock_ns is None:
        raise TraceError(
            f"a {row.name} trace does not say its clock: give clock_mhz (such as 800) or clock_ns",
            path=path,
        )
    options = _Options(_checked("line_bytes", line_bytes, 4096), _levels(levels), max_requests)
    columns = _read_text(path, row, options)
    if not row.has_time:
        interval = _checked("interval_cycles", interval_cycles, 2**30)
        columns[0] = np.arange(len(columns[1]), dtype=np.int64) * interval
    return _build(path, row, columns, clock_fs(clock_mhz=clock_mhz, clock_ns=clock_ns))


def _own(path: Path, clock_mhz: float | None, clock_ns: float | None, max_requests: int | None) -> Trace:
    trace = read_npz(path)
    if clock_mhz is not None or clock_ns is not None:
        given = clock_fs(clock_mhz=clock_mhz, clock_ns=clock_ns)
        if given != trace.clock_fs:
            raise TraceError(
                f"the file says its clock, {trace.clock_fs} fs, and {given} fs was given: leave it out; "
                "to change the load use the workload's arrival_scale",
                path=path,
            )
    return trace if max_requests is None else trace.head(max_requests)


def _read_text(path: Path, row: Format, options: _Options) -> list[NDArray[Any]]:
    """Columns arrival_cycle, address, is_write, size_bytes."""
    with open_bounded(path) as stream:
        blocks = list(_blocks(stream, path, row, options))
    columns: list[NDArray[Any]] = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
    if not len(columns[0]):
        raise TraceError(f"the trace is empty: expected lines of the form '{row.grammar}'", path=path)
    return [column[: options.max_requests] for column in columns]


def _blocks(
    stream: BoundedReader, path: Path, row: Format, options: _Options
) -> Iterator[tuple[NDArray[Any], ...]]:
    rest, lines_before, requests, previous = b"", 0, 0, 0
    while True:
        block = stream.read(_BLOCK_BYTES)
        text = rest + block
        columns, lines, consumed, fault, line_end = scan(
            text, _GRAMMARS[row.name], not block, previous=previous,
            line_bytes=options.line_bytes, levels=options.levels,
        )  # fmt: skip
        yield columns
        requests += len(columns[0])
        if options.max_requests is not None and requests >= options.max_requests:
            return
        lines_before += lines
        if fault:
            raise _malformed(path, lines_before + 1, text[consumed:line_end], Fault(fault), row)
        rest = text[consumed:]
        if len(rest) > _LONGEST_LINE_BYTES:
            raise TraceError(
                f"the line is longer than {_LONGEST_LINE_BYTES} bytes: expected '{row.grammar}'",
                path=path,
                line=lines_before + 1,
            )
        if not block:
            return
        previous = int(columns[0][-1]) if len(columns[0]) else previous


def _malformed(path: Path, line: int, text: bytes, fault: Fault, row: Format) -> TraceError:
    shown = text.decode("utf-8", errors="backslashreplace").rstrip("\r")
    if len(shown) > _SHOWN_CHARACTERS:
        shown = shown[:_SHOWN_CHARACTERS] + "..."
    return TraceError(f"{_REASONS[fault]}: got {shown!r}, expected '{row.grammar}'", path=path, line=line)


def _build(path: Path, row: Format, columns: list[NDArray[Any]], clock_period_fs: int) -> Trace:
    provenance = {"format": row.name, "file": path.name}
    if row.name == "rstl":
        provenance["warning"] = (
            "relative cycles were counted from the previous arrival, not from its completion"
        )
    if not row.has_time:
        provenance["warning"] = "the format has no arrival times: requests were placed at a fixed interval"
    split = split_requests(*columns)
    if len(split[0]) != len(columns[0]):
        provenance["split"] = (
            f"{len(columns[0])} requests into {len(split[0])} of at most {BURST_BYTES} bytes"
        )
    arrival, address, is_write, size_bytes = split
    return Trace(
        arrival_cycle=arrival,
        address=address,
        is_write=is_write,
        size_bytes=size_bytes,
        name=bare_name(path).stem,
        provenance=provenance,
        clock_fs=clock_period_fs,
    )


def split_requests(
    arrival: NDArray[np.int64], address: NDArray[np.uint64], is_write: NDArray[Any], size_bytes: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[Any], NDArray[np.int32]]:
    """The same columns with every request over 64 bytes cut at 64-byte lines; smaller ones stay whole."""
    if not len(size_bytes) or int(size_bytes.max()) <= BURST_BYTES:
        return arrival, address, is_write, size_bytes
    burst = np.uint64(BURST_BYTES)
    end = address + size_bytes.astype(np.uint64)
    first = address // burst
    pieces = np.where(
        size_bytes > BURST_BYTES, ((end - np.uint64(1)) // burst - first).astype(np.int64) + 1, 1
    )
    index = np.repeat(np.arange(len(pieces)), pieces)
    nth = np.arange(len(index)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    low = np.where(nth == 0, address[index], (first[index] + nth.astype(np.uint64)) * burst)
    line_end = (first[index] + nth.astype(np.uint64) + np.uint64(1)) * burst
    high = np.where(pieces[index] > 1, np.minimum(end[index], line_end), end[index])
    return arrival[index], low, is_write[index], (high - low).astype(np.int32)


def _levels(levels: Sequence[int] | None) -> NDArray[np.int64] | None:
    if levels is None:
        return None
    sizes = np.array(levels, dtype=np.int64)
    if sizes.ndim != 1 or not len(sizes) or sizes.min() < 1 or float(np.prod(sizes.astype(float))) > 2.0**58:
        raise TraceError(f"levels={list(levels)!r}: expected positive sizes with a product of at most 2^58")
    return sizes


def _checked(name: str, value: int, most: int) -> int:
    if not 1 <= value <= most:
        raise TraceError(f"{name}={value!r} is out of range: expected 1 to {most}")
    return int(value)
