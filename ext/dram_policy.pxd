"""Which command each bank wants, and which bank's turn it is.

Every bank with queued requests keeps one candidate: request, command, and the floor of its own timing. It
is chosen again only when something that it depends on has changed. The winner over all banks is the minimum
of one 64-bit key: first legal cycle, then age, then bank; a loop over the set bits of `active`. O(1) a
choice, except FrFcfsGrp and the search for the next row hit (the length of a bank's list); O(active banks)
a winner.
"""

from libc.stdint cimport int16_t, int64_t, uint8_t, uint64_t

from ext._types cimport cycle_t
from ext.dram_state cimport (
    ACT, BANK_BITS, CLOSED, CLOSED_ADAPTIVE, CLOSED_ROW, GROUP_BITS, KEY_BITS, LANE_ACTIVATE,
    LANE_PRECHARGE, LANE_READ, LANE_WRITE, MAX_GROUPS, NEVER, NO_SLOT, OPEN, OPEN_ADAPTIVE, PRE, RD, RDA,
    SCHEDULER_FIFO, SCHEDULER_FRFCFS, SCHEDULER_FRFCFS_GRP, SLOT_MASK, WR, WRA, Arena, Bank, Slot, later,
    lowest_bit,
)


cdef inline uint64_t bit(int64_t bank) noexcept nogil:
    return (<uint64_t> 1) << bank


# --------------------------------------------------------------------------------------------- bank lists

cdef inline void append(Arena* a, int64_t number, int16_t position) noexcept nogil:
    """Put a request, the youngest so far, at the end of its bank's list."""
    cdef Bank* bank = &a.banks[number]
    cdef Slot* slot = &a.slots[position]
    a.active |= bit(number)
    slot.older = bank.newest
    slot.newer = NO_SLOT
    if bank.newest == NO_SLOT:
        bank.oldest = position
    else:
        a.slots[bank.newest].newer = position
    bank.newest = position
    bank.length += 1
    if slot.row == bank.open_row:
        bank.hits += 1
        if bank.oldest_hit == NO_SLOT:
            bank.oldest_hit = position


cdef inline int16_t next_hit(const Arena* a, const Bank* bank, int16_t position) noexcept nogil:
    """The first request to the open row from `position` on."""
    while position != NO_SLOT and a.slots[position].row != bank.open_row:
        position = a.slots[position].newer
    return position


cdef inline void remove(Arena* a, Bank* bank, int16_t position) noexcept nogil:
    """Take a request, a hit to the open row, out of its bank's list."""
    cdef Slot* slot = &a.slots[position]
    bank.length -= 1
    bank.hits -= 1
    if slot.older == NO_SLOT:
        bank.oldest = slot.newer
    else:
        a.slots[slot.older].newer = slot.newer
    if slot.newer == NO_SLOT:
        bank.newest = slot.older
    else:
        a.slots[slot.newer].older = slot.older


cdef inline void count_hits(const Arena* a, Bank* bank) noexcept nogil:
    """How many waiting requests go to the open row?"""
    cdef int16_t position = bank.oldest_hit
    bank.hits = 0
    while position != NO_SLOT:
        bank.hits += 1
        position = next_hit(a, bank, a.slots[position].newer)


cdef inline bint is_adaptive(const Arena* a) noexcept nogil:
    """Does the page policy look at the number of hits? Otherwise nobody does, and it is not counted."""
    return a.config.page_policy == OPEN_ADAPTIVE or a.config.page_policy == CLOSED_ADAPTIVE


# ----------------------------------------------------------------------------------------------- one bank

cdef inline bint has_older_twin(const Arena* a, const Bank* bank, int16_t position) noexcept nogil:
    """Does an older hit go to the same address?"""
    cdef int16_t older = bank.oldest_hit
    while older != position:
        if a.slots[older].row == bank.open_row and a.slots[older].column == a.slots[position].column:
            return True
        older = a.slots[older].newer
    return False


cdef inline int16_t grouped_hit(const Arena* a, const Bank* bank) noexcept nogil:
    """FrFcfsGrp: the oldest hit in the direction of the bus that overtakes no hit to its own address."""
    cdef int16_t position = bank.oldest_hit
    while position != NO_SLOT:
        if a.slots[position].is_write == a.last_direction and not has_older_twin(a, bank, position):
            return position
        position = next_hit(a, bank, a.slots[position].newer)
    return bank.oldest_hit


cdef inline int16_t scheduled(const Arena* a, const Bank* bank) noexcept nogil:
    """The request that the scheduler serves next in a bank that has hits to its open row."""
    if a.config.scheduler == SCHEDULER_FRFCFS:
        return bank.oldest_hit
    if a.config.scheduler == SCHEDULER_FIFO:
        return bank.oldest
    return grouped_hit(a, bank)


cdef inline bint auto_precharges(const Arena* a, const Bank* bank) noexcept nogil:
    """Shall the next column command close the row behind it?"""
    cdef bint further_hit
    if a.config.page_policy == OPEN:
        return False
    if a.config.page_policy == CLOSED:
        return True
    if a.config.scheduler == SCHEDULER_FIFO:
        further_hit = bank.length >= 2 and a.slots[a.slots[bank.oldest].newer].row == bank.open_row
    else:
        further_hit = bank.hits >= 2
    if a.config.page_policy == CLOSED_ADAPTIVE:
        return not further_hit
    return bank.length >= 2 and not further_hit


