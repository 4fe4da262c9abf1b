"""Phase D: refresh, row-hammer refresh management and sleep of each rank decide, and propose commands.

A manager proposes at most one urgent command a rank (refresh, else RFM; it goes before the banks) and one
drowsy one (dram_sleep; after them). While anything is proposed, or sleep is enabled, the phase is looked
at in every simulated cycle, otherwise only when `manager_at` is reached. A forced refresh holds its banks
from the next cycle on: in the first, a bank's candidate can still go out if the refresh cannot. Semantics:
DRAMSys 4.0, generalised to units (all banks, one bank, or the same bank of every group). O(ranks),
O(units) while a refresh is due.
"""

from libc.stdint cimport int64_t, uint64_t

from ext._types cimport cycle_t
from ext.dram_hammer cimport manage_rfm
from ext.dram_numbers cimport (
    ALL_BANK, NEVER, NO_COMMAND, NO_POWER_DOWN, NO_REFRESH, PER_BANK, PRE, PREA, REF, REFPB, REFSB, RFM,
    RFMSB, RFM_COUNTING, earlier, later, lowest_bit,
)
from ext.dram_sleep cimport manage_sleep
from ext.dram_state cimport (
    NEED_EXIT_REFRESH, NEED_RANK_RFM, NEED_REFRESH, NEED_SET_RFM, NO_NEED, Arena, Channel, Rank, Requests,
    bit,
)
from ext.dram_timing cimport earliest_for_bank, earliest_for_rank, earliest_for_set, set_of


cdef inline uint64_t unit_banks(const Arena* a, const Channel* c, int64_t rank, int64_t unit) noexcept nogil:
    """The banks that one refresh command of the policy refreshes."""
    if a.config.refresh_policy == ALL_BANK:
        return c.ranks[rank].banks
    if a.config.refresh_policy == PER_BANK:
        return bit(rank * a.config.n_banks + unit)
    return set_of(a, rank, unit)


cdef inline int64_t idle_unit(const Arena* a, const Channel* c, int64_t rank) noexcept nogil:
    """The lowest unit still to be refreshed in this round that no request waits for, or -1."""
    cdef uint64_t left = c.ranks[rank].remaining
    while left:
        if c.active & unit_banks(a, c, rank, lowest_bit(left)) == 0:
            return lowest_bit(left)
        left &= left - 1
    return -1


cdef inline void skip_interval(const Arena* a, Rank* rank) noexcept nogil:
    """The current interval is settled: paid, postponed or missed."""
    rank.pulling_in = 0
    rank.refresh_deadline += a.refresh_step


cdef inline void block(Channel* c, Rank* rank, uint64_t banks) noexcept nogil:
    """A forced refresh holds banks from the next cycle on."""
    rank.forced = 1
    rank.refresh_blocks = banks
    c.held_changes = 1


cdef inline bint decide_refresh(Arena* a, Channel* c, int64_t number, cycle_t t) noexcept nogil:
    """At or after the deadline: refresh `target` now? False postpones, or ends pulling in."""
    cdef Rank* rank = &c.ranks[number]
    cdef int64_t idle
    if t >= rank.refresh_deadline + a.refresh_step:
        skip_interval(a, rank)
    if rank.forced:
        return True
    idle = idle_unit(a, c, number)
    if rank.pulling_in:
        if idle < 0:
            skip_interval(a, rank)
            return False
    elif rank.refresh_debt >= a.most_postponed:
        rank.target = idle if idle >= 0 else lowest_bit(rank.remaining)
        block(c, rank, unit_banks(a, c, number, rank.target))
        return True
    elif idle < 0:
        rank.refresh_debt += 1
        rank.refresh_deadline += a.refresh_step
        return False
    rank.target = idle
    return True


cdef inline void manage_refresh(Arena* a, Channel* c, int64_t number, cycle_t t) noexcept nogil:
    cdef Rank* rank = &c.ranks[number]
    if a.config.refresh_policy == NO_REFRESH:
        return
    if rank.owed_exit:
        if not rank.forced:
            block(c, rank, rank.banks)
        rank.urgent_kind = NEED_EXIT_REFRESH
        return
    if t < rank.refresh_deadline:
        c.manager_at = earlier(c.manager_at, rank.refresh_deadline)
        return
    if not decide_refresh(a, c, number, t):
        c.manager_at = earlier(c.manager_at, later(rank.refresh_deadline, t + 1))
        return
    rank.urgent_kind, rank.urgent_target = NEED_REFRESH, rank.target
    c.manager_at = earlier(c.manager_at, later(rank.refresh_deadline + a.refresh_step, t + 1))


cdef inline void settle_refresh(Arena* a, Rank* rank, cycle_t t) noexcept nogil:
    """After a refresh: the first pays the interval, further ones reduce the debt down to the limit."""
    rank.forced = 0
    rank.refresh_blocks = 0
    if rank.urgent_kind == NEED_EXIT_REFRESH:
        rank.owed_exit = rank.pulling_in = 0
        rank.refresh_deadline = t + a.refresh_step
        return
    rank.remaining &= ~bit(rank.urgent_target)
    if rank.remaining == 0:
        rank.remaining = bit(a.n_units) - 1 if a.n_units < 64 else ~(<uint64_t> 0)
    if rank.pulling_in:
        rank.refresh_debt -= 1
    else:
        rank.pulling_in = 1
    if rank.refresh_debt <= -a.most_pulled_in:
        skip_interval(a, rank)


# ------------------------------------------------------------------------------------------------ proposals

