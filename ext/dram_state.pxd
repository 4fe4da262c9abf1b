"""The state of one DRAM controller simulation: everything it needs to go on, in one block that memcpy
copies.

Layers: dram_state (this file: what is remembered), dram_timing (when a command becomes legal), dram_policy
(which command a bank wants), dram_front (requests in, responses out, statistics), dram_managers (refresh,
power-down), dram_commands (what a command changes), dram_tuning (opening, other policies), dram_engine.pyx
(the loop and the Python face). All are inlined into that one compilation unit.

The meaning of every field is that of simulators/dram/reference.py, the readable twin. All times are device
clock cycles. A request in flight lives in slot `id % WINDOW`; ids are given in the order in which requests
enter the channel.
"""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint64_t

from ext._types cimport cycle_t

cdef extern from *:
    """
    #include <stdint.h>
    static inline int dse_lowest_bit(uint64_t mask) { return __builtin_ctzll(mask); }
    static inline int dse_highest_bit(uint64_t mask) { return 63 - __builtin_clzll(mask); }
    static inline int dse_bit_count(uint64_t mask) { return __builtin_popcountll(mask); }
    static inline int64_t dse_later(int64_t a, int64_t b) { return a > b ? a : b; }
    static inline int64_t dse_earlier(int64_t a, int64_t b) { return a < b ? a : b; }
    #define dse_rarely(x) __builtin_expect(!!(x), 0)
    #define DSE_NEVER ((int64_t)1 << 42)
    """
    const cycle_t NEVER "DSE_NEVER"     # later than any event; arrivals are checked to lie below half of it
    int lowest_bit "dse_lowest_bit"(uint64_t mask) noexcept nogil
    int highest_bit "dse_highest_bit"(uint64_t mask) noexcept nogil
    int bit_count "dse_bit_count"(uint64_t mask) noexcept nogil
    cycle_t later "dse_later"(cycle_t a, cycle_t b) noexcept nogil
    cycle_t earlier "dse_earlier"(cycle_t a, cycle_t b) noexcept nogil
    bint rarely "dse_rarely"(bint x) noexcept nogil

cdef enum:
    MAX_BANKS = 64
    MAX_GROUPS = 16
    GROUP_BITS = 4
    MAX_SOURCES = 256
    WINDOW = 4096               # ids from the oldest undelivered request to the newest: the reorder buffer
    SLOT_MASK = 4095
    NO_SLOT = -1
    CLOSED_ROW = -1
    N_BATCHES = 32
    EXACT_BINS = 4096           # a latency below this has a bin of its own
    EXACT_BITS = 12
    OCTAVE_BITS = 6             # above: 2**6 bins per octave
    N_BINS = 6080               # EXACT_BINS + 2**OCTAVE_BITS * (TIME_BITS - EXACT_BITS)
    TIME_BITS = 43
    BANK_BITS = 6
    AGE_BITS = 14               # ids in play between two full choices: twice WINDOW, and room
    KEY_BITS = 20               # BANK_BITS + AGE_BITS

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
    N_COMMANDS = 10
    NO_COMMAND = 10

cdef enum:                      # lanes: what constrains a candidate beyond its own bank
    LANE_READ = 0
    LANE_WRITE = 1
    LANE_ACTIVATE = 2
    LANE_PRECHARGE = 3
    N_LANES = 4

cdef enum:                      # values of the policy fields of Config
    OPEN = 0
    OPEN_ADAPTIVE = 1
    CLOSED = 2
    CLOSED_ADAPTIVE = 3
    SCHEDULER_FIFO = 0
    SCHEDULER_FRFCFS_GRP = 1
    SCHEDULER_FRFCFS = 2
    BANKWISE = 0
    READ_WRITE = 1
    SHARED = 2
    RESPONSES_FIFO = 0
    RESPONSES_REORDER = 1
    NO_REFRESH = 0
    ALL_BANK = 1
    ARBITER_SIMPLE = 0
    ARBITER_FIFO = 1
    ARBITER_REORDER = 2
    NO_POWER_DOWN = 0
    ACTIVE_POWER_DOWN = 1
    PRECHARGE_POWER_DOWN = 2

