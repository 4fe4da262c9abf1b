"""Traces whose phases are known: each kind of phase does what it promises, where it is said to."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import traces
from traces import TraceError, synthetic
from traces.instructions import Branch, Operation
from traces.phases import plan
from traces.query_phases import KINDS
from traces.synthetic_particles import PARTICLES, particles, particles_phases

INTERVAL = 50
CYCLES_PER_US = 1200


def of_kind(kind, n=4000, **options):
    return synthetic.query(n, seed=2, kinds=(kind,), period_us=1e4, **options)


def lines(trace):
    return (trace.address // 64).astype(np.int64)


@pytest.mark.parametrize("spec", ["synthetic:query?n=20000&seed=3", "synthetic:particles?n=300000&seed=3"])
def test_phases_follow_each_other_without_a_gap_from_the_first_to_the_end(spec):
    phases = traces.phases_of(spec)

    assert phases[0].start == 0
    assert all(before.end == after.start for before, after in pairwise(phases))
    assert all(phase.start < phase.end for phase in phases)


def test_the_phases_of_requests_end_with_the_last_arrival():
    trace, phases = synthetic.query(20_000, seed=3), synthetic.query_phases(20_000, seed=3)

    assert phases[-1].end == trace.arrival_cycle[-1] + 1


def test_a_longer_trace_has_the_same_phases_first():
    short, long = (synthetic.query_phases(n, seed=3) for n in (5000, 20_000))

    assert long[: len(short) - 1] == short[:-1]


def test_every_phase_of_requests_begins_with_one():
    trace, phases = synthetic.query(30_000, seed=3), synthetic.query_phases(30_000, seed=3)

    first = trace.arrival_cycle[np.searchsorted(trace.arrival_cycle, [phase.start for phase in phases])]

    assert all(0 <= at - phase.start < INTERVAL for at, phase in zip(first, phases, strict=True))


def test_a_round_has_each_entry_once_and_lengths_near_the_period():
    planned = plan(5, synthetic.QUERY, KINDS, 50.0, spread=0.5)

    rounds = [[next(planned) for _ in synthetic.QUERY] for _ in range(4)]

    assert all(sorted(phase.kind for phase in one) == sorted(synthetic.QUERY) for one in rounds)
    assert len({tuple(phase.kind for phase in one) for one in rounds}) == 4
    assert all(25 <= phase.length_us <= 75 for one in rounds for phase in one)


def test_the_period_is_the_mean_length():
    phases = synthetic.query_phases(200_000, seed=1, period_us=20.0)

    lengths_us = [(phase.end - phase.start) / CYCLES_PER_US for phase in phases[:-1]]

    assert np.mean(lengths_us) == pytest.approx(20, rel=0.05)  # of more than 300, uniform from 10 to 30


def test_a_scan_reads_its_columns_in_step_line_after_line():
    trace = of_kind("scan", columns=3)

    steps = [np.diff(lines(trace)[column::3]) for column in range(3)]

    assert all((step == 1).all() for step in steps)
    assert not trace.is_write.any()


def test_the_columns_of_a_scan_begin_in_different_banks():
    rows = lines(of_kind("scan"))[:16] * 64 // 8192

    assert len(set((rows % 16).tolist())) == 16


@pytest.mark.parametrize(
    ("kind", "intervals"), [("scan", 1.0), ("probe", 1.6), ("lookup", 1.8), ("spill", 0.4), ("wait", 150 / 8)]
)
def test_the_rate_of_a_kind_is_in_proportion_to_that_of_a_scan(kind, intervals):
    trace = of_kind(kind)

    mean = trace.arrival_cycle[-1] / len(trace)

    assert mean == pytest.approx(intervals * INTERVAL, rel=0.15)  # 500 bursts of exponential gaps: 4.5 %


@pytest.mark.parametrize("kind", KINDS)
def test_the_interval_changes_the_rate_of_every_kind(kind):
    slow, fast = (of_kind(kind, interval_cycles=cycles).duration_ns for cycles in (80, 40))

    assert slow / fast == pytest.approx(2, rel=0.05)  # phases end at another request


@pytest.mark.parametrize("kind", ["probe", "lookup"])
def test_probes_and_lookups_read_lines_all_over_the_footprint(kind):
    where = lines(of_kind(kind))

    assert len(set(where.tolist())) > 3990
    assert where.max() - where.min() > 0.99 * (1 << 30) / 64


def test_a_spill_reads_one_run_and_writes_another_in_order():
    trace = of_kind("spill")

    assert trace.is_write.tolist() == [False, True] * 2000
    assert (np.diff(lines(trace)[::2]) == 1).all()
    assert (np.diff(lines(trace)[1::2]) == 1).all()


def test_waiting_is_bursts_of_eight_lines_far_apart():
    gaps = np.diff(of_kind("wait").arrival_cycle)

    assert (gaps < 1000).mean() == pytest.approx(7 / 8, abs=0.03)
    assert gaps.max() > 10_000


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("synthetic:query?kinds=scan,merge", "expected one or more of scan, probe, lookup, spill, wait"),
        ("synthetic:query?kinds=", "expected one or more of scan"),
        ("synthetic:query?period_us=0.5", "period_us=0.5 is out of range"),
        ("synthetic:query?columns=0", "columns=0 is out of range"),
        ("synthetic:query?interval_cycles=0", "interval_cycles=0 is out of range"),
        ("synthetic:query?clock_mhz=0.5", "clock_mhz=0.5 is out of range"),
        ("synthetic:particles?kinds=fly", "expected one or more of solve, list, gather, walk"),
        ("synthetic:particles?n=6", "n=6 is out of range"),
        ("synthetic:particles?size_mib=0", "size_mib=0 is out of range"),
        ("synthetic:particles?seed=-1", "seed=-1 is out of range"),
        ("synthetic:quary?n=5", "did you mean 'query'"),
        ("synthetic:stream?n=5", "phases of 'synthetic:stream.n=5' are not known"),
        ("sample:sort", "phases of 'sample:sort' are not known"),
    ],
)
def test_phases_that_cannot_be_are_refused(spec, reason):
    with pytest.raises(TraceError, match=reason):
        traces.phases_of(spec)


@pytest.mark.parametrize("name", ["query", "particles"])
def test_an_unknown_option_is_named(name):
    with pytest.raises(TraceError, match=r"no option 'period'.*did you mean 'period_us'"):
        traces.phases_of(f"synthetic:{name}?period=5")


# ------------------------------------------------------------------------------------------------- programs


def test_the_same_seed_gives_the_same_program_and_another_seed_another():
    first, again, other = (particles(100_000, seed=seed).hash for seed in (3, 3, 4))

    assert first == again != other


def test_the_phases_of_a_program_are_where_its_code_changes():
    trace, phases = particles(500_000, seed=1), particles_phases(500_000, seed=1)

    loops = {phase.kind: set((trace.ip[phase.start : phase.end] >> 12).tolist()) for phase in phases}

    assert phases[-1].end == len(trace)
    assert all(len(pages) == 1 for pages in loops.values())
    assert len(set.union(*loops.values())) == len(set(PARTICLES))


def test_a_taken_jump_leads_from_each_phase_to_the_next_and_the_last_leaves():
    trace, phases = particles(500_000, seed=1), particles_phases(500_000, seed=1)

    ends = [phase.end - 1 for phase in phases]

    assert (trace.branch[ends] == Branch.JUMP).all()
    assert trace.taken[ends].tolist() == [True] * (len(ends) - 1) + [False]


def test_only_solve_divides_and_its_data_fit_into_a_first_cache():
    trace = particles(50_000, kinds=("solve",))

    assert (trace.operation == Operation.FLOAT_DIVIDE).mean() == pytest.approx(1 / 6, abs=0.001)
    assert trace.address.max() - trace.address.min() < 16 << 10
    assert not (particles(50_000, kinds=("list", "gather", "walk")).operation > 0).any()


def test_a_list_goes_on_where_its_last_phase_ended():
    trace = particles(200_000, kinds=("list",), period_us=50.0)

    assert len(particles_phases(200_000, kinds=("list",), period_us=50.0)) > 3
    assert (np.diff(trace.address.astype(np.int64)) == 64).all()


def test_a_gather_reads_lines_all_over_the_grid_and_writes_nothing():
    trace = particles(50_000, kinds=("gather",), size_mib=8)

    assert not trace.n_stores.any()
    assert len(set(trace.address.tolist())) > 12_000 * 0.9  # of 131,072 lines some are drawn twice
    assert 0.99 * (8 << 20) < trace.address.max() - trace.address.min() < 8 << 20


def test_a_walk_visits_every_line_once_before_it_repeats():
    trace = particles(80_000, kinds=("walk",), size_mib=1)

    first_round = trace.address[: (1 << 20) // 64]

    assert len(set(first_round.tolist())) == len(first_round)
    assert (np.abs(np.diff(first_round.astype(np.int64))) == 64).mean() < 0.01
