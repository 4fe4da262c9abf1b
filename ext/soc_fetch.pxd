"""The front end of a core: groups of instructions from the code cache, branch prediction, dispatch."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from ext._types cimport cycle_t
from ext.soc_branch cimport RIGHT, WRONG_UNTIL_EXECUTED, mispredicted
from ext.soc_cache cimport access
from ext.soc_issue cimport enter, n_results_of
from ext.soc_numbers cimport (
    CODE, FETCH, FETCH_BUFFER, FETCH_MASK, FETCH_WAITER, HAS_STORES, KIND_MASK, LINE_BITS,
    LOST_BRANCH, LOST_DEPENDENCE, LOST_FETCH, LOST_STORE, LOST_TRANSLATION, NEVER, NOBODY, NO_WAITER,
    QUEUE_MASK, RESULTS_MASK, ROB_MASK, STORE_TABLE_MASK, TAKEN, apart, apart_bint, earlier, hint, inlined,
    later, rarely,
)
from ext.soc_state cimport Core, Entry, Group, Instruction, entry_of
from ext.soc_walks cimport translate


cdef inline int64_t following(const Core* c, int64_t at) noexcept nogil:
    """The place in the program behind `at`; at its end it begins anew."""
    return at + 1 if at + 1 < c.program.n else 0


# -------------------------------------------------------------------------------------------------- dispatch

cdef inline cycle_t rely_on(
    Core* c, Entry* e, int64_t source, int64_t producer, cycle_t ready
) noexcept nogil:
    """The later of `ready` and the completion of an earlier instruction; or wait for it."""
    cdef Entry* other = entry_of(c, producer)
    if producer <= e.number - c.config.rob:     # retired before this one's dispatch
        return ready
    if other.complete != NEVER:
        return later(ready, other.complete)
    e.behind[source] = other.waiters
    other.waiters = <uint32_t> (<char*> &e.behind[source] - <char*> c.entry)
    e.waits += 1
    return ready


cdef inline cycle_t rely_on_store(Core* c, Entry* e, uint64_t word, cycle_t ready) noexcept nogil:
    """`rely_on` of the store that a load gets its value from, if there is one."""
    cdef int64_t store = c.youngest[word & STORE_TABLE_MASK]
    cdef int64_t oldest = later(0, c.n_stores - c.config.store_queue)
    e.forwarder = NOBODY
    while store >= oldest and c.store_address[store & QUEUE_MASK] != word:
        store = c.store_older[store & QUEUE_MASK]
    if store < oldest:
        return ready
    e.forwarder = store
    return rely_on(c, e, 4, c.store_number[store & QUEUE_MASK], ready)


cdef inline void enter_store(Core* c, const Entry* e, uint64_t word) noexcept nogil:
    """A place in the queue of stores."""
    cdef int64_t place = c.n_stores & QUEUE_MASK
    c.store_free[place] = c.store_at[place] = NEVER
    c.store_address[place] = word
    c.store_ip[place] = e.what.ip
    c.store_number[place] = e.number
    c.store_older[place] = c.youngest[word & STORE_TABLE_MASK]
    c.youngest[word & STORE_TABLE_MASK] = c.n_stores
    c.n_stores += 1


cdef inline cycle_t enter_queues(Core* c, Entry* e, cycle_t ready) noexcept nogil:
    """Places in the queues of loads and stores; `ready`, or later if a load waits for a store's value."""
    cdef const Instruction* i = e.what
    cdef const uint64_t* address = &c.program.address[i.access]
    cdef int64_t k
    e.load, e.store = <int16_t> (c.n_loads & QUEUE_MASK), c.n_stores
    if i.n_loads:
        c.load_free[c.n_loads & QUEUE_MASK] = NEVER
        c.n_loads += 1
        if c.has_translation:
            hint(&c.program.pages[c.program.page[i.access]])    # one in thousands: seldom at hand
        ready = rely_on_store(c, e, address[0] >> 3, ready)
    for k in range(i.n_stores):
        enter_store(c, e, address[i.n_loads + k] >> 3)
    return ready


cdef inline cycle_t queues_free_at(const Core* c, const Instruction* i) noexcept nogil:
    """When the queues of loads and stores have room for the instruction; NEVER: not known yet."""
    cdef cycle_t t = 0
    cdef int64_t k
    if i.n_loads:
        t = c.load_free[(c.n_loads - c.config.load_queue) & QUEUE_MASK]
    for k in range(i.n_stores):
        t = later(t, c.store_free[(c.n_stores + k - c.config.store_queue) & QUEUE_MASK])
    return t


cdef inline cycle_t registers_free_at(const Core* c, const Instruction* i) noexcept nogil:
    """When there are registers for the results of the instruction; NEVER: not known yet."""
    cdef int64_t last = c.n_results + n_results_of(i) - 1 - c.config.registers
    return c.result_free[last & RESULTS_MASK] if last >= 0 else 0


