"""The code of a program that runs: which bytes lie at an address, and where its symbols are.

A statically linked program that is not position-independent lies where its ELF file says. Of everything else
(position-independent programs, shared libraries, what the loader maps later) Linux tells where it lies, in
/proc/PID/maps: valgrind runs the program in its own address space. Sources: System V ABI, chapters Object
Files and Program Loading; proc(5).
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from traces.disassembly import LONGEST_BYTES, NEEDS
from traces.errors import TraceError

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile
    from elftools.elf.segments import Segment

_PAGE_BITS = 12
_EXECUTABLE = 1  # bit of p_flags
# start-end r-xp offset device inode path
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) \S+ \d+ +(/.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Region:
    start: int
    code: bytes


@dataclass(slots=True)
class Code:
    """Executable bytes by address. State of one recording."""

    _starts: list[int] = field(default_factory=list)
    _regions: list[_Region] = field(default_factory=list)
    _without: set[int] = field(default_factory=set)

    def add(self, start: int, code: bytes) -> None:
        """Code at `start`; what was mapped there before is gone."""
        at = bisect_right(self._starts, start)
        if at and self._starts[at - 1] == start:
            self._regions[at - 1] = _Region(start, code)
            return
        self._starts.insert(at, start)
        self._regions.insert(at, _Region(start, code))

    def at(self, address: int) -> bytes:
        """The bytes from `address` on, as many as an instruction may have; empty when none are known."""
        at = bisect_right(self._starts, address)
        if not at:
            return b""
        region = self._regions[at - 1]
        return region.code[address - region.start : address - region.start + LONGEST_BYTES]

    def learn(self, process_id: int) -> None:
        """Add what a process has mapped by now."""
        for start, offset, length, path, is_code in mappings(process_id):
            if is_code and not self.at(start):
                self.add(start, _part(path, offset, length))

    def look(self, addresses: NDArray[np.uint64], process_id: int) -> None:
        """Ask what is mapped when code has run in a page of which nothing is known."""
        pages = (np.unique(addresses >> np.uint64(_PAGE_BITS)) << np.uint64(_PAGE_BITS)).tolist()
        missing = [page for page in pages if page not in self._without and not self._has_page(page)]
        if missing:
            self.learn(process_id)
            self._without.update(page for page in missing if not self._has_page(page))

    def _has_page(self, page: int) -> bool:
        """Whether any byte of the page is known: a segment may begin or end inside it."""
        end = page + (1 << _PAGE_BITS)
        at = bisect_right(self._starts, end - 1)
        return at > 0 and self._starts[at - 1] + len(self._regions[at - 1].code) > page


@dataclass(frozen=True)
class Program:
    """The file that runs. Raises TraceError when pyelftools is missing or the file is no x86-64 code."""

    path: Path

    def __post_init__(self) -> None:
        try:
            import elftools.elf.elffile  # noqa: F401
        except ModuleNotFoundError:
            raise TraceError(NEEDS.format("pyelftools")) from None
        if self.is_elf:
            with self._opened() as elf:
                machine = elf["e_machine"]
            if machine != "EM_X86_64":
                raise TraceError(f"the program is built for {machine}: expected x86-64", path=self.path)

    @classmethod
    def of(cls, command: str) -> Program:
        """The program that `command` names, looked up in PATH, links followed."""
        return cls(Path(os.path.realpath(shutil.which(command) or command)))

    @cached_property
    def is_elf(self) -> bool:
        """False for a script, which another program reads."""
        try:
            with self.path.open("rb") as stream:
                return stream.read(4) == b"\x7fELF"
        except OSError as error:
            raise TraceError(f"cannot read the program: {error.strerror}", path=self.path) from None

    @cached_property
    def is_fixed(self) -> bool:
        """Whether it lies where its file says."""
        if not self.is_elf:
            return False
        with self._opened() as elf:
            return bool(elf["e_type"] == "ET_EXEC")

    def fixed_code(self) -> Code:
        """What is known before it runs."""
        code = Code()
        if self.is_fixed:
            with self._opened() as elf:
                for segment in _loaded(elf):
                    if segment["p_flags"] & _EXECUTABLE:
                        code.add(segment["p_vaddr"], segment.data())
        return code

    def address_of(self, symbol: str) -> int:
        """Address of `symbol` in the file. Raises TraceError with the nearest name when there is none."""
        if not self.is_elf:
            raise TraceError(f"the program is a script, which has no symbol {symbol!r}", path=self.path)
        if symbol in self._symbols:
            return self._symbols[symbol]
        if not self._symbols:
            raise TraceError(f"it has no symbols, so no {symbol!r}: build it without -s", path=self.path)
        near = difflib.get_close_matches(symbol, self._symbols, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise TraceError(f"the program has no function {symbol!r}{hint}", path=self.path)

    def moved_by(self, process_id: int) -> int:
        """How far from its file's addresses the program lies in memory."""
        if self.is_fixed:
            return 0
        with self._opened() as elf:
            first: int = min(segment["p_vaddr"] for segment in _loaded(elf))
        starts = [start for start, _, _, path, _ in mappings(process_id) if path == str(self.path)]
        if not starts:
            raise TraceError(
                "the system did not say where this position-independent program was loaded before it ended: "
                "link it with -static -no-pie",
                path=self.path,
            )
        return min(starts) - (first >> _PAGE_BITS << _PAGE_BITS)

    @contextmanager
    def _opened(self) -> Iterator[ELFFile]:
        from elftools.common.exceptions import ELFError
        from elftools.elf.elffile import ELFFile

        try:
            with self.path.open("rb") as stream:
                yield ELFFile(stream)
        except ELFError as error:
            raise TraceError(f"the program is a damaged ELF file: {error}", path=self.path) from None

    @cached_property
    def _symbols(self) -> dict[str, int]:
        from elftools.elf.sections import SymbolTableSection

        with self._opened() as elf:
            return {
                symbol.name: int(symbol["st_value"])
                for table in elf.iter_sections()
                if isinstance(table, SymbolTableSection)
                for symbol in table.iter_symbols()
                if symbol["st_info"]["type"] in ("STT_FUNC", "STT_NOTYPE") and symbol["st_value"]
            }


def mappings(process_id: int) -> list[tuple[int, int, int, str, bool]]:
    """Files that a process has mapped: start, offset in the file, bytes, path, whether it is code."""
    try:
        text = Path(f"/proc/{process_id}/maps").read_text()
    except OSError:  # it has ended
        return []
    return [
        (int(start, 16), int(offset, 16), int(end, 16) - int(start, 16), path, rights[2] == "x")
        for start, end, rights, offset, path in _MAPPING.findall(text)
    ]


def threads(process_id: int) -> int:
    """Threads of a process; 0 once it has ended."""
    try:
        return len(os.listdir(f"/proc/{process_id}/task"))
    except OSError:
        return 0


def _part(path: str, offset: int, length: int) -> bytes:
    try:
        with open(path, "rb") as stream:
            stream.seek(offset)
            return stream.read(length)
    except OSError:  # deleted since, or not to be read
        return b""


def _loaded(elf: ELFFile) -> list[Segment]:
    return [segment for segment in elf.iter_segments() if segment["p_type"] == "PT_LOAD"]
