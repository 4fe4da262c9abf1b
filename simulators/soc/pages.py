"""Where pages and page tables lie in physical memory, decided before a simulation begins.

Pages get frames in the order in which the programs first touch them, core after core, each core in program
order; so placement does not depend on timing, and designs that share traces share it. A page is preceded by
those tables on the way to it that are new, from the root down. Policies: "first-touch" gives the frames 0, 1,
2, ... in this order, "hashed" the same through a permutation by a seed, so that pages lie scattered, as in a
machine that has been running for long, and never collide. Everything is done at once, in numpy; the readable
twin, which gives frame after frame, is simulators/soc/twin/tlb.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dse.errors import InputError, did_you_mean, listed
from traces.instructions import InstructionTrace

POLICIES = ("first-touch", "hashed")
PAGE_BITS = (12, 21)
LEVELS = (4, 5)
MOST_SPACES = 4096

_LEVEL_BITS, _ENTRY_BYTES, _TABLE_BITS = 9, 8, 12
_SPACE_SHIFT = np.uint64(52)  # a virtual page has at most 52 bits
_FEISTEL_ROUNDS = 4

Words = NDArray[np.uint64]


class PlacementError(InputError):
    """Pages that do not fit into physical memory, or a memory that cannot be."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Physical memory and how pages are placed in it. Raises PlacementError for values that cannot be.

    capacity_bytes: a multiple of the page. page_bits: 12 or 21. levels: of the page table, 4 or 5. policy:
    one of POLICIES. seed: of the permutation; without part in "first-touch".
    """

    capacity_bytes: int
    page_bits: int = 12
    levels: int = 4
    policy: str = "first-touch"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("page_bits", self.page_bits, PAGE_BITS),
            ("levels", self.levels, LEVELS),
            ("policy", self.policy, POLICIES),
        ):
            if value not in choices:
                hint = did_you_mean(value, choices)
                raise PlacementError(f"{name}={value!r}: expected one of {listed(choices)}.{hint}")
        page = 1 << self.page_bits
        if self.capacity_bytes < page or self.capacity_bytes % page:
            raise PlacementError(
                f"capacity_bytes={self.capacity_bytes}: expected a positive multiple of a page, {page} bytes"
            )
        if not 0 <= self.seed < 1 << 64:
            raise PlacementError(f"seed={self.seed}: expected 0 to 2^64 - 1")

    @property
    def leaf(self) -> int:
        """The level whose entries name frames: 1 for pages of 4 KiB, 2 for those of 2 MiB."""
        return 1 if self.page_bits == _TABLE_BITS else 2

    @property
    def n_frames(self) -> int:
        """Frames, each of one page."""
        return self.capacity_bytes >> self.page_bits


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """All pages that some programs touch, numbered in order of first touch; the arrays are read-only.

    space: uint64 (n,), the address space of each page; page: uint64 (n,), its virtual number; frame: uint64
    (n,), its physical number. entry: uint64 (n, levels), physical address in bytes of the page-table entry
    that a walk for the page reads at level k + 1; 0 below the leaf, where nothing is read. n_tables: tables.
    n_used: frames in use, those of tables among them.
    """

    memory: Memory
    space: Words
    page: Words
    frame: Words
    entry: Words
    n_tables: int
    n_used: int
    _sorted: tuple[Words, NDArray[np.int64]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        key = self.space << _SPACE_SHIFT | self.page
        order = np.argsort(key)
        object.__setattr__(self, "_sorted", (key[order], order))
        for array in (self.space, self.page, self.frame, self.entry):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.page)

    def numbers(self, space: int, address: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The number of the page of each virtual byte address, (n,); each must have been placed."""
        key, order = self._sorted
        wanted = _keys(space, address >> np.uint64(self.memory.page_bits))
        at = np.searchsorted(key, wanted)
        assert (key.take(at, mode="clip") == wanted).all(), "a page was not placed"
        return order[at]

    def physical(self, number: NDArray[np.int64], address: NDArray[np.uint64]) -> Words:
        """The physical byte address of each virtual one (n,), which lies in the page of that number (n,)."""
        bits = np.uint64(self.memory.page_bits)
        return self.frame[number] << bits | address & ((np.uint64(1) << bits) - np.uint64(1))


def touched_pages(trace: InstructionTrace, page_bits: int) -> Words:
    """Virtual pages of a trace in order of first touch, uint64 (n,): an instruction's, then its accesses'."""
    touched = np.empty(len(trace) + len(trace.address), np.uint64)
    is_code = np.zeros(len(touched), np.bool_)
    is_code[np.arange(len(trace)) + trace.first_access] = True
    touched[is_code], touched[~is_code] = trace.ip, trace.address
    touched >>= np.uint64(page_bits)
    repeats = np.concatenate([[False], touched[1:] == touched[:-1]])
    return _first_seen(touched[~repeats])[0]


