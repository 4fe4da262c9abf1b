"""The whole chip, in order of time: at one time memory first, then the uncore, cores 0, 1, ..., accelerators.

A core runs on by itself until the next event of anything else, which it can bring nearer only by sending a
message. O(cores) a change between them.
"""

from libc.stdint cimport int32_t, int64_t

from ext._types cimport cycle_t
from ext.soc_accelerator cimport Accelerator, step_accelerator
from ext.soc_champsim cimport champsim_step, champsim_take
from ext.soc_clocks cimport Clock, edge_at, time_of
from ext.soc_core cimport next_event, step
from ext.soc_memory cimport CHAMPSIM, FIXED, Memory, answer_of, next_memory_cycle, step_memory
from ext.soc_messages cimport take_first
from ext.soc_numbers cimport NEVER, NOBODY, earlier, rarely
from ext.soc_state cimport Core
from ext.soc_transport cimport answer_from_memory, from_accelerator, from_core, next_uncore_cycle
from ext.soc_uncore cimport step_uncore
from ext.soc_uncore_state cimport Chip, Uncore

cdef enum:
    SPARE_MESSAGES = 1024       # more than all cores can send before the uncore's next cycle

cdef enum Outcome:
    ENDED = 0                   # every program has run
    TIME_IS_UP = 1
    LOG_IS_FULL = 2
    STUCK = 3                   # nothing will ever happen, and programs have not ended: an error of ours
    OVERFLOWED = 4              # of requests to memory: an error of ours, too


cdef inline void end_program(Chip* chip, Core* c) noexcept nogil:
    """Has the core retired and written all that it had to?"""
    if c.finished_at == NEVER and c.retired == c.stop_at and c.drained == c.n_stores:
        c.finished_at = c.retired_at
        chip.n_running -= 1


cdef struct Agenda:             # who comes next, and when: femtoseconds
    int64_t memory_at
    int64_t uncore_at
    int64_t core_at             # of `core`, the lowest of those with the next event
    int64_t others_at           # of the other cores
    cycle_t memory_cycle
    cycle_t uncore_cycle
    int64_t core


cdef inline void see_memory(const Chip* chip, Agenda* agenda) noexcept nogil:
    agenda.memory_at = NEVER
    if chip.uncore.memory.kind != FIXED:
        agenda.memory_cycle = next_memory_cycle(&chip.uncore.memory)
        agenda.memory_at = time_of(&chip.memory_clock, agenda.memory_cycle)


cdef inline void see_uncore(const Chip* chip, Agenda* agenda) noexcept nogil:
    agenda.uncore_cycle = next_uncore_cycle(&chip.uncore)
    agenda.uncore_at = time_of(&chip.uncore_clock, agenda.uncore_cycle)


cdef inline void see_cores(const Chip* chip, Agenda* agenda) noexcept nogil:
    cdef int64_t k, at
    agenda.core = 0
    agenda.core_at = time_of(&chip.core_clock[0], chip.core[0].next_at)
    agenda.others_at = NEVER
    for k in range(1, chip.uncore.config.n_cores):
        at = time_of(&chip.core_clock[k], chip.core[k].next_at)
        if at < agenda.core_at:
            agenda.others_at = agenda.core_at
            agenda.core_at, agenda.core = at, k
        elif at < agenda.others_at:
            agenda.others_at = at


cdef inline void run_core(Chip* chip, Agenda* agenda, int64_t limit) noexcept nogil:
    """Run a core through its events before a time, at least the next one, or until it has sent a message."""
    cdef Core* c = chip.core[agenda.core]
    cdef const Clock* clock = &chip.core_clock[agenda.core]
    cdef cycle_t t = c.next_at
    cdef cycle_t before
    step(c, t)
    t = next_event(c, t)
    if c.asked.first == NOBODY and time_of(clock, t) < limit:       # often it is not: spare the division
        before = NEVER if limit == NEVER else edge_at(clock, limit)
        while t < before and c.asked.first == NOBODY:
            step(c, t)
            t = next_event(c, t)
    c.next_at = t
    if c.asked.first != NOBODY:
        while c.asked.first != NOBODY:
            from_core(chip, agenda.core, take_first(c.pool, &c.asked))
        see_uncore(chip, agenda)
    see_cores(chip, agenda)
    if rarely(c.retired == c.stop_at):
        end_program(chip, c)


cdef inline void take_answers(Chip* chip, cycle_t t) noexcept nogil:
    """Lines that the memory has read in its cycle t go on their way at the uncore's next edge."""
    cdef Memory* m = &chip.uncore.memory
    cdef cycle_t at = edge_at(&chip.uncore_clock, time_of(&chip.memory_clock, t))
    cdef int64_t k
    cdef int32_t number
    for k in range(m.tape.n_answered):
        number = answer_of(m, m.tape.answered[k])
        if number >= 0:
            answer_from_memory(&chip.uncore, number, at)
    m.tape.n_answered = 0


