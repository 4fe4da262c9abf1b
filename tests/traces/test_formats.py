"""Reading and writing traces: what each format keeps, and what is said about files that are wrong."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import traces
from traces import Trace, TraceError
from traces.formats import FORMATS
from traces.readers import read, split_requests
from traces.writers import losses, write

TIMED = [row.name for row in FORMATS.values() if row.has_time]
UNTIMED = [row.name for row in FORMATS.values() if not row.has_time]


any_size = st.integers(1, 64)


@st.composite
def any_trace(draw, sizes=any_size):
    n = draw(st.integers(1, 30))
    gaps = draw(st.lists(st.integers(0, 2**40), min_size=n, max_size=n))
    return Trace(
        arrival_cycle=np.cumsum(gaps),
        address=np.array(draw(st.lists(st.integers(0, 2**64 - 64), min_size=n, max_size=n)), np.uint64),
        is_write=draw(st.lists(st.booleans(), min_size=n, max_size=n)),
        size_bytes=draw(st.lists(sizes, min_size=n, max_size=n)),
        source=draw(st.lists(st.integers(0, 255), min_size=n, max_size=n)),
        clock_mhz=800,
        name=draw(st.text(max_size=5)),
        provenance=draw(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)),
    )


def through(trace, path, **options):
    write(trace, path)
    clock = {} if ".npz" in path.name else {"clock_mhz": 800}
    return read(path, **clock, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("traces")


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@given(trace=any_trace())
@settings(max_examples=30, deadline=None)
def test_npz_keeps_everything(folder, suffix, trace):
    again = through(trace, folder / f"t.npz{suffix}")

    assert again.hash == trace.hash
    assert (again.name, dict(again.provenance)) == (trace.name, dict(trace.provenance))


@pytest.mark.parametrize("suffix", [".stl", ".stl.gz", ".rstl", ".rstl.zst"])
@given(trace=any_trace())
@settings(max_examples=30, deadline=None)
def test_dramsys_formats_keep_all_but_sources(folder, suffix, trace):
    again = through(trace, folder / f"t{suffix}")

    for column in ("arrival_cycle", "address", "is_write", "size_bytes"):
        assert getattr(again, column).tolist() == getattr(trace, column).tolist()


@given(trace=any_trace(sizes=st.just(64)))
@settings(max_examples=30, deadline=None)
def test_dramsim3_keeps_arrivals_addresses_and_kinds(folder, trace):
    again = through(trace, folder / "t.trc")

    for column in ("arrival_cycle", "address", "is_write", "size_bytes"):
        assert getattr(again, column).tolist() == getattr(trace, column).tolist()


@pytest.mark.parametrize("suffix", [".lst", ".rwt.gz"])
@given(trace=any_trace(sizes=st.just(64)))
@settings(max_examples=30, deadline=None)
def test_ramulator_formats_keep_addresses_and_get_even_arrivals(folder, suffix, trace):
    again = through(trace, folder / f"t{suffix}", interval_cycles=3)

    assert again.address.tolist() == trace.address.tolist()
    assert again.is_write.tolist() == trace.is_write.tolist()
    assert again.arrival_cycle.tolist() == list(range(0, 3 * len(trace), 3))
    assert "no arrival times" in again.provenance["warning"]


def test_equal_traces_give_equal_files(tmp_path):
    made = [traces.synthetic.stream(1000, seed=1) for _ in range(2)]

    for name, trace in zip("ab", made, strict=True):
        write(trace, tmp_path / f"{name}.npz")

    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_stream_is_stored_in_few_bytes(tmp_path):
    write(traces.synthetic.stream(100_000), tmp_path / "t.npz")

    assert (tmp_path / "t.npz").stat().st_size < 2_000


def write_text(path, text):
    path.write_text(text)
    return path


def test_comments_blank_lines_lengths_and_data_are_understood(tmp_path):
    text = "# made by hand\n\n 1: read 0x40\n2:\t(32) WRITE 0X80 0xdeadbeef # last\r\n  9 : read 0xfF"

    trace = read(write_text(tmp_path / "a.stl", text), clock_mhz=800)

    assert trace.arrival_cycle.tolist() == [1, 2, 9]
    assert trace.address.tolist() == [0x40, 0x80, 0xFF]
    assert trace.is_write.tolist() == [False, True, False]
    assert trace.size_bytes.tolist() == [64, 32, 64]


def test_relative_arrivals_are_added_up_and_the_difference_is_told(tmp_path):
    trace = read(write_text(tmp_path / "a.rstl", "5: read 0x0\n0: read 0x40\n7: write 0x80\n"), clock_ns=1)

    assert trace.arrival_cycle.tolist() == [5, 5, 12]
    assert "previous arrival" in trace.provenance["warning"]


def test_address_vectors_are_read_with_an_organisation(tmp_path):
    path = write_text(tmp_path / "a.rwt", "R 0,1,2\nW 1,0,0\nR 0x1000\n")

    trace = read(path, clock_mhz=800, levels=(2, 4, 8))

    assert trace.address.tolist() == [(1 * 8 + 2) * 64, 4 * 8 * 64, 0x1000]


def test_a_request_longer_than_a_burst_is_split_at_lines(tmp_path):
    trace = read(write_text(tmp_path / "a.stl", "3: (160) write 0x20\n4: read 0x0"), clock_mhz=800)

    assert trace.address.tolist() == [0x20, 0x40, 0x80, 0x0]
    assert trace.size_bytes.tolist() == [32, 64, 64, 64]
    assert trace.arrival_cycle.tolist() == [3, 3, 3, 4]
    assert trace.provenance["split"] == "2 requests into 4 of at most 64 bytes"


@given(requests=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 4096)), min_size=1, max_size=20))
@settings(deadline=None)
def test_split_requests_cover_the_same_bytes(requests):
    address, size_bytes = (np.array(column) for column in zip(*requests, strict=True))
    cycle = np.arange(len(requests))

    arrival, low, _, size = split_requests(
        cycle, address.astype(np.uint64), cycle, size_bytes.astype(np.int32)
    )

    assert size.max() <= 64
    for index, (start, length) in enumerate(requests):
        parts = [(int(a), int(s)) for a, s, at in zip(low, size, arrival, strict=True) if at == index]
        covered = [byte for a, s in parts for byte in range(a, a + s)]
        assert covered == list(range(start, start + length))


def test_reading_stops_at_the_number_of_requests_asked_for(tmp_path):
    path = write_text(tmp_path / "a.stl", "1: read 0x0\n2: read 0x40\nnonsense\n")

    assert len(read(path, clock_mhz=800, max_requests=2)) == 2


def test_a_trace_longer_than_a_block_is_read_whole(tmp_path):
    trace = traces.synthetic.uniform_random(300_000, seed=4)
    write(trace, tmp_path / "a.stl")

    again = read(tmp_path / "a.stl", clock_mhz=1200)

    assert (tmp_path / "a.stl").stat().st_size > 4 << 20
    assert again.hash == trace.hash


MALFORMED = [
    ("a.stl", "1: read 0x0\nx: read 0x40\n", 2, "no cycle count", "x: read 0x40"),
    ("a.stl", "1 read 0x0\n", 1, "no ':'", "1 read 0x0"),
    ("a.stl", "# c\n\n1: raed 0x0\n", 3, "none of the format's", "1: raed 0x0"),
    ("a.stl", "1: readx 0x0\n", 1, "none of the format's", "1: readx 0x0"),
    ("a.stl", "1: read 40\n", 1, "no address", "1: read 40"),
    ("a.stl", "1: read 0x\n", 1, "no address", "1: read 0x"),
    ("a.stl", "1: read", 1, "no address", "1: read"),
    ("a.stl", "1:", 1, "none of the format's", "1:"),
    ("a.stl", "1: (0) read 0x0", 1, "length", "1: (0) read 0x0"),
    ("a.stl", "1: (4097) read 0x0", 1, "length", "1: (4097) read 0x0"),
    ("a.stl", "1: (64 read 0x0", 1, "length", "1: (64 read 0x0"),
    ("a.stl", "1: read 0x0 0x1 0x2", 1, "more text", "1: read 0x0 0x1 0x2"),
    ("a.stl", "1: read 0x10000000000000000", 1, "does not fit", "1: read 0x10000000000000000"),
    ("a.stl", "99999999999999999999: read 0x0", 1, "does not fit", "99999999999999999999: read 0x0"),
    ("a.stl", "4611686018427387904: read 0x0", 1, "does not fit", "4611686018427387904: read 0x0"),
    ("a.stl", "5: read 0x0\n4: read 0x0", 2, "before that of the line above", "4: read 0x0"),
    ("a.rstl", "-1: read 0x0", 1, "no cycle count", "-1: read 0x0"),
    ("a.rstl", "4611686018427387903: read 0x0\n1: read 0x0", 2, "does not fit", "1: read 0x0"),
    ("a.lst", "LD 0x0\nLOAD 0x40\n", 2, "none of the format's", "LOAD 0x40"),
    ("a.lst", "LD zero\n", 1, "no address", "LD zero"),
    ("a.rwt", "R 1,2,3\n", 1, "`levels`", "R 1,2,3"),
    ("a.trc", "0x0 READ\n", 1, "no cycle count", "0x0 READ"),
    ("a.trc", "0x0 READ 5 6\n", 1, "more text", "0x0 READ 5 6"),
    ("a.trc", "0x0 FETCH 5\n", 1, "none of the format's", "0x0 FETCH 5"),
]


@pytest.mark.parametrize(("name", "text", "line", "reason", "shown"), MALFORMED)
def test_a_malformed_line_is_reported_with_file_line_text_and_grammar(
    tmp_path, name, text, line, reason, shown
):
    path = write_text(tmp_path / name, text)

    with pytest.raises(TraceError, match=reason) as caught:
        read(path, clock_mhz=800)

    assert (caught.value.path, caught.value.line) == (str(path), line)
    assert f"got {shown!r}, expected '{FORMATS[_format(name)].grammar}'" in str(caught.value)


def _format(name):
    return next(row.name for row in FORMATS.values() if Path(name).suffix in row.suffixes)


def test_the_line_number_counts_over_blocks(tmp_path):
    good = "1: read 0x0123456789abcdef\n" * 400_000
    path = write_text(tmp_path / "a.stl", good + "bad\n")

    with pytest.raises(TraceError) as caught:
        read(path, clock_mhz=800)

    assert caught.value.line == 400_001


@pytest.mark.parametrize("vector", ["0,1", "0,1,2,3", "2,0,0", "0,4,0", "0,0,8", "a,0,0"])
def test_a_vector_that_does_not_fit_the_organisation_is_refused(tmp_path, vector):
    path = write_text(tmp_path / "a.rwt", f"R {vector}\n")

    with pytest.raises(TraceError):
        read(path, clock_mhz=800, levels=(2, 4, 8))


@given(junk=st.binary(max_size=200))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("suffix", [".stl", ".rstl", ".lst", ".rwt", ".trc", ".npz", ".stl.gz", ".stl.zst"])
def test_any_bytes_give_a_trace_or_a_trace_error(folder, suffix, junk):
    path = folder / f"junk{suffix}"
    path.write_bytes(junk)

    with contextlib.suppress(TraceError):
        read(path, **({} if suffix == ".npz" else {"clock_mhz": 800}))


def test_a_line_without_end_is_refused_early(tmp_path):
    path = write_text(tmp_path / "a.stl", "1" * (5 << 20))

    with pytest.raises(TraceError, match="longer than 65536 bytes"):
        read(path, clock_mhz=800)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
def test_a_file_without_requests_is_refused(tmp_path, text):
    with pytest.raises(TraceError, match="empty"):
        read(write_text(tmp_path / "a.stl", text), clock_mhz=800)


def test_a_text_trace_needs_a_clock(tmp_path):
    with pytest.raises(TraceError, match="clock_mhz"):
        read(write_text(tmp_path / "a.stl", "1: read 0x0"))


def test_a_clock_that_contradicts_the_file_is_refused(tmp_path):
    write(traces.synthetic.stream(10), tmp_path / "a.npz")

    with pytest.raises(TraceError, match="leave it out"):
        read(tmp_path / "a.npz", clock_mhz=800)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TraceError, match=r"none\.stl: cannot read the trace: No such file"):
        read(tmp_path / "none.stl", clock_mhz=800)


def test_an_unknown_suffix_lists_the_known_ones(tmp_path):
    with pytest.raises(TraceError, match=r"'\.xyz' names no trace format: expected one of \.stl"):
        read(tmp_path / "a.xyz.gz", clock_mhz=800)


def test_an_unknown_format_suggests_the_nearest(tmp_path):
    with pytest.raises(TraceError, match="did you mean 'dramsim3'"):
        read(tmp_path / "a.stl", clock_mhz=800, format="dramsim")


def bomb(path, total_bytes):
    block = b"\n" * (1 << 20)
    if path.suffix == ".gz":
        with gzip.open(path, "wb") as packed:
            for _ in range(total_bytes >> 20):
                packed.write(block)
    else:
        with path.open("wb") as raw, zstandard.ZstdCompressor().stream_writer(raw) as packed:
            for _ in range(total_bytes >> 20):
                packed.write(block)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_decompression_bomb_is_stopped(tmp_path, suffix):
    path = tmp_path / f"bomb.stl{suffix}"
    bomb(path, 200 << 20)

    with pytest.raises(TraceError, match="decompresses to more than"):
        read(path, clock_mhz=800)


def test_a_truncated_gzip_is_reported_as_damaged(tmp_path):
    write(traces.synthetic.uniform_random(1000), tmp_path / "a.stl.gz")
    whole = (tmp_path / "a.stl.gz").read_bytes()
    (tmp_path / "a.stl.gz").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(TraceError, match="damaged"):
        read(tmp_path / "a.stl.gz", clock_mhz=800)


def repacked(path, change):
    """Read the members of an npz, let `change` edit them, and write them back."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def as_member(array):
    packed = io.BytesIO()
    np.save(packed, array, allow_pickle=True)
    return packed.getvalue()


