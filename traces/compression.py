"""Files that may be compressed: plain, gzip and zstd alike, streamed, and never larger than they may be.

A small file can decompress to terabytes; reading stops with an error at MAX_BYTES, or when the output is more
than MAX_RATIO times the file (from GRACE_BYTES on). Real traces compress 5 to 60 times.
"""

from __future__ import annotations

import gzip
import io
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from traces.errors import TraceError

MAX_BYTES = 16 << 30
MAX_RATIO = 300
GRACE_BYTES = 64 << 20
_MAX_WINDOW_BYTES = 128 << 20
_ZSTD_LEVEL = 10
_BLOCK_BYTES = 4 << 20


class BoundedReader:
    """Reads a possibly compressed file in blocks and raises TraceError when it grows beyond its bound."""

    def __init__(self, stream: BinaryIO, path: Path, most: int) -> None:
        self._stream = stream
        self._path = path
        self._most = most
        self._seen = 0

    def read(self, n: int) -> bytes:
        """Up to `n` bytes; empty at the end. Raises TraceError for a damaged file and beyond the bound."""
        try:
            block = self._stream.read(n)
        except (gzip.BadGzipFile, EOFError, zlib.error, zstandard.ZstdError) as error:
            raise TraceError(f"the compressed file is damaged: {error}", path=self._path) from None
        self._seen += len(block)
        if self._seen > self._most:
            raise TraceError(
                f"the file decompresses to more than {self._most} bytes: expected at most {MAX_RATIO} times "
                f"its size and {MAX_BYTES} bytes; if it is meant, decompress it first",
                path=self._path,
            )
        return block

    def read_all(self) -> bytes:
        """Everything that is left, under the same bound."""
        return b"".join(iter(lambda: self.read(_BLOCK_BYTES), b""))


@contextmanager
def open_bounded(path: Path) -> Iterator[BoundedReader]:
    """The decompressed bytes of `path`: gzip for .gz, zstd for .zst, else as they are."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise TraceError(f"cannot read the trace: {error.strerror}", path=path) from None
    with raw:
        size = os.fstat(raw.fileno()).st_size
        suffix = path.suffix.lower()
        if suffix == ".gz":
            yield BoundedReader(cast(BinaryIO, gzip.GzipFile(fileobj=raw)), path, _most(size))
        elif suffix == ".zst":
            expander = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
            stream = expander.stream_reader(raw, read_across_frames=True)
            yield BoundedReader(cast(BinaryIO, stream), path, _most(size))
        else:
            yield BoundedReader(raw, path, MAX_BYTES)


def _most(compressed_bytes: int) -> int:
    return min(MAX_BYTES, max(GRACE_BYTES, MAX_RATIO * compressed_bytes))


def write_replacing(path: Path, fill: Callable[[BinaryIO], None]) -> None:
    """Write `path` through `fill`, compressed as its suffix says; on failure the old file stays as it was.

    Raises TraceError when the file cannot be written (no such folder, no permission, disk full).
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise TraceError(f"cannot write the trace: {error.strerror}", path=path) from None
    try:
        with os.fdopen(handle, "wb") as raw:
            _fill_compressed(raw, path.suffix.lower(), fill)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise TraceError(f"cannot write the trace: {error.strerror}", path=path) from None
        raise


def _fill_compressed(raw: BinaryIO, suffix: str, fill: Callable[[BinaryIO], None]) -> None:
    if suffix == ".gz":
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
            fill(cast(BinaryIO, packed))
    elif suffix == ".zst":
        with zstandard.ZstdCompressor(level=_ZSTD_LEVEL).stream_writer(raw, closefd=False) as stream:
            fill(cast(BinaryIO, io.BufferedWriter(cast(io.RawIOBase, stream), 1 << 20)))
    else:
        fill(raw)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
