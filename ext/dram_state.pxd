"""The state of one DRAM simulation: everything it needs to go on, in one block that memcpy copies.

Layers: dram_numbers, dram_state (this file: what is remembered), dram_rules (timing constraints,
compiled), dram_timing (when a command becomes legal), dram_lists (bank lists), dram_policy and
dram_schedulers (which command a bank wants), dram_front (requests in, responses out), dram_admission (into
the bank lists), dram_statistics, dram_managers and dram_sleep (refresh, power-down), dram_hammer (row-
hammer mitigations), dram_commands (what a command changes), dram_loop (one cycle), dram_tuning (opening,
other policies), dram_engine.pyx (the Python face). All are inlined into that one compilation unit.

The meaning of every field is that of simulators/dram/reference.py, the readable twin. All times are device
clock cycles; a bound is packed as cycle << CAUSE_BITS | cause. A request in flight lives in slot `id %
WINDOW`, and is known by its place, where that slot begins; ids are given in the order in which requests
enter, over all channels. The block: one Arena, then its Channels, then the counters of the PRAC mitigation.
"""

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ext._types cimport cycle_t

from ext.dram_numbers cimport (
    COARSE_BINS, MAX_BANKS, MAX_CHANNELS, MAX_EFFECTS, MAX_ENTRIES, MAX_PENDING, MAX_RANKS, MAX_REACH,
    MAX_SOURCES, MAX_WINDOWS, N_BANK_COUNTS, N_BATCHES, N_BINS, N_COMMANDS, N_FLOORS, N_STALLS, PLACE_MASK,
    SLOT_BITS, SPANS, WINDOW, WINDOW_SIZE,
)

ctypedef int64_t place_t        # of a request in flight: the byte of Arena.slots at which its slot begins


cdef struct Config:             # one int64 per entry of CONFIG_FIELDS, in that order
    int64_t n_channels
    int64_t n_ranks             # of a channel
    int64_t n_bank_groups       # of a rank
    int64_t n_banks             # of a rank
    int64_t t_read_data
    int64_t t_write_data
    int64_t t_burst
    int64_t t_ras
    int64_t t_read_close
    int64_t t_write_close
    int64_t t_refi
    int64_t command_buses
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
    int64_t row_hit_cap
    int64_t page_timeout
    int64_t write_high_watermark
    int64_t write_low_watermark
    int64_t command_mux
    int64_t slot_release
    int64_t first_ready
    int64_t write_forwarding
    int64_t write_coalescing
    int64_t self_refresh_timeout
    int64_t port_width
    int64_t bliss_streak
    int64_t bliss_clear
    int64_t mitigation
    int64_t para_threshold
    int64_t graphene_threshold
    int64_t graphene_entries
    int64_t raa_initial
    int64_t raa_maximum
    int64_t prac_threshold
    int64_t mitigation_seed
    int64_t refresh_window


cdef struct Effect:             # an issued command raises a floor: cycles << CAUSE_BITS | cause later
    int64_t bound
    int32_t lane                # or, of Rules.waits, the command that is waited for
    int32_t level               # of Bank.floors: 0 bank, 1 group, 2 rank


cdef struct Effects:
    int64_t n
    Effect at[MAX_EFFECTS]


cdef struct Reach:              # of a command to a bank: what it raises at all levels; lanes in bytes
    int64_t n                   # even: the last may raise nothing
    uint64_t in_group           # all bits, if floors of the group are among them
    Effect at[MAX_REACH]


cdef struct GroupAndRank:
    uint16_t group              # a floor of the group, in `floors`
    uint16_t rank               # a floor of the rank, in the lanes of all ranks


cdef union Lanes:               # of a command to a bank; to begin with, and from there: their sum
    GroupAndRank of
    uint32_t both


cdef struct Window:             # no more than `size` of some commands in a time: raises lanes of the rank
    int64_t size
    int64_t bound
    uint64_t members            # commands, by bit
    uint64_t constrained
    int64_t n_lanes
    int64_t lanes[N_COMMANDS]


cdef struct Rules:              # the constraints, compiled (dram_rules)
    uint8_t bank_lane[N_COMMANDS]
    uint8_t group_lane[N_COMMANDS]
    uint8_t rank_lane[N_COMMANDS]
    uint8_t windows_of[N_COMMANDS]      # by bit: the windows that a command enters
    uint8_t goes_beyond[N_COMMANDS]     # enters windows, or raises floors of other ranks
    uint8_t padding[39]
    Lanes lanes[N_COMMANDS]             # those of the group and of the rank again
    Reach reach[N_COMMANDS]             # the three below in one
    Effects bank[N_COMMANDS]
    Effects group[N_COMMANDS]
    Effects rank[N_COMMANDS]
    Effects others[N_COMMANDS]          # on the other ranks of the channel
    Effects waits[N_COMMANDS]           # of managers' commands: looked up when one is proposed
    Effects waits_for_others[N_COMMANDS]
    int64_t n_rank_lanes
    int64_t n_windows
    Window windows[MAX_WINDOWS]
    int64_t lengths[N_COMMANDS]         # clocks on the command bus


