"""What the tests of faults wait for and compare."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import fields
from typing import TypeVar

import numpy as np

from dse.errors import LookupFailed, StoreError
from dse.store import Trials, open_reader

T = TypeVar("T")
_SECONDS = 60.0
_MEASURED = ("seconds", "metric_names")  # times differ from run to run


def eventually(look: Callable[[], T | None]) -> T:
    """What `look` finds once it finds something; fails after a minute."""
    end = time.monotonic() + _SECONDS
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def trials_in(url: str, name: str = "small") -> int:
    """How many trials are committed; 0 while the campaign is not there."""
    try:
        with open_reader(url) as reader:
            return reader.n_trials(reader.campaign(name).id)
    except (LookupFailed, StoreError):
        return 0


def state_of(url: str, name: str = "small") -> str:
    """The campaign's state; empty while it is not there."""
    try:
        with open_reader(url) as reader:
            return reader.campaign(name).state
    except (LookupFailed, StoreError):
        return ""


def log_of(url: str, name: str = "small") -> Trials:
    """All trials of the campaign."""
    with open_reader(url) as reader:
        return reader.trials(reader.campaign(name).id)


def assert_same_trials(found: Trials, expected: Trials) -> None:
    """Bit for bit, but for the times measured."""
    assert len(found) == len(expected)
    for column in fields(Trials):
        if column.name not in _MEASURED:
            one, other = getattr(found, column.name), getattr(expected, column.name)
            np.testing.assert_array_equal(one, other, err_msg=column.name)


def ended(process: subprocess.Popen[str], code: int) -> str:
    """Wait for the process, which is to end with that code, and return what it said on stderr."""
    _, said = process.communicate(timeout=_SECONDS)
    assert process.returncode == code, said
    assert "Traceback" not in said, said
    return said
