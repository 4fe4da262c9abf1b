"""The memory of an SoC: our DRAM controller driven cycle by cycle, or one of two simple ones.

DRAM: requests are handed to the engine of ext/dram_* as they come, each to arrive at the first clock edge of
the memory after it was sent; a line is as many bursts as it needs, and is answered with the last of them. The
engine sees a window of the requests so far: its arrays are moved up when many of them are answered, and its
pointers with them. FIXED: an answer after a fixed time, a line every so many cycles. CHAMPSIM: the controller
of that simulator (ext/soc_champsim.pxd). O(1) a request, but for CHAMPSIM.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memmove

from ext._types cimport cycle_t
from ext.dram_front cimport next_offer
from ext.dram_loop cimport simulate_cycle
from ext.dram_numbers cimport ANY, PLAIN
from ext.dram_numbers cimport NEVER as NO_DRAM_CYCLE
from ext.dram_state cimport Arena as DramArena
from ext.dram_state cimport Requests, Tape
from ext.soc_arena cimport Arena, take
from ext.soc_champsim cimport (
    ChampsimMemory, champsim_has_space, champsim_next, place_champsim, reset_champsim,
)
from ext.soc_numbers cimport LINE_BITS, NEVER, NOBODY, earlier, later, rarely

cdef enum MemoryKind:
    FIXED = 0
    DRAM = 1
    CHAMPSIM = 2

cdef enum:
    ADDRESS_BYTES = 8           # that decide where a burst goes
    WINDOW_OF_REQUESTS = 16384  # bursts sent and not answered, and those answered since the last move
    FEW_REQUESTS = 1024         # moves are no sooner: what is written again and again stays in fast memory
    MOST_ANSWERS = 1024         # bursts answered in one cycle
    NO_ANSWER = -2              # of the last burst of a write; of the others, and of a read: NOBODY
    COLUMN_SHIFT = 32
    BANK_SHIFT = 48
    CHANNEL_SHIFT = 56


cdef struct Memory:
    int64_t kind
    # Configuration of FIXED: cycles of the uncore
    int64_t latency
    int64_t interval            # from one line to the next
    cycle_t free_at
    # DRAM
    DramArena* dram             # of the engine, as its requests and its tape
    Requests* requests
    Tape* tape
    int64_t n_sources
    int64_t bursts              # a line
    int64_t burst_bits
    uint64_t table[ADDRESS_BYTES][256]  # where each byte of an address sends it, by exclusive or
    int64_t base                # number of the first burst in the arrays
    int64_t end                 # of the next one
    int64_t full_at             # number of the burst before which they are moved up
    int64_t oldest              # not answered
    int64_t* arrival
    int64_t* order              # numbers by source, WINDOW_OF_REQUESTS each; used with several sources
    int64_t* first              # where those of each source end; as Requests.first
    int32_t* row
    int32_t* column
    uint8_t* channel
    uint8_t* bank
    uint8_t* is_write
    uint8_t* source
    uint8_t* answered
    int32_t* message            # that is answered with the burst; NOBODY: with a later one of its line
    int64_t* answers            # bursts answered in this cycle
    # CHAMPSIM
    ChampsimMemory champsim
    # Counts
    int64_t reads
    int64_t writes


cdef inline void place_memory(Memory* m, Arena* arena) noexcept nogil:
    if m.kind == CHAMPSIM:
        place_champsim(&m.champsim, arena)
    if m.kind != DRAM:
        return
    m.arrival = <int64_t*> take(arena, WINDOW_OF_REQUESTS * sizeof(int64_t))
    m.order = <int64_t*> take(arena, m.n_sources * WINDOW_OF_REQUESTS * sizeof(int64_t))
    m.first = <int64_t*> take(arena, (m.n_sources + 1) * sizeof(int64_t))
    m.row = <int32_t*> take(arena, WINDOW_OF_REQUESTS * sizeof(int32_t))
    m.column = <int32_t*> take(arena, WINDOW_OF_REQUESTS * sizeof(int32_t))
    m.channel = <uint8_t*> take(arena, WINDOW_OF_REQUESTS)
    m.bank = <uint8_t*> take(arena, WINDOW_OF_REQUESTS)
    m.is_write = <uint8_t*> take(arena, WINDOW_OF_REQUESTS)
    m.source = <uint8_t*> take(arena, WINDOW_OF_REQUESTS)
    m.answered = <uint8_t*> take(arena, WINDOW_OF_REQUESTS)
    m.message = <int32_t*> take(arena, WINDOW_OF_REQUESTS * sizeof(int32_t))
    m.answers = <int64_t*> take(arena, MOST_ANSWERS * sizeof(int64_t))


cdef inline void point(Memory* m) noexcept nogil:
    """Let the engine's view begin at `base`."""
    cdef Requests* r = m.requests
    r.arrival, r.row, r.column = m.arrival - m.base, m.row - m.base, m.column - m.base
    r.channel, r.bank = m.channel - m.base, m.bank - m.base
    r.is_write, r.source = m.is_write - m.base, m.source - m.base
    r.order = m.order if m.n_sources > 1 else NULL
    r.first = m.first