cdef enum:                      # life of a request
    WAITING = 0                 # in the channel FIFO or in a bank list
    ISSUED = 1                  # its column command was sent; the response waits in the controller
    RETURNED = 2                # the controller gave the response to the arbiter
    DELIVERED = 3

cdef enum:
    ROW_HIT = 0
    ROW_MISS = 1
    ROW_CONFLICT = 2


cdef struct Config:             # one int64 per entry of CONFIG_FIELDS, in that order
    int64_t n_banks
    int64_t n_bank_groups
    int64_t t_rcd
    int64_t t_rp
    int64_t t_ras
    int64_t t_rc
    int64_t t_rrd_s
    int64_t t_rrd_l
    int64_t t_faw
    int64_t t_ccd_s
    int64_t t_ccd_l
    int64_t t_wtr_s
    int64_t t_wtr_l
    int64_t t_rtp
    int64_t t_wr
    int64_t t_cl
    int64_t t_cwl
    int64_t t_burst
    int64_t t_rtw
    int64_t t_rfc
    int64_t t_refi
    int64_t t_xp
    int64_t t_cke
    int64_t page_policy
    int64_t scheduler
    int64_t scheduler_buffer
    int64_t request_buffer_size
    int64_t resp_queue
    int64_t refresh_policy
    int64_t refresh_max_postponed
    int64_t refresh_max_pulledin
    int64_t arbiter
    int64_t max_active_transactions
    int64_t power_down_policy
    int64_t power_down_timeout
    int64_t batching_window


cdef struct Slot:               # one request in flight, 32 bytes
    int64_t index               # in the merged trace
    cycle_t accepted            # -1: not yet (arbiter Simple)
    int32_t row
    int32_t column
    int16_t older               # neighbours in the bank's list, NO_SLOT at the ends
    int16_t newer
    uint8_t source
    uint8_t is_write
    uint8_t stage
    uint8_t row_class


cdef struct Bank:
    cycle_t activate_floor      # earliest ACT, PRE, column, column with auto-precharge after a write
    cycle_t precharge_floor
    cycle_t column_floor
    cycle_t read_auto_floor
    cycle_t activated           # cycle of the last ACT
    int32_t open_row
    int32_t length              # requests in the list
    int32_t hits                # of them, to the open row; counted for the adaptive page policies
    int16_t oldest
    int16_t newest
    int16_t oldest_hit
    uint8_t group
    uint8_t wanted              # the candidate's command


