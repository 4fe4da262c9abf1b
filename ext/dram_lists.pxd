"""The requests that wait at each bank: a list in the order of admission, the oldest hit to the open row
marked.

O(1), except the search for the next row hit and counting hits (the length of the list).
"""

from libc.stdint cimport int16_t, int64_t

from ext.dram_numbers cimport CLOSED_ADAPTIVE, CLOSED_ROW, NO_SLOT, OPEN_ADAPTIVE, inlined
from ext.dram_state cimport Arena, Bank, Channel, Slot, bit


cdef inline inlined append(Arena* a, Channel* c, int64_t number, int16_t position) noexcept nogil:
    """Put a request, the youngest so far, at the end of its bank's list."""
    cdef Bank* bank = &c.banks[number]
    cdef Slot* slot = &a.slots[position]
    c.active |= bit(number)
    c.n_active += bank.length == 0
    slot.older = bank.newest
    slot.newer = NO_SLOT
    if bank.newest == NO_SLOT:
        bank.oldest = position
    else:
        a.slots[bank.newest].newer = position
    bank.newest = position
    bank.length += 1
    if slot.row == bank.open_row:
        bank.hits += 1
        if bank.oldest_hit == NO_SLOT:
            bank.oldest_hit = position


cdef inline int16_t next_hit(const Arena* a, const Bank* bank, int16_t position) noexcept nogil:
    """The first request to the open row from `position` on."""
    while position != NO_SLOT and a.slots[position].row != bank.open_row:
        position = a.slots[position].newer
    return position


cdef inline inlined remove(Arena* a, Bank* bank, int16_t position) noexcept nogil:
    """Take a request, a hit to the open row, out of its bank's list."""
    cdef Slot* slot = &a.slots[position]
    bank.length -= 1
    bank.hits -= 1
    if slot.older == NO_SLOT:
        bank.oldest = slot.newer
    else:
        a.slots[slot.older].newer = slot.newer
    if slot.newer == NO_SLOT:
        bank.newest = slot.older
    else:
        a.slots[slot.newer].older = slot.older


cdef inline void count_hits(const Arena* a, Bank* bank) noexcept nogil:
    """How many waiting requests go to the open row?"""
    cdef int16_t position = bank.oldest_hit
    bank.hits = 0
    while position != NO_SLOT:
        bank.hits += 1
        position = next_hit(a, bank, a.slots[position].newer)


cdef inline bint is_adaptive(const Arena* a) noexcept nogil:
    """Does the page policy look at the number of hits? Otherwise nobody does, and it is not counted."""
    return a.config.page_policy == OPEN_ADAPTIVE or a.config.page_policy == CLOSED_ADAPTIVE


cdef inline bint same_line(const Slot* one, const Slot* other) noexcept nogil:
    """Of two requests to one bank."""
    return one.row == other.row and one.column == other.column


cdef inline bint has_older_twin(const Arena* a, int16_t first, int16_t position) noexcept nogil:
    """Does a request from `first` on that is older go to the same line?"""
    while first != position:
        if same_line(&a.slots[first], &a.slots[position]):
            return True
        first = a.slots[first].newer
    return False


cdef inline bint is_eligible(const Arena* a, const Bank* bank, int16_t position) noexcept nogil:
    """May the request go first? Not before an older one to the same line."""
    return not has_older_twin(a, bank.oldest, position)


cdef inline bint is_fresh(const Bank* bank) noexcept nogil:
    """The open row has not been used since it was activated."""
    return bank.open_row != CLOSED_ROW and bank.columns == 0


cdef inline int16_t oldest_non_hit(const Arena* a, const Bank* bank, bint eligible) noexcept nogil:
    """The oldest (eligible) request to another row than the open one, or NO_SLOT."""
    cdef int16_t position = bank.oldest
    while position != NO_SLOT:
        if a.slots[position].row != bank.open_row and (not eligible or is_eligible(a, bank, position)):
            return position
        position = a.slots[position].newer
    return NO_SLOT
