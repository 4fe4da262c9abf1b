"""Completion, through the functions that the shells themselves call."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dse.campaign import Campaign
from dse.cli.completion import VARIABLE, join_at_colons
from tests.dse.cli.conftest import ROOT, SMALL_CAMPAIGN

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


@pytest.mark.parametrize(
    "command", ["front", "resume", "tail", "stop", "rm", "export", "replay", "enumerate"]
)
def test_bash_completes_the_campaigns_of_the_store(complete, command):
    assert complete("dse", command, "sm") == ["'smart idea'", "small"]


def test_the_store_that_was_named_is_the_one_asked(complete, small_store):
    assert complete("dse", "front", "--store", str(small_store), "sm") == ["small"]


def test_bash_completes_samples_and_keeps_what_is_before_the_colon(complete):
    assert complete("dse", "trace", "info", "sam")[0] == "sample:sort"
    assert complete("dse", "trace", "info", "sample", ":", "st") == ["stencil"]
    assert "sort" in complete("dse", "trace", "info", "sample", ":", "")


def test_bash_completes_the_targets_of_an_export(complete):
    assert complete("dse", "export", "--to", "dram") == ["dramsys", "dramsim3"]


def test_a_store_that_is_missing_or_not_ours_offers_nothing_and_says_nothing(complete, tmp_path):
    novel = tmp_path / "novel.txt"
    novel.write_text("It was a dark and stormy night. " * 100)

    for store in (tmp_path / "none.sqlite", novel):
        assert complete("dse", "front", "sm", DSE_STORE=str(store)) in ([], [""])


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

    join_at_colons(environment)

    assert environment["COMP_WORDS"] == "dse\na\n:\nb"
