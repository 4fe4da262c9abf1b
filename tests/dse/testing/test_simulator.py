from __future__ import annotations

import numpy as np
import pytest

import dse
import traces
from dse.testing.simulator import check_simulator
from tests.dse.fake import FakeSimulator
from traces.workload import Workload


def workloads() -> list[Workload]:
    specs = ("synthetic:stream?n=2000&seed=1", "synthetic:bursty?n=1500&seed=2")
    return [Workload.of(traces.load(spec)) for spec in specs]


def test_the_fake_simulator_holds_to_the_contract():
    check_simulator(FakeSimulator(), workloads())


@pytest.mark.parametrize("space", ["dram", "dramgym"])
def test_the_dram_simulator_holds_to_the_contract(space):
    check_simulator(dse.make_simulator("dram", space=space), workloads())


class Threaded(FakeSimulator):
    """Depends on the number of threads."""

    def run_batch(self, points, workloads, threads=1):
        batch = super().run_batch(points, workloads, threads)
        batch.values[:, :, 0] += threads
        return batch


class Forgetful(FakeSimulator):
    """Describes itself with an option missing."""

    def describe(self):
        return {}


class Noisy(FakeSimulator):
    """Never measures the same twice."""

    def run_batch(self, points, workloads, threads=1):
        batch = super().run_batch(points, workloads, threads)
        batch.values[:, :, 1] += np.random.default_rng().random()
        return batch


@pytest.mark.parametrize(
    ("simulator", "message"),
    [
        (Threaded(), "number of threads"),
        (Forgetful(width=2), "space is lost"),
        (Noisy(), "threads"),
    ],
)
def test_a_simulator_that_breaks_the_contract_is_told_so(simulator, message):
    with pytest.raises(AssertionError, match=message):
        check_simulator(simulator, workloads())
