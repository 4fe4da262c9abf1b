"""The memory of ChampSim, to compare with it: its DRAM controller, cycle by cycle of its clock.

Far simpler than ext/dram_*, and meant to be: no tFAW, tRRD, tWR, tWTR, tRTP. A bank is busy from being
scheduled to the end of its burst on the bus; of the requests the oldest whose bank is not busy goes first,
row hit or not; changing between reads and writes stops what was scheduled, and the bus for `turn_around`.
Reads of one line are not joined: the last level has done so. The rules, and where they are from:
simulators/soc/twin/champsim.py. A cycle is O(requests waiting + banks).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memset

from ext._types cimport cycle_t
from ext.soc_arena cimport Arena, take
from ext.soc_numbers cimport NEVER, NOBODY, earlier, later

cdef enum:
    MOST_ON_THE_WAY = 16384     # requests, and answers, that are not taken yet
    ON_THE_WAY_MASK = 16383
    CLOSED = -1


cdef struct ChampsimConfig:     # in the order of simulators/soc/twin/champsim.py's; cycles of its clock
    int64_t channels
    int64_t groups              # of banks
    int64_t banks               # in a group
    int64_t lines               # of 64 bytes in a row
    int64_t t_cas
    int64_t t_rcd
    int64_t t_rp
    int64_t burst
    int64_t group_gap           # bus time lost between two bursts of a bank group
    int64_t turn_around
    int64_t refresh_interval
    int64_t refresh_time
    int64_t reads               # queue lengths
    int64_t writes


cdef struct ChampsimRequest:
    uint64_t line
    cycle_t since               # it waits; as the controller counts: anew when it was stopped
    int64_t row
    int32_t bank
    int32_t message             # to be answered; NOBODY: a write
    uint8_t is_there            # else the place is free
    uint8_t is_new
    uint8_t is_scheduled


cdef struct ChampsimBank:
    cycle_t ready               # for the bus, or the end of the burst, or of refreshing
    int64_t row
    int32_t place               # of its request
    uint8_t is_busy
    uint8_t is_hit
    uint8_t needs_refresh
    uint8_t is_refreshing


cdef struct ChampsimChannel:
    ChampsimRequest* read
    ChampsimRequest* write
    ChampsimBank* bank
    cycle_t* group_ready
    int64_t n_reads
    int64_t n_writes
    int64_t active              # bank whose burst is on the bus, or NOBODY
    cycle_t bus_free            # after a change of direction
    cycle_t next_refresh
    cycle_t next_at
    uint8_t is_writing
    uint8_t has_new


cdef struct ChampsimArrival:
    uint64_t line
    cycle_t at
    int32_t message


cdef struct ChampsimQueue:      # before the controller, in order of arrival
    ChampsimArrival* at
    int64_t first
    int64_t end


cdef struct ChampsimCounts:
    int64_t read_hits
    int64_t read_misses
    int64_t write_hits
    int64_t write_misses
    int64_t refreshes
    int64_t forwarded


cdef struct ChampsimMemory:
    ChampsimConfig config
    ChampsimChannel* channel
    ChampsimQueue reads
    ChampsimQueue writes
    int32_t* answer             # a ring
    int64_t first_answer
    int64_t end_answer
    cycle_t stepped_at
    ChampsimCounts counts


cdef inline int64_t all_banks(const ChampsimMemory* x) noexcept nogil:
    return x.config.groups * x.config.banks


cdef inline void place_champsim(ChampsimMemory* x, Arena* arena) noexcept nogil:
    cdef ChampsimChannel* c
    cdef void* part[4]
    cdef int64_t k
    x.channel = <ChampsimChannel*> take(arena, x.config.channels * sizeof(ChampsimChannel))
    for k in range(x.config.channels):
        part[0] = take(arena, x.config.reads * sizeof(ChampsimRequest))
        part[1] = take(arena, x.config.writes * sizeof(ChampsimRequest))
        part[2] = take(arena, all_banks(x) * sizeof(ChampsimBank))
        part[3] = take(arena, x.config.groups * sizeof(cycle_t))
        if arena.block is not NULL:
            c = &x.channel[k]
            c.read, c.write = <ChampsimRequest*> part[0], <ChampsimRequest*> part[1]
            c.bank, c.group_ready = <ChampsimBank*> part[2], <cycle_t*> part[3]
    x.reads.at = <ChampsimArrival*> take(arena, MOST_ON_THE_WAY * sizeof(ChampsimArrival))
    x.writes.at = <ChampsimArrival*> take(arena, MOST_ON_THE_WAY * sizeof(ChampsimArrival))
    x.answer = <int32_t*> take(arena, MOST_ON_THE_WAY * sizeof(int32_t))


cdef inline void reset_champsim(ChampsimMemory* x) noexcept nogil:
    cdef ChampsimChannel* c
    cdef int64_t k, b
    x.reads.first = x.reads.end = x.writes.first = x.writes.end = 0
    x.first_answer = x.end_answer = 0
    x.stepped_at = -1
    memset(&x.counts, 0, sizeof(ChampsimCounts))
    for k in range(x.config.channels):
        c = &x.channel[k]
        memset(c.read, 0, x.config.reads * sizeof(ChampsimRequest))
        memset(c.write, 0, x.config.writes * sizeof(ChampsimRequest))
        memset(c.bank, 0, all_banks(x) * sizeof(ChampsimBank))
        memset(c.group_ready, 0, x.config.groups * sizeof(cycle_t))
        for b in range(all_banks(x)):
            c.bank[b].row = CLOSED
        c.n_reads = c.n_writes = c.bus_free = 0
        c.active = NOBODY
        c.next_refresh = c.next_at = x.config.refresh_interval
        c.is_writing = c.has_new = 0


# ---------------------------------------------------------------------------------------- requests, addresses

cdef inline int64_t exclusive_or(uint64_t row, int64_t first, int64_t step, int64_t size) noexcept nogil:
    """Of the pieces of `size` values of a row number that begin at factors first, first * step, ..."""
    cdef int64_t found = 0
    row //= <uint64_t> first
    while row and step > 1:
        found ^= <int64_t> (row % <uint64_t> size)
        row //= <uint64_t> step
    return found


cdef inline int64_t champsim_channel(const ChampsimMemory* x, uint64_t line) noexcept nogil:
    """The channel of a line: its lowest bits, and every bit of the row with them."""
    cdef int64_t channels = x.config.channels
    cdef uint64_t row = line // <uint64_t> (channels * all_banks(x) * x.config.lines)
    cdef int64_t odd = 0
    if channels == 1:
        return 0
    while row:
        odd ^= <int64_t> (row & 1)
        row >>= 1
    return <int64_t> (line % <uint64_t> channels) ^ odd


cdef inline void locate(const ChampsimMemory* x, uint64_t line, ChampsimRequest* r) noexcept nogil:
    """Bank and row. Upwards an address is channel, bank group, bank, column, row."""
    cdef uint64_t rest = line // <uint64_t> x.config.channels
    cdef int64_t groups = x.config.groups
    cdef int64_t banks = x.config.banks
    cdef int64_t group = <int64_t> (rest % <uint64_t> groups)
    cdef int64_t bank = <int64_t> (rest // <uint64_t> groups % <uint64_t> banks)
    r.row = <int64_t> (rest // <uint64_t> (groups * banks * x.config.lines))
    group ^= exclusive_or(<uint64_t> r.row, 1, groups * banks, groups)
    bank ^= exclusive_or(<uint64_t> r.row, groups, groups * banks, banks)
    r.bank = <int32_t> (group * banks + bank)


cdef inline bint champsim_has_space(const ChampsimMemory* x) noexcept nogil:
    """Is there space for one more request?"""
    return x.reads.end - x.reads.first < MOST_ON_THE_WAY and x.writes.end - x.writes.first < MOST_ON_THE_WAY


cdef inline void champsim_push(
    ChampsimMemory* x, uint64_t line, bint is_write, cycle_t cycle, int32_t message
) noexcept nogil:
    """A request that arrives in a cycle after the last step, not before those pushed before it."""
    cdef ChampsimQueue* queue = &x.writes if is_write else &x.reads
    cdef ChampsimArrival* new = &queue.at[queue.end & ON_THE_WAY_MASK]
    new.line, new.at, new.message = line, cycle, NOBODY if is_write else message
    queue.end += 1


cdef inline int64_t free_place(const ChampsimRequest* queue, int64_t n) noexcept nogil:
    cdef int64_t k
    for k in range(n):
        if not queue[k].is_there:
            return k
    return NOBODY


cdef inline void admit(ChampsimMemory* x, ChampsimQueue* waiting, bint is_write, cycle_t t) noexcept nogil:
    """The first requests that have arrived take places, until one finds none."""
    cdef ChampsimArrival* first
    cdef ChampsimChannel* c
    cdef ChampsimRequest* r
    cdef int64_t place
    while waiting.first < waiting.end and waiting.at[waiting.first & ON_THE_WAY_MASK].at <= t:
        first = &waiting.at[waiting.first & ON_THE_WAY_MASK]
        c = &x.channel[champsim_channel(x, first.line)]
        if is_write:
            place = free_place(c.write, x.config.writes)
        else:
            place = free_place(c.read, x.config.reads)
        if place == NOBODY:
            return
        r = &c.write[place] if is_write else &c.read[place]
        r.line, r.since, r.message = first.line, t, first.message
        locate(x, r.line, r)
        r.is_there = r.is_new = 1
        r.is_scheduled = 0
        c.n_writes += is_write
        c.n_reads += not is_write
        c.has_new, c.next_at = 1, t
        waiting.first += 1


# -------------------------------------------------------------------------------------------------- one cycle

cdef inline void answer(ChampsimMemory* x, int32_t message) noexcept nogil:
    x.answer[x.end_answer & ON_THE_WAY_MASK] = message
    x.end_answer += 1


cdef inline bint champsim_take(ChampsimMemory* x, int32_t* message) noexcept nogil:
    """The next answer, if there is one."""
    if x.first_answer == x.end_answer:
        return False
    message[0] = x.answer[x.first_answer & ON_THE_WAY_MASK]
    x.first_answer += 1
    return True


cdef inline bint is_written(const ChampsimChannel* c, int64_t n, uint64_t line, int64_t but) noexcept nogil:
    """Does a write of the line wait, other than the one in place `but`?"""
    cdef int64_t k
    for k in range(n):
        if c.write[k].is_there and c.write[k].line == line and k != but:
            return True
    return False


cdef inline void look_at_new(ChampsimMemory* x, ChampsimChannel* c) noexcept nogil:
    """A write of a line that is to be written anyway goes; a read of one is answered."""
    cdef ChampsimRequest* r
    cdef int64_t k
    c.has_new = 0
    for k in range(x.config.writes):
        r = &c.write[k]
        if r.is_there and r.is_new:
            r.is_new = 0
            if is_written(c, x.config.writes, r.line, k):
                r.is_there = 0
                c.n_writes -= 1
    for k in range(x.config.reads):
        r = &c.read[k]
        if r.is_there and r.is_new:
            r.is_new = 0
            if is_written(c, x.config.writes, r.line, NOBODY):
                answer(x, r.message)
                x.counts.forwarded += 1
                r.is_there = 0
                c.n_reads -= 1


cdef inline ChampsimRequest* queue_of(ChampsimChannel* c) noexcept nogil:
    return c.write if c.is_writing else c.read


cdef inline void end_burst(ChampsimMemory* x, ChampsimChannel* c, cycle_t t) noexcept nogil:
    cdef ChampsimBank* bank
    cdef ChampsimRequest* r
    if c.active == NOBODY or c.bank[c.active].ready > t:
        return
    bank = &c.bank[c.active]
    # A burst that began before the direction changed is of the other queue: its place says which.
    if bank.place < x.config.reads:
        r = &c.read[bank.place]
        c.n_reads -= 1
        answer(x, r.message)
    else:
        r = &c.write[bank.place - x.config.reads]
        c.n_writes -= 1
    r.is_there = 0
    bank.is_busy = 0
    c.active = NOBODY


cdef inline void change_direction(ChampsimMemory* x, ChampsimChannel* c, cycle_t t) noexcept nogil:
    """Write when seven eighths of the writes' places are taken or nothing is to be read; read again when
    none is left, or when less than six eighths are taken and something is to be read."""
    cdef ChampsimBank* bank
    cdef ChampsimRequest* r
    cdef int64_t b
    cdef bint changes
    if c.is_writing:
        changes = c.n_writes == 0 or (c.n_reads > 0 and c.n_writes < x.config.writes * 6 >> 3)
    else:
        changes = c.n_writes >= x.config.writes * 7 >> 3 or (c.n_reads == 0 and c.n_writes > 0)
    if not changes:
        return
    for b in range(all_banks(x)):
        bank = &c.bank[b]
        if b == c.active or not bank.is_busy:
            continue
        if bank.ready < t + x.config.t_cas:
            bank.row = CLOSED
        bank.is_busy = 0
        r = &queue_of(c)[bank.place - (x.config.reads if c.is_writing else 0)]
        r.is_scheduled = 0
        r.since = t
    c.bus_free = x.config.turn_around + (t if c.active == NOBODY else c.bank[c.active].ready)
    c.is_writing = not c.is_writing


cdef inline void refresh(ChampsimMemory* x, ChampsimChannel* c, cycle_t t) noexcept nogil:
    """Each bank for itself, when it is not busy."""
    cdef ChampsimBank* bank
    cdef int64_t b
    cdef bint begins = t >= c.next_refresh
    if begins:
        c.next_refresh = t + x.config.refresh_interval
        x.counts.refreshes += 1
    for b in range(all_banks(x)):
        bank = &c.bank[b]
        bank.needs_refresh |= begins
        if bank.needs_refresh and not bank.is_busy:
            bank.ready = t + x.config.refresh_time
            bank.needs_refresh, bank.is_refreshing = 0, 1
        elif bank.is_refreshing and bank.ready <= t:
            bank.is_refreshing = 0
            bank.row = CLOSED


cdef inline int64_t first_ready(const ChampsimMemory* x, const ChampsimChannel* c) noexcept nogil:
    """The busy bank that is ready soonest, or NOBODY."""
    cdef int64_t best = NOBODY
    cdef int64_t b
    for b in range(all_banks(x)):
        if c.bank[b].is_busy and (best == NOBODY or c.bank[b].ready < c.bank[best].ready):
            best = b
    return best


cdef inline void begin_burst(ChampsimMemory* x, ChampsimChannel* c, cycle_t t) noexcept nogil:
    cdef int64_t b
    cdef cycle_t* group
    if c.active != NOBODY or c.bus_free > t:
        return
    b = first_ready(x, c)
    if b == NOBODY or c.bank[b].ready > t:
        return
    c.active = b
    group = &c.group_ready[b // x.config.banks]
    c.bank[b].ready = later(group[0], t) + x.config.burst
    group[0] = t + x.config.burst + x.config.group_gap
    if c.is_writing:
        x.counts.write_hits += c.bank[b].is_hit
        x.counts.write_misses += not c.bank[b].is_hit
    else:
        x.counts.read_hits += c.bank[b].is_hit
        x.counts.read_misses += not c.bank[b].is_hit


cdef inline int64_t chosen(ChampsimMemory* x, ChampsimChannel* c) noexcept nogil:
    """Place of the request to be scheduled: of those whose bank is not busy the oldest; NOBODY: none.

    Of several that are as old the last; all banks busy: the choice has no effect.
    """
    cdef ChampsimRequest* queue = queue_of(c)
    cdef int64_t n = x.config.writes if c.is_writing else x.config.reads
    cdef int64_t best = NOBODY
    cdef int64_t k
    for k in range(n):
        if queue[k].is_there and not queue[k].is_scheduled and not c.bank[queue[k].bank].is_busy:
            if best == NOBODY or queue[k].since <= queue[best].since:
                best = k
    return best


cdef inline bint schedule(ChampsimMemory* x, ChampsimChannel* c, cycle_t t, bint only_look) noexcept nogil:
    """Hand one request to its bank; whether that can be done. A bank that refreshes holds up all others."""
    cdef int64_t place = chosen(x, c)
    cdef ChampsimRequest* r
    cdef ChampsimBank* bank
    if place == NOBODY:
        return False
    r = &queue_of(c)[place]
    bank = &c.bank[r.bank]
    if bank.is_refreshing:
        return False
    if only_look:
        return True
    bank.is_hit = bank.row == r.row
    bank.ready = t + x.config.t_cas
    if not bank.is_hit:
        bank.ready += x.config.t_rcd + (x.config.t_rp if bank.row != CLOSED else 0)
    bank.row = r.row
    bank.is_busy = 1
    bank.place = <int32_t> (place + (x.config.reads if c.is_writing else 0))
    r.is_scheduled = 1
    return True


cdef inline cycle_t next_of_channel(ChampsimMemory* x, ChampsimChannel* c, cycle_t t) noexcept nogil:
    """The next cycle in which anything can happen."""
    cdef cycle_t soonest = c.next_refresh
    cdef int64_t b
    if c.active != NOBODY:
        soonest = earlier(soonest, c.bank[c.active].ready)
    else:
        b = first_ready(x, c)
        if b != NOBODY:
            soonest = earlier(soonest, later(c.bus_free, c.bank[b].ready))
    for b in range(all_banks(x)):
        if c.bank[b].is_refreshing:
            soonest = earlier(soonest, c.bank[b].ready)
    if schedule(x, c, t + 1, True):
        return t + 1
    return later(soonest, t + 1)


cdef inline cycle_t next_admission(const ChampsimMemory* x, bint is_write) noexcept nogil:
    """When the first request that waits outside can take a place; NEVER: not known yet."""
    cdef const ChampsimQueue* waiting = &x.writes if is_write else &x.reads
    cdef const ChampsimArrival* first = &waiting.at[waiting.first & ON_THE_WAY_MASK]
    cdef const ChampsimChannel* c
    if waiting.first == waiting.end:
        return NEVER
    if first.at > x.stepped_at:
        return first.at
    c = &x.channel[champsim_channel(x, first.line)]
    if c.n_writes < x.config.writes if is_write else c.n_reads < x.config.reads:
        return x.stepped_at + 1
    return NEVER


cdef inline cycle_t champsim_next(const ChampsimMemory* x) noexcept nogil:
    """The cycle of its next event."""
    cdef cycle_t soonest = earlier(next_admission(x, False), next_admission(x, True))
    cdef int64_t k
    for k in range(x.config.channels):
        soonest = earlier(soonest, x.channel[k].next_at)
    return soonest


cdef inline void champsim_step(ChampsimMemory* x, cycle_t t) noexcept nogil:
    """One cycle; what it answers is to be taken."""
    cdef ChampsimChannel* c
    cdef int64_t k
    x.stepped_at = t
    admit(x, &x.reads, False, t)
    admit(x, &x.writes, True, t)
    for k in range(x.config.channels):
        c = &x.channel[k]
        if c.next_at > t:
            continue
        if c.has_new:
            look_at_new(x, c)
        end_burst(x, c, t)
        change_direction(x, c, t)
        refresh(x, c, t)
        begin_burst(x, c, t)
        schedule(x, c, t, False)
        c.next_at = next_of_channel(x, c, t)
