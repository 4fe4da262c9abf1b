"""Stores of both kinds for the tests that hold for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dse.postgres import PostgresServer


@pytest.fixture(scope="session")
def _started() -> Iterator[list[PostgresServer]]:
    """The server of this session, once a test has asked for it."""
    servers: list[PostgresServer] = []
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def postgres(_started: list[PostgresServer], program_path: Callable[[str], str]) -> PostgresServer:
    """A running server; skips when PostgreSQL or psycopg is missing."""
    program_path("postgres")
    program_path("initdb")
    pytest.importorskip("psycopg")
    if not _started:
        _started.append(PostgresServer())
    return _started[0]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store may be made."""
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.fresh_url()
