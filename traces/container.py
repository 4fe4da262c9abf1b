"""The container of our own trace files: NumPy's .npz, small, exact, versioned, and safe to read from anyone.

A `header` of JSON says what the file holds (format, version, n and more), every other member is an array of
bytes. Numbers are stored as byte planes: byte k of every value, one plane after the other, so that deflate
sees long runs of equal high bytes. Sizes are checked before anything is allocated. NumPy opens such a file
too, without pickle.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from traces.compression import MAX_BYTES, MAX_RATIO, open_bounded, write_replacing
from traces.errors import TraceError

REQUESTS = "marl-dse-trace"
INSTRUCTIONS = "marl-dse-instructions"
_MOST_HEADER_BYTES = 1 << 20
_GRACE_BYTES = 1 << 30
_EPOCH = (1980, 1, 1, 0, 0, 0)

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file holds: format and version as its header says, at most so many rows of so many bytes.

    max_ratio: how many times larger than the file the members may be, from a GiB on.
    """

    format: str
    version: int
    most_rows: int
    row_bytes: int
    max_ratio: int = MAX_RATIO


def write_archive(path: Path, header: Mapping[str, Any], members: Mapping[str, NDArray[Any]]) -> None:
    """Write header and members; equal ones give equal bytes. Raises TraceError when that is impossible."""
    text = json.dumps({**header, "members": list(members)}, sort_keys=True, ensure_ascii=False).encode()
    arrays = {"header": np.frombuffer(text, dtype=np.uint8), **members}

    def fill(raw: BinaryIO) -> None:
        with zipfile.ZipFile(_Forward(raw), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, array in arrays.items():
                packed = io.BytesIO()
                np.lib.format.write_array(packed, array, allow_pickle=False)
                info = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, packed.getvalue())

    write_replacing(path, fill)


def read_archive(path: Path, kind: Kind) -> tuple[dict[str, Any], dict[str, Bytes]]:
    """Header and members. Raises TraceError for a file of another kind, damaged, newer, or too large."""
    with located(path), _opened(path) as (archive, header):
        _check_header(header, kind)
        _check_expansion(archive, kind)
        most = kind.row_bytes * header["n"] + 4096
        return header, {name: _array(archive, name, most) for name in header["members"]}


def format_held(path: Path) -> str:
    """The format that the header names, REQUESTS or INSTRUCTIONS. Raises TraceError like `read_archive`."""
    with located(path), _opened(path) as (_, header):
        return str(header["format"])


@contextmanager
def located(path: Path) -> Iterator[None]:
    """Gives every error of reading the path of the file, and makes those of broken contents a TraceError."""
    try:
        yield
    except TraceError as error:
        raise error if error.path else TraceError(error.message, path=path, key=error.key) from None
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        TypeError,
        OverflowError,
        EOFError,
        AttributeError,
        IndexError,
        RuntimeError,
    ) as error:
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


@contextmanager
def _opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, Any]]]:
    with open_bounded(path) as stream:
        content = stream.read_all()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if "header.npy" not in archive.namelist():
            raise TraceError("the archive has no header: expected a trace written by `dse trace`")
        header = json.loads(_array(archive, "header", _MOST_HEADER_BYTES).tobytes())
        if not isinstance(header, dict) or header.get("format") not in (REQUESTS, INSTRUCTIONS):
            raise TraceError("the archive is not a trace: expected one written by `dse trace`")
        yield archive, header


_OTHER = {
    REQUESTS: "the file holds memory requests, not instructions: give it where memory traces are expected, "
    "or as instructions with accesses:FILE?gap=3",
    INSTRUCTIONS: "the file holds instructions, not memory requests: it is for cores of an SoC simulation, "
    "not for a memory alone",
}


def _check_header(header: Mapping[str, Any], kind: Kind) -> None:
    if header["format"] != kind.format:
        raise TraceError(_OTHER[header["format"]])
    if header["version"] != kind.version:
        raise TraceError(
            f"the trace has file version {header['version']!r}: this program reads {kind.version}; update it"
        )
    if not isinstance(header["n"], int) or not 1 <= header["n"] <= kind.most_rows:
        raise TraceError(f"the header says n={header['n']!r}: expected 1 to {kind.most_rows}")


