"""One cycle of the memory, and the loop over the cycles in which anything can happen.

The loop jumps to the next cycle in which any phase can do something, which changes nothing but time: a
phase that is looked at too early does nothing. Phases A and B belong to all channels together
(dram_front); C to F run in each channel by itself, channel 0 first, and only in channels whose time has
come. The loop is compiled for ANY configuration and for PLAIN ones, and LONE ones have one of their own:
what runs for every request takes the constant `plain` and is `inlined`, so that the compiler drops the
rarer policies.
"""

from libc.stdint cimport int64_t

from ext._types cimport cycle_t
from ext.dram_admission cimport NOT_LISTED, admit, can_admit, end_gathering, update_write_mode
from ext.dram_commands cimport issue, issue_drowsy, issue_urgent
from ext.dram_front cimport end_alone, respond, take_requests
from ext.dram_managers cimport (
    drowsy_rank, manage, manage_drowsy, may_sleep, propose_urgent, update_held, urgent_rank,
)
from ext.dram_numbers cimport (
    ANY, BANK_BITS, LONE, NEVER, NO_SLOT, PAGE_TIMEOUT, PLACE_MASK, PLAIN, PRE, SCHEDULER_BLISS,
    SCHEDULER_GRP_FRFCFS_WM, STALL_COMMAND, earlier, inlined, later, rarely,
)
from ext.dram_policy cimport (
    bank_of, choose, choose_banks, choose_now, choose_winner, choose_winner_now, cycle_of, may_stay, welcome,
)
from ext.dram_spare cimport issue_spare, schedule_spare
from ext.dram_state cimport NO_NEED, Arena, Bank, Channel, Requests, Tape, bank_at, channel_at, place_t
from ext.dram_statistics cimport account, stall_of

cdef enum Outcome:
    PAUSED = 0
    DONE = 1
    LOG_IS_FULL = 2


# -------------------------------------------------------------------------------------- phase E, and phase F

cdef inline void look_again(Arena* a, Channel* c, cycle_t t) noexcept nogil:
    """A command went out: the managers may see another state in the next cycle."""
    if rarely(c.manager_watches):
        c.manager_at = earlier(c.manager_at, t + 1)


cdef inline inlined admit_again(
    Arena* a, Channel* c, const Requests* r, Tape* tape, int64_t number, cycle_t t, int plain
) noexcept nogil:
    """Phase F: once more, which a place that was freed in this cycle makes possible. Bank `number` will
    choose anyway."""
    cdef int64_t joined
    if not plain and rarely(a.config.scheduler == SCHEDULER_GRP_FRFCFS_WM):
        update_write_mode(a, c)
    if c.last_admitted_at < t and can_admit(c):
        admit(a, c, r, tape, t, &joined, plain)
        if joined != number and joined != NOT_LISTED and not may_stay(a, &c.banks[joined], plain):
            choose(a, c, joined, plain)
        if not plain and rarely(a.config.scheduler == SCHEDULER_GRP_FRFCFS_WM):
            update_write_mode(a, c)


cdef inline inlined issue_best(
    Arena* a, Channel* c, const Requests* r, Tape* tape, int64_t best, Bank* bank, bint is_extra,
    cycle_t t, int plain
) noexcept nogil:
    """The winning candidate goes out."""
    cdef int64_t number = bank_of(best)
    cdef place_t place = c.wanted_tag[number] & PLACE_MASK
    cdef int64_t command = bank.wanted
    if not plain and rarely(is_extra):
        place, command = bank.extra, PRE
    issue(a, c, r, tape, number, bank, place, command, t, plain)


cdef inline inlined issue_one(
    Arena* a, Channel* c, const Requests* r, Tape* tape, cycle_t t, int plain
) noexcept nogil:
    """One command bus, and a bank has won."""
    cdef int64_t number = bank_of(c.best)
    cdef Bank* bank = bank_at(c, number)
    issue_best(a, c, r, tape, c.best, bank, c.best_is_extra, t, plain)
    admit_again(a, c, r, tape, number, t, plain)
    choose_now(a, c, number, bank, plain)
    choose_winner_now(a, c, t + 1, plain)
    look_again(a, c, t)


