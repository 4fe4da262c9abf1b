"""Opening a simulation at cycle 0, and giving a running one other policies.

A change of policy keeps every request, row and timing; all cached decisions are taken again, and every
phase is looked at in the next cycle, so that re-tuning to the present policies changes nothing. Not in the
hot loop.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t

from ext._types cimport cycle_t
from ext.dram_admission cimport update_room
from ext.dram_front cimport (
    count_response, hold_for_source, line_up, link_to_source, next_arrival, next_offer, schedule_response,
)
from ext.dram_hammer cimport clear_table, mark_if_full
from ext.dram_lists cimport count_hits
from ext.dram_managers cimport update_held
from ext.dram_numbers cimport (
    ALL_ROWS, ANY, ARBITER_REORDER, ARBITER_SIMPLE, AT_ACTIVATE, BANK_LANES, CLOSED, CLOSED_ADAPTIVE,
    CLOSED_CAP, CLOSED_ROW, DELIVERED, FIRST_SPAN_BITS, GROUP_FLOORS, GROUP_LANES, ISSUED, KEY_BITS, LONE,
    MAX_BANKS, MAX_RANKS, NEVER, NO_KEY, N_COMMANDS, NO_COMMAND, NO_MITIGATION, NO_REFRESH, NO_ROW, NO_ROWS,
    NO_SLOT, N_BATCHES, OPEN_ADAPTIVE, PAGE_TIMEOUT, PER_BANK, PLAIN, RANK_FLOORS, RANK_LANES, RD, RDA,
    RESPONSES_FIFO, RESPONSES_REORDER, RETURNED, SCHEDULER_FRFCFS, SOME_ROWS, SPANS, SPLIT_READ_WRITE,
    WAITING, WINDOW, WR, WRA, earlier, later,
)
from ext.dram_policy cimport choose, choose_winner
from ext.dram_statistics cimport end_batches
from ext.dram_state cimport (
    Arena, Bank, Channel, Config, Rank, Requests, Slot, bit, channel_at, place_of, place_t, row_counters,
    slot_at, slot_of,
)


# ------------------------------------------------------------------------------------------------- opening

cdef inline int64_t units_of(const Arena* a, int64_t refresh_policy) noexcept nogil:
    """Refresh commands that refresh every bank of a rank once."""
    if refresh_policy == PER_BANK:
        return a.config.n_banks
    return a.banks_per_group if refresh_policy > PER_BANK else 1


cdef inline void derive(Arena* a) noexcept nogil:
    """What the configuration comes to."""
    cdef int64_t number
    cdef const Config* config = &a.config
    a.n_units = units_of(a, config.refresh_policy)
    a.refresh_step = later(1, config.t_refi // a.n_units)
    a.most_postponed = config.refresh_max_postponed * a.n_units
    a.most_pulled_in = config.refresh_max_pulledin * a.n_units
    a.counts_hits = config.page_policy == OPEN_ADAPTIVE or config.page_policy == CLOSED_ADAPTIVE
    a.closes = ALL_ROWS if config.page_policy == CLOSED else NO_ROWS
    if a.counts_hits or config.page_policy == CLOSED_CAP:
        a.closes = SOME_ROWS
    a.columns[0] = RDA if a.closes == ALL_ROWS else RD
    a.columns[1] = WRA if a.closes == ALL_ROWS else WR
    a.data_end[0] = config.t_read_data + config.t_burst
    a.data_end[1] = config.t_write_data + config.t_burst
    a.low_watermark = earlier(config.write_low_watermark, config.write_high_watermark)
    a.plain = (config.scheduler <= SCHEDULER_FRFCFS and config.command_mux == 0 and config.command_buses == 1
               and not config.first_ready and config.mitigation == NO_MITIGATION
               and config.page_policy < PAGE_TIMEOUT and config.slot_release != AT_ACTIVATE
               and not config.write_forwarding and not config.write_coalescing
               and config.scheduler_buffer != SPLIT_READ_WRITE and config.arbiter != ARBITER_SIMPLE
               and config.port_width == 1)
    for number in range(a.n_channels):
        if channel_at(a, number).victims:
            a.plain = ANY
    if (a.plain and a.n_channels == 1 and a.n_sources == 1 and config.arbiter != ARBITER_REORDER
            and config.batching_window == 0):
        a.plain = LONE


cdef inline int64_t reversed_bits(int64_t value, int64_t n_values) noexcept nogil:
    """`value` with its bits, as many as n_values need, in the opposite order."""
    cdef int64_t reversed_value = 0
    cdef int64_t weight = 1
    while weight < n_values:
        reversed_value = 2 * reversed_value + (value & 1)
        value >>= 1
        weight *= 2
    return reversed_value


cdef inline cycle_t first_deadline(const Arena* a, int64_t rank) noexcept nogil:
    """The ranks of a channel are refreshed in turn."""
    cdef int64_t share = reversed_bits(rank, a.config.n_ranks) * a.refresh_step
    return a.refresh_step - share // a.config.n_ranks


cdef inline void open_rank(Arena* a, Channel* c, int64_t number) noexcept nogil:
    cdef Rank* rank = &c.ranks[number]
    cdef uint64_t all_banks = bit(a.config.n_banks) - 1 if a.config.n_banks < 64 else ~(<uint64_t> 0)
    rank.banks = all_banks << (number * a.config.n_banks)
    rank.remaining = bit(a.n_units) - 1 if a.n_units < 64 else ~(<uint64_t> 0)
    rank.refresh_deadline = first_deadline(a, number)
    rank.drowsy = NO_COMMAND


cdef inline void open_channel(Arena* a, int64_t number) noexcept nogil:
    cdef Channel* c = channel_at(a, number)
    cdef Bank* bank
    cdef int64_t k, level
    c.number = number
    c.then = c.last_admitted_at = -1
    c.best = c.best_row = NEVER << KEY_BITS
    c.fifo_head = c.response_head = NO_SLOT
    c.response_at = c.spare_at = c.clear_at = NEVER
    c.streak_source = -1
    for k in range(MAX_RANKS * N_COMMANDS):
        c.last[k] = -NEVER
    for k in range(MAX_BANKS):
        c.wanted_key[k] = NO_KEY
    for k in range(a.config.n_ranks):
        open_rank(a, c, k)
    for k in range(a.banks_of_channel):
        bank = &c.banks[k]
        bank.open_row, bank.victim = CLOSED_ROW, NO_ROW
        bank.oldest = bank.newest = bank.oldest_hit = bank.extra = NO_SLOT
        bank.group = <uint8_t> (k // a.banks_per_group)
        bank.rank = c.bank_rank[k] = <uint8_t> (k // a.config.n_banks)
        bank.siblings = (a.group_banks << (bank.group * a.banks_per_group)) & ~bit(k)
        bank.first_last = bank.rank * N_COMMANDS
        bank.floors[0] = k * BANK_LANES
        bank.floors[1] = GROUP_FLOORS + bank.group * GROUP_LANES
        bank.floors[2] = RANK_FLOORS + bank.rank * RANK_LANES
        bank.lanes.of.group = <uint16_t> bank.floors[1]
        bank.lanes.of.rank = <uint16_t> (bank.rank * RANK_LANES)
        for level in range(3):
            bank.reach[level] = <char*> &c.floors[bank.floors[level]] - <char*> c
        clear_table(&c.tables[k], a.config.graphene_entries)


cdef inline void open_arena(Arena* a, const Config* config, const Requests* r) noexcept nogil:
    """Cycle 0; given zeroed memory with rules, n_requests, n_sources, warmup, n_measured_reads."""
    cdef int64_t number
    a.config = config[0]
    a.n_channels = config.n_channels
    a.banks_of_channel = config.n_ranks * config.n_banks
    a.n_groups = config.n_ranks * config.n_bank_groups
    a.banks_per_group = config.n_banks // config.n_bank_groups
    a.group_banks = bit(a.banks_per_group) - 1 if a.banks_per_group < 64 else ~(<uint64_t> 0)
    for number in range(config.n_bank_groups):
        a.set_banks |= bit(number * a.banks_per_group)
    for number in range(N_COMMANDS):
        a.rules.goes_beyond[number] = a.rules.windows_of[number] != 0 or (
            config.n_ranks > 1 and a.rules.others[number].n != 0)
    derive(a)
    a.last_units = a.n_units
    a.now = -1
    a.finished = a.n_requests == 0
    a.batch_left = a.n_measured_reads // N_BATCHES
    end_batches(a)
    a.span_bits = FIRST_SPAN_BITS
    a.span_end = SPANS << FIRST_SPAN_BITS
    for number in range(a.n_channels):
        open_channel(a, number)
    for number in range(a.n_sources):
        a.position[number] = r.first[number]
        a.last_accepted_at[number] = -1
        a.next_own[number] = -1
        a.held_head[number] = NO_SLOT


# ------------------------------------------------------------------------------------------------ front end

cdef inline int64_t channel_of(const Arena* a, const Requests* r, int64_t id) noexcept nogil:
    return r.channel[slot_of(a, id).index] if a.n_channels > 1 else 0


cdef inline void chain_sources(Arena* a) noexcept nogil:
    """Arbiter Reorder: per source the undelivered requests in their order."""
    cdef int64_t source, id
    for source in range(a.n_sources):
        a.next_own[source] = -1
    for id in range(a.oldest_id, a.next_id):
        if slot_of(a, id).stage != DELIVERED:
            link_to_source(a, id, slot_of(a, id).source)


cdef inline void queue_held(Arena* a) noexcept nogil:
    """All arbiters but Reorder: the responses held go to their sources in the order in which they came."""
    cdef place_t[WINDOW] places
    cdef int64_t n = 0
    cdef int64_t id, k, source
    for source in range(a.n_sources):
        a.held_head[source] = NO_SLOT
    for id in range(a.oldest_id, a.next_id):
        if slot_of(a, id).stage != RETURNED:
            continue
        k = n
        while k > 0 and <int32_t> (slot_at(a, places[k - 1]).newer - slot_of(a, id).newer) > 0:
            places[k] = places[k - 1]
            k -= 1
        places[k] = place_of(id)
        n += 1
    for k in range(n):
        hold_for_source(a, slot_at(a, places[k]), places[k])


cdef inline void shake_hands(Arena* a, const Requests* r) noexcept nogil:
    """Arbiter Simple: how many requests of each source wait in a channel FIFO?"""
    cdef int64_t source, number
    cdef place_t place
    for source in range(a.n_sources):
        a.in_handshake[source] = 0
    for number in range(a.n_channels):
        place = channel_at(a, number).fifo_head
        while place != NO_SLOT:
            a.in_handshake[slot_at(a, place).source] += 1
            place = slot_at(a, place).behind


cdef inline void line_up_by_entry(Arena* a, const Requests* r) noexcept nogil:
    """RespQueue Reorder: all requests not yet handed over, in the order of their ids."""
    cdef int64_t id
    cdef Slot* slot
    for id in range(a.oldest_id, a.next_id):
        slot = slot_of(a, id)
        if slot.stage == WAITING:
            slot.ready = NEVER
        if slot.stage <= ISSUED:
            line_up(a, channel_at(a, channel_of(a, r, id)), place_of(id))


cdef inline void line_up_by_issue(Arena* a, const Requests* r) noexcept nogil:
    """RespQueue Fifo: the responses in the order in which they came."""
    cdef place_t[WINDOW] places
    cdef int64_t number, id, k, n
    cdef place_t place
    for number in range(a.n_channels):
        n = 0
        for id in range(a.oldest_id, a.next_id):
            place = place_of(id)
            if slot_at(a, place).stage != ISSUED or channel_of(a, r, id) != number:
                continue
            k = n
            while k > 0 and <int32_t> (slot_at(a, places[k - 1]).older - slot_at(a, place).older) > 0:
                places[k] = places[k - 1]
                k -= 1
            places[k] = place
            n += 1
        for k in range(n):
            line_up(a, channel_at(a, number), places[k])


cdef inline void line_up_responses(Arena* a, const Requests* r, int64_t resp_queue) noexcept nogil:
    """Change the order in which the responses leave that wait in the controllers."""
    cdef int64_t number
    cdef place_t place
    if resp_queue == a.config.resp_queue:
        return
    for number in range(a.n_channels):
        place = channel_at(a, number).response_head
        while place != NO_SLOT and resp_queue == RESPONSES_REORDER:
            count_response(channel_at(a, number), slot_at(a, place))
            place = slot_at(a, place).next_response
        channel_at(a, number).response_head = NO_SLOT
    if resp_queue == RESPONSES_FIFO:
        line_up_by_issue(a, r)
    else:
        line_up_by_entry(a, r)


cdef inline void schedule_everything(Arena* a, const Requests* r) noexcept nogil:
    """Forget every cached decision and look at every phase in the next cycle."""
    cdef int plain = PLAIN if a.plain else ANY  # not LONE: requests may not be accepted yet
    cdef int64_t source, number, k
    cdef Channel* c
    a.input_at = a.response_at = NEVER
    a.window_full = 0
    for source in range(a.n_sources):
        a.next_arrival[source] = next_arrival(a, r, source, plain)
        a.offer_at[source] = next_offer(a, source, a.now + 1, plain)
        a.input_at = earlier(a.input_at, a.offer_at[source])
    a.n_held = a.n_waiting
    a.steps_at = a.now + 1
    for number in range(a.n_channels):
        c = channel_at(a, number)
        a.step_at[number] = c.manager_at = c.spare_at = a.now + 1
        c.mute = 0
        c.best_is_extra = 0
        update_room(a, c, r, plain)
        update_held(c, a.config.n_ranks)
        schedule_response(a, c, a.now + 1, ANY)
        for k in range(a.banks_of_channel):
            count_hits(a, &c.banks[k])
            mark_if_full(a, c, k)
            choose(a, c, k, plain)
        choose_winner(a, c, a.now + 1, plain)
    if a.n_held:
        a.response_at = a.now + 1


# ------------------------------------------------------------------------------------------------ re-tuning

cdef inline void stop_forcing(Rank* rank) noexcept nogil:
    rank.forced = 0
    rank.refresh_blocks = 0


cdef inline void retune_refresh(Arena* a, Rank* rank, int64_t number, int64_t before) noexcept nogil:
    """Keep what is owed; a policy that is new starts at its first deadline that has not passed."""
    cdef cycle_t first
    cdef int64_t missed
    if a.config.refresh_policy == before:
        if rank.forced and not rank.owed_exit and rank.refresh_debt < a.most_postponed:
            stop_forcing(rank)
        return
    stop_forcing(rank)
    rank.owed_exit = 0
    if a.config.refresh_policy == NO_REFRESH:
        return
    rank.pulling_in = 0
    rank.remaining = bit(a.n_units) - 1 if a.n_units < 64 else ~(<uint64_t> 0)
    rank.refresh_debt = -floor_divide(-rank.refresh_debt * a.n_units, a.last_units)
    first = first_deadline(a, number)
    missed = later(0, -floor_divide(first - a.now - 1, a.refresh_step))
    rank.refresh_deadline = first + a.refresh_step * missed


cdef inline int64_t floor_divide(int64_t a, int64_t b) noexcept nogil:
    """For b > 0, towards minus infinity."""
    cdef int64_t quotient = a // b
    return quotient - 1 if quotient * b > a else quotient


cdef inline void forget_activations(Arena* a, Channel* c) noexcept nogil:
    """Another mitigation counts from nothing; victims that are pending stay."""
    cdef int64_t k
    for k in range(a.banks_of_channel):
        c.banks[k].activations = 0
        clear_table(&c.tables[k], a.config.graphene_entries)
        c.tables[k].epoch = 0
    for k in range(a.config.n_ranks):
        c.ranks[k].rfm_forced = 0
        c.ranks[k].hammer_blocks = 0
        c.ranks[k].n_pending = 0


cdef inline void retune_channel(Arena* a, Channel* c, const Config* before) noexcept nogil:
    cdef int64_t k
    if a.config.scheduler != before.scheduler:
        c.write_mode = 0
        c.streak, c.streak_source = 0, -1
        for k in range(4):
            c.blacklist[k] = 0
    if a.config.scheduler != before.scheduler or a.config.bliss_clear != before.bliss_clear:
        c.bliss_epoch = 0 if a.config.bliss_clear <= 0 else (a.now + 1) // a.config.bliss_clear
    for k in range(a.config.n_ranks):
        retune_refresh(a, &c.ranks[k], k, before.refresh_policy)
    if a.config.mitigation != before.mitigation or a.config.graphene_entries != before.graphene_entries:
        forget_activations(a, c)


cdef inline void retune_arena(Arena* a, const Config* config, const Requests* r) noexcept nogil:
    """Other policies from the next cycle on; what is queued or under way stays."""
    cdef Config before = a.config
    cdef int64_t k
    line_up_responses(a, r, config.resp_queue)
    a.config = config[0]
    derive(a)
    for k in range(a.n_channels):
        retune_channel(a, channel_at(a, k), &before)
    if config.refresh_policy != NO_REFRESH:
        a.last_units = a.n_units
    if config.mitigation != before.mitigation or config.graphene_entries != before.graphene_entries:
        for k in range(a.n_row_counters):
            row_counters(a)[k] = 0
    if config.arbiter == ARBITER_REORDER:
        chain_sources(a)
    elif before.arbiter == ARBITER_REORDER:
        queue_held(a)
    shake_hands(a, r)
    schedule_everything(a, r)
