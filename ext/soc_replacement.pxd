"""Which line of a set leaves: LRU, tree-PLRU, random, SRRIP, BRRIP, DRRIP and SHiP-PC.

The twin, `simulators.soc.twin.replacement`, is the specification, with the source of every constant.
`victim_way` changes nothing and may be asked any number of times; what a replacement changes is done in
`on_evict`, for the line that a fill replaces, before that fill. Lines that are invalidated are not reported,
nor are hits of write-backs and of prefetches. O(1) a hit; O(ways) a miss.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memset

from ext.soc_arena cimport Arena, take
from ext.soc_numbers cimport NEVER, earlier, later, lowest_bit

cdef extern from *:
    """
    #include <stdint.h>
    #define soc_ones(x) __builtin_popcountll(x)
    /* Number n of SplitMix64 (Steele, Lea, Flood 2014); in C, where products may leave 64 bits. */
    static inline uint64_t soc_drawn(uint64_t seed, uint64_t n) {
        uint64_t x = seed + n * 0x9E3779B97F4A7C15u;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
        return x ^ (x >> 31);
    }
    """
    uint64_t n_ones "soc_ones"(uint64_t mask) noexcept nogil
    uint64_t drawn_number "soc_drawn"(uint64_t seed, uint64_t n) noexcept nogil

cdef enum ReplacementKind:
    LRU = 0
    TREE_PLRU = 1
    RANDOM = 2
    SRRIP = 3
    BRRIP = 4
    DRRIP = 5
    SHIP = 6

cdef enum:
    MOST_WAYS = 64
    WAY_BITS = 6
    RRPV_LONG = 2               # re-reference interval predicted for a new line by SRRIP
    RRPV_DISTANT = 3            # the largest of two bits: the first to leave
    BIMODAL_BITS = 5            # BRRIP predicts "long" for a fill in 2**5, drawn at random
    LEADERS = 32                # sets a policy that vote in DRRIP
    SETS_A_LEADER = 4           # with fewer sets than 128, a quarter of them votes for either policy
    PSEL_MIDDLE = 512
    PSEL_MOST = 1023
    SIGNATURE_BITS = 14
    SIGNATURES = 16384
    SHCT_START = 1
    SHCT_MOST = 7
    SAMPLED_SETS = 64           # sets that train SHiP, unless its configuration says otherwise


cdef struct Replacement:
    # Configuration.
    int64_t kind
    int64_t sets
    int64_t ways                # 1 to 64; a power of two for TREE_PLRU
    int64_t sampled_sets        # SHIP: sets that train it; 0, or as many as there are: all
    uint64_t seed               # RANDOM, BRRIP, DRRIP
    # Derived from it by `reset_replacement`.
    int64_t region              # DRRIP: sets that hold one leader of either policy
    int64_t n_leaders
    int64_t sample              # SHIP: every so-manieth set trains
    # State; the arrays of other kinds are NULL.
    int64_t uses                # LRU: hits and fills so far, times MOST_WAYS
    int64_t* used               # LRU [sets * ways]: `uses` at the last one (empty: 0), plus the way
    uint64_t* tree              # TREE_PLRU [sets]: bit n: the older half below node n is the right one
    uint64_t drawn              # RANDOM: lines replaced so far; BRRIP, DRRIP: bimodal fills so far
    uint8_t* rrpv               # the others [sets * ways]
    int64_t psel                # DRRIP
    uint8_t* shct               # SHIP [SIGNATURES]
    uint16_t* signature         # SHIP [sets * ways]
    uint8_t* fate               # SHIP [sets * ways]: a `Fate`

cdef enum Fate:
    UNTRAINED = 0               # no learning from this line: nobody's instruction, or a set that is no sample
    UNUSED = 1
    REUSED = 2


cdef inline void place_replacement(Replacement* r, Arena* arena) noexcept nogil:
    cdef int64_t lines = r.sets * r.ways
    r.used, r.tree, r.rrpv, r.shct, r.signature, r.fate = NULL, NULL, NULL, NULL, NULL, NULL
    if r.kind == LRU:
        r.used = <int64_t*> take(arena, lines * sizeof(int64_t))
    elif r.kind == TREE_PLRU:
        r.tree = <uint64_t*> take(arena, r.sets * sizeof(uint64_t))
    elif r.kind != RANDOM:
        r.rrpv = <uint8_t*> take(arena, lines)
    if r.kind == SHIP:
        r.shct = <uint8_t*> take(arena, SIGNATURES)
        r.signature = <uint16_t*> take(arena, lines * sizeof(uint16_t))
        r.fate = <uint8_t*> take(arena, lines)


cdef inline void reset_replacement(Replacement* r) noexcept nogil:
    cdef int64_t lines = r.sets * r.ways
    cdef int64_t line
    r.n_leaders = min(<int64_t> LEADERS, r.sets // SETS_A_LEADER)
    r.region = r.sets // r.n_leaders if r.n_leaders else 0
    r.sample = max(<int64_t> 1, r.sets // r.sampled_sets) if r.sampled_sets > 0 else 1
    r.uses, r.drawn, r.psel = 0, 0, PSEL_MIDDLE - 1
    if r.used is not NULL:
        for line in range(lines):
            r.used[line] = line % r.ways
    if r.tree is not NULL:
        memset(r.tree, 0, r.sets * sizeof(uint64_t))
    if r.rrpv is not NULL:
        memset(r.rrpv, RRPV_DISTANT, lines)
    if r.shct is not NULL:
        memset(r.shct, SHCT_START, SIGNATURES)
        memset(r.signature, 0, lines * sizeof(uint16_t))
        memset(r.fate, UNTRAINED, lines)


# -------------------------------------------------------------------------------------------------- the parts

cdef inline int64_t one_of(uint64_t mask, uint64_t drawn) noexcept nogil:
    """Number of a set bit of the mask, by a number drawn at random."""
    cdef uint64_t skipped = ((drawn >> 32) * n_ones(mask)) >> 32
    while skipped:
        mask &= mask - 1
        skipped -= 1
    return lowest_bit(mask)


cdef inline int64_t least_recent(const int64_t* used, int64_t ways, uint64_t open) noexcept nogil:
    """The open way used longest ago, without a branch that it could miss."""
    cdef int64_t least = NEVER
    cdef int64_t way
    for way in range(ways):
        least = earlier(least, used[way] if (open >> way) & 1 else NEVER)
    return least & (MOST_WAYS - 1)


cdef inline int64_t oldest_line(const Replacement* r, int64_t first) noexcept nogil:
    """LRU: of the set whose first line this is, an empty one, else the one used longest ago."""
    cdef int64_t least = r.used[first]
    cdef int64_t way
    for way in range(1, r.ways):
        least = earlier(least, r.used[first + way])
    return first + (least & (MOST_WAYS - 1))


cdef inline void on_empty(Replacement* r, int64_t line, int64_t way) noexcept nogil:
    """A line is invalidated."""
    if r.kind == LRU:
        r.used[line] = way


cdef inline int64_t most_distant(const uint8_t* rrpv, int64_t ways, uint64_t open) noexcept nogil:
    """The first open way of the most distant prediction, likewise."""
    cdef int64_t most = 0
    cdef int64_t way, key
    for way in range(ways):
        key = ((<int64_t> rrpv[way] + 1) << WAY_BITS) - way
        most = later(most, key if (open >> way) & 1 else 0)
    return -most & (MOST_WAYS - 1)


cdef inline int64_t leaf_of(uint64_t tree, int64_t ways, uint64_t open) noexcept nogil:
    """The leaf that the bits lead to; the next open one after it, cyclically, if it is not."""
    cdef int64_t node = 1
    cdef uint64_t from_there
    while node < ways:
        node = 2 * node + ((tree >> node) & 1)
    from_there = open >> (node - ways)
    if from_there:
        return node - ways + lowest_bit(from_there)
    return lowest_bit(open)


cdef inline void point_away(uint64_t* tree, int64_t ways, int64_t way) noexcept nogil:
    """Let every node above the leaf say that the other half is the older one."""
    cdef int64_t node = ways + way
    while node > 1:
        if node & 1:
            tree[0] &= ~(<uint64_t> 1 << (node >> 1))
        else:
            tree[0] |= <uint64_t> 1 << (node >> 1)
        node >>= 1


cdef inline void age(uint8_t* rrpv, int64_t ways, int64_t victim) noexcept nogil:
    """Every line as much more distant as makes the victim the most distant of all."""
    cdef int64_t more = RRPV_DISTANT - rrpv[victim]
    cdef int64_t way
    if more == 0:
        return
    for way in range(ways):
        rrpv[way] = <uint8_t> min(<int64_t> RRPV_DISTANT, rrpv[way] + more)


cdef inline uint8_t bimodal(Replacement* r) noexcept nogil:
    r.drawn += 1
    return RRPV_DISTANT if drawn_number(r.seed, r.drawn) >> (64 - BIMODAL_BITS) else RRPV_LONG


cdef inline int64_t led_by(const Replacement* r, int64_t set) noexcept nogil:
    """DRRIP: the policy that the set votes for, or DRRIP."""
    cdef int64_t number, place, leader
    if r.n_leaders == 0 or set >= r.n_leaders * r.region:
        return DRRIP
    number = set // r.region
    place = set % r.region
    leader = number % r.region
    if place == leader:
        return SRRIP
    return BRRIP if place == (leader + r.region // 2) % r.region else DRRIP


cdef inline uint8_t duel(Replacement* r, int64_t set, bint votes) noexcept nogil:
    """DRRIP's prediction for a new line; a miss in a leader's set is a vote against its policy."""
    cdef int64_t policy = led_by(r, set)
    if votes and policy == SRRIP:
        r.psel = min(<int64_t> PSEL_MOST, r.psel + 1)
    elif votes and policy == BRRIP:
        r.psel = max(<int64_t> 0, r.psel - 1)
    if policy == DRRIP:
        policy = BRRIP if r.psel >= PSEL_MIDDLE else SRRIP
    return RRPV_LONG if policy == SRRIP else bimodal(r)


cdef inline uint16_t signature_of(uint64_t ip) noexcept nogil:
    cdef uint64_t folded = ip ^ (ip >> 14) ^ (ip >> 28) ^ (ip >> 42) ^ (ip >> 56)
    return <uint16_t> (folded & (SIGNATURES - 1))


cdef inline uint8_t sign(Replacement* r, int64_t set, int64_t line, uint64_t ip) noexcept nogil:
    """SHiP's prediction for a new line, which carries the signature of its instruction from now on."""
    r.signature[line] = signature_of(ip)
    r.fate[line] = UNUSED if set % r.sample == 0 else UNTRAINED
    return RRPV_LONG if r.shct[r.signature[line]] else RRPV_DISTANT


