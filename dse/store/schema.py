"""The tables of a store, their versions, and how an older store is brought up to date.

One store holds many campaigns. The trials of a campaign have their own table, with a typed column for each
parameter (position of the value) and each metric; `metric` holds the units. `result` is the design cache:
what a simulator measured for a design on a workload, shared by all campaigns whose simulator, space and
workload are the same (one `bench`). `packed` has the trials once more, as arrays (dse/store/packed.py).
`blob` holds files by the hash of their content, and `attachment` says which campaign calls which one what.
Words in braces are those of the database (`Link.types`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dse.errors import StoreError
from dse.store.place import Link, Place, store_errors, transaction
from dse.store.repacking import charge_and_repack

_VERSION_1 = (
    """CREATE TABLE campaign (
    id {number}, name TEXT NOT NULL UNIQUE, created TEXT NOT NULL, state TEXT NOT NULL,
    config TEXT NOT NULL, config_base TEXT NOT NULL, simulator TEXT NOT NULL, build_id TEXT NOT NULL,
    space TEXT NOT NULL, space_hash TEXT NOT NULL, search_space TEXT NOT NULL, schema TEXT NOT NULL,
    objectives TEXT NOT NULL, workloads TEXT NOT NULL, provenance TEXT NOT NULL, scale TEXT, baseline TEXT
)""",
    """CREATE TABLE metric (
    campaign {long} NOT NULL REFERENCES campaign(id), position {whole} NOT NULL, name TEXT NOT NULL,
    unit TEXT NOT NULL, direction TEXT NOT NULL, description TEXT NOT NULL, PRIMARY KEY (campaign, position)
){no_rowid}""",
    """CREATE TABLE run (
    campaign {long} NOT NULL REFERENCES campaign(id), number {whole} NOT NULL, agent TEXT NOT NULL,
    searcher TEXT NOT NULL, repetition {whole} NOT NULL, options TEXT NOT NULL,
    PRIMARY KEY (campaign, number)
){no_rowid}""",
    """CREATE TABLE bench (
    id {number}, simulator TEXT NOT NULL, workload TEXT NOT NULL, metrics TEXT NOT NULL,
    UNIQUE (simulator, workload)
)""",
    """CREATE TABLE result (
    id {number}, bench {long} NOT NULL REFERENCES bench(id), design {key} NOT NULL,
    metrics {bytes} NOT NULL, notes TEXT, seconds {real} NOT NULL
)""",
    "CREATE UNIQUE INDEX result_of_design ON result (bench, design)",
    """CREATE TABLE snapshot (
    campaign {long} NOT NULL, run {whole} NOT NULL, batches {long} NOT NULL, state {bytes} NOT NULL,
    PRIMARY KEY (campaign, run, batches)
)""",
)

_VERSION_2 = (
    "ALTER TABLE campaign ADD COLUMN stop_requested {whole} NOT NULL DEFAULT 0",
    "ALTER TABLE campaign ADD COLUMN front_upto {long} NOT NULL DEFAULT 0",
    """CREATE TABLE front (
    campaign {long} NOT NULL, trial {long} NOT NULL, PRIMARY KEY (campaign, trial)
){no_rowid}""",
    """CREATE TABLE packed (
    campaign {long} NOT NULL, last {long} NOT NULL, first {long} NOT NULL, data {bytes} NOT NULL,
    PRIMARY KEY (campaign, last)
)""",
    """CREATE TABLE lease (
    id {number}, campaign {long} NOT NULL, run {whole} NOT NULL, batch {long} NOT NULL, part {whole} NOT NULL,
    payload {bytes} NOT NULL, owner TEXT, seconds {real}, expires {real},
    attempts {whole} NOT NULL DEFAULT 0, result {bytes}, UNIQUE (campaign, run, batch, part)
)""",
    "CREATE TABLE number_in_use (campaign {long} NOT NULL)",
    "INSERT INTO number_in_use SELECT coalesce(max(id), 0) FROM campaign",
)

_VERSION_3 = (
    "CREATE TABLE blob (hash TEXT PRIMARY KEY, size {long} NOT NULL, data {bytes})",
    """CREATE TABLE attachment (
    campaign {long} NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    blob TEXT NOT NULL REFERENCES blob(hash), PRIMARY KEY (campaign, kind, name)
){no_rowid}""",
)


def _tables(statements: Sequence[str]) -> Callable[[Link], None]:
    def step(link: Link) -> None:
        for statement in statements:
            link.execute(statement.format_map(link.types))

    return step


def _to_version_3(link: Link) -> None:
    _tables(_VERSION_3)(link)
    link.execute("DELETE FROM snapshot WHERE run = -1")  # packages for workers, which are attachments now
    link.store_plain("packed", "data")
    charge_and_repack(link)


# Step i brings a store of version i to version i + 1; an empty database has version 0.
MIGRATIONS: tuple[Callable[[Link], None], ...] = (_tables(_VERSION_1), _tables(_VERSION_2), _to_version_3)
SCHEMA_VERSION = len(MIGRATIONS)


def check_version(link: Link, place: Place) -> int:
    """Version of the tables, 0 for an empty database; StoreError if they are of a newer marl-dse."""
    version = link.version()
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"store {place} was written by a newer marl-dse (store version {version}, this one knows "
            f"{SCHEMA_VERSION}); nothing was changed. Update marl-dse or name another store"
        )
    return version


def bring_up_to_date(link: Link, place: Place) -> int:
    """Make an empty database or an older store one of this version, all or nothing; what it was before."""
    with store_errors(place):
        before = check_version(link, place)
        if before == SCHEMA_VERSION:
            return before
        with transaction(link):
            link.lock_schema()
            before = check_version(link, place)  # another process may have been faster
            if before:
                _check_idle(link, place)
            for step in MIGRATIONS[before:]:
                step(link)
            link.set_version(SCHEMA_VERSION)
        return before


def _check_idle(link: Link, place: Place) -> None:
    """StoreError if a process of the older version runs a campaign: it would go on writing its way."""
    for (campaign,) in link.execute("SELECT id FROM campaign WHERE state = 'running'").fetchall():
        if place.is_held(campaign, link):
            raise StoreError(
                f"campaign {campaign} of store {place} is being run by an older marl-dse, so that the store "
                "cannot be brought up to date now; nothing was changed. Let it end, or stop it first"
            )
