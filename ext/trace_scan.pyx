# cython: boundscheck=True, wraparound=False
"""Scan text traces: bytes in, columns out, at millions of lines a second.

The text comes from outside, so bounds are checked in this module in every build, and no line is trusted:
the scan stops at the first malformed one and reports its number, its place and what is wrong with it. Words
for people are made by the caller (traces/readers.py, traces/record.py).

Layers: a cursor that reads one token; one function a grammar that reads one line; the loop over lines,
without the GIL; the two entries, `scan` for memory traces and `scan_lackey` for the output of valgrind's
lackey. Linear in the number of bytes. A chunk may end inside a line: only whole lines are consumed unless
it is the last chunk.
"""

import numpy as np

from ext._types cimport address_t, cycle_t, flag_t, index_t
from libc.stdint cimport int64_t, uint8_t, uint64_t

cpdef enum Grammar:
    STL = 0
    RSTL = 1
    LOAD_STORE = 2
    READ_WRITE = 3
    DRAMSIM3 = 4

cpdef enum Fault:
    NONE = 0
    NOT_A_CYCLE = 1
    TOO_LARGE = 2
    NO_COLON = 3
    BAD_LENGTH = 4
    NOT_AN_OPERATION = 5
    NOT_AN_ADDRESS = 6
    TRAILING_TEXT = 7
    GOES_BACK = 8
    NO_ORGANISATION = 9
    OUTSIDE_ORGANISATION = 10

cdef enum:
    MAX_LENGTH = 4096
    BURST_BYTES = 64

cdef uint64_t LAST_CYCLE = (<uint64_t>1 << 62) - 1
cdef uint64_t ALL_ONES = ~<uint64_t>0


cdef struct Record:
    uint64_t cycle
    uint64_t address
    uint8_t is_write
    index_t size_bytes


cdef struct Cursor:
    Py_ssize_t at
    Py_ssize_t end


# ---------------------------------------------------------------------------------------------------- tokens

cdef inline uint8_t peek(const uint8_t[::1] text, Cursor* c) except? 255 nogil:
    """The byte under the cursor; 0 at the end of the line."""
    return text[c.at] if c.at < c.end else 0


cdef inline int skip_blanks(const uint8_t[::1] text, Cursor* c) except -1 nogil:
    while c.at < c.end and (text[c.at] == c' ' or text[c.at] == c'\t' or text[c.at] == c'\r'):
        c.at += 1
    return 0


cdef inline int hex_digit(uint8_t byte) noexcept nogil:
    """0..15, or 16 for any other byte."""
    if c'0' <= byte <= c'9':
        return byte - c'0'
    byte |= 0x20
    if c'a' <= byte <= c'f':
        return byte - c'a' + 10
    return 16


cdef inline int decimal(const uint8_t[::1] text, Cursor* c, uint64_t* value, int missing) except -1 nogil:
    cdef Py_ssize_t start = c.at
    cdef uint64_t total = 0
    cdef uint64_t digit
    while c.at < c.end and c'0' <= text[c.at] <= c'9':
        digit = text[c.at] - c'0'
        if total > (ALL_ONES - digit) // 10:
            return TOO_LARGE
        total = total * 10 + digit
        c.at += 1
    value[0] = total
    return missing if c.at == start else NONE


cdef inline int hexadecimal(const uint8_t[::1] text, Cursor* c, uint64_t* value) except -1 nogil:
    """`0x` and digits."""
    cdef Py_ssize_t start
    cdef uint64_t total = 0
    cdef int digit
    if c.end - c.at < 3 or text[c.at] != c'0' or (text[c.at + 1] | 0x20) != c'x':
        return NOT_AN_ADDRESS
    c.at += 2
    start = c.at
    while c.at < c.end:
        digit = hex_digit(text[c.at])
        if digit == 16:
            break
        if total >> 60:
            return TOO_LARGE
        total = (total << 4) | <uint64_t>digit
        c.at += 1
    value[0] = total
    return NOT_AN_ADDRESS if c.at == start else NONE


cdef inline int number(const uint8_t[::1] text, Cursor* c, uint64_t* value) except -1 nogil:
    """Hexadecimal when it starts with 0x, else decimal."""
    if c.end - c.at >= 2 and text[c.at] == c'0' and (text[c.at + 1] | 0x20) == c'x':
        return hexadecimal(text, c, value)
    return decimal(text, c, value, NOT_AN_ADDRESS)


