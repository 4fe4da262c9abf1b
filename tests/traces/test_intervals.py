"""A few intervals that stand for a workload."""

from __future__ import annotations

import numpy as np
import pytest

from traces import Trace, TraceError, Workload
from traces.intervals import head, phases, representative
from traces.synthetic import phases as phased
from traces.synthetic import stream, uniform_random

KINDS = ("stream", "uniform_random", "bursty")
TWO_PHASES = Workload.of(phased(40_000, seed=1, kinds=KINDS[:2], phase_length=10_000))
SHARES = (0.02, 0.05, 0.1, 0.25, 0.9)


def of_phase(intervals_of, edges, phase_length, kinds):
    """Which of the kinds each interval lies in; -1 where it lies in two."""
    first, last = edges[:-1] // phase_length % kinds, (edges[1:] - 1) // phase_length % kinds
    return np.where(first == last, first, -1)[intervals_of]


@pytest.mark.parametrize("share", SHARES)
def test_the_pieces_add_up_to_the_workload_and_simulate_at_most_the_share(share):
    pieces = representative(TWO_PHASES, share)

    assert sum(piece.weight * piece.length for piece in pieces) == pytest.approx(len(TWO_PHASES))
    assert sum(piece.length for piece in pieces) <= share * len(TWO_PHASES)
    assert all(0 <= piece.warmup < piece.length for piece in pieces)


@pytest.mark.parametrize("share", SHARES)
def test_every_piece_can_be_cut_out(share):
    for piece in representative(TWO_PHASES, share):
        assert len(TWO_PHASES.cut(piece.start, piece.length, piece.warmup)) == piece.length


def test_phases_of_a_program_are_told_apart():
    found = phases(Workload.of(phased(90_000, seed=3, kinds=KINDS, phase_length=10_000)), 0.1)

    kind = of_phase(np.arange(len(found.cluster)), found.edges, 10_000, 3)
    pairs = {(a, b) for a, b in zip(kind.tolist(), found.cluster.tolist(), strict=True) if a >= 0}

    assert {a for a, _ in pairs} == {0, 1, 2}
    assert all(len({a for a, other in pairs if other == b}) == 1 for _, b in pairs)


def test_each_phase_gets_its_share_of_the_weight():
    found = phases(TWO_PHASES, 0.1)
    kind = of_phase(found.chosen, found.edges, 10_000, 2)

    covered = [sum(found.shares[kind == phase]) for phase in (0, 1)]

    assert covered == pytest.approx([0.5, 0.5], abs=0.08)


def test_the_chosen_interval_is_the_one_next_to_the_middle_of_its_cluster():
    found = phases(TWO_PHASES, 0.2)

    for number, chosen in enumerate(found.chosen):
        members = found.signatures.rows[found.cluster == number]
        distance = np.linalg.norm(members - members.mean(axis=0), axis=1)
        own = np.linalg.norm(found.signatures.rows[chosen] - members.mean(axis=0))
        assert own == pytest.approx(distance.min(), abs=1e-3)


def test_a_piece_is_its_interval_and_the_warm_up_before_it():
    found = phases(TWO_PHASES, 0.1)

    for piece, interval in zip(found.pieces, found.chosen, strict=True):
        begin, end = found.edges[interval], found.edges[interval + 1]
        assert piece.start + piece.length == end
        assert piece.start + piece.warmup == begin
        assert piece.warmup > 0 or begin == 0


def test_clusters_are_numbered_by_first_appearance():
    cluster = phases(TWO_PHASES, 0.2).cluster

    _, first = np.unique(cluster, return_index=True)

    assert first.tolist() == sorted(first)


def test_a_steady_trace_needs_fewer_intervals_than_there_is_room_for():
    assert len(representative(Workload.of(stream(40_000)), 0.9)) < 4


def test_intervals_that_are_all_alike_form_one_cluster():
    same = Trace(
        arrival_cycle=10 * np.arange(5000),
        address=np.zeros(5000, dtype=np.uint64),
        is_write=np.zeros(5000, dtype=np.bool_),
        clock_ns=1.0,
    )

    (piece,) = representative(Workload.of(same), 0.5)

    assert piece.weight * piece.length == pytest.approx(5000)