cdef inline void reset_memory(Memory* m) noexcept nogil:
    cdef int64_t k
    m.reads = m.writes = m.free_at = 0
    if m.kind == CHAMPSIM:
        reset_champsim(&m.champsim)
    if m.kind != DRAM:
        return
    m.base = m.end = m.oldest = 0
    m.full_at = FEW_REQUESTS
    for k in range(m.n_sources + 1):
        m.first[k] = 0 if k == 0 or m.n_sources == 1 else (k - 1) * WINDOW_OF_REQUESTS
    for k in range(m.n_sources):
        m.dram.position[k] = k * WINDOW_OF_REQUESTS
    m.dram.pause_at = NO_DRAM_CYCLE
    m.tape.answered = m.answers
    m.tape.n_answered = 0
    point(m)


# --------------------------------------------------------------------------------------------------- requests

cdef inline void move_up(Memory* m) noexcept nogil:
    """Drop the answered bursts before the oldest that is not; next when there are twice as many again."""
    cdef int64_t gone = m.oldest - m.base
    cdef int64_t kept = m.end - m.oldest
    memmove(m.arrival, m.arrival + gone, kept * sizeof(int64_t))
    memmove(m.row, m.row + gone, kept * sizeof(int32_t))
    memmove(m.column, m.column + gone, kept * sizeof(int32_t))
    memmove(m.message, m.message + gone, kept * sizeof(int32_t))
    memmove(m.channel, m.channel + gone, kept)
    memmove(m.bank, m.bank + gone, kept)
    memmove(m.is_write, m.is_write + gone, kept)
    memmove(m.source, m.source + gone, kept)
    memmove(m.answered, m.answered + gone, kept)
    m.base = m.oldest
    m.full_at = m.base + earlier(later(2 * kept, FEW_REQUESTS), WINDOW_OF_REQUESTS)
    point(m)


cdef inline void line_up_burst(Memory* m, int64_t source) noexcept nogil:
    """The newest burst is the last of its source's."""
    cdef int64_t first = source * WINDOW_OF_REQUESTS
    cdef int64_t left
    if m.n_sources == 1:
        m.first[1] = m.end
        return
    if m.first[source + 1] == first + WINDOW_OF_REQUESTS:
        left = m.first[source + 1] - m.dram.position[source]
        memmove(m.order + first, m.order + m.dram.position[source], left * sizeof(int64_t))
        m.dram.position[source] = first
        m.first[source + 1] = first + left
    m.order[m.first[source + 1]] = m.end - 1
    m.first[source + 1] += 1


cdef inline void offer(DramArena* a, int64_t source, cycle_t arrival) noexcept nogil:
    """The engine learns of a burst; if others of its source wait before it, it need not know yet."""
    cdef int plain = PLAIN if a.plain else ANY
    a.n_requests += 1
    if a.next_arrival[source] != NO_DRAM_CYCLE:
        return
    a.next_arrival[source] = arrival
    a.offer_at[source] = next_offer(a, source, a.last_accepted_at[source] + 1, plain)
    a.input_at = earlier(a.input_at, a.offer_at[source])


