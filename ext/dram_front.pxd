"""The controller's two ends: responses out (phase A), requests in (B), admission to the bank lists (C, F).

Ids are given in the order in which requests enter the channel, so the channel FIFO is the range of ids from
`next_admitted` to `next_id` and needs no storage. Each phase keeps the next cycle in which it can do
something (`response_at`, `input_at`, `admit_at`); being early is harmless, being late would be wrong. O(1)
a request and phase, O(sources) where several sources share the channel.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t

from ext._types cimport cycle_t
from ext.dram_policy cimport append
from ext.dram_state cimport (
    ARBITER_REORDER, ARBITER_SIMPLE, BANKWISE, DELIVERED, EXACT_BINS, EXACT_BITS, ISSUED, NEVER, NO_SLOT,
    N_BATCHES, N_BINS, OCTAVE_BITS, READ_WRITE, RESPONSES_FIFO, RESPONSES_REORDER, RETURNED, ROW_HIT,
    SLOT_MASK, WAITING, WINDOW, Arena, Requests, Slot, Tape, earlier, highest_bit, later, rarely,
)


# --------------------------------------------------------------------------------------------- statistics

cdef inline int32_t latency_bin(int64_t latency) noexcept nogil:
    """A bin each below EXACT_BINS, then 2**OCTAVE_BITS bins per octave."""
    if latency < EXACT_BINS:
        return <int32_t> latency
    cdef int shift = highest_bit(latency) - OCTAVE_BITS
    return <int32_t> (EXACT_BINS + ((shift + OCTAVE_BITS - EXACT_BITS) << OCTAVE_BITS)
                      + ((latency >> shift) & ((1 << OCTAVE_BITS) - 1)))


cdef inline void count_latency(Arena* a, int series, int64_t latency) noexcept nogil:
    a.histogram[series * N_BINS + latency_bin(latency)] += 1
    a.latency_sum[series] += latency
    if latency > a.latency_max[series]:
        a.latency_max[series] = latency


cdef inline void count_batch(Arena* a, int64_t latency) noexcept nogil:
    """Batch k of the measured reads, by completion, ends before number (k + 1) * reads // N_BATCHES."""
    while a.reads_done >= a.batch_edge:
        a.batch += 1
        a.batch_edge = (a.batch + 1) * a.n_measured_reads // N_BATCHES
    a.batch_sums[a.batch] += latency
    a.batch_counts[a.batch] += 1
    a.reads_done += 1


cdef inline void measure(Arena* a, const Slot* slot, cycle_t arrival, cycle_t t) noexcept nogil:
    count_latency(a, slot.is_write, t - arrival)
    count_latency(a, 2 + slot.is_write, t - slot.accepted)
    if not slot.is_write:
        count_batch(a, t - arrival)


# ------------------------------------------------------------------------------------------- A: responses

cdef inline void schedule_response(Arena* a, cycle_t soonest) noexcept nogil:
    """When can the controller hand over its next response, or the arbiter one that it holds?"""
    a.response_at = later(a.ready_at[a.n_taken & SLOT_MASK], soonest)
    if rarely(a.n_held > 0):
        a.response_at = soonest


cdef inline void put_response(Arena* a, int16_t position, cycle_t ready, cycle_t t) noexcept nogil:
    """The column command of a request went out at t; its data are complete at `ready`."""
    cdef int64_t place = position
    if a.config.resp_queue == RESPONSES_FIFO:
        place = a.n_issued & SLOT_MASK
        a.n_issued += 1
    a.slots[position].stage = ISSUED
    a.response_slot[place] = position
    a.ready_at[place] = ready
    if place == (a.n_taken & SLOT_MASK):
        schedule_response(a, t + 1)


cdef inline int16_t take_response(Arena* a, cycle_t t) noexcept nogil:
    """The response that the controller hands over in cycle t, or NO_SLOT."""
    cdef int64_t place = a.n_taken & SLOT_MASK
    if a.ready_at[place] > t:
        return NO_SLOT
    a.ready_at[place] = NEVER
    a.n_taken += 1
    if a.config.resp_queue == RESPONSES_REORDER:
        skip_returned(a)
    return a.response_slot[place]