def edit_header(**changes):
    def change(members):
        header = json.loads(np.load(io.BytesIO(members["header.npy"])).tobytes())
        text = json.dumps({**header, **changes}).encode()
        members["header.npy"] = as_member(np.frombuffer(text, np.uint8))

    return change


def replace(name, array):
    return lambda members: members.update({f"{name}.npy": as_member(array)})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (edit_header(version=2), "file version 2: this program reads 1"),
        (edit_header(format="other"), "not a trace"),
        (edit_header(n=0), "n=0"),
        (edit_header(n=10**12), "n=1000000000000"),
        (edit_header(n=101), "shape"),
        (edit_header(members=["arrival_delta"]), "damaged or not a trace"),
        (edit_header(shift=70), "shift=70"),
        (edit_header(clock_fs=0), "clock_fs"),
        (edit_header(first_arrival_cycle=-1), "damaged|out of range|out of bounds"),
        (edit_header(constants={"size_bytes": 64}), "damaged"),
        (lambda members: members.pop("header.npy"), "no header"),
        (lambda members: members.pop("address.npy"), "damaged"),
        (replace("address", np.zeros((1, 100), np.uint16)), "uint16"),
        (replace("address", np.array([{}], dtype=object)), "object"),
        (replace("address", np.zeros((9, 100), np.uint8)), r"shape \(9, 100\)"),
        (replace("is_write", np.zeros(99, np.uint8)), "shape"),
        (replace("address", np.zeros(1 << 20, np.uint8)), "at most"),
    ],
)
def test_a_tampered_npz_is_refused_with_its_path(tmp_path, change, reason):
    path = tmp_path / "a.npz"
    write(traces.synthetic.uniform_random(100), path)
    repacked(path, change)

    with pytest.raises(TraceError, match=reason) as caught:
        read(path)

    assert caught.value.path == str(path)