cdef inline bint word(
    const uint8_t[::1] text, Cursor* c, const char* lower, Py_ssize_t length
) except? -1 nogil:
    """Step over `lower`, in any case, when it comes next and ends there."""
    cdef Py_ssize_t i
    if c.end - c.at < length:
        return False
    for i in range(length):
        if (text[c.at + i] | 0x20) != <uint8_t>lower[i]:
            return False
    if c.at + length < c.end and not (text[c.at + length] == c' ' or text[c.at + length] == c'\t'):
        return False
    c.at += length
    return True


# ----------------------------------------------------------------------------------------------------- lines

cdef inline int operation(const uint8_t[::1] text, Cursor* c, Record* r) except -1 nogil:
    if word(text, c, b"read", 4):
        r.is_write = 0
    elif word(text, c, b"write", 5):
        r.is_write = 1
    else:
        return NOT_AN_OPERATION
    return NONE


cdef int length_in_parentheses(const uint8_t[::1] text, Cursor* c, Record* r) except -1 nogil:
    cdef uint64_t length = 0
    c.at += 1
    skip_blanks(text, c)
    if decimal(text, c, &length, BAD_LENGTH) != NONE or length == 0 or length > MAX_LENGTH:
        return BAD_LENGTH
    skip_blanks(text, c)
    if peek(text, c) != c')':
        return BAD_LENGTH
    c.at += 1
    r.size_bytes = <index_t>length
    return NONE


cdef int stl_line(const uint8_t[::1] text, Cursor* c, Record* r) except -1 nogil:
    """`cycle: [(length)] read|write 0xADDR [data]`"""
    cdef int fault = decimal(text, c, &r.cycle, NOT_A_CYCLE)
    if fault != NONE:
        return fault
    skip_blanks(text, c)
    if peek(text, c) != c':':
        return NO_COLON
    c.at += 1
    skip_blanks(text, c)
    if peek(text, c) == c'(':
        fault = length_in_parentheses(text, c, r)
        if fault != NONE:
            return fault
        skip_blanks(text, c)
    fault = operation(text, c, r)
    if fault != NONE:
        return fault
    skip_blanks(text, c)
    fault = hexadecimal(text, c, &r.address)
    if fault != NONE:
        return fault
    return data_word(text, c)


cdef int data_word(const uint8_t[::1] text, Cursor* c) except -1 nogil:
    """Optional data after an address: hexadecimal of any length, not kept. It is set off by a blank."""
    cdef Py_ssize_t start = c.at
    skip_blanks(text, c)
    if c.at == start or c.at == c.end or text[c.at] == c'#':
        return NONE
    if c.end - c.at >= 2 and text[c.at] == c'0' and (text[c.at + 1] | 0x20) == c'x':
        c.at += 2
    while c.at < c.end and hex_digit(text[c.at]) != 16:
        c.at += 1
    return NONE


cdef int load_store_line(const uint8_t[::1] text, Cursor* c, Record* r) except -1 nogil:
    """`LD|ST 0xADDR` or a decimal address"""
    if word(text, c, b"ld", 2):
        r.is_write = 0
    elif word(text, c, b"st", 2):
        r.is_write = 1
    else:
        return NOT_AN_OPERATION
    skip_blanks(text, c)
    return number(text, c, &r.address)


cdef int read_write_line(
    const uint8_t[::1] text, Cursor* c, Record* r, const int64_t[::1] levels
) except -1 nogil:
    """`R|W 0xADDR` or `R|W a,b,c,...`, an address vector over the levels of the organisation"""
    cdef Py_ssize_t start
    if word(text, c, b"r", 1):
        r.is_write = 0
    elif word(text, c, b"w", 1):
        r.is_write = 1
    else:
        return NOT_AN_OPERATION
    skip_blanks(text, c)
    start = c.at
    cdef int fault = number(text, c, &r.address)
    if fault != NONE or peek(text, c) != c',':
        return fault
    c.at = start
    return vector(text, c, r, levels)


cdef int vector(const uint8_t[::1] text, Cursor* c, Record* r, const int64_t[::1] levels) except -1 nogil:
    cdef uint64_t total = 0
    cdef uint64_t entry = 0
    cdef Py_ssize_t level
    cdef int fault
    if levels.shape[0] == 0:
        return NO_ORGANISATION
    for level in range(levels.shape[0]):
        fault = decimal(text, c, &entry, NOT_AN_ADDRESS)
        if fault != NONE:
            return fault
        if entry >= <uint64_t>levels[level]:
            return OUTSIDE_ORGANISATION
        total = total * <uint64_t>levels[level] + entry
        if level + 1 < levels.shape[0]:
            if peek(text, c) != c',':
                return OUTSIDE_ORGANISATION
            c.at += 1
    if peek(text, c) == c',':
        return OUTSIDE_ORGANISATION
    r.address = total * BURST_BYTES
    return NONE


