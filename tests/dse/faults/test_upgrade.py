"""A package that is installed anew while a campaign runs: workers that start later are of another build."""

from __future__ import annotations

import os
import signal
from contextlib import closing

import numpy as np
import pytest

import traces
from dse import registry
from dse.errors import DseError
from dse.executors import make_executor
from tests.dse.executors.troubled import TroubledSimulator
from traces.workload import Workload


@pytest.fixture
def workloads():
    return [Workload.of(traces.load("synthetic:stream?n=500&seed=1"))]


def test_a_process_that_starts_after_an_upgrade_is_named_and_answers_nothing(workloads, monkeypatch):
    monkeypatch.setitem(registry.SIMULATORS, "troubled", "tests.dse.executors.troubled:TroubledSimulator")
    simulator = TroubledSimulator()
    rows = simulator.space.sample(20, np.random.default_rng(0), feasible=True)

    with closing(make_executor(simulator, workloads, executor="processes", workers=1)) as executor:
        before = executor.evaluate(rows)
        monkeypatch.setenv("TROUBLED_BUILD", "2")
        os.kill(executor._workers[0].process.pid, signal.SIGKILL)
        with pytest.raises(
            DseError, match=r"cannot build the simulator: .*simulator 'troubled-2' instead of 'troubled-1'"
        ):
            executor.evaluate(rows)

    assert len(before) == 20
