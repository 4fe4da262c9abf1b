"""Phase E: the command that was chosen goes out, and what that changes.

Each command is counted and, where a log is kept, written down; it opens or closes rows, moves a request
from its bank's list to the response queue, or changes the state of a whole rank, and raises the floors of
later commands (dram_timing). The union of the intervals in which a row of a rank is physically open is
summed up for the energy model. O(1), except that opening a row counts the hits in its bank's list for the
adaptive page policies.
"""

from libc.stdint cimport int8_t, int64_t, uint8_t, uint64_t

from ext._types cimport cycle_t
from ext.dram_admission cimport free_entry
from ext.dram_front cimport put_response
from ext.dram_hammer cimport count_activation, pay_activations, settle_rfm
from ext.dram_lists cimport count_hits, next_hit, remove
from ext.dram_managers cimport settle_refresh
from ext.dram_numbers cimport (
    ACT, ANY, AT_ACTIVATE, CLOSED_ROW, LONE, MAX_COMMANDS_A_CYCLE, NO_REFRESH, NO_ROW, NO_SLOT,
    N_BANK_COUNTS, PDE, PRE, PREA, RD, RDA, REF, REFPB, REFSB, RFM, RFMSB, ROW_CONFLICT, ROW_HIT, ROW_MISS,
    SCHEDULER_BLISS, SCHEDULER_FRFCFS_GRP, SCHEDULER_GRP_FRFCFS, SRE, VRR, WRA, bit_count, inlined, later,
    lowest_bit, rarely,
)
from ext.dram_policy cimport choose, choose_banks
from ext.dram_state cimport (
    Arena, Bank, Channel, LogEntry, Rank, Requests, Slot, Tape, bank_at, bit, place_t, slot_at,
)
from ext.dram_timing cimport constrain, constrain_rank, constrain_set, set_of

cdef enum:                      # columns of bank_counts
    COUNT_ACT = 0
    COUNT_PRE = 1
    COUNT_RD = 2
    COUNT_WR = 3
    COUNT_CONFLICT = 4
    COUNT_MISS = 5


cdef inline void write_down(
    Arena* a, Tape* tape, const Channel* c, cycle_t t, int64_t command, int64_t rank, int64_t bank,
    const Slot* slot
) noexcept nogil:
    """Write down a command for a request (slot), or without one (NULL); bank -1: for the rank."""
    cdef LogEntry* entry = &tape.log[tape.n_logged]
    tape.n_logged += 1
    if tape.n_logged + MAX_COMMANDS_A_CYCLE > tape.capacity:
        a.paused = 1
    entry.cycle = t
    entry.command = <uint8_t> command
    entry.channel = <uint8_t> c.number
    entry.rank = <int8_t> rank
    entry.bank = <int8_t> bank
    entry.request = -1 if slot is NULL else slot.index
    entry.row = -1 if slot is NULL else slot.row
    entry.column = slot.column if slot is not NULL and RD <= command <= WRA else -1


cdef inline inlined record(
    Arena* a, Tape* tape, const Channel* c, cycle_t t, int64_t command, int64_t rank, int64_t bank,
    const Slot* slot, int plain
) noexcept nogil:
    if plain != LONE and rarely(tape.log is not NULL):
        write_down(a, tape, c, t, command, rank, bank, slot)


cdef inline inlined count_on_bank(Channel* c, int64_t number, int64_t column) noexcept nogil:
    c.bank_counts[number * N_BANK_COUNTS + column] += 1


cdef inline inlined open_row(
    Arena* a, Channel* c, int64_t number, Bank* bank, Slot* slot, cycle_t t, int plain
) noexcept nogil:
    cdef Rank* rank = &c.ranks[bank.rank]
    if slot.row_class == ROW_HIT:
        slot.row_class = ROW_MISS
    if c.open & rank.banks == 0 and t >= rank.active_end:
        rank.active_cycles += rank.active_end - rank.active_since
        rank.active_since = t
    c.open |= bit(number)
    c.n_activates += 1
    count_on_bank(c, number, COUNT_ACT)
    bank.open_row = slot.row
    bank.oldest_hit = next_hit(a, bank, bank.oldest)
    bank.activated = bank.touched = t
    bank.columns = 0
    if a.counts_hits:
        count_hits(a, bank)