cdef inline uint64_t place_of_address(const Memory* m, uint64_t address) noexcept nogil:
    """Row, column, bank and channel, as `table` has them."""
    cdef uint64_t where = 0
    cdef int64_t k
    for k in range(ADDRESS_BYTES):
        where ^= m.table[k][(address >> (8 * k)) & 255]
    return where


cdef inline void send_burst(
    Memory* m, uint64_t address, bint is_write, int64_t source, cycle_t arrival, int32_t message
) noexcept nogil:
    cdef uint64_t where = place_of_address(m, address)
    cdef int64_t k
    if rarely(m.end == m.full_at):
        move_up(m)
    k = m.end - m.base
    m.arrival[k] = arrival
    m.row[k] = <int32_t> where
    m.column[k] = <int32_t> ((where >> COLUMN_SHIFT) & 0xffff)
    m.bank[k] = <uint8_t> (where >> BANK_SHIFT)
    m.channel[k] = <uint8_t> (where >> CHANNEL_SHIFT)
    m.is_write[k] = is_write
    m.source[k] = <uint8_t> source
    m.answered[k] = 0
    m.message[k] = message
    m.end += 1
    line_up_burst(m, source)
    offer(m.dram, source, arrival)


cdef inline bint has_space(const Memory* m) noexcept nogil:
    """Is there space for one more line? Else somebody has sent without end."""
    if m.kind == CHAMPSIM:
        return champsim_has_space(&m.champsim)
    return m.end - m.oldest + m.bursts < WINDOW_OF_REQUESTS


cdef inline void send_line(
    Memory* m, uint64_t line, bint is_write, int64_t source, cycle_t arrival, int32_t message
) noexcept nogil:
    """All bursts of a line; the message, or NO_ANSWER, is answered when all of them are."""
    cdef int64_t k
    for k in range(m.bursts):
        send_burst(m, (line << LINE_BITS) + (<uint64_t> k << m.burst_bits), is_write, source, arrival,
                   message if k == m.bursts - 1 else NOBODY)


cdef inline int64_t channel_of_line(const Memory* m, uint64_t line) noexcept nogil:
    """The channel of its first burst."""
    return <int64_t> (place_of_address(m, line << LINE_BITS) >> CHANNEL_SHIFT)


# ---------------------------------------------------------------------------------------------------- answers

cdef inline cycle_t next_memory_cycle(const Memory* m) noexcept nogil:
    """The next cycle of the memory in which anything can happen; NEVER: none."""
    cdef const DramArena* a = m.dram
    cdef cycle_t t
    if m.kind == CHAMPSIM:
        return champsim_next(&m.champsim)
    t = earlier(earlier(a.response_at, a.input_at), a.steps_at)
    if t >= NO_DRAM_CYCLE:
        return NEVER
    return later(t, a.now + 1)


cdef inline void step_memory(Memory* m, cycle_t t) noexcept nogil:
    """One cycle of the memory; what it answers is in `answers`."""
    cdef DramArena* a = m.dram
    a.now = t
    if a.plain:
        simulate_cycle(a, m.requests, m.tape, t, PLAIN)
    else:
        simulate_cycle(a, m.requests, m.tape, t, ANY)


cdef inline int32_t answer_of(Memory* m, int64_t burst) noexcept nogil:
    """The message that is answered with this burst; negative: none, or others of its line are missing."""
    cdef int64_t k = burst - m.base
    cdef int64_t first, last
    cdef int64_t n
    m.answered[k] = 1
    while m.oldest < m.end and m.answered[m.oldest - m.base]:
        m.oldest += 1
    if m.bursts == 1:
        return m.message[k]
    last = k
    while m.message[last] == NOBODY:
        last += 1
    first = last - m.bursts + 1
    for n in range(later(first, 0), last + 1):      # what was moved out is answered
        if not m.answered[n]:
            return NOBODY
    return m.message[last]
