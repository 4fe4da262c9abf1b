"""Instruction traces in our own container (traces/container.py): a table of instructions and how they ran.

Members (uint8; numbers as byte planes, differences folded by zigzag):
  row_ip       differences of the address of each distinct instruction; a row of the table is an address with
               one set of registers, counts and kinds, in order of address
  row_detail   the rest of a row as one number: n_loads in bits 0-2, n_stores 3-4, branch 5-7, operation 8-10,
               destinations 16-31, sources 32-63
  row          differences of the row that each instruction is; straight-line code adds one
  taken        packed bits, of branches only
  chained      packed bits, one a stream. Loads and stores of a row, by their place in it, are a stream each
  address      differences of the addresses in units of 2^shift bytes: first those of all unchained streams,
               stream by stream, each to the one before, in time to itself (a stride is a run of equal
               numbers); then those of the chained ones in order of time, each to the access just before it,
               whosever that is (a store to where the load was is 0)
A stream is chained when that makes its differences clearly shorter.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traces.container import (
    INSTRUCTIONS,
    Bytes,
    Kind,
    bits_of,
    differences,
    located,
    planes,
    read_archive,
    unzigzag,
    values_of,
    write_archive,
    zigzag,
)
from traces.errors import TraceError
from traces.instructions import MAX_INSTRUCTIONS, MAX_LOADS, MAX_STORES, InstructionTrace

VERSION = 1
_DEFLATE_RATIO = 1040  # its limit is 1032, and the columns of a loop come near it
_KIND = Kind(INSTRUCTIONS, VERSION, MAX_INSTRUCTIONS, row_bytes=64, max_ratio=_DEFLATE_RATIO)
_PLACES = MAX_LOADS + MAX_STORES
_CLEARLY = 0.75  # zeros among random numbers cost more than zeros on their own

Values = NDArray[np.uint64]

# Column, its first bit in row_detail, bits of one value.
_DETAIL = (
    ("n_loads", 0, 3),
    ("n_stores", 3, 2),
    ("branch", 5, 3),
    ("operation", 8, 3),
    ("destinations", 16, 8),
    ("sources", 32, 8),
)


def write_instruction_npz(trace: InstructionTrace, path: Path) -> None:
    """Write `trace` to `path`; equal traces give equal bytes. Raises TraceError when that is impossible."""
    row_ip, row_detail, row = _table(trace)
    stream, at = _streams(row, trace.n_loads, trace.n_stores)
    used = int(np.bitwise_or.reduce(trace.address)) if len(trace.address) else 0
    shift = (used & -used).bit_length() - 1 if used else 0
    chained, folded = _folded_addresses(trace.address >> np.uint64(shift), stream, at)
    members = {
        "row_ip": planes(differences(row_ip)),
        "row_detail": planes(row_detail),
        "row": planes(zigzag(differences(row.astype(np.uint64)))),
        "taken": np.packbits(trace.taken[trace.branch != 0]),
        "chained": np.packbits(chained),
        "address": planes(folded),
    }
    header = {
        "format": INSTRUCTIONS,
        "version": VERSION,
        "n": len(trace),
        "rows": len(row_ip),
        "shift": shift,
        "name": trace.name,
        "provenance": dict(trace.provenance),
    }
    write_archive(path, header, members)


def read_instruction_npz(path: Path) -> InstructionTrace:
    """The trace in `path`. Raises TraceError when the file is not ours, damaged, newer, or too large."""
    header, members = read_archive(path, _KIND)
    with located(path):
        return _decode(header, members)


def _table(trace: InstructionTrace) -> tuple[Values, Values, NDArray[np.int64]]:
    """Address and detail of the distinct instructions, and which of them each instruction is."""
    detail = np.zeros(len(trace), np.uint64)
    for name, first_bit, bits in _DETAIL:
        column = getattr(trace, name).reshape(len(trace), -1)
        for k in range(column.shape[1]):
            detail |= column[:, k].astype(np.uint64) << np.uint64(first_bit + bits * k)
    ips, ip_number = np.unique(trace.ip, return_inverse=True)
    details, detail_number = np.unique(detail, return_inverse=True)
    both, row = np.unique(ip_number.astype(np.int64) * len(details) + detail_number, return_inverse=True)
    return ips[both // len(details)], details[both % len(details)], row.astype(np.int64)


def _streams(
    row: NDArray[np.int64], n_loads: NDArray[np.uint8], n_stores: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The stream of each access, and the accesses ordered by stream, in time within one."""
    count = (n_loads + n_stores).astype(np.int64)
    owner = np.repeat(np.arange(len(row)), count)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    number = row[owner] * _PLACES + place
    stream = np.unique(number, return_inverse=True)[1].astype(np.int64)
    return stream, np.argsort(stream, kind="stable")


