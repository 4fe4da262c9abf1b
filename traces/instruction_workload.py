"""A workload of programs: instruction traces that run together, one a core of a chip.

Positions are counted in instructions of each program, not of all together: with `length`, every core runs
that many.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from traces.errors import TraceError
from traces.instructions import COLUMNS, InstructionTrace
from traces.workload import Workload

MOST_PROGRAMS = 64


@dataclass(frozen=True, slots=True, eq=False)
class InstructionWorkload:
    """Programs that run together, each on a core of its own.

    spaces: the address space of each program, numbered by first appearance; programs of one space are threads
    that share memory. By default each has its own. start: so many instructions of each program are left out;
    a program that has fewer begins anew. length: how many each core runs; a shorter program begins anew.
    None: each program runs to its end, once. warmup: the first instructions of each core, simulated but left
    out of all statistics; fewer than the core runs that runs the fewest.
    Raises TraceError for values out of range.
    """

    programs: tuple[InstructionTrace, ...]
    spaces: tuple[int, ...] = ()
    name: str = ""
    length: int | None = None
    warmup: int = 0
    start: int = 0
    _parts: list[tuple[InstructionTrace, ...]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "programs", tuple(self.programs))
        if not self.programs or not all(isinstance(one, InstructionTrace) for one in self.programs):
            raise TraceError(f"a workload needs one or more instruction traces: got {self.programs!r}")
        n = len(self.programs)
        if n > MOST_PROGRAMS:
            raise TraceError(f"the workload has {n} programs: at most {MOST_PROGRAMS} are supported")
        spaces = tuple(self.spaces) or tuple(range(n))
        if len(spaces) != n or any(
            not 0 <= s <= max(spaces[:k], default=-1) + 1 for k, s in enumerate(spaces)
        ):
            raise TraceError(
                f"spaces={spaces!r} of {n} programs: expected one number for each, from 0 on, a new one "
                "being the next"
            )
        object.__setattr__(self, "spaces", spaces)
        if not self.name:
            object.__setattr__(self, "name", _joined_names(self.programs))
        if self.start < 0:
            raise TraceError(f"start={self.start!r} is out of range: expected at least 0")
        if self.length is None and self.start >= min(map(len, self.programs)):
            raise TraceError(
                f"start={self.start!r} leaves nothing of a program of {min(map(len, self.programs))} "
                "instructions: expected less, or a length"
            )
        if self.length is not None and self.length < 1:
            raise TraceError(f"length={self.length!r} is out of range: expected at least 1")
        fewest = min(self.instructions)
        if not 0 <= self.warmup < fewest:
            raise TraceError(
                f"warmup={self.warmup!r} is out of range: expected 0 to {fewest - 1}, fewer than the "
                f"{fewest} instructions that a core runs"
            )

    @classmethod
    def of(cls, x: object) -> InstructionWorkload:
        """`x` itself if it is such a workload; else its program or programs, to their ends.

        Raises TraceError for memory traffic.
        """
        if isinstance(x, InstructionWorkload):
            return x
        if isinstance(x, InstructionTrace):
            return cls((x,))
        if isinstance(x, Sequence) and x and all(isinstance(one, InstructionTrace) for one in x):
            return cls(tuple(x))
        name = getattr(x, "name", "") or type(x).__name__
        raise TraceError(
            f"{name!r} holds memory requests, not instructions, which cores need: expected an instruction "
            "trace; a memory trace becomes one with 'accesses:SPEC?gap=3'"
        )

    def __len__(self) -> int:
        """Instructions of the core that runs the most."""
        return max(self.instructions)

    @property
    def traces(self) -> tuple[InstructionTrace, ...]:
        """The programs."""
        return self.programs

    @property
    def instructions(self) -> tuple[int, ...]:
        """How many each core runs, warm-up included."""
        if self.length is not None:
            return (self.length,) * len(self.programs)
        return tuple(len(program) - self.start for program in self.programs)

    @property
    def shares_memory(self) -> bool:
        """Whether some programs are threads of one address space."""
        return len(set(self.spaces)) < len(self.spaces)

    @property
    def hash(self) -> str:
        """BLAKE2b-128 in hex over programs, address spaces, start, length and warm-up; not over the name."""
        words = [program.hash for program in self.programs]
        words += [f"spaces {self.spaces}", f"{self.start} {self.length} {self.warmup}"]
        return hashlib.blake2b(" ".join(words).encode(), digest_size=16, person=b"marl-dse-work2").hexdigest()

    def cut(self, start: int, length: int, warmup: int = 0) -> InstructionWorkload:
        """`length` instructions of each program from `start` on, as a workload with that warm-up.

        Raises TraceError unless the core that runs the most runs them all.
        """
        if start < 0 or length < 1 or start + length > len(self):
            raise TraceError(
                f"instructions {start!r} to {start + length - 1!r} cannot be cut out of {self.name!r}: "
                f"expected one or more of its instructions, 0 to {len(self) - 1}"
            )
        return replace(self, start=self.start + start, length=length, warmup=warmup)

    def parts(self) -> tuple[InstructionTrace, ...]:
        """What each core runs, over and over up to its number of instructions; kept once made."""
        if not self._parts:
            made: dict[tuple[str, int], InstructionTrace] = {}
            for program, n in zip(self.programs, self.instructions, strict=True):
                if (program.hash, n) not in made:
                    made[program.hash, n] = _rotated(program, self.start % len(program), n)
            self._parts.append(
                tuple(made[p.hash, n] for p, n in zip(self.programs, self.instructions, strict=True))
            )
        return self._parts[0]


AnyWorkload = Workload | InstructionWorkload
"""What a campaign can list; the simulator says which of them it takes (`workload_kind`)."""


def _joined_names(programs: Sequence[InstructionTrace]) -> str:
    """The names of the programs, equal neighbours counted: `quicksort x 4`, `walk+parser`."""
    names: list[str] = []
    counts: list[int] = []
    for program in programs:
        name = program.name or "unnamed"
        if names and names[-1] == name:
            counts[-1] += 1
        else:
            names.append(name)
            counts.append(1)
    return "+".join(
        name if count == 1 else f"{name} x {count}" for name, count in zip(names, counts, strict=True)
    )


def _rotated(program: InstructionTrace, start: int, n: int) -> InstructionTrace:
    """The instructions from `start` on, at most `n`, and never one twice: behind the last comes the first."""
    if start == 0:
        return program.head(n)
    order = (start + np.arange(min(n, len(program)))) % len(program)
    counts = (program.n_loads + program.n_stores).astype(np.int64)[order]
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    where = np.repeat(program.first_access[order], counts) + within
    columns: dict[str, Any] = {name: getattr(program, name)[order] for name in COLUMNS}
    provenance = {**program.provenance, "start": str(start)}
    return InstructionTrace(
        **columns, address=program.address[where], name=program.name, provenance=provenance
    )