cdef inline void close_row(
    Channel* c, int64_t number, Bank* bank, cycle_t physical_close
) noexcept nogil:
    cdef Rank* rank = &c.ranks[bank.rank]
    c.open &= ~bit(number)
    rank.active_end = later(rank.active_end, physical_close)
    bank.open_row = CLOSED_ROW
    bank.hits = 0
    bank.oldest_hit = NO_SLOT


cdef inline void turn_around(Arena* a, Channel* c, uint8_t direction, int plain) noexcept nogil:
    """The bus changes its direction, and with it the choices of the grouping schedulers."""
    c.last_direction = direction
    if a.config.scheduler == SCHEDULER_FRFCFS_GRP:
        choose_banks(a, c, c.open, plain)
    elif not plain and a.config.scheduler == SCHEDULER_GRP_FRFCFS:
        choose_banks(a, c, c.active, plain)


cdef inline void count_streak(Arena* a, Channel* c, uint8_t source) noexcept nogil:
    """Bliss: a source served too often in a row is put behind the others until the list is cleared."""
    if c.streak_source == source:
        c.streak += 1
    else:
        c.streak_source, c.streak = source, 1
    if c.streak >= a.config.bliss_streak:
        c.streak = 0
        c.blacklist[source >> 6] |= bit(source & 63)
        choose_banks(a, c, c.active, False)


cdef inline inlined move_data(
    Arena* a, Channel* c, const Requests* r, int64_t number, Bank* bank, place_t place,
    bint auto_precharge, cycle_t t, int plain
) noexcept nogil:
    """RD, RDA, WR or WRA: the request leaves its bank's list."""
    cdef Slot* slot = slot_at(a, place)
    cdef int64_t is_write = slot.is_write
    cdef int64_t close
    remove(a, bank, place)
    bank.columns += 1
    bank.touched = t
    if slot.holds_entry:
        free_entry(a, c, slot, r, t, plain)
    else:
        bank.released -= 1
    count_on_bank(c, number, COUNT_RD + is_write)
    if slot.row_class != ROW_HIT:
        count_on_bank(c, number, COUNT_CONFLICT if slot.row_class == ROW_CONFLICT else COUNT_MISS)
    put_response(a, c, place, t + a.data_end[is_write], t, plain)
    if auto_precharge:
        close = a.config.t_write_close if is_write else a.config.t_read_close
        close_row(c, number, bank, later(t + close, bank.activated + a.config.t_ras))
    elif bank.oldest_hit == place:
        bank.oldest_hit = next_hit(a, bank, slot.newer)
    if bank.oldest == NO_SLOT:
        c.active &= ~bit(number)
        c.n_active -= 1
    if is_write != c.last_direction:
        turn_around(a, c, <uint8_t> is_write, plain)
    if not plain and rarely(a.config.scheduler == SCHEDULER_BLISS):
        count_streak(a, c, slot.source)


cdef inline void refresh_victim(Arena* a, Channel* c, Tape* tape, int64_t number, cycle_t t) noexcept nogil:
    """VRR: the neighbours of the aggressor row are refreshed; no row is open afterwards."""
    cdef Bank* bank = bank_at(c, number)
    c.commands[VRR] += 1
    record(a, tape, c, t, VRR, bank.rank, number, NULL, ANY)
    if tape.log is not NULL:
        tape.log[tape.n_logged - 1].row = bank.victim
    bank.victim = NO_ROW
    c.victims &= ~bit(number)
    constrain(a, c, VRR, bank, t, a.plain)


cdef inline inlined issue(
    Arena* a, Channel* c, const Requests* r, Tape* tape, int64_t number, Bank* bank, place_t place,
    int64_t command, cycle_t t, int plain
) noexcept nogil:
    """A command for the request at `place` goes out; the bank has not chosen again yet."""
    cdef Slot* slot = slot_at(a, place)
    if not plain and rarely(command == VRR):
        refresh_victim(a, c, tape, number, t)
        return
    c.commands[command] += 1
    record(a, tape, c, t, command, bank.rank, number, slot, plain)
    constrain(a, c, command, bank, t, plain)
    if command == ACT:
        open_row(a, c, number, bank, slot, t, plain)
        if not plain and rarely(a.config.mitigation):
            count_activation(a, c, r, number, slot, t)
        if not plain and rarely(a.config.slot_release == AT_ACTIVATE) and slot.holds_entry:
            bank.released += 1
            free_entry(a, c, slot, r, t, plain)
    elif command == PRE:
        slot.row_class = ROW_CONFLICT
        count_on_bank(c, number, COUNT_PRE)
        close_row(c, number, bank, t)
    else:
        move_data(a, c, r, number, bank, place, command % 2 == RDA % 2, t, plain)