cdef inline void promote(Replacement* r, int64_t set, int64_t way) noexcept nogil:
    """`on_hit` of all but LRU."""
    cdef int64_t line = set * r.ways + way
    cdef uint8_t* learned
    if r.kind == TREE_PLRU:
        point_away(&r.tree[set], r.ways, way)
        return
    if r.kind == RANDOM:
        return
    r.rrpv[line] = 0
    if r.kind == SHIP and r.fate[line] != UNTRAINED:
        learned = &r.shct[r.signature[line]]
        learned[0] = <uint8_t> min(<int64_t> SHCT_MOST, learned[0] + 1)
        r.fate[line] = REUSED


# --------------------------------------------------------------------------------------------------- the face

cdef inline int64_t victim_way(const Replacement* r, int64_t set, uint64_t open) noexcept nogil:
    """The way to replace next, one of the bits of `open`: the ways whose lines may leave, never none."""
    cdef int64_t first = set * r.ways
    if r.kind == LRU:
        return least_recent(&r.used[first], r.ways, open)
    if r.kind == TREE_PLRU:
        return leaf_of(r.tree[set], r.ways, open)
    if r.kind == RANDOM:
        return one_of(open, drawn_number(r.seed, r.drawn + 1))
    return most_distant(&r.rrpv[first], r.ways, open)


