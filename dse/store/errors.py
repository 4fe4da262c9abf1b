"""SQLite's errors as messages that say what happened to the store and what to do."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dse.errors import StoreError

_FULL = {sqlite3.SQLITE_FULL}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_FOREIGN = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn sqlite3 and operating system errors of the block into StoreError with the store's path."""
    try:
        yield
    except sqlite3.Error as error:
        raise explained(error, path) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _full(path) from error
        raise StoreError(f"store {path}: {error.strerror or error}") from error


def explained(error: sqlite3.Error, path: Path) -> StoreError:
    """The StoreError that says what `error` means for the store at `path`."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in _FULL:
        return _full(path)
    if primary in _LOCKED:
        return StoreError(
            f"store {path} is locked by another program that writes to it; every finished trial is kept. "
            "Wait for it or end it, then use `dse resume`"
        )
    if primary in _FOREIGN:
        return not_ours(path, "it is not an SQLite file")
    if primary == sqlite3.SQLITE_READONLY:
        return StoreError(f"store {path} cannot be written: the file or its folder is read-only")
    if primary == sqlite3.SQLITE_CANTOPEN:
        return StoreError(f"store {path} cannot be opened: check that its folder exists and can be written")
    if primary == sqlite3.SQLITE_CORRUPT:
        return StoreError(f"store {path} is damaged ({error}); restore a copy, or start a new store")
    return StoreError(f"store {path}: {error}")


def not_ours(path: Path, why: str) -> StoreError:
    """The file belongs to something else; it is left untouched."""
    return StoreError(f"{path} is not a store of marl-dse ({why}); nothing was written. Name another file")


def _full(path: Path) -> StoreError:
    return StoreError(
        f"no space left on the disk of store {path}; every trial up to the last commit is kept. "
        "Make room, then use `dse resume`"
    )
