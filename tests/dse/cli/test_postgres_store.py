"""The commands on a store in PostgreSQL; its password is in the address and must never be seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboards.source import CampaignSource
from dse.campaign import Campaign
from dse.campaign.result import CampaignResult
from dse.cli.completion import quick_offer
from dse.cli.main import run_command_line
from tests.dse.cli.test_interruptions import SLOW
from tests.dse.postgres import PostgresServer

SECRET = "hunter2"
ENDLESS = ("unique = 60", "unique = 200"), ("batch = 16", "batch = 1")


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("psycopg")
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture
def url(program_path, request) -> str:
    """An empty store, with a password in its address (which this server does not ask for)."""
    program_path("postgres")
    program_path("initdb")
    found: str = request.getfixturevalue("server").fresh_url()
    return found.replace("dse@", f"dse:{SECRET}@")


@pytest.fixture
def do(url, monkeypatch, capsys):
    """Runs `dse ...` on that store; gives the status and stdout, after a look for the password."""
    monkeypatch.setenv("DSE_STORE", url)

    def run(*args: object) -> tuple[int, str]:
        status = run_command_line([str(arg) for arg in args])
        out, err = capsys.readouterr()
        assert SECRET not in out + err
        return status, out

    return run


def test_a_campaign_is_run_listed_followed_and_removed(do, campaign_file, url):
    assert do("-vv", "run", campaign_file())[0] == 0

    assert "Campaigns in postgresql://" in do("ls")[1]
    assert json.loads(do("ls", "--json")[1])[0]["budget_done"] == 180
    assert json.loads(do("tail", "small", "--json")[1])["state"] == "finished"
    assert "is not running" in do("stop", "small")[1]
    assert (
        json.loads(do("enumerate", "small", "--set", "depth", "--json")[1])["campaign"] == "small-enumerated"
    )
    assert quick_offer(["front", "--store", url], "small-") == ["small-enumerated"]
    assert do("rm", "small", "--yes")[0] == 0
    assert [row["name"] for row in json.loads(do("ls", "--json")[1])] == ["small-enumerated"]


def test_the_dashboard_shows_a_store_on_a_server_and_not_its_password(do, campaign_file, url):
    do("run", campaign_file(), "--quiet")

    source = CampaignSource(Path(url))

    (line,) = source.summaries()
    assert (line.name, line.spent, line.budget) == ("small", 180.0, 180)
    assert len(source.frame("1").front) == line.front_size > 3
    assert source.name.startswith("postgresql://dse@/")
    assert SECRET not in source.name


def test_a_result_gives_the_metrics_of_each_workload_from_a_server(campaign_file, url):
    kept = Campaign.from_file(campaign_file()).run(store=url, threads=1)

    frame = CampaignResult.load(url, "small").per_workload_frame("time_ns")

    assert frame.equals(kept.per_workload_frame("time_ns"))
    assert frame["time_ns"].tolist() == kept.to_frame()["time_ns"].dropna().tolist()


@pytest.mark.parametrize("command", [("front", "none"), ("ls",), ("tail", "none"), ("rm", "none", "--yes")])
def test_what_is_not_there_is_exit_code_3(do, command):
    assert do(*command)[0] == 3


def test_a_server_that_does_not_answer_is_exit_code_5(do, monkeypatch):
    monkeypatch.setenv("DSE_STORE", f"postgresql://ana:{SECRET}@127.0.0.1:1/dse?connect_timeout=1")
    monkeypatch.setenv("DSE_STORE_WAIT_S", "0.1")

    assert do("ls")[0] == 5


@pytest.mark.slow
def test_a_running_campaign_is_stopped_from_another_process(do, start_dse, campaign_file, url):
    process = start_dse("run", campaign_file(SLOW, *ENDLESS), "--store", url, "--quiet")
    while not (listed := do("ls", "--json"))[1].strip("[]\n ") or json.loads(listed[1])[0]["trials"] < 80:
        assert process.poll() is None

    status, out = do("stop", "small", "--wait")
    _, err = process.communicate(timeout=60)

    assert status == 0
    assert "has ended (interrupted)" in out
    assert process.returncode == 130
    assert SECRET not in err
