"""The compiled phases against their twin, bit for bit, and what the kernel refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ext import soc_phases
from simulators.soc.graphs.engine import tables_of
from simulators.soc.graphs.phases import simulate as twin
from tests.ext.phase_cases import random_case


def _designs(tables, found, **changed):
    names = ("pe", "pe_bus", "memory", "memory_bus", "pe_seconds", "memory_rate", "bus_rate")
    return soc_phases.Designs(tables, **{name: changed.get(name, getattr(found, name)) for name in names})


def _by_number(problem, bottleneck):
    """The twin's bottlenecks in the order in which the engine numbers the channels."""
    platform = problem.platform
    groups = (
        ("pe", platform.n_cores + problem.n_tasks),
        ("memory read", platform.n_memories),
        ("memory write", platform.n_memories),
        ("bus read", platform.n_buses),
        ("bus write", platform.n_buses),
    )
    return [bottleneck.get((kind, k), 0.0) for kind, count in groups for k in range(count)]


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=150)
def test_the_engine_equals_the_twin_bit_for_bit(seed):
    problem, designs, arrivals = random_case(seed, 4)
    tables = tables_of(problem, arrivals)

    finish, peak, bottleneck, phases = soc_phases.simulate(tables, _designs(tables, designs))

    for row in range(len(designs)):
        log = twin(problem, designs, arrivals, row)
        assert finish[row].tolist() == log.finish
        assert peak[row].tolist() == log.peak_bytes
        assert bottleneck[row].tolist() == _by_number(problem, log.bottleneck)
        assert phases[row] == log.phases


@given(st.integers(0, 2**32), st.sampled_from([1e-5, 1e-3, 1.0]))
@settings(deadline=None, max_examples=60)
def test_the_highest_window_of_power_equals_the_twins_bit_for_bit(seed, window_s):
    problem, designs, arrivals = random_case(seed, 3)
    tables = tables_of(problem, arrivals)
    energies = np.random.default_rng(seed).random((len(designs), problem.n_tasks))

    found = soc_phases.peak_powers(tables, _designs(tables, designs), energies, window_s)

    for row in range(len(designs)):
        log = twin(problem, designs, arrivals, row, energies[row].tolist())
        assert found[row] == log.peak_power(window_s)


def test_energies_of_another_shape_are_refused():
    problem, designs, arrivals = random_case(3, 2)
    tables = tables_of(problem, arrivals)

    with pytest.raises(ValueError, match="task_pj: expected"):
        soc_phases.peak_powers(tables, _designs(tables, designs), np.zeros((1, 1)), 0.01)


@given(st.integers(0, 2**32), st.integers(1, 5))
@settings(deadline=None, max_examples=50)
def test_steps_and_snapshots_change_nothing(seed, step):
    problem, designs, arrivals = random_case(seed, 1)
    tables = tables_of(problem, arrivals)
    whole = soc_phases.simulate(tables, _designs(tables, designs))
    engine = soc_phases.PhaseEngine(tables, _designs(tables, designs))

    engine.advance(phases=step)
    saved = engine.snapshot()
    engine.advance(tasks=3)
    engine.restore(saved)
    other = soc_phases.PhaseEngine(tables, _designs(tables, designs))
    other.restore(saved)

    for one in (engine, other):
        assert one.advance()
        assert all(np.array_equal(mine, all_[0]) for mine, all_ in zip(one.results(), whole, strict=True))


def test_a_step_stops_where_it_was_told():
    problem, designs, arrivals = random_case(7, 1)
    tables = tables_of(problem, arrivals)
    engine = soc_phases.PhaseEngine(tables, _designs(tables, designs))

    engine.advance(phases=2)

    assert engine.phases == 2
    assert not engine.finished


def test_an_edge_to_nowhere_is_refused():
    with pytest.raises(ValueError, match="names no task"):
        soc_phases.PhaseTables([0], [2], [1.0], [1.0, 0.0], [0.0], 3, 1, 1)


@pytest.mark.parametrize("arrivals", [[], [1.0, 0.5], [-1.0], [np.inf]])
def test_arrivals_out_of_order_are_refused(arrivals):
    with pytest.raises(ValueError, match="arrivals"):
        soc_phases.PhaseTables([0], [1], [1.0], [1.0, 0.0], arrivals, 3, 1, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [("pe", 99), ("pe_bus", -1), ("memory", 50), ("memory_bus", 9), ("pe_seconds", -1.0), ("bus_rate", 0.0)],
)
def test_numbers_that_do_not_fit_are_refused(name, value):
    problem, designs, arrivals = random_case(3, 2)
    tables = tables_of(problem, arrivals)
    wrong = getattr(designs, name).copy()
    wrong[0, 0] = value

    with pytest.raises(ValueError, match=name):
        _designs(tables, designs, **{name: wrong})


def test_an_output_without_a_memory_is_refused():
    problem, designs, arrivals = random_case(3, 2)
    tables = tables_of(problem, arrivals)
    nowhere = np.full_like(designs.memory, -1)

    with pytest.raises(ValueError, match="a task with an output has none"):
        _designs(tables, designs, memory=nowhere)


def test_a_snapshot_of_something_else_is_refused():
    problem, designs, arrivals = random_case(3, 1)
    tables = tables_of(problem, arrivals)
    engine = soc_phases.PhaseEngine(tables, _designs(tables, designs))

    with pytest.raises(ValueError, match="a snapshot of 3 bytes"):
        engine.restore(b"abc")
