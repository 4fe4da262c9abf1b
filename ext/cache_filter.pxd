"""One level of a set-associative cache as a C struct, and the step that touches it, for kernels to inline."""

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    MAX_LEVELS = 4


cdef struct Level:
    # Entries are line << 1 | dirty, the ways of a set side by side from the most to the least recently used.
    uint64_t* entries
    uint64_t n_sets
    int n_ways
    int64_t hits
    int64_t misses
    int64_t write_backs


cdef inline bint touch(Level* level, uint64_t line, uint64_t dirty, uint64_t* victim) noexcept nogil:
    """Make `line` the most recently used of its set; True when it was there, else `victim` had to go.

    dirty: 1 marks the line as modified, 0 leaves the mark as it is. victim: an entry, or all ones for none.
    """
    cdef uint64_t* entries = level.entries + (line % level.n_sets) * <uint64_t>level.n_ways
    cdef uint64_t moved = (line << 1) | dirty
    cdef uint64_t entry
    cdef int way
    for way in range(level.n_ways):
        entry = entries[way]
        entries[way] = moved
        if entry >> 1 == line:
            entries[0] |= entry & 1
            level.hits += 1
            return True
        moved = entry
    level.misses += 1
    victim[0] = moved
    level.write_backs += moved != ~<uint64_t>0 and (moved & 1) == 1
    return False
