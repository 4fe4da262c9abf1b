"""The private caches of a core, and how misses wait.

A miss takes a miss register (MSHR) of its level until the line is there. The tag is put in at once; `ready`
says from when on the line can be used, and is NEVER while it is owed from below the second level. Who needs
a line that is owed waits at its register. Where no register is free, or every way of the set is owed,
nothing happens and the access is tried again: the time of the next chance is given back, NEVER if only an
answer from below brings one. The second level is looked up at the moment of the miss, with the time that the
first has taken. O(ways) a look-up, O(registers) a miss.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t

from ext._types cimport cycle_t
from ext.soc_messages cimport (
    ASKS_TO_WRITE, GET, HAS_DIRTY_LINE, IS_PREFETCH, WRITE_BACK, Message, append, new_message,
)
from ext.soc_numbers cimport (
    CAME_UNASKED, DIRTY, IN_FIRST, IN_SECOND, NEVER, NOBODY, PREFETCH, PREFETCHED, STORE, WRITABLE,
    apart_number, earlier, later, rarely,
)
from ext.soc_prefetch cimport (
    MOST_ADVICE, NO_PREFETCH, advise, on_demand_fill, on_prefetch_fill, on_useless,
)
from ext.soc_replacement cimport (
    LRU, oldest_line, on_empty, on_evict, on_fill, on_hit, on_write_back_fill, use_line, victim_way,
)
from ext.soc_state cimport Cache, Core, Mshr

cdef extern from *:
    """
    #define SOC_NO_LINE UINT64_MAX
    """
    const uint64_t NO_LINE "SOC_NO_LINE"    # of an empty place


# ------------------------------------------------------------------------------------------------ one cache

cdef inline int64_t set_of(const Cache* cache, uint64_t line) noexcept nogil:
    return <int64_t> ((line >> cache.shift) & cache.set_mask)


cdef inline int64_t find(Cache* cache, uint64_t line) noexcept nogil:
    """Place of the line, or NOBODY."""
    cdef int64_t number = set_of(cache, line)
    cdef int64_t first = number * cache.ways
    cdef int64_t place = first + cache.latest[number]
    if cache.tag[place] == line:
        return place
    return find_among(cache, line, first, number)


cdef inline apart_number find_among(
    Cache* cache, uint64_t line, int64_t first, int64_t number
) noexcept nogil:
    """`find` of a line that is not the last used of its set."""
    cdef int64_t place
    for place in range(first, first + cache.ways):
        if cache.tag[place] == line:
            cache.latest[number] = <uint8_t> (place - first)
            return place
    return NOBODY


cdef inline void use(Cache* cache, int64_t place, uint64_t line, uint64_t ip) noexcept nogil:
    """A demand access finds its line."""
    cdef int64_t number = set_of(cache, line)
    cdef int64_t way = place - number * cache.ways
    if cache.replacement.kind == LRU:
        use_line(&cache.replacement, place, way)
    else:
        on_hit(&cache.replacement, number, way, ip)


cdef inline int64_t room_for(const Cache* cache, uint64_t line) noexcept nogil:
    """The place to be filled next: an empty one, else the victim's; NOBODY if every way is owed."""
    cdef int64_t number = set_of(cache, line)
    cdef int64_t first = number * cache.ways
    cdef uint64_t open_ways = 0
    cdef int64_t way
    if cache.replacement.kind == LRU:
        way = oldest_line(&cache.replacement, first) - first
        if cache.ready[first + way] != NEVER:
            return first + way
    for way in range(cache.ways):
        if cache.tag[first + way] == NO_LINE:
            return first + way
        if cache.ready[first + way] != NEVER:
            open_ways |= (<uint64_t> 1) << way
    if rarely(open_ways == 0):
        return NOBODY
    return first + victim_way(&cache.replacement, number, open_ways)


cdef inline void put(
    Cache* cache, int64_t place, uint64_t line, uint64_t ip, cycle_t ready, int64_t flags
) noexcept nogil:
    cdef int64_t number = set_of(cache, line)
    cdef int64_t way = place - number * cache.ways
    cache.tag[place] = line
    cache.ready[place] = ready
    cache.flags[place] = <uint8_t> flags
    cache.latest[number] = <uint8_t> way
    on_fill(&cache.replacement, number, way, ip, (flags & PREFETCHED) != 0)


