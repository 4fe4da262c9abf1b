"""The schedulers from Fcfs on, and the offers that only some policies make: what a bank wants there.

These scan the bank's list (O(list), with the rule on older requests to the same line O(list squared)); the
default schedulers in dram_policy do not.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from ext.dram_lists cimport is_eligible, is_fresh
from ext.dram_numbers cimport (
    BANK_BITS, CLOSED_ROW, NO_SLOT, SCHEDULER_BLISS, SCHEDULER_FCFS, SCHEDULER_FRFCFS_CAP,
    SCHEDULER_GRP_FRFCFS_WM, lowest_bit,
)
from ext.dram_state cimport Arena, Bank, Channel, bit, place_t, slot_at


cdef inline bint is_blacklisted(const Arena* a, const Channel* c, place_t place) noexcept nogil:
    cdef uint8_t source = slot_at(a, place).source
    return (c.blacklist[source >> 6] >> (source & 63)) & 1


cdef inline bint is_preferred(const Arena* a, const Channel* c, place_t place) noexcept nogil:
    """In the direction of the bus, or of a source that is not blacklisted."""
    if a.config.scheduler == SCHEDULER_BLISS:
        return not is_blacklisted(a, c, place)
    if a.config.scheduler == SCHEDULER_GRP_FRFCFS_WM:
        return slot_at(a, place).is_write == c.write_mode
    return slot_at(a, place).is_write == c.last_direction


cdef inline place_t first_eligible(
    const Arena* a, const Channel* c, const Bank* bank, bint preferred, bint hit
) noexcept nogil:
    """The oldest eligible request (that is preferred) (that hits the open row), or NO_SLOT."""
    cdef place_t place = bank.oldest
    while place != NO_SLOT:
        if ((not hit or slot_at(a, place).row == bank.open_row)
                and (not preferred or is_preferred(a, c, place)) and is_eligible(a, bank, place)):
            return place
        place = slot_at(a, place).newer
    return NO_SLOT


cdef inline place_t pick_of_preferred(const Arena* a, const Channel* c, const Bank* bank) noexcept nogil:
    """GrpFrFcfs, GrpFrFcfsWm, Bliss: among the preferred, if there are any, else among all."""
    cdef place_t first = first_eligible(a, c, bank, True, False)
    cdef bint preferred = first != NO_SLOT
    cdef place_t hit
    if not preferred:
        first = bank.oldest
    if bank.open_row == CLOSED_ROW:
        return first
    hit = first_eligible(a, c, bank, preferred, True)
    if hit != NO_SLOT:
        return hit
    if is_fresh(bank) and bank.oldest_hit != NO_SLOT:
        return bank.oldest_hit
    return first


cdef inline place_t pick(const Arena* a, const Channel* c, const Bank* bank) noexcept nogil:
    """The request that a scheduler from Fcfs on serves next in a bank."""
    if a.config.scheduler == SCHEDULER_FCFS:
        return bank.oldest
    if a.config.scheduler > SCHEDULER_FRFCFS_CAP:
        return pick_of_preferred(a, c, bank)
    if bank.open_row == CLOSED_ROW or bank.oldest_hit == NO_SLOT:
        return bank.oldest
    if bank.columns >= a.config.row_hit_cap and not is_fresh(bank):
        return bank.oldest
    return bank.oldest_hit


cdef inline int64_t id_at(const Arena* a, place_t place) noexcept nogil:
    return slot_at(a, place).tag >> BANK_BITS


cdef inline void mute_all_but_oldest(const Arena* a, Channel* c) noexcept nogil:
    """Fcfs: only the bank of the channel's oldest request takes part, and those that refresh a victim."""
    cdef uint64_t left = c.active
    cdef int64_t id, number
    cdef int64_t oldest = -1
    cdef int64_t winner = 0
    while left:
        number = lowest_bit(left)
        left &= left - 1
        id = id_at(a, c.banks[number].oldest)
        if oldest < 0 or id < oldest:
            oldest, winner = id, number
    c.mute = c.active & ~bit(winner) & ~(c.victims & ~c.open)