def _check_expansion(archive: zipfile.ZipFile, kind: Kind) -> None:
    members = archive.infolist()
    most = min(MAX_BYTES, max(_GRACE_BYTES, kind.max_ratio * sum(info.compress_size for info in members)))
    total = sum(info.file_size for info in members)
    if total > most:
        raise TraceError(f"the members hold {total} bytes: expected at most {most} from this file")


def _array(archive: zipfile.ZipFile, name: str, most_bytes: int) -> Bytes:
    """One member as uint8. Sizes are checked before anything is allocated."""
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > most_bytes:
        raise TraceError(f"member {name!r} has {info.file_size} bytes: expected at most {most_bytes}")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise TraceError(f"member {name!r} is compressed in a way that .npz files are not")
    try:
        stream = io.BytesIO(archive.read(info))
    except (zlib.error, NotImplementedError, RuntimeError) as error:
        raise TraceError(f"member {name!r} is damaged: {error}") from None
    if np.lib.format.read_magic(stream) != (1, 0):
        raise TraceError(f"member {name!r} has an unknown array version")
    try:
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    except Exception as error:  # NumPy lets through whatever Python's tokenizer and parser raise
        raise TraceError(f"member {name!r} has a damaged header: {error}") from None
    octets = np.frombuffer(stream.read(), dtype=np.uint8)
    if dtype != np.dtype(np.uint8) or fortran_order or math.prod(shape) != len(octets):
        raise TraceError(f"member {name!r} is {dtype} {shape}: expected bytes that fill the member")
    return octets.reshape(shape)


# ---------------------------------------------------------------------------------------------------- columns


def planes(values: NDArray[np.uint64]) -> Bytes:
    """Shape (width, n): byte k of every value, for as many bytes as the largest needs (at least one)."""
    width = max(1, (int(values.max()).bit_length() + 7) // 8) if len(values) else 1
    octets = np.ascontiguousarray(values.astype("<u8")).view(np.uint8).reshape(-1, 8)
    return np.ascontiguousarray(octets[:, :width].T)


def values_of(stored: Bytes, n: int) -> NDArray[np.uint64]:
    """What `planes` was given. Raises TraceError when it is not n values."""
    if stored.ndim != 2 or stored.shape[1] != n or not 1 <= stored.shape[0] <= 8:
        raise TraceError(f"a column has shape {stored.shape}: expected (1 to 8, {n})")
    octets = np.zeros((n, 8), dtype=np.uint8)
    octets[:, : stored.shape[0]] = stored.T
    return octets.reshape(-1).view("<u8").astype(np.uint64)


def bits_of(stored: Bytes, n: int) -> NDArray[np.bool_]:
    """The n bits that np.packbits stored."""
    return np.unpackbits(shaped(stored, -(-n // 8)))[:n].astype(np.bool_)


def shaped(column: Bytes, n: int) -> Bytes:
    """The column itself. Raises TraceError when it is not of shape (n,)."""
    if column.shape != (n,):
        raise TraceError(f"a column has shape {column.shape}: expected ({n},)")
    return column


def differences(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each value less the one before it (the first less 0), modulo 2^64."""
    before = np.concatenate([np.zeros(min(1, len(values)), np.uint64), values[:-1]])
    return np.asarray(values - before, dtype=np.uint64)


def zigzag(difference: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Small numbers of either sign (modulo 2^64) as small numbers: 0, -1, 1, -2, ..."""
    signed = difference.view(np.int64)
    folded: NDArray[np.uint64] = ((signed << 1) ^ (signed >> 63)).view(np.uint64)
    return folded


def unzigzag(folded: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """What `zigzag` was given."""
    return (folded >> np.uint64(1)) ^ (np.uint64(0) - (folded & np.uint64(1)))
