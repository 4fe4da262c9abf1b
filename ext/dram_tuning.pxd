"""Opening a simulation at cycle 0, and giving a running one other policies.

A change of policy keeps every request, row and timing; all cached decisions are taken again, and every phase is looked
at in the next cycle, so that re-tuning to the present policies changes nothing. Not in the hot loop.
"""

from libc.stdint cimport int16_t, int64_t, uint8_t

from ext._types cimport cycle_t
from ext.dram_front cimport link_to_source, next_offer, schedule_response
from ext.dram_policy cimport choose_all, choose_winner
from ext.dram_state cimport (
    ALL_BANK, ARBITER_REORDER, CLOSED_ROW, DELIVERED, ISSUED, KEY_BITS, NEVER, NO_COMMAND, NO_SLOT, N_BATCHES,
    RETURNED, SLOT_MASK, Arena, Config, Requests, earlier,
)


cdef inline void open_arena(Arena* a, const Config* config, const Requests* r) noexcept nogil:
    """Cycle 0, nothing issued yet; the memory is zeroed. n_requests, n_sources, warmup, n_measured_reads are set."""
    cdef int64_t number
    a.config = config[0]
    a.now = -1
    a.finished = a.n_requests == 0
    a.last_admitted_at = -1
    a.best = NEVER << KEY_BITS
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


cdef inline cycle_t issued_at(const Arena* a, int16_t position) noexcept nogil:
    """The cycle of a request's column command."""
    cdef cycle_t latency = a.config.t_cwl if a.slots[position].is_write else a.config.t_cl
    return a.ready_at[position] - latency - a.config.t_burst


cdef inline void line_up_responses(Arena* a) noexcept nogil:
    """Both response queues, from what waits in the controller: by column command, and the first id."""
    cdef int64_t id, k
    cdef int16_t position
    a.n_taken = a.n_issued = 0
    a.next_returned = a.next_id
    for id in range(a.next_id - 1, a.oldest_id - 1, -1):
        if a.slots[id & SLOT_MASK].stage < RETURNED:
            a.next_returned = id
    for id in range(a.oldest_id, a.next_id):
        position = <int16_t> (id & SLOT_MASK)
        if a.slots[position].stage == ISSUED:
            k = a.n_issued
            while k > 0 and issued_at(a, a.ring[k - 1]) > issued_at(a, position):
                a.ring[k] = a.ring[k - 1]
                k -= 1
            a.ring[k] = position
            a.n_issued += 1


cdef inline void schedule_everything(Arena* a, const Requests* r) noexcept nogil:
    """Forget every cached decision and look at every phase in the next cycle."""
    cdef int64_t source
    a.input_at = NEVER
    a.window_full = 0
    for source in range(a.n_sources):
        a.offer_at[source] = next_offer(a, r, source)
        a.input_at = earlier(a.input_at, a.offer_at[source])
    a.n_held = a.n_waiting
    schedule_response(a, a.now + 1)
    a.admit_at = a.manager_at = a.now + 1
    a.manager_command = NO_COMMAND
    choose_all(a)
    choose_winner(a, a.now + 1)


cdef inline void retune_arena(Arena* a, const Config* config, const Requests* r) noexcept nogil:
    """Other policies from the next cycle on; what is queued or under way stays."""
    cdef bint had_refresh = a.config.refresh_policy == ALL_BANK
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
    line_up_responses(a)
    schedule_everything(a, r)
