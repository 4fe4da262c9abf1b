"""Which command each bank wants, and which bank's turn it is.

Every bank with queued requests keeps one candidate: request, command, and the floor of its own timing. It
is chosen again only when something that it depends on has changed. The winner over all banks is the
minimum of one 64-bit key: first legal cycle, then priority (Bliss, columns first), then age, then bank; a
loop over the set bits of `active`. O(1) a choice, except FrFcfsGrp and the search for the next row hit
(the length of a bank's list); O(active banks) a winner.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from ext._types cimport cycle_t
from ext.dram_lists cimport has_older_twin, is_fresh, next_hit, oldest_non_hit
from ext.dram_numbers cimport (
    ACT, BANK_BITS, CAUSE_BITS, CLOSED_ADAPTIVE, CLOSED_CAP, CLOSED_ROW, KEY_BITS, LONE, MANY_BANKS,
    MAX_RANKS, MUX_COLUMNS_FIRST, NEVER, NO_KEY, NO_LANE, NO_SLOT, PRE, PRIORITY_SHIFT, RANK_FLOORS,
    RANK_LANES, RD, RDA, SCHEDULER_BLISS, SCHEDULER_FCFS, SCHEDULER_FIFO, SCHEDULER_FRFCFS,
    SCHEDULER_FRFCFS_GRP, SOME_ROWS, VRR, WRA, earlier, inlined, later, lowest_bit, rarely,
)
from ext.dram_schedulers cimport is_blacklisted, mute_all_but_oldest, pick
from ext.dram_state cimport Arena, Bank, Channel, bank_at, bit, place_t, slot_at
from ext.dram_timing cimport update_wanted_key


# ------------------------------------------------------------------------------------------------- one bank

cdef inline place_t grouped_hit(const Arena* a, const Channel* c, const Bank* bank) noexcept nogil:
    """FrFcfsGrp: the oldest hit in the direction of the bus that overtakes no hit to its own address."""
    cdef place_t place = bank.oldest_hit
    while place != NO_SLOT:
        if (slot_at(a, place).is_write == c.last_direction
                and not has_older_twin(a, bank.oldest_hit, place)):
            return place
        place = next_hit(a, bank, slot_at(a, place).newer)
    return bank.oldest_hit


cdef inline bint auto_precharges(const Arena* a, const Bank* bank, int plain) noexcept nogil:
    """SOME_ROWS: shall the next column command close the row behind it?"""
    cdef bint further_hit
    if not plain and a.config.page_policy == CLOSED_CAP:
        return bank.columns + 1 >= a.config.row_hit_cap
    if a.config.scheduler == SCHEDULER_FIFO:
        further_hit = bank.length >= 2 and slot_at(a, slot_at(a, bank.oldest).newer).row == bank.open_row
    else:
        further_hit = bank.hits >= 2
    if a.config.page_policy == CLOSED_ADAPTIVE:
        return not further_hit
    return bank.length >= 2 and not further_hit


cdef inline int64_t priority_of(
    const Arena* a, const Channel* c, place_t place, int64_t command
) noexcept nogil:
    """The smaller goes first, before age."""
    cdef int64_t priority = 0
    if a.config.command_mux == MUX_COLUMNS_FIRST and not RD <= command <= WRA:
        priority = 1
    if a.config.scheduler == SCHEDULER_BLISS and is_blacklisted(a, c, place):
        priority += 2
    return priority


cdef inline int64_t tag_of(
    const Arena* a, const Channel* c, int64_t number, place_t place, int64_t command, int plain
) noexcept nogil:
    cdef int64_t tag = slot_at(a, place).tag
    if not plain:
        tag += priority_of(a, c, place, command) << PRIORITY_SHIFT
    return tag


cdef inline inlined want(
    Arena* a, Channel* c, int64_t number, Bank* bank, place_t place, int64_t command, int plain
) noexcept nogil:
    bank.wanted = <uint8_t> command
    c.wanted_tag[number] = tag_of(a, c, number, place, command, plain)
    c.wanted_floor[number] = c.floors[bank.floors[0] + a.rules.bank_lane[command]]
    c.wanted_lanes[number].both = bank.lanes.both + a.rules.lanes[command].both
    update_wanted_key(c, number)


cdef inline inlined want_column(
    Arena* a, Channel* c, int64_t number, Bank* bank, place_t place, int plain
) noexcept nogil:
    cdef int64_t command = a.columns[slot_at(a, place).is_write]
    if rarely(a.closes == SOME_ROWS) and auto_precharges(a, bank, plain):
        command += RDA - RD
    want(a, c, number, bank, place, command, plain)


cdef inline void choose_otherwise(Arena* a, Channel* c, int64_t number) noexcept nogil:
    """The schedulers from Fcfs on, and first_ready."""
    cdef Bank* bank = &c.banks[number]
    cdef place_t place
    bank.extra = NO_SLOT
    if bank.open_row == CLOSED_ROW:
        if c.victims & bit(number):
            want(a, c, number, bank, bank.oldest, VRR, False)
        else:
            want(a, c, number, bank, pick(a, c, bank), ACT, False)
        return
    if a.config.scheduler > SCHEDULER_FRFCFS:
        place = pick(a, c, bank)
    elif bank.oldest_hit == NO_SLOT or a.config.scheduler == SCHEDULER_FIFO:
        place = bank.oldest
    elif a.config.scheduler == SCHEDULER_FRFCFS:
        place = bank.oldest_hit
    else:
        place = grouped_hit(a, c, bank)
    if slot_at(a, place).row != bank.open_row:
        want(a, c, number, bank, place, PRE, False)
        return
    want_column(a, c, number, bank, place, False)
    if a.config.first_ready and not is_fresh(bank):
        bank.extra = oldest_non_hit(a, bank, a.config.scheduler > SCHEDULER_FRFCFS)


cdef inline inlined choose_now(
    Arena* a, Channel* c, int64_t number, Bank* bank, int plain
) noexcept nogil:
    """Bank `number` decides what it wants."""
    if bank.oldest == NO_SLOT:
        c.wanted_key[number] = NO_KEY
    elif not plain:
        choose_otherwise(a, c, number)
    elif bank.oldest_hit == NO_SLOT:
        want(a, c, number, bank, bank.oldest, ACT if bank.open_row == CLOSED_ROW else PRE, plain)
    elif rarely(a.config.scheduler == SCHEDULER_FRFCFS_GRP):
        want_column(a, c, number, bank, grouped_hit(a, c, bank), plain)
    elif a.config.scheduler == SCHEDULER_FRFCFS or bank.oldest_hit == bank.oldest:
        want_column(a, c, number, bank, bank.oldest_hit, plain)
    else:
        want(a, c, number, bank, bank.oldest, PRE, plain)


cdef inline void choose(Arena* a, Channel* c, int64_t number, int plain) noexcept nogil:
    """The same, out of line."""
    choose_now(a, c, number, bank_at(c, number), plain)


cdef inline bint may_stay(const Arena* a, const Bank* bank, int plain) noexcept nogil:
    """After a request joined the list: is the candidate surely the same as before?"""
    if bank.length == 1 or not plain:
        return False
    if bank.open_row == CLOSED_ROW:
        return True
    if a.counts_hits:
        return False
    if a.config.scheduler == SCHEDULER_FRFCFS_GRP:
        return False
    return bank.wanted != PRE or bank.oldest_hit == NO_SLOT or a.config.scheduler == SCHEDULER_FIFO


cdef inline void choose_banks(Arena* a, Channel* c, uint64_t left, int plain) noexcept nogil:
    """Banks whose choice rests on something that has changed for all of them."""
    left &= c.active
    while left:
        choose(a, c, lowest_bit(left), plain)
        left &= left - 1


# ------------------------------------------------------------------------------------------- over all banks

cdef inline cycle_t bound_of(const Channel* c, int64_t number) noexcept nogil:
    """First legal cycle of a bank's candidate, packed with its cause, but for the command bus."""
    cdef cycle_t bound = later(c.wanted_floor[number], c.floors[c.wanted_lanes[number].of.group])
    return later(bound, c.floors[RANK_FLOORS + c.wanted_lanes[number].of.rank])


