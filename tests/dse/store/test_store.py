from __future__ import annotations

import sqlite3

import pytest

from dse.errors import LookupFailed, StoreError
from dse.store import Store, open_reader, place_of
from tests.dse.store.campaigns import block, create


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.sqlite"


@pytest.mark.parametrize("open_", [Store, open_reader])
def test_a_file_of_another_kind_is_left_untouched(path, open_):
    path.write_bytes(b"this is not a database, but somebody's novel" * 100)
    before = path.read_bytes()

    with pytest.raises(StoreError, match="not a store of marl-dse"):
        open_(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize("open_", [Store, open_reader])
def test_a_database_of_another_program_is_left_untouched(path, open_):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE music (title TEXT)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match="another program"):
        open_(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize("statements", [(), ("PRAGMA journal_mode=WAL",)])
def test_a_file_that_a_killed_process_left_empty_is_no_store_until_somebody_writes(path, statements):
    raw = sqlite3.connect(path)
    for statement in statements:
        raw.execute(statement)
    raw.close()
    path.touch()

    before = place_of(path).exists()
    with pytest.raises(LookupFailed, match="there is no store"):
        open_reader(path)
    with Store(path) as store:
        create(store)

    assert (before, place_of(path).exists()) == (False, True)


@pytest.mark.parametrize("open_", [Store, open_reader])
def test_a_newer_store_is_refused(path, open_):
    Store(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version=99")
    raw.close()

    with pytest.raises(StoreError, match="newer marl-dse"):
        open_(path)


def test_a_store_that_another_program_writes_to_is_locked(path):
    Store(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Store(path, busy_seconds=0.1) as store, pytest.raises(StoreError, match="locked"):
        create(store)
    other.close()


def test_a_reader_never_waits_for_a_writer(path):
    with Store(path) as store:
        create(store)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with open_reader(path) as reader:
        names = [row.name for row in reader.campaigns()]

    other.close()
    assert names == ["one"]


def test_a_closed_campaign_is_free_again(path):
    with Store(path) as first:
        campaign = create(first)

    with Store(path) as second:
        second.own(campaign)

    assert not list(path.parent.glob("*.lock"))


def test_a_full_disk_keeps_what_was_committed(path):
    with Store(path) as store:
        campaign = create(store)
        append = store.appender(campaign)
        append(block(4), None)
        store.flush()
        pages = store._lookup.execute("PRAGMA page_count").fetchone()[0]
        store._writer.submit(
            lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchone() and 0
        )

        with pytest.raises(StoreError, match="no space left"):  # noqa: PT012
            for i in range(100):
                append(block(256, first_step=4 + 256 * i, batch=1 + i), None)
            store.flush()

    with open_reader(path) as reader:
        kept = reader.trials(campaign)
    assert kept.step[:4].tolist() == [0, 1, 2, 3]
    assert (len(kept) - 4) % 256 == 0


def test_a_folder_is_no_store(tmp_path):
    with pytest.raises(StoreError, match="folder"):
        Store(tmp_path)


def test_a_campaign_whose_process_is_gone_is_not_running(path):
    with Store(path) as store:
        campaign = create(store)
        assert store.reader.campaign(campaign).state == "running"
    path.with_name("store.sqlite-campaign1.lock").touch()  # what kill -9 leaves behind

    with open_reader(path) as reader:
        assert reader.campaign(campaign).state == "interrupted"
        assert reader.campaigns()[0].state == "interrupted"


def test_a_network_file_system_is_refused(path, monkeypatch):
    monkeypatch.setattr("dse.store.sqlite.network_file_system", lambda where: "nfs4")

    with pytest.raises(StoreError, match=r"network file system \(nfs4\).*local disk.*postgresql://"):
        Store(path)

    assert not path.exists()


def test_a_closed_store_is_one_file(path):
    with Store(path) as store:
        store.appender(create(store))(block(50), None)

    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with open_reader(path) as reader:
        assert reader.n_trials(1) == 50
