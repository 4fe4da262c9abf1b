"""`dse ls`, `dse rm`, `dse tail` and `dse stop` on campaigns that run, have ended, or were killed."""

from __future__ import annotations

import io
import json
import signal
import threading
from pathlib import Path

import pytest

from dse.campaign import Campaign
from dse.campaign.result import CampaignResult
from dse.cli.main import run_command_line
from dse.store import Store, open_reader
from tests.dse.cli.test_interruptions import SLOW, wait_for_trials

ENDLESS = ("unique = 60", "unique = 200"), ("batch = 16", "batch = 1")


@pytest.fixture
def finished(campaign_file, tmp_path, monkeypatch) -> Path:
    """A store with the small campaign, run to its end; the default one."""
    store = tmp_path / "store.sqlite"
    monkeypatch.setenv("DSE_STORE", str(store))
    Campaign.from_file(campaign_file()).run(store=store, threads=1)
    return store


@pytest.fixture
def do(capsys):
    """Runs `dse ...` in this process; gives status, stdout, stderr."""

    def run(*args: object) -> tuple[int, str, str]:
        status = run_command_line([str(arg) for arg in args])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def running(start_dse, campaign_file, tmp_path, monkeypatch):
    """A process that runs the small campaign slowly, after its first eighty trials."""
    store = tmp_path / "store.sqlite"
    monkeypatch.setenv("DSE_STORE", str(store))
    process = start_dse("run", campaign_file(SLOW, *ENDLESS), "--quiet")
    wait_for_trials(store, "small", 80, process)
    yield process
    process.kill()
    process.communicate()


# ls


def test_ls_shows_budget_front_and_hypervolume_of_each_campaign(finished, do):
    status, out, _ = do("ls", "--json")

    (row,) = json.loads(out)
    result = CampaignResult.load(finished, "small")
    assert status == 0
    assert (row["name"], row["state"], row["rate"]) == ("small", "finished", None)
    assert row["trials"] == len(result.trials)
    assert (row["budget_done"], row["budget"]) == (180, 180)
    assert row["front"] == len(result.front)
    assert row["best"]["time_ns"] == pytest.approx(result.best["time_ns"].metrics["time_ns"])
    box = (result.record.reference - result.record.ideal).prod()
    assert row["relative_hypervolume"] == pytest.approx(result.front.hypervolume / box)


def test_the_former_name_of_ls_still_works(finished, do):
    assert do("list")[1] == do("ls")[1]


def test_ls_of_an_empty_store_is_an_empty_table(tmp_path, do):
    Store(tmp_path / "empty.sqlite").close()

    status, out, _ = do("ls", "--store", tmp_path / "empty.sqlite", "--json")

    assert (status, json.loads(out)) == (0, [])


@pytest.mark.slow
def test_ls_measures_the_rate_of_a_running_campaign(running, do):
    (row,) = json.loads(do("ls", "--json")[1])

    assert row["state"] == "running"
    assert row["rate"] > 0
    assert 0 < row["budget_done"] < row["budget"]


# rm


def test_rm_removes_the_campaign_and_leaves_the_others(finished, campaign_file, do):
    Campaign.from_file(campaign_file()).run(store=finished, threads=1, name="second")

    status, out, _ = do("rm", "small", "--yes")

    assert status == 0
    assert "Removed small" in out
    with open_reader(finished) as reader:
        assert reader.names() == ["second"]
    assert len(CampaignResult.load(finished, "second").front) > 3


def test_rm_says_what_it_removed_as_json(finished, do):
    trials = len(CampaignResult.load(finished, "small").trials)

    done = json.loads(do("rm", "1", "--yes", "--json")[1])

    assert done == {"campaign": "small", "removed": True, "trials": trials}


def test_rm_without_a_terminal_and_without_yes_removes_nothing(finished, do):
    status, _, err = do("rm", "small")

    assert status == 3
    assert "--yes" in err
    with open_reader(finished) as reader:
        assert reader.names() == ["small"]


