"""What the cores share, in order of time: interconnect, banks of the last level, memory controllers.

Everything is an event of the uncore's clock. In a cycle: messages that the interconnect delivers, in its
order; then what was planned for the cycle, in the order of planning. A message that leaves a place enters the
interconnect in the next cycle. A bank looks at one message after the other, in order of arrival; one that
finds no miss register, or no way that is not owed, holds the bank until a line comes. Victims are bandwidth,
never latency; but while many are on their way, requests wait. O(1) an event.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t

from ext._types cimport cycle_t
from ext.soc_cache cimport (
    NO_LINE, count_owed, empty, find, first_use, free_register, put, put_back, register_of, room_for, set_of,
    take_out, use,
)
from ext.soc_calendar cimport begin_cycle, end_cycle, take_event
from ext.soc_home cimport direct, hear_acknowledgement, hear_unblock, is_busy, recall_sharers
from ext.soc_messages cimport (
    ACKNOWLEDGE, DIRECTED, DMA_DATA, DMA_READ, DMA_WRITE, GET, GIVES_WRITABLE, HAS_DIRTY_LINE, INVALIDATE,
    IS_PREFETCH, READ, READ_DATA, UNBLOCK, WRITE, WRITE_BACK, Message, append, drop_message, new_message,
)
from ext.soc_messages cimport DATA as THE_LINE
from ext.soc_noc cimport noc_advance, noc_next
from ext.soc_numbers cimport DIRTY, IN_LAST, IN_MEMORY, NEVER, NOBODY, PREFETCH, PREFETCHED, rarely
from ext.soc_replacement cimport victim_way
from ext.soc_state cimport Cache, Mshr
from ext.soc_transport cimport (
    ask_memory, came_back, dma_has_come, enter_inbox, port_of, route, send_at, send_now, take_delivered,
    to_core, wake_bank, write_to_memory,
)
from ext.soc_uncore_state cimport EXCLUSIVE, INCLUSIVE, Bank, Chip, Uncore

# ------------------------------------------------------------------------------------ banks of the last level

cdef inline void recall(Uncore* u, int64_t number, int64_t place, cycle_t t) noexcept nogil:
    """An inclusive last level drops a line: the core that has it must, too."""
    cdef Bank* bank = &u.bank[number]
    cdef int32_t sent = new_message(&u.pool, INVALIDATE, bank.cache.tag[place], bank.holder[place])
    u.pool.at[sent].bank = <uint8_t> number
    u.pool.at[sent].other = bank.holder[place]
    u.counts.recalled += 1
    to_core(u, sent, u.bank_node[number], bank.holder[place], t)


cdef inline void evict_last(Uncore* u, int64_t number, int64_t place, cycle_t t) noexcept nogil:
    """Make room in a bank."""
    cdef Bank* bank = &u.bank[number]
    cdef Cache* cache = &bank.cache
    if cache.tag[place] == NO_LINE:
        return
    take_out(cache, place)
    if u.config.inclusion == INCLUSIVE and u.config.is_coherent:
        recall_sharers(u, number, cache.tag[place], t)
    elif u.config.inclusion == INCLUSIVE:
        recall(u, number, place, t)
    if cache.flags[place] & DIRTY:
        write_to_memory(u, cache.tag[place], bank.holder[place], number, t)


cdef inline void respond(Uncore* u, int32_t number, int64_t level, cycle_t t) noexcept nogil:
    """The line goes to the core that asked."""
    cdef Message* m = &u.pool.at[number]
    m.kind = THE_LINE
    m.level = <uint8_t> level
    if not u.config.is_coherent:
        m.flags |= GIVES_WRITABLE
    route(u, number, u.bank_node[m.bank], u.core_node[m.core])
    send_at(u, number, t)


cdef inline int64_t owing(const Cache* cache, uint64_t line) noexcept nogil:
    """The miss register that owes the line, or NOBODY."""
    cdef int64_t k
    for k in range(cache.n_registers):
        if cache.register[k].ready == NEVER and cache.register[k].line == line:
            return k
    return NOBODY


cdef inline void wait_for_line(Uncore* u, Mshr* register, int32_t asker) noexcept nogil:
    """Who asks is answered when the line is there; a prefetch into the last level needs no answer."""
    if u.pool.at[asker].number == NOBODY:
        drop_message(&u.pool, asker)
        return
    u.pool.at[asker].next = register.waiter
    register.waiter = asker


cdef inline int64_t room_in(Uncore* u, const Cache* cache, uint64_t line) noexcept nogil:
    """`room_for`; what an inclusive last level drops must not be busy, for the cores drop it, too."""
    cdef int64_t number = set_of(cache, line)
    cdef int64_t first = number * cache.ways
    cdef uint64_t open_ways = 0
    cdef int64_t way
    if not u.config.is_coherent or u.config.inclusion != INCLUSIVE:
        return room_for(cache, line)
    for way in range(cache.ways):
        if cache.tag[first + way] == NO_LINE:
            return first + way
        if cache.ready[first + way] != NEVER and not is_busy(u, cache.tag[first + way]):
            open_ways |= (<uint64_t> 1) << way
    return first + victim_way(&cache.replacement, number, open_ways) if open_ways else NOBODY


cdef inline bint miss(Uncore* u, int64_t number, int32_t asker, cycle_t t) noexcept nogil:
    """Read a line from memory for a core; False if that has to wait."""
    cdef Bank* bank = &u.bank[number]
    cdef Cache* cache = &bank.cache
    cdef Message* m = &u.pool.at[asker]
    cdef cycle_t chance
    cdef int64_t free = free_register(cache, t, &chance)
    cdef int64_t place = NOBODY
    cdef int32_t sent
    cdef Mshr* register
    if free == NOBODY:
        return False
    if u.config.inclusion != EXCLUSIVE:
        place = room_in(u, cache, m.line)
        if place == NOBODY:
            return False
        evict_last(u, number, place, t)
        put(cache, place, m.line, m.ip, NEVER, PREFETCHED if m.flags & IS_PREFETCH else 0)
        bank.holder[place] = <uint8_t> m.core
    cache.misses[m.access] += 1
    register = &cache.register[free]
    register.line, register.ready, register.waiter = m.line, NEVER, NOBODY
    count_owed(cache, 1, t)
    sent = new_message(&u.pool, READ, m.line, m.core)
    u.pool.at[sent].number = <int16_t> free
    u.pool.at[sent].bank = <uint8_t> number
    route(u, sent, u.bank_node[number], u.port_node[port_of(u, m.line)])
    send_at(u, sent, t + cache.latency)
    wait_for_line(u, register, asker)
    return True


cdef inline void give_away(Bank* bank, Message* m, int64_t place) noexcept nogil:
    """An exclusive last level keeps no line that it gives to a core."""
    if bank.cache.flags[place] & DIRTY:
        m.flags |= HAS_DIRTY_LINE
    empty(&bank.cache, place)


cdef inline bint serve(Uncore* u, int64_t number, int32_t asker, cycle_t t) noexcept nogil:
    """A core asks for a line; False if that has to wait."""
    cdef Bank* bank = &u.bank[number]
    cdef Cache* cache = &bank.cache
    cdef Message* m = &u.pool.at[asker]
    cdef int64_t place = find(cache, m.line)
    cdef int64_t register = NOBODY
    if u.config.inclusion == EXCLUSIVE:
        register = owing(cache, m.line)
    elif place != NOBODY and cache.ready[place] == NEVER:
        register = register_of(cache, m.line)
    if place == NOBODY and register == NOBODY:
        return miss(u, number, asker, t)
    cache.hits[m.access] += 1
    if register != NOBODY:
        cache.merged[m.access] += 1
    if place != NOBODY and m.access != PREFETCH:
        if cache.flags[place] & PREFETCHED:
            first_use(cache, place, t)
        use(cache, place, m.line, m.ip)
    if register != NOBODY:
        wait_for_line(u, &cache.register[register], asker)
        return True
    if m.number == NOBODY:
        drop_message(&u.pool, asker)
        return True
    bank.holder[place] = <uint8_t> m.core
    if u.config.inclusion == EXCLUSIVE:
        give_away(bank, m, place)
    respond(u, asker, IN_LAST, t + cache.latency)
    return True


cdef inline void take_back(Uncore* u, int64_t number, int32_t brought, cycle_t t) noexcept nogil:
    """A line that left a core comes to its bank."""
    cdef Bank* bank = &u.bank[number]
    cdef Cache* cache = &bank.cache
    cdef Message* m = &u.pool.at[brought]
    cdef bint is_dirty = (m.flags & HAS_DIRTY_LINE) != 0
    cdef int64_t place = find(cache, m.line)
    if place != NOBODY:
        cache.flags[place] |= DIRTY if is_dirty else 0
    else:
        if u.config.inclusion != INCLUSIVE:
            place = room_for(cache, m.line)
        if place != NOBODY:
            evict_last(u, number, place, t)
            put_back(cache, place, m.line, t, DIRTY if is_dirty else 0)
            bank.holder[place] = <uint8_t> m.core
        elif is_dirty:
            write_to_memory(u, m.line, m.core, number, t)
    drop_message(&u.pool, brought)


cdef inline bint handle(Uncore* u, int64_t number, int32_t asker, cycle_t t) noexcept nogil:
    """A core asks for a line: the directory first, where there is one. False: the bank has to wait."""
    cdef const Message* m = &u.pool.at[asker]
    if u.config.is_coherent and m.number != NOBODY and not m.flags & DIRECTED:
        if not direct(u, number, asker, t):
            return True
    return serve(u, number, asker, t)


cdef inline void look(Uncore* u, int64_t number, cycle_t t) noexcept nogil:
    """A bank looks at the first of its messages."""
    cdef Bank* bank = &u.bank[number]
    cdef int32_t first = bank.waiting.first
    cdef int32_t following = u.pool.at[first].next
    cdef cycle_t came = u.pool.at[first].at
    bank.scheduled = 0
    if u.pool.at[first].kind == WRITE_BACK:
        take_back(u, number, first, t)
    elif not handle(u, number, first, t):
        bank.blocked = 1
        bank.cache.refused += 1
        return
    bank.looked += 1
    bank.waited += t - came
    bank.waiting.first = following
    bank.free_at = t + u.config.bank_cycles
    wake_bank(u, number, t)


cdef inline void receive_line(Uncore* u, int32_t number, cycle_t t) noexcept nogil:
    """A line has come from memory to the bank that asked for it."""
    cdef Message* m = &u.pool.at[number]
    cdef int64_t which = m.bank
    cdef Cache* cache = &u.bank[which].cache
    cdef Mshr* register = &cache.register[m.number]
    cdef int32_t waiter = register.waiter
    cdef int32_t following
    if u.config.inclusion != EXCLUSIVE:
        cache.ready[find(cache, m.line)] = t
    register.ready = t
    count_owed(cache, -1, t)
    drop_message(&u.pool, number)
    while waiter != NOBODY:
        following = u.pool.at[waiter].next
        respond(u, waiter, IN_MEMORY, t)
        waiter = following
    u.bank[which].blocked = 0
    wake_bank(u, which, t)


# -------------------------------------------------------------------------------------------------- one cycle

cdef inline void join(Uncore* u, int32_t number, cycle_t t) noexcept nogil:
    """A message has come to its bank."""
    cdef Message* m = &u.pool.at[number]
    m.at = t
    append(&u.pool, &u.bank[m.bank].waiting, number)
    wake_bank(u, m.bank, t)


cdef inline void acknowledged(Uncore* u, int32_t number, cycle_t t) noexcept nogil:
    """An acknowledgement has come; with it, perhaps, a line that was modified."""
    cdef Message* m = &u.pool.at[number]
    if not hear_acknowledgement(u, number, t):
        drop_message(&u.pool, number)
        return
    m.kind, m.core = WRITE_BACK, m.other
    join(u, number, t)


cdef inline void arrive(Chip* chip, int32_t number, cycle_t t) noexcept nogil:
    """A message has come to its node."""
    cdef Uncore* u = &chip.uncore
    cdef Message* m = &u.pool.at[number]
    if m.kind == WRITE_BACK:
        came_back(u, m.core, t)
    if m.kind == GET or m.kind == WRITE_BACK:
        join(u, number, t)
    elif m.kind == THE_LINE:
        enter_inbox(chip, number, m.core, t)
    elif m.kind == READ_DATA:
        receive_line(u, number, t)
    elif m.kind == READ or m.kind == WRITE or m.kind == DMA_READ or m.kind == DMA_WRITE:
        ask_memory(chip, number, t)
    elif m.kind == DMA_DATA:
        dma_has_come(chip, number, t)
    elif m.kind == ACKNOWLEDGE:
        acknowledged(u, number, t)
    elif m.kind == UNBLOCK:
        hear_unblock(u, number, t)
    else:
        enter_inbox(chip, number, m.other, t)


cdef inline void step_uncore(Chip* chip, cycle_t t) noexcept nogil:
    """One cycle of the uncore."""
    cdef Uncore* u = &chip.uncore
    cdef int32_t number
    cdef int64_t event
    begin_cycle(&u.calendar, t)
    if u.config.has_noc:
        if rarely(noc_next(&u.noc) <= t):
            noc_advance(&u.noc, t)
        number = take_delivered(u, t)
        while number != NOBODY:
            arrive(chip, number, t)
            number = take_delivered(u, t)
    event = take_event(&u.calendar)
    while event != NOBODY:
        if event < u.pool.size:
            send_now(u, <int32_t> event, t)
        elif event >= 2 * u.pool.size:
            look(u, event - 2 * u.pool.size, t)
        else:
            arrive(chip, <int32_t> (event - u.pool.size), t)
        event = take_event(&u.calendar)
    end_cycle(&u.calendar)
