"""The requests that wait at each bank: a list in the order of admission, the oldest hit to the open row
marked.

O(1), except the search for the next row hit and counting hits (the length of the list).
"""

from libc.stdint cimport int32_t, int64_t

from ext.dram_numbers cimport CLOSED_ROW, NO_SLOT, inlined
from ext.dram_state cimport Arena, Bank, Channel, Slot, bank_at, bit, place_t, slot_at


cdef inline inlined append(Arena* a, Channel* c, int64_t number, place_t place) noexcept nogil:
    """Put a request, the youngest so far, at the end of its bank's list."""
    cdef Bank* bank = bank_at(c, number)
    cdef Slot* slot = slot_at(a, place)
    slot.older = bank.newest
    slot.newer = NO_SLOT
    if bank.newest == NO_SLOT:
        bank.oldest = <int32_t> place
        c.active |= bit(number)
        c.n_active += 1
    else:
        slot_at(a, bank.newest).newer = place
    bank.newest = place
    bank.length += 1
    if slot.row == bank.open_row:
        bank.hits += 1
        if bank.oldest_hit == NO_SLOT:
            bank.oldest_hit = place


cdef inline place_t next_hit(const Arena* a, const Bank* bank, place_t place) noexcept nogil:
    """The first request to the open row from `place` on."""
    while place != NO_SLOT and slot_at(a, place).row != bank.open_row:
        place = slot_at(a, place).newer
    return place


cdef inline inlined remove(Arena* a, Bank* bank, place_t place) noexcept nogil:
    """Take a request, a hit to the open row, out of its bank's list."""
    cdef Slot* slot = slot_at(a, place)
    bank.length -= 1
    bank.hits -= 1
    if slot.older == NO_SLOT:
        bank.oldest = slot.newer
    else:
        slot_at(a, slot.older).newer = slot.newer
    if slot.newer == NO_SLOT:
        bank.newest = slot.older
    else:
        slot_at(a, slot.newer).older = slot.older


cdef inline void count_hits(const Arena* a, Bank* bank) noexcept nogil:
    """How many waiting requests go to the open row?"""
    cdef place_t place = bank.oldest_hit
    bank.hits = 0
    while place != NO_SLOT:
        bank.hits += 1
        place = next_hit(a, bank, slot_at(a, place).newer)


cdef inline bint same_line(const Slot* one, const Slot* other) noexcept nogil:
    """Of two requests to one bank."""
    return one.row == other.row and one.column == other.column


cdef inline bint has_older_twin(const Arena* a, place_t first, place_t place) noexcept nogil:
    """Does a request from `first` on that is older go to the same line?"""
    while first != place:
        if same_line(slot_at(a, first), slot_at(a, place)):
            return True
        first = slot_at(a, first).newer
    return False


cdef inline bint is_eligible(const Arena* a, const Bank* bank, place_t place) noexcept nogil:
    """May the request go first? Not before an older one to the same line."""
    return not has_older_twin(a, bank.oldest, place)


cdef inline bint is_fresh(const Bank* bank) noexcept nogil:
    """The open row has not been used since it was activated."""
    return bank.open_row != CLOSED_ROW and bank.columns == 0


cdef inline place_t oldest_non_hit(const Arena* a, const Bank* bank, bint eligible) noexcept nogil:
    """The oldest (eligible) request to another row than the open one, or NO_SLOT."""
    cdef place_t place = bank.oldest
    while place != NO_SLOT:
        if slot_at(a, place).row != bank.open_row and (not eligible or is_eligible(a, bank, place)):
            return place
        place = slot_at(a, place).newer
    return NO_SLOT
