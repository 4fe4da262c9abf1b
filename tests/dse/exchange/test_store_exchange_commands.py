from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from dashboards.source import CampaignSource
from dse.cli.store_exchange import export_trials, import_trials, merge
from dse.errors import LookupFailed
from dse.exchange import ExchangeError
from tests.dse.exchange.campaigns import stored

app = typer.Typer()
app.command("export")(export_trials)
app.command("import")(import_trials)
app.command("merge")(merge)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return stored(tmp_path / "store.sqlite")


def run(*args: object) -> str:
    """What the command wrote to stdout; its error is raised here."""
    done = CliRunner().invoke(app, [str(arg) for arg in args], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_export_says_what_it_wrote(store, tmp_path):
    shown = run("export", "one", "-o", tmp_path / "a.csv", "--store", store)

    assert "80 trials of one" in shown
    assert "a.csv.json" in shown


@pytest.mark.parametrize("kind", ["parquet", "csv", "json", "jsonl"])
def test_export_and_import_in_json(kind, store, tmp_path):
    out = json.loads(run("export", "1", "-o", tmp_path / f"a.{kind}", "--store", store, "--json"))
    back = json.loads(run("import", tmp_path / f"a.{kind}", "--store", store, "--name", "two", "--json"))

    assert (out["campaign"], out["trials"], out["format"]) == ("one", 80, kind)
    assert back == {"campaign": 2, "name": "two", "file_name": "one", "trials": 80}


def test_the_format_can_be_given_for_a_file_of_any_name(store, tmp_path):
    run("export", "one", "-o", tmp_path / "a.txt", "--format", "jsonl", "--store", store)

    shown = run("import", tmp_path / "a.txt", "--format", "jsonl", "--store", store)

    assert "as one-2 (in the file: one)" in shown


def test_merge_shows_each_campaign(store, tmp_path):
    shown = run("merge", store, "--store", tmp_path / "other.sqlite")

    assert "added" in shown
    assert "2 new results in the design cache" in shown


def test_merge_in_json(store, tmp_path):
    shown = json.loads(run("merge", store, "--store", tmp_path / "other.sqlite", "--json"))

    campaign = {"name": "one", "outcome": "added", "name_there": "one", "trials": 80}
    assert shown == {"campaigns": [campaign], "results": 2}


def test_an_imported_campaign_opens_in_the_dashboard(store, tmp_path):
    run("export", "one", "-o", tmp_path / "a.jsonl", "--store", store)
    run("import", tmp_path / "a.jsonl", "--store", tmp_path / "other.sqlite")

    frames = [CampaignSource(path).frame("1") for path in (store, tmp_path / "other.sqlite")]

    assert len(frames[1]) == len(frames[0]) == 80
    assert frames[0].front.tolist() == frames[1].front.tolist()


def test_an_unknown_campaign_is_named(store, tmp_path):
    with pytest.raises(LookupFailed, match="no campaign 'onne'"):
        run("export", "onne", "-o", tmp_path / "a.csv", "--store", store)


def test_a_file_that_exists_needs_force(store, tmp_path):
    run("export", "one", "-o", tmp_path / "a.csv", "--store", store)

    with pytest.raises(ExchangeError, match="overwrite it with --force"):
        run("export", "one", "-o", tmp_path / "a.csv", "--store", store)
    run("export", "one", "-o", tmp_path / "a.csv", "--store", store, "--force")
