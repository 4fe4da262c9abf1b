"""The campaign that is killed, and the simulators it runs on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from dse import registry
from dse.metrics import MetricsBatch
from tests.dse.fake import FakeSimulator

NAME = "killed"
CAMPAIGN = f"""
name = "{NAME}"
seed = 7
[simulator]
name = "fake"
[[workloads]]
trace = "synthetic:stream?n=500&seed=1"
[[objectives]]
metric = "time_ns"
[[objectives]]
metric = "energy_pj"
[[objectives]]
metric = "served"
at_least = 0.8
[[agents]]
name = "random"
[[agents]]
name = "nsga2"
[[agents]]
name = "local"
[budget]
unique = 150
batch = 4
"""


class SleepySimulator(FakeSimulator):
    """The fake simulator, which takes some milliseconds a design: its workers are killed at work."""

    name = "sleepy"

    def __init__(self, *, seconds: float = 0.004) -> None:
        super().__init__()
        self._seconds = seconds

    def describe(self) -> dict[str, Any]:
        return {"seconds": self._seconds}

    def run_batch(self, points: Any, workloads: Any, threads: int = 1) -> MetricsBatch:
        time.sleep(self._seconds * len(points))
        return super().run_batch(points, workloads, threads)


SLEEPY_CAMPAIGN = CAMPAIGN.replace('name = "fake"', 'name = "sleepy"').replace("unique = 150", "unique = 120")
_SIMULATORS = {"fake": "tests.dse.fake:FakeSimulator", "sleepy": "tests.kills.campaign:SleepySimulator"}


@contextlib.contextmanager
def registered() -> Iterator[None]:
    """The simulators under their names."""
    before = dict(registry.SIMULATORS)
    registry.SIMULATORS.update(_SIMULATORS)
    try:
        yield
    finally:
        registry.SIMULATORS.clear()
        registry.SIMULATORS.update(before)
