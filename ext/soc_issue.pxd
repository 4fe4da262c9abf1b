"""Instructions in flight: the calendar of those that will be ready, issue, completion, retirement.

An instruction waits for its sources at their places; once all are known it is in the calendar, and from its
cycle on in the ready set, from which the oldest issue. Times of completion are known as soon as they can be,
those of retirement too, in order. O(1) an instruction and source.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from libc.string cimport memcpy, memset

from ext._types cimport cycle_t
from ext.soc_cache cimport access_anyhow, find, hit_at_hand
from ext.soc_numbers cimport (
    BUCKETS, BUCKET_MASK, BUCKET_WORDS, DATA, ENTRY_BITS, HAS_LOADS, IN_FIRST, LINE_BITS, LOAD, LOST_BASE,
    LOST_FIRST, LOST_TRANSLATION, NEVER, NOBODY, NO_WAITER, QUEUE, QUEUE_MASK, RESULTS_MASK,
    ROB, ROB_MASK, ROB_WORDS, SOON_MASK, apart, apart_bint, earlier, from_bit, inlined, later, lowest_bit,
    rarely, rotated_right,
)
from ext.soc_state cimport Core, Entry, Instruction, entry_of
from ext.soc_tlb cimport tlb_has_in_front
from ext.soc_walks cimport translate


# ----------------------------------------------------------------------------------------------- the calendar

cdef inline void enter(Core* c, int64_t place, cycle_t t) noexcept nogil:
    """Put an entry into the calendar, where it is ready in cycle t: not before the present one."""
    cdef int64_t soon = t & SOON_MASK
    cdef int64_t word = place >> 6
    if rarely(t >= c.horizon):
        enter_bucket(c, place, t)
        return
    c.soon |= (<uint64_t> 1) << soon
    c.soon_words[soon][word] = 1
    c.soon_ready[soon][word] |= (<uint64_t> 1) << (place & 63)


cdef inline void enter_bucket(Core* c, int64_t place, cycle_t t) noexcept nogil:
    """`enter` of later cycles; an entry beyond the last one is looked at there, and put in again."""
    cdef cycle_t at = earlier(t, c.now + BUCKETS - 1)
    cdef int64_t bucket = at & BUCKET_MASK
    c.rare_at = earlier(c.rare_at, at)
    c.entry[place].next = c.bucket[bucket]
    c.bucket[bucket] = <int16_t> place
    c.busy[bucket >> 6] |= (<uint64_t> 1) << (bucket & 63)
    c.busy_words |= (<uint64_t> 1) << (bucket >> 6)


cdef inline cycle_t next_bucket(const Core* c, cycle_t t) noexcept nogil:
    """The next cycle after t with entries in a bucket; there are some."""
    cdef int64_t first = (t + 1) & BUCKET_MASK
    cdef int64_t word = first >> 6
    cdef uint64_t bits = c.busy[word] & from_bit(first & 63)
    cdef int64_t k
    if bits:
        return t + 1 - (first & 63) + lowest_bit(bits)
    k = 1 + lowest_bit(rotated_right(c.busy_words, (word + 1) & (BUCKET_WORDS - 1)))
    bits = c.busy[(word + k) & (BUCKET_WORDS - 1)]
    return t + 1 + (k << 6) - (first & 63) + lowest_bit(bits)


cdef inline cycle_t next_soon(const Core* c, cycle_t t) noexcept nogil:
    """The next cycle after t with entries that are bits, or NEVER."""
    if c.soon == 0:
        return NEVER
    return t + 1 + lowest_bit(rotated_right(c.soon, (t + 1) & SOON_MASK))


cdef inline void open_bucket(Core* c, cycle_t t) noexcept nogil:
    """What was entered long before, if there is anything."""
    cdef int64_t bucket = t & BUCKET_MASK
    cdef int64_t place = c.bucket[bucket]
    cdef int64_t following
    if place == NOBODY:
        return
    c.bucket[bucket] = NOBODY
    c.busy[bucket >> 6] &= ~((<uint64_t> 1) << (bucket & 63))
    if c.busy[bucket >> 6] == 0:
        c.busy_words &= ~((<uint64_t> 1) << (bucket >> 6))
    while place != NOBODY:
        following = c.entry[place].next
        if c.entry[place].ready > t:
            enter(c, place, c.entry[place].ready)
        else:
            c.ready[place >> 6] |= (<uint64_t> 1) << (place & 63)
            c.ready_words |= (<uint64_t> 1) << 8 * (place >> 6)
        place = following


cdef inline uint64_t take_soon(Core* c, int64_t soon) noexcept nogil:
    """The words of `soon_ready` of a cycle that are not 0, by byte. It is the present one: they are taken."""
    cdef uint64_t words
    memcpy(&words, c.soon_words[soon], ROB_WORDS)
    memset(c.soon_words[soon], 0, ROB_WORDS)
    c.soon &= ~((<uint64_t> 1) << soon)
    return words


cdef inline uint64_t take_word(Core* c, int64_t soon, int64_t word) noexcept nogil:
    """The entries of a word that are ready: from now on, or before."""
    cdef uint64_t bits = c.soon_ready[soon][word] | c.ready[word]
    c.soon_ready[soon][word] = 0
    return bits


cdef inline void become_ready(Core* c, cycle_t t) noexcept nogil:
    """Entries whose sources are there from now on are ready."""
    cdef uint64_t words = take_soon(c, t & SOON_MASK)
    cdef int64_t word
    while words:
        word = lowest_bit(words) >> 3
        words &= words - 1
        c.ready[word] = take_word(c, t & SOON_MASK, word)


# ----------------------------------------------------------------------------------- completion, retirement

cdef inline void leave_queues(Core* c, const Entry* e, cycle_t t) noexcept nogil:
    """A load or store has its time of retirement."""
    cdef int64_t k
    if e.queues & HAS_LOADS:
        c.load_free[e.load] = t
    for k in range(e.what.n_stores):
        c.store_at[(e.store + k) & QUEUE_MASK] = t
        if e.store + k == c.drained:
            c.drain_at = later(t, c.drained_at + 1)


cdef inline int64_t n_results_of(const Instruction* i) noexcept nogil:
    return (i.destination[0] != 0) + (i.destination[1] != 0)


cdef inline void free_results(Core* c, const Entry* e) noexcept nogil:
    """What its results replace is not needed any more."""
    cdef int64_t k
    if c.config.registers == 0:
        return
    for k in range(n_results_of(e.what)):
        c.result_free[(e.result + k) & RESULTS_MASK] = e.retired


cdef inline void write_down(Core* c, const Entry* e) noexcept nogil:
    """The times of an instruction, for those who asked for them."""
    cdef cycle_t* row
    if c.log is NULL:
        return
    row = c.log + 4 * e.number
    row[0], row[1], row[2], row[3] = e.dispatched, e.issued_at, e.complete, e.retired


cdef inline void count_lost(Core* c, const Entry* e, cycle_t before, cycle_t t) noexcept nogil:
    """No instruction retires after cycle `before` until this one does in cycle t."""
    c.counts.lost[LOST_BASE] += 1
    c.counts.lost[e.late if e.dispatched >= before else e.lost] += t - before - 1


cdef inline inlined retire_known(Core* c, bint tells_more) noexcept nogil:
    """`retire`; tells_more: times are written down, or registers are few."""
    cdef int64_t number = c.retired
    cdef int64_t end = c.next
    cdef cycle_t last = c.retired_at
    cdef int64_t width = c.config.width
    cdef int64_t stayed = 0
    cdef Entry* e
    cdef cycle_t t
    while number < end:
        e = entry_of(c, number)
        if e.complete == NEVER:
            break
        t = later(later(e.complete, last), entry_of(c, number - width).retired + 1)
        if t != last:
            count_lost(c, e, last, t)
            last = t
        e.retired = t
        stayed += t - e.dispatched
        c.counts.operations[e.what.op] += 1
        number += 1
        if tells_more:
            write_down(c, e)
            free_results(c, e)
        if e.queues:
            leave_queues(c, e, t)
    c.is_full = c.is_full and c.retired == number
    c.retired = number
    c.retired_at = last
    c.counts.rob_integral += stayed


cdef inline apart retire(Core* c) noexcept nogil:
    """Give times of retirement, in order, as far as completions are known."""
    if rarely(c.log is not NULL or c.config.registers):
        retire_known(c, True)
    else:
        retire_known(c, False)


cdef inline uint32_t behind(const Core* c, uint32_t waiter) noexcept nogil:
    """Who waits behind one who waits for a source, by the bytes of `Entry.behind` in the ring."""
    return (<const uint32_t*> (<const char*> c.entry + waiter))[0]


cdef inline void complete(Core* c, Entry* e, cycle_t t) noexcept nogil:
    """The completion of an instruction becomes known."""
    cdef uint32_t waiter = e.waiters
    cdef Entry* other
    e.complete = t
    while waiter != NO_WAITER:
        other = &c.entry[waiter >> ENTRY_BITS]
        other.ready = later(other.ready, t)
        other.waits -= 1
        if other.waits == 0:
            enter(c, waiter >> ENTRY_BITS, other.ready)
        waiter = behind(c, waiter)
    if e.number == c.mispredicted:
        c.mispredicted = NOBODY
        c.fetch_at = t + c.config.penalty


# ----------------------------------------------------------------------------------------------------- issue

cdef inline void came_from(Entry* e, int64_t level) noexcept nogil:
    e.lost = <uint8_t> later(e.lost, LOST_FIRST + level)


cdef inline int64_t place_of(const Entry* e) noexcept nogil:
    return e.number & ROB_MASK


cdef inline bint load(Core* c, Entry* e, cycle_t t) noexcept nogil:
    """The loads of an instruction, as far as the cache takes them; False if one has to try again."""
    cdef const Instruction* i = e.what
    cdef int64_t level
    cdef uint64_t line
    cdef cycle_t ready
    cdef int64_t k
    while e.issued < i.n_loads:
        k = e.issued
        line = c.program.address[i.access + k] >> LINE_BITS
        ready = access_anyhow(c, &c.data, DATA, line, find(&c.data, line), i.ip, t, LOAD,
                              <int32_t> (place_of(e) * 4 + k), &level, &c.retry_at)
        if rarely(ready < 0):
            c.rare_at = earlier(c.rare_at, c.retry_at)
            return False
        e.issued += 1
        came_from(e, level)
        if rarely(ready == NEVER):
            e.owed += 1
            e.end = later(e.end, t + c.data.latency)
        else:
            e.end = later(e.end, ready)
    if e.owed == 0:
        complete(c, e, e.end)
    return True


cdef inline void line_up(Core* c, int64_t place) noexcept nogil:
    """A load that found no register waits behind those that found none before."""
    c.entry[place].next = NOBODY
    if c.refused_head == NOBODY:
        c.refused_head = <int16_t> place
    else:
        c.entry[c.refused_tail].next = <int16_t> place
    c.refused_tail = <int16_t> place


cdef inline void retry(Core* c, cycle_t t) noexcept nogil:
    """The first of the refused loads tries again; one a cycle."""
    cdef int64_t place = c.refused_head
    cdef Entry* e = &c.entry[place]
    if load(c, e, t):
        c.refused_head = e.next
        c.retry_at = t + 1 if c.refused_head != NOBODY else NEVER


cdef inline cycle_t translate_all(Core* c, Entry* e, cycle_t t) noexcept nogil:
    """When the frames of all its addresses are known; NEVER if it has to try again after a walk."""
    cdef const uint32_t* page = &c.program.page[e.what.access]
    cdef int64_t n = e.what.n_loads + e.what.n_stores
    cdef cycle_t known = t
    cdef cycle_t at
    while e.translated < n:
        at = translate(c, &c.data_tlb, page[e.translated], t, place_of(e))
        if rarely(at == NEVER):
            e.lost = <uint8_t> later(e.lost, LOST_TRANSLATION)
            return NEVER
        e.translated += 1
        known = later(known, at)
    return known


cdef inline bint waits_in_queue(const Core* c, int64_t store, cycle_t t) noexcept nogil:
    """Is the store still in the queue, so that a load gets its value from there?"""
    if store < 0 or c.n_stores - store > QUEUE:
        return False
    return c.store_free[store & QUEUE_MASK] > t


cdef inline bint issue_at_hand(Core* c, Entry* e, cycle_t t) noexcept nogil:
    """`issue_access` of a single access whose page and line are at hand, as most are; else nothing."""
    cdef const Instruction* i = e.what
    cdef cycle_t end = t + c.config.latency[i.op]
    if i.n_loads + i.n_stores != 1:
        return False
    if c.has_translation and not tlb_has_in_front(&c.data_tlb, c.program.page[i.access]):
        return False
    if e.queues & HAS_LOADS:
        if c.refused_head != NOBODY or waits_in_queue(c, e.forwarder, t):
            return False
        if not hit_at_hand(&c.data, c.program.address[i.access] >> LINE_BITS, t, LOAD):
            return False
        came_from(e, IN_FIRST)
        end = later(end, t + c.data.latency)
    c.data_tlb.hits += c.has_translation
    complete(c, e, end)
    return True


cdef inline apart_bint issue_access(Core* c, Entry* e, cycle_t t) noexcept nogil:
    """`issue_entry` of a load or store."""
    cdef cycle_t known = t
    if issue_at_hand(c, e, t):
        return True
    if c.has_translation:
        known = translate_all(c, e, t)
        if rarely(known == NEVER):
            return False
    e.end = known + c.config.latency[e.what.op]
    if e.queues & HAS_LOADS:
        if not waits_in_queue(c, e.forwarder, t):
            if rarely(c.refused_head != NOBODY) or not load(c, e, known):
                line_up(c, place_of(e))
            return True
        e.end = later(e.end, known + c.data.latency)
        c.counts.forwarded += 1
    complete(c, e, e.end)
    return True


cdef inline bint issue_entry(Core* c, Entry* e, cycle_t t) noexcept nogil:
    """False if it has to be issued again, after a walk."""
    e.issued_at = t
    if e.queues:
        return issue_access(c, e, t)
    complete(c, e, t + c.config.latency[e.what.op])
    return True


cdef inline bint is_ready(const Core* c, int64_t place) noexcept nogil:
    return (c.ready[place >> 6] >> (place & 63)) & 1


cdef inline void issue_in_order(Core* c, cycle_t t) noexcept nogil:
    """In program order, as many as there are slots, until one is not ready.

    `ready_words` only says whether that one may issue next.
    """
    cdef int64_t slots = c.config.issue_width
    cdef int64_t ports = c.config.load_ports
    cdef int64_t place
    become_ready(c, t)
    place = c.to_issue & ROB_MASK
    while slots and is_ready(c, place) and (c.entry[place].queues & HAS_LOADS) <= ports:
        ports -= c.entry[place].queues & HAS_LOADS
        slots -= 1
        c.ready[place >> 6] ^= (<uint64_t> 1) << (place & 63)
        if not issue_entry(c, &c.entry[place], t):
            break
        c.to_issue += 1
        place = c.to_issue & ROB_MASK
    c.ready_words = is_ready(c, place)


cdef inline uint64_t issue_bits(
    Core* c, int64_t word, uint64_t bits, cycle_t t, int64_t* slots, int64_t* ports
) noexcept nogil:
    """The oldest of these entries of a word, as many as there are slots; those that do not issue."""
    cdef uint64_t others = 0
    cdef Entry* e
    while bits and slots[0]:
        e = entry_of(c, (word << 6) + lowest_bit(bits))
        if e.queues == 0:
            slots[0] -= 1
            issue_entry(c, e, t)
        elif rarely((e.queues & HAS_LOADS) > ports[0]):
            others |= bits & -bits
        else:
            ports[0] -= e.queues & HAS_LOADS
            slots[0] -= 1
            issue_entry(c, e, t)
        bits &= bits - 1
    return bits | others


cdef inline apart issue_youngest(
    Core* c, int64_t word, uint64_t among, cycle_t t, int64_t slots, int64_t ports
) noexcept nogil:
    """`issue` of the youngest, in the word that holds the oldest, too."""
    cdef uint64_t bits = c.ready[word]
    c.ready[word] = issue_bits(c, word, bits & among, t, &slots, &ports) | (bits & ~among)
    if c.ready[word] == 0:
        c.ready_words &= ~((<uint64_t> 1) << 8 * word)


cdef inline apart issue_in_large(Core* c, uint64_t words, cycle_t t) noexcept nogil:
    """`issue` where the oldest and the youngest may be in the same word."""
    cdef int64_t slots = c.config.issue_width
    cdef int64_t ports = c.config.load_ports
    cdef int64_t first = (c.retired & ROB_MASK) >> 6
    # Of the first word: those behind all others.
    cdef uint64_t youngest = ~from_bit(c.retired & 63)
    cdef uint64_t left_words = 0
    cdef uint64_t bits, left
    cdef int64_t word
    words = rotated_right(words, 8 * first)
    while words:
        word = (first + (lowest_bit(words) >> 3)) & (ROB_WORDS - 1)
        words &= words - 1
        bits = take_word(c, t & SOON_MASK, word)
        left = bits & youngest if word == first else 0
        left |= issue_bits(c, word, bits ^ left, t, &slots, &ports)
        c.ready[word] = left
        left_words |= (<uint64_t> (left != 0)) << 8 * word
    c.ready_words = left_words
    if youngest and slots:
        issue_youngest(c, first, youngest, t, slots, ports)


cdef inline apart issue_words(Core* c, uint64_t words, cycle_t t) noexcept nogil:
    """`issue` of several words, by age."""
    cdef int64_t slots = c.config.issue_width
    cdef int64_t ports = c.config.load_ports
    cdef int64_t first = (c.retired & ROB_MASK) >> 6
    cdef uint64_t left_words = 0
    cdef uint64_t bits
    cdef int64_t word
    words = rotated_right(words, 8 * first)
    while words:
        word = (first + (lowest_bit(words) >> 3)) & (ROB_WORDS - 1)
        words &= words - 1
        bits = issue_bits(c, word, take_word(c, t & SOON_MASK, word), t, &slots, &ports)
        c.ready[word] = bits
        left_words |= (<uint64_t> (bits != 0)) << 8 * word
    c.ready_words = left_words


cdef inline apart issue(Core* c, cycle_t t) noexcept nogil:
    """The oldest that are ready, as many as there are slots."""
    cdef int64_t slots = c.config.issue_width
    cdef int64_t ports = c.config.load_ports
    cdef uint64_t words, bits
    cdef int64_t word
    if rarely(c.config.in_order):
        issue_in_order(c, t)
        return
    words = take_soon(c, t & SOON_MASK) | c.ready_words
    if rarely(c.config.rob > ROB - 64):
        issue_in_large(c, words, t)
        return
    if words & (words - 1):
        issue_words(c, words, t)
        return
    word = lowest_bit(words) >> 3
    bits = issue_bits(c, word, take_word(c, t & SOON_MASK, word), t, &slots, &ports)
    c.ready[word] = bits
    c.ready_words = words if bits else 0
