"""Address translation, as it is meant: translation buffers, the caches of a page walker, frames, page tables.

The engine's buffers and caches (ext/soc_tlb.pxd) equal this module page for page, and the frames and tables
that simulators/soc/pages.py gives away at once equal those given here one after the other. A page is 4 KiB or
2 MiB; its number is a virtual address without the bits inside the page. Page tables are those of x86-64: 4 or
5 levels of tables of 512 entries of 8 bytes, level 1 the lowest (Intel, Software Developer's Manual, volume
3, chapter 4). Walk caches keep entries of the upper levels (Barr, Cox and Rixner, ISCA 2010); their sizes are
those that ChampSim calls PSCL5 to PSCL2.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping

SMALL_PAGE_BITS, LARGE_PAGE_BITS = 12, 21
LEVEL_BITS, ENTRY_BYTES, TABLE_BYTES = 9, 8, 4096
WALK_CACHES = {5: (1, 2), 4: (1, 4), 3: (2, 4), 2: (4, 8)}  # sets and ways by level
FEISTEL_ROUNDS = 4


class Tlb:
    """Sets of pages, chosen by the number of the virtual page; the one not used for longest leaves."""

    def __init__(self, sets: int, ways: int) -> None:
        self.sets = [OrderedDict[Hashable, None]() for _ in range(sets)]
        self.ways = ways

    def find(self, key: Hashable, page: int) -> bool:
        """Whether the page known by `key` is there; it then counts as used."""
        row = self.sets[page % len(self.sets)]
        if key not in row:
            return False
        row.move_to_end(key)
        return True

    def insert(self, key: Hashable, page: int) -> None:
        """The page enters its set, as the one used last."""
        row = self.sets[page % len(self.sets)]
        row[key] = None
        row.move_to_end(key)
        if len(row) > self.ways:
            row.popitem(last=False)


class Walker:
    """What a walk has to read: the entries from the first level that no cache holds down to the leaf.

    leaf: the level whose entries name frames, 1 for pages of 4 KiB and 2 for those of 2 MiB. caches: sets and
    ways by level; the cache of a level holds entries that were read there.
    """

    def __init__(self, levels: int, leaf: int, caches: Mapping[int, tuple[int, int]]) -> None:
        self.levels = levels
        self.leaf = leaf
        self.caches = {level: Tlb(*caches[level]) for level in caches if leaf < level <= levels}

    def _entry(self, page: int, level: int) -> int:
        return page >> LEVEL_BITS * (level - self.leaf)

    def first_level(self, space: int, page: int) -> int:
        """The level at which the walk begins to read. All caches are asked."""
        found = self.levels + 1
        for level, cache in self.caches.items():
            entry = self._entry(page, level)
            if cache.find((space, entry), entry):
                found = min(found, level)
        return found - 1

    def learn(self, space: int, page: int, level: int) -> None:
        """The walk has read the entry at `level`."""
        if level in self.caches:
            entry = self._entry(page, level)
            self.caches[level].insert((space, entry), entry)


class Frames:
    """Who has which frame: a page that is touched gets one, after those tables on the way to it that are new.

    A table holds 512 entries of neighbouring pages, as in hardware; a large frame holds 512 tables.
    n_frames: of physical memory, which is never full here. seed: of the permutation, None for none.
    """

    def __init__(self, page_bits: int, levels: int, n_frames: int, seed: int | None) -> None:
        self.page_bits = page_bits
        self.levels = levels
        self.leaf = 2 if page_bits == LARGE_PAGE_BITS else 1
        self.n_frames = n_frames
        self.seed = seed
        self.frame: dict[tuple[int, int], int] = {}
        self.table: dict[tuple[int, int, int], int] = {}  # address by level, space and the pages below it
        self.used = 0
        self.room_for_tables: list[int] = []  # addresses in the last frame taken for tables

    def touch(self, space: int, page: int) -> None:
        """A page is used, for the first time or again."""
        for level in range(self.levels, self.leaf - 1, -1):
            table = (level, space, self._entry(page, level) >> LEVEL_BITS)
            if table not in self.table:
                self.table[table] = self._take_table()
        if (space, page) not in self.frame:
            self.frame[space, page] = self._take()

    def entry_address(self, space: int, page: int, level: int) -> int:
        """Physical address in bytes of the entry that a walk for a touched page reads at `level`."""
        table, place = divmod(self._entry(page, level), 1 << LEVEL_BITS)
        return self.table[level, space, table] + place * ENTRY_BYTES

    def _entry(self, page: int, level: int) -> int:
        """Bits of the page above what the levels tell apart have no part in it: a space has one root."""
        told_apart = page % (1 << LEVEL_BITS * (self.levels - self.leaf + 1))
        return told_apart >> LEVEL_BITS * (level - self.leaf)

    def _take(self) -> int:
        self.used += 1
        return self.used - 1 if self.seed is None else permuted(self.used - 1, self.n_frames, self.seed)

    def _take_table(self) -> int:
        if not self.room_for_tables:
            first = self._take() << self.page_bits
            self.room_for_tables = list(range(first, first + (1 << self.page_bits), TABLE_BYTES))
        return self.room_for_tables.pop(0)


def permuted(number: int, n: int, seed: int) -> int:
    """Where a number below `n` comes to stand in a permutation of all of them, by the seed.

    A Feistel network over an even number of bits (Luby and Rackoff 1988), passed again while it leads beyond
    `n` (Black and Rogaway, CT-RSA 2002).
    """
    half_bits = 1
    while 1 << 2 * half_bits < n:
        half_bits += 1
    half = 1 << half_bits
    while True:
        left, right = divmod(number, half)
        for k in range(FEISTEL_ROUNDS):
            left, right = right, left ^ splitmix64(splitmix64(seed ^ k) ^ right) % half
        number = left * half + right
        if number < n:
            return number


def splitmix64(x: int) -> int:
    """The generator of that name (Steele, Lea and Flood, OOPSLA 2014) as a hash of 64 bits."""
    z = (x + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31
