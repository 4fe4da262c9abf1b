"""Events in order of time, those of a cycle in the order in which they were planned.

A part of the interconnect and of the uncore, who number what can happen to them: an event is planned once at
a time. A cycle: `begin_cycle`, `take_event` until there is NOBODY, `end_cycle`; more may be planned for it
meanwhile. Nothing is planned for a cycle before the present one. O(1) an event of the next cycles, for which
there is a bit each; those of later ones are in a list, in which they look for their place from its beginning
unless it is its end.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memset

from ext._types cimport cycle_t
from ext.soc_arena cimport Arena, take
from ext.soc_numbers cimport NEVER, NOBODY, earlier, lowest_bit, rarely, rotated_right

cdef enum:
    CALENDAR_CYCLES = 64        # that have lines of their own
    CALENDAR_MASK = 63


cdef struct Line:               # of events
    int32_t first
    int32_t last


cdef struct Calendar:
    cycle_t now                 # nothing happens any more before it
    cycle_t soonest             # event to come; NEVER: there is none
    uint64_t busy               # cycles with events, by bit
    Line[CALENDAR_CYCLES] line
    cycle_t far_at              # the first of the later events; NEVER: there is none
    Line far
    cycle_t* at                 # of later events
    int32_t* next


cdef inline void place_calendar(Calendar* c, int64_t n_events, Arena* arena) noexcept nogil:
    c.at = <cycle_t*> take(arena, n_events * sizeof(cycle_t))
    c.next = <int32_t*> take(arena, n_events * sizeof(int32_t))


cdef inline void reset_calendar(Calendar* c) noexcept nogil:
    """Cycle 0, and nothing planned."""
    c.now, c.soonest, c.far_at = 0, NEVER, NEVER
    c.busy = 0
    c.far.first = NOBODY
    memset(c.line, 0xff, sizeof(c.line))                # NOBODY


cdef inline void join_line(Calendar* c, Line* line, int64_t event) noexcept nogil:
    c.next[event] = NOBODY
    if line.first == NOBODY:
        line.first = <int32_t> event
    else:
        c.next[line.last] = <int32_t> event
    line.last = <int32_t> event


cdef inline void plan_later(Calendar* c, int64_t event, cycle_t at) noexcept nogil:
    """An event beyond the next cycles, behind those that come before it or were planned before it."""
    cdef int32_t before = c.far.first
    c.at[event] = at
    if before == NOBODY or c.at[c.far.last] <= at:
        join_line(c, &c.far, event)
    elif c.at[before] > at:
        c.next[event] = before
        c.far.first = <int32_t> event
    else:
        while c.at[c.next[before]] <= at:
            before = c.next[before]
        c.next[event] = c.next[before]
        c.next[before] = <int32_t> event
    c.far_at = c.at[c.far.first]


cdef inline void plan_event(Calendar* c, int64_t event, cycle_t at) noexcept nogil:
    c.soonest = earlier(c.soonest, at)
    if rarely(at - c.now >= CALENDAR_CYCLES):
        plan_later(c, event, at)
        return
    c.busy |= (<uint64_t> 1) << (at & CALENDAR_MASK)
    join_line(c, &c.line[at & CALENDAR_MASK], event)


cdef inline void mark_cycle(Calendar* c, cycle_t at) noexcept nogil:
    """Something that is not planned here happens in one of the next CALENDAR_CYCLES."""
    c.soonest = earlier(c.soonest, at)
    c.busy |= (<uint64_t> 1) << (at & CALENDAR_MASK)


cdef inline void bring_near(Calendar* c) noexcept nogil:
    """The first of the later events get lines of their own."""
    cdef int32_t event = c.far.first
    cdef int64_t bucket
    while event != NOBODY and c.at[event] - c.now < CALENDAR_CYCLES:
        c.far.first = c.next[event]
        bucket = c.at[event] & CALENDAR_MASK
        c.busy |= (<uint64_t> 1) << bucket
        join_line(c, &c.line[bucket], event)
        event = c.far.first
    c.far_at = NEVER if event == NOBODY else c.at[event]


cdef inline void go_to(Calendar* c, cycle_t t) noexcept nogil:
    """Nothing happens any more before cycle t: the calendar looks ahead from there."""
    c.now = t
    if rarely(c.far_at - t < CALENDAR_CYCLES):
        bring_near(c)


cdef inline void begin_cycle(Calendar* c, cycle_t t) noexcept nogil:
    c.soonest = NEVER
    go_to(c, t)


cdef inline int32_t take_event(Calendar* c) noexcept nogil:
    """The next event of the present cycle, or NOBODY."""
    cdef Line* line = &c.line[c.now & CALENDAR_MASK]
    cdef int32_t event = line.first
    if event != NOBODY:
        line.first = c.next[event]
    return event


cdef inline void end_cycle(Calendar* c) noexcept nogil:
    """Nothing is left of the cycle; find that of the first event to come."""
    c.busy &= ~((<uint64_t> 1) << (c.now & CALENDAR_MASK))
    c.soonest = c.far_at
    if c.busy:
        c.soonest = c.now + lowest_bit(rotated_right(c.busy, c.now & CALENDAR_MASK))