cdef inline cycle_t extra_bound_of(const Arena* a, const Channel* c, int64_t number) noexcept nogil:
    """The same for the additional PRE under first_ready."""
    cdef const Bank* bank = &c.banks[number]
    cdef cycle_t bound = c.floors[bank.floors[0] + a.rules.bank_lane[PRE]]
    bound = later(bound, c.floors[bank.floors[1] + a.rules.group_lane[PRE]])
    return later(bound, c.floors[bank.floors[2] + a.rules.rank_lane[PRE]])


cdef inline int64_t key_of(const Channel* c, int64_t number, cycle_t soonest) noexcept nogil:
    """First legal cycle from `soonest` on, priority, age and number of a bank's candidate: the least wins.

    Ages count from request 0 here, so that the cycle can be read only after best_base was subtracted.
    """
    cdef int64_t lane = c.wanted_lanes[number].of.rank
    cdef cycle_t cycle = later(c.floors[RANK_FLOORS + lane] >> CAUSE_BITS, soonest)
    return later(c.wanted_key[number], (cycle << KEY_BITS) + c.wanted_tag[number])


cdef inline cycle_t cycle_of(int64_t key) noexcept nogil:
    return key >> KEY_BITS


cdef inline int64_t bank_of(int64_t key) noexcept nogil:
    return key & ((1 << BANK_BITS) - 1)


cdef inline uint64_t withheld(const Channel* c, int plain) noexcept nogil:
    """Banks that may not be served: held, or closed and activated as often as is allowed before an RFM."""
    return c.held if plain else c.held | (c.full & ~c.open)