cdef inline void put_back(
    Cache* cache, int64_t place, uint64_t line, cycle_t t, int64_t flags
) noexcept nogil:
    """Put a line in that the level above gave back."""
    cdef int64_t number = set_of(cache, line)
    cdef int64_t way = place - number * cache.ways
    cache.tag[place] = line
    cache.ready[place] = t
    cache.flags[place] = <uint8_t> flags
    cache.latest[number] = <uint8_t> way
    on_write_back_fill(&cache.replacement, number, way)


cdef inline void take_out(Cache* cache, int64_t place) noexcept nogil:
    """The line of the place is replaced, if there is one."""
    cdef uint64_t line = cache.tag[place]
    cdef int64_t number
    if line == NO_LINE:
        return
    number = set_of(cache, line)
    on_evict(&cache.replacement, number, place - number * cache.ways)
    if rarely(cache.flags[place] & PREFETCHED):
        cache.prefetch_useless += 1
        on_useless(&cache.prefetcher, line)


cdef inline void empty(Cache* cache, int64_t place) noexcept nogil:
    on_empty(&cache.replacement, place, place % cache.ways)
    cache.tag[place] = NO_LINE
    cache.ready[place] = 0
    cache.flags[place] = 0


cdef inline int64_t free_register(const Cache* cache, cycle_t t, cycle_t* chance) noexcept nogil:
    """A miss register that is free in cycle t; or NOBODY, and when the next one is."""
    cdef int64_t k
    cdef cycle_t soonest = NEVER
    for k in range(cache.n_registers):
        if cache.register[k].ready <= t:
            return k
        soonest = earlier(soonest, cache.register[k].ready)
    chance[0] = soonest
    return NOBODY


cdef inline int64_t register_of(const Cache* cache, uint64_t line) noexcept nogil:
    """The register of a line that is owed."""
    cdef int64_t k = 0
    while cache.register[k].line != line or cache.register[k].ready != NEVER:
        k += 1
    return k


cdef inline void count_owed(Cache* cache, int64_t change, cycle_t t) noexcept nogil:
    cache.owed_integral += cache.owed * (t - cache.owed_since)
    cache.owed_since = t
    cache.owed += change


cdef inline void first_use(Cache* cache, int64_t place, cycle_t t) noexcept nogil:
    """A prefetched line is asked for."""
    cache.flags[place] &= <uint8_t> ~PREFETCHED
    cache.prefetch_useful += 1
    cache.prefetch_late += cache.ready[place] > t


cdef inline void came_in(Cache* cache, int64_t place) noexcept nogil:
    """Tell the prefetcher."""
    if cache.prefetcher.kind == NO_PREFETCH:
        return
    if cache.flags[place] & CAME_UNASKED:
        cache.flags[place] &= <uint8_t> ~CAME_UNASKED
        on_prefetch_fill(&cache.prefetcher, cache.tag[place])
    else:
        on_demand_fill(&cache.prefetcher, cache.tag[place])


# ------------------------------------------------------------------------------------------- lines given up

cdef inline int64_t drop_from(Core* c, Cache* cache, uint64_t line) noexcept nogil:
    """The cache gives a line up; its flags.

    One that is owed is dropped when it comes; but not where the directory sees to it that only the one line
    that is still to come may come.
    """
    cdef int64_t place = find(cache, line)
    cdef int64_t flags
    if place == NOBODY:
        return 0
    if cache.ready[place] == NEVER:
        cache.register[register_of(cache, line)].recalled = not c.is_coherent
        return 0
    flags = cache.flags[place]
    empty(cache, place)
    return flags


cdef inline int64_t drop_firsts(Core* c, uint64_t line) noexcept nogil:
    return (drop_from(c, &c.code, line) | drop_from(c, &c.data, line)) & DIRTY


cdef inline int64_t drop_line(Core* c, uint64_t line) noexcept nogil:
    """All caches of the core give a line up; DIRTY if any has modified it."""
    return drop_firsts(c, line) | (drop_from(c, &c.second, line) & DIRTY)


# ----------------------------------------------------------------------------------------- the second level