cdef inline void run_champsim(Chip* chip, cycle_t t) noexcept nogil:
    """One cycle of that simulator's memory."""
    cdef Memory* m = &chip.uncore.memory
    cdef cycle_t at = edge_at(&chip.uncore_clock, time_of(&chip.memory_clock, t))
    cdef int32_t number
    champsim_step(&m.champsim, t)
    while champsim_take(&m.champsim, &number):
        if number != NOBODY:
            answer_from_memory(&chip.uncore, number, at)


cdef inline bint run_memory(Chip* chip, Agenda* agenda) noexcept nogil:
    """One cycle of the memory; False when its log is full."""
    cdef Memory* m = &chip.uncore.memory
    if m.kind == CHAMPSIM:
        run_champsim(chip, agenda.memory_cycle)
        see_uncore(chip, agenda)
    else:
        step_memory(m, agenda.memory_cycle)
        if m.tape.n_answered:
            take_answers(chip, agenda.memory_cycle)
            see_uncore(chip, agenda)
        if m.dram.paused:
            return False
    see_memory(chip, agenda)
    return True


cdef inline void run_accelerators(Chip* chip, int64_t now) noexcept nogil:
    """One cycle of those that have something to do now."""
    cdef Accelerator* a
    cdef int64_t k
    chip.accelerators_at = NEVER
    for k in range(chip.uncore.config.n_accelerators):
        a = &chip.accelerator[k]
        if time_of(&chip.accelerator_clock[k], a.next_at) == now:
            step_accelerator(a, a.next_at)
            while a.leaving.first != NOBODY:
                from_accelerator(chip, k, take_first(a.pool, &a.leaving))
            chip.n_running -= a.finished_at != NEVER
        chip.accelerators_at = earlier(
            chip.accelerators_at, time_of(&chip.accelerator_clock[k], a.next_at)
        )


cdef inline bint is_overfull(const Chip* chip) noexcept nogil:
    """Is more under way, or shared, than there is room for?"""
    if chip.overflowed or chip.uncore.pool.used > chip.uncore.pool.size - SPARE_MESSAGES:
        return True
    return chip.uncore.directory.used > chip.uncore.directory.most


cdef inline bint run_uncore(Chip* chip, Agenda* agenda, int64_t limit) noexcept nogil:
    """Run the uncore through its cycles before a time, at least the next one, or until it has reached
    somebody else; False if more is under way than there is room for."""
    cdef Uncore* u = &chip.uncore
    while True:
        step_uncore(chip, agenda.uncore_cycle)
        if rarely(is_overfull(chip)):
            return False
        see_uncore(chip, agenda)
        if u.has_asked_memory | u.has_woken | (agenda.uncore_at >= limit):
            break
        chip.time = agenda.uncore_at
    if u.has_asked_memory:
        see_memory(chip, agenda)
    if u.has_woken:
        see_cores(chip, agenda)
    u.has_asked_memory = u.has_woken = 0
    return True


cdef inline Outcome run_chip(Chip* chip, int64_t until, bint runs_on) noexcept nogil:
    """Everything before the time `until`, femtoseconds, or until every program has run, unless it runs on.

    Whoever has had its turn says when it comes again, and when those do to whom it may have sent something.
    """
    cdef Agenda agenda
    cdef int64_t limit
    see_memory(chip, &agenda)
    see_uncore(chip, &agenda)
    see_cores(chip, &agenda)
    while chip.n_running or runs_on:
        limit = earlier(earlier(agenda.memory_at, agenda.uncore_at),
                        earlier(agenda.core_at, chip.accelerators_at))
        if limit >= until:
            chip.time = until
            return STUCK if limit == NEVER and until == NEVER else TIME_IS_UP
        chip.time = limit
        if agenda.memory_at == limit:
            if not run_memory(chip, &agenda):
                return LOG_IS_FULL
        elif agenda.uncore_at == limit:
            limit = earlier(earlier(agenda.memory_at, agenda.core_at), earlier(chip.accelerators_at, until))
            if rarely(not run_uncore(chip, &agenda, limit)):
                return OVERFLOWED
        elif agenda.core_at > limit:
            run_accelerators(chip, limit)
            see_uncore(chip, &agenda)
        else:
            limit = earlier(earlier(agenda.memory_at, agenda.uncore_at),
                            earlier(earlier(agenda.others_at, chip.accelerators_at), until))
            run_core(chip, &agenda, limit)
    return ENDED
