"""LRU stack distances: how many other lines were used since the last use of each.

A fully associative cache of n lines under LRU hits exactly the accesses whose distance is below n (Mattson,
Gecsei, Slutz, Traiger 1970), so one pass serves all sizes. The last use of every line is a mark on the time
axis; a tree of partial sums counts the marks between two uses (Bennett and Kruskal 1975; Fenwick 1994).

Layers: `add` and `sum_up_to` of the tree, the loop without the GIL, the entry. O(n log n) time, 12 bytes an
access. Called by traces/cache_curve.py.
"""

import numpy as np

from ext._types cimport index_t
from libc.stdint cimport int64_t


cdef inline void add(index_t[::1] tree, int64_t at, index_t change) noexcept nogil:
    at += 1
    while at < tree.shape[0]:
        tree[at] += change
        at += at & -at


cdef inline int64_t sum_up_to(const index_t[::1] tree, int64_t end) noexcept nogil:
    """Marks before place `end`."""
    cdef int64_t total = 0
    while end > 0:
        total += tree[end]
        end -= end & -end
    return total


cdef void measure(
    const int64_t[::1] line, int64_t[::1] last, index_t[::1] tree, int64_t[::1] distance
) noexcept nogil:
    cdef int64_t marks = 0
    cdef int64_t before
    cdef Py_ssize_t i
    for i in range(line.shape[0]):
        before = last[line[i]]
        if before < 0:
            distance[i] = -1
            marks += 1
        else:
            distance[i] = marks - sum_up_to(tree, before + 1)
            add(tree, before, -1)
        add(tree, i, 1)
        last[line[i]] = i


def stack_distances(line):
    """Distance of each access, int64 (n,); -1 for the first use of a line.

    line: uint64 (n,), numbers of lines. Raises ValueError beyond 2**31 - 2 accesses.
    """
    lines = np.ascontiguousarray(line, np.uint64)
    if lines.ndim != 1 or len(lines) > 2**31 - 2:
        raise ValueError(f"line has shape {lines.shape}: expected (n,) with n below 2**31 - 1")
    known, number = np.unique(lines, return_inverse=True)
    cdef const int64_t[::1] numbers = np.ascontiguousarray(number, np.int64)
    cdef int64_t[::1] last = np.full(len(known), -1, np.int64)
    cdef index_t[::1] tree = np.zeros(len(lines) + 1, np.int32)
    cdef int64_t[::1] distances
    distance = np.empty(len(lines), np.int64)
    distances = distance
    with nogil:
        measure(numbers, last, tree, distances)
    return distance
