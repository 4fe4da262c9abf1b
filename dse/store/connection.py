"""From what a user writes, a file or `postgresql://...`, to the place of a store."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dse.store.place import Link, Place, store_errors
from dse.store.schema import bring_up_to_date, check_version
from dse.store.sqlite import SqlitePlace

DEFAULT_STORE = "campaigns.sqlite"
_SERVER = re.compile(r"postgres(?:ql)?:/+")


def default_store() -> Path:
    """The store that the command line uses: $DSE_STORE, or `campaigns.sqlite` in the current folder."""
    return Path(os.environ.get("DSE_STORE") or DEFAULT_STORE)


def place_of(store: Path | str) -> Place:
    """Where the store is: a file, or a PostgreSQL database given as `postgresql://user@host/database`.

    The address may have gone through a `Path`, which leaves one slash of two.
    """
    text = str(store)
    if _SERVER.match(text) is None:
        return SqlitePlace(Path(store))
    from dse.store.postgres import PostgresPlace

    return PostgresPlace(text)


def connect_writer(place: Place, *, busy_seconds: float | None = None) -> Link:
    """A connection that may write, to tables of this version: made, or brought up to date, if need be."""
    link = place.writer(busy_seconds)
    try:
        bring_up_to_date(link, place)
    except BaseException:
        link.close()
        raise
    return link


def connect_reader(place: Place) -> Link:
    """A connection that cannot write, to a store of this version or an older one."""
    link = place.reader()
    try:
        with store_errors(place):
            check_version(link, place)
    except BaseException:
        link.close()
        raise
    return link
