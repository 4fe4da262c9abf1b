"""Every executor runs designs on the workloads that it is asked for, in the order they were named in."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from dse.executors import make_executor
from tests.dse.executors.test_leases import evaluate as evaluate_by_leases
from tests.dse.executors.test_leases import fake_simulator, place
from tests.dse.executors.troubled import TroubledSimulator
from tests.dse.fake import FakeSimulator

__all__ = ["fake_simulator", "place"]

SOME = [2, 0]


@pytest.fixture
def three(workloads):
    return [*workloads, workloads[0].cut(100, 200, 20)]


@pytest.fixture
def rows():
    return FakeSimulator().space.sample(40, np.random.default_rng(0), feasible=True)


@pytest.mark.parametrize(
    "how",
    [{"executor": "threads"}, {"executor": "inline"}, {"executor": "processes", "workers": 2}],
    ids=lambda how: how["executor"],
)
def test_an_executor_runs_on_the_workloads_asked_for(how, rows, three):
    simulator = FakeSimulator(poison=[2])
    expected = simulator.run_batch(rows, [three[2], three[0]])

    with closing(make_executor(simulator, three, **how)) as executor:
        found = executor.evaluate(rows, SOME)
        every = executor.evaluate(rows)

    np.testing.assert_array_equal(found.values, expected.values)
    assert every.values.shape[1] == 3


def test_workers_of_a_store_run_on_the_workloads_asked_for(place, rows, three):
    simulator = FakeSimulator()
    expected = simulator.run_batch(rows, [three[2], three[0]])

    found, _ = evaluate_by_leases(place, simulator, three, rows, works=SOME)

    np.testing.assert_array_equal(found.values, expected.values)


def test_a_cluster_runs_on_the_workloads_asked_for(rows, three):
    pytest.importorskip("distributed")
    simulator = FakeSimulator()
    expected = simulator.run_batch(rows, [three[2], three[0]])

    with closing(make_executor(simulator, three, executor="dask", workers=1)) as executor:
        found = executor.evaluate(rows, SOME)

    np.testing.assert_array_equal(found.values, expected.values)


def test_a_design_that_crashes_fails_on_the_workloads_asked_for(rows, three):
    with closing(
        make_executor(TroubledSimulator(crash=5), three, executor="processes", workers=2)
    ) as executor:
        found = executor.evaluate(rows, SOME)

    failed = np.isnan(found.values).all(axis=(1, 2))
    assert found.values.shape[1] == 2
    assert failed.tolist() == (rows[:, 3] + 1 == 5).tolist()
