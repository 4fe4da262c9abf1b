"""Run a program under valgrind's lackey, which prints every instruction, load and store that it executes.

Source: valgrind manual, chapter Lackey, option --trace-mem.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from traces.errors import TraceError

_BLOCK_BYTES = 1 << 20
_SHOWN_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class Lackey:
    """A program that runs. process_id: valgrind's, whose memory is also the program's."""

    process_id: int
    _process: subprocess.Popen[bytes]
    _command: Sequence[str]
    _output: IO[bytes]
    _messages: IO[bytes]

    def __iter__(self) -> Iterator[bytes]:
        """Blocks of lackey's memory trace. Raises TraceError when the program then fails."""
        while block := self._output.read(_BLOCK_BYTES):
            yield block
        _check_exit(self._process.wait(), self._command, self._messages)


@contextmanager
def lackey(valgrind: str, command: Sequence[str]) -> Iterator[Lackey]:
    """Start `command`, which reads no input and whose output is dropped; leaving stops it."""
    receiver, sender = os.pipe()
    options = ["--tool=lackey", "--trace-mem=yes", f"--log-fd={sender}", "--child-silent-after-fork=yes"]
    with tempfile.TemporaryFile() as messages, os.fdopen(receiver, "rb", buffering=0) as output:
        try:
            process = subprocess.Popen(
                [valgrind, *options, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=messages,
                pass_fds=[sender],
            )
        finally:
            os.close(sender)
        try:
            yield Lackey(process.pid, process, command, output, messages)
        finally:
            process.kill()
            process.wait()


def find_valgrind() -> str:
    """Path of valgrind. Raises TraceError when it is missing."""
    path = shutil.which("valgrind")
    if path is None:
        raise TraceError(
            "valgrind is missing, and recording needs it: install it, for example apt-get install valgrind"
        )
    return path


def valgrind_version(valgrind: str) -> str:
    """For a trace's provenance."""
    shown = subprocess.run([valgrind, "--version"], capture_output=True, text=True, check=False)
    return f"{shown.stdout.strip() or 'valgrind'} lackey"


def checked_command(command: Sequence[str]) -> list[str]:
    """The command as a list. Raises TraceError when there is no such program."""
    if not command:
        raise TraceError("no program to record was given: expected dse trace record -- PROGRAM ARGS")
    if shutil.which(command[0]) is None:
        raise TraceError(
            f"there is no program {command[0]!r}: expected the path of one, or a name found in PATH"
        )
    return list(command)


def _check_exit(code: int, command: Sequence[str], messages: IO[bytes]) -> None:
    if code == 0:
        return
    messages.seek(0)
    said = messages.read().decode(errors="replace").strip()[-_SHOWN_CHARACTERS:]
    how = f"ended with exit code {code}" if code > 0 else f"was stopped by signal {-code}"
    raise TraceError(f"the program {command[0]!r} {how} under valgrind: {said or 'it said nothing'}")
