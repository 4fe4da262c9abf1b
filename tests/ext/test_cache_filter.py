"""The cache filter against a model in plain Python that keeps each set as a list."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ext.cache_filter import CacheFilter

LINE = 64


class Model:
    """Sets as lists of [line, dirty], most recently used first."""

    def __init__(self, sizes_bytes, ways, line_bytes):
        self.line_bytes = line_bytes
        self.ways = ways
        self.levels = [
            [[] for _ in range(size // (n * line_bytes))] for size, n in zip(sizes_bytes, ways, strict=True)
        ]

    def touch(self, level, line, dirty):
        """(found, displaced [line, dirty] or None)"""
        entries = self.levels[level][line % len(self.levels[level])]
        for entry in entries:
            if entry[0] == line:
                entries.remove(entry)
                entries.insert(0, [line, entry[1] or dirty])
                return True, None
        entries.insert(0, [line, dirty])
        return False, entries.pop() if len(entries) > self.ways[level] else None

    def write_back(self, level, displaced):
        if displaced is None or not displaced[1]:
            return []
        if level == len(self.levels):
            return [(displaced[0] * self.line_bytes, 1)]
        found, next_displaced = self.touch(level, displaced[0], True)
        return [] if found else self.write_back(level + 1, next_displaced)

    def fetch(self, level, line, dirty):
        if level == len(self.levels):
            return [(line * self.line_bytes, 0)]
        found, displaced = self.touch(level, line, dirty)
        if found:
            return []
        return self.fetch(level + 1, line, False) + self.write_back(level + 1, displaced)

    def run(self, accesses):
        requests = []
        for number, (address, size, is_write) in enumerate(accesses):
            for line in range(address // self.line_bytes, (address + size - 1) // self.line_bytes + 1):
                requests += [(*request, number) for request in self.fetch(0, line, bool(is_write))]
        return requests


def run(cache, accesses):
    address, size_bytes, is_write = zip(*accesses, strict=True)
    stamps = np.arange(len(accesses), dtype=np.int64) * 10
    out = cache.run(
        np.array(address, np.uint64), np.array(size_bytes, np.int32), np.array(is_write, np.uint8), stamps
    )
    return list(zip(out[0].tolist(), out[1].tolist(), out[2].tolist(), strict=True))


accesses = st.lists(
    st.tuples(st.integers(0, 4000), st.integers(1, 200), st.integers(0, 1)), min_size=1, max_size=200
)
hierarchies = st.sampled_from(
    [
        ((256,), (1,), 64),
        ((256,), (4,), 64),
        ((384,), (2,), 64),
        ((256, 512), (2, 2), 64),
        ((128, 512), (2, 8), 32),
        ((128, 256, 768), (2, 4, 3), 64),
    ]
)


@settings(deadline=None)
@given(accesses=accesses, hierarchy=hierarchies)
def test_what_reaches_memory_equals_the_plain_model(accesses, hierarchy):
    cache = CacheFilter(*hierarchy)

    assert run(cache, accesses) == Model(*hierarchy).run(accesses)


@settings(deadline=None)
@given(accesses=accesses, hierarchy=hierarchies, cut=st.integers(0, 200))
def test_a_trace_in_two_chunks_equals_the_trace_in_one(accesses, hierarchy, cut):
    cut = min(cut, len(accesses) - 1)
    chunked, whole = CacheFilter(*hierarchy), CacheFilter(*hierarchy)

    parts = (run(chunked, accesses[:cut]) if cut else []) + run(chunked, accesses[cut:])

    assert parts == run(whole, accesses)
    assert chunked.hits.tolist() == whole.hits.tolist()
    assert chunked.flush().tolist() == whole.flush().tolist()


@settings(deadline=None)
@given(accesses=accesses, hierarchy=hierarchies)
def test_every_modified_line_is_written_back_or_still_inside(accesses, hierarchy):
    cache = CacheFilter(*hierarchy)
    line_bytes = hierarchy[2]

    requests = run(cache, accesses)

    modified = {
        line * line_bytes
        for address, size, is_write in accesses
        if is_write
        for line in range(address // line_bytes, (address + size - 1) // line_bytes + 1)
    }
    written = {address for address, is_write, _ in requests if is_write}
    assert written | set(cache.flush().tolist()) == modified


def test_a_second_access_to_a_line_reaches_no_memory():
    cache = CacheFilter((1024,), (2,))

    assert run(cache, [(0, 8, 0), (8, 8, 1), (63, 1, 0)]) == [(0, 0, 0)]


def test_an_access_over_a_line_border_fetches_both_lines():
    cache = CacheFilter((1024,), (2,))

    assert run(cache, [(60, 8, 0)]) == [(0, 0, 0), (64, 0, 0)]


def test_the_least_recently_used_line_is_displaced():
    cache = CacheFilter((2 * LINE,), (2,))

    requests = run(cache, [(0, 1, 0), (64, 1, 0), (0, 1, 0), (128, 1, 0), (0, 1, 0), (64, 1, 0)])

    assert [address for address, _, _ in requests] == [0, 64, 128, 64]


def test_a_displaced_modified_line_is_written_after_the_fetch():
    cache = CacheFilter((LINE,), (1,))

    assert run(cache, [(0, 1, 1), (64, 1, 0)]) == [(0, 0, 0), (64, 0, 1), (0, 1, 1)]


def test_stamps_of_the_causing_access_are_kept():
    cache = CacheFilter((LINE,), (1,))
    columns = np.array([0, 64], np.uint64), np.array([1, 1], np.int32), np.array([0, 0], np.uint8)

    *_, instruction = cache.run(*columns, np.array([7, 1 << 40], np.int64))

    assert instruction.tolist() == [7, 1 << 40]


def test_reset_forgets_everything():
    cache = CacheFilter((1024,), (2,))
    first = run(cache, [(0, 8, 1)])

    cache.reset()

    assert run(cache, [(0, 8, 1)]) == first
    assert cache.accesses == 1


def test_no_accesses_give_no_requests():
    empty = np.empty(0, np.uint64), np.empty(0, np.int32), np.empty(0, np.uint8), np.empty(0, np.int64)

    assert [len(column) for column in CacheFilter((1024,), (2,)).run(*empty)] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("hierarchy", "reason"),
    [
        (((), (), 64), "levels"),
        (((1024,), (2, 2), 64), "levels"),
        (((1024,) * 5, (2,) * 5, 64), "levels"),
        (((1000,), (2,), 64), "multiple"),
        (((0,), (2,), 64), "multiple"),
        (((1024,), (0,), 64), "ways"),
        (((1024,), (2,), 48), "power of two"),
    ],
)
def test_an_impossible_hierarchy_is_refused(hierarchy, reason):
    with pytest.raises(ValueError, match=reason):
        CacheFilter(*hierarchy)


@pytest.mark.parametrize("size_bytes", [0, -1, 5000])
def test_an_access_of_an_impossible_size_is_refused(size_bytes):
    with pytest.raises(ValueError, match="size_bytes"):
        run(CacheFilter((1024,), (2,)), [(0, size_bytes, 0)])
