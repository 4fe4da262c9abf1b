"""ChampSim's records: read as ChampSim understands them, written so that it does."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.traces.any_instructions import a_loop, any_instructions
from traces import TraceError
from traces.champsim import (
    CLOUDSUITE,
    RECORD,
    branch_kinds,
    champsim_losses,
    from_records,
    read_champsim,
    to_records,
    write_champsim,
)
from traces.instructions import COLUMNS, Branch, InstructionTrace

STACK, FLAGS, POINTER = 6, 25, 26


def one(**columns):
    """A single record with those columns."""
    record = np.zeros(1, RECORD)
    for name, value in columns.items():
        record[name] = value
    return record


def padded(registers, width):
    return [*registers, *[0] * (width - len(registers))]


def test_the_records_have_the_sizes_of_the_c_structures():
    assert (RECORD.itemsize, CLOUDSUITE.itemsize) == (64, 96)
    assert RECORD.fields["read"][1] == 32
    assert [CLOUDSUITE.fields[name][1] for name in ("written", "read", "address_space")] == [24, 56, 88]


@pytest.mark.parametrize(
    ("read", "written", "kind"),
    [
        ([1, 2], [3], Branch.NONE),
        ([POINTER, FLAGS], [3], Branch.NONE),
        ([], [POINTER], Branch.JUMP),
        ([POINTER], [POINTER], Branch.JUMP),
        ([3], [POINTER], Branch.INDIRECT),
        ([POINTER, FLAGS], [POINTER], Branch.CONDITIONAL),
        ([POINTER, 3], [POINTER], Branch.CONDITIONAL),
        ([POINTER, STACK], [POINTER, STACK], Branch.CALL),
        ([POINTER, STACK, 3], [POINTER, STACK], Branch.INDIRECT_CALL),
        ([STACK], [POINTER, STACK], Branch.RETURN),
        ([STACK, 3], [STACK, POINTER], Branch.RETURN),
        ([FLAGS], [POINTER], Branch.OTHER),
        ([STACK, POINTER], [POINTER], Branch.OTHER),
    ],
)
def test_the_kind_of_a_branch_follows_from_its_registers(read, written, kind):
    found = branch_kinds(np.array([padded(read, 4)], np.uint8), np.array([padded(written, 2)], np.uint8))

    assert found.tolist() == [kind]


@pytest.mark.parametrize(("taken", "expected"), [(0, False), (1, True)])
def test_a_conditional_branch_is_taken_as_the_record_says(taken, expected):
    trace = from_records(one(taken=taken, sources=[POINTER, FLAGS, 0, 0], destinations=[POINTER, 0]))

    assert (trace.taken.tolist(), trace.sources[0].tolist()) == ([expected], [FLAGS, 0, 0, 0])


def test_a_jump_is_taken_whatever_the_record_says():
    assert from_records(one(taken=0, destinations=[POINTER, 0])).taken.tolist() == [True]


def test_an_instruction_that_is_no_branch_is_not_taken_whatever_the_record_says():
    assert from_records(one(is_branch=1, taken=1)).taken.tolist() == [False]


def test_loads_come_before_stores_and_zeros_are_none():
    trace = from_records(one(ip=7, read=[0, 64, 0, 128], written=[0, 256]))

    assert (trace.n_loads.tolist(), trace.n_stores.tolist()) == ([2], [1])
    assert trace.address.tolist() == [64, 128, 256]


def test_cloudsuite_records_lose_what_is_more_than_two_and_say_so():
    record = np.zeros(2, CLOUDSUITE)
    record["destinations"][0] = [POINTER, 3, 4, 5]
    record["written"][1] = [64, 128, 192, 256]
    record["read"][1] = [1, 0, 0, 2]

    trace = from_records(record)

    assert trace.destinations.tolist() == [[3, 4], [0, 0]]
    assert (trace.n_stores.tolist(), trace.address.tolist()) == ([0, 2], [1, 2, 64, 128])
    assert trace.provenance["dropped"] == "1 destinations, 2 stores"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("champsim")


@pytest.mark.parametrize("suffix", ["", ".xz", ".gz", ".bz2", ".zst"])
def test_a_file_is_read_as_it_was_written(folder, suffix):
    path = folder / f"600.perl-210B.champsimtrace{suffix}"
    write_champsim(a_loop(23_000), path)  # more than a block

    again = read_champsim(path)

    assert again.hash == a_loop(23_000).hash
    assert again.name == "600.perl-210B"
    assert dict(again.provenance) == {"format": "champsim", "file": path.name}


octet = st.integers(0, 40)


@given(
    rows=st.lists(
        st.tuples(st.lists(octet, min_size=4, max_size=4), st.lists(octet, min_size=2, max_size=2)),
        min_size=1,
        max_size=20,
    ),
    seed=st.integers(0, 9),
)
@settings(deadline=None)
def test_any_records_are_the_same_trace_after_writing(rows, seed):
    draw = np.random.default_rng(seed)
    records = np.zeros(len(rows), RECORD)
    special = np.array([0, STACK, FLAGS, POINTER], np.uint8)
    for record, (sources, destinations) in zip(records, rows, strict=True):
        record["sources"] = np.where(draw.random(4) < 0.5, special[draw.integers(0, 4, 4)], sources)
        record["destinations"] = np.where(draw.random(2) < 0.5, special[draw.integers(0, 4, 2)], destinations)
    records["taken"] = draw.integers(0, 2, len(rows))
    records["read"], records["written"] = (draw.integers(0, 3, (len(rows), k)) * 64 for k in (4, 2))
    trace = from_records(records)

    assert from_records(to_records(trace)).hash == trace.hash


@given(trace=any_instructions())
@settings(deadline=None)
def test_any_trace_keeps_its_branches_and_accesses(trace):
    if not trace.address.all():
        return
    again = from_records(to_records(trace))

    kept = [name for name in COLUMNS if (getattr(again, name) == getattr(trace, name)).all()]
    assert {"ip", "branch", "n_loads", "n_stores"} <= set(kept)
    assert again.address.tolist() == trace.address.tolist()
    assert (again.taken | ~trace.taken).all()


def test_dependences_through_register_26_survive_under_another_name():
    fields = {"branch": [0, 0], "taken": [0, 0], "operation": [0, 0], "n_loads": [0, 0], "n_stores": [0, 0]}
    registers = {"sources": [[0] * 4, [26, 0, 0, 0]], "destinations": [[26, 0], [255, 0]]}
    trace = InstructionTrace(ip=[0, 4], **fields, **registers, address=np.zeros(0, int))

    again = from_records(to_records(trace))

    assert not again.branch.any()
    assert again.sources[1, 0] == again.destinations[0, 0] == 254


def test_what_records_cannot_hold_is_listed():
    fields = {"branch": [1], "taken": [1], "operation": [2], "n_loads": [0], "n_stores": [0]}
    registers = {"sources": [[7, 0, 0, 0]], "destinations": [[0, 0]]}
    trace = InstructionTrace(ip=[0], **fields, **registers, address=np.zeros(0, int))

    assert champsim_losses(a_loop()) == ("name and provenance",)
    assert champsim_losses(trace) == (
        "name and provenance",
        "latency classes of instructions",
        "registers of 1 branches, which ChampSim would take for others",
    )


def test_an_access_to_address_0_cannot_be_written(tmp_path):
    trace = from_records(one(read=[64, 0, 0, 0]).repeat(3))
    fields = {name: getattr(trace, name) for name in COLUMNS}
    zero = InstructionTrace(**fields, address=np.array([64, 64, 0]))

    with pytest.raises(TraceError, match="instruction 2 accesses address 0"):
        write_champsim(zero, tmp_path / "a.champsimtrace")


def test_only_as_many_instructions_are_read_as_are_asked_for(tmp_path):
    path = tmp_path / "a.champsimtrace"
    path.write_bytes(to_records(a_loop(2)).tobytes() + b"cut off")

    assert read_champsim(path, max_instructions=6).hash == a_loop(2).hash
    assert read_champsim(path, max_instructions=4).hash == a_loop(2).head(4).hash


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "the trace is empty: expected records of 64 bytes"),
        (bytes(150), "instruction 2, at byte 128, has 22 of 64 bytes: the file was cut off"),
        (bytes(72) + b"\7" + bytes(55), "instruction 1 has is_branch=7, at byte 72: expected 0 or 1"),
        (bytes(9) + b"\2" + bytes(54), "instruction 0 has taken=2, at byte 9: expected 0 or 1"),
    ],
)
def test_a_cut_or_foreign_file_is_refused_with_the_place(tmp_path, octets, reason):
    path = tmp_path / "a.champsimtrace"
    path.write_bytes(octets)

    with pytest.raises(TraceError, match=reason) as caught:
        read_champsim(path)

    assert caught.value.path == str(path)


def test_the_place_counts_over_blocks(tmp_path):
    octets = bytearray(64 * 70_000)
    octets[64 * 69_999 + 8] = 9
    (tmp_path / "a").write_bytes(octets)

    with pytest.raises(TraceError, match="instruction 69999 has is_branch=9, at byte 4479944"):
        read_champsim(tmp_path / "a")


def test_no_instructions_cannot_be_asked_for(tmp_path):
    with pytest.raises(TraceError, match="max_instructions=0"):
        read_champsim(tmp_path / "a", max_instructions=0)


@pytest.mark.parametrize("suffix", ["", ".xz", ".bz2", ".gz", ".zst"])
@given(junk=st.binary(max_size=200))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_a_trace_or_a_trace_error(folder, suffix, junk):
    path = folder / f"junk.champsimtrace{suffix}"
    path.write_bytes(junk)

    with contextlib.suppress(TraceError):
        read_champsim(path)
