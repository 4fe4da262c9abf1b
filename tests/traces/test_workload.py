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


@pytest.mark.parametrize("change", [{"arrival_scale": 2.0}, {"length": 1}, {"warmup": 1}])
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
        ({"traces": ()}, "one or more traces"),
        ({"traces": ("sort.npz",)}, "one or more traces"),
    ],
)
def test_values_out_of_range_are_refused(change, reason):
    with pytest.raises(TraceError, match=reason):
        Workload(**{"traces": (trace([0, 1]),), **change})
