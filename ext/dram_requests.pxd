"""Checks and counts over the requests of a trace, made once when a simulation is opened."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from ext._types cimport cycle_t
from ext.dram_numbers cimport NEVER
from ext.dram_state cimport Requests


cdef inline bint is_bad(const Requests* r, int64_t i, int64_t n_channels, int64_t n_banks) noexcept nogil:
    """Out of order or out of range?"""
    cdef cycle_t previous = r.arrival[i - 1] if i else 0
    if r.channel is not NULL and r.channel[i] >= n_channels:
        return True
    return r.arrival[i] < previous or r.arrival[i] >= NEVER // 2 or r.bank[i] >= n_banks or r.row[i] < 0


cdef inline int64_t first_bad_request(
    const Requests* r, int64_t n, int64_t n_channels, int64_t n_banks
) noexcept nogil:
    """Index of the first request out of order or out of range, or n; without a branch while all are good."""
    cdef int64_t i
    cdef int64_t signs = 0      # negative, if an arrival is or comes before the one before it
    cdef int32_t rows = 0
    cdef uint8_t highest_bank = 0
    cdef uint8_t highest_channel = 0
    if n == 0:
        return 0
    for i in range(1, n):
        signs |= r.arrival[i] | (r.arrival[i] - r.arrival[i - 1])
    for i in range(n):
        rows |= r.row[i]
        highest_bank = r.bank[i] if r.bank[i] > highest_bank else highest_bank
    if r.channel is not NULL:
        for i in range(n):
            highest_channel = r.channel[i] if r.channel[i] > highest_channel else highest_channel
    if not (signs < 0 or rows < 0 or highest_bank >= n_banks or highest_channel >= n_channels
            or is_bad(r, 0, n_channels, n_banks) or is_bad(r, n - 1, n_channels, n_banks)):
        return n
    for i in range(n):
        if is_bad(r, i, n_channels, n_banks):
            return i
    return n


cdef inline int64_t count_writes(const Requests* r, int64_t first, int64_t n) noexcept nogil:
    cdef int64_t i
    cdef int64_t writes = 0
    for i in range(first, n):
        writes += r.is_write[i] != 0
    return writes
