"""Instruction traces as the engine executes them: decoded, with every address in physical memory.

Threads of one address space share their pages; other traces lie apart. What is made here depends on the
traces and on how pages are placed, not on the design.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ext.soc_engine import PAGE_DTYPE
from simulators.soc.pages import Memory, Placement, place_pages, touched_pages
from traces.instructions import InstructionTrace, decoded

_LINE_BITS = np.uint64(6)
_SMALL_PAGE_BITS = np.uint64(12)
_LINES_A_SMALL_PAGE = 64
# Instructions, physical addresses, page numbers, and of the code: pages, their first lines, their numbers.
Program = tuple[
    NDArray[np.void],
    NDArray[np.uint64],
    NDArray[np.uint32],
    NDArray[np.uint64],
    NDArray[np.uint64],
    NDArray[np.uint32],
]


@dataclass(frozen=True, slots=True, eq=False)
class Programs:
    """What the cores run. pages: PAGE_DTYPE (m,), those of all programs."""

    traces: tuple[InstructionTrace, ...]
    spaces: tuple[int, ...]
    programs: tuple[Program, ...]
    pages: NDArray[np.void]
    placement: Placement

    @property
    def shared_lines(self) -> int:
        """The most lines that the programs, their page walks and prefetchers can touch, all together.

        Prefetchers stay in pages of 4 KiB that are touched.
        """
        pages = [program[1][:-1] >> _SMALL_PAGE_BITS for program in self.programs]
        code = [
            self.placement.physical(self.placement.numbers(space, trace.ip), trace.ip) >> _SMALL_PAGE_BITS
            for space, trace in zip(self.spaces, self.traces, strict=True)
        ]
        touched = np.unique(np.concatenate([*pages, *code]))
        return len(touched) * _LINES_A_SMALL_PAGE + len(np.unique(self.pages["entry"]))

    def arguments(self, *, translates: bool) -> dict[str, Any]:
        """As `ext.soc_engine.SocEngine` takes them. translates: whether translation takes time."""
        programs = [p if translates else (p[0], p[1], None, *p[3:]) for p in self.programs]
        return {
            "programs": programs,
            "pages": self.pages,
            "page_bits": self.placement.memory.page_bits,
        }


def place_programs(
    traces: Sequence[InstructionTrace], memory: Memory, spaces: Sequence[int] | None = None
) -> Programs:
    """Place the traces, one a core. spaces: the address space of each; by default each has its own.

    Raises PlacementError when memory is too small.
    """
    chosen = tuple(range(len(traces))) if spaces is None else tuple(spaces)
    touched = [touched_pages(trace, memory.page_bits) for trace in traces]
    return placed_programs(traces, chosen, place_pages(list(zip(chosen, touched, strict=True)), memory))


def placed_programs(
    traces: Sequence[InstructionTrace], spaces: tuple[int, ...], placement: Placement
) -> Programs:
    """The traces, one a core, with their pages where a placement has them."""
    pages = np.zeros(len(placement), PAGE_DTYPE)
    pages["number"], pages["space"] = placement.page, placement.space
    pages["entry"][:, : placement.memory.levels] = placement.entry >> _LINE_BITS
    programs = tuple(_program(trace, space, placement) for trace, space in zip(traces, spaces, strict=True))
    return Programs(tuple(traces), spaces, programs, pages, placement)


def _program(trace: InstructionTrace, space: int, placement: Placement) -> Program:
    rows, _ = decoded(trace)
    numbers = placement.numbers(space, trace.address)
    physical = np.append(placement.physical(numbers, trace.address), np.uint64(0))
    bits = np.uint64(placement.memory.page_bits)
    code = np.unique(trace.ip >> bits)
    code_numbers = placement.numbers(space, code << bits)
    first_lines = placement.physical(code_numbers, code << bits) >> _LINE_BITS
    return (
        rows,
        physical,
        np.append(numbers, 0).astype(np.uint32),
        code,
        first_lines,
        code_numbers.astype(np.uint32),
    )
