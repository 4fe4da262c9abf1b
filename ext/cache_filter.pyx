"""What a cache hierarchy lets through: accesses in, the misses and write-backs that reach memory out.

Set-associative levels with true LRU, write-back and write-allocate, one line size. A miss is looked for in
the next level, then the displaced line, if modified, is written there. A line written back into a level
that lacks it is allocated without being fetched, as it is whole. Levels neither include nor exclude one
another.

Layers: `touch` (cache_filter.pxd), the step of one line through the levels, the loop over accesses without
the GIL, and the class that owns the state, so that a trace of any length goes through in chunks. Time is
linear in the
accesses times the ways. Callers: traces/record.py and the SoC simulator.
"""

import numpy as np

from ext._types cimport address_t, flag_t, index_t
from libc.stdint cimport int64_t, uint64_t

cdef enum:
    LARGEST_BYTES = 1073741824  # 1 GiB; Cython 3.3 cannot check 1 << 30 for overflow in an enum
    MOST_WAYS = 1024
    LONGEST_ACCESS_BYTES = 4096

cdef uint64_t EMPTY = ~<uint64_t>0


cdef struct Output:
    uint64_t* address
    flag_t* is_write
    int64_t* access
    int64_t* instruction
    Py_ssize_t n


cdef inline void emit(
    Output* out, uint64_t address, flag_t is_write, int64_t access, int64_t instruction
) noexcept nogil:
    out.address[out.n] = address
    out.is_write[out.n] = is_write
    out.access[out.n] = access
    out.instruction[out.n] = instruction
    out.n += 1


cdef inline void write_back(
    Level* levels, int n_levels, int at, uint64_t entry, uint64_t line_bytes, Output* out, int64_t access,
    int64_t instruction,
) noexcept nogil:
    """Carry a displaced entry down, and what it displaces there, until nothing modified is displaced."""
    cdef uint64_t victim
    while entry != EMPTY and entry & 1:
        if at == n_levels:
            emit(out, (entry >> 1) * line_bytes, 1, access, instruction)
            return
        victim = EMPTY
        if touch(&levels[at], entry >> 1, 1, &victim):
            return
        entry = victim
        at += 1


cdef inline void step(
    Level* levels, int n_levels, uint64_t line, flag_t is_write, uint64_t line_bytes, Output* out,
    int64_t access, int64_t instruction,
) noexcept nogil:
    """One line through the hierarchy. At most 1 + n_levels requests: the fetch and one victim a level."""
    cdef uint64_t[MAX_LEVELS] victims
    cdef int missed = 0
    cdef int at
    while missed < n_levels:
        victims[missed] = EMPTY
        if touch(&levels[missed], line, is_write if missed == 0 else 0, &victims[missed]):
            break
        missed += 1
    if missed == n_levels:
        emit(out, line * line_bytes, 0, access, instruction)
    for at in range(missed - 1, -1, -1):
        write_back(levels, n_levels, at + 1, victims[at], line_bytes, out, access, instruction)


cdef Py_ssize_t run_accesses(
    Level* levels, int n_levels, uint64_t line_bytes, const address_t[::1] address,
    const index_t[::1] size_bytes, const flag_t[::1] is_write, const int64_t[::1] instruction,
    Py_ssize_t start, int64_t accesses_before,
    Output* out, Py_ssize_t capacity,
) noexcept nogil:
    """Run from `start` to the end, or until the output might not hold the next access; returns where."""
    cdef Py_ssize_t i
    cdef uint64_t line, last
    for i in range(start, address.shape[0]):
        line = address[i] // line_bytes
        last = address[i] + <uint64_t>size_bytes[i] - 1
        last = line if last < address[i] else last // line_bytes
        if out.n + <Py_ssize_t>(last - line + 1) * (1 + n_levels) > capacity:
            return i
        while line <= last:
            step(
                levels, n_levels, line, is_write[i] != 0, line_bytes, out, accesses_before + i, instruction[i]
            )
            line += 1
    return address.shape[0]


