"""The controller's two ends: responses out (phase A), requests in (phase B).

Both are shared by all channels; ids are given in the order in which requests enter. Each phase keeps the
next cycle in which it can do something (`response_at`, `input_at`); being early is harmless, being late
would be wrong. O(1) a request and phase, O(sources) where several sources share the memory.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

from ext._types cimport cycle_t
from ext.dram_numbers cimport (
    ARBITER_REORDER, ARBITER_SIMPLE, BANK_BITS, DELIVERED, ISSUED, LONE, NEVER, NO_SLOT, RESPONSES_FIFO,
    RESPONSES_REORDER, RETURNED, SLOT_BITS, SPLIT_READ_WRITE, WAITING, WINDOW, earlier, inlined, later,
    rarely,
)
from ext.dram_state cimport (
    Arena, Channel, Requests, Slot, Tape, channel_at, place_of, place_t, slot_at, slot_of,
)
from ext.dram_statistics cimport count_delivery


# --------------------------------------------------------------------------------------------- A: responses

cdef inline inlined schedule_response(Arena* a, Channel* c, cycle_t soonest, int plain) noexcept nogil:
    """When can the controller hand over its next response?"""
    cdef cycle_t at = NEVER
    if c.response_head != NO_SLOT:
        at = later(slot_at(a, c.response_head).ready, soonest)
    if plain == LONE:
        a.response_at = at
        return
    c.response_at = at
    if a.n_channels == 1:
        a.response_at = soonest if rarely(a.n_held != 0) else c.response_at
    else:
        a.response_at = earlier(a.response_at, c.response_at)


cdef inline void line_up(Arena* a, Channel* c, place_t place) noexcept nogil:
    """Put a request at the end of its channel's response queue."""
    slot_at(a, place).next_response = NO_SLOT
    if c.response_head == NO_SLOT:
        c.response_head = place
    else:
        slot_at(a, c.response_tail).next_response = place
    c.response_tail = place


cdef inline void count_response(Channel* c, Slot* slot) noexcept nogil:
    """RespQueue Reorder: the order in which the responses came, should it become Fifo."""
    slot.older = <int32_t> c.n_put
    c.n_put += 1


cdef inline inlined put_response(
    Arena* a, Channel* c, place_t place, cycle_t ready, cycle_t t, int plain
) noexcept nogil:
    """The column command of a request went out at t (or it needs none); its data are complete at `ready`."""
    cdef Slot* slot = slot_at(a, place)
    slot.stage = ISSUED
    slot.ready = ready
    if rarely(a.config.resp_queue == RESPONSES_REORDER):
        count_response(c, slot)
    else:
        line_up(a, c, place)
    if place == c.response_head:
        schedule_response(a, c, t + 1, plain)


cdef inline place_t take_response(Arena* a, Channel* c, cycle_t t) noexcept nogil:
    """The response that the controller hands over in cycle t, or NO_SLOT."""
    cdef place_t place = c.response_head
    if place == NO_SLOT or slot_at(a, place).ready > t:
        return NO_SLOT
    c.response_head = slot_at(a, place).next_response
    return place


cdef inline int64_t index_at(const Requests* r, int64_t k) noexcept nogil:
    """Index in the merged trace of number k in the order of sources."""
    return r.order[k] if r.order else k


cdef inline cycle_t next_arrival(const Arena* a, const Requests* r, int64_t source, int plain) noexcept nogil:
    cdef int64_t k = a.next_id if plain == LONE else a.position[source]
    if plain == LONE:
        return r.arrival[k] if k < a.n_requests else NEVER
    return r.arrival[index_at(r, k)] if k < r.first[source + 1] else NEVER


cdef inline int64_t in_flight(const Arena* a, int64_t source, int plain) noexcept nogil:
    """How many requests of the source are under way?"""
    return a.next_id - a.delivered if plain == LONE else a.in_flight[source]


