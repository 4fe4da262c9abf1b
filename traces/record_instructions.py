"""Record the instructions of a real program.

Valgrind's lackey says which instructions run and what they load and store, the program's code says which
registers they read and write, and the instruction that follows a branch says whether it was taken.

What it is not: a measurement of time; code of the operating system; several threads at once (valgrind runs
them one after the other and lackey does not say which). An iteration of a `rep` instruction counts as one
instruction, as lackey prints it. Addresses are the program's own, virtual ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from traces.disassembly import Decoded, Disassembler
from traces.errors import TraceError
from traces.instructions import (
    MAX_INSTRUCTIONS,
    MAX_LOADS,
    MAX_STORES,
    N_DESTINATIONS,
    N_SOURCES,
    Branch,
    InstructionTrace,
)
from traces.record import Progress, base_names
from traces.record_code import Code, Program, threads
from traces.record_valgrind import Lackey, checked_command, find_valgrind, lackey, valgrind_version

INSTRUCTION, LOAD, STORE, MODIFY = range(4)
_LARGEST_OPERAND_BYTES = 64
_UNCONDITIONAL = [kind for kind in Branch if kind not in (Branch.NONE, Branch.CONDITIONAL)]


# Keys of the provenance of what is less than the program was.
_WITHOUT_CODE = "instructions without code"
_THREADS = "threads, one after the other"
_LEAPS = "leaps of signals and threads"


@dataclass(frozen=True, slots=True)
class Span:
    """What is kept of a run.

    first: it begins when this function is called; at the program's start if empty. last: it ends before this
    function is called, the second time if it is `first`; at the program's end if empty. skip: instructions
    left out after `first`. max_instructions: it ends after as many.
    """

    first: str = ""
    last: str = ""
    skip: int = 0
    max_instructions: int = 1_000_000


def record_instructions(
    command: Sequence[str], *, name: str = "", span: Span | None = None, progress: Progress | None = None
) -> InstructionTrace:
    """Run `command` under valgrind and return the instructions that it executes.

    The program reads no input and its standard output is dropped; `progress` is called with the instructions
    kept and executed so far. Once the span is full the program is stopped; an interrupt (Ctrl-C) ends the
    recording and keeps what is there. Raises TraceError when valgrind, a library or the program is missing,
    the program fails, has no such function, or nothing is kept.
    """
    span = span or Span()
    if not 1 <= span.max_instructions < MAX_INSTRUCTIONS or span.skip < 0:
        raise TraceError(f"{span}: expected 1 to {MAX_INSTRUCTIONS - 1} instructions and no negative skip")
    valgrind = find_valgrind()
    command = checked_command(command)
    program, disassembler = Program.of(command[0]), Disassembler()
    kept = _Kept(program, span)
    with lackey(valgrind, command) as running:
        try:
            _follow(running, kept, progress)
        except KeyboardInterrupt:
            if not kept.instructions:
                raise
            kept.ended = "interrupt"
    columns, notes = _columns(kept, disassembler)
    return InstructionTrace(
        **columns,
        name=name or PurePath(command[0]).name,
        provenance={
            "recorded": " ".join(base_names(command)),
            "tool": f"{valgrind_version(valgrind)}, {disassembler.version}",
            "begins": " + ".join(filter(None, [span.first or "start", str(span.skip) if span.skip else ""])),
            "ends": kept.ended,
            **notes,
        },
    )


def _follow(running: Lackey, kept: _Kept, progress: Progress | None) -> None:
    for text in running:
        kept.add(text, running.process_id)
        if progress is not None:
            progress(min(kept.instructions, kept.span.max_instructions), kept.executed)
        if kept.is_full:
            return


# ---------------------------------------------------------------------------------------------- lackey's text


class Events(NamedTuple):
    """Lines of lackey: kind (INSTRUCTION, LOAD, STORE, MODIFY), address, size. Each (n,)."""

    kind: NDArray[np.uint8]
    address: NDArray[np.uint64]
    size: NDArray[np.uint16]

    def part(self, start: int | None, stop: int | None) -> Events:
        """Rows start to stop."""
        return Events(self.kind[start:stop], self.address[start:stop], self.size[start:stop])


_HEX_DIGITS = np.array(
    [int(chr(octet), 16) if chr(octet) in "0123456789abcdefABCDEF" else 16 for octet in range(256)], np.uint64
)
_MOST_HEX, _MOST_DECIMAL = 16, 4
_COMMA, _LINE_END = ord(","), ord("\n")


def scan_events(text: bytes, *, lines_before: int = 0) -> tuple[Events, int, int]:
    """The events in whole lines of `text`, the number of those lines, and of their bytes.

    Lines are `I  addr,size`, ` L addr,size`, ` S addr,size`, ` M addr,size`; others, valgrind's own messages,
    are passed over. Raises TraceError for one that begins so and goes on differently.
    """
    octets = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(octets == _LINE_END)
    starts = np.concatenate([np.zeros(min(1, len(ends)), np.int64), ends[:-1] + 1])
    letters = np.frombuffer(text + bytes(3), np.uint8).astype(np.int32)
    head = (letters[starts] << 16) | (letters[starts + 1] << 8) | letters[starts + 2]
    kind = np.full(len(starts), 255, np.uint8)
    for value, beginning in enumerate((b"I  ", b" L ", b" S ", b" M ")):
        kind[head == int.from_bytes(beginning, "big")] = value
    rows = np.flatnonzero(kind != 255)
    begin, end = starts[rows] + 3, ends[rows]
    comma = _next(np.flatnonzero(octets == _COMMA), begin, end)
    address, good = _number(octets, begin, comma, base=16, most=_MOST_HEX)
    size, also_good = _number(octets, np.minimum(comma + 1, end), end, base=10, most=_MOST_DECIMAL)
    wrong = ~(good & also_good) | (size == 0)
    if wrong.any():
        at = rows[int(wrong.argmax())]
        shown = text[starts[at] : ends[at]].decode(errors="backslashreplace")
        raise TraceError(
            f"valgrind printed {shown!r}: expected 'I|L|S|M address,size'", line=lines_before + int(at) + 1
        )
    events = Events(kind[rows], address, size.astype(np.uint16))
    return events, len(ends), int(ends[-1]) + 1 if len(ends) else 0


def _next(places: NDArray[np.int64], begin: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first of the places from `begin` on; `end` when it lies beyond."""
    at = np.searchsorted(places, begin)
    found = np.append(places, np.iinfo(np.int64).max)[at]
    return np.asarray(np.minimum(found, end))


