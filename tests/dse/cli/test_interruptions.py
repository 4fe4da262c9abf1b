"""Campaigns that are killed or interrupted, and what is left of them; real processes, real signals."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from dse.campaign.result import CampaignResult
from dse.store import open_reader

SLOW = ('name = "fake"', 'name = "fake"\ndelay_s = 0.02')
LONG = ("unique = 60", "unique = 150"), ("batch = 16", "batch = 4")
ENDLESS = ("unique = 60", "unique = 150"), ("batch = 16", "batch = 1")


def wait_for_trials(store: Path, campaign: str, n: int, process) -> int:
    """Poll, as the dashboard does, until that many trials are committed; the process may end before."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if store.exists():
            try:
                with open_reader(store) as reader:
                    found = reader.n_trials(reader.campaign(campaign).id)
            except Exception:  # the store is still being made
                found = 0
            if found >= n:
                return found
        if process.poll() is not None:
            return -1
        time.sleep(0.01)
    raise AssertionError("the campaign did not get on")


def same(one: CampaignResult, other: CampaignResult) -> bool:
    names = ("run", "batch", "step", "origin", "feasible", "indices", "metrics")
    return all(
        np.array_equal(getattr(one.trials, n), getattr(other.trials, n), equal_nan=n == "metrics")
        for n in names
    )


@pytest.mark.slow
def test_killing_a_campaign_again_and_again_changes_nothing(dse_process, start_dse, campaign_file, tmp_path):
    path = campaign_file(SLOW, *LONG)
    whole, store = tmp_path / "whole.sqlite", tmp_path / "store.sqlite"
    assert dse_process("run", path, "--store", whole, "--quiet").returncode == 0
    kept, kills = 0, 0
    process = start_dse("run", path, "--quiet")

    for target in (60, 100, 101, 180, 260, 340, 400):
        seen = wait_for_trials(store, "small", target, process)
        if seen < 0:
            break
        process.kill()
        process.wait()
        kills += 1
        with open_reader(store) as reader:
            now = reader.n_trials(1)
        assert now >= seen >= kept
        kept = now
        process = start_dse("resume", "small", "--quiet")
    process.wait(timeout=120)

    assert kills >= 4
    assert process.returncode == 0
    assert same(CampaignResult.load(store, "small"), CampaignResult.load(whole, "small"))


@pytest.mark.slow
def test_the_first_interrupt_keeps_everything_and_exits_with_130(
    start_dse, dse_process, campaign_file, tmp_path
):
    path = campaign_file(SLOW, *LONG)
    store = tmp_path / "store.sqlite"
    process = start_dse("run", path)
    wait_for_trials(store, "small", 80, process)

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "dse resume 'small'" in err
    assert "Traceback" not in err
    with open_reader(store) as reader:
        assert reader.campaign("small").state == "interrupted"
    resumed = dse_process("resume", path, "--json")
    assert resumed.returncode == 0
    assert json.loads(resumed.stdout)["state"] == "finished"


@pytest.mark.slow
def test_a_campaign_that_is_running_cannot_be_resumed(start_dse, dse_process, campaign_file, tmp_path):
    process = start_dse("run", campaign_file(SLOW, *ENDLESS))
    wait_for_trials(tmp_path / "store.sqlite", "small", 60, process)

    second = dse_process("resume", "small")

    process.kill()
    process.wait()
    assert second.returncode == 5
    assert "another process is running it" in second.stderr
