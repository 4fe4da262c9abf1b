"""The exit status of every command, and the page that documents it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dse.cli.main import COMMANDS
from dse.errors import EXIT_CODES
from tests.dse.cli.conftest import ROOT
from tests.dse.cli.test_json_everywhere import ALL

PAGE = (ROOT / "docs" / "exit-codes.md").read_text()

NO_INPUT = {"agents", "simulators", "campaign schema"}
"""Commands that take nothing which could be wrong."""

# Arguments with something that does not exist, for every command that can be given such.
MISSING: dict[str, list[str]] = {
    "run": ["none.toml"],
    "campaign check": ["none.toml"],
    "resume": ["none"],
    "worker": ["none"],
    "front": ["none"],
    "ls": ["--store", "none.sqlite"],
    "tail": ["none"],
    "stop": ["none"],
    "rm": ["none", "--yes"],
    "enumerate": ["none.toml"],
    "compare": ["none.toml"],
    "store export": ["none", "--out", "none.json"],
    "store import": ["none.json"],
    "store merge": ["none.sqlite"],
    "store check": ["--store", "none.sqlite"],
    "store vacuum": ["--store", "none.sqlite"],
    "store migrate": ["--store", "none.sqlite"],
    "store files": ["none"],
    "importance": ["none"],
    "surrogate": ["none"],
    "dashboard": ["--host", "0.0.0.0", "--port", "0"],
    "replay": ["--trace", "none.npz"],
    "export": ["small", "1", "--to", "dramsyss"],
    "trace info": ["none.npz"],
    "trace convert": ["none.npz", "out.npz"],
    "trace generate": ["strem", "out.npz"],
    "trace record": ["--cache", "large", "--", "true"],
    "trace intervals": ["none.npz"],
    "systolic": ["none"],
    "space": ["none.toml"],
}

# Arguments that read a store.
OF_A_STORE: dict[str, list[str]] = {
    "run": ["campaign.toml"],
    "resume": ["small"],
    "worker": ["small"],
    "front": ["small"],
    "ls": [],
    "tail": ["small"],
    "stop": ["small"],
    "rm": ["small", "--yes"],
    "enumerate": ["small"],
    "store export": ["small", "--out", "none.json"],
    "store merge": ["A STORE"],
    "store check": [],
    "store vacuum": [],
    "store migrate": [],
    "store files": ["small"],
    "importance": ["small"],
    "surrogate": ["small"],
    "replay": ["small", "1"],
    "export": ["small", "1", "--to", "dramsys"],
}


@pytest.mark.parametrize("command", list(ALL))
def test_help_is_exit_code_0(run, command):
    status, out, err = run(*command.split(), "--help")

    assert (status, err) == (0, "")
    assert "Usage" in out


@pytest.mark.parametrize("command", list(ALL))
def test_an_unknown_option_is_exit_code_2(run, command):
    wrong = "--cache" if command == "trace record" else "--no-such-option"  # it hands others to its program

    status, out, _ = run(*command.split(), wrong)

    assert (status, out) == (2, "")


@pytest.mark.parametrize("command", [name for name in ALL if name not in NO_INPUT])
def test_what_does_not_exist_is_exit_code_3_and_one_message(run, command):
    status, out, err = run(*command.split(), *MISSING[command])

    assert (status, out) == (3, "")
    assert err.startswith("dse: error: ")
    assert "Traceback" not in err


@pytest.mark.parametrize("command", list(OF_A_STORE))
def test_a_file_that_is_no_store_is_exit_code_5_and_left_alone(
    run, command, campaign_file, small_store, tmp_path
):
    campaign_file()
    args = [str(small_store) if arg == "A STORE" else arg for arg in OF_A_STORE[command]]
    novel = tmp_path / "novel.txt"
    text = "It was a dark and stormy night. " * 100
    novel.write_text(text)

    status, _, err = run(*command.split(), *args, "--store", str(novel))

    assert status == 5
    assert "not a store of marl-dse" in err
    assert novel.read_text() == text


def test_a_space_without_feasible_design_is_exit_code_4(run, campaign_file, tmp_path):
    path = str(campaign_file(("[budget]", '[space]\nmode = "unsafe"\n[budget]')))

    assert run("enumerate", path, "--store", str(tmp_path / "new.sqlite"))[0] == 4


def test_an_interrupt_is_exit_code_130(run, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dse.cli.ls.open_reader", interrupted)

    assert run("ls")[0] == 130


def test_a_fault_of_the_tool_is_exit_code_1_and_says_so(run, monkeypatch):
    def faulty(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("dse.cli.ls.open_reader", faulty)

    status, _, err = run("ls")

    assert status == 1
    assert "This is a fault of dse" in err


def test_the_page_has_every_exit_code_with_its_meaning():
    rows = re.findall(r"^\| (\d+) \| (.+?) \|$", PAGE, re.MULTILINE)

    assert {int(code): meaning for code, meaning in rows} == EXIT_CODES


@pytest.mark.parametrize("command", list(COMMANDS))
def test_the_pages_name_every_command(command):
    assert f"`{command}`" in PAGE
    assert re.search(rf"dse {command}\b", Path(ROOT / "docs" / "command-line.md").read_text())
