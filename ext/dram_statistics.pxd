"""What is counted on the way: latencies, bandwidth over time, and what every cycle of a channel was lost
to.

Stall classes: nothing happens between two events of a channel, so the class of all cycles in between is
that of the winning candidate after the first. O(1) an event and a delivery.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memset

from ext._types cimport cycle_t
from ext.dram_numbers cimport (
    CAUSE_BITS, CAUSE_COMMAND_BUS, CAUSE_MASK, CAUSE_POWER_DOWN, CAUSE_REFRESH, CAUSE_ROW_HAMMER,
    CAUSE_SELF_REFRESH, COARSE_BINS, EXACT_BINS, EXACT_BITS, LONE, NEVER, N_BATCHES, N_BINS, OCTAVE_BITS,
    SPANS, STALL_BATCHING, STALL_IDLE, earlier, highest_bit, inlined, later, lowest_bit, rarely,
)
from ext.dram_policy cimport bank_of, bound_of, extra_bound_of, withheld
from ext.dram_state cimport Arena, Channel, Rank, Slot, Span, bit
from ext.dram_timing cimport bus_bound


# ------------------------------------------------------------------------------------------------ latencies

cdef inline int64_t latency_bin(int64_t latency) noexcept nogil:
    """A bin each below EXACT_BINS, then 2**OCTAVE_BITS bins per octave."""
    if latency < EXACT_BINS:
        return latency
    cdef int64_t shift = highest_bit(latency) - OCTAVE_BITS
    return (EXACT_BINS + ((shift + OCTAVE_BITS - EXACT_BITS) << OCTAVE_BITS)
            + ((latency >> shift) & ((1 << OCTAVE_BITS) - 1)))


cdef inline int32_t coarse_bin(int64_t latency) noexcept nogil:
    """A bin each below 4, then 4 bins per octave; the last bin has no upper end.

    Each holds whole bins of the fine histograms; those of a single source are summed up when asked for.
    """
    if latency < 4:
        return <int32_t> latency
    cdef int octave = highest_bit(latency)
    cdef int32_t place = <int32_t> (4 * (octave - 1) + ((latency >> (octave - 2)) & 3))
    return place if place < COARSE_BINS else COARSE_BINS - 1


cdef inline inlined count_latency(Arena* a, int64_t series, int64_t latency) noexcept nogil:
    a.histogram[series * N_BINS + latency_bin(latency)] += 1
    a.latency_sum[series] += latency
    if latency > a.latency_max[series]:
        a.latency_max[series] = latency


cdef inline int64_t batch_edge(const Arena* a, int64_t batch) noexcept nogil:
    """Where a batch of the measured reads, by completion, begins."""
    return batch * a.n_measured_reads // N_BATCHES


cdef inline void end_batches(Arena* a) noexcept nogil:
    """Go on to the next batch that has reads, if there is one."""
    while a.batch_left == 0 and a.batch < N_BATCHES - 1:
        a.batch += 1
        a.batch_left = batch_edge(a, a.batch + 1) - batch_edge(a, a.batch)


cdef inline void count_batch(Arena* a, int64_t latency) noexcept nogil:
    a.batch_sums[a.batch] += latency
    a.batch_left -= 1
    if rarely(a.batch_left == 0):
        end_batches(a)


cdef inline void halve_timeline(Arena* a) noexcept nogil:
    """Intervals of twice the length."""
    cdef int64_t series, k
    for k in range(SPANS // 2):
        a.spans[k] = a.spans[2 * k]
        for series in range(2):
            a.spans[k].requests[series] += a.spans[2 * k + 1].requests[series]
            a.spans[k].latency[series] += a.spans[2 * k + 1].latency[series]
    memset(a.spans + SPANS // 2, 0, SPANS // 2 * sizeof(Span))
    a.span_bits += 1
    a.span_end = SPANS << a.span_bits


cdef inline inlined count_delivery(
    Arena* a, const Slot* slot, cycle_t arrival, cycle_t t, int plain
) noexcept nogil:
    """Every request in the timeline, measured ones in the histograms."""
    cdef int64_t latency = t - arrival
    cdef Span* span
    cdef int64_t is_write = slot.is_write
    while rarely(t >= a.span_end):
        halve_timeline(a)
    span = &a.spans[t >> a.span_bits]
    span.requests[is_write] += 1
    span.latency[is_write] += latency
    if slot.index < a.warmup:
        return
    count_latency(a, is_write, latency)
    count_latency(a, 2 + is_write, t - slot.accepted)
    if plain != LONE and rarely(a.n_sources > 1):
        a.source_histogram[(2 * slot.source + is_write) * COARSE_BINS + coarse_bin(latency)] += 1
    if not is_write:
        count_batch(a, latency)


# --------------------------------------------------------------------------------------------------- stalls

cdef inline int64_t cause_of_holding(const Channel* c, int plain) noexcept nogil:
    """No bank has a candidate: what holds the lowest one with requests?"""
    cdef uint64_t held = c.active & withheld(c, plain)
    cdef const Rank* rank
    cdef int64_t number
    if not held:
        return CAUSE_COMMAND_BUS
    number = lowest_bit(held)
    rank = &c.ranks[c.bank_rank[number]]
    if rank.self_refreshing:
        return CAUSE_SELF_REFRESH
    if rank.powered_down:
        return CAUSE_POWER_DOWN
    return CAUSE_REFRESH if rank.refresh_blocks & bit(number) else CAUSE_ROW_HAMMER


cdef inline cycle_t binding(const Arena* a, const Channel* c, int plain) noexcept nogil:
    """The bound of the winning candidate, packed with its cause."""
    cdef int64_t best = c.best if plain or c.best < c.best_row else c.best_row
    cdef int64_t number = bank_of(best)
    if plain:
        return later(bound_of(c, number), (c.bus_free << CAUSE_BITS) | CAUSE_COMMAND_BUS)
    if rarely(c.best_is_extra and best == c.best_row):
        return later(extra_bound_of(a, c, number), bus_bound(a, c, 1))
    return later(bound_of(c, number), bus_bound(a, c, c.banks[number].wanted))


cdef inline int64_t stall_of(cycle_t bound, cycle_t t) noexcept nogil:
    """The class of cycle t if no command goes out, as `account` found it."""
    if bound < 0:
        return -bound
    return bound & CAUSE_MASK if bound >> CAUSE_BITS > t else CAUSE_COMMAND_BUS


cdef inline inlined account(Arena* a, Channel* c, cycle_t t, cycle_t* bound, int plain) noexcept nogil:
    """Charge the cycles between the last event and t; what bounds the next command, or minus a class."""
    cdef cycle_t gap = t - c.then - 1
    cdef cycle_t batching
    cdef int64_t cause
    c.blocked_cycles += c.input_blocked * (t - c.then)
    if c.active == 0:
        c.then = t
        c.stalls[STALL_IDLE] += gap
        bound[0] = -STALL_IDLE
        return
    if plain != LONE and rarely(c.gather_until > c.then + 1):
        batching = earlier(t, c.gather_until) - c.then - 1
        c.stalls[STALL_BATCHING] += batching
        gap -= batching
        if t < c.gather_until:
            c.then = t
            bound[0] = -STALL_BATCHING
            return
    c.then = t
    if rarely(c.bank_at >= NEVER if plain else (c.active & ~withheld(c, plain) & ~c.mute) == 0):
        cause = cause_of_holding(c, plain)
        c.stalls[cause] += gap
        bound[0] = -cause
        return
    bound[0] = binding(a, c, plain)
    c.stalls[bound[0] & CAUSE_MASK] += gap
