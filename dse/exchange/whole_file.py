"""A file that appears under its name only when it is whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dse.exchange.errors import ExchangeError

Progress = Callable[[int], None]


def no_progress(_: int) -> None:
    """For those who do not want to know."""


@contextmanager
def whole_file(path: Path, *, force: bool) -> Iterator[Path]:
    """Gives a new file beside `path` to write to; it takes the name `path` when the block ends well.

    Raises ExchangeError if `path` exists (and not `force`) or cannot be written; nothing is left behind then.
    """
    if path.exists() and not force:
        raise ExchangeError("exists: name another file, or overwrite it with --force", path=path)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb"):
            pass
        yield draft
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(path)
    except OSError as error:
        raise ExchangeError(
            f"cannot be written: {error.strerror or error}. Check its folder and the space on its disk",
            path=path,
        ) from error
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Errors of the operating system and of the encoding, as ExchangeError with the file's path."""
    try:
        yield
    except OSError as error:
        raise ExchangeError(f"cannot be read: {error.strerror or error}", path=path) from None
    except UnicodeDecodeError as error:
        raise ExchangeError(f"is not UTF-8 text: byte {error.start} of its block", path=path) from None


def size_checked(path: Path, most: int, advice: str) -> None:
    """ExchangeError if the file is larger than `most` bytes."""
    with reading(path):
        size = path.stat().st_size
    if size > most:
        raise ExchangeError(
            f"has {size:,} bytes, more than the {most:,} that are read at once; {advice}", path=path
        )
