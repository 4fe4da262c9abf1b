"""The trace formats, one row each: name, file suffixes, grammar of a line and what it carries.

Sources of the grammars: DRAMSys 5 trace player (.stl, .rstl), Ramulator 2 LoadStoreTrace and ReadWriteTrace,
DRAMsim3 trace-based CPU.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from traces.errors import TraceError

COMPRESSIONS = (".gz", ".zst")


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


def format_of(path: Path, name: str | None) -> Format:
    """The format called `name` or, when it is None, the one the file's suffix says. Raises TraceError."""
    if name is not None:
        return _by_name(name)
    suffix = bare_name(path).suffix.lower()
    for row in FORMATS.values():
        if suffix in row.suffixes:
            return row
    known = ", ".join(suffix for row in FORMATS.values() for suffix in row.suffixes)
    raise TraceError(
        f"the suffix {suffix or '(none)'!r} names no trace format: expected one of {known}, each also with "
        f"{' or '.join(COMPRESSIONS)}; or give the format: {', '.join(FORMATS)}",
        path=path,
    )


def bare_name(path: Path) -> Path:
    """The path without .gz or .zst."""
    return path.with_suffix("") if path.suffix.lower() in COMPRESSIONS else path


def _by_name(name: str) -> Format:
    if name in FORMATS:
        return FORMATS[name]
    near = difflib.get_close_matches(name, FORMATS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise TraceError(f"unknown trace format {name!r}: expected one of {', '.join(FORMATS)}{hint}")