cdef struct Arena:
    Config config
    # The channel
    cycle_t now                 # last cycle simulated; -1 before the first
    int64_t finished            # every request is delivered
    int64_t pause_at            # stop when so many requests are delivered
    int64_t paused
    cycle_t response_at         # next cycle at which each phase can do something
    cycle_t input_at
    cycle_t admit_at
    cycle_t manager_at
    cycle_t bank_at
    int64_t best                # winning candidate of the banks: cycle, age, bank in one number (dram_policy)
    int64_t best_base           # id from which ages in `best` count
    # Front end
    int64_t next_id
    int64_t next_admitted       # ids from here to next_id are the channel FIFO
    int64_t oldest_id           # oldest id not delivered
    int64_t n_issued            # RespQueue Fifo: responses put into the queue
    int64_t n_taken             # place of the next one to leave: its number (Fifo), or its id (Reorder)
    int64_t n_waiting           # responses that wait at the arbiter for an older one of their source
    int64_t n_held              # sources that can be given one of them in the next cycle
    int64_t delivered
    int64_t n_requests
    int64_t n_sources
    int64_t last_bank           # of the last admitted request
    cycle_t last_admitted_at
    cycle_t last_delivered_at
    int64_t queued              # requests in all bank lists
    int64_t queued_writes
    int64_t window_full
    int64_t has_room            # for one more request in the buffer
    # Banks
    uint64_t active             # banks with a non-empty list
    uint64_t open
    int64_t last_direction      # 1 after a write
    cycle_t blocked_from        # first cycle in which a forced refresh holds the banks
    # Managers
    int64_t manager_command
    cycle_t manager_ready       # earliest cycle of manager_command
    int64_t manager_watches     # look in every simulated cycle
    int64_t refresh_debt
    int64_t pulling_in
    cycle_t refresh_deadline
    int64_t powered_down
    int64_t powered_down_active
    cycle_t powered_down_at
    cycle_t idle_since
    cycle_t gather_until        # until then the requests at an idle rank wait for company
    # Earliest cycles beyond the bank
    cycle_t rank_floor[N_LANES]
    cycle_t group_floor[N_LANES * MAX_GROUPS]
    cycle_t recent_activates[4]
    int64_t n_activates
    cycle_t precharge_all_floor
    cycle_t refresh_floor
    cycle_t power_down_floor
    cycle_t power_up_floor
    # Statistics
    cycle_t active_since
    cycle_t active_end
    int64_t active_cycles
    int64_t active_power_down_cycles
    int64_t precharge_power_down_cycles
    int64_t commands[N_COMMANDS]
    int64_t banks_closed_by_prea
    int64_t active_power_downs
    int64_t row_classes[3]
    int64_t queue_integral
    int64_t queue_max
    int64_t blocked_cycles      # before `now`
    int64_t input_blocked       # at the end of cycle `now`
    int64_t warmup
    int64_t n_measured_reads
    int64_t reads_done
    int64_t batch
    int64_t batch_edge
    int64_t batch_sums[N_BATCHES]
    int64_t batch_counts[N_BATCHES]
    int64_t latency_count[2]
    int64_t latency_sum[4]      # reads, writes from arrival; reads, writes from acceptance
    int64_t latency_max[4]
    # Candidates, one per bank
    cycle_t wanted_floor[MAX_BANKS]
    int64_t wanted_tag[MAX_BANKS]       # id << BANK_BITS | bank
    uint8_t wanted_lane[MAX_BANKS]      # lane * MAX_GROUPS + group
    Bank banks[MAX_BANKS]
    # Sources
    int64_t position[MAX_SOURCES]
    int64_t in_flight[MAX_SOURCES]
    int64_t in_handshake[MAX_SOURCES]   # arbiter Simple: a request waits in the channel FIFO
    int64_t next_own[MAX_SOURCES]       # arbiter Reorder: oldest undelivered id of the source, -1: none
    int64_t last_own[MAX_SOURCES]
    cycle_t last_accepted_at[MAX_SOURCES]
    cycle_t next_arrival[MAX_SOURCES]   # NEVER after the last request
    cycle_t offer_at[MAX_SOURCES]
    # Requests in flight, by id % WINDOW
    Slot slots[WINDOW]
    int64_t own_newer[WINDOW]           # next id of the same source
    # Responses by the order in which they leave: that of the column commands (Fifo) or of the ids (Reorder)
    cycle_t ready_at[WINDOW]            # NEVER where there is none yet
    int16_t response_slot[WINDOW]
    int32_t histogram[4 * N_BINS]


cdef struct Requests:           # the merged trace, shared between simulations, never written
    const int64_t* arrival
    const uint8_t* bank
    const int32_t* row
    const int32_t* column
    const uint8_t* is_write
    const uint8_t* source
    const int64_t* order        # indices grouped by source; NULL: a single source, in order
    const int64_t* first        # where each source begins in order; n_sources + 1 entries


cdef struct LogEntry:           # the layout of LOG_DTYPE
    int64_t cycle
    int64_t request
    int32_t row
    int32_t column
    uint8_t command
    int8_t bank


cdef struct Tape:               # what a caller asked to have written down; NULL: not asked for
    LogEntry* log
    int64_t n_logged
    int64_t capacity
    int64_t* accepted
    int64_t* finished