def _number(
    octets: NDArray[np.uint8], begin: NDArray[np.int64], end: NDArray[np.int64], *, base: int, most: int
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """The numbers in begin..end, and which of these are numbers of 1 to `most` digits."""
    length = end - begin
    good = (length >= 1) & (length <= most)
    value = np.zeros(len(begin), np.uint64)
    for at in range(min(most, int(length.max(initial=0)))):
        has = at < length
        digit = _HEX_DIGITS[octets[np.where(has, begin + at, 0)]]
        good &= ~has | (digit < base)
        value = np.where(has, value * np.uint64(base) + digit, value)
    return value, good


# ---------------------------------------------------------------------------------------------- what is kept


@dataclass(slots=True)
class _Kept:
    """What of the run lies in the span so far. State of one recording.

    following: address of the instruction after the last one, when it is known.
    """

    program: Program
    span: Span
    code: Code = field(init=False)
    executed: int = 0
    instructions: int = 0
    is_full: bool = False
    ended: str = "end of the program"
    following: int | None = None
    most_threads: int = 1
    parts: list[Events] = field(default_factory=list)
    _marks: tuple[int | None, int | None] | None = None
    _is_open: bool = False
    _to_skip: int = 0
    _rest: bytes = b""
    _lines: int = 0

    def __post_init__(self) -> None:
        self.code = self.program.fixed_code()
        for symbol in filter(None, (self.span.first, self.span.last)):
            self.program.address_of(symbol)
        self._to_skip = self.span.skip

    def add(self, text: bytes, process_id: int) -> None:
        if self._marks is None:  # valgrind says something once it has loaded the program, before it runs it
            self.code.learn(process_id)
            self._marks = self._placed(process_id)
        text = self._rest + text
        events, lines, consumed = scan_events(text, lines_before=self._lines)
        self._rest, self._lines = text[consumed:], self._lines + lines
        at = np.flatnonzero(events.kind == INSTRUCTION)
        if not len(at) and not self._is_open:
            return
        self.most_threads = max(self.most_threads, threads(process_id))
        self.code.look(events.address[at], process_id)
        self.executed += len(at)
        self._cut(events, at)

    def _placed(self, process_id: int) -> tuple[int | None, int | None]:
        """Addresses in memory where the span begins and ends."""
        names = (self.span.first, self.span.last)
        moved = self.program.moved_by(process_id) if any(names) else 0
        first, last = (self.program.address_of(name) + moved if name else None for name in names)
        return first, last

    def _cut(self, events: Events, at: NDArray[np.int64]) -> None:
        """Keep the part of the events, whose instructions are at `at`, that lies in the span."""
        assert self._marks is not None
        first, last = self._marks
        addresses = events.address[at]
        opens = not self._is_open
        if opens:
            begin = 0 if first is None else _first(addresses == np.uint64(first))
            if begin == len(at):
                return
            self._is_open = True
            events = events.part(int(at[begin]), None)
            at, addresses = at[begin:] - at[begin], addresses[begin:]
        end = len(at)
        if last is not None:
            end = opens + _first(addresses[opens:] == np.uint64(last))
        skipped = min(self._to_skip, end)
        self._to_skip -= skipped
        room = self.span.max_instructions - self.instructions
        stop = min(end, skipped + room)
        self.is_full = stop < len(at)
        if self.is_full:
            self.following = int(addresses[stop])
            self.ended = self.span.last if stop == end else f"{self.span.max_instructions} instructions"
        if not self.instructions and skipped == len(at):
            return
        from_event = 0 if self.instructions else int(at[skipped])
        self.instructions += stop - skipped
        self.parts.append(events.part(from_event, int(at[stop]) if self.is_full else None))


def _first(wanted: NDArray[np.bool_]) -> int:
    """Index of the first true one; the length when there is none."""
    return int(wanted.argmax()) if wanted.any() else len(wanted)


# --------------------------------------------------------------------------------------------------- columns


def _columns(kept: _Kept, disassembler: Disassembler) -> tuple[dict[str, Any], dict[str, str]]:
    """Columns of the trace, and what is to be known about them."""
    if not kept.instructions:
        raise TraceError(_why_empty(kept))
    columns = zip(*kept.parts, strict=True)
    events = Events(*(np.concatenate(column) for column in columns))
    is_instruction = events.kind == INSTRUCTION
    ip, size = events.address[is_instruction], events.size[is_instruction]
    distinct, inverse = np.unique(ip, return_inverse=True)
    found = [disassembler.decode(kept.code.at(address), address) for address in distinct.tolist()]
    rows = [row or Decoded() for row in found]
    branch = np.array([row.branch for row in rows], np.uint8)[inverse]
    next_ip = np.append(ip[1:], np.uint64(kept.following or int(ip[-1] + np.uint64(size[-1]))))
    goes_on = next_ip == ip + size.astype(np.uint64)
    taken = np.isin(branch, _UNCONDITIONAL) | ((branch == Branch.CONDITIONAL) & ~goes_on)
    accesses, lost = _accesses(events, is_instruction)
    known = np.array([row is not None for row in found])[inverse]
    leaps = known & (branch == Branch.NONE) & ~goes_on & (next_ip != ip)
    notes = {
        _WITHOUT_CODE: int((~known).sum()),
        "registers without room": int(np.array([row.dropped for row in rows])[inverse].sum()),
        **lost,
        _THREADS: kept.most_threads if kept.most_threads > 1 else 0,
        _LEAPS: int(leaps.sum()),
    }
    made = {
        "ip": ip,
        "branch": branch,
        "taken": taken,
        "operation": np.array([row.operation for row in rows], np.uint8)[inverse],
        "sources": _filled([row.sources for row in rows], N_SOURCES)[inverse],
        "destinations": _filled([row.destinations for row in rows], N_DESTINATIONS)[inverse],
        **accesses,
    }
    return made, {key: str(count) for key, count in notes.items() if count}


def _why_empty(kept: _Kept) -> str:
    span = kept.span
    if not kept.executed:
        return "the program executed no instruction under valgrind"
    if span.first and not kept._is_open:
        return f"{span.first!r} was never called in {kept.executed} instructions: was it inlined?"
    return f"nothing is left of {kept.executed} instructions after skipping {span.skip}: skip fewer"


def _filled(registers: list[tuple[int, ...]], width: int) -> NDArray[np.uint8]:
    """Shape (n, width), 0 where an instruction has fewer."""
    return np.array([(*row, *[0] * (width - len(row))) for row in registers], np.uint8)


def _accesses(
    events: Events, is_instruction: NDArray[np.bool_]
) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:
    """Counts and addresses of loads and stores, loads first, and how many found no room."""
    owner = np.cumsum(is_instruction) - 1
    n = int(owner[-1]) + 1
    counts, places, lost = {}, [], {}
    for name, kinds, most in (
        ("loads", (LOAD, MODIFY), MAX_LOADS),
        ("stores", (STORE, MODIFY), MAX_STORES),
    ):
        at = np.flatnonzero(np.isin(events.kind, kinds))
        at = at[_begins(events.address[at], events.size[at], owner[at])]
        each = np.bincount(owner[at], minlength=n)
        rank = np.arange(len(at)) - (np.cumsum(each) - each)[owner[at]]
        counts[f"n_{name}"] = np.minimum(each, most)
        places.append(at[rank < most])
        lost[f"{name} without room"] = int((rank >= most).sum())
    at = np.concatenate(places)
    order = np.argsort(owner[at] * 2 + np.repeat([0, 1], [len(part) for part in places]), kind="stable")
    return {**counts, "address": events.address[at[order]]}, lost


def _begins(
    address: NDArray[np.uint64], size: NDArray[np.uint16], owner: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which accesses begin one of their instruction's operands.

    Valgrind reads the memory operand of a fused multiply-add number by number: what one instruction accesses
    in adjacent bytes, up to the 64 of the largest register, is one access.
    """
    if not len(address):
        return np.zeros(0, np.bool_)
    follows = (owner[1:] == owner[:-1]) & (address[1:] == address[:-1] + size[:-1].astype(np.uint64))
    begins = np.ones(len(address), np.bool_)
    begins[1:] = ~follows
    start = np.maximum.accumulate(np.where(begins, np.arange(len(address)), 0))
    register = (address - address[start]) // np.uint64(_LARGEST_OPERAND_BYTES)
    begins[1:] |= register[1:] != register[:-1]
    return begins


def warnings(trace: InstructionTrace) -> list[str]:
    """What makes a recording less than the program was, in sentences; empty when nothing does."""
    counted = {key: int(trace.provenance[key]) for key in _SAID if key in trace.provenance}
    return [_SAID[key].format(count) for key, count in counted.items()]


_SAID = {
    _WITHOUT_CODE: "{:,} instructions lie in code that is in no file: they have no registers and no branches",
    _THREADS: (
        "the program ran {} threads: valgrind runs them one after the other, and the trace holds them as if "
        "they were one; record one process a thread instead"
    ),
    _LEAPS: "{:,} times a signal or another thread came between two instructions",
}