cdef inline bint issue_urgent_command(Arena* a, Channel* c, Tape* tape, cycle_t t, int plain) noexcept nogil:
    cdef int64_t rank = urgent_rank(a, c, t)
    if rank < 0:
        return False
    issue_urgent(a, c, tape, rank, t, plain)
    c.manager_at = t + 1
    return True


cdef inline bint issue_last(Arena* a, Channel* c, Tape* tape, cycle_t t, int plain) noexcept nogil:
    """Offers of banks with an empty list, then sleep."""
    cdef int64_t rank
    if not plain and c.spare_at <= t and issue_spare(a, c, tape, t):
        look_again(a, c, t)
        return True
    rank = drowsy_rank(a, c, t)
    if rank < 0:
        return False
    issue_drowsy(a, c, tape, rank, t, plain)
    c.manager_at = t + 1
    return True


cdef inline void derive_again(Arena* a, Channel* c, const Requests* r, cycle_t t) noexcept nogil:
    """Two command buses: what the managers want, after the column command of this cycle."""
    cdef int64_t number
    for number in range(a.config.n_ranks):
        if c.ranks[number].urgent_kind != NO_NEED:
            propose_urgent(a, c, number)
    if may_sleep(a) or c.n_drowsy:
        manage_drowsy(a, c, r, t)


cdef inline bint issue_two(Arena* a, Channel* c, const Requests* r, Tape* tape, cycle_t t) noexcept nogil:
    """Two command buses: a column command, then one of the others, then phase F."""
    cdef int64_t number
    cdef bint issued = cycle_of(c.best) <= t
    if issued:
        number = bank_of(c.best)
        issue_best(a, c, r, tape, c.best, bank_at(c, number), False, t, False)
        if a.config.scheduler == SCHEDULER_GRP_FRFCFS_WM:
            update_write_mode(a, c)
        choose(a, c, number, False)
        choose_winner(a, c, t, False)
        if c.manager_watches:
            derive_again(a, c, r, t)
    if c.n_urgent and issue_urgent_command(a, c, tape, t, False):
        issued = True
    elif cycle_of(c.best_row) <= t:
        number = bank_of(c.best_row)
        issue_best(a, c, r, tape, c.best_row, bank_at(c, number), c.best_is_extra, t, False)
        if a.config.scheduler == SCHEDULER_GRP_FRFCFS_WM:
            update_write_mode(a, c)
        choose(a, c, number, False)
        issued = True
    else:
        if issued:
            schedule_spare(a, c, t)
        issued |= issue_last(a, c, tape, t, False)
    if issued:
        admit_again(a, c, r, tape, -1, t, False)
        choose_winner(a, c, t + 1, False)
        look_again(a, c, t)
    return issued


cdef inline inlined issue_something(
    Arena* a, Channel* c, const Requests* r, Tape* tape, cycle_t t, bint* issued, int plain
) noexcept nogil:
    """Phase E with one command bus: managers, banks, offers of idle banks, sleep."""
    issued[0] = True
    if rarely(c.n_urgent) and issue_urgent_command(a, c, tape, t, plain):
        choose_winner(a, c, t + 1, plain)
    elif c.bank_at <= t:
        issue_one(a, c, r, tape, t, plain)
    elif rarely(c.n_drowsy or (not plain and c.spare_at <= t)) and issue_last(a, c, tape, t, plain):
        choose_winner(a, c, t + 1, plain)
    else:
        issued[0] = False


# ------------------------------------------------------------------------------------- phases C to F together

