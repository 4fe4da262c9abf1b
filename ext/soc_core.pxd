"""One core: what happens in a cycle, and when the next event is.

In a cycle, in this order: answers and requests of others; page walks; the first of the loads that were
refused; instructions become ready and issue; complete ones retire; the oldest retired store goes to the
cache; a group is fetched; what has been fetched is dispatched. Cycles in which nothing happens are skipped.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from ext._types cimport cycle_t
from ext.soc_cache cimport access, came_in, count_owed, drop_line, find, send_back
from ext.soc_fetch cimport dispatch, fetch
from ext.soc_issue cimport (
    came_from, complete, enter, issue, next_bucket, next_soon, open_bucket, retire, retry,
)
from ext.soc_messages cimport DATA as THE_LINE
from ext.soc_messages cimport (
    ACKNOWLEDGE, FORWARD_AWAY, GIVES_WRITABLE, HAS_DIRTY_LINE, INVALIDATE, LINE_IS_GONE, UNBLOCK,
    WAS_FORWARD, WRITE_BACK, Message, append, drop_message, new_message, take_first,
)
from ext.soc_numbers cimport (
    DATA, DIRTY, FETCH_WAITER, IN_OTHER_CORE, LINE_BITS, LOAD_WAITERS, NEVER, NOBODY, QUEUE_MASK,
    SOON, SOON_MASK, STORE, WALKER, WRITABLE, apart, earlier, inlined, later, rarely,
)
from ext.soc_state cimport Cache, Core, Entry, Mshr, entry_of
from ext.soc_walks cimport end_walk, go_down, read_entry


cdef inline apart drain(Core* c, cycle_t t) noexcept nogil:
    """The oldest retired store goes to the cache."""
    cdef int64_t place = c.drained & QUEUE_MASK
    cdef int64_t level
    cdef cycle_t chance
    cdef cycle_t ready = access(
        c, &c.data, DATA, c.store_address[place] >> (LINE_BITS - 3), c.store_ip[place], t, STORE,
        <int32_t> (LOAD_WAITERS + place), &level, &chance)
    c.drain_at = NEVER
    if rarely(ready < 0):
        c.drain_at = chance
        c.drain_blocked = chance == NEVER
        return
    c.store_free[place] = ready
    c.is_full = 0
    c.store_at[place] = t + c.data.latency
    c.drained += 1
    c.drained_at = t
    if c.drained < c.n_stores and c.store_at[c.drained & QUEUE_MASK] != NEVER:
        c.drain_at = later(t + 1, c.store_at[c.drained & QUEUE_MASK])


# --------------------------------------------------------------------------------------------------- answers

cdef inline void wake(Core* c, int32_t waiter, int64_t level, cycle_t t) noexcept nogil:
    """The line that somebody waits for is there."""
    cdef Entry* e
    if waiter == FETCH_WAITER:
        c.fetch_at = t
    elif waiter >= LOAD_WAITERS:
        c.store_free[waiter - LOAD_WAITERS] = later(t, c.store_at[waiter - LOAD_WAITERS])
        c.is_full = 0
    else:
        e = &c.entry[waiter >> 2]
        e.end = later(e.end, t)
        e.owed -= 1
        came_from(e, level)
        if e.owed == 0 and e.issued == e.what.n_loads:
            complete(c, e, e.end)


cdef inline void fill(Cache* cache, Mshr* register, int64_t rights, cycle_t t) noexcept nogil:
    cdef int64_t place = find(cache, register.line)
    register.ready = t
    cache.ready[place] = t
    cache.flags[place] |= <uint8_t> rights
    came_in(cache, place)


cdef inline void answer(Core* c, const Message* m, cycle_t t) noexcept nogil:
    """The line of a miss register of the second level has come."""
    cdef Mshr* register = &c.second.register[m.number]
    cdef int32_t upper = register.waiter
    cdef int32_t waiter, following
    cdef int64_t rights = WRITABLE if m.flags & GIVES_WRITABLE else 0
    cdef Cache* cache
    if m.flags & HAS_DIRTY_LINE:
        fill(&c.second, register, rights | DIRTY, t)
    else:
        fill(&c.second, register, rights, t)
    count_owed(&c.second, -1, t)
    c.counts.answered += 1
    c.counts.answer_latency += t - m.asked_at
    while upper != NOBODY:
        if upper >= WALKER:
            following = c.walk[upper - WALKER].next
            c.walk[upper - WALKER].at = t
            c.walk_at = t
            go_down(c, upper - WALKER)
            upper = following
            continue
        cache = &c.data if upper >= DATA else &c.code
        register = &cache.register[upper & (DATA - 1)]
        upper = register.next
        fill(cache, register, rights, t)
        waiter = register.waiter
        while waiter != NOBODY:
            following = c.next_waiter[waiter]
            wake(c, waiter, m.level, t)
            waiter = following


cdef inline void try_again(Core* c, cycle_t t) noexcept nogil:
    """After an answer: what found no register before."""
    cdef int64_t k
    if c.refused_head != NOBODY:
        c.retry_at = t
    if c.drain_blocked:
        c.drain_blocked, c.drain_at = 0, t
    if c.fetch_blocked:
        c.fetch_blocked, c.fetch_at = 0, t
    for k in range(c.config.walks):
        if c.walk[k].used and c.walk[k].blocked:
            c.walk[k].blocked, c.walk[k].at, c.walk_at = 0, t, t


cdef inline int64_t downgrade_line(Core* c, uint64_t line) noexcept nogil:
    """All caches of the core keep the line as a copy; DIRTY if any had modified it."""
    return (keep_copy(&c.data, line) | keep_copy(&c.second, line)) & DIRTY


cdef inline int64_t keep_copy(Cache* cache, uint64_t line) noexcept nogil:
    cdef int64_t place = find(cache, line)
    cdef int64_t flags
    if place == NOBODY or cache.ready[place] == NEVER:
        return 0
    flags = cache.flags[place]
    cache.flags[place] &= <uint8_t> ~(DIRTY | WRITABLE)
    return flags


cdef inline void give_up(Core* c, int32_t number, cycle_t t) noexcept nogil:
    """Others may have the line no longer: the last level has dropped it, or somebody writes it."""
    cdef Message* m = &c.pool.at[number]
    cdef int64_t dirty = drop_line(c, m.line)
    c.counts.invalidated += 1
    if not dirty and not c.is_coherent:
        drop_message(c.pool, number)
        return
    m.kind = ACKNOWLEDGE if c.is_coherent else WRITE_BACK
    m.flags, m.at = HAS_DIRTY_LINE if dirty else 0, t
    append(c.pool, &c.asked, number)


cdef inline void hand_on(Core* c, int32_t number, cycle_t t) noexcept nogil:
    """Send a line to the core that asked for it, if it is still here, and tell its home."""
    cdef Message* m = &c.pool.at[number]
    cdef int64_t place = find(&c.second, m.line)
    cdef bint away = m.kind == FORWARD_AWAY
    cdef int64_t dirty
    cdef int32_t told
    if place == NOBODY or c.second.ready[place] == NEVER:
        m.kind, m.flags, m.at = ACKNOWLEDGE, WAS_FORWARD | LINE_IS_GONE, t
        append(c.pool, &c.asked, number)
        return
    c.counts.invalidated += away
    dirty = drop_line(c, m.line) if away else downgrade_line(c, m.line)
    told = new_message(c.pool, ACKNOWLEDGE, m.line, m.core)
    m.kind, m.level, m.at = THE_LINE, IN_OTHER_CORE, t
    m.flags = (GIVES_WRITABLE | (HAS_DIRTY_LINE if dirty else 0)) if away else 0
    append(c.pool, &c.asked, number)
    m = &c.pool.at[told]
    m.bank, m.other, m.at = c.pool.at[number].bank, <uint8_t> c.number, t
    m.flags = WAS_FORWARD | (HAS_DIRTY_LINE if dirty else 0)
    append(c.pool, &c.asked, told)


cdef inline void take_line(Core* c, int32_t number, cycle_t t) noexcept nogil:
    """A line comes that the core asked for."""
    cdef Message* m = &c.pool.at[number]
    cdef Mshr* register = &c.second.register[m.number]
    cdef uint64_t line = m.line
    cdef bint is_recalled = register.recalled
    answer(c, m, t)
    if c.is_coherent:
        m.kind, m.at = UNBLOCK, t
        append(c.pool, &c.asked, number)
        return
    drop_message(c.pool, number)
    if rarely(is_recalled):
        register.recalled = 0
        if drop_line(c, line):
            send_back(c, line, DIRTY, t)


cdef inline void take_inbox(Core* c, cycle_t t) noexcept nogil:
    """Messages that have come."""
    cdef int32_t number
    while c.inbox.first != NOBODY and c.pool.at[c.inbox.first].at <= t:
        number = take_first(c.pool, &c.inbox)
        if c.pool.at[number].kind == THE_LINE:
            take_line(c, number, t)
        elif c.pool.at[number].kind == INVALIDATE:
            give_up(c, number, t)
        else:
            hand_on(c, number, t)
    try_again(c, t)


# ------------------------------------------------------------------------------------------------ page walks

cdef inline void advance_walks(Core* c, cycle_t t) noexcept nogil:
    """Walks whose time has come read the next entry, or end."""
    cdef int64_t number, place, following
    cdef cycle_t soonest = NEVER
    for number in range(c.config.walks):
        while c.walk[number].used and c.walk[number].at <= t:
            if c.walk[number].level >= c.walker.leaf:
                if read_entry(c, number, t):
                    go_down(c, number)
                continue
            place = end_walk(c, number)
            if c.walk[number].fetch_waits:
                c.fetch_at = t
            while place != NOBODY:
                following = c.entry[place].next
                c.entry[place].ready = t
                enter(c, place, t)
                place = following
        if c.walk[number].used:
            soonest = earlier(soonest, c.walk[number].at)
    c.walk_at = soonest


# ------------------------------------------------------------------------------------------------- one cycle

cdef inline apart rare_events(Core* c, cycle_t t) noexcept nogil:
    """Messages, page walks, a refused load, what was put into the calendar long before."""
    if c.inbox.first != NOBODY and c.pool.at[c.inbox.first].at <= t:
        take_inbox(c, t)
    if c.walk_at <= t:
        advance_walks(c, t)
    if c.retry_at <= t:
        retry(c, t)
    c.rare_at = earlier(c.walk_at, c.retry_at)
    if c.busy_words:
        open_bucket(c, t)
    if c.busy_words:
        c.rare_at = earlier(c.rare_at, next_bucket(c, t))
    if c.inbox.first != NOBODY:
        c.rare_at = earlier(c.rare_at, c.pool.at[c.inbox.first].at)


cdef inline inlined step(Core* c, cycle_t t) noexcept nogil:
    """Cycle t, in which something happens."""
    c.now, c.horizon = t, t + SOON
    if rarely(c.rare_at <= t):
        rare_events(c, t)
    if c.ready_words or (c.soon >> (t & SOON_MASK)) & 1:
        issue(c, t)
    if c.retired < c.next and entry_of(c, c.retired).complete != NEVER:
        retire(c)
    if c.drain_at <= t:
        drain(c, t)
    if c.fetch_at <= t:
        fetch(c, t)
    if c.next < c.fetched and not c.is_full:
        dispatch(c)


cdef inline cycle_t next_event(const Core* c, cycle_t t) noexcept nogil:
    if c.ready_words:
        return t + 1
    return earlier(earlier(c.rare_at, c.drain_at), earlier(c.fetch_at, next_soon(c, t)))
