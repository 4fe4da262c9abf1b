"""The directory of a chip whose cores share lines: MESI, one transaction a line at a time.

A full map: an entry for every line that any program touches, made when the simulation is opened. While a line
is busy, others that ask for it wait in its chain. O(1) a look-up.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t

from ext.soc_arena cimport Arena, take
from ext.soc_messages cimport Chain
from ext.soc_numbers cimport NOBODY

cdef extern from *:
    """
    #define SOC_NO_SHARED_LINE UINT64_MAX
    #define soc_sharers(x) __builtin_popcountll(x)
    #define soc_scattered_line(line, shift) (int64_t) ((line) * UINT64_C(0x9E3779B97F4A7C15) >> (shift))
    """
    const uint64_t NO_SHARED_LINE "SOC_NO_SHARED_LINE"
    int64_t n_sharers "soc_sharers"(uint64_t mask) noexcept nogil
    int64_t scattered "soc_scattered_line"(uint64_t line, int64_t shift) noexcept nogil


cdef struct Shared:             # a line
    uint64_t line
    uint64_t sharers            # cores that may have it, by bit
    Chain waiting
    int32_t asker               # message of the transaction; NOBODY: the last level drops the line
    int16_t owner               # core that may write it, or NOBODY
    int16_t acknowledgements    # still to come
    uint8_t busy
    uint8_t dirty               # an acknowledgement brought the line
    uint8_t unblocked           # the line has come to who asked, before the acknowledgement came here


cdef struct Directory:
    int64_t size                # places, a power of two; 0: there is no directory
    int64_t shift
    int64_t used
    int64_t most                # that may be used
    Shared* at


cdef inline void place_directory(Directory* d, Arena* arena) noexcept nogil:
    d.at = <Shared*> take(arena, d.size * sizeof(Shared))


cdef inline void reset_directory(Directory* d) noexcept nogil:
    cdef int64_t k
    d.used = 0
    d.most = d.size - d.size // 4
    for k in range(d.size):
        d.at[k].line = NO_SHARED_LINE


cdef inline Shared* shared(Directory* d, uint64_t line) noexcept nogil:
    """The entry of a line, made if it is new."""
    cdef int64_t k = scattered(line, d.shift)
    cdef Shared* entry
    while d.at[k].line != line:
        if d.at[k].line == NO_SHARED_LINE:
            entry = &d.at[k]
            entry.line, entry.sharers, entry.owner, entry.busy = line, 0, NOBODY, 0
            entry.waiting.first = NOBODY
            d.used += 1
            return entry
        k = (k + 1) & (d.size - 1)
    return &d.at[k]
