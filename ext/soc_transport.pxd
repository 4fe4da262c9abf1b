"""How messages move in the uncore: events in order of time, the interconnect, memory controllers.

A message that leaves a place enters the interconnect in the next cycle. O(1) an event.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from ext._types cimport cycle_t
from ext.soc_accelerator cimport line_has_come, line_is_written
from ext.soc_cache cimport set_of
from ext.soc_calendar cimport CALENDAR_CYCLES, CALENDAR_MASK, mark_cycle, plan_event, reset_calendar
from ext.soc_champsim cimport champsim_channel, champsim_push
from ext.soc_clocks cimport Clock, edge_after, edge_at, time_of
from ext.soc_memory cimport CHAMPSIM, DRAM, NO_ANSWER, channel_of_line, has_space, send_line
from ext.soc_messages cimport (
    DMA_DATA, DMA_READ, DMA_WRITE, GET, GIVES_WRITABLE, READ, READ_DATA, WRITE, WRITE_BACK, Chain, Message,
    append, drop_message, new_message, take_first,
)
from ext.soc_messages cimport DATA as THE_LINE
from ext.soc_noc cimport (
    NOT_KNOWN, count_delivery, flits_of, noc_cross, noc_has_older, noc_next, noc_send, noc_take,
)
from ext.soc_noc_state cimport reset_noc
from ext.soc_numbers cimport IN_MEMORY, LINE_BYTES, NOBODY, earlier, hint, later, rarely
from ext.soc_replacement cimport LRU
from ext.soc_state cimport Cache, Core
from ext.soc_uncore_state cimport Bank, Chip, Uncore

cdef extern from *:
    """
    /* By MessageKind: does it carry the line, and on which virtual network. */
    static const uint8_t soc_carries_line[14] = {0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1};
    static const uint8_t soc_network[14] = {0, 3, 2, 0, 2, 3, 1, 1, 1, 2, 2, 0, 3, 2};
    """
    const uint8_t* carries_line "soc_carries_line"
    const uint8_t* network_of "soc_network"

cdef enum:
    HEADER_BYTES = 8


# ---------------------------------------------------------------------------------------------------- events

cdef inline void send_at(Uncore* u, int32_t number, cycle_t at) noexcept nogil:
    plan_event(&u.calendar, number, at)


cdef inline void arrive_at(Uncore* u, int32_t number, cycle_t at) noexcept nogil:
    """Where there is no interconnect."""
    plan_event(&u.calendar, u.pool.size + number, at)


cdef inline void look_at(Uncore* u, int64_t bank, cycle_t at) noexcept nogil:
    plan_event(&u.calendar, 2 * u.pool.size + bank, at)


cdef inline cycle_t next_uncore_cycle(const Uncore* u) noexcept nogil:
    cdef cycle_t soonest = u.calendar.soonest
    if u.config.has_noc:
        soonest = earlier(soonest, noc_next(&u.noc))
    return soonest


# ------------------------------------------------------------------------------------------------- messages

cdef inline void route(Uncore* u, int32_t number, int64_t source, int64_t target) noexcept nogil:
    u.pool.at[number].source = <int16_t> source
    u.pool.at[number].target = <int16_t> target


cdef inline void reset_transport(Uncore* u) noexcept nogil:
    cdef int64_t k
    reset_calendar(&u.calendar)
    for k in range(CALENDAR_CYCLES):
        u.crossing[k].first = NOBODY
    if u.config.has_noc:
        reset_noc(&u.noc)
        u.flits[0] = flits_of(&u.noc, HEADER_BYTES)
        u.flits[1] = flits_of(&u.noc, HEADER_BYTES + LINE_BYTES)


cdef inline void send_now(Uncore* u, int32_t number, cycle_t t) noexcept nogil:
    """The message enters the interconnect in the next cycle; where that is a free crossbar, no packet is made
    of it, for when it is delivered is known."""
    cdef Message* m = &u.pool.at[number]
    cdef int64_t has_line = carries_line[m.kind]
    cdef cycle_t at
    if not u.config.has_noc:
        arrive_at(u, number, t + 1)
        return
    at = noc_cross(&u.noc, t + 1, m.source, m.target, network_of[m.kind], u.flits[has_line],
                   t + CALENDAR_CYCLES)
    if at == NOT_KNOWN:
        noc_send(&u.noc, t + 1, m.source, m.target, network_of[m.kind],
                 HEADER_BYTES + LINE_BYTES * has_line, number)
        return
    m.at, m.crossing = t + 1, <uint32_t> u.noc.injected
    u.noc.injected += 1
    append(&u.pool, &u.crossing[at & CALENDAR_MASK], number)
    mark_cycle(&u.calendar, at)


cdef inline int32_t take_delivered(Uncore* u, cycle_t t) noexcept nogil:
    """The next message that the interconnect delivers in cycle t, the one handed in first; or NOBODY."""
    cdef Chain* crossing = &u.crossing[t & CALENDAR_MASK]
    cdef int32_t number = crossing.first
    cdef const Message* m = &u.pool.at[number]
    cdef int64_t payload, target
    if rarely(u.noc.delivered != NOBODY) and (number == NOBODY or noc_has_older(&u.noc, m.crossing)):
        noc_take(&u.noc, &payload, &target)
        return <int32_t> payload
    if number != NOBODY:
        crossing.first = m.next
        count_delivery(&u.noc, network_of[m.kind], 1, u.flits[carries_line[m.kind]], t - m.at)
    return number


cdef inline void to_core(Uncore* u, int32_t number, int64_t source, int64_t core, cycle_t t) noexcept nogil:
    route(u, number, source, u.core_node[core])
    send_now(u, number, t)


cdef inline int64_t bank_of(const Uncore* u, uint64_t line) noexcept nogil:
    return <int64_t> (line & <uint64_t> (u.config.n_banks - 1))


cdef inline int64_t port_of(const Uncore* u, uint64_t line) noexcept nogil:
    """The memory controller of a line."""
    if u.config.n_ports == 1:
        return 0
    if u.memory.kind == DRAM:
        return channel_of_line(&u.memory, line) % u.config.n_ports
    if u.memory.kind == CHAMPSIM:
        return champsim_channel(&u.memory.champsim, line) % u.config.n_ports
    return <int64_t> (line % <uint64_t> u.config.n_ports)


cdef inline void to_memory(Uncore* u, int32_t number, int64_t source, cycle_t t) noexcept nogil:
    route(u, number, source, u.port_node[port_of(u, u.pool.at[number].line)])
    send_now(u, number, t)


cdef inline void hold_or_plan(Uncore* u, int64_t core, int32_t number, cycle_t at) noexcept nogil:
    """A core's message goes on its way; a request only while few lines that leave the core are on theirs."""
    cdef Message* m = &u.pool.at[number]
    if m.kind == WRITE_BACK or m.kind == WRITE:
        u.given_back[core] += 1
    elif m.kind == GET or m.kind == READ:
        if u.held[core].first != NOBODY or u.given_back[core] >= u.config.write_backs:
            m.at = at
            append(&u.pool, &u.held[core], number)
            return
    send_at(u, number, at)


