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
    BANK_LANES, CAUSE_BITS, CAUSE_COMMAND_BUS, GROUP_LANES, KEY_BITS, N_COMMANDS, PDE, PRE, RANK_LANES, RD,
    SRE, VRR, WINDOW_SIZE, WRA, inlined, later, lowest_bit,
)
from ext.dram_state cimport Arena, Bank, Channel, Effect, Effects, Rank, Reach, Window, bit


cdef inline inlined raise_floors(
    const Effect* effect, const Effect* end, cycle_t* floors, cycle_t now
) noexcept nogil:
    """Of one bank, group or rank."""
    cdef cycle_t bound
    while effect != end:
        bound = now + effect.bound
        if floors[effect.lane] < bound:
            floors[effect.lane] = bound
        effect += 1


cdef inline void apply(const Effects* effects, cycle_t* floors, cycle_t now) noexcept nogil:
    raise_floors(effects.at, effects.at + effects.n, floors, now)


cdef inline inlined enter_windows(
    Arena* a, Channel* c, int64_t command, int64_t rank, cycle_t t
) noexcept nogil:
    cdef Rank* k = &c.ranks[rank]
    cdef cycle_t* floors = &c.rank_floor[rank * RANK_LANES]
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
    apply(&a.rules.rank[command], &c.rank_floor[rank * RANK_LANES], t << CAUSE_BITS)
    constrain_beyond(a, c, command, rank, t, a.plain)


cdef inline inlined constrain_beyond(
    Arena* a, Channel* c, int64_t command, int64_t rank, cycle_t t, int plain
) noexcept nogil:
    """Windows, the other ranks, and the command bus."""
    cdef cycle_t now = t << CAUSE_BITS
    cdef int64_t other
    c.last[rank * N_COMMANDS + command] = t
    if a.rules.windows_of[command]:
        enter_windows(a, c, command, rank, t)
    if a.config.n_ranks > 1 and a.rules.others[command].n:
        for other in range(a.config.n_ranks):
            if other != rank:
                apply(&a.rules.others[command], &c.rank_floor[other * RANK_LANES], now)
    if not plain and a.config.command_buses == 2 and RD <= command <= WRA:
        c.column_bus_free = t + a.rules.lengths[command]
    else:
        c.bus_free = t + a.rules.lengths[command]


cdef inline inlined update_wanted_key(Channel* c, int64_t number) noexcept nogil:
    """Of a bank's candidate: its own floor or its group's has been raised."""
    cdef cycle_t bound = later(c.wanted_floor[number], c.group_floor[c.wanted_group[number]])
    c.wanted_key[number] = ((bound >> CAUSE_BITS) << KEY_BITS) + c.wanted_tag[number]


cdef inline inlined update_group(const Arena* a, Channel* c, int64_t number) noexcept nogil:
    """A command to bank `number` raised the floors of its group; the bank itself will choose again."""
    cdef uint64_t left = a.group_banks << (c.banks[number].group * a.banks_per_group)
    left &= c.active & ~bit(number)
    while left:
        update_wanted_key(c, lowest_bit(left))
        left &= left - 1


cdef inline inlined constrain(
    Arena* a, Channel* c, int64_t command, int64_t number, cycle_t t, int plain
) noexcept nogil:
    """A command to bank `number` went out at t."""
    cdef const Reach* reach = &a.rules.reach[command]
    cdef const Bank* bank = &c.banks[number]
    cdef const Effect* group = reach.at + reach.n_bank
    cdef const Effect* rank = reach.at + reach.n_group
    cdef cycle_t now = t << CAUSE_BITS
    raise_floors(reach.at, group, &c.bank_floor[number * BANK_LANES], now)
    if group != rank:
        raise_floors(group, rank, &c.group_floor[bank.group * GROUP_LANES], now)
        update_group(a, c, number)
    raise_floors(rank, reach.at + reach.n, &c.rank_floor[bank.rank * RANK_LANES], now)
    constrain_beyond(a, c, command, bank.rank, t, plain)


cdef inline uint64_t set_of(const Arena* a, int64_t rank, int64_t unit) noexcept nogil:
    """The banks of set `unit`: the same position in every group of the rank."""
    return a.set_banks << (rank * a.config.n_banks + unit)


cdef inline void constrain_set(
    Arena* a, Channel* c, int64_t command, int64_t rank, int64_t unit, cycle_t t
) noexcept nogil:
    cdef uint64_t left = set_of(a, rank, unit)
    while left:
        apply(&a.rules.bank[command], &c.bank_floor[lowest_bit(left) * BANK_LANES], t << CAUSE_BITS)
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
    cdef cycle_t bound = (c.rank_floor[rank * RANK_LANES + a.rules.rank_lane[command]] if is_kept
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
    cdef cycle_t bound = c.bank_floor[number * BANK_LANES + a.rules.bank_lane[command]]
    bound = later(bound, c.group_floor[c.banks[number].group * GROUP_LANES + a.rules.group_lane[command]])
    return later(bound >> CAUSE_BITS, earliest_for_rank(a, c, command, c.bank_rank[number]))


cdef inline cycle_t earliest_for_set(
    const Arena* a, const Channel* c, int64_t command, int64_t rank, int64_t unit
) noexcept nogil:
    """First legal cycle of a command to one bank of every group."""
    cdef uint64_t left = set_of(a, rank, unit)
    cdef cycle_t bound = 0
    while left:
        bound = later(bound, c.bank_floor[lowest_bit(left) * BANK_LANES + a.rules.bank_lane[command]])
        left &= left - 1
    return later(bound >> CAUSE_BITS, earliest_for_rank(a, c, command, rank))
