"""Stores of both kinds, and `dse` as a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dse.fake import fake_environment
from tests.dse.postgres import PostgresServer
from tests.dse.store.conftest import _started, postgres, url

__all__ = ["_started", "postgres", "url"]

ROOT = Path(__file__).parents[3]


@pytest.fixture
def own_server(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A server that the test may stop."""
    server = PostgresServer("fsync=off")
    yield server
    server.stop()


@pytest.fixture
def readable_folder() -> Iterator[Path]:
    """A folder that processes of other users may read, as the server of these tests is."""
    folder = Path(tempfile.mkdtemp(prefix="dse-faults-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def start_dse(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `dse ARGS` with the fake simulator; none outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*args: object, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.dse.fake_command", *map(str, args)],
            cwd=tmp_path,
            env={**fake_environment(), "PYTHONPATH": str(ROOT), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
