"""Numbers and bit operations of the DRAM engine: sizes, and the meaning of every small integer in its state.

The order of commands, scopes and causes is that of simulators/dram/memory/constraints.py, of policies that of
simulators/dram/config.py.
"""

from libc.stdint cimport int64_t, uint64_t

from ext._types cimport cycle_t

cdef extern from *:
    """
    #include <stdint.h>
    static inline int64_t dse_lowest_bit(uint64_t mask) { return (unsigned) __builtin_ctzll(mask); }
    static inline int64_t dse_highest_bit(uint64_t mask) { return 63 - __builtin_clzll(mask); }
    static inline int dse_bit_count(uint64_t mask) { return __builtin_popcountll(mask); }
    static inline int64_t dse_later(int64_t a, int64_t b) { return a > b ? a : b; }
    static inline int64_t dse_earlier(int64_t a, int64_t b) { return a < b ? a : b; }
    static inline uint64_t dse_splitmix64(uint64_t x) {
        x += 0x9E3779B97F4A7C15u;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
        return x ^ (x >> 31);
    }
    #define dse_inlined_void __attribute__((always_inline)) void
    #define dse_rarely(x) __builtin_expect(!!(x), 0)
    #define DSE_NEVER ((int64_t)1 << 40)
    #define DSE_NO_KEY INT64_MAX
    """
    const int64_t NO_KEY "DSE_NO_KEY"   # of a bank without requests: never the least
    const cycle_t NEVER "DSE_NEVER"     # later than any event; arrivals are checked to lie below half of it
    int64_t lowest_bit "dse_lowest_bit"(uint64_t mask) noexcept nogil
    int64_t highest_bit "dse_highest_bit"(uint64_t mask) noexcept nogil
    int bit_count "dse_bit_count"(uint64_t mask) noexcept nogil
    cycle_t later "dse_later"(cycle_t a, cycle_t b) noexcept nogil
    cycle_t earlier "dse_earlier"(cycle_t a, cycle_t b) noexcept nogil
    uint64_t splitmix64 "dse_splitmix64"(uint64_t x) noexcept nogil     # wraps around
    bint rarely "dse_rarely"(bint x) noexcept nogil
    ctypedef void inlined "dse_inlined_void"    # returned by functions that the compiler must inline

cdef enum:
    MAX_CHANNELS = 32
    MAX_RANKS = 8
    MAX_BANKS = 64              # of a channel
    MAX_GROUPS = 32             # of a channel
    MAX_SOURCES = 256
    WINDOW = 4096               # ids from the oldest undelivered request to the newest: the reorder buffer
    SLOT_BITS = 6               # log2 of the bytes of a slot; BANK_BITS, so that a tag holds its place
    PLACE_MASK = 262080         # WINDOW - 1 << SLOT_BITS
    NO_SLOT = -1
    CLOSED_ROW = -1
    NO_ROW = -1
    MAX_ENTRIES = 64            # of a bank's Graphene table
    MAX_PENDING = 8             # rows of a rank recorded by PRAC
    # Latency histograms
    N_BATCHES = 32
    EXACT_BINS = 4096           # a latency below this has a bin of its own
    EXACT_BITS = 12
    OCTAVE_BITS = 6             # above: 2**6 bins per octave
    N_BINS = 6080               # EXACT_BINS + 2**OCTAVE_BITS * (TIME_BITS - EXACT_BITS)
    TIME_BITS = 43
    COARSE_BINS = 128           # 4 bins per octave
    SPANS = 512                 # intervals of the timeline
    FIRST_SPAN_BITS = 6
    N_BANK_COUNTS = 8           # ACT, PRE, RD, WR, conflicts, misses, two of padding
    # Keys (dram_policy): cycle | priority | age | bank
    BANK_BITS = 6
    AGE_BITS = 14               # ids in play between two full choices: twice WINDOW, and room
    PRIORITY_SHIFT = 20         # BANK_BITS + AGE_BITS
    KEY_BITS = 22
    CAUSE_BITS = 4
    CAUSE_MASK = 15
    # Lanes: commands with the same incoming constraints at one level share one
    BANK_LANES = 16
    GROUP_LANES = 16
    RANK_LANES = 24
    GROUP_FLOORS = 1024         # where those of the groups begin: MAX_BANKS * BANK_LANES
    RANK_FLOORS = 1536          # GROUP_FLOORS + MAX_GROUPS * GROUP_LANES
    N_FLOORS = 1728             # RANK_FLOORS + MAX_RANKS * RANK_LANES
    NO_LANE = 0                 # never bound
    MAX_EFFECTS = 32
    MAX_REACH = 63              # of a command, at all levels; three times N_COMMANDS are enough
    MANY_BANKS = 7              # so many with requests, and the winner is sought over all
    MAX_WINDOWS = 8
    WINDOW_SIZE = 32            # most commands of a window (four activates: 4)

