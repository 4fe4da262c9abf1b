"""The compact file of an instruction trace: exact, small, and refused when anything is wrong with it."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import traces
from tests.traces.any_instructions import a_loop, any_instructions
from traces import TraceError, container
from traces.container import INSTRUCTIONS, REQUESTS, format_held
from traces.instruction_npz import read_instruction_npz, write_instruction_npz
from traces.instructions import InstructionTrace, of_accesses
from traces.npz import read_npz, write_npz


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("instructions")


@pytest.mark.parametrize("suffix", ["", ".xz", ".zst"])
@given(trace=any_instructions())
@settings(max_examples=60, deadline=None)
def test_the_file_keeps_everything(folder, suffix, trace):
    path = folder / f"t.npz{suffix}"
    write_instruction_npz(trace, path)

    again = read_instruction_npz(path)

    assert again.hash == trace.hash
    assert (again.name, dict(again.provenance)) == (trace.name, dict(trace.provenance))


def test_a_trace_without_accesses_is_kept(tmp_path):
    fields = {
        "branch": [0],
        "taken": [0],
        "operation": [5],
        "sources": [[1, 2, 3, 4]],
        "destinations": [[5, 6]],
    }
    trace = InstructionTrace(ip=[2**64 - 1], **fields, n_loads=[0], n_stores=[0], address=np.zeros(0, int))
    write_instruction_npz(trace, tmp_path / "a.npz")

    assert read_instruction_npz(tmp_path / "a.npz").hash == trace.hash


def test_equal_traces_give_equal_bytes(tmp_path):
    for name in "ab":
        write_instruction_npz(a_loop(), tmp_path / f"{name}.npz")

    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_loop_takes_next_to_nothing(tmp_path):
    write_instruction_npz(a_loop(100_000), tmp_path / "a.npz")

    assert (tmp_path / "a.npz").stat().st_size < 5_000  # 300,000 instructions


def test_a_store_to_where_the_load_was_takes_nothing_beside_it(tmp_path):
    where = np.random.default_rng(1).integers(0, 1 << 20, 20_000) * 64
    write_instruction_npz(of_accesses(where, False), tmp_path / "loads.npz")
    write_instruction_npz(of_accesses(where.repeat(2), [False, True] * 20_000), tmp_path / "both.npz")

    sizes = [(tmp_path / name).stat().st_size for name in ("loads.npz", "both.npz")]

    assert sizes[1] < 1.05 * sizes[0]


def test_a_long_loop_is_not_taken_for_a_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(container, "_GRACE_BYTES", 0)
    write_instruction_npz(a_loop(100_000), tmp_path / "a.npz")

    assert len(read_instruction_npz(tmp_path / "a.npz")) == 300_000


@pytest.mark.parametrize("write", ["instructions", "requests"])
def test_members_that_claim_more_than_a_file_can_hold_are_refused(tmp_path, monkeypatch, write):
    path = tmp_path / "a.npz"
    if write == "instructions":
        write_instruction_npz(a_loop(), path)
    else:
        write_npz(traces.synthetic.uniform_random(500), path)
    monkeypatch.setattr(container, "_GRACE_BYTES", 0)
    monkeypatch.setattr(container, "MAX_BYTES", 1000)

    with pytest.raises(TraceError, match=r"the members hold \d+ bytes: expected at most 1000 from this file"):
        read_instruction_npz(path) if write == "instructions" else read_npz(path)


def test_the_header_says_what_a_file_holds(tmp_path):
    write_instruction_npz(a_loop(), tmp_path / "a.npz")
    write_npz(traces.synthetic.stream(10), tmp_path / "b.npz")

    assert format_held(tmp_path / "a.npz") == INSTRUCTIONS
    assert format_held(tmp_path / "b.npz") == REQUESTS


def test_each_kind_of_file_is_told_apart_from_the_other(tmp_path):
    write_instruction_npz(a_loop(), tmp_path / "a.npz")
    write_npz(traces.synthetic.stream(10), tmp_path / "b.npz")

    with pytest.raises(TraceError, match="holds instructions, not memory requests") as as_requests:
        read_npz(tmp_path / "a.npz")
    with pytest.raises(TraceError, match=r"not instructions: .*, or as instructions") as as_instructions:
        read_instruction_npz(tmp_path / "b.npz")

    assert as_requests.value.path == str(tmp_path / "a.npz")
    assert as_instructions.value.path == str(tmp_path / "b.npz")


@pytest.mark.parametrize("share", [0, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_refused(tmp_path, share):
    write_instruction_npz(a_loop(1000), tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(TraceError, match="damaged"):
        read_instruction_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("kind", ["instructions", "requests"])
def test_an_archive_that_asks_for_a_newer_program_is_refused(tmp_path, kind):
    path = tmp_path / "a.npz"
    if kind == "instructions":
        write_instruction_npz(a_loop(), path)
    else:
        write_npz(traces.synthetic.stream(10), path)
    octets = bytearray(path.read_bytes())
    octets[octets.index(b"PK\1\2") + 6] = 99  # version needed to extract, first entry of the directory
    path.write_bytes(octets)

    with pytest.raises(TraceError, match=r"damaged.*version 9\.9"):
        read_instruction_npz(path) if kind == "instructions" else read_npz(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_compressed_in_another_way_is_refused(tmp_path, compression):
    write_instruction_npz(a_loop(), tmp_path / "a.npz")
    with (
        zipfile.ZipFile(tmp_path / "a.npz") as ours,
        zipfile.ZipFile(tmp_path / "b.npz", "w", compression) as other,
    ):
        for name in ours.namelist():
            other.writestr(name, ours.read(name))

    with pytest.raises(TraceError, match="'header' is compressed in a way that"):
        read_instruction_npz(tmp_path / "b.npz")


@given(at=st.integers(0, 10_000), value=st.integers(0, 255))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_gives_a_trace_or_a_trace_error(folder, at, value):
    path = folder / "changed.npz"
    write_instruction_npz(a_loop(20), path)
    octets = bytearray(path.read_bytes())
    octets[at % len(octets)] = value
    path.write_bytes(octets)

    with contextlib.suppress(TraceError):
        read_instruction_npz(path)


def as_member(array):
    packed = io.BytesIO()
    np.save(packed, array)
    return packed.getvalue()


def edit_header(**changes):
    def change(members):
        header = json.loads(np.load(io.BytesIO(members["header.npy"])).tobytes())
        text = json.dumps({**header, **changes}).encode()
        members["header.npy"] = as_member(np.frombuffer(text, np.uint8))

    return change


def replace(name, array):
    return lambda members: members.update({f"{name}.npy": as_member(np.array(array, np.uint8))})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (edit_header(version=9), "file version 9: this program reads 1"),
        (edit_header(n=0), "n=0"),
        (edit_header(n=10), "shape"),
        (edit_header(n=2**40), "n=1099511627776"),
        (edit_header(rows=0), "rows=0: expected 1 to 9"),
        (edit_header(rows=10), "rows=10: expected 1 to 9"),
        (edit_header(rows=2), "no row of the table of 2 rows"),
        (edit_header(shift=64), "shift=64"),
        (edit_header(shift="x"), "shift='x'"),
        (edit_header(provenance=3), "damaged"),
        (edit_header(members=["row_ip"]), "damaged or not a trace"),
        (lambda members: members.pop("address.npy"), "damaged"),
        (replace("row", [[6, 2, 2, 3, 2, 2, 3, 2, 2]]), "instruction 0 is no row of the table of 3 rows"),
        (replace("row", [[1, 2, 2, 3, 2, 2, 3, 2, 2]]), "instruction 0 is no row of the table of 3 rows"),
        (replace("row_detail", [[7, 8, 96]]), "more than 4 loads or 2 stores"),
        (replace("row_detail", [[1, 24, 96]]), "more than 4 loads or 2 stores"),
        (replace("row_detail", [[1, 8, 96], [0, 0, 7]]), r"operation\[2\] is out of range"),
        (replace("taken", [0, 0]), "shape"),
        (replace("chained", []), "shape"),
        (replace("address", [[0] * 5]), "shape"),
        (replace("address", np.zeros((9, 6))), r"shape \(9, 6\)"),
        (replace("row", np.zeros((8, 1000))), "at most"),
    ],
)
def test_a_tampered_file_is_refused_with_its_path(tmp_path, change, reason):
    path = tmp_path / "a.npz"
    write_instruction_npz(a_loop(), path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)

    with pytest.raises(TraceError, match=reason) as caught:
        read_instruction_npz(path)

    assert caught.value.path == str(path)