@pytest.mark.parametrize(("answer", "status", "left"), [("n", 1, ["small"]), ("y", 0, [])])
def test_rm_asks_on_a_terminal(finished, do, monkeypatch, answer, status, left):
    terminal = io.StringIO(f"{answer}\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)

    assert do("rm", "small")[0] == status

    with open_reader(finished) as reader:
        assert reader.names() == left


@pytest.mark.slow
def test_rm_refuses_a_running_campaign(running, do):
    status, _, err = do("rm", "small", "--yes")

    assert status == 5
    assert "dse stop 'small' --wait" in err


# tail


def test_tail_of_a_finished_campaign_ends_at_once_and_says_so(finished, do):
    status, out, err = do("tail", "small")

    assert (status, err) == (0, "")
    assert out.splitlines()[0].startswith("small: 180/180 designs")
    assert out.splitlines()[-1].startswith("small finished after")


def test_tail_rewrites_one_line_on_a_terminal_and_keeps_within_its_width(finished, do, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")

    _, out, _ = do("tail", "small")

    progress, end, _ = out.split("\n")
    assert progress.startswith("\r\x1b[2Ksmall: 180/180 designs")
    assert len(progress) == len("\r\x1b[2K") + 39
    assert end.startswith("small finished")


def test_tail_from_the_start_gives_every_batch_once_and_adds_up(finished, do):
    lines = [json.loads(line) for line in do("tail", "small", "--json", "--from-start")[1].splitlines()]

    *batches, end = lines
    result = CampaignResult.load(finished, "small")
    assert [b["first_trial"] for b in batches[1:]] == [b["last_trial"] + 1 for b in batches[:-1]]
    assert batches[-1]["status"]["trials"] == len(result.trials) == end["trials"]
    assert batches[-1]["status"]["front"] == len(result.front)
    assert batches[-1]["status"]["budget_done"] == 180
    assert end["state"] == "finished"
    assert {b["agent"] for b in batches} == {"reference", "random", "local"}


def test_tail_from_now_on_gives_no_batch_of_the_past(finished, do):
    (end,) = do("tail", "small", "--json")[1].splitlines()

    assert json.loads(end)["event"] == "end"


def test_tail_of_a_killed_campaign_says_so_and_ends_with_1(finished, do):
    with Store(finished) as store:
        store.set_state(1, "running")

    status, out, err = do("tail", "small", "--json")

    assert status == 1
    assert json.loads(out)["state"] == "killed"
    assert "dse resume 'small'" in err


def test_tail_of_a_failed_campaign_ends_with_1(finished, do):
    with Store(finished) as store:
        store.set_state(1, "failed")

    assert do("tail", "small")[0] == 1


@pytest.mark.slow
def test_tail_survives_the_death_of_the_writer(running, start_dse):
    following = start_dse("tail", "small", "--json")
    first = json.loads(following.stdout.readline())

    running.kill()
    running.wait()
    rest, err = following.communicate(timeout=60)

    assert first["event"] == "batch"
    assert json.loads(rest.splitlines()[-1])["state"] == "killed"
    assert following.returncode == 1
    assert "is gone" in err


@pytest.mark.slow
def test_an_interrupt_ends_only_the_following(running, start_dse):
    following = start_dse("tail", "small", "--json")
    following.stdout.readline()

    following.send_signal(signal.SIGINT)
    _, err = following.communicate(timeout=60)

    assert following.returncode == 130
    assert "Traceback" not in err
    assert running.poll() is None


# stop


def test_stop_of_a_campaign_that_is_not_running_says_so_and_changes_nothing(finished, do):
    status, out, _ = do("stop", "small", "--wait")

    assert status == 0
    assert "is not running: it is finished" in out
    with open_reader(finished) as reader:
        assert not reader.stop_requested(1)


def test_stop_as_json(finished, do):
    data = json.loads(do("stop", "small", "--json")[1])

    assert (data["requested"], data["state"]) == (False, "finished")


@pytest.mark.slow
def test_stop_ends_a_running_campaign_at_its_batch_boundary(running, dse_process, do):
    status, out, _ = do("stop", "small", "--wait")
    _, err = running.communicate(timeout=60)

    assert status == 0
    assert "has ended (interrupted)" in out
    assert running.returncode == 130
    assert "dse resume 'small'" in err
    resumed = dse_process("resume", "small", "--json")
    assert json.loads(resumed.stdout)["state"] == "finished"


def test_waiting_for_a_campaign_that_does_not_stop_ends_with_1(finished, do):
    with Store(finished) as store:
        store.own(1)
        store.set_state(1, "running")
        store.flush()

        status, _, err = do("stop", "small", "--wait", "--timeout", "0.2")

    assert status == 1
    assert "--timeout" in err


def test_a_process_that_is_killed_instead_of_stopping_is_told(finished, do):
    with Store(finished) as store:
        store.own(1)
        store.set_state(1, "running")
        store.flush()
        threading.Timer(0.3, store.close).start()

        status, out, err = do("stop", "small", "--wait", "--json")

    assert status == 1
    assert json.loads(out)["state"] == "killed"
    assert "was killed before" in err