cdef inline void send_back(Core* c, uint64_t line, int64_t flags, cycle_t t) noexcept nogil:
    """A line leaves the core."""
    cdef int32_t number = new_message(c.pool, WRITE_BACK, line, c.number)
    cdef Message* m = &c.pool.at[number]
    m.flags = HAS_DIRTY_LINE if flags & DIRTY else 0
    m.at = t
    append(c.pool, &c.asked, number)


cdef inline void evict_second(Core* c, int64_t place, cycle_t t) noexcept nogil:
    """Make room in the second level; what was modified goes down."""
    cdef Cache* cache = &c.second
    if cache.tag[place] == NO_LINE:
        return
    take_out(cache, place)
    if c.is_coherent:           # the directory knows what the second level has
        cache.flags[place] |= <uint8_t> drop_firsts(c, cache.tag[place])
    if cache.flags[place] & DIRTY or c.sends_clean:
        cache.written_back += (cache.flags[place] & DIRTY) != 0
        send_back(c, cache.tag[place], cache.flags[place], t)


cdef inline void ask(Core* c, int64_t number, uint64_t ip, cycle_t t, int64_t kind) noexcept nogil:
    """Ask below the second level for the line of a miss register; its owner waits from now on."""
    cdef Mshr* register = &c.second.register[number]
    cdef int32_t sent = new_message(c.pool, GET, register.line, c.number)
    cdef Message* m = &c.pool.at[sent]
    m.ip, m.at, m.asked_at, m.number = ip, t, t, <int16_t> number
    m.access = <uint8_t> kind
    if kind == PREFETCH:
        m.flags = IS_PREFETCH
    elif kind == STORE:
        m.flags = ASKS_TO_WRITE
    append(c.pool, &c.asked, sent)


cdef inline void ask_last(Core* c, uint64_t line, uint64_t ip, cycle_t t) noexcept nogil:
    """Prefetch a line into the last level only: nobody is answered."""
    cdef int32_t sent = new_message(c.pool, GET, line, c.number)
    cdef Message* m = &c.pool.at[sent]
    m.ip, m.at, m.flags, m.access = ip, t, IS_PREFETCH, PREFETCH
    append(c.pool, &c.asked, sent)


cdef inline void take_register(
    Core* c, int64_t number, uint64_t line, uint64_t ip, cycle_t t, int64_t kind
) noexcept nogil:
    """Owe a line of the second level, and ask for it."""
    cdef Mshr* register = &c.second.register[number]
    register.line, register.ready, register.waiter = line, NEVER, NOBODY
    count_owed(&c.second, 1, t)
    ask(c, number, ip, t + c.second.latency, kind)


cdef inline int64_t below(
    Core* c, uint64_t line, uint64_t ip, cycle_t t, int64_t kind, cycle_t* chance
) noexcept nogil:
    """A register of the second level for a line that is not there, and a place, if there are both."""
    cdef int64_t number = free_register(&c.second, t, chance)
    cdef int64_t place = room_for(&c.second, line)
    if number == NOBODY or place == NOBODY:
        return NOBODY
    c.second.misses[kind] += 1
    evict_second(c, place, t)
    put(&c.second, place, line, ip, NEVER, PREFETCHED | CAME_UNASKED if kind == PREFETCH else 0)
    take_register(c, number, line, ip, t, kind)
    return number


cdef inline int64_t upgrade_second(
    Core* c, int64_t place, uint64_t line, uint64_t ip, cycle_t t, cycle_t* chance
) noexcept nogil:
    """Ask for the right to write a line that other cores may have; the line is owed meanwhile."""
    cdef int64_t number
    if c.second.ready[place] == NEVER:
        return NOBODY
    number = free_register(&c.second, t, chance)
    if number == NOBODY:
        return NOBODY
    c.second.misses[STORE] += 1
    c.second.ready[place] = NEVER
    take_register(c, number, line, ip, t, STORE)
    return number


cdef inline void advise_second(
    Core* c, uint64_t line, uint64_t ip, cycle_t t, bint hit, bint is_first
) noexcept nogil:
    """Prefetch into the second level after a demand access of it."""
    cdef uint64_t[MOST_ADVICE] lines
    cdef cycle_t chance = NEVER
    cdef int64_t n = advise(&c.second.prefetcher, ip, line, hit, is_first, lines)
    cdef int64_t k
    for k in range(n):
        if c.has_last and (c.second.prefetcher.below >> k) & 1:
            ask_last(c, lines[k], ip, t + c.second.latency)
        elif find(&c.second, lines[k]) == NOBODY and below(c, lines[k], ip, t, PREFETCH, &chance) == NOBODY:
            c.second.prefetch_dropped += 1


