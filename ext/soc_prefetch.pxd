"""What a cache fetches before it is asked: next line, stride by instruction, streams, best offset, SPP.

The twin, `simulators.soc.twin.prefetch`, is the specification, with the source of every constant. `advise` is
called for every demand access of the cache; `on_demand_fill` and `on_prefetch_fill` when a line comes in, by
who asked for it first; `on_useless` when a line that was prefetched leaves unused. Lines are addresses
without their six low bits, so below 2**58. O(degree) an access, and O(trackers) for streams.
"""

from libc.stdint cimport int64_t, uint16_t, uint64_t
from libc.string cimport memset

from ext.soc_arena cimport Arena, take
from ext.soc_paths cimport Paths, advise_path, forget, place_paths, reset_paths

cdef extern from *:
    """
    #include <stdint.h>
    /* The numbers up to 256 without a prime factor above 5 (Michaud 2016, section 4.2). */
    static const uint16_t soc_offsets[52] = {
        1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 18, 20, 24, 25, 27, 30, 32, 36, 40, 45, 48, 50, 54, 60, 64,
        72, 75, 80, 81, 90, 96, 100, 108, 120, 125, 128, 135, 144, 150, 160, 162, 180, 192, 200, 216, 225,
        240, 243, 250, 256,
    };
    """
    const uint16_t[52] OFFSET "soc_offsets"

cdef enum PrefetchKind:
    NO_PREFETCH = 0
    NEXT_LINE = 1
    IP_STRIDE = 2
    STREAM = 3
    BEST_OFFSET = 4
    SPP = 5

cdef enum:
    MOST_ADVICE = 16
    LINE_SHIFT = 6
    NOWHERE = -1
    STRIDES = 256
    CONFIDENT = 2               # of 2 bits
    CONFIDENCE_MOST = 3
    TRACKERS = 16
    TRAINING_LINES = 16         # how far from the first miss of a stream the next ones may be
    OFFSETS = 52
    RECENT = 256
    SCORE_MOST = 31
    ROUNDS_MOST = 100
    BAD_SCORE = 1

cdef struct Stride:
    uint64_t ip
    int64_t last
    int64_t stride
    int64_t confidence          # NOWHERE: no instruction here

cdef enum Training:
    UNKNOWN = 0
    ALLOCATED = 1               # one miss seen
    TRAINED_ONCE = 2            # two in one direction
    MONITORING = 3

cdef struct Tracker:
    int64_t state
    int64_t first               # the first miss
    int64_t begin               # where the region watched begins
    int64_t end                 # the latest miss; later the line prefetched last, where the region ends
    int64_t direction
    int64_t used

cdef struct Prefetcher:
    # Configuration.
    int64_t kind
    int64_t degree              # most lines an access may ask for, 0 to MOST_ADVICE; see `set_degree`
    int64_t distance            # STREAM: how many lines ahead of the accesses
    int64_t page_bits           # prefetches stay in a page of this size; 12 for 4 KiB
    # Derived from it by `reset_prefetcher`.
    int64_t page_shift
    # State; the arrays of other kinds are NULL.
    uint64_t below              # of the latest advice: bit k: line k is worth a place in the next level only
    int64_t clock               # STREAM: stamps of use
    Stride* strides             # IP_STRIDE [STRIDES]
    Tracker* trackers           # STREAM [TRACKERS]
    int64_t offset              # BEST_OFFSET: lines ahead; 0 while it is off
    int64_t tested              # offsets tested in this round
    int64_t rounds
    int64_t* scores             # [OFFSETS]
    int64_t* recent             # [RECENT] tags, or NOWHERE
    Paths paths                 # SPP


cdef inline void place_prefetcher(Prefetcher* p, Arena* arena) noexcept nogil:
    p.strides, p.trackers, p.scores, p.recent = NULL, NULL, NULL, NULL
    if p.kind == IP_STRIDE:
        p.strides = <Stride*> take(arena, STRIDES * sizeof(Stride))
    elif p.kind == STREAM:
        p.trackers = <Tracker*> take(arena, TRACKERS * sizeof(Tracker))
    elif p.kind == BEST_OFFSET:
        p.scores = <int64_t*> take(arena, OFFSETS * sizeof(int64_t))
        p.recent = <int64_t*> take(arena, RECENT * sizeof(int64_t))
    elif p.kind == SPP:
        place_paths(&p.paths, arena)


