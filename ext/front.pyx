"""An archive of mutually non-dominated cost vectors that grows by insertion.

Costs are minimised. A vector enters unless a member equals it or is no worse in every objective; members
that it beats leave. Members stay in the order of their insertion, so the archive depends on the sequence of
vectors alone and not on how it was cut into batches.

Layers: `compare_three` and `compare_block` set one vector against up to 64 members, without branches and in
doubles only, so that the compiler takes vector instructions; `admit` is one insertion, `close_gaps` removes
what it beat; `insert_rows` is the loop, without the GIL; `FrontArchive.insert` is the entry. One insertion
into n members takes O(n M), and ends at the first block that holds a member at least as good. Called through
dse/front.py.
"""

import numpy as np

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memmove

cdef enum:
    BLOCK = 64


cdef struct Verdict:
    bint covered  # some member of the block is no worse in every objective
    bint beats    # some member of the block is no better in any


cdef inline void compare_three(
    const double[:, ::1] columns, const double[::1] row, Py_ssize_t j, Py_ssize_t start, Py_ssize_t size,
    double* worse, double* better,
) noexcept nogil:
    """Set worse[k] and better[k] to 1 where member start+k is so in objective j, j+1 or j+2."""
    cdef Py_ssize_t last = row.shape[0] - 1
    cdef Py_ssize_t second = min(j + 1, last)
    cdef Py_ssize_t third = min(j + 2, last)
    cdef const double* a = &columns[j, start]
    cdef const double* b = &columns[second, start]
    cdef const double* c = &columns[third, start]
    cdef double u = row[j]
    cdef double v = row[second]
    cdef double w = row[third]
    cdef double over, under
    cdef Py_ssize_t k
    for k in range(size):
        over = 1.0 if a[k] > u else worse[k]
        over = 1.0 if b[k] > v else over
        worse[k] = 1.0 if c[k] > w else over
        under = 1.0 if a[k] < u else better[k]
        under = 1.0 if b[k] < v else under
        better[k] = 1.0 if c[k] < w else under


cdef inline Verdict compare_block(
    const double[:, ::1] columns, const double[::1] row, Py_ssize_t start, Py_ssize_t size, double* better,
) noexcept nogil:
    """Members start..start+size against `row`; better[k] is 1 where member k is better in some objective."""
    cdef double[BLOCK] worse
    cdef double least_worse = 1.0
    cdef double least_better = 1.0
    cdef Py_ssize_t j, k
    cdef Verdict verdict
    for k in range(size):
        worse[k] = better[k] = 0.0
    for j in range(0, row.shape[0], 3):
        compare_three(columns, row, j, start, size, worse, better)
    for k in range(size):
        least_worse = worse[k] if worse[k] < least_worse else least_worse
        least_better = better[k] if better[k] < least_better else least_better
    verdict.covered = least_worse == 0.0
    verdict.beats = least_better == 0.0
    return verdict


cdef Py_ssize_t admit(
    const double[:, ::1] columns, const double[::1] row, Py_ssize_t n, uint8_t[::1] beaten,
) noexcept nogil:
    """Number of members that `row` beats, flagged in `beaten`; -1 if it may not enter."""
    cdef double[BLOCK] better
    cdef Verdict verdict
    cdef Py_ssize_t start = 0
    cdef Py_ssize_t found = 0
    cdef Py_ssize_t size, k
    while start < n:
        size = min(<Py_ssize_t>BLOCK, n - start)
        verdict = compare_block(columns, row, start, size, better)
        if verdict.covered:
            return -1  # then it beats nobody: members do not dominate each other
        if verdict.beats:
            for k in range(size):
                beaten[start + k] = better[k] == 0.0
                found += better[k] == 0.0
        start += size
    return found


cdef void close_gaps(
    double[:, ::1] columns, int64_t[::1] ids, uint8_t[::1] beaten, Py_ssize_t n, int64_t[::1] removed,
    Py_ssize_t* n_old, Py_ssize_t* n_removed,
) noexcept nogil:
    """Drop the flagged members and clear their flags; note the ids of those among the first n_old."""
    cdef Py_ssize_t kept = 0
    cdef Py_ssize_t old = n_old[0]
    cdef Py_ssize_t start = 0
    cdef Py_ssize_t stop, j
    while start < n:
        if beaten[start]:
            beaten[start] = 0
            if start < old:
                removed[n_removed[0]] = ids[start]
                n_removed[0] += 1
                n_old[0] -= 1
            start += 1
            continue
        stop = start
        while stop < n and not beaten[stop]:
            stop += 1
        if kept < start:
            memmove(&ids[kept], &ids[start], (stop - start) * sizeof(int64_t))
            for j in range(columns.shape[0]):
                memmove(&columns[j, kept], &columns[j, start], (stop - start) * sizeof(double))
        kept += stop - start
        start = stop


