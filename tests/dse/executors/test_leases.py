"""Leases: workers that know nothing but the store give the trials that threads give."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import closing

import numpy as np
import pytest

from dse.campaign import Campaign
from dse.errors import ConfigError, InputError
from dse.executors import make_executor
from dse.executors.leases import CampaignPlace, LeaseWorker
from dse.executors.package import WorkerMismatch
from dse.executors.threads import ThreadExecutor
from dse.store import LeaseQueue, Store, open_reader
from tests.dse.executors.troubled import TroubledSimulator
from tests.dse.fake import FakeSimulator, fake_environment

CAMPAIGN = {
    "name": "lent",
    "simulator": {"name": "fake"},
    "workloads": [{"trace": "synthetic:stream?n=500&seed=1"}],
    "objectives": [{"metric": "time_ns"}, {"metric": "energy_pj"}],
    "agents": [{"name": "random"}, {"name": "nsga2"}],
    "budget": {"unique": 40, "batch": 16},
}
WORKER = (
    "import sys; from dse import registry; from dse.cli.main import run_command_line\n"
    "registry.SIMULATORS['fake'] = 'tests.dse.fake:FakeSimulator'\n"
    "sys.exit(run_command_line(['worker', *sys.argv[1:]]))\n"
)


@pytest.fixture(autouse=True)
def fake_simulator(monkeypatch):
    from dse import registry

    monkeypatch.setitem(registry.SIMULATORS, "fake", "tests.dse.fake:FakeSimulator")


@pytest.fixture
def rows():
    return FakeSimulator().space.sample(40, np.random.default_rng(0), feasible=True)


@pytest.fixture
def place(tmp_path):
    """A campaign that is there and running, in a store that is open."""
    path = tmp_path / "store.sqlite"
    Campaign(CAMPAIGN).run(store=path)
    with Store(path) as store:
        store.own(1)
        store.set_state(1, "running")
        store.flush()
        yield CampaignPlace(path, store, 1)


def serve(place, until, **options):
    """A worker in a thread, and what it raised."""
    raised = []

    def run():
        try:
            build = options.get("build", lambda bench: ThreadExecutor(bench.simulator, bench.workloads))
            LeaseWorker(place.url, place.campaign, build, until.is_set).run()
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


def evaluate(place, simulator, workloads, rows, n_workers=2, works=None):
    over = threading.Event()
    executor = make_executor(simulator, workloads, executor="leases", workers=2, place=place)
    with closing(executor):
        threads = [serve(place, over)[0] for _ in range(n_workers)]
        try:
            return executor.evaluate(rows, works), executor.evaluate(rows[::-1].copy(), works)
        finally:
            over.set()
            for thread in threads:
                thread.join()


@pytest.mark.parametrize("n_workers", [1, 3])
def test_workers_of_a_store_answer_as_threads_do(place, rows, workloads, n_workers):
    simulator = FakeSimulator(poison=[2])
    expected = make_executor(simulator, workloads).evaluate(rows)

    found, backwards = evaluate(place, simulator, workloads, rows, n_workers)

    np.testing.assert_array_equal(found.values, expected.values)
    np.testing.assert_array_equal(backwards.values, expected.values[::-1])
    assert [list(row) for row in found.notes] == [list(row) for row in expected.notes]


def test_a_workload_that_the_simulator_refuses_is_the_users_mistake(place, rows, workloads):
    with pytest.raises(InputError, match="beyond the memory"):
        evaluate(place, TroubledSimulator(refuse=2), workloads, rows)


def test_a_worker_with_another_build_gives_its_part_back_and_says_why(place, rows, workloads, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TROUBLED_BUILD", "2")
        executor = make_executor(TroubledSimulator(), workloads, executor="leases", place=place)
    with closing(executor):
        waiting = threading.Thread(target=executor.evaluate, args=(rows,))
        waiting.start()
        over = threading.Event()
        wrong, raised = serve(place, over)
        wrong.join(20)
        monkeypatch.setenv("TROUBLED_BUILD", "2")
        right, _ = serve(place, over)
        waiting.join(20)
        over.set()
        right.join()

    assert isinstance(raised[0], WorkerMismatch)
    assert "build of the simulator 'troubled-1' instead of 'troubled-2'" in str(raised[0])
    assert not waiting.is_alive()


def test_a_campaign_without_a_store_cannot_be_lent():
    with pytest.raises(ConfigError, match="needs a store that workers can open"):
        Campaign(CAMPAIGN).run(executor="leases")


def test_a_worker_process_runs_a_whole_campaign_though_another_died_with_a_part(tmp_path, monkeypatch):
    monkeypatch.setattr("dse.executors.leases._LEAST_SECONDS", 0.0)
    expected = Campaign(CAMPAIGN).run()
    path = tmp_path / "store.sqlite"
    results = []
    campaign = threading.Thread(
        target=lambda: results.append(Campaign(CAMPAIGN).run(store=path, executor="leases", workers=2))
    )
    campaign.start()
    while not path.exists() or not _states(path):
        time.sleep(0.01)
    with LeaseQueue(path, 1) as dead:
        while dead.claim("dead", 0.2) is None:
            time.sleep(0.01)

    command = [sys.executable, "-c", WORKER, "lent", "--store", str(path), "--json"]
    worker = subprocess.Popen(command, env=fake_environment(), stdout=subprocess.PIPE, text=True)
    campaign.join(60)
    shown, _ = worker.communicate(timeout=20)

    assert worker.returncode == 0
    assert '"parts"' in shown
    for name in ("run", "batch", "step", "origin", "feasible", "indices", "metrics"):
        np.testing.assert_array_equal(getattr(results[0].trials, name), getattr(expected.trials, name))


def _states(path):
    try:
        with open_reader(path) as reader:
            return [row.state for row in reader.campaigns()]
    except Exception:
        return []