cdef inline void reset_prefetcher(Prefetcher* p) noexcept nogil:
    cdef int64_t k
    p.page_shift = p.page_bits - LINE_SHIFT
    p.below, p.clock = 0, 0
    p.offset, p.tested, p.rounds = 1, 0, 0
    if p.strides is not NULL:
        for k in range(STRIDES):
            p.strides[k].ip, p.strides[k].last, p.strides[k].stride = 0, 0, 0
            p.strides[k].confidence = NOWHERE
    if p.trackers is not NULL:
        memset(p.trackers, 0, TRACKERS * sizeof(Tracker))
    if p.scores is not NULL:
        memset(p.scores, 0, OFFSETS * sizeof(int64_t))
        memset(p.recent, 0xFF, RECENT * sizeof(int64_t))        # NOWHERE
    if p.kind == SPP:
        reset_paths(&p.paths, p.page_shift)


cdef inline void set_degree(Prefetcher* p, int64_t degree) noexcept nogil:
    """Most lines an access may ask for from now on; 0: none, while the tables go on learning."""
    p.degree = min(<int64_t> MOST_ADVICE, max(<int64_t> 0, degree))


cdef inline bint same_page(const Prefetcher* p, int64_t one, int64_t other) noexcept nogil:
    return one >> p.page_shift == other >> p.page_shift


cdef inline int64_t line_up(
    const Prefetcher* p, int64_t line, int64_t step, int64_t n, uint64_t* out
) noexcept nogil:
    """The lines one step, two steps ... `n` steps from `line`, as far as its page goes."""
    cdef int64_t k
    for k in range(n):
        if not same_page(p, line, line + step * (k + 1)):
            return k
        out[k] = <uint64_t> (line + step * (k + 1))
    return n


# --------------------------------------------------------------------------------------------- by instruction

cdef inline int64_t advise_stride(Prefetcher* p, uint64_t ip, int64_t line, uint64_t* out) noexcept nogil:
    cdef Stride* entry = &p.strides[(ip ^ (ip >> 8)) & (STRIDES - 1)]
    cdef int64_t step = line - entry.last
    if entry.confidence == NOWHERE or entry.ip != ip:
        entry.ip, entry.last, entry.stride, entry.confidence = ip, line, 0, 0
        return 0
    if step == 0:
        return 0
    entry.last = line
    if step == entry.stride:
        entry.confidence = min(<int64_t> CONFIDENCE_MOST, entry.confidence + 1)
    elif entry.confidence > 0:
        entry.confidence -= 1
    else:
        entry.stride = step
    if entry.confidence < CONFIDENT:
        return 0
    return line_up(p, line, entry.stride, p.degree, out)


# ---------------------------------------------------------------------------------------------------- streams

cdef inline int64_t run_ahead(Prefetcher* p, Tracker* tracker, int64_t line, uint64_t* out) noexcept nogil:
    """For an access in the region: the lines after its end. The region moves on with them."""
    cdef int64_t n
    if (line - tracker.begin) * tracker.direction < 0:
        return 0
    n = line_up(p, tracker.end, tracker.direction, p.degree, out)
    tracker.end += tracker.direction * n
    if (tracker.end - tracker.begin) * tracker.direction > p.distance:
        tracker.begin = tracker.end - tracker.direction * p.distance
    return n


cdef inline int64_t train(Prefetcher* p, Tracker* tracker, int64_t line, uint64_t* out) noexcept nogil:
    """Another miss near the first of a stream: two steps in one direction make it one to watch."""
    cdef int64_t direction = 1 if line > tracker.end else -1
    if line == tracker.end:
        return 0
    if tracker.state == TRAINED_ONCE and direction == tracker.direction:
        tracker.state, tracker.begin, tracker.end = MONITORING, tracker.first, line
        return run_ahead(p, tracker, line, out)
    if tracker.state == TRAINED_ONCE:
        tracker.first = tracker.end
    tracker.state, tracker.direction, tracker.end = TRAINED_ONCE, direction, line
    return 0


cdef inline bint is_near(const Prefetcher* p, const Tracker* tracker, int64_t line, bint hit) noexcept nogil:
    """From the first miss to the last prefetch; while training, for a miss: near the first, in its page."""
    if tracker.state == MONITORING:
        return (
            0 <= (line - tracker.first) * tracker.direction
            and 0 <= (tracker.end - line) * tracker.direction
        )
    if tracker.state == UNKNOWN or hit:
        return False
    return -TRAINING_LINES <= line - tracker.first <= TRAINING_LINES and same_page(p, line, tracker.first)


