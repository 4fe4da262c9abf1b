"""What a core of the twin executes: plain objects, one an instruction."""

from __future__ import annotations

from dataclasses import dataclass

from traces.instructions import Branch


@dataclass(frozen=True, slots=True)
class Page:
    """A virtual page: its number and address space, and the lines of the table entries that lead to it, that
    of level 1 first."""

    number: int
    space: int
    entries: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[int, int]:
        return self.space, self.number


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a program.

    loads, stores: physical bytes. pages: of all of them, in that order; empty where translation takes no
    time. code_line: the physical line that it is in; code_page: of its address.
    """

    ip: int
    branch: Branch
    taken: bool
    operation: int
    sources: tuple[int, ...]
    destinations: tuple[int, ...]
    loads: tuple[int, ...]
    stores: tuple[int, ...]
    pages: tuple[Page, ...]
    code_line: int
    code_page: Page
