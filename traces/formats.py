"""The trace formats, one row each: name, file suffixes, grammar of a line and what it carries.

Sources of the grammars: DRAMSys 5 trace player (.stl, .rstl), Ramulator 2 LoadStoreTrace and ReadWriteTrace,
DRAMsim3 trace-based CPU.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from traces.compression import COMPRESSIONS
from traces.errors import TraceError


@dataclass(frozen=True, slots=True)
class Format:
    """One trace format.

    suffixes: what file names end with; the first one is used for new files.
    grammar: one line of it, as errors and help print it; empty for a binary format.
    has_time, has_size: whether a line carries the arrival and the size.
    """

    name: str
    suffixes: tuple[str, ...]
    description: str
    grammar: str
    has_time: bool
    has_size: bool


_STL_LINE = "cycle: [(length)] read|write 0xADDRESS [data]"
_READ_WRITE_LINE = "R|W 0xADDRESS or R|W a,b,c,..."
_DRAMSIM3_LINE = "0xADDRESS READ|WRITE CYCLE"

FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format("stl", (".stl",), "DRAMSys, absolute cycles", _STL_LINE, True, True),
        Format("rstl", (".rstl",), "DRAMSys, relative cycles", f"relative {_STL_LINE}", True, True),
        Format("load-store", (".lst", ".ldst"), "Ramulator load/store", "LD|ST 0xADDRESS", False, False),
        Format("read-write", (".rwt",), "Ramulator read/write", _READ_WRITE_LINE, False, False),
        Format("dramsim3", (".ds3", ".dramsim3", ".trc"), "DRAMsim3", _DRAMSIM3_LINE, True, False),
        Format("npz", (".npz",), "ours: compressed columns with clock and provenance", "", True, True),
    )
}


@dataclass(frozen=True, slots=True)
class InstructionFormat:
    """One format of instruction traces. suffixes: as of `Format`. is_written: whether we write it too."""

    name: str
    suffixes: tuple[str, ...]
    description: str
    is_written: bool


INSTRUCTION_FORMATS: dict[str, InstructionFormat] = {
    row.name: row
    for row in (
        InstructionFormat("champsim", (".champsimtrace", ".champsim"), "ChampSim, records of 64 bytes", True),
        InstructionFormat(
            "champsim-cloudsuite", (".cloudsuite",), "ChampSim's CloudSuite, records of 96 bytes", False
        ),
        InstructionFormat("npz", (".npz",), "ours: a table of instructions and compressed columns", True),
    )
}


def format_of(path: Path, name: str | None) -> Format:
    """The format called `name` or, when it is None, the one the file's suffix says. Raises TraceError."""
    if is_of_instructions(path, name):
        what = f"{name} is a format" if name is not None else f"the suffix {bare_name(path).suffix!r} is"
        raise TraceError(f"{what} of {_INSTRUCTIONS}", path=path)
    if name is not None:
        return _by_name(name, FORMATS)
    suffix = bare_name(path).suffix.lower()
    for row in FORMATS.values():
        if suffix in row.suffixes:
            return row
    known = ", ".join(suffix for row in FORMATS.values() for suffix in row.suffixes)
    raise TraceError(
        f"the suffix {suffix or '(none)'!r} names no trace format: expected one of {known}, each also with "
        f"{_spoken(COMPRESSIONS)} after it; or give the format: {', '.join(FORMATS)}",
        path=path,
    )


_INSTRUCTIONS = "instruction traces: they are for cores of an SoC simulation, not for a memory alone"


def instruction_format_of(path: Path, name: str | None, hint: str = "") -> InstructionFormat:
    """The same for instruction traces. hint: what to say to someone who gives one of memory requests."""
    if name is not None and name in FORMATS and name not in INSTRUCTION_FORMATS:
        raise TraceError(f"{name} is a format of {_REQUESTS}{hint}", path=path)
    if name is not None:
        return _by_name(name, INSTRUCTION_FORMATS)
    suffix = bare_name(path).suffix.lower()
    for row in INSTRUCTION_FORMATS.values():
        if suffix in row.suffixes:
            return row
    if any(suffix in row.suffixes for row in FORMATS.values()):
        raise TraceError(f"the suffix {suffix!r} is of {_REQUESTS}{hint}", path=path)
    known = ", ".join(suffix for row in INSTRUCTION_FORMATS.values() for suffix in row.suffixes)
    raise TraceError(
        f"the suffix {suffix or '(none)'!r} names no format of instruction traces: expected one of {known}, "
        f"each also with {_spoken(COMPRESSIONS)} after it; or give the format: "
        f"{', '.join(INSTRUCTION_FORMATS)}",
        path=path,
    )


_REQUESTS = "memory traces, which hold no instructions"


def is_of_instructions(path: Path, name: str | None) -> bool:
    """Whether the format called `name`, or else the one of the suffix, can hold instructions only."""
    if name is not None:
        return name in INSTRUCTION_FORMATS and name not in FORMATS
    suffix = bare_name(path).suffix.lower()
    return any(suffix in row.suffixes for row in INSTRUCTION_FORMATS.values() if row.name not in FORMATS)


def bare_name(path: Path) -> Path:
    """The path without a suffix of compression."""
    return path.with_suffix("") if path.suffix.lower() in COMPRESSIONS else path


_Row = TypeVar("_Row")


def _spoken(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _by_name(name: str, table: Mapping[str, _Row]) -> _Row:
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise TraceError(f"unknown trace format {name!r}: expected one of {', '.join(table)}{hint}")
