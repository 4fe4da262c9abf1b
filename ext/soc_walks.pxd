"""Address translation of a core: two levels of buffers, and page walks through the second cache.

An access whose page is in the first buffer loses no time, one in the second its latency; else a walk reads
one entry of each level of the tables after the other, beginning below what the walker's caches know, and the
instruction tries again when it ends. Who finds no walk free waits for the end of one. The walk's page enters
the buffers at its end.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from ext._types cimport cycle_t
from ext.soc_cache cimport below, find, register_of, use
from ext.soc_numbers cimport NEVER, NOBODY, WALK, WALKER, apart_number, earlier, later
from ext.soc_state cimport Core, Page, Tlb, Walk
from ext.soc_tlb cimport first_level, learn_level, tlb_find, tlb_has_in_front, tlb_insert


cdef inline int64_t walk_of(const Core* c, uint32_t page) noexcept nogil:
    """The walk for the page that is under way, or NOBODY."""
    cdef int64_t k
    for k in range(c.config.walks):
        if c.walk[k].used and c.walk[k].page == page:
            return k
    return NOBODY


cdef inline int64_t begin_walk(Core* c, uint32_t page, cycle_t t, bint for_fetch) noexcept nogil:
    """A walk for the page; where none is free, the one whose end is waited for."""
    cdef const Page* what = &c.program.pages[page]
    cdef int64_t k
    cdef Walk* walk
    for k in range(c.config.walks):
        walk = &c.walk[k]
        if not walk.used:
            walk.used, walk.page, walk.at = 1, page, t
            walk.waiter, walk.for_fetch, walk.fetch_waits, walk.blocked = NOBODY, for_fetch, 0, 0
            walk.level = <uint8_t> first_level(&c.walker, what.space, what.number)
            c.walk_at = earlier(c.walk_at, t)
            c.rare_at = earlier(c.rare_at, t)
            c.counts.walks += 1
            return k
    return page % c.config.walks


cdef inline cycle_t translate(
    Core* c, Tlb* first, uint32_t page, cycle_t t, int64_t waiter
) noexcept nogil:
    """When the frame of the page is known to who asks in cycle t; NEVER: at the end of a walk.

    waiter: the entry that tries again then, NOBODY for fetching.
    """
    if tlb_has_in_front(first, page):
        first.hits += 1
        return t
    return look_up(c, first, page, t, waiter)


cdef inline apart_number look_up(
    Core* c, Tlb* first, uint32_t page, cycle_t t, int64_t waiter
) noexcept nogil:
    """`translate`, wherever the page is."""
    cdef uint64_t virtual_page = c.program.pages[page].number
    cdef int64_t number
    cdef Walk* walk
    if tlb_find(first, page, virtual_page):
        return t
    c.counts.first_tlb_misses += 1
    number = walk_of(c, page)
    if number == NOBODY:
        if tlb_find(&c.second_tlb, page, virtual_page):
            tlb_insert(first, page, virtual_page)
            return t + c.second_tlb.latency
        c.counts.second_tlb_misses += 1
        number = begin_walk(c, page, t + c.second_tlb.latency, waiter == NOBODY)
    walk = &c.walk[number]
    if waiter == NOBODY:
        walk.fetch_waits = 1
    else:
        c.entry[waiter].next = walk.waiter
        walk.waiter = <int16_t> waiter
    return NEVER


cdef inline bint read_entry(Core* c, int64_t number, cycle_t t) noexcept nogil:
    """Read the entry of one level; False if the walk now waits for it."""
    cdef Walk* walk = &c.walk[number]
    cdef const Page* page = &c.program.pages[walk.page]
    cdef uint64_t line = page.entry[walk.level - 1]
    cdef int64_t place = find(&c.second, line)
    cdef int64_t owes
    cdef cycle_t chance = NEVER
    if place != NOBODY:
        c.second.hits[WALK] += 1
        c.second.merged[WALK] += c.second.ready[place] > t
        use(&c.second, place, line, 0)
        if c.second.ready[place] != NEVER:
            walk.at = later(t + c.second.latency, c.second.ready[place])
            return True
        owes = register_of(&c.second, line)
    else:
        owes = below(c, line, 0, t, WALK, &chance)
        if owes == NOBODY:
            walk.at = chance
            walk.blocked = chance == NEVER
            return False
    walk.next = c.second.register[owes].waiter
    c.second.register[owes].waiter = <int32_t> (WALKER + number)
    walk.at = NEVER
    return False


cdef inline void go_down(Core* c, int64_t number) noexcept nogil:
    """The entry of the walk's level has been read."""
    cdef Walk* walk = &c.walk[number]
    cdef const Page* page = &c.program.pages[walk.page]
    learn_level(&c.walker, page.space, page.number, walk.level)
    walk.level -= 1


cdef inline int64_t end_walk(Core* c, int64_t number) noexcept nogil:
    """The page enters the buffers; gives the first of the entries that waited."""
    cdef Walk* walk = &c.walk[number]
    cdef uint64_t virtual_page = c.program.pages[walk.page].number
    tlb_insert(&c.second_tlb, walk.page, virtual_page)
    tlb_insert(&c.code_tlb if walk.for_fetch else &c.data_tlb, walk.page, virtual_page)
    walk.used = 0
    return walk.waiter
