"""Signature path prefetching (SPP): what the last steps in a page say of the next ones.

A part of ext/soc_prefetch.pxd; the twin, `simulators.soc.twin.paths`, is the specification, with the source
of every constant. Pages are found by hashing, and listed by their last use. O(degree) an access.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from ext.soc_arena cimport Arena, take

cdef enum:
    NOTHING = -1
    PAGES = 256
    PATTERNS = 512
    DELTAS = 4
    FILTERED = 1024
    CROSSINGS = 8
    PATH_SIGNATURE_MASK = 4095
    PATH_SIGNATURE_SHIFT = 3
    SEEN_MOST = 15              # four bits: occurrences of a signature
    ISSUED_MOST = 1023          # ten bits: prefetches counted for the accuracy
    ASK_PERCENT = 25
    FILL_PERCENT = 90
    DEPTH_MOST = 16

cdef struct Page:
    int64_t number              # NOTHING: no page here
    int64_t offset              # of the access before; NOTHING: there was none
    int64_t signature
    int64_t next                # in its bucket, or NOTHING
    int64_t newer               # by last use, or NOTHING
    int64_t older

cdef struct Pattern:
    int64_t seen
    int64_t[4] delta            # [DELTAS]
    int64_t[4] count

cdef struct Crossing:           # a prefetch that would have left its page
    int64_t signature
    int64_t confidence
    int64_t offset              # in the page it would have entered; NOTHING: no crossing here
    int64_t delta

cdef struct Paths:
    int64_t page_shift
    int64_t newest              # page, by last use
    int64_t oldest
    int64_t issued
    int64_t useful
    Page* pages                 # [PAGES]
    int64_t* bucket             # [PAGES] first page whose number ends in this byte, or NOTHING
    Pattern* patterns           # [PATTERNS]
    int64_t* filtered           # [FILTERED] lines prefetched and not used yet, or NOTHING
    Crossing* crossings         # [CROSSINGS]


cdef inline void place_paths(Paths* p, Arena* arena) noexcept nogil:
    p.pages = <Page*> take(arena, PAGES * sizeof(Page))
    p.bucket = <int64_t*> take(arena, PAGES * sizeof(int64_t))
    p.patterns = <Pattern*> take(arena, PATTERNS * sizeof(Pattern))
    p.filtered = <int64_t*> take(arena, FILTERED * sizeof(int64_t))
    p.crossings = <Crossing*> take(arena, CROSSINGS * sizeof(Crossing))


cdef inline void reset_paths(Paths* p, int64_t page_shift) noexcept nogil:
    cdef int64_t k
    p.page_shift = page_shift
    p.newest, p.oldest, p.issued, p.useful = PAGES - 1, 0, 0, 0
    memset(p.bucket, 0xFF, PAGES * sizeof(int64_t))             # NOTHING
    memset(p.patterns, 0, PATTERNS * sizeof(Pattern))
    memset(p.filtered, 0xFF, FILTERED * sizeof(int64_t))        # NOTHING
    memset(p.crossings, 0, CROSSINGS * sizeof(Crossing))
    for k in range(PAGES):
        p.pages[k].number, p.pages[k].offset, p.pages[k].signature = NOTHING, NOTHING, 0
        p.pages[k].next, p.pages[k].older, p.pages[k].newer = NOTHING, k - 1, k + 1
    p.pages[PAGES - 1].newer = NOTHING
    for k in range(CROSSINGS):
        p.crossings[k].offset = NOTHING


# ------------------------------------------------------------------------------------------------- the tables

cdef inline int64_t follow(int64_t signature, int64_t delta) noexcept nogil:
    """The signature after one more step: its delta as seven bits, sign and magnitude."""
    cdef int64_t coded = (delta & 63) if delta > 0 else (-delta & 63) + 64
    return ((signature << PATH_SIGNATURE_SHIFT) ^ coded) & PATH_SIGNATURE_MASK


cdef inline Pattern* pattern_of(Paths* p, int64_t signature) noexcept nogil:
    return &p.patterns[(signature ^ (signature >> 9)) & (PATTERNS - 1)]


cdef inline int64_t* filter_place(Paths* p, int64_t line) noexcept nogil:
    return &p.filtered[(line ^ (line >> 10)) & (FILTERED - 1)]


cdef inline void forget(Paths* p, int64_t line) noexcept nogil:
    """The line left the cache: it may be asked for again."""
    if filter_place(p, line)[0] == line:
        filter_place(p, line)[0] = NOTHING


cdef inline void learn_delta(Pattern* pattern, int64_t delta) noexcept nogil:
    """Count the delta; a new one takes the place of the first of those counted least."""
    cdef int64_t at = 0
    cdef int64_t k
    for k in range(DELTAS):
        if pattern.delta[k] == delta:
            at = k
            break
        if pattern.count[k] < pattern.count[at]:
            at = k
    if pattern.delta[at] != delta:
        pattern.delta[at], pattern.count[at] = delta, 0
    pattern.count[at] += 1
    pattern.seen += 1
    if pattern.seen > SEEN_MOST:
        pattern.seen >>= 1
        for k in range(DELTAS):
            pattern.count[k] >>= 1


cdef inline void note_crossing(
    Paths* p, int64_t signature, int64_t confidence, int64_t offset, int64_t delta
) noexcept nogil:
    """In place of the crossing to the same offset, or else of the first of the least confident ones."""
    cdef Crossing* at = &p.crossings[0]
    cdef int64_t k
    for k in range(CROSSINGS):
        if p.crossings[k].offset == offset:
            at = &p.crossings[k]
            break
        if p.crossings[k].confidence < at.confidence:
            at = &p.crossings[k]
    at.signature, at.confidence, at.offset, at.delta = signature, confidence, offset, delta


cdef inline int64_t arriving_signature(const Paths* p, int64_t offset) noexcept nogil:
    """What the crossing to this offset says of a page seen for the first time; 0: nothing."""
    cdef int64_t k
    for k in range(CROSSINGS):
        if p.crossings[k].offset == offset:
            return follow(p.crossings[k].signature, p.crossings[k].delta)
    return 0


cdef inline void make_newest(Paths* p, int64_t at) noexcept nogil:
    cdef Page* page = &p.pages[at]
    if at == p.newest:
        return
    p.pages[page.newer].older = page.older
    if at == p.oldest:
        p.oldest = page.newer
    else:
        p.pages[page.older].newer = page.newer
    p.pages[p.newest].newer = at
    page.older, page.newer = p.newest, NOTHING
    p.newest = at


cdef inline void leave_bucket(Paths* p, int64_t at) noexcept nogil:
    cdef int64_t* link = &p.bucket[p.pages[at].number & (PAGES - 1)]
    while link[0] != at:
        link = &p.pages[link[0]].next
    link[0] = p.pages[at].next


cdef inline Page* page_of(Paths* p, int64_t number) noexcept nogil:
    """The entry of the page, the most recently used from now on; that of the least recently used if new."""
    cdef int64_t* bucket = &p.bucket[number & (PAGES - 1)]
    cdef int64_t at = bucket[0]
    while at != NOTHING and p.pages[at].number != number:
        at = p.pages[at].next
    if at == NOTHING:
        at = p.oldest
        if p.pages[at].number != NOTHING:
            leave_bucket(p, at)
        p.pages[at].number, p.pages[at].offset = number, NOTHING
        p.pages[at].next, bucket[0] = bucket[0], at
    make_newest(p, at)
    return &p.pages[at]


# -------------------------------------------------------------------------------------------------- an access

cdef inline int64_t signature_now(Paths* p, int64_t line) noexcept nogil:
    """Note the access in its page; the signature that it leads to, 0 if that says nothing."""
    cdef int64_t number = line >> p.page_shift
    cdef int64_t offset = line - (number << p.page_shift)
    cdef Page* page = page_of(p, number)
    cdef int64_t delta = offset - page.offset
    if page.offset == NOTHING:
        page.offset = offset
        page.signature = arriving_signature(p, offset)
        return page.signature
    if delta == 0:
        return 0
    if page.signature:
        learn_delta(pattern_of(p, page.signature), delta)
    page.offset, page.signature = offset, follow(page.signature, delta)
    return page.signature


cdef inline int64_t ask_for(
    Paths* p, int64_t line, int64_t confidence, int64_t n, uint64_t* out, uint64_t* below
) noexcept nogil:
    """Put a line on the list, unless it was prefetched already; the length of the list."""
    cdef int64_t* place = filter_place(p, line)
    if place[0] == line:
        return n
    place[0] = line
    out[n] = <uint64_t> line
    if confidence < FILL_PERCENT:
        below[0] |= <uint64_t> 1 << n
    p.issued += 1
    if p.issued > ISSUED_MOST:
        p.issued >>= 1
        p.useful >>= 1
    return n + 1


cdef inline int64_t walk(
    Paths* p, int64_t line, int64_t signature, int64_t degree, uint64_t* out, uint64_t* below
) noexcept nogil:
    """Step along the likeliest path from signature to signature, while it is likely enough."""
    cdef int64_t accuracy = min(<int64_t> 100, 100 * p.useful // max(<int64_t> 1, p.issued))
    cdef int64_t path = 100
    cdef int64_t base = line
    cdef int64_t n = 0
    cdef int64_t depth, k, target, confidence, best, best_confidence
    cdef Pattern* pattern
    for depth in range(DEPTH_MOST):
        pattern = pattern_of(p, signature)
        best, best_confidence = NOTHING, ASK_PERCENT - 1
        if pattern.seen == 0:
            return n
        for k in range(DELTAS):
            if 100 * pattern.count[k] < ASK_PERCENT * pattern.seen:
                continue
            confidence = <uint32_t> (100 * pattern.count[k]) // <uint32_t> pattern.seen
            if depth:
                confidence = confidence * accuracy * path // 10000
                if confidence < ASK_PERCENT:
                    continue
            if confidence > best_confidence:
                best, best_confidence = k, confidence
            target = base + pattern.delta[k]
            if line >> p.page_shift != target >> p.page_shift:
                target &= (<int64_t> 1 << p.page_shift) - 1
                note_crossing(p, signature, confidence, target, pattern.delta[k])
            elif n < degree and target != line:
                n = ask_for(p, target, confidence, n, out, below)
        if best == NOTHING or n == degree:
            return n
        base += pattern.delta[best]
        signature = follow(signature, pattern.delta[best])
        path = best_confidence
        if line >> p.page_shift != base >> p.page_shift:
            return n
    return n


cdef inline int64_t advise_path(
    Paths* p, int64_t line, int64_t degree, uint64_t* out, uint64_t* below
) noexcept nogil:
    """Learn from an access; the lines to prefetch. below: their mask of those worth the next level only."""
    cdef int64_t signature
    if filter_place(p, line)[0] == line:
        filter_place(p, line)[0] = NOTHING
        p.useful += 1
    signature = signature_now(p, line)
    return walk(p, line, signature, degree, out, below) if signature else 0