cdef inline void skip_returned(Arena* a) noexcept nogil:
    """Only after a change of policies can responses of later ids have left already."""
    while a.n_taken < a.next_id and a.slots[a.n_taken & SLOT_MASK].stage >= RETURNED:
        a.n_taken += 1


cdef inline int64_t index_at(const Requests* r, int64_t k) noexcept nogil:
    """Index in the merged trace of number k in the order of sources."""
    return r.order[k] if r.order else k


cdef inline cycle_t next_arrival(const Arena* a, const Requests* r, int64_t source) noexcept nogil:
    cdef int64_t k = a.position[source]
    return r.arrival[index_at(r, k)] if k < r.first[source + 1] else NEVER


cdef inline cycle_t next_offer(const Arena* a, int64_t source) noexcept nogil:
    """When the source offers its next request, as far as its own state decides."""
    if a.config.arbiter == ARBITER_SIMPLE:
        if a.in_handshake[source]:
            return NEVER
    elif a.in_flight[source] >= a.config.max_active_transactions:
        return NEVER
    return later(a.next_arrival[source], a.last_accepted_at[source] + 1)


cdef inline void reopen(Arena* a, int64_t source) noexcept nogil:
    """Something that held back the source may be gone."""
    a.offer_at[source] = next_offer(a, source)
    a.input_at = earlier(a.input_at, a.offer_at[source])


cdef inline void deliver(Arena* a, const Requests* r, Tape* tape, int16_t position, cycle_t t) noexcept nogil:
    """The source receives the response of the request in slot `position`."""
    cdef Slot* slot = &a.slots[position]
    slot.stage = DELIVERED
    while a.oldest_id < a.next_id and a.slots[a.oldest_id & SLOT_MASK].stage == DELIVERED:
        a.oldest_id += 1
    a.delivered += 1
    a.last_delivered_at = t
    a.in_flight[slot.source] -= 1
    if a.offer_at[slot.source] == NEVER:
        reopen(a, slot.source)
    if rarely(a.window_full):
        a.window_full = 0
        a.input_at = earlier(a.input_at, t)
    if slot.index >= a.warmup:
        measure(a, slot, r.arrival[slot.index], t)
    if rarely(tape.finished is not NULL):
        tape.finished[slot.index] = t


cdef inline int64_t next_held(const Arena* a, int64_t source) noexcept nogil:
    """The id of the source that the arbiter holds and may deliver now, or -1."""
    cdef int64_t id
    if a.config.arbiter == ARBITER_REORDER:
        id = a.next_own[source]
        return id if id >= 0 and a.slots[id & SLOT_MASK].stage == RETURNED else -1
    # Responses held when the policy was changed in a running simulation: no order binds them any more.
    for id in range(a.oldest_id, a.next_id):
        if a.slots[id & SLOT_MASK].source == source and a.slots[id & SLOT_MASK].stage == RETURNED:
            return id
    return -1


cdef inline void deliver_held(Arena* a, const Requests* r, Tape* tape, cycle_t t) noexcept nogil:
    """Each source gets at most one of the responses that the arbiter holds."""
    cdef int64_t source, id
    cdef int64_t deliverable = 0
    for source in range(a.n_sources):
        id = next_held(a, source)
        if id >= 0:
            a.n_waiting -= 1
            if a.config.arbiter == ARBITER_REORDER:
                a.next_own[source] = a.own_newer[id & SLOT_MASK]
            deliver(a, r, tape, <int16_t> (id & SLOT_MASK), t)
            deliverable += next_held(a, source) >= 0
    a.n_held = deliverable


cdef inline void respond(Arena* a, const Requests* r, Tape* tape, cycle_t t) noexcept nogil:
    """Phase A."""
    cdef int16_t position = take_response(a, t)
    if a.config.arbiter != ARBITER_REORDER and a.n_waiting == 0:
        if position != NO_SLOT:
            deliver(a, r, tape, position, t)
    else:
        if position != NO_SLOT:
            a.slots[position].stage = RETURNED
            a.n_waiting += 1
        deliver_held(a, r, tape, t)
    schedule_response(a, t + 1)


