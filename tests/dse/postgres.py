"""A private PostgreSQL server for tests: a Unix socket in a temporary folder, no network, no password."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.conftest import find_program

_USER = "nobody"  # PostgreSQL refuses to run as root
_SECONDS_TO_START = 30


def _program(name: str) -> str:
    found = find_program(name)
    if found is None:
        raise FileNotFoundError(f"{name} is missing")
    return found


class PostgresServer:
    """Started when made; `stop` removes everything.

    settings: of the server, as in "fsync=off", which is for tests that kill it and not the machine.
    """

    def __init__(self, *settings: str) -> None:
        self._settings = [word for setting in settings for word in ("-c", setting)]
        self.folder = Path(tempfile.mkdtemp(prefix="dse-pg-", dir="/tmp"))
        self._as: dict[str, Any] = {"user": _USER} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(self.folder, _USER)
        self._schemas = itertools.count(1)
        self._run(
            _program("initdb"),
            "-D",
            self._data,
            "-A",
            "trust",
            "-U",
            "dse",
            "--no-sync",
            "--locale=C",
            "-E",
            "UTF8",
        )
        self.start()

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def url(self, schema: str | None = None) -> str:
        """Address of the database; with a schema of its own that starts empty."""
        base = f"postgresql://dse@/postgres?host={quote(str(self.folder), safe='')}"
        return f"{base}&options=-csearch_path%3D{schema}" if schema else base

    def fresh_url(self) -> str:
        """Address of an empty store."""
        import psycopg

        schema = f"s{next(self._schemas)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}".encode())
        return self.url(schema)

    def start(self) -> None:
        """Start and wait until it answers; again if a session of a server that was killed is still ending."""
        deadline = time.monotonic() + _SECONDS_TO_START
        self._launch()
        while not self._answers():
            if time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)
            if self.process.poll() is not None:
                self._launch()

    def kill(self) -> None:
        """kill -9 of the server and all its sessions at the same moment."""
        pid = self.process.pid
        sessions = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, sessions)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        """Stop at once, without asking the sessions, and start again."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.start()

    def stop(self) -> None:
        """End the server and remove its folder."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
        shutil.rmtree(self.folder)

    def _launch(self) -> None:
        options = ["-D", self._data, "-k", str(self.folder), "-c", "listen_addresses=", *self._settings]
        self.process = subprocess.Popen(
            [_program("postgres"), *options],
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "log").open("ab"),
            cwd="/",
            start_new_session=True,
            **self._as,
        )

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self._as)
