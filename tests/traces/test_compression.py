"""Compressed files: read in blocks, whole or not at all, and never larger than they may be."""

from __future__ import annotations

import bz2
import gzip
import lzma

import pytest
import zstandard

from traces import TraceError, compression
from traces.compression import COMPRESSIONS, open_bounded, write_replacing

PACK = {
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
}
TEXT = b"".join(b"%d: read 0x%x\n" % (i, i * i * 64) for i in range(20_000))


def content(path, n=1 << 16):
    with open_bounded(path) as stream:
        return b"".join(iter(lambda: stream.read(n), b""))


def packed(tmp_path, suffix, octets):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(octets)
    return path


def test_every_compression_is_tried_here():
    assert set(PACK) == set(COMPRESSIONS)


@pytest.mark.parametrize("suffix", COMPRESSIONS)
@pytest.mark.parametrize("n", [1000, 1 << 22])
def test_what_was_compressed_elsewhere_is_read(tmp_path, suffix, n):
    assert content(packed(tmp_path, suffix, PACK[suffix](TEXT)), n) == TEXT


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_what_is_written_is_read_again(tmp_path, suffix):
    write_replacing(tmp_path / f"a{suffix}", lambda raw: raw.writelines([TEXT, TEXT]))

    assert content(tmp_path / f"a{suffix}") == TEXT + TEXT


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_equal_contents_give_equal_files(tmp_path, suffix):
    for name in "ab":
        write_replacing(tmp_path / f"{name}.x{suffix}", lambda raw: raw.writelines([TEXT]))

    assert (tmp_path / f"a.x{suffix}").read_bytes() == (tmp_path / f"b.x{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_streams_one_after_the_other_are_one_file(tmp_path, suffix):
    both = PACK[suffix](TEXT) + PACK[suffix](b"end")

    assert content(packed(tmp_path, suffix, both)) == TEXT + b"end"


def test_padding_between_xz_streams_is_skipped(tmp_path):
    both = lzma.compress(TEXT) + bytes(8) + lzma.compress(b"end") + bytes(4)

    assert content(packed(tmp_path, ".xz", both)) == TEXT + b"end"


@pytest.mark.parametrize("suffix", COMPRESSIONS)
@pytest.mark.parametrize("share", [0.001, 0.5, 0.99])
def test_a_file_that_was_cut_off_is_damaged_not_shorter(tmp_path, suffix, share):
    whole = PACK[suffix](TEXT)
    path = packed(tmp_path, suffix, whole[: max(8, int(len(whole) * share))])

    with pytest.raises(TraceError, match="damaged") as caught:
        content(path)

    assert caught.value.path == str(path)


@pytest.mark.parametrize("suffix", COMPRESSIONS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_changed_byte_in_what_we_wrote_is_noticed(tmp_path, suffix, share):
    path = tmp_path / f"a{suffix}"
    write_replacing(path, lambda raw: raw.writelines([TEXT]))
    octets = bytearray(path.read_bytes())
    octets[int(len(octets) * share)] ^= 0x10
    path.write_bytes(octets)

    with pytest.raises(TraceError, match="damaged"):
        content(path)


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_foreign_bytes_are_damaged(tmp_path, suffix):
    with pytest.raises(TraceError, match="damaged"):
        content(packed(tmp_path, suffix, TEXT))


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_foreign_bytes_after_the_end_are_damaged(tmp_path, suffix):
    with pytest.raises(TraceError, match="damaged"):
        content(packed(tmp_path, suffix, PACK[suffix](TEXT) + b"foreign bytes"))


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_a_bomb_is_stopped_at_its_ratio(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(compression, "GRACE_BYTES", 1 << 20)
    path = packed(tmp_path, suffix, PACK[suffix](bytes(8 << 20)))

    with pytest.raises(TraceError, match=r"more than \d+ bytes: expected at most 300 times"):
        content(path, 1 << 18)


def test_an_xz_file_that_wants_too_much_memory_is_refused(tmp_path):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 512 << 20}]
    path = packed(tmp_path, ".xz", lzma.compress(b"small", filters=filters))

    with pytest.raises(TraceError, match=r"damaged.*[Mm]emory"):
        content(path)
