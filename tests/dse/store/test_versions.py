"""Older stores: read as they are, brought up to date by the first that writes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from dse.errors import StoreError
from dse.store import CampaignHeader, LeaseQueue, Store, Trials, open_reader, place_of
from dse.store import schema as schema_module
from dse.store.place import transaction
from dse.store.schema import MIGRATIONS, SCHEMA_VERSION
from dse.store.upkeep import check_store, migrate_store
from tests.dse.fake import FakeSimulator
from tests.dse.store.campaigns import COLUMNS, block, header

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


def campaign_row(one: CampaignHeader) -> dict[str, str]:
    """A finished campaign as the first two versions kept it."""
    return {
        "name": one.name,
        "created": "2026-01-01T00:00:00+00:00",
        "state": "finished",
        "config": json.dumps(one.config),
        "config_base": ".",
        "simulator": json.dumps(one.simulator),
        "build_id": one.build_id,
        "space": json.dumps(one.space.to_dict()),
        "space_hash": one.space.hash,
        "search_space": json.dumps(one.space.to_dict()),
        "schema": json.dumps(one.schema.to_list()),
        "objectives": json.dumps([objective.to_dict() for objective in one.objectives]),
        "workloads": json.dumps([{**workload, "bench": 1} for workload in one.workloads]),
        "provenance": "{}",
    }


@pytest.fixture
def old(tmp_path):
    """A store of version 1 with one finished campaign of three trials."""
    path = tmp_path / "old.sqlite"
    one = header()
    space, names = FakeSimulator().space, FakeSimulator().schema.names
    row = campaign_row(one)
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


@pytest.fixture
def old_server(postgres) -> str:
    """A store of version 2 in PostgreSQL with the arrays of that version, and 5 trials."""
    return version_2(postgres.fresh_url(), 5)


def in_version_2(trials: Trials) -> bytes:
    """The arrays of trials as version 2 kept them."""
    columns = [
        trials.run.astype("<i4"),
        trials.batch.astype("<i8"),
        trials.step.astype("<i8"),
        trials.origin,
        trials.feasible.astype("u1"),
        trials.seconds.astype("<f8"),
        trials.indices.astype("<i2"),
        trials.metrics.astype("<f8"),
    ]
    bytes_ = [np.ascontiguousarray(one).view("u1").reshape(len(trials), -1) for one in columns]
    return np.concatenate(bytes_, axis=1).tobytes()


def version_2(url: str, trials: int) -> str:
    """Make a store of version 2 with a campaign of so many trials, every third a repeat."""
    one, place = header(), place_of(url)
    space, names = one.space.names, one.schema.names
    link = place.writer()
    with transaction(link):
        for step in MIGRATIONS[:2]:
            step(link)
        link.set_version(2)
        link.execute("UPDATE number_in_use SET campaign = 1")
        row = {**campaign_row(one), "id": 1}
        sql = f"INSERT INTO campaign ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
        link.execute(sql, tuple(row.values()))
        link.executemany(
            "INSERT INTO run VALUES (1, ?, ?, ?, 0, '{}')",
            [(0, "reference", "reference"), (1, "random", "random")],
        )
        columns = ["run {whole}", "batch {long}", "step {long}", "origin {whole}", "feasible {whole}"]
        columns += [
            "seconds {real}",
            *(f"p_{n} {{whole}}" for n in space),
            *(f"m_{n} {{real}}" for n in names),
        ]
        link.execute(f"CREATE TABLE trial_1 (id {{number}}, {', '.join(columns)})".format_map(link.types))
        marks = ", ".join("?" * (len(columns) + 1))
        link.executemany(
            f"INSERT INTO trial_1 VALUES ({marks})",
            [
                (i + 1, 1, 0, i, 2 * (i % 3 == 0), 1, 0.5, *[0] * len(space), *[float(i)] * len(names))
                for i in range(trials)
            ],
        )
        given = Trials(
            id=np.arange(1, trials + 1),
            run=np.ones(trials, dtype=np.int16),
            batch=np.zeros(trials, dtype=np.int64),
            step=np.arange(trials),
            origin=(2 * (np.arange(trials) % 3 == 0)).astype(np.uint8),
            feasible=np.ones(trials, dtype=np.bool_),
            seconds=np.full(trials, 0.5),
            indices=np.zeros((trials, len(space)), dtype=np.int16),
            metrics=np.repeat(np.arange(float(trials))[:, None], len(names), axis=1),
            metric_names=names,
        )
        link.execute("INSERT INTO packed VALUES (1, ?, 1, ?)", (trials, in_version_2(given)))
    link.close()
    return url


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


@pytest.fixture(params=["sqlite", "postgres"])
def second(request, tmp_path) -> str:
    """A store of version 2 with 21,000 trials in a file, or with 5 in a server."""
    if request.param == "sqlite":
        return version_2(str(tmp_path / "second.sqlite"), 21_000)
    found: str = request.getfixturevalue("old_server")
    return found


def test_trials_of_older_stores_were_simulated_in_full_and_repeats_were_free(second):
    with open_reader(second) as reader:
        rows = reader.rows(1, 0, reader.campaign(1).schema.names)
        trials = reader.trials(1)
        assert len(reader._packed(reader.campaign_static(1), 0)) == len(trials)
        spent, detail, best = reader.spent(1), reader.detail(1, 4), reader.front_trials(1)

    assert trials.fidelity.tolist() == [1.0] * len(trials)
    assert trials.charge.tolist() == [float(i % 3 > 0) for i in range(len(trials))]
    assert spent == trials.charge.sum()
    assert (detail.fidelity, detail.charge) == (1.0, 0.0)
    assert best.charge.tolist() == [0.0]
    for name in COLUMNS:
        assert np.array_equal(getattr(rows, name), getattr(trials, name)), name


def test_a_store_brought_up_to_date_has_all_trials_in_rows_and_arrays(second):
    with open_reader(second) as reader:
        before = reader.trials(1)

    migrate_store(second)

    with open_reader(second) as reader:
        arrays, rows = reader.trials(1), reader.rows(1, 0, reader.campaign(1).schema.names)
        packed = reader._all("SELECT max(last) FROM packed WHERE campaign = 1")
        assert reader.spent(1) == before.charge.sum()
    assert packed[0][0] == len(before)
    for name in COLUMNS:
        assert np.array_equal(getattr(arrays, name), getattr(before, name)), name
        assert np.array_equal(getattr(rows, name), getattr(before, name)), name
    assert check_store(second).problems == ()


def test_the_first_version_gets_its_arrays_too(old):
    migrate_store(old)

    with open_reader(old) as reader:
        assert reader._all("SELECT first, last FROM packed") == [(1, 3)]
        assert reader.trials(1).charge.tolist() == [1.0, 1.0, 1.0]


KILLED = """
import os, signal, sys
from dse.store import repacking
from dse.store.upkeep import migrate_store

