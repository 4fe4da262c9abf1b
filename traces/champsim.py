"""Traces of ChampSim: binary records, one an instruction, little-endian, often compressed.

    ip u64 | is_branch u8 | taken u8 | destination registers u8[2] | source registers u8[4]
    | addresses written u64[2] | addresses read u64[4]                                      64 bytes

The records of its CloudSuite traces have four destination registers, four addresses written and an address
space number, and are padded as a C compiler pads them, to 96 bytes. 0 is an absent register or address. The
kind of a branch is not in the record: it follows from which of the registers 6 (stack pointer), 25 (flags)
and 26 (instruction pointer) are read and written; is_branch is ignored, and jumps, calls and returns are
taken whatever the record says. Register 26 does not become a source or destination here: nothing waits for
it. Source of both: ChampSim, inc/trace_instruction.h and inc/instruction.h.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from traces.compression import BoundedReader, open_bounded, write_replacing
from traces.errors import TraceError
from traces.instructions import (
    MAX_INSTRUCTIONS,
    MAX_STORES,
    N_DESTINATIONS,
    Branch,
    InstructionTrace,
    Operation,
)

_HEAD: list[tuple[Any, ...]] = [("ip", "<u8"), ("is_branch", "u1"), ("taken", "u1")]
RECORD = np.dtype(
    [
        *_HEAD,
        ("destinations", "u1", (2,)),
        ("sources", "u1", (4,)),
        ("written", "<u8", (2,)),
        ("read", "<u8", (4,)),
    ]
)
CLOUDSUITE = np.dtype(
    [
        *_HEAD,
        ("destinations", "u1", (4,)),
        ("sources", "u1", (4,)),
        ("written", "<u8", (4,)),
        ("read", "<u8", (4,)),
        ("address_space", "u1", (2,)),
    ],
    align=True,
)
_STACK, _FLAGS, _POINTER = 6, 25, 26
_BLOCK_RECORDS = 1 << 16
_MAX_RATIO = 10_000  # records of a loop are nearly all zeros and repetition
_ALWAYS_TAKEN = (Branch.JUMP, Branch.INDIRECT, Branch.CALL, Branch.INDIRECT_CALL, Branch.RETURN)

Registers = NDArray[np.uint8]


def read_champsim(
    path: Path, *, record: np.dtype[np.void] = RECORD, max_instructions: int | None = None
) -> InstructionTrace:
    """The trace in `path`, plain or compressed as its suffix says.

    record: RECORD or CLOUDSUITE, of which what is more than two destinations is dropped and counted in the
    provenance. Raises TraceError with the offset (decompressed) where it is cut off or no such trace.
    """
    most = MAX_INSTRUCTIONS if max_instructions is None else max_instructions
    if most < 1:
        raise TraceError(f"max_instructions={most} is out of range: expected at least 1", path=path)
    parts: list[dict[str, NDArray[Any]]] = []
    with open_bounded(path, max_ratio=_MAX_RATIO) as stream:
        parts.extend(_columns(records) for records in _blocks(stream, path, record, most))
    if not parts:
        raise TraceError(f"the trace is empty: expected records of {record.itemsize} bytes", path=path)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return _trace(columns, path.name.partition(".champsim")[0], file=path.name)


def from_records(records: NDArray[np.void], *, name: str = "", **provenance: str) -> InstructionTrace:
    """The trace of records (n,) of type RECORD or CLOUDSUITE."""
    return _trace(_columns(records), name, **provenance)


def _trace(columns: dict[str, NDArray[Any]], name: str, **provenance: str) -> InstructionTrace:
    dropped = {what: int(columns.pop(f"dropped_{what}").sum()) for what in ("destinations", "stores")}
    told = ", ".join(f"{count} {what}" for what, count in dropped.items() if count)
    said = {"format": "champsim", **provenance, **({"dropped": told} if told else {})}
    return InstructionTrace(**columns, name=name, provenance=said)


def _blocks(
    stream: BoundedReader, path: Path, record: np.dtype[np.void], most: int
) -> Iterator[NDArray[np.void]]:
    size = record.itemsize
    seen, rest = 0, b""
    while seen < most and (block := stream.read(min(_BLOCK_RECORDS, most - seen) * size - len(rest))):
        octets = rest + block
        whole = len(octets) // size
        records, rest = np.frombuffer(octets, record, whole), octets[whole * size :]
        _check(records, path, seen)
        seen += whole
        if whole:
            yield records
    if rest:
        raise TraceError(
            f"instruction {seen}, at byte {seen * size}, has {len(rest)} of {size} bytes: the file was cut "
            "off, or it is no ChampSim trace of this kind",
            path=path,
        )


def _check(records: NDArray[np.void], path: Path, before: int) -> None:
    for offset, name in ((8, "is_branch"), (9, "taken")):
        wrong = records[name] > 1
        if wrong.any():
            at = int(wrong.argmax())
            raise TraceError(
                f"instruction {before + at} has {name}={int(records[name][at])}, at byte "
                f"{(before + at) * records.itemsize + offset}: expected 0 or 1; it is no ChampSim trace with "
                f"records of {records.itemsize} bytes",
                path=path,
            )


def _columns(records: NDArray[np.void]) -> dict[str, NDArray[Any]]:
    kind = branch_kinds(records["sources"], records["destinations"])
    sources, destinations = (
        np.where(records[name] == _POINTER, 0, records[name]) for name in ("sources", "destinations")
    )
    destinations = np.take_along_axis(destinations, np.argsort(destinations == 0, axis=1, kind="stable"), 1)
    written, is_written = records["written"], records["written"] != 0
    kept = is_written & (np.cumsum(is_written, axis=1) <= MAX_STORES)
    addresses = np.concatenate([records["read"], written], axis=1)
    used = np.concatenate([records["read"] != 0, kept], axis=1)
    taken = (kind != Branch.NONE) & ((records["taken"] != 0) | np.isin(kind, _ALWAYS_TAKEN))
    return {
        "ip": records["ip"],
        "branch": kind,
        "taken": taken,
        "operation": np.zeros(len(records), np.uint8),
        "sources": sources,
        "destinations": destinations[:, :N_DESTINATIONS],
        "n_loads": used[:, :4].sum(axis=1, dtype=np.uint8),
        "n_stores": kept.sum(axis=1, dtype=np.uint8),
        "address": addresses[used],
        "dropped_destinations": np.array([(destinations[:, N_DESTINATIONS:] != 0).sum()]),
        "dropped_stores": np.array([(is_written & ~kept).sum()]),
    }


def branch_kinds(sources: Registers, destinations: Registers) -> Registers:
    """`Branch` of each instruction, uint8 (n,), by the registers that it reads and writes, (n, k) each."""
    reads_stack, reads_flags, reads_pointer = (
        (sources == register).any(axis=1) for register in (_STACK, _FLAGS, _POINTER)
    )
    special = (sources == 0) | (sources == _STACK) | (sources == _FLAGS) | (sources == _POINTER)
    reads_other = ~special.all(axis=1)
    writes_stack = (destinations == _STACK).any(axis=1)
    writes_pointer = (destinations == _POINTER).any(axis=1)
    call = reads_stack & reads_pointer & writes_stack & ~reads_flags
    rules = (
        (~reads_stack & ~reads_flags & ~reads_other, Branch.JUMP),
        (~reads_stack & ~reads_pointer & ~reads_flags & reads_other, Branch.INDIRECT),
        (~reads_stack & reads_pointer & ~writes_stack & (reads_flags | reads_other), Branch.CONDITIONAL),
        (call & ~reads_other, Branch.CALL),
        (call & reads_other, Branch.INDIRECT_CALL),
        (reads_stack & ~reads_pointer & writes_stack, Branch.RETURN),
    )
    chosen = np.select([rule for rule, _ in rules], [kind.value for _, kind in rules], Branch.OTHER.value)
    kinds: Registers = np.where(writes_pointer, chosen, Branch.NONE.value).astype(np.uint8)
    return kinds


# ---------------------------------------------------------------------------------------------------- writing

# Registers by which ChampSim sees a branch of each kind: those read and those written.
_SEEN_BY = {
    Branch.JUMP: ((), (_POINTER,)),
    Branch.INDIRECT: ((1,), (_POINTER,)),
    Branch.CONDITIONAL: ((_POINTER, _FLAGS), (_POINTER,)),
    Branch.CALL: ((_POINTER, _STACK), (_POINTER, _STACK)),
    Branch.INDIRECT_CALL: ((_POINTER, _STACK, 1), (_POINTER, _STACK)),
    Branch.RETURN: ((_STACK,), (_POINTER, _STACK)),
    Branch.OTHER: ((_STACK,), (_POINTER,)),
}


def write_champsim(trace: InstructionTrace, path: Path) -> None:
    """Write the trace as ChampSim reads it, compressed as the suffix says; for losses see `champsim_losses`.

    Raises TraceError for an access to address 0, which ChampSim takes for none.
    """
    if len(trace.address) and not trace.address.all():
        first = int(np.searchsorted(trace.first_access, int((trace.address == 0).argmax()), "right")) - 1
        raise TraceError(
            f"instruction {first} accesses address 0, which ChampSim takes for no access: move the data",
            path=path,
        )
    first_access, spare = trace.first_access, _spare_register(trace)
    starts = range(0, len(trace), _BLOCK_RECORDS)
    parts = (slice(start, start + _BLOCK_RECORDS) for start in starts)

    def fill(raw: BinaryIO) -> None:
        raw.writelines(_records(trace, first_access, spare, part).tobytes() for part in parts)

    write_replacing(path, fill)


def champsim_losses(trace: InstructionTrace) -> tuple[str, ...]:
    """What of `trace` the records cannot hold, for people."""
    lost = ["name and provenance"]
    if (trace.operation != Operation.SIMPLE).any():
        lost.append("latency classes of instructions")
    changed = int(_branch_registers(trace, _spare_register(trace), slice(None))[2].sum())
    if changed:
        lost.append(f"registers of {changed} branches, which ChampSim would take for others")
    return tuple(lost)


def to_records(trace: InstructionTrace) -> NDArray[np.void]:
    """Records (n,) of type RECORD; branches get the registers by which ChampSim knows their kind."""
    return _records(trace, trace.first_access, _spare_register(trace), slice(None))


def _records(
    trace: InstructionTrace, first_access: NDArray[np.int64], spare: int, part: slice
) -> NDArray[np.void]:
    n_loads, n_stores = trace.n_loads[part], trace.n_stores[part]
    records = np.zeros(len(n_loads), dtype=RECORD)
    records["ip"] = trace.ip[part]
    records["is_branch"] = trace.branch[part] != Branch.NONE
    records["taken"] = trace.taken[part]
    records["sources"], records["destinations"], _ = _branch_registers(trace, spare, part)
    first = first_access[part]
    for column, counts, start in (("read", n_loads, first), ("written", n_stores, first + n_loads)):
        for k in range(records[column].shape[1]):
            rows = np.flatnonzero(counts > k)
            records[column][rows, k] = trace.address[start[rows] + k]
    return records


def _branch_registers(
    trace: InstructionTrace, spare: int, part: slice
) -> tuple[Registers, Registers, NDArray[np.bool_]]:
    """Sources and destinations of the records, and which instructions could not keep their own.

    A branch keeps its own with or without the instruction pointer as a source, whichever ChampSim takes for
    its kind; else it gets those of `_SEEN_BY`. spare: stands for register 26.
    """
    sources, destinations = (
        np.where(registers[part] == _POINTER, np.uint8(spare), registers[part])
        for registers in (trace.sources, trace.destinations)
    )
    kind = trace.branch[part]
    missing = np.flatnonzero(kind != Branch.NONE)
    own, writing = sources[missing], _with_pointer(destinations[missing])
    for with_pointer in (True, False):
        reading = _with_pointer(own) if with_pointer else own
        at = np.flatnonzero(branch_kinds(reading, writing) == kind[missing])
        sources[missing[at]], destinations[missing[at]] = reading[at], writing[at]
        left = np.ones(len(missing), np.bool_)
        left[at] = False
        missing, own, writing = missing[left], own[left], writing[left]
    changed = np.zeros(len(kind), np.bool_)
    changed[missing] = True
    for each, registers in _SEEN_BY.items():
        rows = missing[kind[missing] == each]
        for column, numbers in zip((sources, destinations), registers, strict=True):
            column[rows] = 0
            column[rows, : len(numbers)] = numbers
    return sources, destinations, changed


def _spare_register(trace: InstructionTrace) -> int:
    """A register that the trace has no use for, to stand for 26, which only branches write in a record."""
    used = np.union1d(trace.sources, trace.destinations)
    free = np.setdiff1d(np.arange(1, 256), np.append(used, (_STACK, _FLAGS)))
    if _POINTER in used and not len(free):
        raise TraceError(f"the trace uses every register: ChampSim needs {_POINTER} for itself")
    return int(free[-1]) if _POINTER in used else _POINTER


def _with_pointer(registers: Registers) -> Registers:
    """The instruction pointer in the last place, where that is free."""
    added = registers.copy()
    added[:, -1] = np.where(added[:, -1] == 0, _POINTER, added[:, -1])
    return added
