"""What every kind of database gives the store: a `Place` (where it is) and its `Link`s (open connections).

`sqlite` and `postgres` implement both. SQL is written once, with `?` for values and the subset that both
databases know; what differs between them is a member here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dse.errors import StoreError

Row = tuple[Any, ...]


class Cursor(Protocol):
    """What a statement returned."""

    @property
    def rowcount(self) -> int:
        """Rows that the statement changed."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """The rows that are left."""


class Link(Protocol):
    """One open connection. Statements outside `begin` and `commit` are committed one by one.

    types: words of the table definitions in this database. clock: SQL for the database's time in seconds.
    skip_locked: end of a SELECT that takes rows which no other connection is taking.
    """

    types: Mapping[str, str]
    clock: str
    skip_locked: str

    @property
    def in_transaction(self) -> bool:
        """Whether `begin` was not yet followed by `commit` or `rollback`."""

    @property
    def lost(self) -> bool:
        """Whether the connection is gone and another one is needed."""

    def begin(self) -> None:
        """Start a transaction that will write."""

    def commit(self) -> None:
        """Make the transaction last."""

    def rollback(self) -> None:
        """Undo the transaction."""

    def close(self) -> None:
        """Give the connection back."""

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement."""

    def columns(self, sql: str, values: Sequence[Any] = ()) -> tuple[list[str], list[Any]]:
        """Names of the columns and the rows of a query."""

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row."""

    def append(self, table: str, names: Sequence[str], columns: Sequence[NDArray[Any]]) -> None:
        """Add many rows given as columns: int64 and int32 for whole numbers, float64 for the rest."""

    def matrix(self, sql: str, values: Sequence[int], width: int) -> NDArray[np.float64]:
        """Rows of a query of numbers, (n, width); NULL is NaN."""

    def lock_schema(self) -> None:
        """Within a transaction: be the only one that changes tables, or takes up and drops contents."""

    def store_plain(self, table: str, column: str) -> None:
        """Keep the bytes of this column as they are, where the database would compress them."""

    def version(self) -> int:
        """Version of the tables, 0 for an empty database; StoreError if they are not ours."""

    def set_version(self, version: int) -> None:
        """Mark the database as ours, with tables of that version."""

    def has_table(self, name: str) -> bool:
        """Whether there is a table of that name."""

    def to_key(self, design: int | bytes) -> int | bytes:
        """A design's key as it is kept in the column `design`."""

    def from_key(self, value: int | bytes) -> int | bytes:
        """The key that `to_key` was given."""

    def check(self) -> list[str]:
        """What the database itself finds wrong; empty if it is whole."""

    def vacuum(self) -> None:
        """Give unused space back."""

    def size(self) -> int:
        """Bytes that the store takes."""


class Hold(Protocol):
    """The right to run a campaign, held by one process at a time and free again when that process ends."""

    def release(self) -> None:
        """Let others run the campaign."""


class Place(Protocol):
    """Where a store is. `str` names it in messages, without a password."""

    @property
    def path(self) -> Path:
        """The file; for a server its address without the password, fit for messages only."""

    def exists(self) -> bool:
        """Whether there is a store to read."""

    def writer(self, busy_seconds: float | None = None) -> Link:
        """A connection that may write; LookupFailed, StoreError."""

    def reader(self) -> Link:
        """A connection that cannot write; LookupFailed if there is no store."""

    def explained(self, error: BaseException) -> StoreError | None:
        """What an error of the database or the system means here; None if it is neither."""

    def hold(self, campaign: int) -> Hold:
        """Be the only process that runs a campaign; StoreError if another one does."""

    def is_held(self, campaign: int, link: Link) -> bool:
        """Whether some process runs the campaign now; True if that cannot be found out."""

    def base_text(self, folder: Path) -> str:
        """The folder of a campaign file as the store keeps it."""

    def base_path(self, text: str) -> Path:
        """The folder that `base_text` described."""


@contextmanager
def store_errors(place: Place) -> Iterator[None]:
    """Turn errors of the database and the system within the block into StoreError."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        meaning = place.explained(error)
        if meaning is None:
            raise
        raise meaning from error


@contextmanager
def transaction(link: Link) -> Iterator[None]:
    """Begin, and commit at the end of the block; undo it if the block fails."""
    link.begin()
    try:
        yield
        link.commit()
    except BaseException:
        if not link.lost and link.in_transaction:
            link.rollback()
        raise