cdef inline int64_t advise_stream(Prefetcher* p, int64_t line, bint hit, uint64_t* out) noexcept nogil:
    cdef Tracker* oldest = &p.trackers[0]
    cdef Tracker* tracker
    cdef int64_t k
    for k in range(TRACKERS):
        tracker = &p.trackers[k]
        if is_near(p, tracker, line, hit):
            p.clock += 1
            tracker.used = p.clock
            if tracker.state == MONITORING:
                return run_ahead(p, tracker, line, out)
            return train(p, tracker, line, out)
        if tracker.used < oldest.used:
            oldest = tracker
    if not hit:
        p.clock += 1
        oldest.state, oldest.first, oldest.end, oldest.used = ALLOCATED, line, line, p.clock
    return 0


# ------------------------------------------------------------------------------------------------ best offset

cdef inline int64_t* recent_place(Prefetcher* p, int64_t line) noexcept nogil:
    return &p.recent[(line ^ (line >> 8)) & (RECENT - 1)]


cdef inline int64_t recent_tag(int64_t line) noexcept nogil:
    return (line >> 8) & 4095


cdef inline void remember(Prefetcher* p, int64_t line, int64_t offset) noexcept nogil:
    """A line came in that an access `offset` before it did ask for, or would have."""
    if same_page(p, line, line - offset):
        recent_place(p, line - offset)[0] = recent_tag(line - offset)


cdef inline void choose_offset(Prefetcher* p) noexcept nogil:
    """The learning phase is over: the offset of the highest score, the smaller one of equals."""
    cdef int64_t best = 0
    cdef int64_t k
    for k in range(1, OFFSETS):
        if p.scores[k] > p.scores[best]:
            best = k
    p.offset = OFFSET[best] if p.scores[best] > BAD_SCORE else 0
    p.rounds = 0
    memset(p.scores, 0, OFFSETS * sizeof(int64_t))


cdef inline void test_offset(Prefetcher* p, int64_t line) noexcept nogil:
    """A point for the next offset of the round, had a prefetch with it come in time for this access."""
    cdef int64_t base = line - OFFSET[p.tested]
    cdef int64_t k
    cdef bint full = False
    if same_page(p, line, base) and recent_place(p, base)[0] == recent_tag(base):
        p.scores[p.tested] += 1
    p.tested += 1
    if p.tested < OFFSETS:
        return
    p.tested = 0
    p.rounds += 1
    for k in range(OFFSETS):
        full = full or p.scores[k] == SCORE_MOST
    if full or p.rounds == ROUNDS_MOST:
        choose_offset(p)


cdef inline int64_t advise_offset(Prefetcher* p, int64_t line, uint64_t* out) noexcept nogil:
    test_offset(p, line)
    return line_up(p, line, p.offset, p.degree, out) if p.offset else 0


# --------------------------------------------------------------------------------------------------- the face

cdef inline int64_t advise(
    Prefetcher* p, uint64_t ip, uint64_t line, bint hit, bint first_use, uint64_t* out
) noexcept nogil:
    """Lines to prefetch now, in order, all in the page of `line`; their number. out: MOST_ADVICE places.

    hit: the line is cached. first_use: the first demand hit on a line that was prefetched.
    """
    cdef int64_t at = <int64_t> line
    if p.kind == NO_PREFETCH:
        return 0
    p.below = 0
    if p.kind == IP_STRIDE:
        return advise_stride(p, ip, at, out)
    if p.kind == SPP:
        return advise_path(&p.paths, at, p.degree, out, &p.below)
    if hit and not first_use:
        return 0
    if p.kind == NEXT_LINE:
        return line_up(p, at, 1, p.degree, out)
    if p.kind == STREAM:
        return advise_stream(p, at, hit, out)
    return advise_offset(p, at, out)


cdef inline void on_demand_fill(Prefetcher* p, uint64_t line) noexcept nogil:
    """A line comes in that a demand access asked for."""
    if p.kind == BEST_OFFSET and (p.offset == 0 or p.degree == 0):
        remember(p, <int64_t> line, 0)


cdef inline void on_prefetch_fill(Prefetcher* p, uint64_t line) noexcept nogil:
    """A line comes in that was prefetched."""
    if p.kind == BEST_OFFSET:
        remember(p, <int64_t> line, p.offset)


cdef inline void on_useless(Prefetcher* p, uint64_t line) noexcept nogil:
    """A prefetched line leaves the cache without having been used."""
    if p.kind == SPP:
        forget(&p.paths, <int64_t> line)
