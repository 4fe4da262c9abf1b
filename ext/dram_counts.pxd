"""What a simulation has counted by now: one int64 per entry of COUNTER_FIELDS and of EPOCH_COUNTS.

Intervals that are under way end at the present. O(channels x (ranks + banks)); called between two advances.
"""

from libc.math cimport rint
from libc.stdint cimport int64_t
from libc.string cimport memset

from ext._types cimport cycle_t
from ext.dram_numbers cimport (
    ACT, CAUSE_COMMAND_BUS, CAUSE_NONE, NO_REFRESH, N_BANK_COUNTS, N_BINS, PDE, PDX, PER_BANK, PRE, PREA, RD,
    RDA, REF, REFPB, REFSB, RFM, RFMSB, SAME_BANK, SRE, SRX, STALL_BATCHING, STALL_COMMAND, STALL_IDLE, VRR,
    WR, WRA, earlier, later,
)
from ext.dram_state cimport Arena, Channel, Rank, channel_at
from ext.dram_statistics cimport batch_edge


cdef struct Counters:           # in the order of COUNTER_FIELDS
    int64_t elapsed_cycles
    int64_t n_act
    int64_t n_pre
    int64_t n_prea
    int64_t n_prea_banks
    int64_t n_rd
    int64_t n_rda
    int64_t n_wr
    int64_t n_wra
    int64_t n_ref
    int64_t n_pde_active
    int64_t n_pde_precharge
    int64_t n_pdx
    int64_t row_hits
    int64_t row_misses
    int64_t row_conflicts
    int64_t active_cycles
    int64_t active_pd_cycles
    int64_t precharge_pd_cycles
    int64_t occupancy_cycles
    int64_t occupancy_max
    int64_t blocked_cycles
    int64_t refreshes_owed
    int64_t n_refpb
    int64_t n_refsb
    int64_t n_sre
    int64_t n_srx
    int64_t n_vrr
    int64_t n_rfm
    int64_t n_rfmsb
    int64_t forwarded_reads
    int64_t coalesced_writes
    int64_t sr_cycles
    int64_t stall_idle
    int64_t stall_command
    int64_t stall_causes[13]    # from CAUSE_NONE + 1 to CAUSE_COMMAND_BUS
    int64_t stall_batching


cdef struct EpochCounts:        # in the order of EPOCH_COUNTS
    Counters counters
    int64_t offered_cycles
    int64_t delays[4]
    int64_t timed_reads
    int64_t timed_writes
    int64_t active_standby_cycles
    int64_t precharge_standby_cycles
    int64_t owed_all
    int64_t owed_bank
    int64_t owed_set


cdef struct Active:             # cycles of one command during which its rank draws active standby
    int64_t refresh             # in the order of ACTIVE_FIELDS
    int64_t refresh_bank
    int64_t refresh_set
    int64_t rfm
    int64_t rfm_set


# ----------------------------------------------------------------------------------------------- whole runs

cdef inline void count_commands(const Channel* c, Counters* n) noexcept nogil:
    n.n_act += c.commands[ACT]
    n.n_pre += c.commands[PRE]
    n.n_prea += c.commands[PREA]
    n.n_prea_banks += c.banks_closed_by_prea
    n.n_rd += c.commands[RD]
    n.n_rda += c.commands[RDA]
    n.n_wr += c.commands[WR]
    n.n_wra += c.commands[WRA]
    n.n_ref += c.commands[REF]
    n.n_pde_active += c.active_power_downs
    n.n_pde_precharge += c.commands[PDE] - c.active_power_downs
    n.n_pdx += c.commands[PDX]
    n.n_refpb += c.commands[REFPB]
    n.n_refsb += c.commands[REFSB]
    n.n_sre += c.commands[SRE]
    n.n_srx += c.commands[SRX]
    n.n_vrr += c.commands[VRR]
    n.n_rfm += c.commands[RFM]
    n.n_rfmsb += c.commands[RFMSB]


cdef inline void count_stalls(const Channel* c, Counters* n) noexcept nogil:
    cdef int64_t cause
    n.stall_idle += c.stalls[STALL_IDLE]
    n.stall_command += c.stalls[STALL_COMMAND]
    n.stall_batching += c.stalls[STALL_BATCHING]
    for cause in range(CAUSE_NONE + 1, CAUSE_COMMAND_BUS + 1):
        n.stall_causes[cause - 1] += c.stalls[cause]
    n.stall_causes[CAUSE_COMMAND_BUS - 1] += c.stalls[CAUSE_NONE]


cdef inline void count_rows(const Arena* a, Channel* c, Counters* n) noexcept nogil:
    """Column commands by what they found in the row buffer."""
    cdef const int64_t* bank = c.bank_counts
    cdef const int64_t* end = bank + a.banks_of_channel * N_BANK_COUNTS
    while bank < end:           # ACT, PRE, RD, WR, conflicts, misses
        n.row_conflicts += bank[4]
        n.row_misses += bank[5]
        n.row_hits += bank[2] + bank[3] - bank[4] - bank[5]
        bank += N_BANK_COUNTS