cdef struct Slot:               # one request in flight, 64 bytes
    int64_t index               # in the merged trace
    cycle_t ready               # of its response; NEVER: no column command yet
    int64_t tag                 # id << BANK_BITS | bank, once it is admitted
    int32_t row
    int32_t column
    cycle_t accepted            # -1: not yet (arbiter Simple)
    int32_t older               # neighbours in the bank's list, NO_SLOT at the ends; later the order in which
    int32_t newer               # responses came (older) and were handed to the arbiter (newer), modulo 2**32
    int32_t behind              # next in the channel's FIFO
    int32_t next_response       # next in the controller's response queue, then in the source's
    uint8_t source
    uint8_t is_write
    uint8_t stage
    uint8_t row_class
    uint8_t holds_entry         # of the scheduler buffer
    uint8_t padding[3]


cdef struct Bank:
    cycle_t activated           # cycle of the last ACT
    cycle_t touched             # cycle of the last ACT or column command
    int32_t open_row
    int32_t length              # requests in the list
    int32_t released            # of them, those that hold no entry of the scheduler buffer
    int32_t hits                # of the list, to the open row; counted for the adaptive page policies
    int32_t columns             # column commands since the ACT
    int32_t victim              # aggressor row whose neighbours are to be refreshed, NO_ROW: none
    int32_t oldest              # places of slots
    int32_t newest
    int32_t oldest_hit
    int32_t extra               # first_ready: the request of the additional PRE, NO_SLOT: none
    uint8_t group               # of the channel
    uint8_t rank
    uint8_t wanted              # the candidate's command
    uint8_t padding
    int32_t activations         # counted for RFM (raa)
    int32_t first_last          # of its rank, in `last`
    Lanes lanes                 # where those of its group and of its rank begin
    int64_t floors[3]           # where its own, its group's and its rank's begin, in `floors`
    uint64_t siblings           # the other banks of its group
    int64_t reach[3]            # the same as `floors`, in bytes from the beginning of the channel


cdef struct Table:              # Graphene, one a bank
    int64_t epoch
    int64_t spill
    int32_t rows[MAX_ENTRIES]
    int32_t counts[MAX_ENTRIES]


cdef enum Need:
    NO_NEED = 0
    NEED_REFRESH = 1            # of a unit
    NEED_EXIT_REFRESH = 2       # of the rank, after self-refresh
    NEED_SET_RFM = 3
    NEED_RANK_RFM = 4


cdef struct Rank:
    cycle_t ring[MAX_WINDOWS * WINDOW_SIZE]
    int64_t entered[MAX_WINDOWS]        # commands that entered each window
    uint64_t banks                      # by bit
    # Refresh
    int64_t refresh_debt
    int64_t pulling_in
    cycle_t refresh_deadline
    uint64_t remaining          # units not refreshed in this round
    int64_t forced              # the target's banks are held until it is refreshed
    int64_t target
    int64_t owed_exit           # an all-bank refresh after self-refresh
    uint64_t refresh_blocks     # banks held by a forced refresh, by bit
    uint64_t hammer_blocks      # banks held by a forced RFM
    int64_t rfm_forced
    int64_t rfm_target          # set
    int64_t n_pending
    int64_t pending[MAX_PENDING]        # PRAC counters that are over
    # Proposals of the managers: urgent before the banks, drowsy after them
    int64_t urgent_kind         # whose: a Need
    int64_t urgent_target       # unit or set
    int64_t urgent              # command
    int64_t urgent_bank         # where it goes, -1: the rank
    cycle_t urgent_ready
    int64_t drowsy              # command or NO_COMMAND
    cycle_t drowsy_ready
    # Power-down, self-refresh
    int64_t powered_down
    int64_t powered_down_active
    int64_t self_refreshing
    cycle_t down_at
    # A row of the rank is physically open
    cycle_t active_since
    cycle_t active_end
    int64_t active_cycles
    int64_t active_power_down_cycles
    int64_t precharge_power_down_cycles
    int64_t self_refresh_cycles


