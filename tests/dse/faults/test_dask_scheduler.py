"""A Dask scheduler that goes away in the middle of a campaign and does not come back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dse import registry
from dse.campaign import Campaign
from tests.dse.fake import fake_environment
from tests.dse.faults.conftest import ROOT
from tests.dse.faults.watching import assert_same_trials, ended, eventually, log_of, trials_in

pytest.importorskip("distributed", reason="the extra dask is not installed")

ADDRESS = "tcp://127.0.0.1:38787"
IMPATIENT = (
    "import runpy; import dse.executors.dask_cluster as cluster; cluster._PATIENCE_S = 1.0\n"
    "if __name__ == '__main__': runpy.run_module('tests.dse.fake_command', run_name='__main__')\n"
)


@pytest.fixture
def cluster():
    """Scheduler and worker, each a process."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{name}", *arguments, "--no-dashboard"],
            env={**fake_environment(), "PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
        )
        for name, arguments in (
            ("dask_scheduler", ["--host", "127.0.0.1", "--port", ADDRESS.rpartition(":")[2]]),
            ("dask_worker", [ADDRESS, "--nworkers", "1", "--nthreads", "2", "--death-timeout", "60"]),
        )
    ]
    yield started
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_scheduler_that_is_killed_ends_the_campaign_with_a_sentence_and_loses_nothing(
    cluster, campaign_file, tmp_path, monkeypatch
):
    monkeypatch.setitem(registry.SIMULATORS, "sleepy", "tests.kills.campaign:SleepySimulator")
    file = campaign_file(('name = "fake"', 'name = "sleepy"'), ("batch = 16", "batch = 4"))
    expected = Campaign.from_file(file).run(threads=1).trials
    store = str(tmp_path / "store.sqlite")

    options = ("--store", store, "--scheduler", ADDRESS, "--quiet")
    campaign = subprocess.Popen(
        [sys.executable, "-c", IMPATIENT, "run", str(file), *options],
        env={**fake_environment(), "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    eventually(lambda: trials_in(store) > 70 or campaign.poll() is not None)
    cluster[0].kill()
    said = ended(campaign, 1)
    kept = trials_in(store)
    Campaign.from_file(file).resume(store=store)

    assert 70 < kept < len(expected)
    assert f"the Dask scheduler at {ADDRESS} does not answer (waited 1 s)" in said
    assert said.count("dse resume") == 1
    assert len(said.strip().splitlines()) == 1, said
    assert_same_trials(log_of(store), expected)
