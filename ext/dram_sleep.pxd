"""Power-down and self-refresh of one rank: when to enter and when to leave.

A rank sleeps only while nothing waits for it, or what waits gathers for company (`gather_until`). Self-
refresh comes before power-down once its own, longer timeout has passed. Semantics of power-down: DRAMSys
4.0, but for the gathering; O(1).
"""

from libc.stdint cimport int64_t

from ext._types cimport cycle_t
from ext.dram_numbers cimport (
    NO_POWER_DOWN, NO_REFRESH, NO_SLOT, N_COMMANDS, PDE, PDX, PREA, PRECHARGE_POWER_DOWN, RD, RDA, REF,
    REFPB, REFSB, SRE, SRX, WR, WRA, earlier, later,
)
from ext.dram_state cimport Arena, Channel, Rank, Requests, slot_at
from ext.dram_timing cimport earliest_for_rank


cdef inline void suggest(Arena* a, Channel* c, int64_t number, int64_t command) noexcept nogil:
    c.ranks[number].drowsy = command
    c.ranks[number].drowsy_ready = earliest_for_rank(a, c, command, number)


cdef inline bint is_due(const Arena* a, const Rank* rank, cycle_t t) noexcept nogil:
    """A refresh or a forced RFM."""
    return (a.config.refresh_policy != NO_REFRESH and t >= rank.refresh_deadline) or rank.rfm_forced


cdef inline bint is_wanted(
    const Arena* a, const Channel* c, const Requests* r, int64_t number
) noexcept nogil:
    """Is a request for the rank listed, or at the head of the FIFO?"""
    if c.active & c.ranks[number].banks:
        return True
    return c.fifo_head != NO_SLOT and c.bank_rank[r.bank[slot_at(a, c.fifo_head).index]] == number


cdef inline void manage_sleeper(
    Arena* a, Channel* c, int64_t number, bint wanted, bint rests, cycle_t t
) noexcept nogil:
    """In power-down or self-refresh. rests: long enough for self-refresh."""
    cdef Rank* rank = &c.ranks[number]
    cdef bint waiting = wanted and t >= c.gather_until
    if wanted and not waiting:
        c.manager_at = earlier(c.manager_at, c.gather_until)
    if rank.self_refreshing:
        if waiting or a.config.self_refresh_timeout == 0:
            suggest(a, c, number, SRX)
    elif waiting or rests or is_due(a, rank, t) or a.config.power_down_policy == NO_POWER_DOWN:
        suggest(a, c, number, PDX)


cdef inline cycle_t quiet_since(const Channel* c, int64_t number) noexcept nogil:
    """Cycle of the rank's last column command, or of its last SRX."""
    cdef const cycle_t* last = &c.last[number * N_COMMANDS]
    cdef cycle_t t = later(later(0, last[SRX]), later(last[RD], last[RDA]))
    return later(t, later(last[WR], last[WRA]))


cdef inline cycle_t idle_since(const Channel* c, int64_t number) noexcept nogil:
    """The same, refreshes and the end of power-down included."""
    cdef const cycle_t* last = &c.last[number * N_COMMANDS]
    cdef cycle_t t = later(quiet_since(c, number), last[PDX])
    return later(t, later(last[REF], later(last[REFPB], last[REFSB])))


cdef inline void manage_sleep(
    Arena* a, Channel* c, const Requests* r, int64_t number, cycle_t t
) noexcept nogil:
    cdef Rank* rank = &c.ranks[number]
    cdef bint wanted = is_wanted(a, c, r, number)
    cdef bint may_rest = not (wanted and t >= c.gather_until) and not is_due(a, rank, t)
    cdef bint has_open = c.open & rank.banks != 0
    cdef bint rests = False
    if a.config.self_refresh_timeout > 0:
        rests = may_rest and t >= quiet_since(c, number) + a.config.self_refresh_timeout
        if may_rest and not rests:
            c.manager_at = earlier(c.manager_at, quiet_since(c, number) + a.config.self_refresh_timeout)
    if rank.powered_down or rank.self_refreshing:
        manage_sleeper(a, c, number, wanted, rests, t)
    elif rests:
        suggest(a, c, number, PREA if has_open else SRE)
    elif may_rest and a.config.power_down_policy != NO_POWER_DOWN:
        if t < idle_since(c, number) + a.config.power_down_timeout:
            c.manager_at = earlier(c.manager_at, idle_since(c, number) + a.config.power_down_timeout)
        elif has_open and a.config.power_down_policy == PRECHARGE_POWER_DOWN:
            suggest(a, c, number, PREA)
        else:
            suggest(a, c, number, PDE)
