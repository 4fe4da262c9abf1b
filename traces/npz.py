"""Our own trace file: NumPy's .npz container, small, exact, versioned, and safe to read from anyone.

Members (uint8 unless said otherwise; all optional ones are left out when their column is constant):
  header          JSON: format, version, n, clock_fs, name, provenance, first_arrival_cycle, widths, constants
  arrival_delta   differences of arrival_cycle, byte planes
  is_write        packed bits
  address         reads, then writes: zigzag differences in units of 2^shift bytes, byte planes
  size_bytes, source   one byte a request
Reads and writes interleave two streams of their own, so each kind is differenced alone. A byte plane holds
byte k of every value; deflate sees long runs of equal high bytes. NumPy opens the file too, without pickle.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from traces.compression import MAX_RATIO, open_bounded, write_replacing
from traces.errors import TraceError
from traces.trace import MAX_REQUESTS, Trace

VERSION = 1
_FORMAT = "marl-dse-trace"
_MOST_BYTES_PER_REQUEST = 18
_MOST_HEADER_BYTES = 1 << 20
_GRACE_BYTES = 1 << 30
_EPOCH = (1980, 1, 1, 0, 0, 0)

Bytes = NDArray[np.uint8]


def write_npz(trace: Trace, path: Path) -> None:
    """Write `trace` to `path`; equal traces give equal bytes. Raises TraceError when that is impossible."""
    members = _encode(trace)

    def fill(raw: BinaryIO) -> None:
        with zipfile.ZipFile(_Forward(raw), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, array in members.items():
                packed = io.BytesIO()
                np.lib.format.write_array(packed, array, allow_pickle=False)
                info = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, packed.getvalue())

    write_replacing(path, fill)


def read_npz(path: Path) -> Trace:
    """The trace in `path`. Raises TraceError when the file is not ours, damaged, newer, or too large."""
    try:
        with open_bounded(path) as stream:
            content = stream.read_all()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_expansion(archive, len(content), path)
            header = _header(archive, path)
            members = {name: _member(archive, name, header["n"], path) for name in header["members"]}
        return _decode(header, members)
    except TraceError as error:
        raise error if error.path else TraceError(error.message, path=path, key=error.key) from None
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, OverflowError, EOFError) as error:
        raise TraceError(f"the file is damaged or not a trace: {error}", path=path) from None


class _Forward(io.RawIOBase):
    """A stream that cannot seek, so that zipfile writes forward only, also through a compressor."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._raw.write(data)
        return len(data)


# --------------------------------------------------------------------------------------------------- encoding


def _encode(trace: Trace) -> dict[str, NDArray[Any]]:
    delta = np.diff(trace.arrival_cycle).astype(np.uint64)
    zigzag, shift = _address_deltas(trace)
    members = {
        "arrival_delta": _planes(delta),
        "is_write": np.packbits(trace.is_write),
        "address": _planes(zigzag),
    }
    constants = {}
    for name in ("size_bytes", "source"):
        column = getattr(trace, name)
        if (column == column[0]).all():
            constants[name] = int(column[0])
        else:
            members[name] = column.astype(np.uint8)
    header = {
        "format": _FORMAT,
        "version": VERSION,
        "n": len(trace),
        "clock_fs": trace.clock_fs,
        "name": trace.name,
        "provenance": dict(trace.provenance),
        "first_arrival_cycle": int(trace.arrival_cycle[0]),
        "shift": shift,
        "constants": constants,
        "members": list(members),
    }
    text = json.dumps(header, sort_keys=True, ensure_ascii=False).encode()
    return {"header": np.frombuffer(text, dtype=np.uint8), **members}


def _address_deltas(trace: Trace) -> tuple[NDArray[np.uint64], int]:
    """Zigzag differences, reads then writes, modulo 2^64, and how many low bits are zero everywhere."""
    used = int(np.bitwise_or.reduce(trace.address))
    shift = (used & -used).bit_length() - 1 if used else 0
    units = trace.address >> np.uint64(shift)
    parts = [_differences(units[~trace.is_write]), _differences(units[trace.is_write])]
    difference = np.concatenate(parts).view(np.int64)
    zigzag: NDArray[np.uint64] = ((difference << 1) ^ (difference >> 63)).view(np.uint64)
    return zigzag, shift


