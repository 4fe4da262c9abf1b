"""Files that may be compressed: plain, gzip, zstd, xz and bzip2 alike, streamed, and never too large.

A small file can decompress to terabytes; reading stops with an error at MAX_BYTES, or when the output is more
than a multiple of the file (from GRACE_BYTES on). Real memory traces compress 5 to 60 times, instruction
traces of loops up to thousands of times. A compressed stream that ends early is damaged, never shorter.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import zstandard

from traces.errors import TraceError

COMPRESSIONS = (".gz", ".zst", ".xz", ".bz2")
MAX_BYTES = 16 << 30
MAX_RATIO = 300
GRACE_BYTES = 64 << 20
_MAX_WINDOW_BYTES = 128 << 20
_ZSTD_LEVEL = 10
_XZ_PRESET = 3  # on traces some 30 times faster than 6, and files are smaller rather than larger
_BLOCK_BYTES = 4 << 20
# zstd cannot be told how much to give: 4 bytes stand for at most one block of 128 KiB, so 32 MiB a piece.
_PIECE_BYTES = {".zst": 1 << 10, ".xz": 1 << 16, ".bz2": 1 << 16}


class BoundedReader:
    """Reads a possibly compressed file in blocks and raises TraceError when it grows beyond its bound."""

    def __init__(self, stream: _Readable, path: Path, most: int, max_ratio: int = MAX_RATIO) -> None:
        self._stream = stream
        self._path = path
        self._most = most
        self._max_ratio = max_ratio
        self._seen = 0

    def read(self, n: int) -> bytes:
        """Up to `n` bytes; empty at the end. Raises TraceError for a damaged file and beyond the bound."""
        try:
            block = self._stream.read(n)
        except _DAMAGES as error:
            raise TraceError(f"the compressed file is damaged: {error}", path=self._path) from None
        self._seen += len(block)
        if self._seen > self._most:
            raise TraceError(
                f"the file decompresses to more than {self._most} bytes: expected at most {self._max_ratio} "
                f"times its size and {MAX_BYTES} bytes; if it is meant, decompress it first",
                path=self._path,
            )
        return block

    def read_all(self) -> bytes:
        """Everything that is left, under the same bound."""
        return b"".join(iter(lambda: self.read(_BLOCK_BYTES), b""))


@contextmanager
def open_bounded(path: Path, *, max_ratio: int = MAX_RATIO) -> Iterator[BoundedReader]:
    """The decompressed bytes of `path`, as its suffix says (see COMPRESSIONS), else as they are.

    max_ratio: how many times larger than the file they may be.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise TraceError(f"cannot read the trace: {error.strerror}", path=path) from None
    with raw:
        size = os.fstat(raw.fileno()).st_size
        suffix = path.suffix.lower()
        if suffix not in COMPRESSIONS:
            yield BoundedReader(raw, path, MAX_BYTES)
            return
        most = min(MAX_BYTES, max(GRACE_BYTES, max_ratio * size))
        stream = gzip.GzipFile(fileobj=raw) if suffix == ".gz" else _Expanding(raw, suffix)
        yield BoundedReader(stream, path, most, max_ratio)


class _Readable(Protocol):
    def read(self, n: int, /) -> bytes: ...


class _Damaged(Exception):
    """A compressed stream that cannot be read on, in words."""


_DAMAGES = (_Damaged, gzip.BadGzipFile, EOFError, zlib.error)


class _Expanding:
    """Decompresses zstd, xz or bzip2: streams one after the other, each of which must be complete."""

    def __init__(self, raw: BinaryIO, suffix: str) -> None:
        self._raw = raw
        self._suffix = suffix
        self._decoder: Any = None  # of the stream at hand; None between streams
        self._input = b""
        self._output = b""

    def read(self, n: int, /) -> bytes:
        parts, wanted = [], n
        while wanted and (self._output or self._fill(wanted)):
            parts.append(self._output[:wanted])
            self._output = self._output[wanted:]
            wanted -= len(parts[-1])
        return b"".join(parts)

    def _fill(self, n: int) -> bool:
        """More output, about `n` bytes where the decoder heeds it; False at the end of the file."""
        while not self._output:
            if not self._input and (self._decoder is None or self._needs_input()):
                self._input = self._raw.read(_PIECE_BYTES[self._suffix])
                if not self._input and self._decoder is None:
                    return False
                if not self._input:
                    raise _Damaged("it ends before its end was marked; it was cut off")
            if self._decoder is None:
                self._begin()
            if self._decoder is not None:
                self._advance(n)
        return True

    def _needs_input(self) -> bool:
        return getattr(self._decoder, "needs_input", True)

    def _begin(self) -> None:
        if self._suffix == ".xz":
            self._input = self._input.lstrip(b"\0")  # padding between streams
        if self._input:
            self._decoder = _DECODERS[self._suffix]()

    def _advance(self, n: int) -> None:
        piece, self._input = self._input, b""
        try:
            if self._suffix == ".zst":
                self._output = self._decoder.decompress(piece)
            else:
                self._output = self._decoder.decompress(piece, n)
        except (OSError, lzma.LZMAError, zstandard.ZstdError) as error:
            raise _Damaged(str(error)) from None
        if self._decoder.eof:
            self._input, self._decoder = self._decoder.unused_data, None


_DECODERS: dict[str, Callable[[], Any]] = {
    ".zst": lambda: zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).decompressobj(),
    ".xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=2 * _MAX_WINDOW_BYTES),
    ".bz2": bz2.BZ2Decompressor,
}


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
        compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True)
        with compressor.stream_writer(raw, closefd=False) as stream:
            fill(cast(BinaryIO, io.BufferedWriter(cast(io.RawIOBase, stream), 1 << 20)))
    elif suffix == ".xz":
        with lzma.LZMAFile(raw, "wb", preset=_XZ_PRESET) as packed:
            fill(cast(BinaryIO, packed))
    elif suffix == ".bz2":
        with bz2.BZ2File(raw, "wb") as packed:
            fill(cast(BinaryIO, packed))
    else:
        fill(raw)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
