"""Workload: several traces on one memory."""

from __future__ import annotations

import numpy as np
import pytest

from traces import Trace, TraceError, Workload


def trace(arrival, *, source=0, clock_ns=1.0, name="t", first=0):
    address = first + 64 * np.arange(len(arrival))
    return Trace(
        arrival_cycle=arrival,
        address=address,
        is_write=0 * address,
        clock_ns=clock_ns,
        source=source,
        name=name,
    )


def test_requests_are_merged_by_arrival_and_ties_keep_the_order_of_the_traces():
    workload = Workload.of([trace([0, 5, 9]), trace([5, 6], first=1 << 20)])

    merged = workload.merged(1_000_000)

    assert merged.arrival_cycle.tolist() == [0, 5, 5, 6, 9]
    assert merged.address.tolist() == [0, 64, 1 << 20, (1 << 20) + 64, 128]
    assert merged.source.tolist() == [0, 0, 1, 1, 0]


def test_traces_with_different_clocks_meet_in_device_time():
    workload = Workload.of([trace([0, 4], clock_ns=1.0), trace([1, 2], clock_ns=2.0)])

    assert workload.merged(1_000_000).arrival_cycle.tolist() == [0, 2, 4, 4]


def test_sources_are_numbered_over_all_traces():
    workload = Workload.of([trace([0, 1, 2], source=[7, 3, 7]), trace([0], source=3)])

    merged = workload.merged(1_000_000)

    assert sorted(zip(merged.arrival_cycle.tolist(), merged.source.tolist(), strict=True)) == [
        (0, 1),
        (0, 2),
        (1, 0),
        (2, 1),
    ]
    assert merged.n_sources == 3


def test_more_than_256_sources_are_refused():
    many = [trace([0] * 200, source=np.arange(200)), trace([0] * 100, source=np.arange(100))]

    with pytest.raises(TraceError, match="300 sources"):
        Workload.of(many).merged(1_000_000)


def test_a_workload_of_a_workload_is_itself():
    workload = Workload((trace([0]),))

    assert Workload.of(workload) is workload


def test_the_name_is_that_of_its_traces_unless_given():
    assert Workload.of([trace([0], name="a"), trace([0], name="b")]).name == "a+b"
    assert Workload((trace([0]),), name="mine").name == "mine"


def test_length_cuts_the_merged_stream():
    workload = Workload((trace([0, 10]), trace([1, 2])), length=3)

    assert workload.merged(1_000_000).arrival_cycle.tolist() == [0, 1, 2]
    assert len(workload) == 3


def test_the_scale_multiplies_arrival_times():
    assert Workload((trace([0, 3]),), arrival_scale=0.5).merged(1_000_000).arrival_cycle.tolist() == [0, 2]


def test_the_merged_stream_is_read_only_and_computed_once():
    workload = Workload.of(trace([0, 1]))
    merged = workload.merged(1_000_000)

    assert workload.merged(1_000_000) is merged
    assert not any(
        getattr(merged, name).flags.writeable
        for name in ("arrival_cycle", "address", "is_write", "source", "size_bytes")
    )
    assert merged.is_write.dtype == np.uint8


def test_only_a_few_merged_streams_are_kept():
    workload = Workload.of(trace([0, 1]))
    first = workload.merged(1_000_000)

    for tck_fs in range(10):
        workload.merged(800_000 + tck_fs)

    assert workload.merged(1_000_000) is not first


@pytest.mark.parametrize("change", [{"arrival_scale": 2.0}, {"length": 1}, {"warmup": 1}, {"start": 1}])
def test_what_changes_the_simulation_changes_the_hash(change):
    one = trace([0, 1])

    assert Workload((one,), **change).hash != Workload((one,)).hash


def test_the_name_is_not_part_of_the_hash():
    assert Workload((trace([0]),), name="x").hash == Workload((trace([0], name="other"),)).hash


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"arrival_scale": 0.0}, "arrival_scale"),
        ({"length": 0}, "length=0"),
        ({"warmup": 2}, "warmup=2 is out of range: expected 0 to 1"),
        ({"warmup": -1}, "warmup=-1"),
        ({"start": 2}, "start=2 is out of range: expected 0 to 1"),
        ({"start": -1}, "start=-1"),
        ({"start": 1, "warmup": 1}, "warmup=1 is out of range: expected 0 to 0"),
        ({"traces": ()}, "one or more traces"),
        ({"traces": ("sort.npz",)}, "one or more traces"),
    ],
)
def test_values_out_of_range_are_refused(change, reason):
    with pytest.raises(TraceError, match=reason):
        Workload(**{"traces": (trace([0, 1]),), **change})


def test_the_hash_of_a_workload_from_its_first_request_on_is_that_of_earlier_versions():
    """Recorded before workloads had a start: designs stored under it are still found."""
    workload = Workload((trace([0, 5, 9]), trace([5, 6])), arrival_scale=1.5, length=4, warmup=2)

    assert workload.hash == "103b53e2016f5f515462c03166449c51"


def test_a_start_skips_requests_of_the_merged_stream_and_counts_arrivals_anew():
    workload = Workload((trace([0, 10, 30]), trace([4, 20], first=1 << 20)), start=1, length=3)

    merged = workload.merged(1_000_000)

    assert len(workload) == 3
    assert merged.arrival_cycle.tolist() == [0, 6, 16]
    assert merged.address.tolist() == [1 << 20, 64, (1 << 20) + 64]
    assert merged.source.tolist() == [1, 0, 1]


def test_without_a_start_arrivals_stay_as_they_are():
    assert Workload((trace([7, 9]),)).merged(1_000_000).arrival_cycle.tolist() == [7, 9]


def test_a_piece_is_cut_out_of_the_workload_not_out_of_its_traces():
    workload = Workload((trace(np.arange(10) * 3),), name="mine", arrival_scale=2.0, start=2, length=6)

    piece = workload.cut(1, 4, 2)

    assert (piece.start, len(piece), piece.warmup) == (3, 4, 2)
    assert (piece.name, piece.arrival_scale) == ("mine", 2.0)
    assert piece.merged(1_000_000).address.tolist() == workload.merged(1_000_000).address[1:5].tolist()


@pytest.mark.parametrize(("start", "length"), [(-1, 2), (0, 0), (3, 4), (0, 7)])
def test_a_piece_beyond_the_workload_is_refused(start, length):
    workload = Workload((trace(np.arange(10)),), start=2, length=6)

    with pytest.raises(TraceError, match="0 to 5"):
        workload.cut(start, length)


def test_a_piece_of_a_long_trace_does_not_hold_the_rest_in_memory():
    piece = Workload.of(trace(np.arange(1000))).cut(10, 20)

    merged = piece.merged(1_000_000)

    assert merged.address.base is None or len(merged.address.base) == 20
