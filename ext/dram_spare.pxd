"""What banks with an empty list offer: PRE after the page timeout, and VRR for a victim.

They come after all banks with requests, the lower bank first. Looked at only where a policy makes such
offers. O(banks).
"""

from libc.stdint cimport int64_t, uint64_t

from ext._types cimport cycle_t
from ext.dram_commands cimport precharge, refresh_victim
from ext.dram_numbers cimport NEVER, PAGE_TIMEOUT, PRE, VRR, earlier, later, lowest_bit
from ext.dram_policy cimport withheld
from ext.dram_state cimport Arena, Channel, Tape, bit
from ext.dram_timing cimport earliest_for_bank


cdef inline uint64_t spare_banks(const Arena* a, const Channel* c) noexcept nogil:
    """Banks with an empty list that offer a command."""
    cdef uint64_t banks = c.victims & ~c.open
    if a.config.page_policy == PAGE_TIMEOUT:
        banks |= c.open
    return banks & ~c.active & ~withheld(c, a.plain)


cdef inline cycle_t spare_ready(const Arena* a, const Channel* c, int64_t number) noexcept nogil:
    if c.open & bit(number):
        return later(earliest_for_bank(a, c, PRE, number), c.banks[number].touched + a.config.page_timeout)
    return earliest_for_bank(a, c, VRR, number)


cdef inline void schedule_spare(Arena* a, Channel* c, cycle_t soonest) noexcept nogil:
    """When is the next of these offers legal?"""
    cdef uint64_t left = spare_banks(a, c)
    c.spare_at = NEVER
    while left:
        c.spare_at = earlier(c.spare_at, spare_ready(a, c, lowest_bit(left)))
        left &= left - 1
    if c.spare_at != NEVER:
        c.spare_at = later(later(c.spare_at, c.gather_until), soonest)


cdef inline bint issue_spare(Arena* a, Channel* c, Tape* tape, cycle_t t) noexcept nogil:
    """The lowest bank's legal offer goes out, if there is one."""
    cdef uint64_t left = spare_banks(a, c)
    cdef int64_t number
    if t < c.gather_until:
        return False
    while left:
        number = lowest_bit(left)
        left &= left - 1
        if spare_ready(a, c, number) > t:
            continue
        if c.open & bit(number):
            precharge(a, c, tape, number, t, a.plain)
        else:
            refresh_victim(a, c, tape, number, t)
        return True
    return False