def place_pages(threads: Sequence[tuple[int, Words]], memory: Memory) -> Placement:
    """Place what threads, each (address space, virtual pages uint64 (m,) in order), touch, one by one.

    Threads of one address space (0 to 4095) share its pages. Raises PlacementError when memory is too small.
    """
    for space, _ in threads:
        if not 0 <= space < MOST_SPACES:
            raise PlacementError(f"address space {space}: expected 0 to {MOST_SPACES - 1}")
    keys = [_keys(space, touched) for space, touched in threads]
    key, _ = _first_seen(np.concatenate([np.empty(0, np.uint64), *keys]))
    spaces, pages = key >> _SPACE_SHIFT, key & (np.uint64(1) << _SPACE_SHIFT) - np.uint64(1)
    tables = _tables(spaces, pages, memory)
    n_tables = sum(len(first) for first, _ in tables)
    frames, table_address, n_used = _given_away(len(key), tables, memory)
    entry = np.zeros((len(key), memory.levels), np.uint64)
    for level, (_, which), address in zip(_downwards(memory), tables, table_address, strict=True):
        place = _entries(pages, level, memory) & np.uint64((1 << _LEVEL_BITS) - 1)
        entry[:, level - 1] = address[which] + place * np.uint64(_ENTRY_BYTES)
    return Placement(memory, spaces, pages, frames, entry, n_tables, n_used)


# ------------------------------------------------------------------------------------------- order of touch

Tables = list[
    tuple[NDArray[np.int64], NDArray[np.int64]]
]  # by level: the first page of each; which a page has


def _keys(space: int, page: Words) -> Words:
    return np.uint64(space) << _SPACE_SHIFT | page


def _first_seen(values: Words) -> tuple[Words, NDArray[np.int64]]:
    """Distinct values in order of their first appearance, and where each appeared first."""
    distinct, first = np.unique(values, return_index=True)
    order = np.argsort(first)
    return distinct[order], first[order]


def _downwards(memory: Memory) -> range:
    return range(memory.levels, memory.leaf - 1, -1)


def _entries(page: Words, level: int, memory: Memory) -> Words:
    """The number of the entry for each page among all of its level.

    Bits of the page above what the levels tell apart have no part in it: an address space has one root.
    """
    told_apart = np.uint64((1 << _LEVEL_BITS * (memory.levels - memory.leaf + 1)) - 1)
    return (page & told_apart) >> np.uint64(_LEVEL_BITS * (level - memory.leaf))


def _tables(space: Words, page: Words, memory: Memory) -> Tables:
    """By level, from the root down: the page that needs each table first, and the table of each page."""
    found = []
    for level in _downwards(memory):
        key = space << _SPACE_SHIFT | _entries(page, level, memory) >> np.uint64(_LEVEL_BITS)
        distinct, first = _first_seen(key)
        by_key = np.argsort(distinct)
        found.append((first, by_key[np.searchsorted(distinct[by_key], key)]))
    return found


def _given_away(n_pages: int, tables: Tables, memory: Memory) -> tuple[Words, list[Words], int]:
    """The frame of each page, the address of each table by level, and the number of frames given away."""
    depth = len(tables)
    turns = [first * (depth + 1) + k for k, (first, _) in enumerate(tables)]
    turns.append(np.arange(n_pages) * (depth + 1) + depth)  # of a page, after those of its tables
    order = np.argsort(np.concatenate(turns))
    n_tables = len(order) - n_pages
    is_table = order < n_tables
    room = 1 << (memory.page_bits - _TABLE_BITS)  # tables in a frame
    takes = ~is_table | ((np.cumsum(is_table) - 1) % room == 0)
    given = _frames(int(takes.sum()), memory)
    holders = given[is_table[takes]] << np.uint64(memory.page_bits)
    nth = np.arange(n_tables)
    address = np.empty(n_tables, np.uint64)
    address[order[is_table]] = holders[nth // room] + (nth % room << _TABLE_BITS).astype(np.uint64)
    by_level = np.split(address, np.cumsum([len(first) for first, _ in tables])[:-1])
    return given[~is_table[takes]], by_level, len(given)


# ------------------------------------------------------------------------------------------------- policies


def _frames(n: int, memory: Memory) -> Words:
    """The first n frames that the policy gives."""
    if n > memory.n_frames:
        raise PlacementError(
            f"the traces touch {n} pages of {1 << memory.page_bits} bytes, page tables among them, but there "
            f"is memory for {memory.n_frames} (capacity_bytes={memory.capacity_bytes}): give it at least "
            f"{n << memory.page_bits} bytes, or run shorter or fewer traces"
        )
    numbers = np.arange(n, dtype=np.uint64)
    return numbers if memory.policy == "first-touch" else _permuted(numbers, memory.n_frames, memory.seed)


def _permuted(numbers: Words, n: int, seed: int) -> Words:
    """Where numbers below n stand in a permutation of all: a Feistel network, passed again while beyond n."""
    half_bits = max(((n - 1).bit_length() + 1) // 2, 1)
    half, mask = np.uint64(half_bits), np.uint64((1 << half_bits) - 1)
    found = numbers.copy()
    beyond = np.ones(len(found), np.bool_)
    while beyond.any():
        left, right = found[beyond] >> half, found[beyond] & mask
        for k in range(_FEISTEL_ROUNDS):
            key = _splitmix64(np.array([seed ^ k], np.uint64))
            left, right = right, left ^ (_splitmix64(key ^ right) & mask)
        found[beyond] = left << half | right
        beyond = found >= np.uint64(n)
    return found


def _splitmix64(x: Words) -> Words:
    """The generator of that name (Steele, Lea and Flood, OOPSLA 2014) as a hash of 64 bits."""
    z = x + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return z ^ z >> np.uint64(31)
