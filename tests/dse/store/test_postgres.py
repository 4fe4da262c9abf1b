"""What only a server can do to a store: go away, come back, refuse, fill up."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from dse.errors import LookupFailed, StoreError
from dse.store import Store, open_reader, place_of
from tests.dse.postgres import PostgresServer
from tests.dse.store.campaigns import block, create


@pytest.fixture
def own_server(postgres):
    """A server that the test may kill."""
    server = PostgresServer()
    yield server
    server.stop()


def test_what_was_flushed_survives_a_killed_server(own_server):
    url = own_server.fresh_url()
    store = Store(url)
    campaign = create(store)
    append = store.appender(campaign)
    append(block(100), None)
    store.flush()
    reader = open_reader(url)

    own_server.kill()
    with pytest.raises(StoreError, match=r"stopped or restarted.*last commit is kept.*dse resume"):  # noqa: PT012
        append(block(50, first_step=100, batch=1), None)
        store.flush()
    store.close()
    own_server.start()

    kept = reader.trials(campaign)
    state = reader.campaign(campaign).state
    reader.close()
    with Store(url) as again:
        again.own(campaign)
        again.appender(campaign)(block(50, first_step=100, batch=1), None)
        again.flush()
        steps = again.reader.trials(campaign).step.tolist()
    assert len(kept) == 100
    assert state == "interrupted"
    assert steps == list(range(150))


def test_a_reader_lives_through_a_restart(own_server):
    url = own_server.fresh_url()
    with Store(url) as store:
        create(store)
    with open_reader(url) as reader:
        own_server.restart()

        names = [row.name for row in reader.campaigns()]

    assert names == ["one"]


def test_a_server_that_is_not_there_is_named_without_the_password():
    url = "postgresql://me:secret@127.0.0.1:9/db"
    pytest.importorskip("psycopg")

    with pytest.raises(StoreError, match=r"server of store postgresql://me@127.0.0.1:9/db cannot be") as told:
        Store(url)

    assert "secret" not in str(told.value)


def test_a_database_without_a_store_is_named(postgres):
    with pytest.raises(LookupFailed, match="there is no store in postgresql://dse@"):
        open_reader(postgres.fresh_url())


def test_the_tables_of_another_program_are_left_alone(postgres):
    import psycopg

    url = postgres.fresh_url()
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("CREATE TABLE music (title TEXT)")

        with pytest.raises(StoreError, match="another program"):
            Store(url)

        sql = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
        assert "campaign" not in {name for (name,) in other.execute(sql)}


def test_two_stores_of_one_database_do_not_lock_each_other(postgres):
    with Store(postgres.fresh_url()) as one, Store(postgres.fresh_url()) as other:
        assert create(one) == create(other)


def test_a_reader_cannot_write(postgres):
    url = postgres.fresh_url()
    Store(url).close()
    with open_reader(url) as reader, pytest.raises(StoreError, match="only reads"):
        reader._all("UPDATE campaign SET state = 'x' RETURNING id")


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("DiskFull", r"no space left.*last commit is kept"),
        ("LockNotAvailable", "is locked"),
        ("AdminShutdown", "stopped or restarted"),
        ("InsufficientPrivilege", "may not do this"),
    ],
)
def test_an_error_of_the_server_says_what_to_do(name, meaning):
    errors = pytest.importorskip("psycopg.errors")
    place = place_of("postgresql://me@host/db")

    assert re.search(meaning, str(place.explained(getattr(errors, name)("no"))))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me@host:5433/db",
        "postgres://me:pw@host/db?sslmode=require",
        "postgresql://dse@%2Ftmp%2Fsocket/db",
        "postgresql:///db?host=%2Ftmp%2Fsocket",
    ],
)
def test_an_address_survives_being_a_path(url):
    assert place_of(Path(url))._url == place_of(url)._url == url


def test_a_null_of_another_program_is_read_as_nan(postgres):
    url = postgres.fresh_url()
    with Store(url) as store:
        campaign = create(store)
        store.appender(campaign)(block(3), None)
        store.flush()
        names = store.reader.campaign(campaign).schema.names
        column = f"m_{names[0]}"
        link = place_of(url).writer()
        link.execute(f'UPDATE trial_{campaign} SET "{column}" = NULL WHERE id = 2')
        link.close()

        found = store.reader.rows(campaign, 0, names).metrics

    assert np.isnan(found[:, 0]).tolist() == [False, True, False]