cdef inline void came_back(Uncore* u, int64_t core, cycle_t t) noexcept nogil:
    """A line that left a core has come to its place: the next request that was held goes on its way."""
    cdef int32_t number
    u.given_back[core] -= 1
    if u.held[core].first != NOBODY and u.given_back[core] < u.config.write_backs:
        while u.held[core].first != NOBODY:
            number = take_first(&u.pool, &u.held[core])
            send_at(u, number, later(t, u.pool.at[number].at))


cdef inline void warm_set(const Cache* cache, uint64_t line) noexcept nogil:
    """The line is looked for, and perhaps put in, a little later: its set is seldom at hand."""
    cdef int64_t first = set_of(cache, line) * cache.ways
    cdef int64_t last = first + cache.ways - 1
    hint(&cache.tag[first])
    hint(&cache.tag[last])
    hint(&cache.ready[first])
    hint(&cache.ready[last])
    hint(&cache.flags[first])
    if cache.replacement.kind == LRU:
        hint(&cache.replacement.used[first])
        hint(&cache.replacement.used[last])


cdef inline void from_core(Chip* chip, int64_t core, int32_t number) noexcept nogil:
    """A message leaves a core at `at` of its cycles: it is in the uncore at the first edge after that."""
    cdef Uncore* u = &chip.uncore
    cdef Message* m = &u.pool.at[number]
    cdef int64_t source = u.core_node[core]
    u.counts.asked += 1
    if m.kind == THE_LINE:
        route(u, number, source, u.core_node[m.core])
    elif u.config.n_banks:
        m.bank = <uint8_t> bank_of(u, m.line)
        route(u, number, source, u.bank_node[m.bank])
        warm_set(&u.bank[m.bank].cache, m.line)
    else:
        m.kind = READ if m.kind == GET else WRITE
        route(u, number, source, u.port_node[port_of(u, m.line)])
    hold_or_plan(u, core, number, edge_after(&chip.uncore_clock, time_of(&chip.core_clock[core], m.at)))


# ----------------------------------------------------------------------------------------------------- banks

cdef inline void wake_bank(Uncore* u, int64_t number, cycle_t t) noexcept nogil:
    cdef Bank* bank = &u.bank[number]
    if bank.scheduled or bank.blocked or bank.waiting.first == NOBODY:
        return
    if bank.writes >= u.config.write_backs:
        return
    bank.scheduled = 1
    look_at(u, number, later(t, bank.free_at))


cdef inline void write_to_memory(
    Uncore* u, uint64_t line, int64_t core, int64_t number, cycle_t t
) noexcept nogil:
    """A modified line leaves a bank."""
    cdef int32_t sent = new_message(&u.pool, WRITE, line, core)
    u.bank[number].cache.written_back += 1
    u.bank[number].writes += 1
    u.pool.at[sent].bank = <uint8_t> number
    to_memory(u, sent, u.bank_node[number], t)