def test_an_array_header_that_claims_more_than_the_member_holds_allocates_nothing(tmp_path):
    path = tmp_path / "a.npz"
    write(traces.synthetic.uniform_random(100), path)
    claim = as_member(np.zeros((1, 100), np.uint8)).replace(b"(1, 100)", b"(1, 10**12)"[:8])
    repacked(path, lambda members: members.update({"address.npy": claim}))

    with pytest.raises(TraceError):
        read(path)


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        (".npz", ()),
        (".stl", ("the arrival clock", "name and provenance", "sources")),
        (".lst", ("arrival times", "name and provenance", "sizes", "sources")),
    ],
)
def test_what_a_format_cannot_hold_is_listed(suffix, expected):
    trace = Trace(arrival_cycle=[0], address=[0], is_write=[0], clock_ns=1, size_bytes=32, source=1)

    assert losses(trace, f"a{suffix}") == expected


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.stl"
    write(traces.synthetic.stream(10), path)
    before = path.read_bytes()
    trace = traces.synthetic.stream(10)
    object.__setattr__(trace, "is_write", None)

    with pytest.raises(TypeError):
        write(trace, path)

    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.stl"]


def test_a_folder_that_does_not_exist_is_reported(tmp_path):
    with pytest.raises(TraceError, match="cannot write the trace"):
        write(traces.synthetic.stream(10), tmp_path / "none" / "a.stl")
