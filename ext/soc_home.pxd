"""Coherence at the home of a line, its bank of the last level: MESI with a full map, one transaction a line.

A core that asks for a line holds it busy from when the bank looks at it until it says that the line has come;
others wait. Who may have modified it sends it to who asks (three hops); copies are invalidated before
somebody may write. A core that no longer has what the directory thinks says so, and the bank provides the
line. Cores drop lines that they have not modified in silence. Source: the textbook protocol (Sorin, Hill,
Wood, A Primer on Memory Consistency and Cache Coherence, chapter 8), with the blocking home of gem5's MESI.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t

from ext._types cimport cycle_t
from ext.soc_directory cimport Shared, n_sharers, shared
from ext.soc_messages cimport (
    ASKS_TO_WRITE, DIRECTED, FORWARD, FORWARD_AWAY, GIVES_WRITABLE, HAS_DIRTY_LINE, INVALIDATE, LINE_IS_GONE,
    WAS_FORWARD, Message, append, drop_message, new_message, prepend, take_first,
)
from ext.soc_numbers cimport NOBODY, lowest_bit
from ext.soc_transport cimport to_core, wake_bank, write_to_memory
from ext.soc_uncore_state cimport Uncore


cdef inline uint64_t bit(int64_t core) noexcept nogil:
    return (<uint64_t> 1) << core


cdef inline bint is_busy(Uncore* u, uint64_t line) noexcept nogil:
    return u.config.is_coherent and shared(&u.directory, line).busy


cdef inline void tell(
    Uncore* u, int64_t kind, const Message* asker, uint64_t line, int64_t bank, int64_t core, cycle_t t
) noexcept nogil:
    """Have a core act on a line; `asker` is who gets it, NULL: nobody."""
    cdef int32_t sent = new_message(&u.pool, kind, line, NOBODY if asker is NULL else asker.core)
    cdef Message* m = &u.pool.at[sent]
    m.bank, m.other = <uint8_t> bank, <uint8_t> core
    if asker is not NULL:
        m.number, m.asked_at = asker.number, asker.asked_at
    to_core(u, sent, u.bank_node[bank], core, t)


cdef inline void invalidate(
    Uncore* u, Shared* entry, uint64_t sharers, const Message* asker, int64_t bank, cycle_t t
) noexcept nogil:
    """Take the line from some cores, and wait for their acknowledgements."""
    entry.acknowledgements = <int16_t> n_sharers(sharers)
    while sharers:
        tell(u, INVALIDATE, asker, entry.line, bank, lowest_bit(sharers), t)
        sharers &= sharers - 1
        u.counts.invalidations += 1


cdef inline void grant(Shared* entry, Message* m) noexcept nogil:
    """Who asks becomes owner, or one of several sharers."""
    cdef uint64_t others = entry.sharers & ~bit(m.core)
    if m.flags & ASKS_TO_WRITE or others == 0:
        entry.owner, entry.sharers = m.core, bit(m.core)
        m.flags |= GIVES_WRITABLE
    else:
        entry.owner, entry.sharers = NOBODY, others | bit(m.core)
    m.flags |= DIRECTED


cdef inline bint direct(Uncore* u, int64_t bank, int32_t asker, cycle_t t) noexcept nogil:
    """A core asks for a line: does the bank provide it now? If not, the message waits at the directory."""
    cdef Message* m = &u.pool.at[asker]
    cdef Shared* entry = shared(&u.directory, m.line)
    cdef uint64_t others = entry.sharers & ~bit(m.core)
    if entry.busy:
        append(&u.pool, &entry.waiting, asker)
        return False
    entry.busy, entry.asker, entry.dirty, entry.unblocked = 1, asker, 0, 0
    u.counts.upgrades += (m.flags & ASKS_TO_WRITE) != 0 and (entry.sharers & bit(m.core)) != 0
    if entry.owner != NOBODY and entry.owner != m.core:
        entry.acknowledgements = 1
        tell(u, FORWARD_AWAY if m.flags & ASKS_TO_WRITE else FORWARD, m, m.line, bank, entry.owner, t)
        return False
    if m.flags & ASKS_TO_WRITE and others:
        invalidate(u, entry, others, m, bank, t)
        return False
    grant(entry, m)
    return True


cdef inline void release(Uncore* u, Shared* entry, int64_t bank, cycle_t t) noexcept nogil:
    """A transaction has ended: the next that waits comes to the bank again; the line may be dropped."""
    cdef int32_t following
    entry.busy = 0
    u.bank[bank].blocked = 0
    if entry.waiting.first != NOBODY:
        following = take_first(&u.pool, &entry.waiting)
        u.pool.at[following].at = t
        append(&u.pool, &u.bank[bank].waiting, following)
    wake_bank(u, bank, t)


cdef inline void provide(Uncore* u, Shared* entry, int64_t bank, cycle_t t) noexcept nogil:
    """Nobody else has the line any more, or may write it: it comes from the bank.

    Before all that waits there, for that may wait for this line to be busy no longer.
    """
    cdef int32_t asker = entry.asker
    cdef Message* m = &u.pool.at[asker]
    grant(entry, m)
    if entry.dirty:
        m.flags |= HAS_DIRTY_LINE
    m.at = t
    prepend(&u.pool, &u.bank[bank].waiting, asker)
    u.bank[bank].blocked = 0
    wake_bank(u, bank, t)


cdef inline bint hear_forwarded(Uncore* u, Shared* entry, const Message* m, cycle_t t) noexcept nogil:
    """The owner has sent the line on, or no longer had it. True: the bank gets what was modified."""
    cdef Message* asker = &u.pool.at[entry.asker]
    cdef bint is_written = (asker.flags & ASKS_TO_WRITE) != 0
    entry.owner = NOBODY
    entry.acknowledgements = 0
    if m.flags & LINE_IS_GONE:
        entry.sharers &= ~bit(m.other)
        provide(u, entry, m.bank, t)
        return False
    u.counts.forwarded += 1
    if is_written:
        entry.sharers = 0
    grant(entry, asker)
    drop_message(&u.pool, entry.asker)
    if entry.unblocked:
        release(u, entry, m.bank, t)
    return not is_written and (m.flags & HAS_DIRTY_LINE) != 0


cdef inline bint hear_acknowledgement(Uncore* u, int32_t number, cycle_t t) noexcept nogil:
    """A core has done what it was told. True: the bank gets what was modified."""
    cdef Message* m = &u.pool.at[number]
    cdef Shared* entry = shared(&u.directory, m.line)
    if m.flags & WAS_FORWARD:
        return hear_forwarded(u, entry, m, t)
    entry.acknowledgements -= 1
    entry.dirty |= (m.flags & HAS_DIRTY_LINE) != 0
    if entry.acknowledgements > 0:
        return False
    entry.owner, entry.sharers = NOBODY, 0
    if entry.asker != NOBODY:
        provide(u, entry, m.bank, t)
        return False
    if entry.dirty:
        write_to_memory(u, entry.line, m.other, m.bank, t)
    release(u, entry, m.bank, t)
    return False


cdef inline void hear_unblock(Uncore* u, int32_t number, cycle_t t) noexcept nogil:
    """The line has come to who asked."""
    cdef Message* m = &u.pool.at[number]
    cdef Shared* entry = shared(&u.directory, m.line)
    if entry.acknowledgements > 0:
        entry.unblocked = 1
    else:
        release(u, entry, m.bank, t)
    drop_message(&u.pool, number)


cdef inline void recall_sharers(Uncore* u, int64_t bank, uint64_t line, cycle_t t) noexcept nogil:
    """An inclusive last level drops a line: all cores must, before anybody gets it again."""
    cdef Shared* entry = shared(&u.directory, line)
    if entry.sharers == 0:
        return
    entry.busy, entry.asker, entry.dirty, entry.unblocked = 1, NOBODY, 0, 0
    u.counts.recalled += 1
    invalidate(u, entry, entry.sharers, NULL, bank, t)