done = []

def pack(trials, original=repacking.pack):
    done.append(trials)
    if len(done) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(trials)

repacking.pack = pack
migrate_store(sys.argv[1])
"""


def test_a_store_whose_migration_was_killed_is_the_old_one(tmp_path):
    path = version_2(str(tmp_path / "second.sqlite"), 21_000)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, path],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        check=False,
        timeout=60,
    )

    assert killed.returncode == -signal.SIGKILL
    assert version(path) == 2
    with open_reader(path) as reader:
        assert len(reader.trials(1)) == 21_000
    assert migrate_store(path).version == SCHEMA_VERSION
    assert check_store(path).problems == ()


def test_damage_in_an_old_store_stays_and_is_found_after_it_was_brought_up_to_date(old):
    raw = sqlite3.connect(old)
    raw.execute("DELETE FROM trial_1 WHERE id = 2")
    raw.execute(
        "INSERT INTO campaign SELECT 2, 'two', created, state, '{', config_base, simulator, build_id, "
        "'{', space_hash, search_space, schema, objectives, workloads, provenance, scale, baseline "
        "FROM campaign"
    )
    raw.execute("CREATE TABLE trial_2 AS SELECT * FROM trial_1")
    raw.execute(
        "INSERT INTO campaign SELECT 3, 'three', created, state, config, config_base, simulator, "
        "build_id, space, space_hash, search_space, schema, objectives, workloads, provenance, scale, "
        "baseline FROM campaign WHERE id = 1"
    )
    raw.commit()
    raw.close()

    migrate_store(old)

    problems = check_store(old).problems
    assert any("'one'" in text and "numbered 1 to 3" in text for text in problems)
    assert any("'two'" in text and "cannot be read" in text for text in problems)
    assert any("'three'" in text and "trial_3 is missing" in text for text in problems)


def test_an_older_store_whose_campaign_is_being_run_is_left_as_it_is(second):
    link, place = place_of(second).writer(), place_of(second)
    link.execute("UPDATE campaign SET state = 'running'")
    hold = place.hold(1)
    with pytest.raises(StoreError, match=r"campaign 1 of store .* is being run by an older marl-dse"):
        migrate_store(second)
    before = link.version()

    hold.release()
    done = migrate_store(second)
    link.close()

    assert (before, done.version_before, done.version) == (2, 2, SCHEMA_VERSION)