cdef inline void take_registers(Core* c, Entry* e) noexcept nogil:
    """Places in the ring of results."""
    cdef int64_t _k
    e.result = <int16_t> (c.n_results & RESULTS_MASK)
    for _k in range(n_results_of(e.what)):
        c.result_free[c.n_results & RESULTS_MASK] = NEVER
        c.n_results += 1


cdef inline inlined take_place(
    Core* c, Entry* e, const Instruction* i, int64_t number, cycle_t t, int64_t late
) noexcept nogil:
    """An instruction enters the reorder buffer in cycle t."""
    cdef cycle_t ready = t + 1
    cdef int64_t k
    e.what = i
    e.number = number
    e.dispatched = t
    e.complete = NEVER
    e.waits = e.issued = e.owed = e.translated = 0
    e.lost = LOST_DEPENDENCE
    e.waiters = NO_WAITER
    e.late = <uint8_t> late
    e.queues = i.queues
    for k in range(4):
        if i.source[k] == 0:
            break
        ready = rely_on(c, e, k, c.producer[i.source[k]], ready)
    if i.queues:
        ready = enter_queues(c, e, ready)
    for k in range(2):
        c.producer[i.destination[k]] = number       # of register 0, which is none, too: nobody reads it
    e.ready = ready
    if e.waits == 0:
        enter(c, number & ROB_MASK, ready)


cdef inline inlined dispatch_known(Core* c, int64_t end, bint counts_results) noexcept nogil:
    """`dispatch` of instructions before `end`; counts_results: registers are few."""
    cdef int64_t number = c.next
    cdef const Instruction* i = &c.program.at[c.next_place]
    cdef const Instruction* behind_all = &c.program.at[c.program.n]
    cdef Group* group = &c.group[c.first_group & FETCH_MASK]
    cdef int64_t rob = c.config.rob
    cdef int64_t width = c.config.width
    cdef cycle_t last = c.dispatched_at
    cdef int64_t late
    cdef cycle_t t
    while number < end:
        t = entry_of(c, number - rob).retired
        late = group.late
        if i.queues:
            t = later(t, queues_free_at(c, i))
        if counts_results:
            t = later(t, registers_free_at(c, i))
        if i.queues or counts_results:
            if rarely(t == NEVER):
                c.is_full = 1
                break
            if i.queues & HAS_STORES and t > group.at:
                late = LOST_STORE
        t = later(later(t, group.at), last)
        last = later(t, entry_of(c, number - width).dispatched + 1)
        take_place(c, entry_of(c, number), i, number, last, late)
        if counts_results:
            take_registers(c, entry_of(c, number))
        group.late = LOST_DEPENDENCE
        number += 1
        i += 1
        if rarely(i == behind_all):
            i = c.program.at
        if number == group.end:
            c.first_group += 1
            group = &c.group[c.first_group & FETCH_MASK]
    c.next = number
    # by bytes: the checked build takes a difference of pointers to larger things for one of plain numbers
    c.next_place = (<const char*> i - <const char*> c.program.at) // <int64_t> sizeof(Instruction)
    c.dispatched_at = last


cdef inline apart dispatch(Core* c) noexcept nogil:
    """Give what has been fetched its time of dispatch and its place in flight, as far as that is known.

    A place of the reorder buffer that nobody has had yet counts as left, and dispatched, in cycle -1.
    """
    cdef int64_t end = earlier(c.fetched, c.retired + c.config.rob)     # places in the reorder buffer
    if rarely(c.config.registers):
        dispatch_known(c, end, True)
    else:
        dispatch_known(c, end, False)
    if rarely(c.is_held and c.fetched - FETCH_BUFFER < c.next):
        c.is_held = 0
        c.fetch_at = later(c.now, entry_of(c, c.fetched - FETCH_BUFFER).dispatched) + 1


cdef inline bint may_dispatch_at_once(Core* c, int64_t end, cycle_t t) noexcept nogil:
    """Can what is fetched next, before `end`, be dispatched in cycle t if the queues have room?"""
    return (
        c.next == c.fetched and c.dispatched_at < t and end - c.config.rob <= c.retired
        and entry_of(c, end - 1 - c.config.rob).retired <= t and c.config.registers == 0
    )


cdef inline void dispatch_at_once(Core* c, int64_t at, int64_t end, cycle_t t, int64_t late) noexcept nogil:
    """`dispatch` of a group before it gets into the buffer, until a queue has no room in cycle t."""
    cdef int64_t number = c.next
    cdef const Instruction* i
    while number < end:
        i = &c.program.at[at]
        if i.queues and queues_free_at(c, i) > t:
            break
        take_place(c, entry_of(c, number), i, number, t, late)
        late = LOST_DEPENDENCE
        number += 1
        at = following(c, at)
    if number > c.next:
        c.dispatched_at = t
    c.next, c.next_place = number, at


# ----------------------------------------------------------------------------------------------------- fetch

