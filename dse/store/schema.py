"""The tables of a store, their version, and how a file is recognised as ours.

One file holds many campaigns. The trials of a campaign have their own table, with a typed column for each
parameter (position of the value) and each metric; `metric` holds the units. `result` is the design cache:
what a simulator measured for a design on a workload, shared by all campaigns whose simulator, space and
workload are the same (one `bench`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from dse.errors import StoreError
from dse.store.errors import not_ours

APPLICATION_ID = 0x4D445345  # "MDSE"
SCHEMA_VERSION = 1

_TABLES = """
CREATE TABLE campaign (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created TEXT NOT NULL, state TEXT NOT NULL,
    config TEXT NOT NULL, config_base TEXT NOT NULL, simulator TEXT NOT NULL, build_id TEXT NOT NULL,
    space TEXT NOT NULL, space_hash TEXT NOT NULL, search_space TEXT NOT NULL, schema TEXT NOT NULL,
    objectives TEXT NOT NULL, workloads TEXT NOT NULL, provenance TEXT NOT NULL, scale TEXT, baseline TEXT
);
CREATE TABLE metric (
    campaign INTEGER NOT NULL REFERENCES campaign(id), position INTEGER NOT NULL, name TEXT NOT NULL,
    unit TEXT NOT NULL, direction TEXT NOT NULL, description TEXT NOT NULL, PRIMARY KEY (campaign, position)
) WITHOUT ROWID;
CREATE TABLE run (
    campaign INTEGER NOT NULL REFERENCES campaign(id), number INTEGER NOT NULL, agent TEXT NOT NULL,
    searcher TEXT NOT NULL, repetition INTEGER NOT NULL, options TEXT NOT NULL,
    PRIMARY KEY (campaign, number)
) WITHOUT ROWID;
CREATE TABLE bench (
    id INTEGER PRIMARY KEY, simulator TEXT NOT NULL, workload TEXT NOT NULL, metrics TEXT NOT NULL,
    UNIQUE (simulator, workload)
);
CREATE TABLE result (
    id INTEGER PRIMARY KEY, bench INTEGER NOT NULL REFERENCES bench(id), design NOT NULL,
    metrics BLOB NOT NULL, notes TEXT, seconds REAL NOT NULL
);
CREATE UNIQUE INDEX result_of_design ON result (bench, design);
CREATE TABLE snapshot (
    campaign INTEGER NOT NULL, run INTEGER NOT NULL, batches INTEGER NOT NULL, state BLOB NOT NULL,
    PRIMARY KEY (campaign, run, batches)
);
"""


def create_tables(connection: sqlite3.Connection) -> None:
    """Make an empty database a store; all or nothing."""
    version = f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={SCHEMA_VERSION};"
    connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} {version} COMMIT;")


def check_identity(connection: sqlite3.Connection, path: Path) -> bool:
    """True for a store of ours, False for an empty database; StoreError for anything else."""
    found = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if (
        found == 0
        and version == 0
        and not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    ):
        return False
    if found != APPLICATION_ID:
        raise not_ours(path, "an SQLite database of another program")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"store {path} was written by a newer marl-dse (store version {version}, this one knows "
            f"{SCHEMA_VERSION}); nothing was changed. Update marl-dse or name another store"
        )
    return True


def trial_table(campaign: int) -> str:
    """Name of the table with a campaign's trials."""
    return f"trial_{int(campaign)}"


def trial_columns(parameters: Sequence[str], metrics: Sequence[str]) -> list[str]:
    """Columns of a trial table after `id`, in order."""
    fixed = ["run", "batch", "step", "origin", "feasible", "seconds"]
    return fixed + [f"p_{name}" for name in parameters] + [f"m_{name}" for name in metrics]


def create_trial_table(
    connection: sqlite3.Connection, campaign: int, parameters: Sequence[str], metrics: Sequence[str]
) -> None:
    """The table of one campaign's trials; names come from the space and the schema and are identifiers."""
    kinds = ["INTEGER NOT NULL"] * 5 + ["REAL NOT NULL"]
    kinds += ["INTEGER NOT NULL"] * len(parameters) + ["REAL"] * len(metrics)
    columns = [
        f"{quoted(name)} {kind}" for name, kind in zip(trial_columns(parameters, metrics), kinds, strict=True)
    ]
    connection.execute(f"CREATE TABLE {trial_table(campaign)} (id INTEGER PRIMARY KEY, {', '.join(columns)})")


def quoted(name: str) -> str:
    """A column name for SQL; only plain identifiers are accepted."""
    if not (name.isidentifier() and name.isascii()):
        raise StoreError(f"{name!r} cannot be a column of the store: use letters, digits and _")
    return f'"{name}"'