cdef class CacheFilter:
    """The state of a hierarchy. `sizes_bytes` and `ways` list its levels, the one next to the core first."""

    cdef Level[MAX_LEVELS] levels
    cdef int n_levels
    cdef uint64_t line_size_bytes
    cdef int64_t n_accesses
    cdef list entries

    def __init__(self, sizes_bytes, ways, int line_bytes=64):
        """One to four levels; each size a multiple of ways times line. Raises ValueError otherwise."""
        if not 1 <= len(sizes_bytes) <= MAX_LEVELS or len(ways) != len(sizes_bytes):
            raise ValueError(
                f"sizes_bytes={sizes_bytes!r}, ways={ways!r}: expected 1 to {MAX_LEVELS} levels with both"
            )
        if not 8 <= line_bytes <= 4096 or line_bytes & (line_bytes - 1):
            raise ValueError(f"line_bytes={line_bytes!r}: expected a power of two from 8 to 4096")
        self.n_levels = len(sizes_bytes)
        self.line_size_bytes = line_bytes
        self.entries = []
        for size, n_ways in zip(sizes_bytes, ways):
            if not 1 <= n_ways <= MOST_WAYS or not 0 < size <= LARGEST_BYTES or size % (n_ways * line_bytes):
                raise ValueError(
                    f"a level of {size!r} bytes, {n_ways!r} ways, {line_bytes}-byte lines: expected 1 to "
                    f"{MOST_WAYS} ways and a multiple of ways times line, at most {LARGEST_BYTES} bytes"
                )
            self.entries.append(np.empty(size // line_bytes, dtype=np.uint64))
        self._bind(ways)
        self.reset()

    def _bind(self, ways):
        cdef uint64_t[::1] view
        for i in range(self.n_levels):
            view = self.entries[i]
            self.levels[i].entries = &view[0]
            self.levels[i].n_ways = ways[i]
            self.levels[i].n_sets = len(view) // ways[i]

    def reset(self):
        """Empty every level and start counting anew."""
        self.n_accesses = 0
        for i in range(self.n_levels):
            self.entries[i].fill(EMPTY)
            self.levels[i].hits = self.levels[i].misses = self.levels[i].write_backs = 0

    @property
    def line_bytes(self):
        return int(self.line_size_bytes)

    @property
    def accesses(self):
        """Accesses run so far."""
        return self.n_accesses

    @property
    def hits(self):
        """Lines found, a level, int64; write-backs from the level above count too."""
        return np.array([self.levels[i].hits for i in range(self.n_levels)], dtype=np.int64)

    @property
    def misses(self):
        """Lines not found, a level, int64; write-backs from the level above count too."""
        return np.array([self.levels[i].misses for i in range(self.n_levels)], dtype=np.int64)

    @property
    def write_backs(self):
        """Modified lines displaced, a level, int64."""
        return np.array([self.levels[i].write_backs for i in range(self.n_levels)], dtype=np.int64)

    def run(
        self,
        const address_t[::1] address not None,
        const index_t[::1] size_bytes not None,
        const flag_t[::1] is_write not None,
        const int64_t[::1] instruction not None,
    ):
        """Put accesses through; returns what reaches memory as (address, is_write, access, instruction).

        All arrays have shape (n,); sizes are 1 to 4096 bytes. Results: address uint64 at the start of a line,
        is_write uint8 (a fetch or a write-back), access int64 (number of the access that caused it, over
        all calls), instruction int64 (its stamp). Raises ValueError for arrays of different lengths and
        sizes out of range.
        """
        cdef Py_ssize_t n = address.shape[0]
        if size_bytes.shape[0] != n or is_write.shape[0] != n or instruction.shape[0] != n:
            raise ValueError("address, size_bytes, is_write and instruction differ in length")
        sizes = np.asarray(size_bytes)
        if n and (sizes.min() < 1 or sizes.max() > LONGEST_ACCESS_BYTES):
            raise ValueError(
                f"size_bytes runs from {sizes.min()} to {sizes.max()}: expected 1 to {LONGEST_ACCESS_BYTES}"
            )
        parts = []
        start = 0
        while start < n:
            start, part = self._run_some(address, size_bytes, is_write, instruction, start)
            parts.append(part)
        self.n_accesses += n
        return tuple(np.concatenate(column) for column in zip(*parts)) if parts else self._columns(0)

    cdef _run_some(
        self, const address_t[::1] address, const index_t[::1] size_bytes, const flag_t[::1] is_write,
        const int64_t[::1] instruction, Py_ssize_t start,
    ):
        cdef Py_ssize_t most_of_one = (LONGEST_ACCESS_BYTES // self.line_size_bytes + 2) * (1 + self.n_levels)
        cdef Py_ssize_t capacity = max(most_of_one, (address.shape[0] - start) // 4 + 1024)
        cdef Output out
        cdef int64_t before = self.n_accesses
        columns = self._columns(capacity)
        cdef uint64_t[::1] out_address = columns[0]
        cdef flag_t[::1] out_is_write = columns[1]
        cdef int64_t[::1] out_access = columns[2]
        cdef int64_t[::1] out_instruction = columns[3]
        out.address, out.is_write = &out_address[0], &out_is_write[0]
        out.access, out.instruction, out.n = &out_access[0], &out_instruction[0], 0
        with nogil:
            start = run_accesses(
                self.levels, self.n_levels, self.line_size_bytes, address, size_bytes, is_write, instruction,
                start, before, &out, capacity,
            )
        return start, tuple(column[: out.n] for column in columns)

    cdef _columns(self, Py_ssize_t n):
        return (
            np.empty(n, dtype=np.uint64), np.empty(n, dtype=np.uint8),
            np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64),
        )

    def flush(self):
        """Addresses of the modified lines still inside, uint64, sorted; they are clean afterwards."""
        found = []
        for entries in self.entries:
            modified = (entries != EMPTY) & ((entries & np.uint64(1)) == 1)
            found.append(entries[modified] >> np.uint64(1))
            entries[modified] &= ~np.uint64(1)
        return np.unique(np.concatenate(found)) * np.uint64(self.line_size_bytes)
