"""A workload, and the simulators under their registered names."""

from __future__ import annotations

import pytest

import traces
from dse import registry
from traces.workload import Workload


@pytest.fixture(autouse=True)
def troubled_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.SIMULATORS, "troubled", "tests.dse.executors.troubled:TroubledSimulator")


@pytest.fixture
def workloads() -> list[Workload]:
    """Two of them, one with two traces."""
    stream = traces.load("synthetic:stream?n=500&seed=1")
    other = traces.load("synthetic:uniform_random?n=300&seed=2")
    return [Workload.of(stream), Workload((stream, other), arrival_scale=2.0, length=700, warmup=10)]
