"""Campaigns on every executor: the same trials, bit for bit; and options that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from dse.campaign import Campaign
from dse.cli.main import run_command_line
from dse.cli.run import executor_options
from dse.errors import ConfigError, LookupFailed
from dse.executors import check_options
from dse.store import open_reader

CAMPAIGN = """
name = "small"
seed = 7
[simulator]
name = "SIMULATOR"
OPTIONS
[[workloads]]
trace = "synthetic:stream?n=500&seed=1"
[[workloads]]
trace = "synthetic:uniform_random?n=300&seed=2"
[[objectives]]
metric = "time_ns"
[[objectives]]
metric = "energy_pj"
[[agents]]
name = "random"
[[agents]]
name = "nsga2"
[budget]
unique = 40
batch = 16
"""
COLUMNS = ("run", "batch", "step", "origin", "feasible", "indices", "metrics")


@pytest.fixture(autouse=True)
def fake_simulator(monkeypatch):
    from dse import registry

    monkeypatch.setitem(registry.SIMULATORS, "fake", "tests.dse.fake:FakeSimulator")


@pytest.fixture
def file(tmp_path):
    def write(simulator="fake", options="poison = [5]"):
        path = tmp_path / "campaign.toml"
        path.write_text(CAMPAIGN.replace("SIMULATOR", simulator).replace("OPTIONS", options))
        return path

    return write


def columns(result):
    return [getattr(result.trials, name) for name in COLUMNS]


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("executor", ["threads", "processes", pytest.param("dask", marks=pytest.mark.slow)])
def test_no_executor_and_no_number_of_workers_changes_a_trial(file, executor, workers):
    if executor == "dask":
        pytest.importorskip("distributed", reason="the extra dask is not installed")
    expected = Campaign.from_file(file()).run(executor="inline")

    found = Campaign.from_file(file()).run(executor=executor, workers=workers)

    for one, other in zip(columns(found), columns(expected), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_campaign_that_was_begun_with_threads_goes_on_with_processes(file, tmp_path, monkeypatch):
    expected = Campaign.from_file(file()).run()
    store = tmp_path / "store.sqlite"
    with monkeypatch.context() as patch:
        from tests.dse.fake import FakeSimulator

        whole = FakeSimulator.run_batch
        calls = []

        def stops(self, points, workloads, threads=1):
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return whole(self, points, workloads, threads)

        patch.setattr(FakeSimulator, "run_batch", stops)
        with pytest.raises(KeyboardInterrupt):
            Campaign.from_file(file()).run(store=store)

    found = Campaign.from_file(file()).resume(store=store, executor="processes", workers=2)

    for one, other in zip(columns(found), columns(expected), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_design_that_hangs_is_a_failed_trial_with_a_note(file, tmp_path):
    store = tmp_path / "store.sqlite"

    status = run_command_line(
        [
            "run",
            str(file("troubled", "hang = 6\nbuffers = 3")),
            "--store",
            str(store),
            "--quiet",
            "--time-limit",
            "0.2",
        ]
    )

    assert status == 0
    with open_reader(store) as reader:
        trials = reader.trials(1)
        failed = np.flatnonzero(np.isnan(trials.metrics).all(axis=1) & (trials.origin == 0))
        detail = reader.detail(1, int(trials.id[failed[0]]))
    assert (trials.indices[failed][:, [0, 3]] == [3, 5]).all()
    assert "stopped after 0.2 s, the limit of time for a design" in detail.metrics.notes


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"executor": "proceses"}, LookupFailed, "no executor is called 'proceses'. Did you mean"),
        ({"executor": "threads", "time_limit_s": 1.0}, ConfigError, "'threads' cannot stop a simulation"),
        ({"executor": "processes", "scheduler": "tcp://a:1"}, ConfigError, "has no scheduler"),
        ({"executor": "processes", "threads": 2}, ConfigError, "give `workers`"),
        ({"executor": "processes", "time_limit_s": 0.0}, ConfigError, "expected more than 0"),
        ({"executor": "inline", "workers": 2}, ConfigError, "has one worker"),
        ({"workers": 0}, ConfigError, "expected at least 1"),
    ],
)
def test_options_that_cannot_be_are_named(options, error, message):
    with pytest.raises(error, match=message):
        check_options(**options)


def test_a_wrong_option_leaves_no_campaign_behind(file, tmp_path):
    store = tmp_path / "store.sqlite"

    with pytest.raises(LookupFailed):
        Campaign.from_file(file()).run(store=store, executor="none")

    assert not store.exists()


@pytest.mark.parametrize(
    ("scheduler", "time_limit", "expected"),
    [(None, None, "threads"), ("tcp://a:1", 1.0, "dask"), (None, 1.0, "processes")],
)
def test_an_address_means_dask_and_a_limit_means_processes(scheduler, time_limit, expected):
    assert executor_options(None, None, scheduler, time_limit, None)["executor"] == expected


def test_dask_that_is_not_installed_is_named_with_the_command_that_installs_it(file, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "dse.executors.dask_cluster", raising=False)

    with pytest.raises(LookupFailed, match=r"pip install 'marl-dse\[dask\]'"):
        Campaign.from_file(file()).run(executor="dask")
