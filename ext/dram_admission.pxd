"""Phases C and F: the head of a channel's FIFO joins the list of its bank, when the scheduler buffer has
room.

Also what a buffer entry is: held from admission to the column command, or to the request's ACT. O(1) a
request, but for forwarding and coalescing, which search the bank's list.
"""

from libc.stdint cimport int64_t

from ext._types cimport cycle_t
from ext.dram_front cimport accept, head_has_room, put_response, reopen
from ext.dram_lists cimport append
from ext.dram_numbers cimport (
    ARBITER_SIMPLE, BANKWISE, LONE, NO_SLOT, READ_WRITE, ROW_HIT, SHARED, inlined, rarely,
)
from ext.dram_policy cimport choose_banks, choose_winner
from ext.dram_state cimport Arena, Channel, Requests, Slot, Tape, place_t, slot_at

cdef enum:
    NOT_LISTED = -1


cdef inline inlined update_room(Arena* a, Channel* c, const Requests* r, int plain) noexcept nogil:
    """Room for a request? Bankwise tests the bank of the request admitted last, as DRAMSys does."""
    cdef int64_t size = a.config.request_buffer_size
    if not rarely(a.config.scheduler_buffer != SHARED):
        c.has_room = c.queued < size
    elif a.config.scheduler_buffer == BANKWISE:
        c.has_room = c.banks[c.last_bank].length - c.banks[c.last_bank].released < size
    elif plain or a.config.scheduler_buffer == READ_WRITE:
        c.has_room = c.queued_writes < size and c.queued - c.queued_writes < size
    else:
        c.has_room = head_has_room(a, c, r)


cdef inline bint can_admit(const Channel* c) noexcept nogil:
    return c.has_room and c.fifo_head != NO_SLOT


cdef inline bint is_served_by_a_write(
    const Arena* a, const Channel* c, int64_t number, const Slot* slot
) noexcept nogil:
    """Forwarding and coalescing: does a listed write go to the same line?"""
    cdef place_t other = c.banks[number].oldest
    if not (a.config.write_coalescing if slot.is_write else a.config.write_forwarding):
        return False
    while other != NO_SLOT:
        if (slot_at(a, other).is_write and slot_at(a, other).row == slot.row
                and slot_at(a, other).column == slot.column):
            return True
        other = slot_at(a, other).newer
    return False


cdef inline inlined admit(
    Arena* a, Channel* c, const Requests* r, Tape* tape, cycle_t t, int64_t* joined, int plain
) noexcept nogil:
    """The head of the FIFO joins the list of its bank, whose number is `joined`; or a write serves it."""
    cdef place_t place = c.fifo_head
    cdef Slot* slot = slot_at(a, place)
    cdef int64_t number = r.bank[slot.index]
    slot.tag += number
    slot.row = r.row[slot.index]
    slot.column = r.column[slot.index]
    slot.is_write = r.is_write[slot.index] != 0
    slot.row_class = ROW_HIT
    c.fifo_head = slot.behind
    c.last_admitted_at = t
    if plain != LONE and rarely(slot.accepted < 0 or (not plain and a.config.arbiter == ARBITER_SIMPLE)):
        if slot.accepted < 0:
            accept(a, tape, slot, slot.source, t, plain)
        if not plain and a.config.arbiter == ARBITER_SIMPLE:
            a.in_handshake[slot.source] -= 1
        reopen(a, slot.source, plain)
    if not plain and rarely(a.config.write_forwarding or a.config.write_coalescing):
        if is_served_by_a_write(a, c, number, slot):
            c.forwarded += not slot.is_write
            c.coalesced += slot.is_write
            put_response(a, c, place, t + 1, t, plain)
            update_room(a, c, r, plain)
            joined[0] = NOT_LISTED
            return
    if plain != LONE and c.active == 0:
        c.gather_until = t + a.config.batching_window
    c.last_bank = number
    slot.holds_entry = 1
    c.queued += 1
    c.queued_writes += slot.is_write
    c.queue_integral -= t
    append(a, c, number, place)
    update_room(a, c, r, plain)
    joined[0] = number


cdef inline inlined free_entry(
    Arena* a, Channel* c, Slot* slot, const Requests* r, cycle_t t, int plain
) noexcept nogil:
    """The request gives its place in the scheduler buffer back."""
    slot.holds_entry = 0
    c.queued -= 1
    c.queued_writes -= slot.is_write
    c.queue_integral += t
    update_room(a, c, r, plain)


cdef inline void end_gathering(Arena* a, Channel* c, cycle_t t, int plain) noexcept nogil:
    """The requests of an idle channel stop waiting for company when the next one has no room."""
    if c.fifo_head != NO_SLOT and not c.has_room:
        c.gather_until = c.spare_at = t
        choose_winner(a, c, t, plain)


cdef inline bint update_write_mode(Arena* a, Channel* c) noexcept nogil:
    """GrpFrFcfsWm: drain writes between the watermarks. True if the mode changed, and with it the choices."""
    cdef int64_t writes = c.queued_writes
    cdef int64_t reads = c.queued - writes
    if c.write_mode:
        if not (writes == 0 or (writes <= a.low_watermark and reads > 0)):
            return False
    elif not (writes > a.config.write_high_watermark or (reads == 0 and writes > 0)):
        return False
    c.write_mode = not c.write_mode
    choose_banks(a, c, c.active, False)
    return True
