"""Address translation: translation buffers, and the caches that tell how much of a page walk is left to do.

`Tlb` is a set-associative buffer with LRU; `Walker` tells at which level of the page table a walk begins to
read. Where pages and tables lie is decided before a simulation (simulators/soc/pages.py). O(ways) a look-up.
The readable twin, with the source of every constant: simulators/soc/twin/tlb.py.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memmove

from ext.soc_arena cimport Arena, take

cdef extern from *:
    """
    #define SOC_NO_KEY UINT64_MAX
    """
    const uint64_t NO_KEY "SOC_NO_KEY"      # of an empty place

cdef enum:
    PAGE_KEY_BITS = 52          # of a virtual page; the address space lies above it
    MOST_SPACES = 4096
    MOST_LEVELS = 5             # of a page table
    LEVEL_BITS = 9              # 512 entries a table
    FRONTS = 16
    FRONT_MASK = 15


# ------------------------------------------------------------------------------------- translation buffers

cdef struct Tlb:
    # configuration
    int64_t sets                # a power of two
    int64_t ways
    int64_t latency             # cycles of a look-up
    # state
    uint64_t* key               # of each set, the last used first
    uint64_t[FRONTS] front      # keys that stand first in their sets, each in the place of its low bits
    int64_t hits
    int64_t misses


cdef inline void place_tlb(Tlb* tlb, Arena* arena) noexcept nogil:
    tlb.key = <uint64_t*> take(arena, tlb.sets * tlb.ways * sizeof(uint64_t))


cdef inline void reset_tlb(Tlb* tlb) noexcept nogil:
    cdef int64_t k
    for k in range(tlb.sets * tlb.ways):
        tlb.key[k] = NO_KEY
    for k in range(FRONTS):
        tlb.front[k] = NO_KEY
    tlb.hits = 0
    tlb.misses = 0


cdef inline int64_t way_of(const Tlb* tlb, const uint64_t* row, uint64_t key) noexcept nogil:
    """Where the key stands in its set, or the number of ways."""
    cdef int64_t k = 0
    while k < tlb.ways and row[k] != key:
        k += 1
    return k


cdef inline void bring_forward(Tlb* tlb, uint64_t* row, int64_t way, uint64_t key) noexcept nogil:
    """The key becomes the last used one of its set; those before `way` move back by one."""
    if tlb.front[row[0] & FRONT_MASK] == row[0]:
        tlb.front[row[0] & FRONT_MASK] = NO_KEY
    if way > 0:
        memmove(&row[1], &row[0], way * sizeof(uint64_t))
    row[0] = key
    tlb.front[key & FRONT_MASK] = key


cdef inline bint tlb_has_in_front(const Tlb* tlb, uint64_t key) noexcept nogil:
    """Does the key surely stand first in its set, so that `tlb_find` would only count a hit?"""
    return tlb.front[key & FRONT_MASK] == key


cdef inline uint64_t* set_of(const Tlb* tlb, uint64_t page) noexcept nogil:
    return &tlb.key[(page & <uint64_t> (tlb.sets - 1)) * tlb.ways]


cdef inline bint tlb_find(Tlb* tlb, uint64_t key, uint64_t page) noexcept nogil:
    """Whether the buffer holds the key, which then counts as used. page: virtual, it chooses the set."""
    cdef uint64_t* row = set_of(tlb, page)
    cdef int64_t way = way_of(tlb, row, key)
    if way == tlb.ways:
        tlb.misses += 1
        return False
    tlb.hits += 1
    bring_forward(tlb, row, way, key)
    return True


cdef inline void tlb_insert(Tlb* tlb, uint64_t key, uint64_t page) noexcept nogil:
    """The key enters its set, where the one that was not used for longest leaves when there is no room."""
    cdef uint64_t* row = set_of(tlb, page)
    cdef int64_t way = way_of(tlb, row, key)
    bring_forward(tlb, row, way - (way == tlb.ways), key)


# ------------------------------------------------------------------------------------------------ page walks

cdef struct Walker:
    # configuration
    int64_t levels              # of the page table, 4 or 5
    int64_t leaf                # the level whose entries name frames: 1 (4 KiB) or 2 (2 MiB)
    Tlb[MOST_LEVELS + 1] cache  # of entries read at each level above the leaf; 0 sets: none


cdef inline void place_walker(Walker* w, Arena* arena) noexcept nogil:
    cdef int64_t k
    for k in range(MOST_LEVELS + 1):
        place_tlb(&w.cache[k], arena)


cdef inline void reset_walker(Walker* w) noexcept nogil:
    cdef int64_t k
    for k in range(MOST_LEVELS + 1):
        reset_tlb(&w.cache[k])


cdef inline uint64_t entry_of(const Walker* w, uint64_t page, int64_t level) noexcept nogil:
    """The number, among all of its level, of the entry that a walk for the page reads."""
    return page >> (LEVEL_BITS * (level - w.leaf))


cdef inline uint64_t entry_key(int64_t space, uint64_t entry) noexcept nogil:
    """An entry of an address space (below MOST_SPACES)."""
    return (<uint64_t> space << PAGE_KEY_BITS) | entry


cdef inline int64_t first_level(Walker* w, int64_t space, uint64_t page) noexcept nogil:
    """The level at which the walk for a virtual page begins to read; it goes on down to the leaf.

    All caches are asked at once; the lowest entry found saves its level and those above it.
    """
    cdef int64_t first = w.levels
    cdef int64_t level
    cdef uint64_t entry
    for level in range(w.levels, w.leaf, -1):
        entry = entry_of(w, page, level)
        if w.cache[level].sets > 0 and tlb_find(&w.cache[level], entry_key(space, entry), entry):
            first = level - 1
    return first


cdef inline void learn_level(Walker* w, int64_t space, uint64_t page, int64_t level) noexcept nogil:
    """The walk has read the entry at `level`."""
    cdef uint64_t entry = entry_of(w, page, level)
    if level > w.leaf and w.cache[level].sets > 0:
        tlb_insert(&w.cache[level], entry_key(space, entry), entry)
