"""A disk that fills under a campaign, below SQLite and below PostgreSQL."""

from __future__ import annotations

import pytest

from dse import registry
from dse.campaign import Campaign
from dse.store.upkeep import check_store
from tests.dse.faults.disk import FillingDisk
from tests.dse.faults.watching import assert_same_trials, ended, eventually, log_of, state_of, trials_in
from tests.dse.postgres import PostgresServer

FILE = (
    ('name = "fake"', 'name = "sleepy"'),
    ('"nsga2"', '"local"'),
    ("batch = 16", "batch = 4"),
)


@pytest.fixture
def disk(readable_folder, program_path):
    """A disk for processes that are started in its environment."""
    return FillingDisk(readable_folder, program_path("gcc"))


@pytest.fixture
def server(disk, postgres, monkeypatch):
    """A server on that disk."""
    with monkeypatch.context() as there:
        for name, value in disk.environment.items():
            there.setenv(name, value)
        server = PostgresServer("fsync=off")
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def store(request, tmp_path):
    """Where a store may be made, on that disk."""
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    return request.getfixturevalue("server").fresh_url()


def test_a_full_disk_ends_the_campaign_with_a_sentence_and_room_is_all_it_takes_to_go_on(
    store, disk, campaign_file, start_dse, monkeypatch
):
    monkeypatch.setitem(registry.SIMULATORS, "sleepy", "tests.kills.campaign:SleepySimulator")
    file = campaign_file(*FILE)
    expected = Campaign.from_file(file).run(threads=1).trials

    campaign = start_dse("run", file, "--store", store, "--quiet", **disk.environment)
    eventually(lambda: trials_in(store) > 70)
    disk.fill()
    said = [ended(campaign, 5), ended(start_dse("resume", file, "--store", store, **disk.environment), 5)]
    kept, state = trials_in(store), state_of(store)
    disk.make_room()
    ended(start_dse("resume", file, "--store", store, "--quiet", **disk.environment), 0)

    for text in said:
        assert text.count("no space left on the disk of store") == 1, text
        assert len(text.strip().splitlines()) == 1, text
    assert 70 < kept < len(expected)
    assert state == "interrupted"
    assert_same_trials(log_of(store), expected)
    assert check_store(store).problems == ()