cdef int dramsim3_line(const uint8_t[::1] text, Cursor* c, Record* r) except -1 nogil:
    """`0xADDR READ|WRITE CYCLE`"""
    cdef int fault = hexadecimal(text, c, &r.address)
    if fault != NONE:
        return fault
    skip_blanks(text, c)
    fault = operation(text, c, r)
    if fault != NONE:
        return fault
    skip_blanks(text, c)
    return decimal(text, c, &r.cycle, NOT_A_CYCLE)


cdef inline int one_line(
    const uint8_t[::1] text, Cursor* c, Record* r, Grammar grammar, const int64_t[::1] levels
) except -1 nogil:
    cdef int fault
    if grammar == STL or grammar == RSTL:
        fault = stl_line(text, c, r)
    elif grammar == LOAD_STORE:
        fault = load_store_line(text, c, r)
    elif grammar == READ_WRITE:
        fault = read_write_line(text, c, r, levels)
    else:
        fault = dramsim3_line(text, c, r)
    if fault != NONE:
        return fault
    skip_blanks(text, c)
    if c.at < c.end and text[c.at] != c'#':
        return TRAILING_TEXT
    return NONE


# ------------------------------------------------------------------------------------------------------ loop

cdef struct Progress:
    Py_ssize_t records
    Py_ssize_t lines
    Py_ssize_t consumed
    Py_ssize_t line_end
    int fault


cdef Py_ssize_t line_end(const uint8_t[::1] text, Py_ssize_t start) except -1 nogil:
    """Index of the newline that ends the line, or the length of the text."""
    cdef Py_ssize_t at = start
    cdef Py_ssize_t n = text.shape[0]
    while at < n and text[at] != c'\n':
        at += 1
    return at


cdef int place_in_time(Record* r, Grammar grammar, uint64_t* clock) noexcept nogil:
    """Make the cycle absolute, check that time does not go back, and move the clock there."""
    if grammar == RSTL:
        if r.cycle > LAST_CYCLE - clock[0]:
            return TOO_LARGE
        r.cycle += clock[0]
    if r.cycle > LAST_CYCLE:
        return TOO_LARGE
    if r.cycle < clock[0]:
        return GOES_BACK
    clock[0] = r.cycle
    return NONE


cdef int scan_lines(
    const uint8_t[::1] text, Grammar grammar, bint final, const int64_t[::1] levels, index_t line_bytes,
    uint64_t clock, cycle_t[::1] arrival, address_t[::1] address, flag_t[::1] is_write,
    index_t[::1] size_bytes, Progress* p,
) except -1 nogil:
    cdef Py_ssize_t start = 0
    cdef Cursor c
    cdef Record r
    while start < text.shape[0]:
        p.line_end = line_end(text, start)
        if p.line_end == text.shape[0] and not final:
            return 0
        c.at, c.end = start, p.line_end
        skip_blanks(text, &c)
        if c.at < c.end and text[c.at] != c'#':
            r.cycle, r.size_bytes = (0 if grammar == RSTL else clock), line_bytes
            p.fault = one_line(text, &c, &r, grammar, levels)
            if p.fault == NONE:
                p.fault = place_in_time(&r, grammar, &clock)
            if p.fault != NONE:
                return 0
            arrival[p.records], address[p.records] = <cycle_t>r.cycle, r.address
            is_write[p.records], size_bytes[p.records] = r.is_write, r.size_bytes
            p.records += 1
        p.lines += 1
        start = p.line_end + 1
        p.consumed = min(start, text.shape[0])
    return 0


# --------------------------------------------------------------------------------------------------- entries