cdef inline cycle_t second_level(
    Core* c, uint64_t line, uint64_t ip, cycle_t t, int64_t kind, int64_t* owes, int64_t* rights,
    bint* is_first, cycle_t* chance,
) noexcept nogil:
    """When the second level, asked in cycle t, has the line: NEVER if register `owes` will; -1: try again.

    is_first: it is the first demand for a line that was prefetched.
    """
    cdef Cache* cache = &c.second
    cdef int64_t place = find(cache, line)
    cdef cycle_t ready
    owes[0] = NOBODY
    is_first[0] = False
    if place == NOBODY:
        owes[0] = below(c, line, ip, t, kind, chance)
        if owes[0] == NOBODY:
            return -1
    elif rarely(kind == STORE and not cache.flags[place] & WRITABLE and c.is_coherent):
        owes[0] = upgrade_second(c, place, line, ip, t, chance)
        if owes[0] == NOBODY:
            return -1
    else:
        cache.hits[kind] += 1
        ready = cache.ready[place]
        rights[0] = cache.flags[place] & WRITABLE
        is_first[0] = cache.flags[place] & PREFETCHED and kind <= STORE
        cache.merged[kind] += ready > t
        if is_first[0]:
            first_use(cache, place, t)
        if kind != PREFETCH:
            use(cache, place, line, ip)
        if ready == NEVER:
            owes[0] = register_of(cache, line)
        else:
            ready = later(t + cache.latency, ready)
    return NEVER if owes[0] != NOBODY else ready


cdef inline void write_back(Core* c, uint64_t line, cycle_t t) noexcept nogil:
    """A modified line leaves a first-level cache: into the second, without being fetched."""
    cdef Cache* cache = &c.second
    cdef int64_t place = find(cache, line)
    if place != NOBODY:
        cache.flags[place] |= DIRTY
        return
    place = room_for(cache, line)
    if place == NOBODY:
        send_back(c, line, DIRTY, t)
        return
    evict_second(c, place, t)
    put_back(cache, place, line, t, DIRTY | WRITABLE)


# ------------------------------------------------------------------------------------------ the first level

cdef inline void wait_at(Core* c, Mshr* register, int32_t waiter) noexcept nogil:
    if waiter == NOBODY:
        return
    c.next_waiter[waiter] = register.waiter
    register.waiter = waiter


cdef inline cycle_t bring(
    Core* c, Cache* cache, int64_t which, uint64_t line, int64_t place, uint64_t ip, cycle_t t, int64_t kind,
    int32_t waiter, cycle_t* chance,
) noexcept nogil:
    """`access` of a line that the first level lacks (place: NOBODY), or may not write."""
    cdef int64_t number = free_register(cache, t, chance)
    cdef bint is_upgrade = place != NOBODY
    cdef int64_t owes
    cdef int64_t rights = 0
    cdef int64_t flags
    cdef bint is_first
    cdef cycle_t ready = -1
    cdef Mshr* register
    if not is_upgrade:
        place = room_for(cache, line)
    if number != NOBODY and place != NOBODY:
        ready = second_level(c, line, ip, t + cache.latency, kind, &owes, &rights, &is_first, chance)
    if ready < 0:
        cache.refused += kind != PREFETCH
        cache.prefetch_dropped += kind == PREFETCH
        return -1
    cache.misses[kind] += 1
    if not is_upgrade:
        take_out(cache, place)
        if cache.flags[place] & DIRTY:
            cache.flags[place] = 0
            cache.written_back += 1
            write_back(c, cache.tag[place], t)
    flags = rights | (0 if c.is_coherent else WRITABLE)
    flags |= DIRTY if kind == STORE else (PREFETCHED | CAME_UNASKED if kind == PREFETCH else 0)
    if is_upgrade:
        cache.ready[place] = ready
        cache.flags[place] |= <uint8_t> flags
    else:
        put(cache, place, line, ip, ready, flags)
    register = &cache.register[number]
    register.line, register.ready, register.waiter = line, ready, NOBODY
    register.level = IN_SECOND
    if owes != NOBODY:
        register.next = c.second.register[owes].waiter
        c.second.register[owes].waiter = <int32_t> (which + number)
        wait_at(c, register, waiter)
    else:
        came_in(cache, place)
    if rarely(c.second.prefetcher.kind != NO_PREFETCH) and kind <= STORE:
        advise_second(c, line, ip, t + cache.latency, owes == NOBODY, is_first)
    return ready


