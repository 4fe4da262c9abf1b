"""Numbers of the SoC engine: sizes, and the meaning of every small integer in its state."""

from libc.stdint cimport int64_t, uint64_t

from ext._types cimport cycle_t

cdef extern from *:
    """
    #include <stdint.h>
    static inline int64_t soc_lowest_bit(uint64_t mask) { return (unsigned) __builtin_ctzll(mask); }
    static inline int64_t soc_later(int64_t a, int64_t b) { return a > b ? a : b; }
    static inline int64_t soc_earlier(int64_t a, int64_t b) { return a < b ? a : b; }
    static inline uint64_t soc_rotated_right(uint64_t x, int64_t k)
    { return (x >> k) | (x << ((64 - k) & 63)); }
    static inline uint64_t soc_from_bit(int64_t k) { return ~UINT64_C(0) << k; }
    #define soc_inlined_void __attribute__((always_inline)) void
    /* Functions of a pxd are all `inline`; those apart would only take registers from the loop that calls. */
    #pragma GCC diagnostic ignored "-Wattributes"
    #define soc_apart_int __attribute__((noinline)) int
    #define soc_apart_number __attribute__((noinline)) int64_t
    #define soc_apart_void __attribute__((noinline)) void
    #define soc_rarely(x) __builtin_expect(!!(x), 0)
    #define SOC_NEVER ((int64_t)1 << 60)
    """
    const cycle_t NEVER "SOC_NEVER"     # later than any event; as a completion: not known yet
    int64_t lowest_bit "soc_lowest_bit"(uint64_t mask) noexcept nogil
    uint64_t from_bit "soc_from_bit"(int64_t k) noexcept nogil      # all bits from bit k on, k: 0 to 63
    uint64_t rotated_right "soc_rotated_right"(uint64_t x, int64_t k) noexcept nogil    # k: 0 to 63
    cycle_t later "soc_later"(cycle_t a, cycle_t b) noexcept nogil
    cycle_t earlier "soc_earlier"(cycle_t a, cycle_t b) noexcept nogil
    bint rarely "soc_rarely"(bint x) noexcept nogil
    void hint "__builtin_prefetch"(const void* place) noexcept nogil    # it is needed soon
    ctypedef void inlined "soc_inlined_void"    # returned by functions that the compiler must inline
    ctypedef void apart "soc_apart_void"        # by those that it must not
    ctypedef int apart_bint "soc_apart_int"
    ctypedef int64_t apart_number "soc_apart_number"

cdef enum:
    ROB = 512                   # places of the ring of instructions in flight: the largest reorder buffer
    ROB_MASK = 511
    ROB_WORDS = 8
    ENTRY_BYTES = 128           # of an instruction in flight, soc_state.Entry
    ENTRY_BITS = 7
    NO_WAITER = 0               # no entry's `behind` is there
    QUEUE = 256                 # places of the rings of loads and stores in flight
    QUEUE_MASK = 255
    RESULTS = 1024              # places of the ring of results in flight
    RESULTS_MASK = 1023
    FETCH_BUFFER = 64           # instructions fetched and not yet dispatched
    FETCH_MASK = 63
    SOON = 64                   # cycles of the calendar in which entries are bits
    SOON_MASK = 63
    BUCKETS = 4096              # cycles that the calendar looks ahead
    BUCKET_MASK = 4095
    BUCKET_WORDS = 64
    SOURCES = 5                 # four registers and an older store to the same place
    REGISTERS = 256
    NOBODY = -1
    N_OPS = 16
    STORE_TABLE = 1024          # places of the table from addresses to the youngest store there
    STORE_TABLE_MASK = 1023
    LINE_BITS = 6
    LINE_BYTES = 64
    MOST_REGISTERS = 128        # miss registers of a cache
    MOST_WALKS = 8              # page walks of a core at a time
    MOST_CORES = 64
    MOST_BANKS = 64
    MOST_PORTS = 16
    MOST_ACCELERATORS = 8
    MOST_SOURCES = 72           # cores and accelerators
    MOST_TABLES = 5             # levels of page tables
    # Who waits for a line at a miss register: loads (place in flight * 4 + number), stores (queue), fetching.
    LOAD_WAITERS = 2048
    FETCH_WAITER = 2304
    WAITERS = 2305
    # Who waits at a register of the second level: miss registers of the first, by cache, and page walks.
    CODE = 0
    DATA = 128
    WALKER = 256
    # Bits of a line's flags
    DIRTY = 1
    WRITABLE = 2                # no other core has it: E or M
    PREFETCHED = 4              # and not used yet
    CAME_UNASKED = 8            # on its way as a prefetch

cdef enum BranchKind:
    NO_BRANCH = 0
    JUMP = 1
    INDIRECT = 2
    CONDITIONAL = 3
    CALL = 4
    INDIRECT_CALL = 5
    RETURN = 6
    OTHER_BRANCH = 7
    KIND_MASK = 15
    TAKEN = 128

cdef enum:                      # queues in which an instruction has places: bits
    HAS_LOADS = 1
    HAS_STORES = 2

cdef enum:                      # kinds of access: who asks a cache
    LOAD = 0
    STORE = 1
    FETCH = 2
    WALK = 3
    PREFETCH = 4
    N_KINDS = 5

cdef enum:                      # levels: where the line of a load was found
    IN_FIRST = 0
    IN_SECOND = 1
    IN_LAST = 2
    IN_MEMORY = 3
    IN_OTHER_CORE = 4

cdef enum:                      # what a cycle without retirement is put down to
    LOST_BASE = 0               # instructions retire
    LOST_FETCH = 1              # code was not there
    LOST_BRANCH = 2             # a mispredicted branch
    LOST_DEPENDENCE = 3         # execution
    LOST_FIRST = 4              # a load, by the level that answered it
    LOST_SECOND = 5
    LOST_LAST = 6
    LOST_MEMORY = 7
    LOST_OTHER_CORE = 8
    LOST_STORE = 9              # the store queue is full
    LOST_TRANSLATION = 10
    LOST_END = 11               # the program has ended
    N_LOST = 12