cdef inline void count_ranks(const Arena* a, const Channel* c, Counters* n) noexcept nogil:
    """State intervals of the ranks, and the refreshes that they owe."""
    cdef cycle_t end = a.last_delivered_at if a.finished else a.now + 1
    cdef cycle_t last
    cdef int64_t k, down
    cdef const Rank* rank
    for k in range(a.config.n_ranks):
        rank = &c.ranks[k]
        last = end if c.open & rank.banks else earlier(rank.active_end, end)
        n.active_cycles += rank.active_cycles + later(0, last - rank.active_since)
        n.active_pd_cycles += rank.active_power_down_cycles
        n.precharge_pd_cycles += rank.precharge_power_down_cycles
        n.sr_cycles += rank.self_refresh_cycles
        down = end - rank.down_at
        if rank.powered_down:
            if rank.powered_down_active:
                n.active_pd_cycles += down
            else:
                n.precharge_pd_cycles += down
        if rank.self_refreshing:
            n.sr_cycles += down
        if a.config.refresh_policy != NO_REFRESH:
            n.refreshes_owed += later(0, rank.refresh_debt)


cdef inline void count(Arena* a, Counters* n) noexcept nogil:
    """Over all channels; elapsed_cycles is the cycle of the last delivery."""
    cdef int64_t number
    cdef Channel* c
    memset(n, 0, sizeof(Counters))
    n.elapsed_cycles = a.last_delivered_at
    for number in range(a.n_channels):
        c = channel_at(a, number)
        count_commands(c, n)
        count_stalls(c, n)
        count_rows(a, c, n)
        count_ranks(a, c, n)
        n.forwarded_reads += c.forwarded
        n.coalesced_writes += c.coalesced
        n.occupancy_cycles += c.queue_integral + c.queued * (a.now + 1)
        n.occupancy_max = later(n.occupancy_max, c.queue_max)
        n.blocked_cycles += c.blocked_cycles + (c.input_blocked if not a.finished else 0)


# --------------------------------------------------------------------------------------------------- epochs

cdef inline int64_t active_standby(const Arena* a, const Counters* n, const Active* each) noexcept nogil:
    """As `state_cycles` of simulators/dram/power.py has it."""
    cdef int64_t ranks = a.config.n_channels * a.config.n_ranks
    cdef int64_t standby = n.elapsed_cycles * ranks - n.active_pd_cycles - n.precharge_pd_cycles - n.sr_cycles
    cdef int64_t active = n.active_cycles - n.active_pd_cycles
    cdef int64_t partly = (
        n.n_refpb * each.refresh_bank + n.n_refsb * each.refresh_set + n.n_rfmsb * each.rfm_set)
    active = earlier(active + n.n_ref * each.refresh + n.n_rfm * each.rfm, standby)
    if partly and standby:
        active += <int64_t> rint(<double> partly * <double> (standby - active) / <double> standby)
    return earlier(active, standby)


cdef inline int64_t timed_writes(const Arena* a, int64_t timed_reads) noexcept nogil:
    cdef int64_t k
    cdef int64_t n = 0
    if a.warmup == 0:
        return a.delivered - timed_reads
    for k in range(N_BINS):
        n += a.histogram[N_BINS + k]
    return n


cdef inline void count_epoch(
    Arena* a, const Active* each, cycle_t last_arrival, EpochCounts* n
) noexcept nogil:
    """Everything up to the present cycle, which is elapsed_cycles."""
    cdef int64_t ranks = a.config.n_channels * a.config.n_ranks
    cdef Counters* c = &n.counters
    cdef int64_t k
    count(a, c)
    c.elapsed_cycles = a.last_delivered_at if a.finished else a.now + 1
    n.offered_cycles = earlier(c.elapsed_cycles, last_arrival + 1)
    for k in range(4):
        n.delays[k] = a.latency_sum[k]
    n.timed_reads = batch_edge(a, a.batch + 1) - a.batch_left
    n.timed_writes = timed_writes(a, n.timed_reads)
    n.active_standby_cycles = active_standby(a, c, each)
    n.precharge_standby_cycles = (
        c.elapsed_cycles * ranks - c.active_pd_cycles - c.precharge_pd_cycles - c.sr_cycles
        - n.active_standby_cycles)
    n.owed_bank = c.refreshes_owed if a.config.refresh_policy == PER_BANK else 0
    n.owed_set = c.refreshes_owed if a.config.refresh_policy == SAME_BANK else 0
    n.owed_all = c.refreshes_owed - n.owed_bank - n.owed_set
