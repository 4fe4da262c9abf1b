"""When a command becomes legal: each command, once issued, raises the floors of those that must keep their
distance.

A floor is the earliest cycle allowed by everything issued so far, with the cause that binds, packed as
cycle << CAUSE_BITS | cause, so that of equal cycles the larger cause counts. Floors exist per bank, per
bank group and per rank, one for each lane (dram_rules), so that the earliest cycle of any command is a
maximum of three numbers. O(effects of the command), times the other ranks for rows between ranks.
"""

from libc.stdint cimport int64_t, uint64_t

from ext._types cimport cycle_t
from ext.dram_numbers cimport (
    BANK_LANES, CAUSE_BITS, CAUSE_COMMAND_BUS, KEY_BITS, N_COMMANDS, PDE, PRE, RANK_FLOORS, RANK_LANES, RD,
    SRE, VRR, WINDOW_SIZE, WRA, inlined, later, lowest_bit,
)
from ext.dram_state cimport Arena, Bank, Channel, Effect, Effects, Rank, Reach, Window, kept_reach


cdef inline inlined raise_floors(
    Channel* c, const Reach* reach, const int64_t* levels, cycle_t now
) noexcept nogil:
    """Of a bank, its group and its rank, whose floors begin at `levels`; two at a time.

    Without a branch: whether a floor rises is hard to predict.
    """
    cdef const Effect* effect = &reach.at[0]
    cdef const Effect* end = effect + reach.n
    cdef cycle_t* floor
    cdef int64_t k
    while effect != end:
        for k in range(2):
            floor = <cycle_t*> (<char*> c + levels[effect[k].level] + effect[k].lane)
            floor[0] = later(floor[0], now + effect[k].bound)
        effect += 2


cdef inline void apply(const Effects* effects, cycle_t* floors, cycle_t now) noexcept nogil:
    """Raise floors of one bank or one rank."""
    cdef int64_t k
    for k in range(effects.n):
        floors[effects.at[k].lane] = later(floors[effects.at[k].lane], now + effects.at[k].bound)


cdef inline inlined enter_windows(
    Arena* a, Channel* c, int64_t command, int64_t rank, cycle_t t
) noexcept nogil:
    cdef Rank* k = &c.ranks[rank]
    cdef cycle_t* floors = &c.floors[RANK_FLOORS + rank * RANK_LANES]
    cdef const Window* window
    cdef cycle_t* ring
    cdef cycle_t bound
    cdef int64_t left = a.rules.windows_of[command]
    cdef int64_t w, i, entered
    while left:
        w = lowest_bit(left)
        left &= left - 1
        window = &a.rules.windows[w]
        ring = &k.ring[w * WINDOW_SIZE]
        entered = k.entered[w]
        ring[entered & (WINDOW_SIZE - 1)] = t
        entered += 1
        k.entered[w] = entered
        if entered < window.size:
            continue
        bound = (ring[(entered - window.size) & (WINDOW_SIZE - 1)] << CAUSE_BITS) + window.bound
        for i in range(window.n_lanes):
            floors[window.lanes[i]] = later(floors[window.lanes[i]], bound)


cdef inline void constrain_rank(
    Arena* a, Channel* c, int64_t command, int64_t rank, cycle_t t
) noexcept nogil:
    """A command to a whole rank went out at t."""
    apply(&a.rules.rank[command], &c.floors[RANK_FLOORS + rank * RANK_LANES], t << CAUSE_BITS)
    c.last[rank * N_COMMANDS + command] = t
    constrain_beyond(a, c, command, rank, t)
    occupy_bus(a, c, command, t, a.plain)


cdef inline inlined constrain_beyond(
    Arena* a, Channel* c, int64_t command, int64_t rank, cycle_t t
) noexcept nogil:
    """Windows and the other ranks."""
    cdef int64_t other
    enter_windows(a, c, command, rank, t)
    if a.config.n_ranks > 1 and a.rules.others[command].n:
        for other in range(a.config.n_ranks):
            if other != rank:
                apply(&a.rules.others[command], &c.floors[RANK_FLOORS + other * RANK_LANES], t << CAUSE_BITS)


cdef inline inlined occupy_bus(Arena* a, Channel* c, int64_t command, cycle_t t, int plain) noexcept nogil:
    """The command bus."""
    if not plain and a.config.command_buses == 2 and RD <= command <= WRA:
        c.column_bus_free = t + a.rules.lengths[command]
    else:
        c.bus_free = t + a.rules.lengths[command]


cdef inline inlined update_wanted_key(Channel* c, int64_t number) noexcept nogil:
    """Of a bank's candidate: its own floor or its group's has been raised."""
    cdef cycle_t bound = later(c.wanted_floor[number], c.floors[c.wanted_lanes[number].of.group])
    c.wanted_key[number] = ((bound >> CAUSE_BITS) << KEY_BITS) + c.wanted_tag[number]


cdef inline inlined update_banks(Channel* c, uint64_t left) noexcept nogil:
    while left:
        update_wanted_key(c, lowest_bit(left))
        left &= left - 1


