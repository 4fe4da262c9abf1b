"""A cache with one replacement policy, and a prefetcher, each by itself over arrays of accesses.

For tests and measurements of ext/soc_replacement.pxd and ext/soc_prefetch.pxd: no time passes here, and every
miss is filled at once. Layers: `step` and `tell`, one access; the loops over arrays, without the GIL; the two
classes, which own the memory. O(ways) an access. Called by the tests and tests/benchmarks.
"""

import numpy as np

from ext._types cimport address_t, flag_t
from ext.soc_arena cimport Arena
from ext.soc_prefetch cimport (
    MOST_ADVICE, Prefetcher, advise, on_demand_fill, on_prefetch_fill, on_useless, place_prefetcher,
    reset_prefetcher, set_degree,
)
from ext.soc_replacement cimport (
    MOST_WAYS, TREE_PLRU, Replacement, on_evict, on_fill, on_hit, on_write_back_fill, place_replacement,
    reset_replacement, victim_way,
)
from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint64_t

cdef enum Action:
    LOAD_LINE = 0
    STORE_LINE = 1
    WRITE_LINE_BACK = 2
    PREFETCH_LINE = 3

cdef enum Outcome:
    MISSED = 0
    FOUND = 1
    REFUSED = 2

cdef enum Event:
    DEMAND_MISS = 0
    DEMAND_HIT = 1
    FIRST_USE_OF_PREFETCH = 2
    FILLED_BY_DEMAND = 3
    FILLED_BY_PREFETCH = 4
    EVICTED_UNUSED = 5

cdef uint64_t NO_LINE = ~<uint64_t> 0

REPLACEMENTS = ("lru", "tree_plru", "random", "srrip", "brrip", "drrip", "ship")
PREFETCHERS = ("none", "next_line", "ip_stride", "stream", "bop", "spp")
LOAD, STORE, WRITE_BACK, PREFETCH = range(4)
MISS, HIT, REFUSAL = range(3)
ON_MISS, ON_HIT, ON_FIRST_USE, ON_DEMAND_FILL, ON_PREFETCH_FILL, ON_USELESS = range(6)
EMPTY = 2**64 - 1


# ------------------------------------------------------------------------------------------------ replacement

cdef struct Alone:
    Replacement policy
    int64_t hits
    int64_t misses
    int64_t write_backs


cdef inline int64_t place_of(
    Alone* c, const uint64_t* tags, uint64_t line, uint64_t held, bint* is_there
) noexcept nogil:
    """The way of the line, or the way for it: the lowest empty one, or the victim; -1 if all are held."""
    cdef uint64_t full = 0
    cdef uint64_t open
    cdef int64_t way
    is_there[0] = False
    for way in range(c.policy.ways):
        if tags[way] == line:
            is_there[0] = True
            return way
    for way in range(c.policy.ways):
        if tags[way] == NO_LINE:
            return way
        full |= <uint64_t> 1 << way
    open = full & ~held
    return victim_way(&c.policy, <int64_t> (line % <uint64_t> c.policy.sets), open) if open else -1


cdef inline Outcome step(
    Alone* c, uint64_t* tag, flag_t* dirty, uint64_t line, uint64_t ip, flag_t action, uint64_t held
) noexcept nogil:
    cdef int64_t set = <int64_t> (line % <uint64_t> c.policy.sets)
    cdef uint64_t* tags = &tag[set * c.policy.ways]
    cdef flag_t* modified = &dirty[set * c.policy.ways]
    cdef bint is_there = False
    cdef int64_t way = place_of(c, tags, line, held, &is_there)
    if way < 0:
        return REFUSED
    if is_there:
        c.hits += 1
        if action == LOAD_LINE or action == STORE_LINE:
            on_hit(&c.policy, set, way, ip)
        modified[way] |= action == STORE_LINE or action == WRITE_LINE_BACK
        return FOUND
    c.misses += 1
    if tags[way] != NO_LINE:
        c.write_backs += modified[way]
        on_evict(&c.policy, set, way)
    tags[way] = line
    modified[way] = action == STORE_LINE or action == WRITE_LINE_BACK
    if action == WRITE_LINE_BACK:
        on_write_back_fill(&c.policy, set, way)
    else:
        on_fill(&c.policy, set, way, ip, action == PREFETCH_LINE)
    return MISSED


