"""Clock domains: edges are whole numbers of femtoseconds, counted from when the domain last changed."""

from libc.stdint cimport int64_t

from ext._types cimport cycle_t
from ext.soc_numbers cimport NEVER


cdef struct Clock:
    int64_t period              # femtoseconds
    int64_t time                # of edge `cycle`, femtoseconds from the beginning
    cycle_t cycle               # no cycle before this one is asked for any more


cdef inline int64_t time_of(const Clock* clock, cycle_t cycle) noexcept nogil:
    if cycle >= NEVER:
        return NEVER
    return clock.time + (cycle - clock.cycle) * clock.period


cdef inline cycle_t edge_at(const Clock* clock, int64_t time) noexcept nogil:
    """The first cycle whose edge is not before the time."""
    if time <= clock.time:
        return clock.cycle
    return clock.cycle + (time - clock.time + clock.period - 1) // clock.period


cdef inline cycle_t edge_after(const Clock* clock, int64_t time) noexcept nogil:
    """The first cycle whose edge is after the time."""
    if time < clock.time:
        return clock.cycle
    return clock.cycle + (time - clock.time) // clock.period + 1


cdef inline void change_clock(Clock* clock, int64_t period, int64_t now, int64_t pause) noexcept nogil:
    """Another period from the first edge that is not before now; that edge comes a pause later."""
    cdef cycle_t cycle = edge_at(clock, now)
    clock.time = time_of(clock, cycle) + pause
    clock.cycle = cycle
    clock.period = period
