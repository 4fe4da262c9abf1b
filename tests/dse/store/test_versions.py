"""Older stores: read as they are, brought up to date by the first that writes."""

from __future__ import annotations

import json
import sqlite3

import pytest

from dse.store import LeaseQueue, Store, open_reader
from dse.store import schema as schema_module
from dse.store.schema import SCHEMA_VERSION
from tests.dse.fake import FakeSimulator
from tests.dse.store.campaigns import block, header

# The tables as the first version of the tool made them.
VERSION_1 = """
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


@pytest.fixture
def old(tmp_path):
    """A store of version 1 with one finished campaign of three trials."""
    path = tmp_path / "old.sqlite"
    one = header()
    space, names = FakeSimulator().space, FakeSimulator().schema.names
    row = {
        "name": one.name,
        "created": "2026-01-01T00:00:00+00:00",
        "state": "finished",
        "config": json.dumps(one.config),
        "config_base": ".",
        "simulator": json.dumps(one.simulator),
        "build_id": one.build_id,
        "space": json.dumps(space.to_dict()),
        "space_hash": space.hash,
        "search_space": json.dumps(space.to_dict()),
        "schema": json.dumps(one.schema.to_list()),
        "objectives": json.dumps([objective.to_dict() for objective in one.objectives]),
        "workloads": json.dumps([{**workload, "bench": 1} for workload in one.workloads]),
        "provenance": "{}",
    }
    columns = ["run", "batch", "step", "origin", "feasible", "seconds"]
    columns += [f"p_{name}" for name in space.names] + [f"m_{name}" for name in names]
    with sqlite3.connect(path) as raw:
        raw.executescript(f"{VERSION_1} PRAGMA application_id={0x4D445345}; PRAGMA user_version=1;")
        marks = ", ".join("?" * len(row))
        raw.execute(f"INSERT INTO campaign ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
        raw.execute("INSERT INTO run VALUES (1, 0, 'reference', 'reference', 0, '{}')")
        raw.execute("INSERT INTO run VALUES (1, 1, 'random', 'random', 0, '{}')")
        raw.execute(f"CREATE TABLE trial_1 (id INTEGER PRIMARY KEY, {', '.join(columns)})")
        for step in range(3):
            values = [1, 0, step, 0, 1, 0.5, *[0] * len(space), *[float(3 - step)] * len(names)]
            names_, marks = ", ".join(columns), ", ".join("?" * len(columns))
            raw.execute(f"INSERT INTO trial_1 ({names_}) VALUES ({marks})", values)
    raw.close()
    return path


def version(path) -> int:
    raw = sqlite3.connect(path)
    found = raw.execute("PRAGMA user_version").fetchone()[0]
    raw.close()
    return found


def test_a_reader_takes_an_old_store_as_it_is(old):
    with open_reader(old) as reader:
        best = reader.front_trials(1).id.tolist()
        stop, trials = reader.stop_requested(1), reader.n_trials(1)

    assert (best, stop, trials, version(old)) == ([3], False, 3, 1)


def test_a_writer_brings_an_old_store_up_to_date_and_keeps_its_trials(old):
    with open_reader(old) as reader:
        before = reader.trials(1)
    with Store(old) as store, LeaseQueue(old, 1) as queue:
        store.request_stop(1)
        store.appender(1)(block(2, first_step=3, batch=1), None)
        store.set_front(1, [3], [])
        store.flush()
        queue.put(1, 0, [b"a"])
        after = store.reader.trials(1)

        assert store.reader.stop_requested(1)
        assert store.reader.front_trials(1).id.tolist() == [3]
        assert store.create_campaign(header("two"), [1]) == 2

    assert version(old) == SCHEMA_VERSION
    assert after.id.tolist() == [1, 2, 3, 4, 5]
    assert after.metrics[:3].tobytes() == before.metrics.tobytes()


def test_a_reader_that_was_open_before_sees_what_the_new_version_brings(old):
    with open_reader(old) as reader:
        before = reader.stop_requested(1)
        with Store(old) as store:
            store.request_stop(1)

        assert (before, reader.stop_requested(1)) == (False, True)


def test_a_step_that_fails_leaves_the_old_store_whole(old, monkeypatch):
    def broken(link):
        link.execute("CREATE TABLE half_done (a INTEGER)")
        raise RuntimeError("power cut")

    monkeypatch.setattr(schema_module, "MIGRATIONS", (*schema_module.MIGRATIONS[:1], broken))

    with pytest.raises(RuntimeError, match="power cut"):
        Store(old)

    raw = sqlite3.connect(old)
    tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    raw.close()
    assert "half_done" not in tables
    assert version(old) == 1


def test_a_made_store_and_one_brought_up_to_date_have_the_same_tables(old, tmp_path):
    Store(old).close()
    Store(tmp_path / "new.sqlite").close()
    tables = []
    for path in (old, tmp_path / "new.sqlite"):
        raw = sqlite3.connect(path)
        names = [name for (name,) in raw.execute("SELECT name FROM sqlite_master ORDER BY name")]
        columns = {
            name: [row[1] for row in raw.execute(f"PRAGMA table_info({name})")]
            for name in names
            if not name.startswith(("sqlite_", "trial_"))
        }
        tables.append(columns)
        raw.close()

    assert tables[0] == tables[1]