cdef inline void choose_otherwise_winner(Arena* a, Channel* c, cycle_t soonest) noexcept nogil:
    """With additional candidates, muted banks or two command buses."""
    cdef uint64_t left
    cdef int64_t key, number
    cdef bint is_column
    cdef cycle_t row_bus = later(soonest, c.bus_free)
    cdef cycle_t column_bus = later(soonest, c.column_bus_free) if a.config.command_buses == 2 else row_bus
    c.best = c.best_row = NEVER << KEY_BITS
    c.best_is_extra = 0
    c.mute = 0
    if a.config.scheduler == SCHEDULER_FCFS:
        mute_all_but_oldest(a, c)
    left = c.active & ~withheld(c, False) & ~c.mute
    while left:
        number = lowest_bit(left)
        left &= left - 1
        is_column = RD <= c.banks[number].wanted <= WRA
        key = key_of(c, number, column_bus if is_column else row_bus) - c.best_base
        if is_column:
            c.best = key if key < c.best else c.best
        elif key < c.best_row:
            c.best_row, c.best_is_extra = key, 0
        if a.config.first_ready and is_column and c.banks[number].extra != NO_SLOT:
            key = ((later(extra_bound_of(a, c, number) >> CAUSE_BITS, row_bus) << KEY_BITS)
                   + tag_of(a, c, number, c.banks[number].extra, PRE, False) - c.best_base)
            if key < c.best_row:
                c.best_row, c.best_is_extra = key, 1
    if a.config.command_buses == 1:
        if c.best_row < c.best:
            c.best = c.best_row
        else:
            c.best_is_extra = 0
        c.best_row = c.best
    c.bank_at = cycle_of(c.best_row if c.best_row < c.best else c.best)


cdef inline int64_t ready_key(const Channel* c, int64_t number, const int64_t* ready) noexcept nogil:
    """The same as key_of, given when the lanes of the ranks are ready."""
    return later(c.wanted_key[number], ready[c.wanted_lanes[number].of.rank] + c.wanted_tag[number])


cdef inline int64_t least_key(const Arena* a, const Channel* c, cycle_t soonest) noexcept nogil:
    """Of all banks: where most have requests, this is faster than to go from one to the next of them.

    Banks by eights and lanes by fours, for the compiler to unroll: there is room for all of them.
    """
    cdef int64_t best = NO_KEY
    cdef int64_t second = NO_KEY
    cdef int64_t number, lane, k
    cdef int64_t[MAX_RANKS * RANK_LANES] ready
    for number in range(a.config.n_ranks):
        ready[number * RANK_LANES + NO_LANE] = soonest << KEY_BITS
        for lane in range(number * RANK_LANES + 1, number * RANK_LANES + a.rules.n_rank_lanes, 4):
            for k in range(4):
                ready[lane + k] = later(c.floors[RANK_FLOORS + lane + k] >> CAUSE_BITS, soonest) << KEY_BITS
    for number in range(0, a.banks_of_channel, 8):
        for k in range(0, 8, 2):
            best = earlier(best, ready_key(c, number + k, ready))
            second = earlier(second, ready_key(c, number + k + 1, ready))
    return earlier(best, second)


cdef inline inlined choose_winner_now(Arena* a, Channel* c, cycle_t soonest, int plain) noexcept nogil:
    """Over all banks that are not held, from cycle `soonest` on."""
    cdef int64_t best = NO_KEY
    cdef int64_t key
    cdef uint64_t left = c.active & ~c.held
    c.best_base = a.oldest_id << BANK_BITS
    if plain != LONE:
        soonest = later(soonest, c.gather_until)
    if not plain:
        choose_otherwise_winner(a, c, soonest)
        return
    soonest = later(soonest, c.bus_free)
    if c.n_active >= MANY_BANKS and c.held == 0:
        best = least_key(a, c, soonest)
        left = 0
    while left:
        key = key_of(c, lowest_bit(left), soonest)
        best = key if key < best else best
        left &= left - 1
    c.best = best - c.best_base
    c.bank_at = cycle_of(c.best)


cdef inline void choose_winner(Arena* a, Channel* c, cycle_t soonest, int plain) noexcept nogil:
    """The same, out of line."""
    choose_winner_now(a, c, soonest, plain)


cdef inline inlined welcome(Arena* a, Channel* c, int64_t number, cycle_t soonest, int plain) noexcept nogil:
    """A request joined bank `number` before the winner of cycle `soonest` goes out."""
    cdef Bank* bank = bank_at(c, number)
    cdef int64_t key
    if may_stay(a, bank, plain):
        return
    choose_now(a, c, number, bank, plain)
    if not plain or (bank.length > 1 and bank_of(c.best) == number):
        choose_winner(a, c, soonest, plain)
        return
    if c.held & bit(number):
        return
    soonest = later(soonest, c.bus_free)
    if plain != LONE:
        soonest = later(soonest, c.gather_until)
    key = key_of(c, number, soonest) - c.best_base
    if key < c.best:
        c.best = key
        c.bank_at = cycle_of(key)