cdef inline cycle_t next_offer(const Arena* a, int64_t source, cycle_t soonest, int plain) noexcept nogil:
    """When the source offers its next request, as far as its own state decides."""
    if not plain and a.config.arbiter == ARBITER_SIMPLE:
        if a.in_handshake[source]:
            return NEVER
    elif in_flight(a, source, plain) >= a.config.max_active_transactions:
        return NEVER
    return later(a.next_arrival[source], soonest)


cdef inline inlined reopen(Arena* a, int64_t source, int plain) noexcept nogil:
    """Something that held back the source may be gone."""
    a.offer_at[source] = next_offer(a, source, a.last_accepted_at[source] + 1, plain)
    a.input_at = earlier(a.input_at, a.offer_at[source])


cdef inline inlined deliver_now(
    Arena* a, const Requests* r, Tape* tape, place_t place, cycle_t t, int plain
) noexcept nogil:
    """The source receives the response of the request in slot `place`."""
    cdef Slot* slot = slot_at(a, place)
    cdef int64_t source = 0 if plain == LONE else slot.source
    slot.stage = DELIVERED
    a.delivered += 1
    a.last_delivered_at = t
    count_delivery(a, slot, r.arrival[slot.index], t, plain)
    if plain == LONE:
        if a.input_at == NEVER:
            a.input_at = next_offer(a, source, t, plain)
        return
    a.in_flight[source] -= 1
    if a.offer_at[source] == NEVER:
        reopen(a, source, plain)
    if rarely(a.window_full):
        a.window_full = 0
        a.input_at = earlier(a.input_at, t)
    if rarely(tape.finished is not NULL):
        tape.finished[slot.index] = t
    if rarely(tape.answered is not NULL):
        tape.answered[tape.n_answered] = slot.index
        tape.n_answered += 1


cdef inline void deliver(
    Arena* a, const Requests* r, Tape* tape, place_t place, cycle_t t, int plain
) noexcept nogil:
    """The same, out of line."""
    deliver_now(a, r, tape, place, t, plain)


cdef inline void hold_for_source(Arena* a, Slot* slot, place_t place) noexcept nogil:
    """All arbiters but Reorder: a queue of each source's responses."""
    if a.config.arbiter == ARBITER_REORDER:
        return
    slot.next_response = NO_SLOT
    if a.held_head[slot.source] == NO_SLOT:
        a.held_head[slot.source] = place
    else:
        slot_at(a, a.held_tail[slot.source]).next_response = place
    a.held_tail[slot.source] = place


cdef inline void hold(Arena* a, place_t place) noexcept nogil:
    """The arbiter takes a response over."""
    cdef Slot* slot = slot_at(a, place)
    slot.stage = RETURNED
    slot.newer = <int32_t> a.n_handed
    a.n_handed += 1
    a.n_waiting += 1
    hold_for_source(a, slot, place)


cdef inline place_t next_held(const Arena* a, int64_t source) noexcept nogil:
    """The request of the source that the arbiter holds and may deliver now, or NO_SLOT."""
    cdef int64_t id
    if a.config.arbiter != ARBITER_REORDER:
        return a.held_head[source]
    id = a.next_own[source]
    return place_of(id) if id >= 0 and slot_of(a, id).stage == RETURNED else NO_SLOT


cdef inline void deliver_held(Arena* a, const Requests* r, Tape* tape, cycle_t t, int plain) noexcept nogil:
    """Each source gets at most port_width of the responses that the arbiter holds."""
    cdef int64_t source, _k
    cdef place_t place
    a.n_held = 0
    for source in range(a.n_sources):
        for _k in range(a.config.port_width):
            place = next_held(a, source)
            if place == NO_SLOT:
                break
            a.n_waiting -= 1
            if a.config.arbiter == ARBITER_REORDER:
                a.next_own[source] = a.own_newer[place >> SLOT_BITS]
            else:
                a.held_head[source] = slot_at(a, place).next_response
            deliver(a, r, tape, place, t, plain)
        a.n_held += next_held(a, source) != NO_SLOT


