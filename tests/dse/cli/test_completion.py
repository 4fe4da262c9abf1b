"""Completion, through the functions that the shells themselves call."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from dse.campaign import Campaign
from dse.cli.completion import FIRST_ARGUMENT, VARIABLE, prepare_completion, quick_offer
from tests.dse.cli.conftest import ROOT, SMALL_CAMPAIGN
from tests.dse.cli.test_json_everywhere import ALL

PICK_SHELL = "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"  # else the shell is that of the parent process


@pytest.fixture(scope="module")
def stored(small_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small store with another campaign, whose name has a blank."""
    path = tmp_path_factory.mktemp("stored") / "campaigns.sqlite"
    for name in ("small", "smart idea", "other"):
        Campaign({**SMALL_CAMPAIGN, "name": name}).run(store=path, threads=1)
    return path


@pytest.fixture
def shell(stored: Path, tmp_path: Path) -> Callable[..., str]:
    """Runs a bash script in which `dse` is the command; gives its stdout."""
    command = tmp_path / "bin" / "dse"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import dse.cli; dse.cli.main()" "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}:{os.environ['PATH']}"
    environment = {
        **os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "DSE_STORE": str(stored)
    }  # fmt: skip

    def run(script: str, **more: str) -> str:
        done = subprocess.run(
            ["bash", "--norc", "-c", script], env={**environment, **more}, cwd=tmp_path, text=True,
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.stderr == ""
        return done.stdout

    return run


@pytest.fixture
def complete(shell: Callable[..., str]) -> Callable[..., list[str]]:
    """What bash offers for the last of these words (as bash splits a line)."""

    def run(*words: str, **more: str) -> list[str]:
        quoted = " ".join(f"'{word}'" for word in words)
        return shell(
            'source <(dse --show-completion bash)\n'
            f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}\n"
            '_dse_completion dse; printf "%s\\n" "${COMPREPLY[@]}"',
            **{PICK_SHELL: "1", **more},
        ).splitlines()  # fmt: skip

    return run


def test_bash_completes_commands_in_a_group_that_loads_them_late(complete):
    assert complete("dse", "re") == ["resume", "replay"]


def test_bash_completes_the_options_of_a_command_that_is_loaded_for_it(complete):
    assert complete("dse", "front", "--js") == ["--json"]


@pytest.mark.parametrize("words", [("front",), ("rm", "--yes")])
def test_bash_completes_the_campaigns_of_the_store(complete, words):
    assert complete("dse", *words, "sm") == ["'smart idea'", "small"]


def test_bash_gets_names_without_quotes_after_an_opening_quote(complete):
    assert complete("dse", "front", '"sm') == ["smart idea", "small"]


@pytest.mark.parametrize(
    ("word", "offered"), [("'o", "o'clock\"".replace("'", "'\\''")), ('"o', "o'clock\\\"")]
)
def test_quotes_within_a_name_are_written_as_bash_does(monkeypatch, tmp_path, word, offered):
    Campaign({**SMALL_CAMPAIGN, "name": "o'clock\""}).run(store=tmp_path / "odd.sqlite", threads=1)
    monkeypatch.setenv("DSE_STORE", str(tmp_path / "odd.sqlite"))
    monkeypatch.setenv("_DSE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"dse\nfront\n{word}")
    monkeypatch.setenv("COMP_CWORD", "2")

    assert quick_offer(["front"], "o") == [offered]


@pytest.mark.parametrize(("command", "kind"), list(FIRST_ARGUMENT.items()))
def test_the_quick_answer_is_that_of_the_loaded_command(monkeypatch, stored, command, kind):
    monkeypatch.setenv("DSE_STORE", str(stored))
    first = next(parameter for parameter in ALL[command].params if parameter.param_type_name == "argument")

    loaded = [item.value for item in first.shell_complete(SimpleNamespace(params={}), "s")]

    assert first.metavar.split()[0] == kind
    assert loaded == quick_offer(command.split(), "s")
    assert len(loaded) > 1


def test_every_command_whose_first_argument_can_be_completed_is_answered_quickly():
    first = {
        name: next((p.metavar or "" for p in command.params if p.param_type_name == "argument"), "")
        for name, command in ALL.items()
    }

    found = {name for name, called in first.items() if called.startswith(("CAMPAIGN", "TRACE"))}
    assert found == set(FIRST_ARGUMENT)


@pytest.mark.parametrize("args", [["front", "small"], ["trace"], ["rm", "--yes"], []])
def test_what_is_no_first_argument_is_left_to_the_command(args):
    assert quick_offer(args, "s") is None


def test_an_option_is_left_to_the_command():
    assert quick_offer(["front"], "--js") is None


def test_the_store_that_was_named_is_the_one_asked(complete, small_store):
    assert complete("dse", "front", "--store", str(small_store), "sm") == ["small"]


def test_bash_completes_samples_and_keeps_what_is_before_the_colon(complete):
    assert complete("dse", "trace", "info", "sample", ":", "st") == ["stencil"]


def test_bash_completes_the_targets_of_an_export(complete):
    assert complete("dse", "export", "--to", "dram") == ["dramsys", "dramsim3"]


@pytest.mark.parametrize("store", ["none.sqlite", "novel.txt"])
def test_a_store_that_is_missing_or_not_ours_offers_nothing(tmp_path, store):
    (tmp_path / "novel.txt").write_text("It was a dark and stormy night. " * 100)

    assert quick_offer(["front", "--store", str(tmp_path / store)], "") == []


@pytest.mark.parametrize(
    ("instruction", "more", "offered"),
    [
        ("complete_zsh", {"_TYPER_COMPLETE_ARGS": "dse front sma"}, '"smart idea"\n"small"'),
        (
            "complete_fish",
            {"_TYPER_COMPLETE_ARGS": "dse front sma", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
            "smart idea\nsmall",
        ),
    ],
)
def test_zsh_and_fish_are_answered_in_their_own_way(shell, instruction, more, offered):
    assert offered in shell("dse", **{VARIABLE: instruction}, **more)


@pytest.mark.parametrize(
    ("name", "marker"), [("bash", "complete -o default"), ("zsh", "compdef"), ("fish", "complete")]
)
def test_each_shell_has_its_script(shell, name, marker):
    assert marker in shell(f"dse --show-completion {name}", **{PICK_SHELL: "1"})


def test_installing_for_bash_writes_the_function_and_sources_it(shell, tmp_path):
    shell("dse --install-completion bash", **{PICK_SHELL: "1"})

    installed = tmp_path / ".bash_completions" / "dse.sh"
    assert "_dse_completion()" in installed.read_text()
    assert str(installed) in (tmp_path / ".bashrc").read_text()


def test_other_shells_keep_their_words():
    environment = {VARIABLE: "complete_zsh", "COMP_WORDS": "dse\na\n:\nb", "COMP_CWORD": "3"}

    prepare_completion(environment)

    assert environment["COMP_WORDS"] == "dse\na\n:\nb"
