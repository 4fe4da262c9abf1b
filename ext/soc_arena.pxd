"""One block of memory for everything that an SoC simulation changes, so that a snapshot is a copy of it.

Every part has two functions: `place_x(x, arena)` takes its arrays from the arena, by the sizes in its
configuration, and `reset_x(x)` writes what they begin with. The engine calls all `place` twice: with an
arena at NULL to learn the size, then with the block.
"""

from libc.stddef cimport size_t


cdef struct Arena:
    char* block                 # NULL: only count
    size_t used


cdef inline void* take(Arena* arena, size_t n_bytes) noexcept nogil:
    """The next `n_bytes`, aligned to 64; NULL while only counting."""
    cdef size_t at = arena.used
    arena.used += (n_bytes + 63) & ~(<size_t> 63)
    return arena.block + at if arena.block is not NULL else NULL
