"""What the commands say of a campaign with estimates: counted and charged, and on no front."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dse.campaign import Campaign
from dse.campaign.result import CampaignResult
from dse.cli.front import agents_table
from dse.cli.main import run_command_line
from dse.cli.picked import pick_trial
from tests.dse.estimates import add_estimates


@pytest.fixture
def store(campaign_file, tmp_path, monkeypatch) -> Path:
    """A finished campaign, the default store; `add_estimates` is for the test to do."""
    path = tmp_path / "store.sqlite"
    monkeypatch.setenv("DSE_STORE", str(path))
    Campaign.from_file(campaign_file()).run(store=path, threads=1)
    return path


@pytest.fixture
def do(capsys):
    """Runs `dse ...` in this process; gives stdout, after a look at the status."""

    def run(*args: object) -> str:
        assert run_command_line([str(arg) for arg in args]) == 0
        out: str = capsys.readouterr().out
        return out

    return run


def test_front_counts_estimates_and_shows_none(store, do):
    before = json.loads(do("front", "small", "--json"))
    shown = do("front", "small")
    add_estimates(store, 6)

    after = json.loads(do("front", "small", "--json"))

    assert (before["estimated_trials"], after["estimated_trials"]) == (0, 6)
    assert after["trials"] == before["trials"] + 6
    for same in ("front", "feasible_trials", "violated", "hypervolume"):
        assert after[same] == before[same]
    assert after["agents"][0]["spent"] == before["agents"][0]["spent"] + 1.5
    assert do("front", "small").splitlines()[:-2] == shown.splitlines()[:-1]
    assert "6 of 237 trials were only estimated" in do("front", "small")
    assert do("front", "small", "--agent", "random", "--csv").count("\n") == len(
        CampaignResult.load(store, 1).front_of("random")
    ) + 1  # fmt: skip


def test_ls_shows_what_was_spent(store, do):
    add_estimates(store, 6)

    (row,) = json.loads(do("ls", "--json"))

    assert (row["budget_done"], row["budget"]) == (181.5, 180)
    assert "181.5/180" in do("ls")


def test_ls_shows_whole_numbers_where_nothing_was_estimated(store, do):
    assert '"budget_done": 180,' in do("ls", "--json")
    assert "180/180" in do("ls")


def test_tail_counts_the_estimates_of_every_batch(store, do):
    front = len(CampaignResult.load(store, 1).front)
    add_estimates(store, 6, feasible=True)

    *_, batch, _ = (json.loads(line) for line in do("tail", "small", "--json", "--from-start").splitlines())

    assert (batch["estimated"], batch["feasible"]) == (6, 0)
    assert batch["status"]["budget_done"] == 181.5
    assert batch["status"]["front"] == front


def test_the_agents_table_has_columns_for_estimates_only_where_there_are_some(store):
    before = [column.header for column in agents_table(CampaignResult.load(store, 1).digest).columns]
    add_estimates(store, 6)

    table = agents_table(CampaignResult.load(store, 1).digest)

    assert before[2] == "unique"
    assert [column.header for column in table.columns][2:5] == ["spent", "in full", "estimated"]
    assert [next(iter(column.cells)) for column in table.columns][2:5] == ["61.5", "60", "6"]


def test_a_replayed_or_exported_estimate_brings_no_metrics(store):
    add_estimates(store, 1)
    last = CampaignResult.load(store, 1).trials.last_id

    measured, estimate = (pick_trial("small", trial, store) for trial in (1, last))

    assert measured.metrics is not None
    assert estimate.metrics is None