cdef inline bint has_room(Core* c, int64_t number, cycle_t t) noexcept nogil:
    """May the instruction be fetched in cycle t? If not, it is settled when to go on."""
    cdef int64_t before = number - FETCH_BUFFER
    if before < 0:
        return True
    if before >= c.next:
        c.fetch_at = NEVER
        c.is_held = 1
        return False
    if entry_of(c, before).dispatched >= t:
        c.fetch_at = entry_of(c, before).dispatched + 1
        return False
    return True


cdef inline bint has_room_before(Core* c, int64_t end, cycle_t t) noexcept nogil:
    """May all instructions before `end` be fetched in cycle t? They are dispatched in order."""
    cdef int64_t before = end - 1 - FETCH_BUFFER
    return before < 0 or (before < c.next and entry_of(c, before).dispatched < t)


cdef inline bint know_page(Core* c, uint64_t page, cycle_t t) noexcept nogil:
    """Where the code page lies; False if its translation is not known yet."""
    cdef int64_t low = 0
    cdef int64_t high = c.program.n_code
    cdef int64_t middle
    cdef cycle_t known
    while high - low > 1:
        middle = (low + high) >> 1
        if c.program.code_page[middle] <= page:
            low = middle
        else:
            high = middle
    if c.has_translation:
        known = translate(c, &c.code_tlb, c.program.code_number[low], t, NOBODY)
        if known > t:
            c.fetch_at = known
            c.late_for = LOST_TRANSLATION
            return False
    c.code_page = page
    c.code_base = c.program.code_line[low]
    return True


cdef inline apart_bint know_line(Core* c, uint64_t ip, cycle_t t) noexcept nogil:
    """Is the instruction's line of code there? If not, it is settled when to try again."""
    cdef uint64_t line = ip >> LINE_BITS
    cdef uint64_t page = ip >> c.program.page_bits
    cdef uint64_t within = line & ((<uint64_t> 1 << (c.program.page_bits - LINE_BITS)) - 1)
    cdef int64_t level
    cdef cycle_t chance, ready
    if page != c.code_page and not know_page(c, page, t):
        return False
    ready = access(c, &c.code, CODE, c.code_base + within, ip, t, FETCH, FETCH_WAITER, &level, &chance)
    if rarely(ready < 0):
        c.fetch_at = chance
        c.fetch_blocked = chance == NEVER
        c.late_for = LOST_FETCH
        return False
    c.line = line
    if rarely(ready > t + c.code.latency):
        c.fetch_at = ready
        c.late_for = LOST_FETCH
        return False
    return True


cdef inline apart_bint goes_on(
    Core* c, const Instruction* i, const Instruction* behind, int64_t number, cycle_t t
) noexcept nogil:
    """Does the group go on behind a branch?"""
    cdef bint taken = i.branch & TAKEN != 0
    cdef int64_t outcome = mispredicted(&c.predictor, i.ip, behind.ip, i.branch & KIND_MASK, taken)
    c.counts.branches += 1
    if outcome != RIGHT:
        c.counts.mispredictions += 1
        c.late_for = LOST_BRANCH
        if outcome == WRONG_UNTIL_EXECUTED:
            c.mispredicted = number
            c.fetch_at = NEVER
        else:
            c.fetch_at = t + c.config.decode_penalty
        return False
    if taken:
        c.fetch_at = t + 1
    return not taken


cdef inline apart fetch(Core* c, cycle_t t) noexcept nogil:
    """One group of instructions: up to a taken branch, a line that is not there yet, or the width."""
    cdef int64_t number = c.fetched
    cdef int64_t at = c.fetch_place
    cdef int64_t end = earlier(number + c.config.width, c.stop_at)
    cdef bint has_all_room = has_room_before(c, end, t)
    cdef int64_t late = c.late_for
    cdef const Instruction* i
    cdef int64_t n
    c.fetch_at = t + 1 if end == number + c.config.width else NEVER
    while number < end:
        if rarely(not has_all_room) and not has_room(c, number, t):
            break
        i = &c.program.at[at]
        if i.ip >> LINE_BITS != c.line and not know_line(c, i.ip, t):
            break
        c.late_for = LOST_DEPENDENCE
        if i.branch == 0 and has_all_room:
            n = earlier(i.plain, end - number)
            number += n
            at = at + n if at + n < c.program.n else 0
            continue
        number += 1
        at = following(c, at)
        if i.branch and not goes_on(c, i, &c.program.at[at], number - 1, t):
            break
    if number > c.fetched:
        hand_over(c, number, t, late)
    c.fetched, c.fetch_place = number, at


cdef inline void hand_over(Core* c, int64_t end, cycle_t t, int64_t late) noexcept nogil:
    """What has been fetched in cycle t, before `end`, is dispatched, or goes into the buffer."""
    cdef Group* group
    if may_dispatch_at_once(c, end, t + c.config.depth):
        dispatch_at_once(c, c.fetch_place, end, t + c.config.depth, late)
        if c.next == end:
            return
        late = late if c.next == c.fetched else LOST_DEPENDENCE
    group = &c.group[c.n_groups & FETCH_MASK]
    group.at, group.end, group.late = t + c.config.depth, end, late
    c.n_groups += 1
