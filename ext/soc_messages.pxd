"""What cores, last-level banks and memory controllers send each other: messages of a pool, in chains.

A message lives from the miss to the answer: the request becomes the read of memory, then the data. O(1).
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from ext._types cimport cycle_t
from ext.soc_arena cimport Arena, take
from ext.soc_numbers cimport NOBODY

cdef enum MessageKind:
    GET = 0                     # a core asks the bank of a line for it
    WRITE_BACK = 1              # a line leaves a core's second level
    DATA = 2                    # the line, to the core that asked
    READ = 3                    # a bank, or a core where there are none, asks memory
    READ_DATA = 4               # memory answers
    WRITE = 5                   # a line leaves the chip
    INVALIDATE = 6              # a core gives the line up
    FORWARD = 7                 # a core sends the line to another, which asked for it, and keeps a copy
    FORWARD_AWAY = 8            # the same, and keeps none
    ACKNOWLEDGE = 9             # a core has done so
    UNBLOCK = 10                # the answer has come
    DMA_READ = 11               # an accelerator asks memory
    DMA_WRITE = 12              # a line of an accelerator
    DMA_DATA = 13               # memory answers

cdef enum MessageFlag:
    ASKS_TO_WRITE = 1
    IS_PREFETCH = 2
    HAS_DIRTY_LINE = 4
    GIVES_WRITABLE = 8
    DIRECTED = 16               # the directory has seen it, and the bank provides the line
    LINE_IS_GONE = 32           # of an acknowledgement: the core no longer had it
    WAS_FORWARD = 64            # of an acknowledgement: to FORWARD or FORWARD_AWAY


cdef struct Message:
    uint64_t line
    uint64_t ip                 # of the instruction that asked
    cycle_t at                  # when it leaves who sends it; when it entered where it is (of their cycles)
    cycle_t asked_at            # in cycles of the core
    cycle_t asked_in_uncore     # of a read, when it came to the memory controller
    int32_t next                # in a chain
    int16_t core                # that asked; an accelerator: its number behind those of the cores
    int16_t number              # its miss register
    int16_t source              # node
    int16_t target
    uint8_t kind                # MessageKind
    uint8_t flags
    uint8_t access              # AccessKind
    uint8_t level               # where the line was found
    uint8_t bank
    uint8_t other               # core that is to act
    uint32_t crossing           # its number in the interconnect (mod 2**32), if its delivery is known


cdef struct Pool:
    int64_t size
    int32_t free                # first that is free
    int64_t used
    Message* at


cdef inline void place_pool(Pool* pool, Arena* arena) noexcept nogil:
    pool.at = <Message*> take(arena, pool.size * sizeof(Message))


cdef inline void reset_pool(Pool* pool) noexcept nogil:
    cdef int64_t k
    for k in range(pool.size):
        pool.at[k].next = <int32_t> (k + 1)
    pool.at[pool.size - 1].next = NOBODY
    pool.free = 0
    pool.used = 0


cdef inline int32_t new_message(Pool* pool, int64_t kind, uint64_t line, int64_t core) noexcept nogil:
    """A message; there is always room, for the engine reserves it for the most that can be under way."""
    cdef int32_t number = pool.free
    cdef Message* m = &pool.at[number]
    pool.free = m.next
    pool.used += 1
    m.kind, m.line, m.core = <uint8_t> kind, line, <int16_t> core
    m.ip = 0
    m.number, m.next = NOBODY, NOBODY
    m.flags = m.access = m.level = 0
    return number


cdef inline void drop_message(Pool* pool, int32_t number) noexcept nogil:
    pool.at[number].next = pool.free
    pool.free = number
    pool.used -= 1


cdef struct Chain:
    int32_t first
    int32_t last


cdef inline void append(Pool* pool, Chain* chain, int32_t number) noexcept nogil:
    pool.at[number].next = NOBODY
    if chain.first == NOBODY:
        chain.first = number
    else:
        pool.at[chain.last].next = number
    chain.last = number


cdef inline void prepend(Pool* pool, Chain* chain, int32_t number) noexcept nogil:
    pool.at[number].next = chain.first
    if chain.first == NOBODY:
        chain.last = number
    chain.first = number


cdef inline int32_t take_first(Pool* pool, Chain* chain) noexcept nogil:
    cdef int32_t number = chain.first
    chain.first = pool.at[number].next
    return number