cdef inline void respond_all(Arena* a, const Requests* r, Tape* tape, cycle_t t, int plain) noexcept nogil:
    """Phase A for several channels, or where responses wait at the arbiter."""
    cdef int64_t number
    cdef place_t place
    cdef Channel* c
    for number in range(a.n_channels):
        c = channel_at(a, number)
        if c.response_at <= t:
            place = take_response(a, c, t)
            if place != NO_SLOT:
                hold(a, place)
            c.response_at = NEVER
            if c.response_head != NO_SLOT:
                c.response_at = later(slot_at(a, c.response_head).ready, t + 1)
    if a.n_waiting:
        deliver_held(a, r, tape, t, plain)
    a.response_at = t + 1 if a.n_held else NEVER
    for number in range(a.n_channels):
        a.response_at = earlier(a.response_at, channel_at(a, number).response_at)


cdef inline inlined respond(Arena* a, const Requests* r, Tape* tape, cycle_t t, int plain) noexcept nogil:
    """Phase A."""
    cdef place_t place
    cdef Channel* c = channel_at(a, 0)
    if plain == LONE:
        place = c.response_head
        c.response_head = slot_at(a, place).next_response
        deliver_now(a, r, tape, place, t, plain)
        schedule_response(a, c, t + 1, plain)
        return
    if a.n_channels > 1 or a.config.arbiter == ARBITER_REORDER or a.n_waiting:
        respond_all(a, r, tape, t, plain)
        return
    place = take_response(a, c, t)
    if place != NO_SLOT:
        deliver_now(a, r, tape, place, t, plain)
    schedule_response(a, c, t + 1, plain)


# ------------------------------------------------------------------------------------------- B: requests in

cdef inline void link_to_source(Arena* a, int64_t id, int64_t source) noexcept nogil:
    """Arbiter Reorder: extend the chain of undelivered requests of a source."""
    a.own_newer[place_of(id) >> SLOT_BITS] = -1
    if a.next_own[source] < 0:
        a.next_own[source] = id
    else:
        a.own_newer[place_of(a.last_own[source]) >> SLOT_BITS] = id
    a.last_own[source] = id


cdef inline inlined accept(
    Arena* a, Tape* tape, Slot* slot, int64_t source, cycle_t t, int plain
) noexcept nogil:
    """The source's handshake ends: its next request may follow in the next cycle."""
    slot.accepted = t
    a.last_accepted_at[source] = t
    if plain == LONE:
        return
    a.in_flight[source] += 1
    if rarely(tape.accepted is not NULL):
        tape.accepted[slot.index] = t


cdef inline bint head_has_room(const Arena* a, const Channel* c, const Requests* r) noexcept nogil:
    """SplitReadWrite: room for the head of the FIFO in the buffer of its direction?"""
    if c.fifo_head == NO_SLOT:
        return True
    if r.is_write[slot_at(a, c.fifo_head).index]:
        return c.queued_writes < a.config.request_buffer_size
    return c.queued - c.queued_writes < a.config.request_buffer_size


cdef inline bint is_blocked(const Channel* c, cycle_t t) noexcept nogil:
    """Does a request that comes now change nothing but that the input is blocked from this cycle on?"""
    return not c.has_room and not c.manager_watches and c.gather_until <= t


cdef inline inlined enter_channel(
    Arena* a, const Requests* r, int64_t id, cycle_t t, int plain
) noexcept nogil:
    """Put a request at the end of its channel's FIFO."""
    cdef place_t place = place_of(id)
    cdef Slot* slot = slot_at(a, place)
    cdef int64_t number = 0
    cdef Channel* c
    if plain != LONE and a.n_channels > 1:
        number = r.channel[slot.index]
    c = channel_at(a, number)
    slot.behind = NO_SLOT
    if c.fifo_head == NO_SLOT:
        c.fifo_head = place
        if plain and is_blocked(c, t):
            c.input_blocked = 1
            c.blocked_cycles -= t - c.then
        else:
            a.step_at[number] = t
        if not plain and rarely(a.config.scheduler_buffer == SPLIT_READ_WRITE):
            c.has_room = head_has_room(a, c, r)
    else:
        slot_at(a, c.fifo_tail).behind = place
    c.fifo_tail = place
    if a.config.resp_queue == RESPONSES_REORDER:
        slot.ready = NEVER
        line_up(a, c, place)


