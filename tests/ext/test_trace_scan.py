"""The scanner itself: chunks, counts and places. The formats are tested through traces.read."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ext.trace_scan import Fault, Grammar, scan, scan_lackey

LACKEY = b"""==12== Lackey, an example Valgrind tool
I  04001000,3
 L 1ffefff0a8,8
I  04001003,4
 S 04222c00,4
 M 04222c40,16
I  04001007,2
==12==
"""


def in_chunks(text, cuts):
    """Scan `text` in pieces as a reader does, and put the columns together."""
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    parts, rest, lines, previous = [], b"", 0, 0
    for piece, (start, end) in enumerate(pairwise(edges)):
        rest += text[start:end]
        final = piece == len(edges) - 2
        columns, read, consumed, fault, _ = scan(rest, Grammar.STL, final, previous=previous)
        assert fault == Fault.NONE
        previous = int(columns[0][-1]) if len(columns[0]) else previous
        parts.append(columns)
        rest, lines = rest[consumed:], lines + read
    return [np.concatenate(column).tolist() for column in zip(*parts, strict=True)], lines


@settings(deadline=None)
@given(
    gaps=st.lists(st.integers(0, 1000), min_size=1, max_size=30),
    cuts=st.lists(st.integers(0, 10**6), max_size=5),
)
def test_where_the_text_is_cut_makes_no_difference(gaps, cuts):
    lines = [f"{cycle}: {'read' if cycle % 2 else 'write'} 0x{cycle * 64:x}" for cycle in np.cumsum(gaps)]
    text = "\n".join(lines).encode()

    assert in_chunks(text, cuts) == in_chunks(text, [])


@settings(deadline=None)
@given(text=st.binary(max_size=300), grammar=st.sampled_from(list(range(5))), final=st.booleans())
def test_any_bytes_are_scanned_within_bounds(text, grammar, final):
    columns, lines, consumed, _, line_end = scan(text, grammar, final, levels=np.array([2, 4], np.int64))

    assert 0 <= consumed <= len(text)
    assert 0 <= line_end <= len(text)
    assert len({len(column) for column in columns}) == 1
    assert len(columns[0]) <= lines <= text.count(b"\n") + 1


def test_an_unfinished_line_waits_for_the_rest():
    columns, lines, consumed, fault, _ = scan(b"1: read 0x40\n2: wri", Grammar.STL, False)

    assert (columns[0].tolist(), lines, consumed, fault) == ([1], 1, 13, Fault.NONE)


def test_a_fault_says_which_bytes_are_wrong():
    text = b"1: read 0x40\nbad line\n3: read 0x0\n"

    columns, lines, consumed, fault, line_end = scan(text, Grammar.STL, True)

    assert (len(columns[0]), lines, text[consumed:line_end], fault) == (1, 1, b"bad line", Fault.NOT_A_CYCLE)


def test_arrivals_continue_from_the_chunk_before():
    columns, *_ = scan(b"5: read 0x0\n", Grammar.RSTL, True, previous=100)

    assert columns[0].tolist() == [105]


def test_lackey_lines_become_accesses_stamped_with_instructions():
    columns, executed, lines, consumed, fault, _ = scan_lackey(LACKEY, 100)

    address, size_bytes, is_write, instruction = (column.tolist() for column in columns)
    assert address == [0x1FFEFFF0A8, 0x4222C00, 0x4222C40]
    assert (size_bytes, is_write, instruction) == ([8, 4, 16], [0, 1, 1], [101, 102, 102])
    assert (executed, lines, consumed, fault) == (103, 8, len(LACKEY), Fault.NONE)


@pytest.mark.parametrize(
    "line", [b" L 4000\n", b" L 4000,\n", b" S ,8\n", b" M 4000,0\n", b" L 4000,99999\n"]
)
def test_a_garbled_lackey_line_is_a_fault(line):
    *_, fault, _ = scan_lackey(b"I  1,1\n" + line, 0)

    assert fault != Fault.NONE


@settings(deadline=None)
@given(text=st.binary(max_size=200))
def test_any_bytes_from_lackey_are_scanned_within_bounds(text):
    columns, _, lines, consumed, _, _ = scan_lackey(text, 0)

    assert 0 <= consumed <= len(text)
    assert len(columns[0]) <= lines
