"""A core and its caches from their configuration: what is set, placed in the arena, and reset.

The configuration comes as numbers in the order of the tables of soc_fields.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from ext._types cimport cycle_t
from ext.soc_arena cimport Arena, take
from ext.soc_branch cimport place_predictor, reset_predictor
from ext.soc_calendar cimport place_calendar
from ext.soc_directory cimport place_directory
from ext.soc_memory cimport place_memory
from ext.soc_messages cimport place_pool
from ext.soc_noc_state cimport place_noc
from ext.soc_numbers cimport BUCKETS, LOST_DEPENDENCE, NEVER, NOBODY, REGISTERS, ROB, STORE_TABLE
from ext.soc_prefetch cimport NO_PREFETCH, place_prefetcher, reset_prefetcher
from ext.soc_replacement cimport LRU, place_replacement, reset_replacement
from ext.soc_state cimport Cache, Core, CoreConfig
from ext.soc_tlb cimport place_tlb, place_walker, reset_tlb, reset_walker
from ext.soc_uncore_state cimport Uncore

cdef enum:
    PREFETCHED_PAGE_BITS = 12


cdef inline void set_cache(Cache* cache, const int64_t* of, int64_t shift) noexcept nogil:
    """Configuration of a cache, in the order of CACHE_FIELDS."""
    cache.set_mask = of[0] - 1
    cache.ways, cache.latency, cache.n_registers = of[1], of[2], of[3]
    cache.shift = shift
    cache.replacement.kind, cache.replacement.sets, cache.replacement.ways = of[4], of[0], of[1]
    cache.replacement.sampled_sets, cache.replacement.seed = of[5], of[6]
    cache.prefetcher.kind, cache.prefetcher.degree, cache.prefetcher.distance = of[7], of[8], of[9]
    cache.prefetcher.page_bits = PREFETCHED_PAGE_BITS
    cache.is_plain = cache.replacement.kind == LRU and cache.prefetcher.kind == NO_PREFETCH


cdef inline void place_cache(Cache* cache, Arena* arena) noexcept nogil:
    cdef size_t n = (cache.set_mask + 1) * cache.ways
    cache.tag = <uint64_t*> take(arena, n * sizeof(uint64_t))
    cache.ready = <cycle_t*> take(arena, n * sizeof(cycle_t))
    cache.flags = <uint8_t*> take(arena, n)
    cache.latest = <uint8_t*> take(arena, cache.set_mask + 1)
    place_replacement(&cache.replacement, arena)
    place_prefetcher(&cache.prefetcher, arena)


cdef inline void reset_cache(Cache* cache) noexcept nogil:
    memset(cache.tag, 0xff, (cache.set_mask + 1) * cache.ways * sizeof(uint64_t))
    reset_replacement(&cache.replacement)
    reset_prefetcher(&cache.prefetcher)


cdef inline void set_translation(Core* c, const int64_t* of) noexcept nogil:
    """Configuration in the order of TRANSLATION_FIELDS."""
    cdef int64_t level
    c.has_translation = of[0]
    c.walker.levels, c.walker.leaf = of[1], of[2]
    c.code_tlb.sets, c.code_tlb.ways = of[3], of[4]
    c.data_tlb.sets, c.data_tlb.ways = of[5], of[6]
    c.second_tlb.sets, c.second_tlb.ways, c.second_tlb.latency = of[7], of[8], of[9]
    for level in range(2, 6):
        c.walker.cache[level].sets = of[10 + 2 * (level - 2)]
        c.walker.cache[level].ways = of[11 + 2 * (level - 2)]


cdef inline void place_core(Core* c, Arena* arena) noexcept nogil:
    place_cache(&c.code, arena)
    place_cache(&c.data, arena)
    place_cache(&c.second, arena)
    place_tlb(&c.code_tlb, arena)
    place_tlb(&c.data_tlb, arena)
    place_tlb(&c.second_tlb, arena)
    place_walker(&c.walker, arena)
    place_predictor(&c.predictor, arena)


cdef inline void reset_core(Core* c) noexcept nogil:
    cdef int64_t k
    reset_cache(&c.code)
    reset_cache(&c.data)
    reset_cache(&c.second)
    reset_tlb(&c.code_tlb)
    reset_tlb(&c.data_tlb)
    reset_tlb(&c.second_tlb)
    reset_walker(&c.walker)
    reset_predictor(&c.predictor)
    c.drain_at = c.retry_at = c.walk_at = c.finished_at = NEVER
    c.mispredicted = NOBODY
    c.line = c.code_page = ~<uint64_t> 0
    c.late_for = LOST_DEPENDENCE
    c.refused_head = NOBODY
    c.asked.first = c.inbox.first = NOBODY
    for k in range(BUCKETS):
        c.bucket[k] = NOBODY
    for k in range(ROB):
        c.entry[k].dispatched = c.entry[k].retired = -1
    for k in range(REGISTERS):
        c.producer[k] = -BUCKETS
    for k in range(STORE_TABLE):
        c.youngest[k] = NOBODY


cdef inline void set_core(
    Core* c, int64_t number, const int64_t* core, const int64_t* predictor, const int64_t* translation,
    const int64_t* caches, int64_t cache_fields
) noexcept nogil:
    """Configuration of a core; its caches L1I, L1D, L2 one after the other."""
    c.number = number
    memcpy(&c.config, core, sizeof(CoreConfig))
    set_cache(&c.code, caches, 0)
    set_cache(&c.data, caches + cache_fields, 0)
    set_cache(&c.second, caches + 2 * cache_fields, 0)
    set_translation(c, translation)
    c.predictor.kind, c.predictor.btb_sets, c.predictor.btb_ways = predictor[0], predictor[1], predictor[2]
    c.predictor.indirect_targets, c.predictor.return_addresses = predictor[3], predictor[4]


cdef inline void place_uncore(Uncore* u, Arena* arena) noexcept nogil:
    cdef int64_t k
    cdef size_t lines
    place_pool(&u.pool, arena)
    place_calendar(&u.calendar, 2 * u.pool.size + u.config.n_banks, arena)
    place_directory(&u.directory, arena)
    for k in range(u.config.n_banks):
        place_cache(&u.bank[k].cache, arena)
        lines = (u.bank[k].cache.set_mask + 1) * u.bank[k].cache.ways
        u.bank[k].holder = <uint8_t*> take(arena, lines)
    place_memory(&u.memory, arena)
    if u.config.has_noc:
        place_noc(&u.noc, arena)
