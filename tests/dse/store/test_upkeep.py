from __future__ import annotations

import json

import pytest

from dse.cli.main import run_command_line
from dse.errors import LookupFailed, StoreError
from dse.store import Store, place_of
from dse.store.schema import SCHEMA_VERSION
from dse.store.upkeep import check_store, migrate_store, vacuum_store
from tests.dse.store.campaigns import block, create


@pytest.fixture
def campaign(url) -> int:
    """A store with one campaign of 60 trials, nothing running."""
    with Store(url) as store:
        number = create(store)
        store.appender(number)(block(60), None)
        store.flush()
        store.set_front(number, store.reader.front_trials(number).id.tolist(), [])
        return number


def change(url: str, sql: str) -> None:
    link = place_of(url).writer()
    link.execute(sql)
    link.close()


def test_a_whole_store_has_no_problems(url, campaign):
    found = check_store(url)

    assert (found.version, found.campaigns, found.trials, found.problems) == (SCHEMA_VERSION, 1, 60, ())


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("DELETE FROM trial_1 WHERE id = 7", "its 59 trials are numbered 1 to 60"),
        ("UPDATE trial_1 SET run = 9 WHERE id = 7", "trials of run 9"),
        ("UPDATE trial_1 SET step = 99 WHERE id = 7", "its arrays and its table differ in step"),
        ("UPDATE trial_1 SET fidelity = 0.5 WHERE id = 7", "its arrays and its table differ in fidelity"),
        ("UPDATE trial_1 SET charge = 0.5 WHERE id = 7", "its arrays and its table differ in charge"),
        (
            "UPDATE trial_1 SET fidelity = 0.1, feasible = 1 WHERE id = 7",
            "its trial 7 is an estimate and said",
        ),
        ("DELETE FROM packed", "its arrays hold 0 trials and its table 60"),
        ("UPDATE packed SET data = substr(data, 9)", "its arrays hold 0 trials and its table 60"),
        ("DELETE FROM front", "its kept front is not that of its trials"),
        ("UPDATE campaign SET objectives = '{'", "it cannot be read"),
        ("DROP TABLE trial_1", "its table trial_1 is missing"),
    ],
)
def test_damage_is_found_and_named(url, campaign, damage, problem):
    change(url, damage)

    found = check_store(url)

    assert any(problem in text and "campaign 'one'" in text for text in found.problems), found.problems


def test_an_sqlite_file_with_a_torn_page_is_damaged(tmp_path):
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        store.appender(create(store))(block(2000), None)
    vacuum_store(path)
    data = bytearray(path.read_bytes())
    data[-3 * 4096 : -2 * 4096] = b"\xff" * 4096
    path.write_bytes(data)

    try:
        problems = check_store(path).problems
    except StoreError as error:
        problems = (str(error),)

    assert problems


def test_a_vacuum_gives_space_back_and_keeps_the_trials(tmp_path):
    path = str(tmp_path / "store.sqlite")
    with Store(path) as store:
        first, second = create(store, "one"), create(store, "two")
        store.appender(first)(block(20), None)
        store.appender(second)(block(5000), None)
    with Store(path) as store:
        store.remove_campaign(second)

    done = vacuum_store(path)

    assert done.bytes_after < done.bytes_before / 2
    assert check_store(path).trials == 20


def test_a_vacuum_keeps_the_trials(url, campaign):
    vacuum_store(url)

    assert check_store(url).trials == 60


def test_a_vacuum_is_refused_while_a_campaign_runs(url, campaign):
    with Store(url) as store:
        store.own(campaign)

        with pytest.raises(StoreError, match="another process is running it"):
            vacuum_store(url)


@pytest.mark.parametrize("work", [check_store, vacuum_store, migrate_store])
def test_looking_after_a_store_makes_none(url, work):
    with pytest.raises(LookupFailed, match="there is no store"):
        work(url)

    assert not place_of(url).exists()


def test_a_store_of_this_version_is_left_as_it_is(url, campaign):
    done = migrate_store(url)

    assert (done.version_before, done.version) == (SCHEMA_VERSION, SCHEMA_VERSION)


def test_the_command_says_that_a_store_is_damaged(url, campaign, capsys):
    change(url, "DELETE FROM front")

    status = run_command_line(["store", "check", "--store", url, "--json"])

    assert status == 5
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 1


def test_the_commands_show_what_they_did(url, campaign, capsys):
    statuses = [run_command_line(["store", name, "--store", url]) for name in ("check", "vacuum", "migrate")]

    shown = capsys.readouterr().out
    assert statuses == [0, 0, 0]
    assert "is whole" in shown
    assert "bytes before" in shown
    assert "nothing to do" in shown