cdef enum:                      # how much the loop is compiled for (dram_loop)
    ANY = 0
    PLAIN = 1                   # no policy that leaves the fast path
    LONE = 2                    # the same, one channel and source, no gathering, nothing written down

cdef enum:                      # rows closed by auto-precharge (Arena.closes)
    NO_ROWS = 0
    ALL_ROWS = 1
    SOME_ROWS = 2               # auto_precharges decides
    MAX_COMMANDS_A_CYCLE = 64   # two in each channel

cdef enum:                      # commands, in the order of COMMANDS
    ACT = 0
    PRE = 1
    PREA = 2
    RD = 3
    RDA = 4
    WR = 5
    WRA = 6
    REF = 7
    PDE = 8
    PDX = 9
    REFPB = 10
    REFSB = 11
    SRE = 12
    SRX = 13
    VRR = 14
    RFM = 15
    RFMSB = 16
    N_COMMANDS = 17
    NO_COMMAND = 17

cdef enum:                      # scopes of a constraint
    SCOPE_BANK = 0
    SCOPE_GROUP = 1
    SCOPE_RANK = 2
    SCOPE_CHANNEL = 3
    SCOPE_OTHER_RANKS = 4

cdef enum:                      # what a lost cycle is put down to: 0..13 the causes of constraints
    CAUSE_NONE = 0
    CAUSE_REFRESH = 9
    CAUSE_POWER_DOWN = 10
    CAUSE_SELF_REFRESH = 11
    CAUSE_ROW_HAMMER = 12
    CAUSE_COMMAND_BUS = 13
    STALL_IDLE = 14
    STALL_COMMAND = 15
    STALL_BATCHING = 16
    N_STALLS = 17

cdef enum:                      # values of the policy fields of Config
    OPEN = 0
    OPEN_ADAPTIVE = 1
    CLOSED = 2
    CLOSED_ADAPTIVE = 3
    PAGE_TIMEOUT = 4
    CLOSED_CAP = 5
    SCHEDULER_FIFO = 0
    SCHEDULER_FRFCFS_GRP = 1
    SCHEDULER_FRFCFS = 2
    SCHEDULER_FCFS = 3
    SCHEDULER_FRFCFS_CAP = 4
    SCHEDULER_GRP_FRFCFS = 5
    SCHEDULER_GRP_FRFCFS_WM = 6
    SCHEDULER_BLISS = 7
    BANKWISE = 0
    READ_WRITE = 1
    SHARED = 2
    SPLIT_READ_WRITE = 3
    RESPONSES_FIFO = 0
    RESPONSES_REORDER = 1
    NO_REFRESH = 0
    ALL_BANK = 1
    PER_BANK = 2
    SAME_BANK = 3
    ARBITER_SIMPLE = 0
    ARBITER_FIFO = 1
    ARBITER_REORDER = 2
    NO_POWER_DOWN = 0
    ACTIVE_POWER_DOWN = 1
    PRECHARGE_POWER_DOWN = 2
    MUX_OLDEST = 0
    MUX_COLUMNS_FIRST = 1
    AT_COLUMN = 0
    AT_ACTIVATE = 1
    NO_MITIGATION = 0
    PARA = 1
    GRAPHENE = 2
    RFM_COUNTING = 3
    PRAC = 4

cdef enum:                      # life of a request
    WAITING = 0                 # in the channel FIFO or in a bank list
    ISSUED = 1                  # its column command was sent; the response waits in the controller
    RETURNED = 2                # the controller gave the response to the arbiter
    DELIVERED = 3

cdef enum:
    ROW_HIT = 0
    ROW_MISS = 1
    ROW_CONFLICT = 2
