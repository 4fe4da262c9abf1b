"""RowHammer mitigations: which rows have been activated too often, and what follows.

Para and Graphene name a victim row, whose neighbours its bank refreshes (VRR) when it is closed; Rfm and
Prac count and ask the rank's manager for RFM commands. Sources: PARA (Kim et al. 2014), Graphene (Park et
al. 2020), RFM and PRAC (JEDEC JESD79-5). O(1) an activation, Graphene O(entries); splitmix64 (Steele, Lea,
Flood 2014) is the coin.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from ext._types cimport cycle_t
from ext.dram_numbers cimport (
    GRAPHENE, MAX_PENDING, NO_ROW, PARA, PRAC, RFM_COUNTING, later, lowest_bit, splitmix64,
)
from ext.dram_state cimport (
    NEED_RANK_RFM, NEED_SET_RFM, Arena, Channel, Rank, Requests, Slot, Table, bit, row_counters,
)
from ext.dram_timing cimport set_of


cdef inline bint coin_falls(const Arena* a, const Channel* c) noexcept nogil:
    """Para: with para_threshold parts in 2**20."""
    cdef uint64_t number = <uint64_t> (c.n_activates - 1)
    cdef uint64_t seed = <uint64_t> a.config.mitigation_seed ^ (<uint64_t> c.number << 48) ^ number
    return <int64_t> (splitmix64(seed) >> 44) < a.config.para_threshold


cdef inline bint reaches_threshold(const Arena* a, int32_t count) noexcept nogil:
    """Graphene: 0 is no threshold, but rows are counted for one that a live run may set later."""
    return a.config.graphene_threshold > 0 and count % a.config.graphene_threshold == 0


cdef inline bint table_is_over(const Arena* a, Table* table, int32_t row, cycle_t t) noexcept nogil:
    """Graphene: count the row (Misra-Gries); does its count reach a multiple of the threshold?"""
    cdef int64_t n = a.config.graphene_entries
    cdef int64_t epoch = t // a.config.refresh_window if a.config.refresh_window > 0 else table.epoch
    cdef int64_t k
    cdef int64_t spare = -1
    if n == 0:
        return False
    if epoch != table.epoch:
        table.epoch = epoch
        clear_table(table, n)
    for k in range(n):
        if table.rows[k] == row:
            table.counts[k] += 1
            return reaches_threshold(a, table.counts[k])
        if spare < 0 and table.counts[k] == table.spill:
            spare = k
    if spare < 0:
        table.spill += 1
        return False
    table.rows[spare] = row
    table.counts[spare] = <int32_t> (table.spill + 1)
    return reaches_threshold(a, table.counts[spare])


cdef inline void clear_table(Table* table, int64_t n) noexcept nogil:
    cdef int64_t k
    table.spill = 0
    for k in range(n):
        table.rows[k] = NO_ROW
        table.counts[k] = 0


cdef inline void mark_if_full(const Arena* a, Channel* c, int64_t number) noexcept nogil:
    """Rfm: at the maximum a bank may not be activated again (JESD79-5, RAAMMT)."""
    c.full &= ~bit(number)
    if a.config.mitigation == RFM_COUNTING and a.config.raa_initial > 0:
        if c.banks[number].activations >= later(a.config.raa_initial, a.config.raa_maximum):
            c.full |= bit(number)


cdef inline void record_row(Arena* a, Rank* rank, int64_t counter) noexcept nogil:
    """Prac: one more activation of a row; at the threshold the rank owes an RFM."""
    cdef int64_t k
    row_counters(a)[counter] += 1
    if a.config.prac_threshold <= 0 or row_counters(a)[counter] < a.config.prac_threshold:
        return
    for k in range(rank.n_pending):
        if rank.pending[k] == counter:
            return
    if rank.n_pending < MAX_PENDING:
        rank.pending[rank.n_pending] = counter
        rank.n_pending += 1


cdef inline void count_activation(
    Arena* a, Channel* c, const Requests* r, int64_t number, const Slot* slot, cycle_t t
) noexcept nogil:
    """An ACT for a request went out."""
    cdef bint is_over = False
    if a.config.mitigation == PARA:
        is_over = coin_falls(a, c)
    elif a.config.mitigation == GRAPHENE:
        is_over = table_is_over(a, &c.tables[number], slot.row, t)
    elif a.config.mitigation == RFM_COUNTING:
        c.banks[number].activations += 1
        mark_if_full(a, c, number)
    elif a.config.mitigation == PRAC and r.row_counter is not NULL:
        record_row(a, &c.ranks[c.bank_rank[number]], r.row_counter[slot.index])
    if is_over:
        c.banks[number].victim = slot.row
        c.victims |= bit(number)


# --------------------------------------------------------------------------------------------------- RFM

cdef inline int32_t most_activations(const Channel* c, uint64_t banks) noexcept nogil:
    cdef int32_t most = 0
    while banks:
        most = <int32_t> later(most, c.banks[lowest_bit(banks)].activations)
        banks &= banks - 1
    return most


cdef inline void pay_activations(const Arena* a, Channel* c, uint64_t banks) noexcept nogil:
    """A refresh or RFM of these banks."""
    if a.config.mitigation != RFM_COUNTING:
        return
    while banks:
        c.banks[lowest_bit(banks)].activations = <int32_t> later(
            0, c.banks[lowest_bit(banks)].activations - a.config.raa_initial)
        mark_if_full(a, c, lowest_bit(banks))
        banks &= banks - 1


cdef inline void force_rfm(Channel* c, Rank* rank, uint64_t banks) noexcept nogil:
    """Hold the banks from the next cycle on until the RFM is issued."""
    if not rank.rfm_forced:
        rank.rfm_forced = 1
        rank.hammer_blocks = banks
        c.held_changes = 1


cdef inline void manage_sets(Arena* a, Channel* c, int64_t number) noexcept nogil:
    """Rfm: force the lowest set at the maximum, else offer the lowest idle one at the initial threshold."""
    cdef Rank* rank = &c.ranks[number]
    cdef int64_t maximum = later(a.config.raa_initial, a.config.raa_maximum)
    cdef int64_t unit, most
    cdef int64_t idle = -1
    if a.config.raa_initial <= 0 and not rank.rfm_forced:
        return
    if not rank.rfm_forced:
        for unit in range(a.banks_per_group):
            most = most_activations(c, set_of(a, number, unit))
            if most >= maximum:
                rank.rfm_target = unit
                force_rfm(c, rank, set_of(a, number, unit))
                break
            if idle < 0 and most >= a.config.raa_initial and c.active & set_of(a, number, unit) == 0:
                idle = unit
    if rank.rfm_forced:
        rank.urgent_kind, rank.urgent_target = NEED_SET_RFM, rank.rfm_target
    elif idle >= 0:
        rank.urgent_kind, rank.urgent_target = NEED_SET_RFM, idle


cdef inline void manage_rfm(Arena* a, Channel* c, int64_t number) noexcept nogil:
    """Only when refresh wants nothing."""
    cdef Rank* rank = &c.ranks[number]
    if a.config.mitigation == RFM_COUNTING:
        manage_sets(a, c, number)
    elif rank.n_pending:
        force_rfm(c, rank, rank.banks)
        rank.urgent_kind = NEED_RANK_RFM


cdef inline void settle_rfm(Arena* a, Channel* c, Rank* rank, uint64_t banks) noexcept nogil:
    """The RFM went out."""
    cdef int64_t k
    rank.rfm_forced = 0
    rank.hammer_blocks = 0
    pay_activations(a, c, banks)
    if rank.urgent_kind == NEED_RANK_RFM:
        for k in range(rank.n_pending):
            row_counters(a)[rank.pending[k]] = 0
        rank.n_pending = 0