cdef bint has_nan(const double[::1] row) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(row.shape[0]):
        if row[j] != row[j]:
            return True
    return False


cdef Py_ssize_t insert_rows(
    double[:, ::1] columns, int64_t[::1] ids, uint8_t[::1] beaten, const double[:, ::1] costs,
    const int64_t[::1] new_ids, int64_t[::1] removed, Py_ssize_t n, Py_ssize_t* n_old, Py_ssize_t* n_removed,
) noexcept nogil:
    """Insert every row; the new number of members."""
    cdef Py_ssize_t i, j, dropped
    for i in range(costs.shape[0]):
        if has_nan(costs[i]):
            continue
        dropped = admit(columns, costs[i], n, beaten)
        if dropped < 0:
            continue
        if dropped > 0:
            close_gaps(columns, ids, beaten, n, removed, n_old, n_removed)
            n -= dropped
        for j in range(columns.shape[0]):
            columns[j, n] = costs[i, j]
        ids[n] = new_ids[i]
        n += 1
    return n


cdef class FrontArchive:
    """The non-dominated ones of all cost vectors inserted so far, to minimise, with the ids of their designs.

    Of equal vectors the first stays. Vectors with NaN never enter; infinities are compared as numbers.
    capacity: number of members to make room for; the room grows by doubling. Not for use from several
    threads at once. Raises ValueError for n_objectives below 1.
    """

    cdef double[:, ::1] _columns
    cdef int64_t[::1] _ids
    cdef uint8_t[::1] _beaten
    cdef Py_ssize_t _n

    def __init__(self, Py_ssize_t n_objectives, Py_ssize_t capacity=BLOCK):
        if n_objectives < 1:
            raise ValueError(f"n_objectives={n_objectives}: expected at least 1")
        capacity = max(capacity, <Py_ssize_t>BLOCK)
        self._columns = np.empty((n_objectives, capacity))
        self._ids = np.empty(capacity, np.int64)
        self._beaten = np.zeros(capacity, np.uint8)
        self._n = 0

    def __len__(self):
        return self._n

    @property
    def costs(self):
        """Costs (n, M) of the members, in the order of their insertion; a copy."""
        return np.asarray(self._columns)[:, :self._n].T.copy(order="C")

    @property
    def ids(self):
        """Ids (n,) of the members, in the same order; a copy."""
        return np.asarray(self._ids)[:self._n].copy()

    def insert(self, costs, ids):
        """Insert costs (B, M) with ids (B,), in order; returns (ids added, ids removed).

        added: in the archive now and not before, in the order of insertion. removed: in it before and not
        now. Raises ValueError if the shapes do not fit.
        """
        cdef const double[:, ::1] rows = np.ascontiguousarray(costs, np.float64)
        cdef const int64_t[::1] new_ids = np.ascontiguousarray(ids, np.int64)
        cdef Py_ssize_t n_old = self._n
        cdef Py_ssize_t n_removed = 0
        cdef int64_t[::1] removed
        if rows.shape[1] != self._columns.shape[0] or new_ids.shape[0] != rows.shape[0]:
            raise ValueError(
                f"costs ({rows.shape[0]}, {rows.shape[1]}) and ids ({new_ids.shape[0]},): "
                f"expected (B, {self._columns.shape[0]}) and (B,)"
            )
        self._make_room(self._n + rows.shape[0])
        gone = np.empty(self._n, np.int64)
        removed = gone
        with nogil:
            self._n = insert_rows(
                self._columns, self._ids, self._beaten, rows, new_ids, removed, self._n, &n_old, &n_removed
            )
        return np.asarray(self._ids)[n_old:self._n].copy(), gone[:n_removed]

    cdef int _make_room(self, Py_ssize_t wanted) except -1:
        cdef Py_ssize_t capacity = self._ids.shape[0]
        if wanted <= capacity:
            return 0
        capacity = max(wanted, 2 * capacity)
        columns = np.empty((self._columns.shape[0], capacity))
        columns[:, :self._n] = np.asarray(self._columns)[:, :self._n]
        ids = np.empty(capacity, np.int64)
        ids[:self._n] = np.asarray(self._ids)[:self._n]
        self._columns, self._ids = columns, ids
        self._beaten = np.zeros(capacity, np.uint8)
        return 0