cdef struct Channel:
    int64_t number
    cycle_t then                # last cycle looked at; -1 before the first
    cycle_t response_at         # next cycle at which each phase can do something
    cycle_t manager_at
    cycle_t bank_at
    cycle_t spare_at            # offers of banks with an empty list
    cycle_t clear_at            # Bliss
    int64_t best                # winning candidate: cycle, priority, age, bank in one number (dram_policy)
    int64_t best_row            # two command buses: the winner without column commands; `best` those alone
    int64_t best_is_extra       # first_ready: the winner is the bank's additional PRE
    int64_t best_base           # id << BANK_BITS from which ages in `best` count
    cycle_t bus_free            # first cycle in which the command bus (the row bus) is free
    cycle_t column_bus_free
    # Requests
    place_t fifo_head
    place_t fifo_tail
    place_t response_head
    place_t response_tail
    int64_t n_put               # responses counted, so that their order is known
    int64_t last_bank           # of the last admitted request
    cycle_t last_admitted_at
    int64_t queued              # entries of the scheduler buffer held
    int64_t has_room            # for the head of the FIFO
    int64_t queued_writes       # (not beside `queued`: loading both at once waits for both stores)
    cycle_t gather_until        # until then the requests of an idle channel wait for company
    # Banks
    uint64_t active             # with a non-empty list
    int64_t n_active
    uint64_t open
    uint64_t held               # may not be served: rank asleep, or a forced refresh or RFM
    int64_t held_changes        # in the next cycle
    uint64_t mute               # Fcfs: banks with requests but no candidate
    uint64_t victims            # banks with a victim row
    uint64_t full               # Rfm: banks that may not be activated before an RFM
    int64_t last_direction      # 1 after a write
    int64_t write_mode
    int64_t streak              # Bliss
    int64_t streak_source
    int64_t bliss_epoch
    uint64_t blacklist[4]       # sources by bit
    int64_t n_activates         # for requests
    # Managers
    int64_t manager_watches     # look in every cycle simulated
    int64_t n_urgent
    int64_t n_drowsy
    # Statistics
    int64_t commands[N_COMMANDS]
    int64_t banks_closed_by_prea
    int64_t active_power_downs
    int64_t forwarded
    int64_t coalesced
    int64_t queue_integral
    int64_t queue_max
    int64_t blocked_cycles      # before `then`
    int64_t input_blocked       # at the end of cycle `then`
    int64_t stalls[N_STALLS]    # cycles up to `then`
    int64_t bank_counts[MAX_BANKS * N_BANK_COUNTS]
    # Candidates, one per bank
    int64_t wanted_key[MAX_BANKS]       # as far as bank and group decide: cycle << KEY_BITS, plus the tag
    cycle_t wanted_floor[MAX_BANKS]     # of the bank's own rules, packed
    int64_t wanted_tag[MAX_BANKS]       # priority << PRIORITY_SHIFT + (id << BANK_BITS | bank)
    Lanes wanted_lanes[MAX_BANKS]       # its group's floor and its rank's
    uint8_t bank_rank[MAX_BANKS]
    cycle_t floors[N_FLOORS]            # of banks, then of groups, then of ranks
    cycle_t last[MAX_RANKS * N_COMMANDS]        # cycle of the last command of each kind on each rank
    Rank ranks[MAX_RANKS]
    Bank banks[MAX_BANKS]
    Table tables[MAX_BANKS]


cdef struct Span:               # an interval of the timeline
    int64_t requests[2]         # reads, writes delivered
    int64_t latency[2]          # sums from arrival