cdef inline inlined enter(
    Arena* a, const Requests* r, Tape* tape, int64_t source, cycle_t t, int plain
) noexcept nogil:
    """The source's next request enters its channel."""
    cdef int64_t id = a.next_id
    cdef Slot* slot = slot_of(a, id)
    slot.index = id if plain == LONE else index_at(r, a.position[source])
    slot.tag = id << BANK_BITS
    slot.source = <uint8_t> source
    slot.stage = WAITING
    a.next_id += 1
    if plain != LONE:
        a.position[source] += 1
    a.next_arrival[source] = next_arrival(a, r, source, plain)
    if not plain and a.config.arbiter == ARBITER_SIMPLE:
        slot.accepted = -1
        a.in_handshake[source] += 1
    else:
        accept(a, tape, slot, source, t, plain)
    if plain != LONE and a.config.arbiter == ARBITER_REORDER:
        link_to_source(a, id, source)
    enter_channel(a, r, id, t, plain)


cdef inline void find_oldest(Arena* a) noexcept nogil:
    """Bring `oldest_id` up to date."""
    cdef int64_t id = a.oldest_id
    while id < a.next_id and slot_of(a, id).stage == DELIVERED:
        id += 1
    a.oldest_id = id


cdef inline inlined take_from(
    Arena* a, const Requests* r, Tape* tape, int64_t source, cycle_t t, int plain
) noexcept nogil:
    """At most port_width requests of a source that offers one."""
    cdef int64_t _k
    if rarely(a.next_id - a.oldest_id >= WINDOW):
        find_oldest(a)
    if (plain or a.config.port_width == 1) and a.next_id - a.oldest_id < WINDOW:
        enter(a, r, tape, source, t, plain)
        a.offer_at[source] = next_offer(a, source, t + 1, plain)
        return
    for _k in range(a.config.port_width):
        if a.next_id - a.oldest_id >= WINDOW:
            find_oldest(a)
        if a.next_id - a.oldest_id >= WINDOW:
            a.window_full = 1
            break
        enter(a, r, tape, source, t, plain)
        a.offer_at[source] = next_offer(a, source, t, plain)
        if a.offer_at[source] > t:
            return
    if a.offer_at[source] <= t and not a.window_full:
        a.offer_at[source] = t + 1


cdef inline inlined take_one(Arena* a, const Requests* r, Tape* tape, cycle_t t) noexcept nogil:
    """The only source offers a request."""
    if rarely(a.next_id - a.oldest_id >= WINDOW):
        find_oldest(a)
        if a.next_id - a.oldest_id >= WINDOW:
            a.input_at = NEVER
            return
    enter(a, r, tape, 0, t, LONE)
    a.input_at = next_offer(a, 0, t + 1, LONE)


cdef inline void end_alone(Arena* a) noexcept nogil:
    """After LONE: bring up to date what follows from other fields, and is not kept there."""
    a.position[0] = a.next_id
    a.in_flight[0] = a.next_id - a.delivered
    a.offer_at[0] = next_offer(a, 0, a.last_accepted_at[0] + 1, LONE)
    a.window_full = a.input_at == NEVER and a.offer_at[0] != NEVER
    a.steps_at = a.step_at[0]
    channel_at(a, 0).response_at = a.response_at


cdef inline inlined take_requests(
    Arena* a, const Requests* r, Tape* tape, cycle_t t, int plain
) noexcept nogil:
    """Phase B."""
    cdef int64_t source
    cdef cycle_t soonest = NEVER
    if plain == LONE:
        take_one(a, r, tape, t)
        return
    for source in range(a.n_sources):
        if a.offer_at[source] <= t:
            take_from(a, r, tape, source, t, plain)
            if a.window_full and a.offer_at[source] <= t:
                continue
        soonest = earlier(soonest, a.offer_at[source])
    a.input_at = soonest