def test_as_many_clusters_as_intervals_are_never_tried():
    found = phases(Workload.of(uniform_random(40, seed=1)), 1.0, length=1)

    assert len(found.cluster) == 40
    assert 1 <= len(found.pieces) < 40


def test_the_same_share_and_seed_give_the_same_intervals():
    again = Workload(TWO_PHASES.traces)

    assert representative(again, 0.1, seed=5) == representative(TWO_PHASES, 0.1, seed=5)


def test_intervals_stay_what_they_were_recorded_as():
    """Recorded on x86-64 with NumPy 2 and SciPy 1.17: a change would move the results of stored campaigns."""
    pieces = representative(TWO_PHASES, 0.1)

    assert [(piece.start, piece.length, piece.warmup) for piece in pieces] == [
        (27898, 990, 250),
        (9379, 991, 250),
        (16787, 990, 250),
    ]


def test_the_length_of_intervals_can_be_chosen():
    found = phases(TWO_PHASES, 0.2, length=1500)

    assert np.diff(found.edges).max() <= 1500
    assert len(found.pieces) <= 0.2 * len(TWO_PHASES) // 2000


def test_all_of_the_workload_is_one_piece():
    workload = Workload.of(stream(1000))

    (piece,) = representative(workload, 1.0)

    assert (piece.start, piece.length, piece.weight) == (0, 1000, 1.0)


@pytest.mark.parametrize(("share", "length", "warmup"), [(1.0, 1000, 400), (0.5, 500, 200), (0.1, 100, 40)])
def test_the_head_has_the_first_requests_and_as_much_warm_up_as_fits(share, length, warmup):
    workload = Workload((stream(1000),), warmup=400)

    (piece,) = head(workload, share)

    assert (piece.start, piece.length, piece.warmup) == (0, length, warmup)
    assert piece.weight == pytest.approx(1000 / length)


def test_the_head_takes_a_short_warm_up_whole():
    (piece,) = head(Workload((stream(10_000),), warmup=100), 0.1)

    assert piece.warmup == 100


def test_the_warm_up_of_the_workload_stays_out_of_the_statistics():
    workload = Workload(TWO_PHASES.traces, warmup=20_000)

    early = [piece for piece in representative(workload, 0.1) if piece.start + piece.length <= 20_000]

    assert early
    assert all(piece.warmup == piece.length - 1 for piece in early)


def test_intervals_are_those_of_the_merged_stream_from_its_start_on():
    traces = (uniform_random(8000, seed=1), stream(8000))
    later = Workload(traces, start=4000, length=8000)

    pieces = representative(later, 0.2)

    assert max(piece.start + piece.length for piece in pieces) <= 8000
    assert sum(piece.weight * piece.length for piece in pieces) == pytest.approx(8000)


@pytest.mark.parametrize("n", [1, 2, 10, 100])
def test_even_a_tiny_workload_has_a_piece(n):
    workload = Workload.of(uniform_random(n, seed=1))

    pieces = representative(workload, 0.01)

    assert sum(piece.weight * piece.length for piece in pieces) == pytest.approx(n)


def test_clustering_does_not_keep_another_copy_of_the_requests():
    workload = Workload.of(stream(1000))

    phases(workload, 0.5)

    assert not workload._merged


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, float("nan")])
@pytest.mark.parametrize("choose", [head, representative])
def test_a_share_out_of_range_is_refused(share, choose):
    with pytest.raises(TraceError, match="share="):
        choose(TWO_PHASES, share)


@pytest.mark.parametrize(
    ("length", "reason"),
    [(0, "length=0"), (1, "a length of at least 2"), (20_000, "expected a share of at least 0.6")],
)
def test_a_length_that_does_not_fit_is_refused(length, reason):
    with pytest.raises(TraceError, match=reason):
        phases(TWO_PHASES, 0.1, length=length)
