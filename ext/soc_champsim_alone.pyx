"""The memory of ChampSim driven alone, so that it can be set against its twin.

Requests in, the cycle of each answer out. Layers: the part (ext/soc_champsim.pxd); one loop over its events,
without the GIL; the entry, which checks what it is given. O(events * places). Called by
tests/ext/test_soc_champsim.py.
"""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from ext._types cimport cycle_t
from ext.soc_arena cimport Arena
from ext.soc_champsim cimport (
    MOST_ON_THE_WAY, ChampsimConfig, ChampsimMemory, champsim_next, champsim_push, champsim_step,
    champsim_take, place_champsim, reset_champsim,
)
from ext.soc_numbers cimport NOBODY


def run(config, arrival, line, is_write):
    """The cycle in which each request is answered, int64 (n,), -1 of a write; and counts.

    config: int64, in the order of ChampsimConfig. arrival: int64 (n,), ascending. line: uint64 (n,).
    is_write: bool (n,). Raises ValueError for columns of different lengths and for too many requests.
    """
    cdef const int64_t[::1] values = np.ascontiguousarray(config, np.int64)
    cdef const int64_t[::1] arrivals = np.ascontiguousarray(arrival, np.int64)
    cdef const uint64_t[::1] lines = np.ascontiguousarray(line, np.uint64)
    cdef const uint8_t[::1] writes = np.ascontiguousarray(is_write, np.bool_).view(np.uint8)
    cdef ChampsimMemory x
    cdef Arena arena
    cdef Py_ssize_t n = arrivals.shape[0]
    cdef Py_ssize_t given = 0
    cdef int64_t owed
    cdef int32_t message
    cdef cycle_t t
    if lines.shape[0] != n or writes.shape[0] != n or n > MOST_ON_THE_WAY:
        raise ValueError(f"columns of {n}, {lines.shape[0]} and {writes.shape[0]} requests: as many of each, "
                         f"{int(MOST_ON_THE_WAY)} at most")
    if values.shape[0] * sizeof(int64_t) != sizeof(ChampsimConfig):
        raise ValueError(f"config has {values.shape[0]} fields")
    x.config = (<const ChampsimConfig*> &values[0])[0]
    arena.block, arena.used = NULL, 0
    place_champsim(&x, &arena)
    cdef uint8_t[::1] block = np.zeros(arena.used + 64, np.uint8)
    arena.block, arena.used = <char*> &block[0], 0
    place_champsim(&x, &arena)
    reset_champsim(&x)
    found = np.full(n, -1, np.int64)
    cdef int64_t[::1] answered = found
    owed = n - int(np.asarray(writes).sum())
    with nogil:
        while owed:
            t = champsim_next(&x)
            while given < n and arrivals[given] <= t:
                champsim_push(&x, lines[given], writes[given], arrivals[given], <int32_t> given)
                given += 1
                t = champsim_next(&x)
            champsim_step(&x, t)
            while champsim_take(&x, &message):
                if message != NOBODY:
                    answered[message] = t
                    owed -= 1
    counts = x.counts
    return found, counts