cdef void run_accesses(
    Alone* c, uint64_t[::1] tag, flag_t[::1] dirty, const address_t[::1] line, const address_t[::1] ip,
    const flag_t[::1] action, const address_t[::1] held, flag_t[::1] outcome,
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(line.shape[0]):
        outcome[i] = <flag_t> step(c, &tag[0], &dirty[0], line[i], ip[i], action[i], held[i])


cdef class CacheAlone:
    """A write-back, write-allocate cache of whole lines under one of REPLACEMENTS; line n is in set n % sets.

    seed: of "random", "brrip" and "drrip". sampled_sets: sets that train "ship", 0 for all.
    """

    cdef Alone cache
    cdef uint64_t[::1] tag
    cdef flag_t[::1] dirty
    cdef flag_t[::1] block

    def __init__(self, kind, int64_t sets, int64_t ways, uint64_t seed=0, int64_t sampled_sets=64):
        """Raises ValueError for an unknown kind and for sets or ways that it cannot have."""
        cdef Arena arena
        if kind not in REPLACEMENTS:
            raise ValueError(f"kind={kind!r}: expected one of {', '.join(REPLACEMENTS)}")
        if sets < 1 or not 1 <= ways <= MOST_WAYS:
            raise ValueError(f"sets={sets}, ways={ways}: expected at least one set and 1 to {MOST_WAYS} ways")
        self.cache.policy.kind = REPLACEMENTS.index(kind)
        if self.cache.policy.kind == TREE_PLRU and ways & (ways - 1):
            raise ValueError(f"ways={ways}: expected a power of two for tree_plru")
        self.cache.policy.sets, self.cache.policy.ways = sets, ways
        self.cache.policy.seed, self.cache.policy.sampled_sets = seed, sampled_sets
        self.tag = np.full(sets * ways, EMPTY, np.uint64)
        self.dirty = np.zeros(sets * ways, np.uint8)
        arena.block, arena.used = NULL, 0
        place_replacement(&self.cache.policy, &arena)
        self.block = np.zeros(max(<size_t> 1, arena.used), np.uint8)
        arena.block, arena.used = <char*> &self.block[0], 0
        place_replacement(&self.cache.policy, &arena)
        reset_replacement(&self.cache.policy)
        self.cache.hits = self.cache.misses = self.cache.write_backs = 0

    @property
    def hits(self):
        """Accesses of any kind that found their line."""
        return self.cache.hits

    @property
    def misses(self):
        """Accesses of any kind that put their line in."""
        return self.cache.misses

    @property
    def write_backs(self):
        """Modified lines replaced."""
        return self.cache.write_backs

    @property
    def lines(self):
        """The lines inside (sets, ways), EMPTY where there is none; a copy."""
        return np.array(self.tag).reshape(self.cache.policy.sets, self.cache.policy.ways)

    def run(self, line, ip, action, held=None):
        """Make accesses in turn; the outcome of each: MISS, HIT or REFUSAL, uint8.

        line, ip: uint64 (n,). action: uint8 (n,), LOAD, STORE, WRITE_BACK or PREFETCH. held: uint64 (n,):
        the ways whose lines may not leave for this access, one bit each; none if not given. An access that
        finds all ways held is refused and changes nothing. Raises ValueError for arrays of different lengths.
        """
        cdef const address_t[::1] lines = np.ascontiguousarray(line, np.uint64)
        cdef const address_t[::1] ips = np.ascontiguousarray(ip, np.uint64)
        cdef const flag_t[::1] actions = np.ascontiguousarray(action, np.uint8)
        cdef const address_t[::1] closed
        cdef flag_t[::1] outcomes
        if held is None:
            held = np.zeros(lines.shape[0], np.uint64)
        closed = np.ascontiguousarray(held, np.uint64)
        if not lines.shape[0] == ips.shape[0] == actions.shape[0] == closed.shape[0]:
            raise ValueError("line, ip, action and held differ in length")
        found = np.empty(lines.shape[0], np.uint8)
        outcomes = found
        with nogil:
            run_accesses(&self.cache, self.tag, self.dirty, lines, ips, actions, closed, outcomes)
        return found


# --------------------------------------------------------------------------------------------------- prefetch

cdef inline int64_t tell(
    Prefetcher* p, flag_t event, uint64_t ip, uint64_t line, uint64_t* out
) noexcept nogil:
    """Report one event; the number of lines advised."""
    if event <= FIRST_USE_OF_PREFETCH:
        return advise(p, ip, line, event != DEMAND_MISS, event == FIRST_USE_OF_PREFETCH, out)
    if event == FILLED_BY_DEMAND:
        on_demand_fill(p, line)
    elif event == FILLED_BY_PREFETCH:
        on_prefetch_fill(p, line)
    else:
        on_useless(p, line)
    return 0


cdef Py_ssize_t tell_all(
    Prefetcher* p, const flag_t[::1] event, const address_t[::1] ip, const address_t[::1] line,
    int64_t[::1] count, address_t[::1] advised, flag_t[::1] below,
) noexcept nogil:
    """Report events in turn; the number of lines advised in all."""
    cdef uint64_t[MOST_ADVICE] out
    cdef Py_ssize_t n = 0
    cdef Py_ssize_t i
    cdef int64_t k
    for i in range(event.shape[0]):
        count[i] = tell(p, event[i], ip[i], line[i], out)
        for k in range(count[i]):
            advised[n] = out[k]
            below[n] = (p.below >> k) & 1
            n += 1
    return n


cdef class PrefetcherAlone:
    """One of PREFETCHERS. distance: lines that "stream" runs ahead. page_bits: 12 for pages of 4 KiB."""

    cdef Prefetcher prefetcher
    cdef flag_t[::1] block

    def __init__(self, kind, int64_t degree=1, int64_t distance=16, int64_t page_bits=12):
        """Raises ValueError for an unknown kind and numbers out of range."""
        cdef Arena arena
        if kind not in PREFETCHERS:
            raise ValueError(f"kind={kind!r}: expected one of {', '.join(PREFETCHERS)}")
        if not 1 <= distance <= 64 or not 12 <= page_bits <= 30:
            raise ValueError(f"distance={distance}, page_bits={page_bits}: expected 1 to 64 and 12 to 30")
        self.prefetcher.kind = PREFETCHERS.index(kind)
        self.prefetcher.distance, self.prefetcher.page_bits = distance, page_bits
        self.degree = degree
        arena.block, arena.used = NULL, 0
        place_prefetcher(&self.prefetcher, &arena)
        self.block = np.zeros(max(<size_t> 1, arena.used), np.uint8)
        arena.block, arena.used = <char*> &self.block[0], 0
        place_prefetcher(&self.prefetcher, &arena)
        reset_prefetcher(&self.prefetcher)

    @property
    def degree(self):
        """Most lines that one access may ask for, 0 to 16; may be set at any time."""
        return self.prefetcher.degree

    @degree.setter
    def degree(self, int64_t degree):
        if not 0 <= degree <= MOST_ADVICE:
            raise ValueError(f"degree={degree}: expected 0 to {MOST_ADVICE}")
        set_degree(&self.prefetcher, degree)

    def run(self, event, ip, line):
        """Report events in turn; returns (count, line, below).

        event: uint8 (n,), ON_MISS, ON_HIT or ON_FIRST_USE for accesses, ON_DEMAND_FILL, ON_PREFETCH_FILL and
        ON_USELESS for what the cache tells; ip, line: uint64 (n,). count: int64 (n,), lines advised after
        each event; line: uint64, these lines one after the other; below: bool, which of them are worth a
        place in the next level only. Raises ValueError for arrays of different lengths.
        """
        cdef const flag_t[::1] events = np.ascontiguousarray(event, np.uint8)
        cdef const address_t[::1] ips = np.ascontiguousarray(ip, np.uint64)
        cdef const address_t[::1] lines = np.ascontiguousarray(line, np.uint64)
        cdef int64_t[::1] counts
        cdef address_t[::1] out
        cdef flag_t[::1] flags
        cdef Py_ssize_t n
        if not events.shape[0] == ips.shape[0] == lines.shape[0]:
            raise ValueError("event, ip and line differ in length")
        count = np.zeros(events.shape[0], np.int64)
        advised = np.zeros(MOST_ADVICE * events.shape[0], np.uint64)
        below = np.zeros(MOST_ADVICE * events.shape[0], np.uint8)
        counts, out, flags = count, advised, below
        with nogil:
            n = tell_all(&self.prefetcher, events, ips, lines, counts, out, flags)
        return count, advised[:n].copy(), below[:n].astype(bool)
