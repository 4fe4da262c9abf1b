"""Phase E: the command that was chosen goes out, and what that changes.

Each command is counted and, where a log is kept, written down; it opens or closes rows, moves a request
from its bank's list to the response queue, or changes the state of the whole rank, and raises the floors of
later commands (dram_timing). The union of the intervals in which a row is physically open is summed up for
the energy model. O(1), except that opening a row counts the hits in its bank's list.
"""

from libc.stdint cimport int8_t, int16_t, int64_t, uint8_t, uint64_t

from ext._types cimport cycle_t
from ext.dram_front cimport admit, can_admit, has_room, put_response
from ext.dram_managers cimport settle_refresh
from ext.dram_policy cimport (
    bit, choose, choose_open_banks, choose_winner, count_hits, is_adaptive, may_stay, next_hit, remove,
)
from ext.dram_state cimport (
    ACT, BANK_BITS, CLOSED_ROW, NO_COMMAND, NO_POWER_DOWN, NO_SLOT, PDE, PRE, PREA, RD, RDA, REF,
    ROW_CONFLICT, ROW_HIT, ROW_MISS, SCHEDULER_FRFCFS_GRP, SLOT_MASK, WRA, Arena, Bank, LogEntry, Requests,
    Slot, Tape, bit_count, earlier, later, lowest_bit,
)
from ext.dram_timing cimport (
    floors_after_activate, floors_after_power_up, floors_after_precharge, floors_after_precharge_all,
    floors_after_read, floors_after_refresh, floors_after_write, write_to_precharge,
)


cdef inline void record(
    Tape* tape, cycle_t t, uint8_t command, int64_t number, const Slot* slot
) noexcept nogil:
    """Write down a command for a request's bank, or for the rank (slot NULL)."""
    if tape.log is NULL:
        return
    cdef LogEntry* entry = &tape.log[tape.n_logged]
    tape.n_logged += 1
    entry.cycle = t
    entry.command = command
    entry.bank = <int8_t> number
    entry.request = -1 if slot is NULL else slot.index
    entry.row = -1 if slot is NULL else slot.row
    entry.column = slot.column if slot is not NULL and RD <= command <= WRA else -1


cdef inline void open_row(Arena* a, int64_t number, Slot* slot, cycle_t t) noexcept nogil:
    cdef Bank* bank = &a.banks[number]
    if slot.row_class == ROW_HIT:
        slot.row_class = ROW_MISS
    if a.open == 0 and t >= a.active_end:
        a.active_cycles += a.active_end - a.active_since
        a.active_since = t
    a.open |= bit(number)
    bank.open_row = slot.row
    bank.oldest_hit = bank.oldest
    if is_adaptive(a):
        count_hits(a, bank)
    floors_after_activate(a, bank, t)


cdef inline void close_row(Arena* a, int64_t number, cycle_t physical_close) noexcept nogil:
    cdef Bank* bank = &a.banks[number]
    a.open &= ~bit(number)
    a.active_end = later(a.active_end, physical_close)
    bank.open_row = CLOSED_ROW
    bank.hits = 0
    bank.oldest_hit = NO_SLOT


cdef inline void move_data(
    Arena* a, int64_t number, int16_t position, bint auto_precharge, cycle_t t
) noexcept nogil:
    """RD, RDA, WR or WRA: the request leaves its bank's list."""
    cdef Bank* bank = &a.banks[number]
    cdef Slot* slot = &a.slots[position]
    cdef cycle_t recovery
    remove(a, bank, position)
    a.queued -= 1
    a.queued_writes -= slot.is_write
    a.has_room = has_room(a)
    a.queue_integral += t
    a.row_classes[slot.row_class] += 1
    a.idle_since = t
    if slot.is_write:
        floors_after_write(a, bank, t, auto_precharge)
        put_response(a, position, t + a.config.t_cwl + a.config.t_burst, t)
        recovery = write_to_precharge(a)
    else:
        floors_after_read(a, bank, t, auto_precharge)
        put_response(a, position, t + a.config.t_cl + a.config.t_burst, t)
        recovery = a.config.t_rtp
    if auto_precharge:
        close_row(a, number, later(t + recovery, bank.activated + a.config.t_ras))
    elif bank.oldest_hit == position:
        bank.oldest_hit = next_hit(a, bank, slot.newer)
    if a.config.power_down_policy != NO_POWER_DOWN:
        a.manager_at = earlier(a.manager_at, t + later(a.config.power_down_timeout, 1))
    if slot.is_write != a.last_direction:
        a.last_direction = slot.is_write
        if a.config.scheduler == SCHEDULER_FRFCFS_GRP:
            choose_open_banks(a)


cdef inline void issue(Arena* a, const Requests* r, Tape* tape, cycle_t t) noexcept nogil:
    """The winning candidate of the banks goes out, and after a column command phase F follows."""
    cdef int64_t number = a.best & ((1 << BANK_BITS) - 1)
    cdef int16_t position = <int16_t> ((a.wanted_tag[number] >> BANK_BITS) & SLOT_MASK)
    cdef Slot* slot = &a.slots[position]
    cdef Bank* bank = &a.banks[number]
    cdef uint8_t command = bank.wanted
    cdef int64_t joined
    a.commands[command] += 1
    record(tape, t, command, number, slot)
    if command == ACT:
        open_row(a, number, slot, t)
    elif command == PRE:
        slot.row_class = ROW_CONFLICT
        floors_after_precharge(a, bank, t)
        close_row(a, number, t)
    else:
        move_data(a, number, position, command == RDA or command == WRA, t)
        if a.last_admitted_at < t and can_admit(a):
            joined = admit(a, r, tape, t)
            if joined != number and not may_stay(a, &a.banks[joined]):
                choose(a, joined)
    choose(a, number)
    choose_winner(a, t + 1)


cdef inline void precharge_all(Arena* a, cycle_t t) noexcept nogil:
    cdef uint64_t left = a.open
    a.banks_closed_by_prea += bit_count(left)
    floors_after_precharge_all(a, t)
    while left:
        close_row(a, lowest_bit(left), t)
        choose(a, lowest_bit(left))
        left &= left - 1


cdef inline void power_down(Arena* a, cycle_t t) noexcept nogil:
    a.powered_down = 1
    a.powered_down_active = a.open != 0
    a.powered_down_at = t
    a.active_power_downs += a.powered_down_active
    a.power_up_floor = t + a.config.t_cke


cdef inline void power_up(Arena* a, cycle_t t) noexcept nogil:
    if a.powered_down_active:
        a.active_power_down_cycles += t - a.powered_down_at
    else:
        a.precharge_power_down_cycles += t - a.powered_down_at
    a.powered_down = 0
    a.idle_since = t
    floors_after_power_up(a, t)


cdef inline void issue_for_manager(Arena* a, Tape* tape, cycle_t t) noexcept nogil:
    """The command that refresh or power-down proposed goes out; both look again in the next cycle."""
    cdef int64_t command = a.manager_command
    a.commands[command] += 1
    record(tape, t, <uint8_t> command, -1, NULL)
    if command == PREA:
        precharge_all(a, t)
    elif command == REF:
        floors_after_refresh(a, t)
        a.idle_since = t
        settle_refresh(a)
    elif command == PDE:
        power_down(a, t)
    else:
        power_up(a, t)
    a.manager_command = NO_COMMAND
    a.manager_at = t + 1
    choose_winner(a, t + 1)