cdef inline void begin_epoch(Arena* a, Channel* c, cycle_t t) noexcept nogil:
    """Bliss: clear the blacklist at the multiples of bliss_clear."""
    cdef int64_t k, epoch
    if a.config.bliss_clear <= 0:
        return
    epoch = t // a.config.bliss_clear
    if epoch == c.bliss_epoch:
        return
    c.bliss_epoch = epoch
    for k in range(4):
        c.blacklist[k] = 0
    choose_banks(a, c, c.active, False)
    choose_winner(a, c, t, False)


cdef inline inlined schedule_channel(Arena* a, Channel* c, cycle_t t, int plain) noexcept nogil:
    """When has the channel something to do again?"""
    cdef cycle_t soonest
    cdef bint waiting = c.fifo_head != NO_SLOT
    c.input_blocked = waiting and not c.has_room
    soonest = earlier(c.manager_at, c.bank_at)
    if waiting and (c.has_room or (plain != LONE and c.gather_until > t)):
        soonest = t + 1
    if not plain:
        c.clear_at = NEVER
        if a.config.scheduler == SCHEDULER_BLISS and a.config.bliss_clear > 0:
            if c.blacklist[0] | c.blacklist[1] | c.blacklist[2] | c.blacklist[3]:
                c.clear_at = (t // a.config.bliss_clear + 1) * a.config.bliss_clear
        soonest = earlier(soonest, c.clear_at)
    if not plain and rarely(c.victims != 0 or a.config.page_policy == PAGE_TIMEOUT):
        schedule_spare(a, c, t + 1)
        soonest = earlier(soonest, c.spare_at)
    elif not plain:
        c.spare_at = NEVER
    a.step_at[0 if plain == LONE else c.number] = later(soonest, t + 1)


cdef inline inlined step_channel(
    Arena* a, Channel* c, const Requests* r, Tape* tape, cycle_t t, int plain
) noexcept nogil:
    """Phases C to F of one channel."""
    cdef int64_t joined
    cdef cycle_t bound
    cdef bint issued
    account(a, c, t, &bound, plain)
    if can_admit(c):
        admit(a, c, r, tape, t, &joined, plain)
        if joined != NOT_LISTED:
            welcome(a, c, joined, t, plain)
    if not plain and rarely(a.config.scheduler == SCHEDULER_GRP_FRFCFS_WM) and update_write_mode(a, c):
        choose_winner(a, c, t, plain)
    if plain != LONE and rarely(c.gather_until > t):
        end_gathering(a, c, t, plain)
    if rarely(c.manager_watches or c.manager_at <= t):
        manage(a, c, r, t)
    if not plain and rarely(a.config.scheduler == SCHEDULER_BLISS):
        begin_epoch(a, c, t)
    if not plain and rarely(a.config.command_buses == 2):
        issued = issue_two(a, c, r, tape, t)
    else:
        issue_something(a, c, r, tape, t, &issued, plain)
    if rarely(c.held_changes):
        update_held(c, a.config.n_ranks)
        choose_winner(a, c, t + 1, plain)
    c.stalls[STALL_COMMAND if issued else stall_of(bound, t)] += 1
    if c.queued > c.queue_max:
        c.queue_max = c.queued
    schedule_channel(a, c, t, plain)


# ------------------------------------------------------------------------------------------------- the loop

cdef inline inlined step_channels(
    Arena* a, const Requests* r, Tape* tape, cycle_t t, int plain
) noexcept nogil:
    """Those channels whose time has come."""
    cdef int64_t number
    cdef cycle_t soonest = NEVER
    for number in range(a.n_channels):
        if a.step_at[number] <= t:
            step_channel(a, channel_at(a, number), r, tape, t, plain)
        soonest = earlier(soonest, a.step_at[number])
    a.steps_at = soonest


cdef inline void catch_up(Arena* a, cycle_t t, int plain) noexcept nogil:
    """Charge what the channels lost up to the end of cycle t, in which nothing happens to them any more."""
    cdef int64_t number
    cdef cycle_t bound
    cdef Channel* c
    for number in range(a.n_channels):
        c = channel_at(a, number)
        if c.then < t:
            account(a, c, t, &bound, plain)
            c.stalls[stall_of(bound, t)] += 1


cdef inline inlined simulate_cycle(
    Arena* a, const Requests* r, Tape* tape, cycle_t t, int plain
) noexcept nogil:
    """Phases A to F; the cycle of the last delivery ends with it."""
    if a.response_at <= t:
        respond(a, r, tape, t, plain)
        if a.delivered >= a.pause_at:
            a.paused = 1
            if a.delivered == a.n_requests:
                a.finished = 1
                catch_up(a, t - 1, plain)
                return
    if a.input_at <= t:
        take_requests(a, r, tape, t, plain)
    step_channels(a, r, tape, t, plain)


cdef inline inlined run(
    Arena* a, const Requests* r, Tape* tape, cycle_t until_cycle, Outcome* outcome, int plain
) noexcept nogil:
    cdef cycle_t t
    while not a.paused:
        t = earlier(earlier(a.response_at, a.input_at), a.steps_at)
        if not plain:
            t = later(t, a.now + 1)
        if t >= until_cycle:
            a.now = later(until_cycle - 1, a.now)
            catch_up(a, a.now, plain)
            outcome[0] = PAUSED
            return
        a.now = t
        simulate_cycle(a, r, tape, t, plain)
    if a.delivered < a.pause_at:
        outcome[0] = LOG_IS_FULL
        return
    if not a.finished:
        catch_up(a, a.now, plain)
    outcome[0] = DONE if a.finished else PAUSED


cdef inline inlined run_alone(
    Arena* a, const Requests* r, Tape* tape, cycle_t until_cycle, Outcome* outcome
) noexcept nogil:
    """The same for LONE; nothing is written down."""
    cdef Channel* c = channel_at(a, 0)
    cdef cycle_t t
    if a.paused:
        until_cycle = a.now + 1
    while True:
        t = earlier(earlier(a.response_at, a.input_at), a.step_at[0])
        if t >= until_cycle:
            t = later(until_cycle - 1, a.now)
            break
        if a.response_at <= t:
            respond(a, r, tape, t, LONE)
            if a.delivered >= a.pause_at:
                a.paused = 1
                until_cycle = t + 1
                if a.delivered == a.n_requests:
                    a.finished = 1
                    catch_up(a, t - 1, LONE)
                    break
        if a.input_at <= t:
            take_requests(a, r, tape, t, LONE)
        if a.step_at[0] <= t:
            step_channel(a, c, r, tape, t, LONE)
    a.now = t
    if not a.finished:
        catch_up(a, t, LONE)
    end_alone(a)
    outcome[0] = DONE if a.finished else PAUSED


cdef inline bint is_alone(Arena* a, const Tape* tape) noexcept nogil:
    """May the loop for LONE run? Only while every request under way is accepted, and none is gathered."""
    return (a.plain == LONE and a.n_waiting == 0 and a.in_flight[0] == a.next_id - a.delivered
            and channel_at(a, 0).gather_until <= a.now + 1
            and tape.log is NULL and tape.accepted is NULL and tape.finished is NULL)


cdef inline Outcome simulate(
    Arena* a, const Requests* r, Tape* tape, cycle_t until_cycle, int64_t until_requests
) noexcept nogil:
    """Up to, not including, `until_cycle`, or to the end of the cycle that delivers so many requests.

    The loop is compiled three times: the compiler drops what `plain` excludes.
    """
    cdef Outcome outcome
    a.pause_at = earlier(until_requests, a.n_requests)
    a.paused = a.delivered >= a.pause_at
    if is_alone(a, tape):
        run_alone(a, r, tape, until_cycle, &outcome)
    elif a.plain:
        run(a, r, tape, until_cycle, &outcome, PLAIN)
    else:
        run(a, r, tape, until_cycle, &outcome, ANY)
    return outcome