def _folded_addresses(
    address: Values, stream: NDArray[np.int64], at: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], Values]:
    """Which streams are chained, and the member `address`."""
    n_streams = int(stream.max()) + 1 if len(stream) else 0
    in_stream = zigzag(differences(address[at]))
    in_time = zigzag(differences(address))
    bits = (
        np.bincount(stream[at], _bits(in_stream), n_streams),
        np.bincount(stream, _bits(in_time), n_streams),
    )
    chained: NDArray[np.bool_] = bits[1] < _CLEARLY * bits[0]
    free = at[~chained[stream[at]]]
    return chained, np.concatenate([zigzag(differences(address[free])), in_time[chained[stream]]])


def _bits(values: Values) -> NDArray[np.float64]:
    """About how many bits each value needs."""
    bits: NDArray[np.float64] = np.log2(values.astype(np.float64) + 1)
    return bits


def _decode(header: Mapping[str, Any], members: Mapping[str, Bytes]) -> InstructionTrace:
    n, rows, shift = header["n"], header["rows"], header["shift"]
    if not isinstance(rows, int) or not 1 <= rows <= n:
        raise TraceError(f"the header says rows={rows!r}: expected 1 to {n}")
    if not isinstance(shift, int) or not 0 <= shift < 64:
        raise TraceError(f"the header says shift={shift!r}: expected 0 to 63")
    row = np.cumsum(unzigzag(values_of(members["row"], n)).view(np.int64))
    if int(row.min()) < 0 or int(row.max()) >= rows:
        wrong = int(((row < 0) | (row >= rows)).argmax())
        raise TraceError(f"instruction {wrong} is no row of the table of {rows} rows")
    columns = _columns(values_of(members["row_detail"], rows))
    if int(columns["n_loads"].max()) > MAX_LOADS or int(columns["n_stores"].max()) > MAX_STORES:
        raise TraceError(f"a row has more than {MAX_LOADS} loads or {MAX_STORES} stores")
    columns = {name: column[row] for name, column in columns.items()}
    is_branch = columns["branch"] != 0
    taken = np.zeros(n, np.bool_)
    taken[is_branch] = bits_of(members["taken"], int(is_branch.sum()))
    stream, at = _streams(row, columns["n_loads"], columns["n_stores"])
    return InstructionTrace(
        ip=np.cumsum(values_of(members["row_ip"], rows), dtype=np.uint64)[row],
        taken=taken,
        **columns,
        address=_unfolded_addresses(members, stream, at) << np.uint64(shift),
        name=str(header["name"]),
        provenance=header["provenance"],
    )


def _columns(detail: Values) -> dict[str, NDArray[np.uint8]]:
    columns: dict[str, NDArray[np.uint8]] = {}
    for name, first_bit, bits in _DETAIL:
        width = {"destinations": 2, "sources": 4}.get(name, 1)
        values = [
            (detail >> np.uint64(first_bit + bits * k)) & np.uint64((1 << bits) - 1) for k in range(width)
        ]
        columns[name] = np.stack(values, axis=1).astype(np.uint8)
        if width == 1:
            columns[name] = columns[name][:, 0]
    return columns


def _unfolded_addresses(
    members: Mapping[str, Bytes], stream: NDArray[np.int64], at: NDArray[np.int64]
) -> Values:
    """An access of a chained stream is the last unchained one before it plus all differences since."""
    n, n_streams = len(stream), int(stream.max()) + 1 if len(stream) else 0
    chained = bits_of(members["chained"], n_streams)[stream]
    difference = unzigzag(values_of(members["address"], n))
    free = at[~chained[at]]
    address = np.zeros(n, np.uint64)
    address[free] = np.cumsum(difference[: len(free)], dtype=np.uint64)
    step = np.zeros(n, np.uint64)
    step[chained] = difference[len(free) :]
    way = np.cumsum(step, dtype=np.uint64)
    last_free = np.maximum.accumulate(np.where(chained, -1, np.arange(n)))
    known = last_free >= 0
    start = np.zeros(n, np.uint64)
    start[known] = address[last_free[known]] - way[last_free[known]]
    return np.asarray(start + way, dtype=np.uint64)
