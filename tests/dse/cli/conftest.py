"""Running `dse` as its own process, with the fake simulator."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dse.fake import fake_environment

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "tests.dse.fake_command"]


@pytest.fixture
def campaign_file(campaign_file: Callable[..., Path]) -> Callable[..., Path]:
    """The small campaign without NSGA-II, whose library takes a second to load in every process."""
    return lambda *replacements: campaign_file(('"nsga2"', '"local"'), *replacements)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**fake_environment(), "PYTHONPATH": str(ROOT), "DSE_STORE": str(tmp_path / "store.sqlite")}


@pytest.fixture
def dse(tmp_path: Path, environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `dse ARGS` in an empty folder and return what it did."""

    def run(*args: object, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *map(str, args)],
            cwd=tmp_path,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def start_dse(tmp_path: Path, environment: dict[str, str]) -> Callable[..., subprocess.Popen[str]]:
    """Start `dse ARGS` and return the process."""

    def start(*args: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *map(str, args)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