cdef inline void propose(Rank* rank, int64_t command, int64_t bank, cycle_t ready) noexcept nogil:
    rank.urgent, rank.urgent_bank, rank.urgent_ready = command, bank, ready


cdef inline void propose_for_rank(Arena* a, Channel* c, int64_t number, int64_t command) noexcept nogil:
    """`command` for all banks, or first the precharge that it needs."""
    if c.open & c.ranks[number].banks:
        command = PREA
    propose(&c.ranks[number], command, -1, earliest_for_rank(a, c, command, number))


cdef inline void propose_for_banks(
    Arena* a, Channel* c, int64_t number, uint64_t banks, int64_t command
) noexcept nogil:
    """`command` for one bank or one set, or first the precharge of the lowest open bank."""
    cdef Rank* rank = &c.ranks[number]
    cdef uint64_t open = c.open & banks
    if open:
        propose(rank, PRE, lowest_bit(open), earliest_for_bank(a, c, PRE, lowest_bit(open)))
    elif command == REFPB:
        propose(rank, command, lowest_bit(banks), earliest_for_bank(a, c, command, lowest_bit(banks)))
    else:
        propose(rank, command, lowest_bit(banks), earliest_for_set(a, c, command, number, rank.urgent_target))


cdef inline void propose_urgent(Arena* a, Channel* c, int64_t number) noexcept nogil:
    """The command that the rank's need comes to in the present state."""
    cdef Rank* rank = &c.ranks[number]
    if rank.urgent_kind == NEED_SET_RFM:
        propose_for_banks(a, c, number, set_of(a, number, rank.urgent_target), RFMSB)
    elif rank.urgent_kind == NEED_RANK_RFM:
        propose_for_rank(a, c, number, RFM)
    elif rank.urgent_kind == NEED_EXIT_REFRESH or a.config.refresh_policy == ALL_BANK:
        propose_for_rank(a, c, number, REF)
    else:
        propose_for_banks(a, c, number, unit_banks(a, c, number, rank.urgent_target),
                          REFPB if a.config.refresh_policy == PER_BANK else REFSB)


cdef inline void manage_rank(
    Arena* a, Channel* c, const Requests* r, int64_t number, cycle_t t
) noexcept nogil:
    cdef Rank* rank = &c.ranks[number]
    rank.urgent_kind = NO_NEED
    if not (rank.powered_down or rank.self_refreshing):
        manage_refresh(a, c, number, t)
        if rank.urgent_kind == NO_NEED and a.config.mitigation >= RFM_COUNTING:
            manage_rfm(a, c, number)
    elif rank.powered_down and a.config.refresh_policy != NO_REFRESH and t < rank.refresh_deadline:
        c.manager_at = earlier(c.manager_at, rank.refresh_deadline)
    if rank.urgent_kind != NO_NEED:
        propose_urgent(a, c, number)
        c.n_urgent += 1
        c.manager_at = earlier(c.manager_at, rank.urgent_ready)


cdef inline void manage_drowsy(Arena* a, Channel* c, const Requests* r, cycle_t t) noexcept nogil:
    """Sleep of every rank, after refresh has decided."""
    cdef int64_t number
    c.n_drowsy = 0
    for number in range(a.config.n_ranks):
        c.ranks[number].drowsy = NO_COMMAND
        manage_sleep(a, c, r, number, t)
        if c.ranks[number].drowsy != NO_COMMAND:
            c.n_drowsy += 1
            c.manager_at = earlier(c.manager_at, c.ranks[number].drowsy_ready)


cdef inline bint may_sleep(const Arena* a) noexcept nogil:
    return a.config.power_down_policy != NO_POWER_DOWN or a.config.self_refresh_timeout > 0


cdef inline void manage(Arena* a, Channel* c, const Requests* r, cycle_t t) noexcept nogil:
    """Phase D."""
    cdef int64_t number
    cdef int64_t asleep = 0
    c.manager_at = NEVER
    c.n_urgent = c.n_drowsy = 0
    for number in range(a.config.n_ranks):
        manage_rank(a, c, r, number, t)
        asleep += c.ranks[number].powered_down or c.ranks[number].self_refreshing
    if asleep or may_sleep(a):
        manage_drowsy(a, c, r, t)
    c.manager_watches = (c.n_urgent or c.n_drowsy or asleep or may_sleep(a)
                         or a.config.mitigation >= RFM_COUNTING)


cdef inline int64_t urgent_rank(const Arena* a, const Channel* c, cycle_t t) noexcept nogil:
    """The lowest rank whose urgent command is legal, or -1."""
    cdef int64_t number
    if c.n_urgent:
        for number in range(a.config.n_ranks):
            if c.ranks[number].urgent_kind != NO_NEED and c.ranks[number].urgent_ready <= t:
                return number
    return -1


cdef inline int64_t drowsy_rank(const Arena* a, const Channel* c, cycle_t t) noexcept nogil:
    """The lowest rank whose command into or out of sleep is legal, or -1."""
    cdef int64_t number
    if c.n_drowsy:
        for number in range(a.config.n_ranks):
            if c.ranks[number].drowsy != NO_COMMAND and c.ranks[number].drowsy_ready <= t:
                return number
    return -1


cdef inline void update_held(Channel* c, int64_t n_ranks) noexcept nogil:
    """The banks that may not be served: rank asleep, or a forced refresh or RFM."""
    cdef int64_t number
    cdef const Rank* rank
    c.held = 0
    for number in range(n_ranks):
        rank = &c.ranks[number]
        c.held |= rank.refresh_blocks | rank.hammer_blocks
        if rank.powered_down or rank.self_refreshing:
            c.held |= rank.banks
    c.held_changes = 0
