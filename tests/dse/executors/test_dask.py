"""Dask: the answers of threads, whatever dies on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing

import numpy as np
import pytest

from dse.errors import ConfigError, DseError, InputError
from dse.executors import make_executor
from tests.dse.executors.troubled import TroubledSimulator
from tests.dse.fake import FakeSimulator, fake_environment

distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")

DEPTH = 3


@pytest.fixture
def rows():
    return FakeSimulator().space.sample(40, np.random.default_rng(0), feasible=True)


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=50,
    ) as cluster:
        yield cluster


def on(cluster, simulator, workloads, **options):
    return closing(
        make_executor(simulator, workloads, executor="dask", scheduler=cluster.scheduler_address, **options)
    )


def test_a_cluster_answers_as_threads_do(cluster, rows, workloads):
    simulator = FakeSimulator(poison=[2])
    expected = make_executor(simulator, workloads).evaluate(rows)

    with on(cluster, simulator, workloads) as executor:
        found = executor.evaluate(rows)

    np.testing.assert_array_equal(found.values, expected.values)
    assert [list(row) for row in found.notes] == [list(row) for row in expected.notes]


def test_a_workload_that_the_simulator_refuses_is_the_users_mistake(cluster, rows, workloads):
    with (
        on(cluster, TroubledSimulator(refuse=2), workloads) as executor,
        pytest.raises(InputError, match="beyond the memory"),
    ):
        executor.evaluate(rows)


def test_a_design_that_exceeds_its_time_fails_alone(cluster, rows, workloads):
    rows = rows[:12]
    bad = rows[:, DEPTH] == 4

    with on(cluster, TroubledSimulator(hang=5), workloads, time_limit_s=0.2) as executor:
        found = executor.evaluate(rows)

    np.testing.assert_array_equal(np.isnan(found.values).all(axis=(1, 2)), bad)
    assert "the limit of time" in found.notes[int(np.flatnonzero(bad)[0])][0][0]


def test_a_worker_with_another_build_is_named(cluster, rows, workloads, monkeypatch):
    monkeypatch.setenv("TROUBLED_BUILD", "2")

    with (
        on(cluster, TroubledSimulator(), workloads) as executor,
        pytest.raises(DseError, match=r"worker at tcp://127.*simulator 'troubled-1' instead of 'troubled-2'"),
    ):
        executor.evaluate(rows)


def test_a_scheduler_that_is_not_there_is_named(workloads, monkeypatch):
    monkeypatch.setattr("dse.executors.dask_cluster._PATIENCE_S", 0.5)

    with pytest.raises(DseError, match=r"scheduler at tcp://127.0.0.1:9 does not answer.*dse resume"):
        make_executor(FakeSimulator(), workloads, executor="dask", scheduler="tcp://127.0.0.1:9")


def test_text_that_is_no_address_is_the_users_mistake(workloads):
    with pytest.raises(ConfigError, match="is no address"):
        make_executor(FakeSimulator(), workloads, executor="dask", scheduler="nowhere")


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_of_a_batch_costs_no_design(rows, workloads):
    simulator = TroubledSimulator(seconds=0.1)
    expected = FakeSimulator().run_batch(rows, workloads).values

    with closing(make_executor(simulator, workloads, executor="dask", workers=2)) as executor:
        executor.evaluate(rows[:4])
        victim = next(iter(executor._client.run(os.getpid).values()))
        killer = threading.Timer(0.5, os.kill, (victim, signal.SIGKILL))
        killer.start()
        found = executor.evaluate(rows)
        killer.join()
        pids = set(executor._client.run(os.getpid).values())

    assert victim not in pids
    np.testing.assert_array_equal(found.values, expected)


@pytest.mark.slow
def test_a_design_that_kills_its_workers_fails_alone(rows, workloads):
    rows = rows[:12]
    bad = rows[:, DEPTH] == 4

    with closing(
        make_executor(TroubledSimulator(crash=5), workloads, executor="dask", workers=2)
    ) as executor:
        found = executor.evaluate(rows)

    np.testing.assert_array_equal(np.isnan(found.values).all(axis=(1, 2)), bad)


@pytest.mark.slow
def test_a_scheduler_that_is_started_again_costs_no_design(rows, workloads, tmp_path):
    def start(name, *arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli." + name, *arguments],
            env=fake_environment(),
            cwd=os.getcwd(),
            stderr=subprocess.DEVNULL,
        )

    scheduler_options = ("--host", "127.0.0.1", "--port", "38786", "--no-dashboard")
    address = "tcp://127.0.0.1:38786"
    worker_options = (
        address,
        "--nworkers",
        "1",
        "--nthreads",
        "1",
        "--no-dashboard",
        "--death-timeout",
        "60",
    )
    running = [start("dask_scheduler", *scheduler_options), start("dask_worker", *worker_options)]
    simulator = TroubledSimulator(seconds=0.1)
    try:
        with closing(make_executor(simulator, workloads, executor="dask", scheduler=address)) as executor:

            def kill():
                running[0].kill()
                running[0].wait()
                time.sleep(0.5)
                running[0] = start("dask_scheduler", *scheduler_options)
                running.append(start("dask_worker", *worker_options))

            killer = threading.Timer(1.0, kill)
            killer.start()
            found = executor.evaluate(rows)
            killer.join()
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()

    np.testing.assert_array_equal(found.values, FakeSimulator().run_batch(rows, workloads).values)