cdef inline void want(
    Arena* a, int64_t number, int16_t position, uint8_t command, int lane, cycle_t floor
) noexcept nogil:
    cdef Bank* bank = &a.banks[number]
    # Slots are ids modulo WINDOW and all ids in play lie in one window that begins at oldest_id.
    cdef int64_t id = a.oldest_id + ((position - a.oldest_id) & SLOT_MASK)
    bank.wanted = command
    a.wanted_tag[number] = id << BANK_BITS | number
    a.wanted_lane[number] = <uint8_t> (lane * MAX_GROUPS + bank.group)
    a.wanted_floor[number] = floor


cdef inline void choose(Arena* a, int64_t number) noexcept nogil:
    """Bank `number` decides what it wants."""
    cdef Bank* bank = &a.banks[number]
    cdef int16_t position
    cdef bint auto_precharge
    if bank.length == 0:
        a.active &= ~bit(number)
        return
    if bank.open_row == CLOSED_ROW:
        want(a, number, bank.oldest, ACT, LANE_ACTIVATE, bank.activate_floor)
        return
    if (bank.oldest_hit == NO_SLOT
            or (a.config.scheduler == SCHEDULER_FIFO and bank.oldest_hit != bank.oldest)):
        want(a, number, bank.oldest, PRE, LANE_PRECHARGE, bank.precharge_floor)
        return
    position = scheduled(a, bank)
    auto_precharge = auto_precharges(a, bank)
    if a.slots[position].is_write:
        want(a, number, position, WRA if auto_precharge else WR, LANE_WRITE, bank.column_floor)
    elif auto_precharge:
        want(a, number, position, RDA, LANE_READ, bank.read_auto_floor)
    else:
        want(a, number, position, RD, LANE_READ, bank.column_floor)


cdef inline bint may_stay(const Arena* a, const Bank* bank) noexcept nogil:
    """After a request joined the list: is the candidate surely the same as before?"""
    if bank.length == 1:
        return False
    if bank.open_row == CLOSED_ROW:
        return True
    if is_adaptive(a):
        return False
    if a.config.scheduler == SCHEDULER_FRFCFS_GRP:
        return False
    return bank.wanted != PRE or bank.oldest_hit == NO_SLOT or a.config.scheduler == SCHEDULER_FIFO


cdef inline void choose_open_banks(Arena* a) noexcept nogil:
    """FrFcfsGrp, when the bus has turned around."""
    cdef uint64_t left = a.active & a.open
    while left:
        choose(a, lowest_bit(left))
        left &= left - 1


# ----------------------------------------------------------------------------------------- over all banks

cdef inline int64_t key_of(const Arena* a, int64_t number, cycle_t soonest) noexcept nogil:
    """First legal cycle from `soonest` on, age and number of a bank's candidate: the smaller goes first."""
    cdef int64_t lane = a.wanted_lane[number]
    cdef cycle_t cycle = later(a.wanted_floor[number], soonest)
    cycle = later(cycle, a.group_floor[lane])
    cycle = later(cycle, a.rank_floor[lane >> GROUP_BITS])
    return (cycle << KEY_BITS) + a.wanted_tag[number] - a.best_base


cdef inline cycle_t cycle_of(int64_t key) noexcept nogil:
    return key >> KEY_BITS


cdef inline void schedule_banks(Arena* a) noexcept nogil:
    """When does the winner go out? Not while a forced refresh or power-down holds the banks."""
    cdef cycle_t t = cycle_of(a.best)
    a.bank_at = t if t < a.blocked_from and not a.powered_down else NEVER


cdef inline void choose_winner(Arena* a, cycle_t soonest) noexcept nogil:
    """Over all banks, from cycle `soonest` on."""
    cdef int64_t best = NEVER << KEY_BITS
    cdef int64_t key
    cdef uint64_t left = a.active
    a.best_base = a.oldest_id << BANK_BITS
    soonest = later(soonest, a.gather_until)
    while left:
        key = key_of(a, lowest_bit(left), soonest)
        best = key if key < best else best
        left &= left - 1
    a.best = best
    schedule_banks(a)


cdef inline void end_gathering(Arena* a, cycle_t t) noexcept nogil:
    """The requests at an idle rank stop waiting for company when the next one has no room."""
    if a.next_admitted < a.next_id and not a.has_room:
        a.gather_until = t
        choose_winner(a, t)


cdef inline void welcome(Arena* a, int64_t number, cycle_t soonest) noexcept nogil:
    """A request joined bank `number` before the winner of cycle `soonest` goes out."""
    cdef Bank* bank = &a.banks[number]
    cdef int64_t key
    if may_stay(a, bank):
        return
    choose(a, number)
    if bank.length > 1 and (a.best & ((1 << BANK_BITS) - 1)) == number:
        choose_winner(a, soonest)
        return
    key = key_of(a, number, later(soonest, a.gather_until))
    a.best = key if key < a.best else a.best
    schedule_banks(a)
