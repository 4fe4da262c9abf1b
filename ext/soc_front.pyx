"""The parts of a core's front end and of address translation, each driven alone.

Branches, pages or walks in, what the part said of each out: by this kernel the parts of the SoC engine
(ext/soc_branch.pxd, ext/soc_tlb.pxd) are set against their twins and measured by themselves. Layers: the
parts; one loop a part, without the GIL; the classes, which check what they are given and keep the memory.
Linear in the number of branches or pages. Called by tests/ext/test_soc_front.py and
tests/benchmarks/bench_soc_front.py.
"""

import numpy as np

from ext.soc_arena cimport Arena
from ext.soc_branch cimport Predictor, TAGE, mispredicted, place_predictor, reset_predictor
from ext.soc_tlb cimport (
    MOST_LEVELS, MOST_SPACES, PAGE_KEY_BITS, Tlb, Walker, first_level, learn_level, place_tlb, place_walker,
    reset_tlb, reset_walker, tlb_find, tlb_insert,
)
from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef enum:
    LARGEST_TABLE = 1048576


cdef int64_t checked(str name, int64_t value, int64_t least, int64_t most) except? -1:
    if not least <= value <= most:
        raise ValueError(f"{name}={value}: expected {least} to {most}")
    return value


cdef int64_t checked_power(str name, int64_t value, int64_t most) except? -1:
    checked(name, value, 1, most)
    if value & (value - 1):
        raise ValueError(f"{name}={value}: expected a power of two")
    return value


cdef int check_lengths(dict columns) except -1:
    if len({len(column) for column in columns.values()}) > 1:
        raise ValueError("; ".join(f"{name} has {len(column)} rows" for name, column in columns.items()))
    return 0


cdef int check_pages(const uint64_t[::1] pages, int64_t space) except -1:
    checked("space", space, 0, MOST_SPACES - 1)
    if pages.shape[0] and np.asarray(pages).max() >> PAGE_KEY_BITS:
        raise ValueError(f"pages hold {np.asarray(pages).max()}: expected less than 2**{int(PAGE_KEY_BITS)}")
    return 0


cdef class Room:
    """The memory of a part, by what its `place` takes."""

    cdef uint8_t[::1] _block

    cdef void place(self, Arena* arena) noexcept:
        """Of the part."""

    cdef int make_room(self) except -1:
        cdef Arena arena
        arena.block = NULL
        arena.used = 0
        self.place(&arena)
        self._block = np.zeros(arena.used + 1, np.uint8)
        arena.block = <char*> &self._block[0]
        arena.used = 0
        self.place(&arena)
        return 0


cdef class PredictorAlone(Room):
    """A branch predictor with its target buffer, return stack and indirect targets.

    kind: position in not-taken, bimodal, gshare, perceptron, TAGE. Raises ValueError for impossible sizes.
    """

    cdef Predictor _part

    def __init__(
        self, int64_t kind, *, int64_t btb_sets=1024, int64_t btb_ways=8, int64_t indirect_targets=4096,
        int64_t return_addresses=64,
    ):
        self._part.kind = checked("kind", kind, 0, TAGE)
        self._part.btb_sets = checked_power("btb_sets", btb_sets, LARGEST_TABLE)
        self._part.btb_ways = checked("btb_ways", btb_ways, 1, 64)
        self._part.indirect_targets = checked_power("indirect_targets", indirect_targets, LARGEST_TABLE)
        self._part.return_addresses = checked("return_addresses", return_addresses, 1, LARGEST_TABLE)
        self.make_room()
        reset_predictor(&self._part)

    cdef void place(self, Arena* arena) noexcept:
        place_predictor(&self._part, arena)

    def run(self, ip, target, kind, taken):
        """What became of each branch, uint8 (n,): 0 right, 1 wrong until executed, 2 wrong until decoded.

        ip, target: uint64 (n,). kind: (n,), as traces.instructions.Branch. taken: bool (n,). The next call
        goes on where this one ended. Raises ValueError for columns of different lengths.
        """
        cdef const uint64_t[::1] ips = np.ascontiguousarray(ip, np.uint64)
        cdef const uint64_t[::1] targets = np.ascontiguousarray(target, np.uint64)
        cdef const uint8_t[::1] kinds = np.ascontiguousarray(kind, np.uint8)
        cdef const uint8_t[::1] outcomes = np.ascontiguousarray(taken, np.bool_).view(np.uint8)
        check_lengths({"ip": ips, "target": targets, "kind": kinds, "taken": outcomes})
        found = np.empty(ips.shape[0], np.uint8)
        cdef uint8_t[::1] result = found
        cdef Py_ssize_t i
        with nogil:
            for i in range(ips.shape[0]):
                result[i] = <uint8_t> mispredicted(&self._part, ips[i], targets[i], kinds[i], outcomes[i])
        return found


