from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from dse.errors import InputError
from dse.fault_points import FAULT_POINTS, VARIABLE, reach
from tests.dse.fake import fake_environment

THREE_TIMES = """
from dse.fault_points import reach
for i in range(3):
    print(i, flush=True)
    reach("ask")
    reach("commit")
"""


def _run(fault_point: str) -> subprocess.CompletedProcess[str]:
    environment = {**fake_environment(), VARIABLE: fault_point}
    command = [sys.executable, "-c", THREE_TIMES]
    return subprocess.run(command, check=False, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(("fault_point", "lived"), [("ask", ["0"]), ("commit:2", ["0", "1"])])
def test_a_process_dies_at_the_arrival_that_is_named(fault_point, lived):
    died = _run(fault_point)

    assert died.returncode == -signal.SIGKILL
    assert died.stdout.split() == lived


def test_a_process_that_never_arrives_lives_on():
    lived = _run("commit:4")

    assert lived.returncode == 0


@pytest.mark.parametrize("wrong", ["comit", "commit:0", "commit:soon", "commit:-1"])
def test_a_fault_point_that_does_not_exist_is_refused(monkeypatch, wrong):
    monkeypatch.setenv(VARIABLE, wrong)

    with pytest.raises(InputError, match=f"expected one of {', '.join(FAULT_POINTS)}"):
        reach("ask")


def test_without_the_variable_nothing_happens(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)

    for name in FAULT_POINTS:
        reach(name)
