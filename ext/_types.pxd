"""C types that the kernels share. Cycles are 64-bit everywhere: a C long is 32 bits on some machines."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

ctypedef int64_t cycle_t
ctypedef uint64_t address_t
ctypedef int32_t index_t
ctypedef uint8_t flag_t