cdef struct Arena:
    Config config
    Rules rules
    cycle_t now                 # last cycle simulated; -1 before the first
    int64_t finished            # every request is delivered
    int64_t pause_at            # stop when so many requests are delivered
    int64_t paused              # after this cycle: for enough was delivered, or the log is full
    cycle_t response_at
    cycle_t input_at
    cycle_t steps_at            # the earliest of step_at
    cycle_t step_at[MAX_CHANNELS]       # when a channel has something to do
    # What the configuration comes to
    int plain                   # ANY, PLAIN or LONE: which loop it runs
    int counts_hits             # the page policy looks at the number of hits in a list
    int closes                  # after a column command the row is closed: NO_ROWS, ALL_ROWS, SOME_ROWS
    int64_t columns[2]          # the column command for reads, for writes; SOME_ROWS: if the row stays open
    int64_t data_end[2]         # cycles from it to the end of the data
    int64_t n_channels
    int64_t banks_of_channel
    int64_t n_groups            # of a channel
    int64_t banks_per_group
    uint64_t group_banks        # those of group 0
    uint64_t set_banks          # the banks of set 0 of rank 0
    int64_t n_units             # of refresh
    int64_t refresh_step
    int64_t most_postponed
    int64_t most_pulled_in
    int64_t last_units          # of the last policy that refreshed
    int64_t low_watermark
    int64_t n_row_counters      # PRAC: allocated behind the channels
    # Front end
    int64_t next_id
    int64_t oldest_id           # no undelivered id is older; brought up to date when the window seems full
    int64_t n_waiting           # responses that wait at the arbiter
    int64_t n_handed            # responses handed to the arbiter that it held
    int64_t n_held              # sources that can be given one of them in the next cycle
    int64_t delivered
    int64_t n_requests
    int64_t n_sources
    cycle_t last_delivered_at
    int64_t window_full
    # Statistics
    int64_t warmup
    int64_t n_measured_reads
    int64_t batch               # of measured reads
    int64_t batch_left          # reads
    int64_t batch_sums[N_BATCHES]
    int64_t latency_sum[4]      # reads, writes from arrival; reads, writes from acceptance
    int64_t latency_max[4]
    int64_t span_bits           # log2 of the cycles of one interval of the timeline
    cycle_t span_end            # of the timeline
    Span spans[SPANS]
    # Sources
    int64_t position[MAX_SOURCES]
    int64_t in_flight[MAX_SOURCES]
    int64_t in_handshake[MAX_SOURCES]   # arbiter Simple: requests that wait in a channel FIFO
    int64_t next_own[MAX_SOURCES]       # arbiter Reorder: oldest undelivered id of the source, -1: none
    int64_t last_own[MAX_SOURCES]
    place_t held_head[MAX_SOURCES]      # else: responses that the arbiter holds, in the order handed over
    place_t held_tail[MAX_SOURCES]
    cycle_t last_accepted_at[MAX_SOURCES]
    cycle_t next_arrival[MAX_SOURCES]   # NEVER after the last request
    cycle_t offer_at[MAX_SOURCES]
    # Requests in flight, by id % WINDOW
    Slot slots[WINDOW]
    int64_t own_newer[WINDOW]           # next id of the same source
    int32_t histogram[4 * N_BINS]
    int32_t source_histogram[2 * MAX_SOURCES * COARSE_BINS]


cdef struct Requests:           # the merged trace, shared between simulations, never written
    const int64_t* arrival
    const uint8_t* channel      # NULL: all 0
    const uint8_t* bank         # of the channel
    const int32_t* row
    const int32_t* column
    const uint8_t* is_write
    const uint8_t* source
    const int64_t* order        # indices grouped by source; NULL: a single source, in order
    const int64_t* first        # where each source begins in order; n_sources + 1 entries
    const int32_t* row_counter  # PRAC: number of the request's (channel, bank, row); NULL: not indexed


cdef struct LogEntry:           # the layout of LOG_DTYPE
    int64_t cycle
    int64_t request
    int32_t row
    int32_t column
    uint8_t command
    uint8_t channel
    int8_t rank
    int8_t bank


cdef struct Tape:               # what a caller asked to have written down; NULL: not asked for
    LogEntry* log
    int64_t n_logged
    int64_t capacity
    int64_t* accepted
    int64_t* finished
    int64_t* answered           # requests delivered since a live owner looked (ext.soc_memory)
    int64_t n_answered


cdef inline place_t place_of(int64_t id) noexcept nogil:
    return (id << SLOT_BITS) & PLACE_MASK


cdef inline Slot* slot_at(const Arena* a, place_t place) noexcept nogil:
    return <Slot*> (<char*> a.slots + place)


cdef inline Slot* slot_of(const Arena* a, int64_t id) noexcept nogil:
    return slot_at(a, place_of(id))


cdef extern from *:
    """
    /* Keep a pointer in a register or on the stack: computing it again each time takes longer. */
    #define dse_kept(pointer) ({ __typeof__(pointer) kept = (pointer); __asm__("" : "+r"(kept)); kept; })
    """
    Bank* kept "dse_kept"(Bank* bank) noexcept nogil
    Reach* kept_reach "dse_kept"(Reach* reach) noexcept nogil


cdef inline Bank* bank_at(Channel* c, int64_t number) noexcept nogil:
    return kept(&c.banks[number])


cdef inline Channel* channel_at(Arena* a, int64_t number) noexcept nogil:
    return (<Channel*> (a + 1)) + number


cdef inline int32_t* row_counters(Arena* a) noexcept nogil:
    return <int32_t*> channel_at(a, a.n_channels)


cdef inline uint64_t bit(int64_t bank) noexcept nogil:
    return (<uint64_t> 1) << bank
