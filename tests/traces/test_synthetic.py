"""Generators: seeded, and each with the pattern that its name promises."""

from __future__ import annotations

import numpy as np
import pytest

import traces
from traces import TraceError, describe, synthetic
from traces.synthetic import GENERATORS

SEEDED = [name for name in GENERATORS if name not in ("triad", "stream", "strided")]


@pytest.mark.parametrize("name", GENERATORS)
def test_the_same_seed_gives_the_same_trace(name):
    first, second = (GENERATORS[name](5000, seed=3) for _ in range(2))

    assert (len(first), first.hash) == (5000, second.hash)


@pytest.mark.parametrize("name", SEEDED)
def test_another_seed_gives_another_trace(name):
    assert GENERATORS[name](5000, seed=3).hash != GENERATORS[name](5000, seed=4).hash


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_makes_a_single_request(name):
    assert len(GENERATORS[name](1)) == 1


@pytest.mark.parametrize("name", GENERATORS)
def test_the_call_is_in_the_provenance(name):
    provenance = GENERATORS[name](10, seed=9).provenance

    assert (provenance["generator"], provenance["seed"]) == (name, "9")


def test_a_stream_is_sequential_and_wraps():
    trace = synthetic.stream(6, footprint_bytes=256)

    assert (trace.address // 64).tolist() == [0, 1, 2, 3, 0, 1]


def test_a_triad_reads_two_arrays_and_writes_the_third():
    trace = synthetic.triad(6, array_bytes=64 * 10, offset_bytes=0)

    assert (trace.address // 64).tolist() == [10, 20, 0, 11, 21, 1]
    assert trace.is_write.tolist() == [False, False, True] * 2


def test_a_stride_moves_on_by_a_line_each_pass():
    trace = synthetic.strided(5, stride_bytes=128, footprint_bytes=256)

    assert (trace.address // 64).tolist() == [0, 2, 1, 3, 0]


def test_a_pointer_chase_visits_every_line_once_before_it_repeats():
    trace = synthetic.pointer_chase(200, footprint_bytes=64 * 100)

    assert len(np.unique(trace.address[:100])) == 100
    assert trace.address[:100].tolist() == trace.address[100:].tolist()


def test_the_hottest_zipf_row_gets_its_share():
    trace = synthetic.zipf_rows(50_000, rows=1000, row_bytes=1024, exponent=1.0)

    share = np.bincount((trace.address // 1024).astype(int)).max() / len(trace)

    expected = 1 / (1 / np.arange(1, 1001)).sum()
    assert share == pytest.approx(expected, rel=0.05)  # five standard errors of 50,000 draws


def test_bursts_are_sequential_and_gaps_are_idle():
    trace = synthetic.bursty(640, burst_length=64, gap_cycles=5000, interval_cycles=4)

    gaps = np.diff(trace.arrival_cycle)
    assert (gaps[np.arange(639) % 64 != 63] == 4).all()
    assert gaps[63::64].mean() > 1000
    assert describe(trace).interarrival_variation > 3


def test_phases_follow_one_another_in_time():
    trace = synthetic.phases(4000, kinds=("stream", "uniform_random"), phase_length=1000)

    parts = [describe(trace.head(1000)).next_line_share, describe(trace).next_line_share]
    assert parts[0] == 1.0
    assert parts[1] == pytest.approx(0.5, abs=0.01)  # one in a thousand lies on a border
    assert (np.diff(trace.arrival_cycle) > 0).all()


def test_the_write_share_is_met():
    assert synthetic.uniform_random(40_000, write_share=0.25).is_write.mean() == pytest.approx(
        0.25, abs=0.011
    )


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("stream", {"n": 0}, "n=0"),
        ("stream", {"n": 5, "seed": -1}, "seed=-1"),
        ("stream", {"n": 5, "write_share": 1.5}, "write_share=1.5"),
        ("stream", {"n": 5, "interval_cycles": -1}, "interval_cycles=-1"),
        ("stream", {"n": 5, "footprint_bytes": 10}, "footprint_bytes=10"),
        ("zipf_rows", {"n": 5, "rows": 0}, "rows=0"),
        ("bursty", {"n": 5, "burst_length": 0}, "burst_length=0"),
        ("phases", {"n": 5, "kinds": ("stream", "phases")}, "expected one or more of stream"),
        ("phases", {"n": 5, "kinds": ()}, "expected one or more of stream"),
    ],
)
def test_options_out_of_range_are_named(name, options, reason):
    with pytest.raises(TraceError, match=reason):
        GENERATORS[name](**options)


def test_a_spec_names_a_synthetic_trace():
    trace = traces.load("synthetic:strided?n=100&stride_bytes=0x80&seed=2&write_share=0.5")

    assert trace.hash == synthetic.strided(100, stride_bytes=128, seed=2, write_share=0.5).hash


def test_a_spec_of_phases_lists_its_kinds():
    trace = traces.load("synthetic:phases?n=100&kinds=stream,triad&phase_length=50")

    assert trace.provenance["kinds"] == "stream,triad"


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("synthetic:strem", "did you mean 'stream'"),
        ("synthetic:stream?sead=1", "did you mean 'seed'"),
        ("synthetic:stream?n=many", "n='many' is not an integer"),
        ("synthetic:stream?n=1&n=2", "given twice"),
        ("sample:srot", "there is no sample 'srot'"),
        ("nowhere.npz", r"nowhere\.npz: cannot read"),
    ],
)
def test_a_wrong_spec_is_explained(spec, reason):
    with pytest.raises(TraceError, match=reason):
        traces.load(spec)


def test_a_path_is_taken_from_the_base(tmp_path):
    traces.write(synthetic.stream(10), tmp_path / "a.npz")

    assert len(traces.load("a.npz", tmp_path)) == 10


def test_a_clock_does_not_belong_to_a_synthetic_trace():
    with pytest.raises(TraceError, match="has its own clock"):
        traces.load("synthetic:stream", clock_mhz=800)


def test_alternating_blocks_are_parts_of_a_stream_and_of_random_lines():
    given = {"seed": 3, "footprint_bytes": 1 << 20}
    trace = synthetic.alternating(5000, shortest=20, longest=40, block_seed=1, **given)
    stream, at_random = synthetic.stream(5000, **given), synthetic.uniform_random(5000, **given)

    streaming = trace.address == stream.address
    lengths = np.diff(np.flatnonzero(np.diff(streaming.astype(int))))
    assert (streaming | (trace.address == at_random.address)).all()
    assert streaming[:20].all()
    # a random line may be that of the stream by chance (1 in 16,384), so a block or two may be cut
    assert np.isin(lengths, np.arange(20, 41)).mean() > 0.97
    assert not trace.is_write.any()


def test_alternating_traces_share_their_segments_but_not_their_blocks():
    one, two = (synthetic.alternating(5000, block_seed=seed) for seed in (1, 2))

    assert one.hash != two.hash
    assert 0.3 < (one.address == two.address).mean() < 0.7


def test_blocks_that_are_longer_than_the_longest_are_refused():
    with pytest.raises(TraceError, match="longest=10"):
        synthetic.alternating(100, shortest=20, longest=10)
