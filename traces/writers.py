"""Write a trace in any format of traces/formats.py; a suffix such as .gz or .xz compresses it.

What a format lacks is lost: the clock in all text formats, arrival times in load-store and read-write, sizes
in all but .stl, .rstl and .npz, sources in all but .npz.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from traces.compression import write_replacing
from traces.formats import format_of
from traces.npz import write_npz
from traces.trace import BURST_BYTES, Trace

_BLOCK_REQUESTS = 1 << 16


def write(trace: Trace, path: str | Path, *, format: str | None = None) -> None:
    """Write `trace` to `path`, replacing the file only once it is complete. Raises TraceError."""
    path = Path(path)
    row = format_of(path, format)
    if row.name == "npz":
        write_npz(trace, path)
        return
    lines = _LINES[row.name]

    def fill(raw: BinaryIO) -> None:
        starts = range(0, len(trace), _BLOCK_REQUESTS)
        parts = (slice(start, start + _BLOCK_REQUESTS) for start in starts)
        raw.writelines("".join(lines(trace, part)).encode() for part in parts)
        raw.flush()

    write_replacing(path, fill)


def losses(trace: Trace, path: str | Path, *, format: str | None = None) -> tuple[str, ...]:
    """What of `trace` the format of `path` cannot hold, for people; empty when nothing is lost."""
    row = format_of(Path(path), format)
    if row.name == "npz":
        return ()
    lost = ["the arrival clock", "name and provenance"]
    if not row.has_time:
        lost[:1] = ["arrival times"]
    if not row.has_size and (trace.size_bytes != BURST_BYTES).any():
        lost.append("sizes")
    if trace.source.any():
        lost.append("sources")
    return tuple(lost)


def _stl(trace: Trace, part: slice) -> Iterator[str]:
    return _timed(trace, part, trace.arrival_cycle[part].tolist())


def _rstl(trace: Trace, part: slice) -> Iterator[str]:
    before = int(trace.arrival_cycle[part.start - 1]) if part.start else 0
    return _timed(trace, part, np.diff(trace.arrival_cycle[part], prepend=before).tolist())


def _timed(trace: Trace, part: slice, cycles: list[int]) -> Iterator[str]:
    rows = zip(
        cycles,
        trace.address[part].tolist(),
        trace.is_write[part].tolist(),
        trace.size_bytes[part].tolist(),
        strict=True,
    )
    for cycle, address, is_write, size_bytes in rows:
        length = "" if size_bytes == BURST_BYTES else f"({size_bytes}) "
        yield f"{cycle}: {length}{'write' if is_write else 'read'} 0x{address:x}\n"


def _load_store(trace: Trace, part: slice) -> Iterator[str]:
    for address, is_write in zip(trace.address[part].tolist(), trace.is_write[part].tolist(), strict=True):
        yield f"{'ST' if is_write else 'LD'} 0x{address:x}\n"


def _read_write(trace: Trace, part: slice) -> Iterator[str]:
    for address, is_write in zip(trace.address[part].tolist(), trace.is_write[part].tolist(), strict=True):
        yield f"{'W' if is_write else 'R'} 0x{address:x}\n"


def _dramsim3(trace: Trace, part: slice) -> Iterator[str]:
    rows = zip(
        trace.address[part].tolist(),
        trace.is_write[part].tolist(),
        trace.arrival_cycle[part].tolist(),
        strict=True,
    )
    for address, is_write, cycle in rows:
        yield f"0x{address:x} {'WRITE' if is_write else 'READ'} {cycle}\n"


_LINES: dict[str, Callable[[Trace, slice], Iterator[str]]] = {
    "stl": _stl,
    "rstl": _rstl,
    "load-store": _load_store,
    "read-write": _read_write,
    "dramsim3": _dramsim3,
}
