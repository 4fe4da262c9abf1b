"""State of what the cores share: interconnect, banks of the last level, memory; and the whole chip."""

from libc.stdint cimport int16_t, int64_t, uint8_t

from ext._types cimport cycle_t
from ext.soc_accelerator cimport Accelerator
from ext.soc_calendar cimport CALENDAR_CYCLES, Calendar
from ext.soc_clocks cimport Clock
from ext.soc_directory cimport Directory
from ext.soc_memory cimport Memory
from ext.soc_messages cimport Chain, Pool
from ext.soc_noc_state cimport Noc
from ext.soc_numbers cimport MOST_ACCELERATORS, MOST_BANKS, MOST_CORES, MOST_PORTS, MOST_SOURCES
from ext.soc_state cimport Cache, Core

cdef enum Inclusion:
    NINE = 0                    # neither inclusive nor exclusive
    INCLUSIVE = 1
    EXCLUSIVE = 2

cdef struct Bank:               # of the last level
    Cache cache
    Chain waiting               # messages
    cycle_t free_at
    uint8_t scheduled
    uint8_t blocked             # its first message found no miss register
    uint8_t* holder             # core that had each line last
    int64_t writes              # on their way to memory
    int64_t looked
    int64_t waited              # cycles of messages before they were looked at


cdef struct UncoreConfig:       # in the order of soc_fields.UNCORE_FIELDS
    int64_t n_cores
    int64_t n_banks             # 0: no last level
    int64_t n_ports             # memory controllers
    int64_t inclusion
    int64_t has_noc
    int64_t is_coherent
    int64_t bank_cycles         # from one look-up of a bank to the next
    int64_t write_backs         # lines on their way from a core, or from a bank to memory, until others wait
    int64_t n_accelerators


cdef struct UncoreCounts:       # in the order of soc_fields.UNCORE_COUNTS
    int64_t asked               # messages from cores
    int64_t recalled            # lines taken from cores because the last level dropped them
    int64_t forwarded           # lines from core to core
    int64_t invalidations
    int64_t upgrades
    int64_t memory_reads
    int64_t memory_writes
    int64_t memory_latency      # sum over reads, uncore cycles from controller to answer


cdef struct Uncore:
    UncoreConfig config
    Calendar calendar           # of messages that are sent, of those that arrive, of banks that look at one
    Noc noc
    Chain[CALENDAR_CYCLES] crossing     # messages that the crossbar delivers in each of the next cycles
    int64_t[2] flits            # of a message without a line, of one with a line
    Pool pool
    Memory memory
    Directory directory
    int64_t[MOST_CORES] given_back  # lines on their way from each core
    Chain[MOST_CORES] held      # requests of each core that wait for fewer of them
    int16_t[MOST_SOURCES] core_node  # and those of accelerators behind them
    int16_t[MOST_BANKS] bank_node
    int16_t[MOST_PORTS] port_node
    Bank[MOST_BANKS] bank
    int64_t has_asked_memory    # since the chip looked when it comes next
    int64_t has_woken           # a core or an accelerator
    UncoreCounts counts


cdef struct Chip:
    Clock[MOST_CORES] core_clock
    Clock uncore_clock
    Clock memory_clock
    Clock[MOST_ACCELERATORS] accelerator_clock
    int64_t time                # of the last event, femtoseconds
    int64_t n_running           # programs, and tasks of accelerators, that have not ended
    int64_t overflowed          # more was under way than there is room for
    Uncore uncore
    Core* core[MOST_CORES]
    int64_t accelerators_at     # next event of any, femtoseconds
    Accelerator[MOST_ACCELERATORS] accelerator