# ----------------------------------------------------------------------------------------- B: requests in

cdef inline void link_to_source(Arena* a, int64_t id, int64_t source) noexcept nogil:
    """Arbiter Reorder: extend the chain of undelivered requests of a source."""
    a.own_newer[id & SLOT_MASK] = -1
    if a.next_own[source] < 0:
        a.next_own[source] = id
    else:
        a.own_newer[a.last_own[source] & SLOT_MASK] = id
    a.last_own[source] = id


cdef inline void accept(Arena* a, Tape* tape, Slot* slot, cycle_t t) noexcept nogil:
    """The source's handshake ends: its next request may follow in the next cycle."""
    slot.accepted = t
    a.last_accepted_at[slot.source] = t
    a.in_flight[slot.source] += 1
    if rarely(tape.accepted is not NULL):
        tape.accepted[slot.index] = t


cdef inline void enter(Arena* a, const Requests* r, Tape* tape, int64_t source, cycle_t t) noexcept nogil:
    """The source's next request enters the channel."""
    cdef int64_t id = a.next_id
    cdef Slot* slot = &a.slots[id & SLOT_MASK]
    slot.index = index_at(r, a.position[source])
    slot.source = <uint8_t> source
    slot.stage = WAITING
    slot.accepted = -1
    a.next_id += 1
    a.position[source] += 1
    a.next_arrival[source] = next_arrival(a, r, source)
    if a.config.arbiter == ARBITER_SIMPLE:
        a.in_handshake[source] = 1
    else:
        accept(a, tape, slot, t)
    if a.config.arbiter == ARBITER_REORDER:
        link_to_source(a, id, source)
    a.offer_at[source] = next_offer(a, source)


cdef inline void take_requests(Arena* a, const Requests* r, Tape* tape, cycle_t t) noexcept nogil:
    """Phase B."""
    cdef int64_t source
    cdef cycle_t soonest = NEVER
    for source in range(a.n_sources):
        if a.offer_at[source] <= t:
            if a.next_id - a.oldest_id >= WINDOW:
                a.window_full = 1
                continue
            enter(a, r, tape, source, t)
        soonest = earlier(soonest, a.offer_at[source])
    a.input_at = soonest


# ---------------------------------------------------------------------------------------- C, F: admission

cdef inline bint has_room(const Arena* a) noexcept nogil:
    """Room for a request? Bankwise tests the bank of the request admitted last, as DRAMSys does."""
    cdef int64_t size = a.config.request_buffer_size
    if a.config.scheduler_buffer == BANKWISE:
        return a.banks[a.last_bank].length < size
    if a.config.scheduler_buffer == READ_WRITE:
        return a.queued_writes < size and a.queued - a.queued_writes < size
    return a.queued < size


cdef inline bint can_admit(const Arena* a) noexcept nogil:
    return a.has_room and a.next_admitted < a.next_id


cdef inline int64_t admit(Arena* a, const Requests* r, Tape* tape, cycle_t t) noexcept nogil:
    """The head of the channel FIFO joins the list of its bank, whose number is returned."""
    cdef int16_t position = <int16_t> (a.next_admitted & SLOT_MASK)
    cdef Slot* slot = &a.slots[position]
    cdef int64_t number = r.bank[slot.index]
    slot.row = r.row[slot.index]
    slot.column = r.column[slot.index]
    slot.is_write = r.is_write[slot.index]
    slot.row_class = ROW_HIT
    a.next_admitted += 1
    a.last_admitted_at = t
    a.last_bank = number
    if a.queued == 0:
        a.gather_until = t + a.config.batching_window
    a.queued += 1
    a.queued_writes += slot.is_write
    a.queue_integral -= t
    if rarely(slot.accepted < 0):
        accept(a, tape, slot, t)
        a.in_handshake[slot.source] = 0
        reopen(a, slot.source)
    append(a, number, position)
    a.has_room = has_room(a)
    return number
