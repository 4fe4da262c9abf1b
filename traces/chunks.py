"""Read a trace file piece by piece, for traces that are larger than memory.

The pieces are traces in order of arrival; put together they are what `traces.read` gives. Our own .npz keeps
reads and writes apart and is read as one piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from traces.clock import clock_fs
from traces.compression import open_bounded
from traces.errors import TraceError
from traces.formats import bare_name, format_of
from traces.readers import _blocks, _checked, _levels, _Options, read, split_requests
from traces.trace import BURST_BYTES, Trace


def read_chunks(
    path: str | Path,
    *,
    clock_mhz: float | None = None,
    clock_ns: float | None = None,
    format: str | None = None,
    interval_cycles: int = 1,
    line_bytes: int = BURST_BYTES,
    levels: Sequence[int] | None = None,
) -> Iterator[Trace]:
    """The trace in `path` in pieces of some 4 MiB of text; the options are those of `traces.read`.

    Raises TraceError with file and line, when the piece with that line is asked for.
    """
    path = Path(path)
    row = format_of(path, format)
    if row.name == "npz" or (clock_mhz is None and clock_ns is None):
        yield read(path, clock_mhz=clock_mhz, clock_ns=clock_ns, format=format)
        return
    period_fs = clock_fs(clock_mhz=clock_mhz, clock_ns=clock_ns)
    interval = _checked("interval_cycles", interval_cycles, 2**30)
    options = _Options(_checked("line_bytes", line_bytes, 4096), _levels(levels), None)
    requests = 0
    with open_bounded(path) as stream:
        for columns in _blocks(stream, path, row, options):
            n = len(columns[1])
            if not n:
                continue
            timed: tuple[Any, ...] = columns
            if not row.has_time:
                timed = (np.arange(requests, requests + n, dtype=np.int64) * interval, *columns[1:])
            requests += n
            arrival, address, is_write, size_bytes = split_requests(*timed)
            yield Trace(
                arrival_cycle=arrival,
                address=address,
                is_write=is_write,
                size_bytes=size_bytes,
                name=bare_name(path).stem,
                clock_fs=period_fs,
            )
    if not requests:
        raise TraceError(f"the trace is empty: expected lines of the form '{row.grammar}'", path=path)