cdef class TlbAlone(Room):
    """A translation buffer that takes in every key it does not find. Raises ValueError for impossible sizes.
    """

    cdef Tlb _part

    def __init__(self, int64_t sets, int64_t ways):
        self._part.sets = checked_power("sets", sets, LARGEST_TABLE)
        self._part.ways = checked("ways", ways, 1, LARGEST_TABLE)
        self.make_room()
        reset_tlb(&self._part)

    cdef void place(self, Arena* arena) noexcept:
        place_tlb(&self._part, arena)

    @property
    def hits(self):
        """Look-ups so far that found their page."""
        return self._part.hits

    @property
    def misses(self):
        """Look-ups so far that did not."""
        return self._part.misses

    def run(self, keys, pages):
        """Whether each key, uint64 (n,), was found: bool (n,). pages: uint64 (n,), virtual, choose the set.

        Raises ValueError for columns of different lengths.
        """
        cdef const uint64_t[::1] wanted = np.ascontiguousarray(keys, np.uint64)
        cdef const uint64_t[::1] places = np.ascontiguousarray(pages, np.uint64)
        check_lengths({"keys": wanted, "pages": places})
        found = np.empty(wanted.shape[0], np.bool_)
        cdef uint8_t[::1] result = found.view(np.uint8)
        cdef Py_ssize_t i
        with nogil:
            for i in range(wanted.shape[0]):
                result[i] = tlb_find(&self._part, wanted[i], places[i])
                if not result[i]:
                    tlb_insert(&self._part, wanted[i], places[i])
        return found


cdef class WalkerAlone(Room):
    """The caches of a page walker, by (sets, ways) for each level above the leaf, from 2 up; (0, 0) for none.

    leaf: 1 for pages of 4 KiB, 2 for those of 2 MiB. Raises ValueError for impossible sizes.
    """

    cdef Walker _part

    def __init__(self, int64_t levels, int64_t leaf, caches):
        cdef int64_t level
        self._part.levels = checked("levels", levels, 4, MOST_LEVELS)
        self._part.leaf = checked("leaf", leaf, 1, 2)
        for level, (sets, ways) in enumerate(caches, 2):
            checked("level", level, 2, MOST_LEVELS)
            self._part.cache[level].sets = checked_power("sets", sets, LARGEST_TABLE) if sets else 0
            self._part.cache[level].ways = checked("ways", ways, 0, LARGEST_TABLE)
        self.make_room()
        reset_walker(&self._part)

    cdef void place(self, Arena* arena) noexcept:
        place_walker(&self._part, arena)

    def run(self, pages, int64_t space=0):
        """The level at which the walk for each virtual page, uint64 (n,), begins to read: int64 (n,).

        Every walk reads down to the leaf, and its entries are learnt in this order.
        """
        cdef const uint64_t[::1] wanted = np.ascontiguousarray(pages, np.uint64)
        check_pages(wanted, space)
        found = np.empty(wanted.shape[0], np.int64)
        cdef int64_t[::1] result = found
        cdef int64_t level
        cdef Py_ssize_t i
        with nogil:
            for i in range(wanted.shape[0]):
                result[i] = first_level(&self._part, space, wanted[i])
                for level in range(result[i], self._part.leaf - 1, -1):
                    learn_level(&self._part, space, wanted[i], level)
        return found