cdef inline inlined constrain(
    Arena* a, Channel* c, int64_t command, const Bank* bank, cycle_t t, int plain
) noexcept nogil:
    """A command to a bank went out at t."""
    cdef const Reach* reach = kept_reach(&a.rules.reach[command])
    raise_floors(c, reach, bank.reach, t << CAUSE_BITS)
    update_banks(c, bank.siblings & c.active & reach.in_group)
    c.last[bank.first_last + command] = t
    if a.rules.goes_beyond[command]:
        constrain_beyond(a, c, command, bank.rank, t)
    occupy_bus(a, c, command, t, plain)


cdef inline uint64_t set_of(const Arena* a, int64_t rank, int64_t unit) noexcept nogil:
    """The banks of set `unit`: the same position in every group of the rank."""
    return a.set_banks << (rank * a.config.n_banks + unit)


cdef inline void constrain_set(
    Arena* a, Channel* c, int64_t command, int64_t rank, int64_t unit, cycle_t t
) noexcept nogil:
    cdef uint64_t left = set_of(a, rank, unit)
    while left:
        apply(&a.rules.bank[command], &c.floors[lowest_bit(left) * BANK_LANES], t << CAUSE_BITS)
        left &= left - 1
    constrain_rank(a, c, command, rank, t)


cdef inline cycle_t bus_bound(const Arena* a, const Channel* c, int64_t command) noexcept nogil:
    """The command bus, as a packed bound."""
    if a.config.command_buses == 2 and RD <= command <= WRA:
        return (c.column_bus_free << CAUSE_BITS) | CAUSE_COMMAND_BUS
    return (c.bus_free << CAUSE_BITS) | CAUSE_COMMAND_BUS


cdef inline cycle_t latest_wait(const Effects* waits, const cycle_t* last, cycle_t bound) noexcept nogil:
    cdef int64_t k
    for k in range(waits.n):
        bound = later(bound, last[waits.at[k].lane] * (1 << CAUSE_BITS) + waits.at[k].bound)
    return bound


cdef inline cycle_t bound_for_manager(
    const Arena* a, const Channel* c, int64_t command, int64_t rank
) noexcept nogil:
    """First legal cycle of a manager's command, packed, as far as the rank and the other ranks decide."""
    cdef cycle_t bound = latest_wait(&a.rules.waits[command], &c.last[rank * N_COMMANDS], 0)
    cdef const Rank* k = &c.ranks[rank]
    cdef const Window* window
    cdef int64_t other, w
    if a.rules.waits_for_others[command].n:
        for other in range(a.config.n_ranks):
            if other != rank:
                bound = latest_wait(&a.rules.waits_for_others[command], &c.last[other * N_COMMANDS], bound)
    for w in range(a.rules.n_windows):
        window = &a.rules.windows[w]
        if (window.constrained >> command) & 1 and k.entered[w] >= window.size:
            other = w * WINDOW_SIZE + ((k.entered[w] - window.size) & (WINDOW_SIZE - 1))
            bound = later(bound, (k.ring[other] << CAUSE_BITS) + window.bound)
    return bound


cdef inline cycle_t earliest_for_rank(
    const Arena* a, const Channel* c, int64_t command, int64_t rank
) noexcept nogil:
    """First legal cycle of a command to a whole rank."""
    cdef bint is_kept = command <= PRE or RD <= command <= WRA or command == VRR
    cdef cycle_t bound = (c.floors[RANK_FLOORS + rank * RANK_LANES + a.rules.rank_lane[command]] if is_kept
                          else bound_for_manager(a, c, command, rank))
    cdef cycle_t cycle = later(bound, bus_bound(a, c, command)) >> CAUSE_BITS
    if command == PDE or command == SRE:
        if c.open & c.ranks[rank].banks == 0:
            cycle = later(cycle, c.ranks[rank].active_end + 1)
    return cycle


cdef inline cycle_t earliest_for_bank(
    const Arena* a, const Channel* c, int64_t command, int64_t number
) noexcept nogil:
    """First legal cycle of a command to one bank."""
    cdef const int64_t* levels = c.banks[number].floors
    cdef cycle_t bound = later(c.floors[levels[0] + a.rules.bank_lane[command]],
                               c.floors[levels[1] + a.rules.group_lane[command]])
    return later(bound >> CAUSE_BITS, earliest_for_rank(a, c, command, c.bank_rank[number]))


cdef inline cycle_t earliest_for_set(
    const Arena* a, const Channel* c, int64_t command, int64_t rank, int64_t unit
) noexcept nogil:
    """First legal cycle of a command to one bank of every group."""
    cdef uint64_t left = set_of(a, rank, unit)
    cdef cycle_t bound = 0
    while left:
        bound = later(bound, c.floors[lowest_bit(left) * BANK_LANES + a.rules.bank_lane[command]])
        left &= left - 1
    return later(bound >> CAUSE_BITS, earliest_for_rank(a, c, command, rank))
