"""A store in one SQLite file: the default. Write-ahead log, one writer at a time, any number of readers."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from dse.errors import LookupFailed, StoreError
from dse.store.errors import full, locked, not_ours
from dse.store.mounts import network_file_system
from dse.store.ownership import Ownership, is_owned
from dse.store.place import Link, store_errors

APPLICATION_ID = 0x4D445345  # "MDSE"
_BUSY_SECONDS = 10.0
_CACHE_KIB = 32_000
_CHECKPOINT_PAGES = 4000  # 16 MB of log between checkpoints: each one waits for the disk
_ROWS_AT_ONCE = 20_000
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_FOREIGN = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)


class SqliteLink:
    """A connection to the file; see `Link`."""

    types: Mapping[str, str] = {
        "number": "INTEGER PRIMARY KEY",
        "long": "INTEGER",
        "whole": "INTEGER",
        "real": "REAL",
        "bytes": "BLOB",
        "key": "",
        "no_rowid": " WITHOUT ROWID",
    }
    clock = "((julianday('now') - 2440587.5) * 86400.0)"
    skip_locked = ""

    def __init__(self, connection: sqlite3.Connection, place: SqlitePlace) -> None:
        self._connection = connection
        self._place = place

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    @property
    def lost(self) -> bool:
        """A file does not go away by itself."""
        return False

    def begin(self) -> None:
        """Take the write lock."""
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Commit."""
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Undo."""
        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self._connection.execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row."""
        self._connection.executemany(sql, rows)

    def columns(self, sql: str, values: Sequence[Any] = ()) -> tuple[list[str], list[Any]]:
        """Names and rows of a query."""
        cursor = self._connection.execute(sql, values)
        return [field[0] for field in cursor.description], cursor.fetchall()

    def append(self, table: str, names: Sequence[str], columns: Sequence[NDArray[Any]]) -> None:
        """Add many rows given as columns."""
        sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        self._connection.executemany(sql, zip(*(column.tolist() for column in columns), strict=True))

    def matrix(self, sql: str, values: Sequence[int], width: int) -> NDArray[np.float64]:
        """Rows of a query of numbers."""
        parts = [np.zeros((0, width))]
        cursor = self._connection.execute(sql, values)
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            parts.append(np.array(rows, dtype=np.float64))
        return np.concatenate(parts)

    def lock_schema(self) -> None:
        """A write transaction is alone already."""

    def store_plain(self, table: str, column: str) -> None:
        """SQLite compresses nothing."""

    def version(self) -> int:
        """PRAGMA user_version, of a file whose application_id is ours."""
        found = self._connection.execute("PRAGMA application_id").fetchone()[0]
        version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if found == 0 and version == 0 and not self._any_table():
            return 0
        if found != APPLICATION_ID:
            raise not_ours(self._place, "an SQLite database of another program")
        return version

    def set_version(self, version: int) -> None:
        """Write both marks into the header of the file."""
        self._connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version={int(version)}")

    def has_table(self, name: str) -> bool:
        """Whether there is a table of that name."""
        sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        return self._connection.execute(sql, (name,)).fetchone() is not None

    def to_key(self, design: int | bytes) -> int | bytes:
        """SQLite keeps both kinds in one column."""
        return design

    def from_key(self, value: int | bytes) -> int | bytes:
        """As it was."""
        return value

    def check(self) -> list[str]:
        """SQLite's own checks: pages, indexes, references between tables."""
        rows = self._connection.execute("PRAGMA integrity_check(20)").fetchall()
        found = [str(row[0]) for row in rows if row[0] != "ok"]
        for table, row, parent, _ in self._connection.execute("PRAGMA foreign_key_check").fetchall():
            found.append(f"row {row} of table {table} refers to a missing row of {parent}")
        return found

    def vacuum(self) -> None:
        """Rewrite the file without holes and empty the log."""
        self._connection.execute("VACUUM")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def size(self) -> int:
        """Bytes of the file and its log."""
        path = self._place.path
        parts = (path, path.with_name(path.name + "-wal"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def _any_table(self) -> bool:
        return self._connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None


class SqlitePlace:
    """A file; see `Place`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def exists(self) -> bool:
        """Whether there is a file of that name, and something in it: a killed process may leave it empty."""
        if not self._path.exists():
            return False
        try:
            self.reader().close()
        except LookupFailed:
            return False
        except StoreError:
            return True  # not ours, or unreadable: whoever opens it will say so
        return True

    def writer(self, busy_seconds: float | None = None) -> Link:
        """Open for writing, created if missing, in WAL mode. StoreError for a file that is not ours.

        Nothing is written to a file before it is known to be empty or ours.
        """
        wait = busy_seconds
        if wait is None:
            wait = float(os.environ.get("DSE_STORE_WAIT_S", _BUSY_SECONDS))
        with store_errors(self):
            self._check_kind()
            self._check_local()
            connection = sqlite3.connect(
                self._path, timeout=wait, isolation_level=None, check_same_thread=False
            )
        link = SqliteLink(connection, self)
        try:
            with store_errors(self):
                link.version()
                self._to_wal(connection)
                connection.execute("PRAGMA synchronous=NORMAL")
                connection.execute("PRAGMA foreign_keys=ON")
                connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
                connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        except BaseException:
            link.close()
            raise
        return link

    def reader(self) -> Link:
        """Open strictly for reading, so that it can never hold up a running campaign."""
        if not self._path.exists():
            raise self._missing()
        with store_errors(self):
            self._check_kind()
            log = self._path.with_name(self._path.name + "-wal")
            if log.exists() and log.stat().st_size:
                self._check_local()
            uri = f"file:{quote(str(self._path.absolute()))}?mode=ro"
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        link = SqliteLink(connection, self)
        try:
            with store_errors(self):
                connection.execute("PRAGMA query_only=ON")
                empty = not link.version()
            if empty:
                raise self._missing()
        except BaseException:
            link.close()
            raise
        return link

    def explained(self, error: BaseException) -> StoreError | None:
        """What an error of SQLite or of the system means for the store."""
        if isinstance(error, sqlite3.Error):
            return self._explained(error)
        if isinstance(error, OSError):
            if error.errno == errno.ENOSPC:
                return full(self)
            return StoreError(f"store {self}: {error.strerror or error}")
        return None

    def hold(self, campaign: int) -> Ownership:
        """Lock the campaign's lock file."""
        with store_errors(self):
            return Ownership(self._path, campaign)

    def is_held(self, campaign: int, link: Link) -> bool:
        """Whether the campaign's lock file is locked."""
        return is_owned(self._path, campaign)

    def base_text(self, folder: Path) -> str:
        """Relative to the folder of the file: both may be moved together."""
        return os.path.relpath(folder.absolute(), self._path.absolute().parent)

    def base_path(self, text: str) -> Path:
        """From the folder of the file."""
        return self._path.absolute().parent / text

    def _missing(self) -> LookupFailed:
        return LookupFailed(
            f"there is no store {self}: run a campaign with --store {self}, or name another file"
        )

    def _check_kind(self) -> None:
        if self._path.is_dir():
            raise not_ours(self, "it is a folder")

    def _check_local(self) -> None:
        kind = network_file_system(self._path)
        if kind is not None:
            raise StoreError(
                f"store {self} lies on a network file system ({kind}), where SQLite's write-ahead log can "
                "lose trials; nothing was written. Put the store on a local disk, or use one in PostgreSQL "
                "(--store postgresql://...)"
            )

    def _to_wal(self, connection: sqlite3.Connection) -> None:
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(
                f"store {self}: its file system does not support SQLite's write-ahead log (got mode "
                f"{mode!r}); put the store on a local disk"
            )

    def _explained(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", None)
        primary = None if code is None else code & 0xFF
        if primary == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:  # its index cannot grow
            return full(self)
        if primary == sqlite3.SQLITE_IOERR:
            return StoreError(
                f"store {self} cannot be read or written ({error}): its disk is full, gone or failing; every "
                "trial up to the last commit is kept. See to the disk, then use `dse resume`"
            )
        if primary in _LOCKED:
            return locked(self)
        if primary in _FOREIGN:
            return not_ours(self, "it is not an SQLite file")
        if primary == sqlite3.SQLITE_READONLY:
            return StoreError(f"store {self} cannot be written: the file or its folder is read-only")
        if primary == sqlite3.SQLITE_CANTOPEN:
            return StoreError(
                f"store {self} cannot be opened: check that its folder exists and can be written"
            )
        if primary == sqlite3.SQLITE_CORRUPT:
            return StoreError(f"store {self} is damaged ({error}); restore a copy, or start a new store")
        return StoreError(f"store {self}: {error}")
