"""An accelerator: a systolic array with double-buffered memory and a DMA, as the rest of the chip meets it.

Its work is a list of steps: lines to read, cycles of the cells, lines to write. The lines of a step are asked
for from the cycle on in which the step before begins, into the other half of the buffers. A step begins when
they are all there and the cells are free; its results leave when it is computed. A step that is a barrier is
read only when everything before it is computed and written. In a cycle: a step begins, the next one is
opened, a line is asked for, a line is sent. O(1) a cycle in which something happens.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from ext._types cimport cycle_t
from ext.soc_arena cimport Arena, take
from ext.soc_messages cimport DMA_READ, DMA_WRITE, Chain, Pool, append, new_message
from ext.soc_numbers cimport NEVER, NOBODY, earlier, later


cdef struct AcceleratorConfig:  # in the order of soc_fields.ACCELERATOR_FIELDS
    int64_t line_cycles         # from one line that the DMA asks for, or sends, to the next
    int64_t reads               # lines asked for and not there, at most
    int64_t writes              # lines on their way to memory, at most


cdef struct Step:               # in the order of soc_fields.STEP_FIELDS
    int64_t cycles
    int64_t read_end            # in the lines to read, of all steps
    int64_t write_end
    int64_t is_barrier


cdef struct AcceleratorCounts:  # in the order of soc_fields.ACCELERATOR_COUNTS
    int64_t read_lines
    int64_t written_lines
    int64_t computing           # cycles of the cells
    int64_t waiting             # cycles in which they could have begun a step whose lines were not there
    int64_t read_latency        # sum over lines, cycles


cdef struct Accelerator:
    AcceleratorConfig config
    # What it runs
    const Step* step
    const uint64_t* line_read
    const uint64_t* line_written
    int64_t n_steps
    int64_t source              # its number behind those of the cores
    Pool* pool
    cycle_t next_at
    cycle_t finished_at
    # Reading
    int64_t filling             # step whose lines are read now
    int64_t asked               # lines, of all steps
    int64_t missing             # asked for and not there
    cycle_t asks_at             # not before
    uint8_t is_open             # the lines of `filling` may be asked for
    # Computing
    cycle_t cells_free_at
    cycle_t* done_at            # of each step that has begun
    # Writing
    int64_t writing             # first step that has not sent all its lines
    int64_t sent
    int64_t unwritten           # sent and not in memory
    cycle_t sends_at
    Chain leaving               # messages of this cycle
    AcceleratorCounts counts


cdef inline void place_accelerator(Accelerator* a, Arena* arena) noexcept nogil:
    a.done_at = <cycle_t*> take(arena, a.n_steps * sizeof(cycle_t))


cdef inline void reset_accelerator(Accelerator* a) noexcept nogil:
    a.finished_at = NEVER
    a.leaving.first = NOBODY


cdef inline bint is_all_written(Accelerator* a) noexcept nogil:
    """Of the steps that have begun."""
    return a.writing == a.filling and a.unwritten == 0


cdef inline void begin_step(Accelerator* a, cycle_t t) noexcept nogil:
    cdef const Step* step = &a.step[a.filling]
    if not a.is_open or a.asked != step.read_end or a.missing or t < a.cells_free_at:
        return
    a.counts.waiting += t - a.cells_free_at
    a.counts.computing += step.cycles
    a.cells_free_at = t + step.cycles
    a.done_at[a.filling] = a.cells_free_at
    a.filling += 1
    a.is_open = 0


cdef inline void open_step(Accelerator* a, cycle_t t) noexcept nogil:
    if not a.step[a.filling].is_barrier or (t >= a.cells_free_at and is_all_written(a)):
        a.is_open = 1


cdef inline void ask_for_line(Accelerator* a, cycle_t t) noexcept nogil:
    cdef int32_t number
    if not a.is_open or a.asked == a.step[a.filling].read_end:
        return
    if a.missing == a.config.reads or t < a.asks_at:
        return
    number = new_message(a.pool, DMA_READ, a.line_read[a.asked], a.source)
    a.pool.at[number].asked_at = a.pool.at[number].at = t
    append(a.pool, &a.leaving, number)
    a.asked += 1
    a.missing += 1
    a.asks_at = t + a.config.line_cycles


cdef inline void skip_what_is_sent(Accelerator* a) noexcept nogil:
    while a.writing < a.filling and a.sent == a.step[a.writing].write_end:
        a.writing += 1


cdef inline void send_line_out(Accelerator* a, cycle_t t) noexcept nogil:
    cdef int32_t number
    skip_what_is_sent(a)
    if a.writing == a.filling or t < a.done_at[a.writing]:
        return
    if a.unwritten == a.config.writes or t < a.sends_at:
        return
    number = new_message(a.pool, DMA_WRITE, a.line_written[a.sent], a.source)
    a.pool.at[number].at = t
    append(a.pool, &a.leaving, number)
    a.sent += 1
    a.unwritten += 1
    a.sends_at = t + a.config.line_cycles
    skip_what_is_sent(a)


cdef inline cycle_t after_cycle(const Accelerator* a, cycle_t t) noexcept nogil:
    """The next cycle in which something happens, unless something comes before."""
    cdef cycle_t soonest = NEVER
    if a.filling == a.n_steps:
        if a.writing == a.filling and a.unwritten == 0:
            soonest = a.cells_free_at
    elif not a.is_open:
        if a.writing == a.filling and a.unwritten == 0:
            soonest = a.cells_free_at
    elif a.asked < a.step[a.filling].read_end:
        if a.missing < a.config.reads:
            soonest = a.asks_at
    elif a.missing == 0:
        soonest = a.cells_free_at
    if a.writing < a.filling and a.unwritten < a.config.writes:
        soonest = earlier(soonest, later(a.sends_at, a.done_at[a.writing]))
    return later(soonest, t + 1)


cdef inline void step_accelerator(Accelerator* a, cycle_t t) noexcept nogil:
    """One cycle; messages that leave are in `leaving`."""
    if a.filling < a.n_steps:
        begin_step(a, t)
    if a.filling < a.n_steps and not a.is_open:
        open_step(a, t)
    if a.filling < a.n_steps:
        ask_for_line(a, t)
    send_line_out(a, t)
    if a.filling == a.n_steps and t >= a.cells_free_at and is_all_written(a):
        a.finished_at = t
        a.next_at = NEVER
    else:
        a.next_at = after_cycle(a, t)


cdef inline void line_has_come(Accelerator* a, cycle_t asked_at, cycle_t t) noexcept nogil:
    """A line is there in cycle t, before its step of that cycle."""
    a.missing -= 1
    a.counts.read_lines += 1
    a.counts.read_latency += t - asked_at
    a.next_at = earlier(a.next_at, t)


cdef inline void line_is_written(Accelerator* a, cycle_t t) noexcept nogil:
    a.unwritten -= 1
    a.counts.written_lines += 1
    a.next_at = earlier(a.next_at, t)