cdef inline void advise_first(
    Core* c, Cache* cache, int64_t which, uint64_t line, uint64_t ip, cycle_t t, bint hit, bint is_first
) noexcept nogil:
    """Prefetch into the first level after an access of it."""
    cdef uint64_t[MOST_ADVICE] lines
    cdef cycle_t chance = NEVER
    cdef int64_t n = advise(&cache.prefetcher, ip, line, hit, is_first, lines)
    cdef int64_t k
    for k in range(n):
        if find(cache, lines[k]) == NOBODY:
            bring(c, cache, which, lines[k], NOBODY, ip, t, PREFETCH, NOBODY, &chance)


cdef inline bint hit_at_hand(Cache* cache, uint64_t line, cycle_t t, int64_t kind) noexcept nogil:
    """`access` of a line that is there, if nothing else is to be done; else nothing is. No banks."""
    cdef int64_t number = <int64_t> (line & cache.set_mask)
    cdef int64_t first = number * cache.ways
    cdef int64_t place = first + cache.latest[number]
    if cache.tag[place] != line:
        place = find_among(cache, line, first, number)
    if (
        place == NOBODY or cache.ready[place] > t or not cache.is_plain
        or (kind == STORE and not cache.flags[place] & WRITABLE)
    ):
        return False
    cache.flags[place] |= DIRTY if kind == STORE else 0
    cache.hits[kind] += 1
    use_line(&cache.replacement, place, place - first)
    return True


cdef inline cycle_t access(
    Core* c, Cache* cache, int64_t which, uint64_t line, uint64_t ip, cycle_t t, int64_t kind, int32_t waiter,
    int64_t* level, cycle_t* chance,
) noexcept nogil:
    """When the line is there for who asks in cycle t: NEVER if it is owed; -1 if it must be tried again.
    waiter: who is told when an owed line comes. level: where it was found. chance: when to try again."""
    if hit_at_hand(cache, line, t, kind):
        level[0] = IN_FIRST
        return t + cache.latency
    return access_anyhow(c, cache, which, line, find(cache, line), ip, t, kind, waiter, level, chance)


cdef inline apart_number access_anyhow(
    Core* c, Cache* cache, int64_t which, uint64_t line, int64_t place, uint64_t ip, cycle_t t, int64_t kind,
    int32_t waiter, int64_t* level, cycle_t* chance,
) noexcept nogil:
    """`access`, whatever is to be done. place: of the line, or NOBODY."""
    cdef bint is_first = False
    cdef cycle_t ready
    chance[0] = NEVER
    level[0] = IN_FIRST
    if rarely(place == NOBODY or (kind == STORE and not cache.flags[place] & WRITABLE)):
        if place != NOBODY and cache.ready[place] == NEVER:
            return -1           # a line that is owed without the right to write it: wait for the answer
        ready = bring(c, cache, which, line, place, ip, t, kind, waiter, chance)
        level[0] = IN_SECOND
        if rarely(cache.prefetcher.kind != NO_PREFETCH) and kind <= STORE and ready >= 0:
            advise_first(c, cache, which, line, ip, t, False, False)
        return ready
    cache.hits[kind] += 1
    if kind == STORE:
        cache.flags[place] |= DIRTY
    use(cache, place, line, ip)
    ready = cache.ready[place]
    if rarely(cache.flags[place] & PREFETCHED):
        is_first = True
        first_use(cache, place, t)
    if rarely(ready > t):
        cache.merged[kind] += 1
        level[0] = IN_SECOND
        if ready == NEVER:
            wait_at(c, &cache.register[register_of(cache, line)], waiter)
    if rarely(cache.prefetcher.kind != NO_PREFETCH) and kind <= STORE:
        advise_first(c, cache, which, line, ip, t, True, is_first)
    return ready if ready == NEVER else later(t + cache.latency, ready)
