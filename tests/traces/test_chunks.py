"""A file read in pieces is the file read at once."""

from __future__ import annotations

import numpy as np
import pytest

import traces
from traces import readers
from traces.chunks import read_chunks
from traces.errors import TraceError

COLUMNS = ("arrival_cycle", "address", "is_write", "size_bytes")


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(readers, "_BLOCK_BYTES", 200)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("suffix", [".stl", ".stl.gz", ".trc", ".lst"])
def test_the_pieces_of_a_file_are_the_whole_of_it(tmp_path, suffix):
    path = tmp_path / f"random{suffix}"
    traces.write(
        traces.synthetic.uniform_random(300, seed=1),
        path,
        **({"format": "dramsim3"} if suffix == ".trc" else {}),
    )
    options = {"clock_mhz": 1200, **({"format": "dramsim3"} if suffix == ".trc" else {})}

    pieces = list(read_chunks(path, **options))

    whole = traces.read(path, **options)
    assert len(pieces) > 5
    for name in COLUMNS:
        assert np.array_equal(
            np.concatenate([getattr(piece, name) for piece in pieces]), getattr(whole, name)
        )


@pytest.mark.usefixtures("small_blocks")
def test_a_malformed_line_is_named_by_its_number_in_the_file(tmp_path):
    path = tmp_path / "bad.stl"
    path.write_text("".join(f"{n}: read 0x{n * 64:x}\n" for n in range(100)) + "100: raed 0x0\n")

    with pytest.raises(TraceError, match="operation") as error:
        list(read_chunks(path, clock_mhz=800))

    assert error.value.line == 101


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "empty.stl"
    path.write_text("")

    with pytest.raises(TraceError, match="empty"):
        list(read_chunks(path, clock_mhz=800))


def test_a_text_without_a_clock_is_refused(tmp_path):
    path = tmp_path / "one.stl"
    path.write_text("0: read 0x0\n")

    with pytest.raises(TraceError, match="clock"):
        list(read_chunks(path))


def test_our_own_format_is_one_piece(tmp_path):
    path = tmp_path / "one.npz"
    traces.write(traces.synthetic.stream(100), path)

    (piece,) = read_chunks(path)

    assert piece.hash == traces.read(path).hash
