"""Opening a store's file: for writing (created if missing) or strictly for reading."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from dse.errors import LookupFailed, StoreError
from dse.store.errors import not_ours, store_errors
from dse.store.schema import check_identity, create_tables

DEFAULT_STORE = "campaigns.sqlite"
_BUSY_SECONDS = 10.0
_CACHE_KIB = 32_000
_CHECKPOINT_PAGES = 4000  # 16 MB of log between checkpoints: each one waits for the disk


def default_store() -> Path:
    """The store that the command line uses: $DSE_STORE, or `campaigns.sqlite` in the current folder."""
    return Path(os.environ.get("DSE_STORE") or DEFAULT_STORE)


def connect_writer(path: Path, *, busy_seconds: float | None = None) -> sqlite3.Connection:
    """A connection that may write, in WAL mode. Raises StoreError for a file that is not a store of ours.

    Nothing is written to a file before it is known to be empty or ours.
    """
    wait = (
        busy_seconds if busy_seconds is not None else float(os.environ.get("DSE_STORE_WAIT_S", _BUSY_SECONDS))
    )
    with store_errors(path):
        if path.is_dir():
            raise not_ours(path, "it is a folder")
        connection = sqlite3.connect(path, timeout=wait, isolation_level=None, check_same_thread=False)
    try:
        with store_errors(path):
            if not check_identity(connection, path):
                create_tables(connection)
            _to_wal(connection, path)
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, and so can never hold up a running campaign.

    Raises LookupFailed if there is no such file, StoreError if it is not a store of ours.
    """
    if not path.exists():
        raise LookupFailed(
            f"there is no store {path}: run a campaign with --store {path}, or name another file"
        )
    with store_errors(path):
        if path.is_dir():
            raise not_ours(path, "it is a folder")
        uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        with store_errors(path):
            connection.execute("PRAGMA query_only=ON")
            if not check_identity(connection, path):
                raise not_ours(path, "it is empty")
    except BaseException:
        connection.close()
        raise
    return connection


def _to_wal(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(
            f"store {path}: its file system does not support SQLite's write-ahead log (got mode {mode!r}); "
            "put the store on a local disk"
        )
