"""Campaigns whose workers know nothing but the store, on both kinds of store, and whatever goes away."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

import traces
from dse import registry
from dse.campaign import Campaign
from dse.executors import make_executor
from dse.executors.leases import CampaignPlace, LeaseWorker, _Renewal
from dse.executors.package import WorkerMismatch
from dse.executors.threads import ThreadExecutor
from dse.store import LeaseQueue, Store
from tests.dse.faults.watching import assert_same_trials, ended, eventually, log_of, state_of, trials_in
from tests.dse.store.campaigns import create
from tests.kills.campaign import SleepySimulator
from traces.workload import Workload

SLEEPY = ('name = "fake"', 'name = "sleepy"')
FEW = ("unique = 60", "unique = 30")
SMALL_BATCHES = ("batch = 16", "batch = 4")
PLAIN = ('"nsga2"', '"local"')  # without a library that takes a second to load in every process


@pytest.fixture(autouse=True)
def sleepy_simulator(monkeypatch):
    monkeypatch.setitem(registry.SIMULATORS, "sleepy", "tests.kills.campaign:SleepySimulator")


@pytest.fixture
def file(campaign_file):
    """A campaign that takes a second, most of it in the simulator."""
    return campaign_file(SLEEPY, FEW, SMALL_BATCHES, PLAIN)


@pytest.fixture
def expected(file):
    """Its trials, simulated by threads."""
    return Campaign.from_file(file).run(threads=1).trials


@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.slow), "postgres"])
def shared(request, tmp_path):
    """Where a store may be made that processes share."""
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    return request.getfixturevalue("postgres").fresh_url()


def is_running(url):
    return state_of(url) == "running"


def part_is_lent(url):
    """Whether a worker has a part of a batch of the first campaign now."""
    with LeaseQueue(url, 1) as queue:
        return queue._link.execute("SELECT 1 FROM lease WHERE owner IS NOT NULL").fetchone() is not None


def seconds_of_the_lease(url):
    """For how long the only part of the first campaign was lent."""
    with LeaseQueue(url, 1) as queue:
        return queue._link.execute("SELECT seconds FROM lease").fetchone()[0]


def test_two_worker_processes_give_the_trials_of_threads(file, expected, shared, start_dse):
    campaign = start_dse("run", file, "--store", shared, "--executor", "leases", "--workers", 2, "--quiet")
    eventually(lambda: is_running(shared))
    workers = [start_dse("worker", "small", "--store", shared, "--json") for _ in range(2)]

    ended(campaign, 0)
    for worker in workers:
        ended(worker, 0)

    assert_same_trials(log_of(shared), expected)


@pytest.mark.slow
def test_a_campaign_whose_process_was_killed_goes_on_with_the_workers_that_are_there(
    file, expected, url, start_dse
):
    run = ("--store", url, "--executor", "leases", "--workers", 2, "--quiet")
    campaign = start_dse("run", file, *run)
    eventually(lambda: is_running(url))
    start_dse("worker", "small", "--store", url)
    eventually(lambda: trials_in(url) > 70 and part_is_lent(url))

    campaign.kill()
    campaign.wait()
    interrupted = state_of(url)
    again = start_dse("resume", file, *run)
    eventually(lambda: is_running(url))
    worker = start_dse("worker", "small", "--store", url)

    ended(again, 0)
    ended(worker, 0)
    assert interrupted == "interrupted"
    assert_same_trials(log_of(url), expected)


@pytest.mark.slow
def test_a_server_that_stops_in_the_middle_of_a_batch_ends_all_with_a_sentence(
    file, expected, own_server, start_dse
):
    url = own_server.fresh_url()
    run = ("--store", url, "--executor", "leases", "--workers", 2, "--quiet")
    campaign = start_dse("run", file, *run)
    eventually(lambda: is_running(url))
    worker = start_dse("worker", "small", "--store", url)
    eventually(lambda: trials_in(url) > 70 and part_is_lent(url))

    own_server.restart()
    said = [ended(campaign, 5), ended(worker, 5)]
    kept = trials_in(url)
    again = start_dse("resume", file, *run)
    eventually(lambda: is_running(url))
    ended(start_dse("worker", "small", "--store", url), 0)
    ended(again, 0)

    for text in said:
        assert text.count("was stopped or restarted") == 1
        assert len(text.strip().splitlines()) == 1, text
        assert "dse resume" in text
    assert kept > 70
    assert_same_trials(log_of(url), expected)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_lease_is_renewed_again_after_the_server_was_away(own_server, monkeypatch):
    monkeypatch.setattr("dse.executors.leases._LEASE_SECONDS", 0.3)
    url = own_server.fresh_url()
    with Store(url) as store:
        campaign = create(store)
    with LeaseQueue(url, campaign) as queue:
        queue.put(0, 0, [b"a"])
        lease = queue.claim("w1", 3600.0)

    with _Renewal(url, campaign, lease):
        eventually(lambda: seconds_of_the_lease(url) == 0.3)
        own_server.kill()
        own_server.start()
        with LeaseQueue(url, campaign) as queue:
            queue.renew(lease, 3600.0)
        eventually(lambda: seconds_of_the_lease(url) == 0.3)

    with LeaseQueue(url, campaign) as queue:
        assert queue.finish(lease, b"A")


def test_a_worker_of_another_version_is_named_and_its_part_goes_to_one_of_ours(url, monkeypatch):
    simulator = SleepySimulator()
    work = [Workload.of(traces.load("synthetic:stream?n=500&seed=1"))]
    rows = simulator.space.rows([simulator.space.default()])
    found = []

    def build(bench):
        return ThreadExecutor(bench.simulator, bench.workloads)

    with Store(url) as store:
        place = CampaignPlace(url, store, create(store))
        with monkeypatch.context() as another:
            another.setattr("dse.__version__", "9.9")
            executor = make_executor(simulator, work, executor="leases", place=place)
        with closing(executor):
            waiting = threading.Thread(target=lambda: found.append(executor.evaluate(rows)))
            waiting.start()
            with pytest.raises(WorkerMismatch, match=r"version of marl-dse '.*' instead of '9.9'"):
                LeaseWorker(url, place.campaign, build).run()
            given_back = not part_is_lent(url)
            monkeypatch.setattr("dse.__version__", "9.9")
            LeaseWorker(url, place.campaign, build, lambda: bool(found)).run()
            waiting.join()

    assert given_back
    assert found[0].values.tobytes() == simulator.run_batch(rows, work).values.tobytes()