cdef inline void precharge(
    Arena* a, Channel* c, Tape* tape, int64_t number, cycle_t t, int plain
) noexcept nogil:
    """PRE without a request."""
    cdef Bank* bank = bank_at(c, number)
    c.commands[PRE] += 1
    record(a, tape, c, t, PRE, bank.rank, number, NULL, plain)
    constrain(a, c, PRE, bank, t, plain)
    count_on_bank(c, number, COUNT_PRE)
    close_row(c, number, bank, t)
    choose(a, c, number, plain)


# ------------------------------------------------------------------------------------ commands of a manager

cdef inline void precharge_all(Arena* a, Channel* c, int64_t rank, cycle_t t, int plain) noexcept nogil:
    cdef uint64_t left = c.open & c.ranks[rank].banks
    c.banks_closed_by_prea += bit_count(left)
    while left:
        close_row(c, lowest_bit(left), bank_at(c, lowest_bit(left)), t)
        choose(a, c, lowest_bit(left), plain)
        left &= left - 1


cdef inline void fall_asleep(Channel* c, Rank* rank, int64_t command, cycle_t t) noexcept nogil:
    rank.down_at = t
    c.held_changes = 1
    if command == SRE:
        rank.self_refreshing = 1
        return
    rank.powered_down = 1
    rank.powered_down_active = c.open & rank.banks != 0
    c.active_power_downs += rank.powered_down_active


cdef inline void wake_up(Arena* a, Channel* c, Rank* rank, cycle_t t) noexcept nogil:
    c.held_changes = 1
    if rank.self_refreshing:
        rank.self_refresh_cycles += t - rank.down_at
        if a.config.refresh_policy != NO_REFRESH:
            rank.owed_exit = 1
            rank.refresh_deadline = t
            rank.pulling_in = 0
    elif rank.powered_down_active:
        rank.active_power_down_cycles += t - rank.down_at
    else:
        rank.precharge_power_down_cycles += t - rank.down_at
    rank.powered_down = rank.self_refreshing = 0


cdef inline void refresh_banks(
    Arena* a, Channel* c, int64_t number, int64_t command, cycle_t t, int plain
) noexcept nogil:
    """REF, REFPB, REFSB, RFM, RFMSB."""
    cdef Rank* rank = &c.ranks[number]
    cdef uint64_t banks = rank.banks
    if command == REFPB:
        banks = bit(rank.urgent_bank)
        constrain(a, c, command, &c.banks[rank.urgent_bank], t, plain)
    elif command == REFSB or command == RFMSB:
        banks = set_of(a, number, rank.urgent_target)
        constrain_set(a, c, command, number, rank.urgent_target, t)
    else:
        constrain_rank(a, c, command, number, t)
    c.held_changes = 1
    if command == RFM or command == RFMSB:
        settle_rfm(a, c, rank, banks)
    else:
        pay_activations(a, c, banks)
        settle_refresh(a, rank, t)
    choose_banks(a, c, banks, plain)


cdef inline void issue_urgent(
    Arena* a, Channel* c, Tape* tape, int64_t number, cycle_t t, int plain
) noexcept nogil:
    """The command that refresh or RFM proposed goes out."""
    cdef Rank* rank = &c.ranks[number]
    cdef int64_t command = rank.urgent
    if command == PRE:
        precharge(a, c, tape, rank.urgent_bank, t, plain)
        return
    c.commands[command] += 1
    record(a, tape, c, t, command, number, rank.urgent_bank, NULL, plain)
    if command == PREA:
        constrain_rank(a, c, command, number, t)
        precharge_all(a, c, number, t, plain)
    else:
        refresh_banks(a, c, number, command, t, plain)


cdef inline void issue_drowsy(
    Arena* a, Channel* c, Tape* tape, int64_t number, cycle_t t, int plain
) noexcept nogil:
    """The command into or out of sleep goes out."""
    cdef Rank* rank = &c.ranks[number]
    cdef int64_t command = rank.drowsy
    c.commands[command] += 1
    record(a, tape, c, t, command, number, -1, NULL, plain)
    constrain_rank(a, c, command, number, t)
    if command == PREA:
        precharge_all(a, c, number, t, plain)
    elif command == PDE or command == SRE:
        fall_asleep(c, rank, command, t)
    else:
        wake_up(a, c, rank, t)