def scan(
    const uint8_t[::1] text not None,
    int grammar,
    bint final,
    *,
    int64_t previous=0,
    int line_bytes=BURST_BYTES,
    const int64_t[::1] levels=None,
):
    """Whole lines of `text` as ((arrival, address, is_write, size_bytes), lines, consumed, fault, line_end).

    grammar: a member of Grammar. final: the text ends here, so that a last line needs no newline.
    previous: arrival of the last request before this text. line_bytes: size where the line gives none.
    levels: int64, sizes of the organisation for address vectors, outermost first, innermost in 64-byte
    bursts.
    lines: whole lines read, comments included. consumed: bytes read. fault: a member of Fault; when it is
    not NONE the malformed line is line number `lines` + 1 and lies at consumed..line_end. Arrivals are
    absolute; grammars without time repeat `previous`.
    """
    cdef Progress p = Progress(0, 0, 0, 0, NONE)
    cdef const int64_t[::1] sizes = np.empty(0, np.int64) if levels is None else levels
    cdef Py_ssize_t most = count_lines(text)
    arrival = np.empty(most, np.int64)
    address = np.empty(most, np.uint64)
    is_write = np.empty(most, np.uint8)
    size_bytes = np.empty(most, np.int32)
    cdef cycle_t[::1] arrival_view = arrival
    cdef address_t[::1] address_view = address
    cdef flag_t[::1] is_write_view = is_write
    cdef index_t[::1] size_view = size_bytes
    with nogil:
        scan_lines(text, <Grammar>grammar, final, sizes, line_bytes, <uint64_t>previous,
                   arrival_view, address_view, is_write_view, size_view, &p)
    n = p.records
    columns = (arrival[:n], address[:n], is_write[:n], size_bytes[:n])
    return columns, p.lines, p.consumed, p.fault, p.line_end


cdef Py_ssize_t count_lines(const uint8_t[::1] text) except -1 nogil:
    cdef Py_ssize_t at
    cdef Py_ssize_t found = 1
    for at in range(text.shape[0]):
        found += text[at] == c'\n'
    return found


cdef int lackey_lines(
    const uint8_t[::1] text, address_t[::1] address, index_t[::1] size_bytes, flag_t[::1] is_write,
    int64_t[::1] instruction, int64_t* executed, Progress* p,
) except -1 nogil:
    cdef Py_ssize_t start = 0
    cdef Py_ssize_t at
    cdef Cursor c
    cdef uint8_t kind
    cdef uint64_t where, size = 0
    cdef int digit
    while start < text.shape[0]:
        p.line_end = line_end(text, start)
        if p.line_end == text.shape[0]:
            return 0
        kind = text[start + 1] if text[start] == c' ' and p.line_end > start + 3 else text[start]
        if kind == c'I':
            executed[0] += 1
        elif text[start] == c' ' and (kind == c'L' or kind == c'S' or kind == c'M'):
            c.at, c.end, where = start + 3, p.line_end, 0
            while c.at < c.end:
                digit = hex_digit(text[c.at])
                if digit == 16 or where >> 60:
                    break
                where = (where << 4) | <uint64_t>digit
                c.at += 1
            at = c.at
            c.at += 1
            if (
                at == start + 3 or peek_at(text, at) != c','
                or decimal(text, &c, &size, BAD_LENGTH) != NONE or not 0 < size <= MAX_LENGTH
            ):
                p.fault = NOT_AN_ADDRESS
                return 0
            address[p.records], size_bytes[p.records] = where, <index_t>size
            is_write[p.records], instruction[p.records] = kind != c'L', executed[0]
            p.records += 1
        p.lines += 1
        start = p.line_end + 1
        p.consumed = start
    return 0


cdef inline uint8_t peek_at(const uint8_t[::1] text, Py_ssize_t at) except? 255 nogil:
    return text[at] if at < text.shape[0] else 0


def scan_lackey(const uint8_t[::1] text not None, int64_t executed):
    """Data accesses in whole lines of lackey's memory trace.

    Returns ((address, size_bytes, is_write, instruction), executed, lines, consumed, fault, line_end).

    Lines are `I  addr,size` (an instruction), ` L addr,size`, ` S addr,size`, ` M addr,size` (load, store,
    modify); others, valgrind's own messages, are passed over. A modify is one write: its line is fetched
    either way.
    executed: instructions before this text, and after it in the result. instruction: the count at each
    access.
    """
    cdef Progress p = Progress(0, 0, 0, 0, NONE)
    cdef Py_ssize_t most = count_lines(text)
    address = np.empty(most, np.uint64)
    size_bytes = np.empty(most, np.int32)
    is_write = np.empty(most, np.uint8)
    instruction = np.empty(most, np.int64)
    cdef address_t[::1] address_view = address
    cdef index_t[::1] size_view = size_bytes
    cdef flag_t[::1] is_write_view = is_write
    cdef int64_t[::1] instruction_view = instruction
    with nogil:
        lackey_lines(text, address_view, size_view, is_write_view, instruction_view, &executed, &p)
    n = p.records
    columns = (address[:n], size_bytes[:n], is_write[:n], instruction[:n])
    return columns, executed, p.lines, p.consumed, p.fault, p.line_end