cdef inline void use_line(Replacement* r, int64_t line, int64_t way) noexcept nogil:
    """LRU: the line, by its place among all, is the last used from now on."""
    r.uses += MOST_WAYS
    r.used[line] = r.uses + way


cdef inline void on_hit(Replacement* r, int64_t set, int64_t way, uint64_t ip) noexcept nogil:
    """A demand access finds its line."""
    if r.kind == LRU:
        use_line(r, set * r.ways + way, way)
        return
    promote(r, set, way)


cdef inline void on_fill(
    Replacement* r, int64_t set, int64_t way, uint64_t ip, bint is_prefetch
) noexcept nogil:
    """A line is put in for a demand access, or for a prefetch that the access of `ip` made."""
    cdef int64_t line = set * r.ways + way
    if r.kind == LRU:
        use_line(r, line, way)
    elif r.kind == TREE_PLRU:
        point_away(&r.tree[set], r.ways, way)
    elif r.kind == SRRIP:
        r.rrpv[line] = RRPV_LONG
    elif r.kind == BRRIP:
        r.rrpv[line] = bimodal(r)
    elif r.kind == DRRIP:
        r.rrpv[line] = duel(r, set, not is_prefetch)
    elif r.kind == SHIP:
        r.rrpv[line] = sign(r, set, line, ip)


cdef inline void on_write_back_fill(Replacement* r, int64_t set, int64_t way) noexcept nogil:
    """A line is put in that the level above gave back: no instruction asked for it."""
    cdef int64_t line = set * r.ways + way
    if r.kind == LRU:
        use_line(r, line, way)
    elif r.kind == TREE_PLRU:
        point_away(&r.tree[set], r.ways, way)
    elif r.kind != RANDOM:
        r.rrpv[line] = RRPV_LONG
    if r.kind == SHIP:
        r.fate[line] = UNTRAINED


cdef inline void on_evict(Replacement* r, int64_t set, int64_t way) noexcept nogil:
    """A line leaves because the next fill of this way replaces it."""
    cdef int64_t line = set * r.ways + way
    cdef uint8_t* learned
    if r.kind <= TREE_PLRU:
        return
    if r.kind == RANDOM:
        r.drawn += 1
        return
    age(&r.rrpv[set * r.ways], r.ways, way)
    if r.kind == SHIP and r.fate[line] == UNUSED:
        learned = &r.shct[r.signature[line]]
        learned[0] = <uint8_t> max(<int64_t> 0, learned[0] - 1)
