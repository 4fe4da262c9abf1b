"""The DRAM engine for other kernels, which may drive one cycle by cycle and hand requests in."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t

from ext._types cimport cycle_t
from ext.dram_state cimport Arena, Config, Requests, Rules, Tape

# `simulate` of dram_loop, compiled once: DONE, PAUSED or LOG_IS_FULL.
cdef int go_on(
    Arena* a, const Requests* r, Tape* tape, cycle_t until_cycle, int64_t until_requests
) noexcept nogil


cdef class DramEngine:
    cdef Arena* arena
    cdef Rules rules
    cdef Requests requests
    cdef Tape tape
    cdef size_t size                    # bytes of the state
    cdef bint running
    cdef int64_t log_origin             # commands issued before the first entry of the log
    cdef object arrays
    cdef object digest
    cdef object log
    cdef object row_counter
    cdef readonly object accept_cycles
    cdef readonly object finish_cycles
    cdef int _open(self, const Config* config, int64_t n, int64_t warmup, int64_t live_sources) except -1
    cdef int _allocate(self, int64_t n_channels, int64_t n_row_counters) except -1
    cdef int _begin(self) except -1
    cdef int go_on_as(self, const int64_t* vector) except -1
