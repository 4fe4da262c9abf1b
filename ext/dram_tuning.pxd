"""Checking requests, opening a simulation at cycle 0, and giving a running one other policies.

A change of policy keeps every request, row and timing; all cached decisions are taken again, and every
phase is looked at in the next cycle, so that re-tuning to the present policies changes nothing. Not in the
hot loop.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t

from ext._types cimport cycle_t
from ext.dram_front cimport (
    has_room, link_to_source, next_arrival, next_offer, schedule_response, skip_returned,
)
from ext.dram_policy cimport choose, choose_winner, count_hits
from ext.dram_state cimport (
    ALL_BANK, ARBITER_REORDER, CLOSED_ROW, DELIVERED, ISSUED, KEY_BITS, NEVER, NO_COMMAND, NO_SLOT,
    N_BATCHES, RESPONSES_FIFO, RESPONSES_REORDER, SLOT_MASK, WINDOW, Arena, Config, Requests, earlier,
)


cdef inline void open_arena(Arena* a, const Config* config, const Requests* r) noexcept nogil:
    """Cycle 0, nothing issued; given zeroed memory with n_requests, n_sources, warmup, n_measured_reads."""
    cdef int64_t number
    a.config = config[0]
    a.now = -1
    a.finished = a.n_requests == 0
    a.last_admitted_at = -1
    a.best = NEVER << KEY_BITS
    empty_responses(a)
    a.blocked_from = NEVER
    a.manager_command = NO_COMMAND
    a.refresh_deadline = config.t_refi
    a.batch_edge = a.n_measured_reads // N_BATCHES
    for number in range(4):
        a.recent_activates[number] = -NEVER
    for number in range(config.n_banks):
        a.banks[number].open_row = CLOSED_ROW
        a.banks[number].oldest = a.banks[number].newest = a.banks[number].oldest_hit = NO_SLOT
        a.banks[number].group = <uint8_t> (number // (config.n_banks // config.n_bank_groups))
    for number in range(a.n_sources):
        a.position[number] = r.first[number]
        a.last_accepted_at[number] = -1
        a.next_own[number] = -1


cdef inline void chain_sources(Arena* a) noexcept nogil:
    """Arbiter Reorder: per source the undelivered requests in their order."""
    cdef int64_t source, id
    for source in range(a.n_sources):
        a.next_own[source] = -1
    for id in range(a.oldest_id, a.next_id):
        if a.slots[id & SLOT_MASK].stage != DELIVERED:
            link_to_source(a, id, a.slots[id & SLOT_MASK].source)


cdef inline void shake_hands(Arena* a) noexcept nogil:
    """Arbiter Simple: which sources have a request in the channel FIFO?"""
    cdef int64_t source, id
    for source in range(a.n_sources):
        a.in_handshake[source] = 0
    for id in range(a.next_admitted, a.next_id):
        a.in_handshake[a.slots[id & SLOT_MASK].source] = 1


cdef inline void empty_responses(Arena* a) noexcept nogil:
    cdef int64_t place
    for place in range(WINDOW):
        a.ready_at[place] = NEVER
    a.n_issued = a.n_taken = 0


cdef inline void insert_response(
    Arena* a, int16_t position, cycle_t ready, const cycle_t* issued
) noexcept nogil:
    """RespQueue Fifo: put a response behind those whose column commands came earlier."""
    cdef int64_t place = a.n_issued
    while place > 0 and issued[a.response_slot[place - 1]] > issued[position]:
        a.response_slot[place] = a.response_slot[place - 1]
        a.ready_at[place] = a.ready_at[place - 1]
        place -= 1
    a.response_slot[place] = position
    a.ready_at[place] = ready
    a.n_issued += 1


cdef inline void line_up_responses(Arena* a, int64_t resp_queue) noexcept nogil:
    """Change the order in which the responses leave that wait in the controller."""
    cdef int64_t id, place
    cdef int16_t position
    cdef cycle_t latency
    cdef cycle_t[WINDOW] ready, issued
    if resp_queue == a.config.resp_queue:
        return
    for place in range(WINDOW):
        position = a.response_slot[place]
        if a.ready_at[place] != NEVER:
            ready[position] = a.ready_at[place]
            latency = a.config.t_cwl if a.slots[position].is_write else a.config.t_cl
            issued[position] = ready[position] - latency
    empty_responses(a)
    for id in range(a.oldest_id, a.next_id):
        position = <int16_t> (id & SLOT_MASK)
        if a.slots[position].stage != ISSUED:
            continue
        if resp_queue == RESPONSES_FIFO:
            insert_response(a, position, ready[position], issued)
        else:
            a.response_slot[position] = position
            a.ready_at[position] = ready[position]
    if resp_queue == RESPONSES_REORDER:
        a.n_taken = a.oldest_id
        skip_returned(a)


cdef inline void schedule_everything(Arena* a, const Requests* r) noexcept nogil:
    """Forget every cached decision and look at every phase in the next cycle."""
    cdef int64_t source, number
    a.input_at = NEVER
    a.window_full = 0
    for source in range(a.n_sources):
        a.next_arrival[source] = next_arrival(a, r, source)
        a.offer_at[source] = next_offer(a, source)
        a.input_at = earlier(a.input_at, a.offer_at[source])
    a.n_held = a.n_waiting
    a.has_room = has_room(a)
    schedule_response(a, a.now + 1)
    a.admit_at = a.manager_at = a.now + 1
    a.manager_command = NO_COMMAND
    for number in range(a.config.n_banks):
        count_hits(a, &a.banks[number])
        choose(a, number)
    choose_winner(a, a.now + 1)


cdef inline void retune_arena(Arena* a, const Config* config, const Requests* r) noexcept nogil:
    """Other policies from the next cycle on; what is queued or under way stays."""
    cdef bint had_refresh = a.config.refresh_policy == ALL_BANK
    line_up_responses(a, config.resp_queue)
    a.config = config[0]
    if config.refresh_policy != ALL_BANK:
        a.blocked_from = NEVER
    elif not had_refresh:
        a.pulling_in = 0
        a.refresh_deadline = (a.now // config.t_refi + 1) * config.t_refi
    elif a.refresh_debt < config.refresh_max_postponed:
        a.blocked_from = NEVER
    if config.arbiter == ARBITER_REORDER:
        chain_sources(a)
    shake_hands(a)
    schedule_everything(a, r)


cdef inline bint is_bad(const Requests* r, int64_t i, int64_t n_banks) noexcept nogil:
    """Out of order or out of range?"""
    cdef cycle_t previous = r.arrival[i - 1] if i else 0
    return r.arrival[i] < previous or r.arrival[i] >= NEVER // 2 or r.bank[i] >= n_banks or r.row[i] < 0


cdef inline int64_t first_bad_request(const Requests* r, int64_t n, int64_t n_banks) noexcept nogil:
    """Index of the first request out of order or out of range, or n; without a branch while all are good."""
    cdef int64_t i
    cdef int64_t decreases = 0
    cdef int32_t rows = 0
    cdef uint8_t highest_bank = 0
    if n == 0:
        return 0
    for i in range(1, n):
        decreases += r.arrival[i] < r.arrival[i - 1]
    for i in range(n):
        rows |= r.row[i]
        highest_bank = r.bank[i] if r.bank[i] > highest_bank else highest_bank
    if not (decreases or rows < 0 or highest_bank >= n_banks or is_bad(r, 0, n_banks)
            or is_bad(r, n - 1, n_banks)):
        return n
    for i in range(n):
        if is_bad(r, i, n_banks):
            return i
    return n


cdef inline int64_t count_writes(const Requests* r, int64_t first, int64_t n) noexcept nogil:
    cdef int64_t i
    cdef int64_t writes = 0
    for i in range(first, n):
        writes += r.is_write[i] != 0
    return writes
