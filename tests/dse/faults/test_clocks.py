"""Clocks that somebody sets, ahead and back, while a campaign and its workers run."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from dse import registry
from dse.campaign import Campaign
from tests.dse.faults.clock import JumpingClock
from tests.dse.faults.watching import assert_same_trials, ended, eventually, log_of, state_of, trials_in
from tests.dse.postgres import PostgresServer

HOUR = 3600
FILE = (
    ('name = "fake"', 'name = "sleepy"\nseconds = 0.01'),
    ('"nsga2"', '"local"'),
    ("unique = 60", f"unique = 30\nwall_seconds = {HOUR}"),
    ("batch = 16", "batch = 4"),
)


@pytest.fixture
def clock(readable_folder, program_path):
    """A clock for processes that are started in its environment."""
    return JumpingClock(readable_folder, program_path("gcc"))


@pytest.fixture
def server(clock, postgres, monkeypatch):
    """A server on that clock."""
    with monkeypatch.context() as there:
        for name, value in clock.environment.items():
            there.setenv(name, value)
        server = PostgresServer("fsync=off")
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, tmp_path):
    """Where a store may be made whose clock is the one that jumps."""
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    return request.getfixturevalue("server").fresh_url()


def test_the_clock_of_a_process_can_be_moved_and_its_monotonic_one_cannot(clock):
    code = "import time, sqlite3; q = 'SELECT julianday(\"now\")'.replace(chr(34), chr(39))\n"
    code += "print(time.time(), time.monotonic(), sqlite3.connect(':memory:').execute(q).fetchone()[0])"
    clock.show(-10 * 24 * HOUR)

    shown = subprocess.check_output(
        [sys.executable, "-c", code], env={**os.environ, **clock.environment}, text=True
    )

    wall, monotonic, julian = map(float, shown.split())
    assert 9.9 < (time.time() - wall) / (24 * HOUR) < 10.1
    assert abs(time.monotonic() - monotonic) < HOUR
    assert abs((julian - 2440587.5) * 24 * HOUR - wall) < HOUR


@pytest.mark.slow
def test_clocks_that_jump_cost_no_trial(store, clock, campaign_file, start_dse, monkeypatch):
    monkeypatch.setitem(registry.SIMULATORS, "sleepy", "tests.kills.campaign:SleepySimulator")
    file = campaign_file(*FILE)
    expected = Campaign.from_file(file).run(threads=1).trials
    run = ("run", file, "--store", store, "--executor", "leases", "--workers", 2, "--quiet")

    campaign = start_dse(*run, **clock.environment)
    eventually(lambda: state_of(store) == "running")
    worker = start_dse("worker", "small", "--store", store, **clock.environment)
    for known, seconds in ((70, 2 * HOUR), (90, -24 * HOUR), (110, 0)):
        eventually(lambda known=known: trials_in(store) > known)
        clock.show(seconds)

    ended(campaign, 0)
    ended(worker, 0)
    assert_same_trials(log_of(store), expected)