# ---------------------------------------------------------------------------------------------- accelerators

cdef inline void from_accelerator(Chip* chip, int64_t k, int32_t number) noexcept nogil:
    """A message leaves an accelerator at `at` of its cycles."""
    cdef Uncore* u = &chip.uncore
    cdef Message* m = &u.pool.at[number]
    route(u, number, u.core_node[m.core], u.port_node[port_of(u, m.line)])
    send_at(u, number, edge_after(&chip.uncore_clock, time_of(&chip.accelerator_clock[k], m.at)))


cdef inline cycle_t wake_accelerator(Chip* chip, int64_t k, cycle_t t) noexcept nogil:
    """Something comes to an accelerator: the first of its cycles from now on."""
    cdef const Clock* clock = &chip.accelerator_clock[k]
    cdef cycle_t at = edge_at(clock, time_of(&chip.uncore_clock, t))
    chip.accelerators_at = earlier(chip.accelerators_at, time_of(clock, at))
    chip.uncore.has_woken = 1
    return at


cdef inline void dma_is_written(Chip* chip, int64_t source, cycle_t t) noexcept nogil:
    """A line of an accelerator has come to its memory controller."""
    cdef int64_t k = source - chip.uncore.config.n_cores
    line_is_written(&chip.accelerator[k], wake_accelerator(chip, k, t))


cdef inline void dma_has_come(Chip* chip, int32_t number, cycle_t t) noexcept nogil:
    """A line has come to the accelerator that asked for it."""
    cdef const Message* m = &chip.uncore.pool.at[number]
    cdef int64_t k = m.core - chip.uncore.config.n_cores
    line_has_come(&chip.accelerator[k], m.asked_at, wake_accelerator(chip, k, t))
    drop_message(&chip.uncore.pool, number)


# ---------------------------------------------------------------------------------------------------- memory

cdef inline void answer_from_memory(Uncore* u, int32_t number, cycle_t t) noexcept nogil:
    """The line of a read is there in cycle t: it goes back to who asked."""
    cdef Message* m = &u.pool.at[number]
    cdef int64_t port = m.target
    u.counts.memory_latency += t - m.asked_in_uncore
    m.level = IN_MEMORY
    if m.kind == DMA_READ:
        m.kind = DMA_DATA
        route(u, number, port, u.core_node[m.core])
    elif u.config.n_banks:
        m.kind = READ_DATA
        route(u, number, port, u.bank_node[m.bank])
    else:
        m.kind = THE_LINE
        m.flags |= GIVES_WRITABLE
        route(u, number, port, u.core_node[m.core])
    send_at(u, number, t)


cdef inline void ask_memory(Chip* chip, int32_t number, cycle_t t) noexcept nogil:
    """A message has come to a memory controller."""
    cdef Uncore* u = &chip.uncore
    cdef Message* m = &u.pool.at[number]
    cdef bint is_write = m.kind == WRITE or m.kind == DMA_WRITE
    cdef int64_t time = time_of(&chip.uncore_clock, t)
    u.counts.memory_writes += is_write
    u.counts.memory_reads += not is_write
    m.asked_in_uncore = t
    u.has_asked_memory = 1
    if m.kind == DMA_WRITE:
        dma_is_written(chip, m.core, t)
    elif is_write and u.config.n_banks:
        u.bank[m.bank].writes -= 1
        wake_bank(u, m.bank, t)
    elif is_write:
        came_back(u, m.core, t)
    if u.memory.kind == DRAM:
        chip.overflowed |= not has_space(&u.memory)
        send_line(&u.memory, m.line, is_write, m.core, edge_after(&chip.memory_clock, time),
                  NO_ANSWER if is_write else number)
    elif u.memory.kind == CHAMPSIM:
        chip.overflowed |= not has_space(&u.memory)
        champsim_push(&u.memory.champsim, m.line, is_write, edge_after(&chip.memory_clock, time), number)
    else:
        u.memory.free_at = later(u.memory.free_at, t) + u.memory.interval
        if not is_write:
            answer_from_memory(u, number, u.memory.free_at - u.memory.interval + u.memory.latency)
    if is_write:
        drop_message(&u.pool, number)


# ----------------------------------------------------------------------------------------------------- cores

cdef inline void enter_inbox(Chip* chip, int32_t number, int64_t target, cycle_t t) noexcept nogil:
    """A message has come to a core, which sees it at its first edge from now on."""
    cdef Uncore* u = &chip.uncore
    cdef Core* c = chip.core[target]
    cdef cycle_t at = edge_at(&chip.core_clock[target], time_of(&chip.uncore_clock, t))
    u.pool.at[number].at = at
    append(&u.pool, &c.inbox, number)
    c.next_at = earlier(c.next_at, at)
    u.has_woken = 1
    c.rare_at = earlier(c.rare_at, at)
