"""The examples of the guide run, and its links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest
import typer.main

from dse.cli.main import app, load_command
from tests.docs.pages import FENCE, ROOT, blocks, is_slow, pages

RUNNERS = {"python": [sys.executable], "sh": ["sh", "-eu"]}


def _with_examples():
    for page in pages():
        if any(block.kind in RUNNERS for block in blocks(page)):
            yield pytest.param(page, id=str(page), marks=[pytest.mark.slow] if is_slow(page) else [])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to run in, with this checkout's `dse` first on the path."""
    programs = tmp_path / "bin"
    programs.mkdir()
    command = programs / "dse"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import dse.cli; dse.cli.main()" "$@"\n')
    command.chmod(0o755)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return here


@pytest.mark.parametrize("page", list(_with_examples()))
def test_the_examples_of_a_page_run(page, folder):
    for block in blocks(page):
        if block.kind not in RUNNERS:
            (folder / block.kind).write_text(block.body)
            continue

        ran = subprocess.run(
            RUNNERS[block.kind], input=block.body, cwd=folder, check=False, capture_output=True, text=True
        )

        assert ran.returncode == 0, f"{page}:{block.line} failed\n{ran.stdout}\n{ran.stderr}"


@pytest.mark.parametrize("page", pages(), ids=str)
def test_the_links_of_a_page_lead_somewhere(page):
    prose = FENCE.sub("", (ROOT / page).read_text())
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", prose)]

    local = [target for target in targets if target and "://" not in target]

    assert [target for target in local if not (ROOT / page).parent.joinpath(target).exists()] == []


def _commands():
    """Every command line of `dse` that a page shows."""
    for page in pages():
        for fence in FENCE.finditer((ROOT / page).read_text()):
            for line in fence["body"].splitlines():
                if fence["info"].split()[0] == "sh" and line.startswith("dse "):
                    yield pytest.param(line, id=f"{page}: {line}")


def _after_the_groups_options(words):
    """The words from the command on; what stands before it are options that `dse` itself has."""
    own = {name: option for option in typer.main.get_command(app).params for name in option.opts}
    while words and words[0].startswith("-"):
        option = own[words.pop(0)]
        if not (option.is_flag or option.count):
            words.pop(0)
    return words


@pytest.mark.parametrize("line", list(_commands()))
def test_a_command_of_the_guide_has_the_options_it_shows(line):
    words = _after_the_groups_options(shlex.split(line, comments=True)[1:])
    if not words:
        return
    command = load_command(words.pop(0))
    if hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}

    used = {word for word in words[: words.index("--") if "--" in words else None] if word.startswith("-")}

    assert used - known == set()
