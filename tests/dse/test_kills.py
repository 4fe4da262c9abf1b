"""Short and long forms of tests/kills, and proof that its judge sees what is wrong."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys

import pytest

from dse.campaign import Campaign
from tests.dse.fake import fake_environment
from tests.kills.campaign import CAMPAIGN, registered
from tests.kills.child import Wrong
from tests.kills.judge import Judge


def kill(rounds: int, seed: int, *more: str) -> dict:
    """Run the script, for it forks, and tests may have threads."""
    command = [sys.executable, "-m", "tests.kills", "--rounds", str(rounds), "--seed", str(seed), *more]
    done = subprocess.run(command, check=False, env=fake_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_dozen_kills_lose_nothing():
    found = kill(12, 1)

    assert found["kills"] == 12
    assert found["trials_acknowledged"] > 0
    assert found["second_process_refused"] > 0


@pytest.mark.slow
def test_killed_workers_lose_nothing():
    found = kill(5, 1, "--workers")

    assert found["at"] == {"worker": 5}
    assert found["finished"] > 0


@pytest.mark.slow
def test_killed_workers_of_the_store_lose_nothing():
    found = kill(5, 2, "--lease-workers")

    assert sum(found["at"].values()) == 5
    assert found["finished"] > 0


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing():
    found = kill(200, 2)

    assert found["kills"] == 200
    assert found["finished"] >= 10
    assert set(found["at"]) == {
        "ask", "evaluate", "append", "commit", "committed", "tell", "snapshot", "random"
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.requires_program("postgres", "initdb")
def test_killing_the_database_server_loses_nothing():
    pytest.importorskip("psycopg")

    found = kill(50, 3, "--server")

    assert found["at"] == {"server": 50}
    assert found["trials_acknowledged"] > 0


@pytest.mark.slow
def test_a_hundred_killed_workers_lose_nothing():
    found = kill(100, 4, "--workers")

    assert found["at"] == {"worker": 100}


@pytest.mark.slow
@pytest.mark.requires_program("postgres", "initdb")
def test_workers_of_a_server_and_campaigns_that_are_killed_lose_nothing():
    pytest.importorskip("psycopg")

    found = kill(100, 5, "--lease-workers", "--postgres")

    assert set(found["at"]) == {"campaign", "lease worker"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The store of a finished campaign, and its trials."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "campaign.toml").write_text(CAMPAIGN)
    with registered():
        result = Campaign.from_file(folder / "campaign.toml").run(store=folder / "store.sqlite")
    return folder / "store.sqlite", result.trials


@pytest.fixture
def judged(finished, tmp_path):
    """A copy of the store, and the judge of it."""
    store, whole = finished
    shutil.copytree(store.parent, tmp_path, dirs_exist_ok=True)  # with its write-ahead log
    return Judge(whole, str(tmp_path / store.name), acknowledged=len(whole))


def test_the_judge_is_content_with_a_whole_log(judged):
    judged.judge_finished()
    judged.look()


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("DELETE FROM trial_1 WHERE id = (SELECT max(id) FROM trial_1)", "were acknowledged"),
        ("UPDATE trial_1 SET step = 0 WHERE run = 1 AND step = 1", "there twice"),
        ("UPDATE trial_1 SET origin = 1 - origin WHERE id = 60", "origin is not that"),
        ("UPDATE trial_1 SET m_time_ns = m_time_ns + 1e-9 WHERE id = 60", "metrics is not that"),
        ("UPDATE campaign SET name = 'another'", "the campaign is gone"),
        ("UPDATE campaign SET state = 'failed'", "state 'failed'"),
    ],
)
def test_the_judge_finds_what_is_wrong(judged, change, finding):
    with contextlib.closing(sqlite3.connect(judged.store)) as connection, connection:
        connection.execute(change)

    with pytest.raises(Wrong, match=finding):
        judged.judge_finished()