def _differences(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    before = np.concatenate([np.zeros(min(1, len(values)), np.uint64), values[:-1]])
    return np.asarray(values - before, dtype=np.uint64)


def _planes(values: NDArray[np.uint64]) -> Bytes:
    """Shape (width, n): byte k of every value, for as many bytes as the largest needs (at least one)."""
    width = max(1, (int(values.max()).bit_length() + 7) // 8) if len(values) else 1
    octets = np.ascontiguousarray(values.astype("<u8")).view(np.uint8).reshape(-1, 8)
    return np.ascontiguousarray(octets[:, :width].T)


# --------------------------------------------------------------------------------------------------- decoding


def _header(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    if "header.npy" not in archive.namelist():
        raise TraceError("the archive has no header: expected a trace written by `dse trace`", path=path)
    header = json.loads(_array(archive, "header", _MOST_HEADER_BYTES, path).tobytes())
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise TraceError("the archive is not a trace: expected one written by `dse trace`", path=path)
    if header["version"] != VERSION:
        raise TraceError(
            f"the trace has file version {header['version']!r}: this program reads {VERSION}; update it",
            path=path,
        )
    if not isinstance(header["n"], int) or not 1 <= header["n"] <= MAX_REQUESTS:
        raise TraceError(f"the header says n={header['n']!r}: expected 1 to {MAX_REQUESTS}", path=path)
    return header


def _check_expansion(archive: zipfile.ZipFile, packed_bytes: int, path: Path) -> None:
    most = max(_GRACE_BYTES, MAX_RATIO * packed_bytes)
    total = sum(info.file_size for info in archive.infolist())
    if total > most:
        raise TraceError(f"the members hold {total} bytes: expected at most {most} from this file", path=path)


def _member(archive: zipfile.ZipFile, name: str, n: int, path: Path) -> Bytes:
    return _array(archive, name, _MOST_BYTES_PER_REQUEST * n + 4096, path)


def _array(archive: zipfile.ZipFile, name: str, most_bytes: int, path: Path) -> Bytes:
    """One member as uint8. Sizes are checked before anything is allocated."""
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > most_bytes:
        raise TraceError(
            f"member {name!r} has {info.file_size} bytes: expected at most {most_bytes}", path=path
        )
    stream = io.BytesIO(archive.read(info))
    if np.lib.format.read_magic(stream) != (1, 0):
        raise TraceError(f"member {name!r} has an unknown array version", path=path)
    try:
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    except Exception as error:  # NumPy lets through whatever Python's tokenizer and parser raise
        raise TraceError(f"member {name!r} has a damaged header: {error}", path=path) from None
    octets = np.frombuffer(stream.read(), dtype=np.uint8)
    if dtype != np.dtype(np.uint8) or fortran_order or math.prod(shape) != len(octets):
        raise TraceError(
            f"member {name!r} is {dtype} {shape}: expected bytes that fill the member", path=path
        )
    return octets.reshape(shape)


def _decode(header: Mapping[str, Any], members: Mapping[str, Bytes]) -> Trace:
    n = header["n"]
    is_write = np.unpackbits(_shaped(members["is_write"], -(-n // 8)))[:n].astype(np.bool_)
    arrival = np.full(n, header["first_arrival_cycle"], dtype=np.uint64)
    arrival[1:] += np.cumsum(_values(members["arrival_delta"], n - 1))
    return Trace(
        arrival_cycle=arrival,
        address=_addresses(_values(members["address"], n), is_write, header["shift"]),
        is_write=is_write,
        size_bytes=_column(header, members, "size_bytes"),
        source=_column(header, members, "source"),
        clock_fs=header["clock_fs"],
        name=str(header["name"]),
        provenance=header["provenance"],
    )


def _column(header: Mapping[str, Any], members: Mapping[str, Bytes], name: str) -> Any:
    return header["constants"][name] if name in header["constants"] else _shaped(members[name], header["n"])


def _addresses(zigzag: NDArray[np.uint64], is_write: NDArray[np.bool_], shift: int) -> NDArray[np.uint64]:
    if not 0 <= shift < 64:
        raise TraceError(f"the header says shift={shift!r}: expected 0 to 63")
    difference = (zigzag >> np.uint64(1)) ^ (np.uint64(0) - (zigzag & np.uint64(1)))
    reads = len(is_write) - int(is_write.sum())
    address = np.empty(len(is_write), dtype=np.uint64)
    address[~is_write] = np.cumsum(difference[:reads], dtype=np.uint64)
    address[is_write] = np.cumsum(difference[reads:], dtype=np.uint64)
    return address << np.uint64(shift)


def _values(planes: Bytes, n: int) -> NDArray[np.uint64]:
    if planes.ndim != 2 or planes.shape[1] != n or not 1 <= planes.shape[0] <= 8:
        raise TraceError(f"a column has shape {planes.shape}: expected (1 to 8, {n})")
    octets = np.zeros((n, 8), dtype=np.uint8)
    octets[:, : planes.shape[0]] = planes.T
    return octets.reshape(-1).view("<u8").astype(np.uint64)


def _shaped(column: Bytes, n: int) -> Bytes:
    if column.shape != (n,):
        raise TraceError(f"a column has shape {column.shape}: expected ({n},)")
    return column
