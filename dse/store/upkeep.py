"""Looking after a store: is it whole, give space back, bring it up to date."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dse.errors import StoreError
from dse.front import costs_of, non_dominated
from dse.store.blobs import damaged_blobs, drop_unnamed
from dse.store.connection import connect_reader, connect_writer, place_of
from dse.store.errors import running
from dse.store.packed import packed_type
from dse.store.place import Link, store_errors, transaction
from dse.store.reader import StoreReader
from dse.store.schema import SCHEMA_VERSION, bring_up_to_date, check_version
from dse.store.trial_rows import WITH_CHARGE, trial_table

_COMPARED = (
    *("id", "run", "batch", "step", "origin", "feasible", "seconds", "fidelity", "charge"),
    *("indices", "metrics"),
)


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What `check_store` found. problems: one sentence each, empty if the store is whole."""

    store: str
    version: int
    campaigns: int
    trials: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """Bytes that a store took before and takes now."""

    store: str
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True, slots=True)
class Migrated:
    """Versions of a store's tables before and now."""

    store: str
    version_before: int
    version: int


def check_store(store: Path | str) -> StoreCheck:
    """Look for damage: in the database, trials, arrays, fronts, attached files. Changes nothing.

    Raises LookupFailed if there is no store, and StoreError if it cannot be read at all.
    """
    place = place_of(store)
    link = connect_reader(place)
    try:
        with store_errors(place):
            version = check_version(link, place)
            problems = link.check()
            names = link.execute("SELECT id, name FROM campaign ORDER BY id").fetchall()
            if version >= SCHEMA_VERSION:
                problems += damaged_blobs(link)
            trials = 0
            with StoreReader(store) as reader:
                for campaign, name in names:
                    found, wrong = _check_campaign(link, reader, campaign, version)
                    trials += found
                    problems += [f"campaign {name!r}: {what}" for what in wrong]
    finally:
        link.close()
    return StoreCheck(str(place), version, len(names), trials, tuple(problems))


def vacuum_store(store: Path | str) -> Vacuumed:
    """Give the space of what was removed back. StoreError while a campaign of the store is running."""
    place = place_of(store)
    place.reader().close()  # a store that is not there is not to be made
    link = connect_writer(place)
    try:
        with store_errors(place):
            for (campaign,) in link.execute("SELECT id FROM campaign").fetchall():
                if place.is_held(campaign, link):
                    raise running(place, campaign)
            before = link.size()
            with transaction(link):
                drop_unnamed(link)
            link.vacuum()
            return Vacuumed(str(place), before, link.size())
    finally:
        link.close()


def migrate_store(store: Path | str) -> Migrated:
    """Bring an older store up to date, all or nothing; every command that writes does the same."""
    place = place_of(store)
    place.reader().close()
    link = place.writer()
    try:
        return Migrated(str(place), bring_up_to_date(link, place), SCHEMA_VERSION)
    finally:
        link.close()


def _check_campaign(link: Link, reader: StoreReader, campaign: int, version: int) -> tuple[int, list[str]]:
    """Number of its trials, and what is wrong with the campaign."""
    table = trial_table(campaign)
    if not link.has_table(table):
        return 0, [f"its table {table} is missing"]
    sql = f"SELECT count(*), coalesce(min(id), 1), coalesce(max(id), 0) FROM {table}"
    trials, first, last = link.execute(sql).fetchone()
    found = []
    if (first, last) != (1, trials):
        found.append(f"its {trials} trials are numbered {first} to {last}, expected 1 to {trials}")
    sql = f"SELECT DISTINCT run FROM {table} WHERE run NOT IN (SELECT number FROM run WHERE campaign = ?)"
    strangers = sorted(row[0] for row in link.execute(sql, (campaign,)).fetchall())
    found += [f"it has trials of run {run}, which is not among its runs" for run in strangers]
    if version >= WITH_CHARGE:
        sql = f"SELECT min(id) FROM {table} WHERE feasible = 1 AND fidelity < 1"
        wrong = link.execute(sql).fetchone()[0]
        found += [f"its trial {wrong} is an estimate and said to be feasible"] if wrong is not None else []
    try:
        if version >= SCHEMA_VERSION:
            found += _check_packed(link, reader, campaign) + _check_front(link, reader, campaign)
    except (StoreError, ValueError, KeyError, TypeError) as error:
        found.append(f"it cannot be read ({type(error).__name__}: {error})")
    return trials, found


def _check_front(link: Link, reader: StoreReader, campaign: int) -> list[str]:
    """Compare the kept front with that of the trials of which it says it is the front."""
    upto = link.execute("SELECT front_upto FROM campaign WHERE id = ?", (campaign,)).fetchone()[0]
    rows = link.execute("SELECT trial FROM front WHERE campaign = ?", (campaign,)).fetchall()
    record = reader.campaign(campaign)
    trials = reader.trials(campaign)
    inside = trials.feasible & (trials.id <= upto)
    costs = costs_of(record.objectives, record.schema, trials.metrics)
    costs[~inside] = np.nan
    expected = set(trials.id[non_dominated(costs)].tolist())
    kept = {row[0] for row in rows}
    wrong = sorted(kept ^ expected)
    return [f"its kept front is not that of its trials (first difference: trial {wrong[0]})"] if wrong else []


def _check_packed(link: Link, reader: StoreReader, campaign: int) -> list[str]:
    """Compare the arrays of the trials, which must be there of all of them, with their rows."""
    record = reader.campaign(campaign)
    arrays, rows = reader.trials(campaign), reader.rows(campaign, 0, record.schema.names)
    width = packed_type(len(record.space), len(record.schema)).itemsize
    sql = (
        "SELECT coalesce(sum(last - first + 1), 0) FROM packed "
        "WHERE campaign = ? AND length(data) = (last - first + 1) * ?"
    )
    kept = int(link.execute(sql, (campaign, width)).fetchone()[0])
    if kept != len(rows) or len(arrays) != len(rows):
        return [f"its arrays hold {kept} trials and its table {len(rows)}"]
    differ = [
        name
        for name in _COMPARED
        if not np.array_equal(
            getattr(arrays, name), getattr(rows, name), equal_nan=name in ("seconds", "metrics")
        )
    ]
    return [f"its arrays and its table differ in {differ[0]}"] if differ else []
