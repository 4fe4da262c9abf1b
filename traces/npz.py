"""Memory traces in our own container (traces/container.py).

Members (uint8 unless said otherwise; all optional ones are left out when their column is constant):
  header          JSON: format, version, n, clock_fs, name, provenance, first_arrival_cycle, widths, constants
  arrival_delta   differences of arrival_cycle, byte planes
  is_write        packed bits
  address         reads, then writes: zigzag differences in units of 2^shift bytes, byte planes
  size_bytes, source   one byte a request
Reads and writes interleave two streams of their own, so each kind is differenced alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traces.container import (
    REQUESTS,
    Bytes,
    Kind,
    bits_of,
    differences,
    located,
    planes,
    read_archive,
    shaped,
    unzigzag,
    values_of,
    write_archive,
    zigzag,
)
from traces.errors import TraceError
from traces.trace import MAX_REQUESTS, Trace

VERSION = 1
_KIND = Kind(REQUESTS, VERSION, MAX_REQUESTS, row_bytes=18)


def write_npz(trace: Trace, path: Path) -> None:
    """Write `trace` to `path`; equal traces give equal bytes. Raises TraceError when that is impossible."""
    write_archive(path, *_encode(trace))


def read_npz(path: Path) -> Trace:
    """The trace in `path`. Raises TraceError when the file is not ours, damaged, newer, or too large."""
    header, members = read_archive(path, _KIND)
    with located(path):
        return _decode(header, members)


def _encode(trace: Trace) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    delta = np.diff(trace.arrival_cycle).astype(np.uint64)
    folded, shift = _address_deltas(trace)
    members: dict[str, NDArray[Any]] = {
        "arrival_delta": planes(delta),
        "is_write": np.packbits(trace.is_write),
        "address": planes(folded),
    }
    constants = {}
    for name in ("size_bytes", "source"):
        column = getattr(trace, name)
        if (column == column[0]).all():
            constants[name] = int(column[0])
        else:
            members[name] = column.astype(np.uint8)
    header = {
        "format": REQUESTS,
        "version": VERSION,
        "n": len(trace),
        "clock_fs": trace.clock_fs,
        "name": trace.name,
        "provenance": dict(trace.provenance),
        "first_arrival_cycle": int(trace.arrival_cycle[0]),
        "shift": shift,
        "constants": constants,
    }
    return header, members


def _address_deltas(trace: Trace) -> tuple[NDArray[np.uint64], int]:
    """Zigzag differences, reads then writes, modulo 2^64, and how many low bits are zero everywhere."""
    used = int(np.bitwise_or.reduce(trace.address))
    shift = (used & -used).bit_length() - 1 if used else 0
    units = trace.address >> np.uint64(shift)
    parts = [differences(units[~trace.is_write]), differences(units[trace.is_write])]
    return zigzag(np.concatenate(parts)), shift


def _decode(header: Mapping[str, Any], members: Mapping[str, Bytes]) -> Trace:
    n = header["n"]
    is_write = bits_of(members["is_write"], n)
    arrival = np.full(n, header["first_arrival_cycle"], dtype=np.uint64)
    arrival[1:] += np.cumsum(values_of(members["arrival_delta"], n - 1))
    return Trace(
        arrival_cycle=arrival,
        address=_addresses(values_of(members["address"], n), is_write, header["shift"]),
        is_write=is_write,
        size_bytes=_column(header, members, "size_bytes"),
        source=_column(header, members, "source"),
        clock_fs=header["clock_fs"],
        name=str(header["name"]),
        provenance=header["provenance"],
    )


def _column(header: Mapping[str, Any], members: Mapping[str, Bytes], name: str) -> Any:
    return header["constants"][name] if name in header["constants"] else shaped(members[name], header["n"])


def _addresses(folded: NDArray[np.uint64], is_write: NDArray[np.bool_], shift: int) -> NDArray[np.uint64]:
    if not 0 <= shift < 64:
        raise TraceError(f"the header says shift={shift!r}: expected 0 to 63")
    difference = unzigzag(folded)
    reads = len(is_write) - int(is_write.sum())
    address = np.empty(len(is_write), dtype=np.uint64)
    address[~is_write] = np.cumsum(difference[:reads], dtype=np.uint64)
    address[is_write] = np.cumsum(difference[reads:], dtype=np.uint64)
    return address << np.uint64(shift)
