"""Processes: the answers of threads; designs that hang, crash or take too much cost only themselves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pytest

from dse.errors import ConfigError, DseError, InputError
from dse.executors import make_executor
from dse.executors.batches import ChunkSize
from tests.dse.executors.troubled import TroubledSimulator
from tests.dse.fake import FakeSimulator, fake_environment

DEPTH = 3


@pytest.fixture
def rows():
    return FakeSimulator().space.sample(40, np.random.default_rng(0), feasible=True)


def evaluate(simulator, workloads, rows, workers=2, **limits):
    executor = make_executor(simulator, workloads, executor="processes", workers=workers, **limits)
    with closing(executor):
        return executor.evaluate(rows)


def notes_of(batch):
    return [note for row in batch.notes for notes in row for note in notes]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_any_number_of_processes_answers_as_threads_do(rows, workloads, workers):
    simulator = FakeSimulator(poison=[2])
    expected = make_executor(simulator, workloads).evaluate(rows)

    found = evaluate(simulator, workloads, rows, workers)

    np.testing.assert_array_equal(found.values, expected.values)
    assert [list(row) for row in found.notes] == [list(row) for row in expected.notes]


def test_a_simulator_that_raises_fails_one_design_only(rows, workloads):
    found = evaluate(FakeSimulator(poison=[-1]), workloads, rows)

    np.testing.assert_array_equal(np.isnan(found.values).all(axis=(1, 2)), rows[:, DEPTH] == 5)
    assert set(notes_of(found)) == {"RuntimeError: depth 6 breaks the simulator"}


@pytest.mark.parametrize(
    ("trouble", "limits", "note"),
    [
        ("hang", {"time_limit_s": 0.2}, "stopped after 0.2 s, the limit of time for a design"),
        ("eat", {"memory_limit_mib": 1000}, "needed more than 1000 MiB, the limit of memory for a design"),
        ("crash", {}, "crashed 3 times: the simulator's process was killed by SIGSEGV"),
    ],
)
def test_a_design_that_misbehaves_fails_alone_and_its_note_says_why(rows, workloads, trouble, limits, note):
    rows = rows[:12]
    bad = rows[:, DEPTH] == 4
    expected = FakeSimulator().run_batch(rows, workloads).values

    found = evaluate(TroubledSimulator(**{trouble: 5}), workloads, rows, **limits)

    assert 0 < bad.sum() < len(rows)
    np.testing.assert_array_equal(np.isnan(found.values).all(axis=(1, 2)), bad)
    np.testing.assert_array_equal(found.values[~bad], expected[~bad])
    assert set(notes_of(found)) == {note}


def test_a_worker_that_somebody_kills_once_costs_no_design(rows, workloads, tmp_path):
    reason = tmp_path / "reason"
    reason.touch()
    simulator = TroubledSimulator(kill_once=str(reason))

    found = evaluate(simulator, workloads, rows)

    assert not reason.exists()
    np.testing.assert_array_equal(found.values, FakeSimulator().run_batch(rows, workloads).values)


def test_a_workload_that_the_simulator_refuses_is_the_users_mistake(rows, workloads):
    with pytest.raises(InputError, match="beyond the memory"):
        evaluate(TroubledSimulator(refuse=2), workloads, rows)


def test_an_executor_goes_on_after_an_error(rows, workloads):
    simulator = TroubledSimulator(refuse=2)
    good = rows[rows[:, DEPTH] != 1]

    with closing(make_executor(simulator, workloads, executor="processes", workers=2)) as executor:
        with pytest.raises(InputError):
            executor.evaluate(rows)
        found = executor.evaluate(good)

    np.testing.assert_array_equal(found.values, FakeSimulator().run_batch(good, workloads).values)


def test_a_simulator_that_is_not_what_its_options_build_is_refused(workloads):
    with pytest.raises(ConfigError, match=r"build of the simulator 'fake-1' instead of 'fake-2'"):
        make_executor(FakeSimulator(build="2"), workloads, executor="processes")


def test_workers_that_cannot_start_are_an_error_and_not_a_wait(rows, workloads, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(DseError, match=r"do not start: it ended with exit status 1 \(tried 3 times\)"):
        evaluate(FakeSimulator(), workloads, rows)


def test_workers_end_when_their_parent_is_killed_in_the_middle_of_a_simulation(tmp_path):
    ready = tmp_path / "ready"
    code = (
        "import sys, traces; from dse import registry; from dse.executors import make_executor\n"
        "from traces.workload import Workload; from tests.dse.executors.troubled import TroubledSimulator\n"
        "registry.SIMULATORS['troubled'] = 'tests.dse.executors.troubled:TroubledSimulator'\n"
        "work = [Workload.of(traces.load('synthetic:stream?n=500&seed=1'))]\n"
        "simulator = TroubledSimulator(hang=2, ready=sys.argv[1])\n"
        "executor = make_executor(simulator, work, executor='processes', workers=1)\n"
        "executor.evaluate(simulator.space.rows([simulator.space.default()]))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(ready)], env=fake_environment())
    worker = int(_eventually(lambda: ready.exists() and ready.read_text()))

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    assert _eventually(lambda: not _alive(worker))


def test_chunks_hold_enough_work_but_stay_below_the_limit_of_time():
    size = ChunkSize(least_seconds=0.05, time_limit_s=0.2)
    at_first = size.cut(256, 2)
    size.learn(32, 32 * 0.001)

    learned = size.cut(256, 2)
    size.learn(1, 1.0)

    assert [len(chunk) for chunk in at_first] == [32] * 8
    assert {len(chunk) for chunk in learned} <= {49, 50, 51, 42, 43}
    assert len(size.cut(256, 2)) == 256
    np.testing.assert_array_equal(np.concatenate(learned), np.arange(256))


def _eventually(condition):
    """The condition's value once it is true; fails after 20 seconds."""
    end = time.monotonic() + 20
    while not (value := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return value


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return os.path.exists(f"/proc/{pid}")
