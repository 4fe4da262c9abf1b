"""State of the cores and their private caches; that of what they share is in soc_uncore_state."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from ext._types cimport cycle_t
from ext.soc_branch cimport Predictor
from ext.soc_messages cimport Chain, Pool
from ext.soc_numbers cimport (
    BUCKETS, BUCKET_WORDS, FETCH_BUFFER, MOST_REGISTERS, MOST_TABLES, MOST_WALKS, N_KINDS, N_LOST, N_OPS,
    QUEUE, REGISTERS, RESULTS, ROB, ROB_MASK, ROB_WORDS, SOON, SOURCES, STORE_TABLE, WAITERS,
)
from ext.soc_prefetch cimport Prefetcher
from ext.soc_replacement cimport Replacement
from ext.soc_tlb cimport Tlb, Walker


# ----------------------------------------------------------------------------------------------- what is run

cdef struct Instruction:        # of a trace, as it is decoded once; the layout of traces.instructions.DECODED
    uint64_t ip
    uint32_t access             # the first of its addresses
    uint8_t n_loads
    uint8_t n_stores
    uint8_t branch              # BranchKind, and TAKEN
    uint8_t op                  # class of latency
    uint8_t[2] destination      # registers; 0 is none
    uint8_t[4] source
    uint8_t plain               # instructions from this one on that a group takes without a look
    uint8_t queues              # HAS_LOADS, HAS_STORES


cdef struct Page:               # of all programs; the layout of PAGE_DTYPE
    uint64_t number             # virtual
    int64_t space               # address space
    uint64_t[MOST_TABLES] entry     # line that holds the page-table entry read at each level, from level 1 on


cdef struct Program:            # what a core executes
    const Instruction* at
    const uint64_t* address     # physical bytes, of the loads, then of the stores of each instruction
    const uint32_t* page        # number of the page of each address; NULL: translation takes no time
    const Page* pages
    const uint64_t* code_page   # virtual numbers of the pages that hold code, ascending
    const uint64_t* code_line   # physical number of the first line of each
    const uint32_t* code_number     # number of each among the pages
    int64_t n_code
    int64_t page_bits
    int64_t n


cdef struct CoreConfig:         # in the order of soc_fields.CORE_FIELDS
    int64_t width               # fetched, dispatched and retired in a cycle
    int64_t issue_width
    int64_t rob
    int64_t load_queue
    int64_t store_queue
    int64_t load_ports
    int64_t depth               # cycles from fetch to dispatch
    int64_t penalty             # cycles from the end of a mispredicted branch to the next fetch
    int64_t decode_penalty      # cycles from the fetch of a branch whose target was not known to the next
    int64_t in_order
    int64_t walks               # page walks at a time
    int64_t registers           # for results in flight; 0: as many as are needed
    int64_t[N_OPS] latency


# ---------------------------------------------------------------------------------------------------- caches

cdef struct Mshr:               # a miss register
    uint64_t line
    cycle_t ready               # when the line is there and the register free; NEVER while it is owed
    int32_t waiter              # first of those that wait here
    int32_t next                # of an upper register: the next that waits at the same lower one
    uint8_t level               # where the line was found
    uint8_t recalled            # it is to be dropped when it comes


cdef struct Cache:
    int64_t latency
    int64_t is_plain            # LRU, and no prefetcher
    int64_t n_registers
    int64_t shift               # bits of a line number below the number of the set: its bank
    uint64_t set_mask
    int64_t ways
    uint64_t* tag               # line numbers; all ones: empty. The ways of a set side by side
    cycle_t* ready
    uint8_t* flags
    uint8_t* latest             # way of a set that was used last
    Replacement replacement
    Prefetcher prefetcher
    Mshr[MOST_REGISTERS] register
    # Counts
    int64_t[N_KINDS] hits
    int64_t[N_KINDS] merged     # of the hits, those of lines on their way
    int64_t[N_KINDS] misses
    int64_t refused             # no register, or every way of the set owed
    int64_t written_back
    int64_t prefetch_useful
    int64_t prefetch_late       # of the useful ones, those that had not come yet
    int64_t prefetch_useless
    int64_t prefetch_dropped    # no register
    int64_t owed                # registers whose line is not there yet
    cycle_t owed_since
    int64_t owed_integral       # registers * cycles


# ------------------------------------------------------------------------------------------------------ core

cdef struct Entry:              # an instruction in flight
    cycle_t ready               # when the sources known so far are there
    cycle_t complete            # NEVER: not known yet
    cycle_t end                 # of what has been issued of it
    cycle_t retired
    cycle_t dispatched
    cycle_t issued_at           # for the last time
    const Instruction* what
    int64_t number              # of the instruction
    int64_t store               # its first number among the stores
    int64_t forwarder           # number of the older store to the same place, or -1
    uint32_t waiters            # first of those that wait for it: the byte of its `behind`; or NO_WAITER
    uint32_t[SOURCES] behind    # of this one's source: the next that waits for the same
    int16_t next                # in its bucket of the calendar, or another list
    int16_t load                # its place in the queue of loads
    int16_t result              # the first of its places in the ring of results
    uint8_t queues              # that it has places in: HAS_LOADS, HAS_STORES
    uint8_t waits               # sources not known yet
    uint8_t issued              # loads that have gone to the cache
    uint8_t owed                # of them, those not answered yet
    uint8_t translated          # addresses whose page is known
    uint8_t lost                # what lost cycles are put down to once it is in flight (LOST_...)
    uint8_t late                # what it came late for
    int64_t unused              # up to ENTRY_BYTES


cdef struct Walk:               # of page tables
    cycle_t at                  # when it goes on, or ends; NEVER while a line is owed to it
    uint32_t page
    int16_t waiter              # first of the entries that wait for it
    int32_t next                # that waits at the same miss register
    uint8_t used
    uint8_t level               # read next; below the leaf: it ends
    uint8_t for_fetch           # began so, and its page goes to the buffer of code
    uint8_t fetch_waits
    uint8_t blocked             # no miss register


cdef struct Group:              # of instructions fetched in one cycle
    cycle_t at                  # when they can be dispatched
    int64_t end                 # number of the instruction behind them
    int64_t late                # what the first one not dispatched yet was fetched late for


cdef struct CoreCounts:         # in the order of soc_fields.CORE_COUNTS
    int64_t retired
    int64_t loads
    int64_t stores
    int64_t branches
    int64_t mispredictions
    int64_t forwarded           # loads that got their value from a store in the queue
    int64_t walks
    int64_t first_tlb_misses
    int64_t second_tlb_misses
    int64_t answered            # lines that came from below the second level
    int64_t answer_latency      # sum of their times in core cycles
    int64_t rob_integral        # sum over retired instructions of the cycles from dispatch to retirement
    int64_t invalidated         # lines taken away by other cores
    int64_t[N_OPS] operations   # retired, by class
    int64_t[N_LOST] lost        # cycles


cdef struct Core:
    CoreConfig config
    Program program
    int64_t number              # of the core
    int64_t is_coherent         # shares lines with other cores
    int64_t sends_clean         # lines that leave it go down unmodified, too: the last level is exclusive
    int64_t has_last            # there is a last level
    int64_t has_translation
    cycle_t now                 # of the last event
    cycle_t horizon             # cycles before this one have bits in the calendar
    cycle_t next_at             # of the next event
    # front end
    cycle_t fetch_at            # when the next group is fetched; NEVER while something unknown holds it
    int64_t fetched             # instructions before this one are fetched
    int64_t fetch_place         # of the next instruction in the program
    int64_t stop_at             # instructions to run in all
    int64_t mispredicted        # number of the branch that holds the front end, or -1
    int64_t is_held             # fetching waits for a time of dispatch
    uint64_t line               # last line of code, virtual
    uint64_t code_page          # last page of code, virtual
    uint64_t code_base          # its first line
    Group[FETCH_BUFFER] group   # a ring: fetched, and not all dispatched
    int64_t first_group
    int64_t n_groups            # so far
    int64_t late_for            # what the front end waits for
    int64_t next                # instructions before this one have a time of dispatch
    int64_t next_place          # of it in the program
    cycle_t dispatched_at       # of the last of them
    int64_t is_full             # no dispatch before an instruction retires or a store leaves the queue
    # in flight
    int64_t retired             # instructions before this one are retired, or have a time for it
    cycle_t retired_at
    int64_t n_loads
    int64_t n_stores
    cycle_t[QUEUE] load_free    # when each leaves the queue; NEVER: not known yet
    cycle_t[QUEUE] store_free
    cycle_t[QUEUE] store_at     # when each may go to the cache; then when it can be in it
    int64_t n_results
    cycle_t[RESULTS] result_free    # when each register that was written is in nobody's way any more
    uint64_t[QUEUE] store_address
    uint64_t[QUEUE] store_ip
    int64_t[QUEUE] store_number
    int64_t[STORE_TABLE] youngest   # store in the ring by its address
    int64_t[QUEUE] store_older      # the one before it in the table
    int64_t drained             # stores before this one are in the cache
    cycle_t drain_at
    cycle_t drained_at
    int64_t[REGISTERS] producer
    uint64_t[ROB_WORDS] ready   # entries that may issue, by bit
    uint64_t ready_words        # words of `ready` that are not 0, by byte: 1 or 0
    int64_t to_issue            # next, in order
    uint64_t soon               # of the next 64 cycles, those in which entries will be ready, by bit
    uint8_t[SOON][ROB_WORDS] soon_words     # of each of them, the words of `soon_ready` that are not 0
    uint64_t[SOON][ROB_WORDS] soon_ready
    uint64_t[BUCKET_WORDS] busy     # buckets of later cycles with entries, by bit
    uint64_t busy_words         # words of `busy` that are not 0, by bit
    int16_t[BUCKETS] bucket
    Entry[ROB] entry
    int32_t[WAITERS] next_waiter
    int16_t refused_head        # loads that found no miss register, in order
    int16_t refused_tail
    cycle_t retry_at            # when the first of them tries again; NEVER: at the next answer
    uint8_t drain_blocked
    uint8_t fetch_blocked
    # memory
    Cache code
    Cache data
    Cache second
    Tlb code_tlb
    Tlb data_tlb
    Tlb second_tlb
    Walker walker
    Walk[MOST_WALKS] walk
    cycle_t walk_at             # of the first walk that goes on
    cycle_t rare_at             # not after the next event that `rare_events` takes
    Predictor predictor
    # Between the core and what it shares with others
    Pool* pool
    Chain asked                 # messages that left the core in the present step, in order
    Chain inbox                 # that come to it, in order of time
    # Results
    cycle_t finished_at         # NEVER before its program has run once
    CoreCounts counts
    cycle_t* log                # four times of each instruction; NULL: not asked for


cdef inline Entry* entry_of(Core* c, int64_t number) noexcept nogil:
    """The place of an instruction in flight; by bytes, so that the compiler keeps the address at hand."""
    return <Entry*> (<char*> c.entry + (number & ROB_MASK) * sizeof(Entry))
