"""What the cores of a design run: the programs of a workload, compiled as the design says, in its memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from dse.errors import InputError
from simulators.soc.activity import Mix
from simulators.soc.pages import Memory
from simulators.soc.parameters import SOFTWARE
from simulators.soc.programs import Programs, place_programs
from traces.catalog import INSTRUCTION_CATALOG, instruction_sample
from traces.instruction_workload import InstructionWorkload
from traces.instructions import InstructionTrace

_CACHED = 32
_CACHED_INSTRUCTIONS = 20_000_000  # of all prepared workloads together; some 30 bytes each


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Programs in physical memory, how many instructions each core runs, and what they are like.

    shares: what `mapping.independent_share` says of each, once that was asked for.
    """

    programs: Programs
    instructions: tuple[int, ...]
    mixes: tuple[Mix, ...]
    shares: list[float] = field(default_factory=list)


class Loader:
    """Prepares workloads, and keeps the last ones: designs differ more often than what they run."""

    def __init__(self, instructions: int | None) -> None:
        """instructions: most of each program; None: as many as the workload says."""
        self._most = instructions
        self._kept: OrderedDict[tuple[str, Memory], Prepared] = OrderedDict()
        self._mixes: OrderedDict[str, Mix] = OrderedDict()
        self._lock = Lock()

    def prepared(self, workload: InstructionWorkload, memory: Memory) -> Prepared:
        """The workload in that memory. InputError where it does not fit."""
        key = workload.hash, memory
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                found = self._kept[key] = self._prepare(workload, memory)
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and self._is_full():
                self._kept.popitem(last=False)
        return found

    def _is_full(self) -> bool:
        held = sum(len(rows) for one in self._kept.values() for rows, *_ in one.programs.programs)
        return len(self._kept) > _CACHED or held > _CACHED_INSTRUCTIONS

    def _prepare(self, workload: InstructionWorkload, memory: Memory) -> Prepared:
        if self._most is not None and self._most <= workload.warmup:
            raise InputError(
                f"instructions={self._most}: the warm-up of workload {workload.name!r} alone is "
                f"{workload.warmup}",
                key="instructions",
            )
        parts = workload.parts()
        counts = [n if self._most is None else min(n, self._most) for n in workload.instructions]
        return Prepared(
            place_programs(parts, memory, workload.spaces),
            tuple(counts),
            tuple(self._mix(part) for part in parts),
        )

    def _mix(self, part: InstructionTrace) -> Mix:
        found = self._mixes.get(part.hash)
        if found is None:
            found = self._mixes[part.hash] = Mix.of(part)
            while len(self._mixes) > _CACHED:
                self._mixes.popitem(last=False)
        return found


def compiled(workload: InstructionWorkload, version: str | None) -> InstructionWorkload:
    """The workload with every version of the program that designs choose replaced by that one.

    version: the name of a sample; None leaves the workload as it is. InputError where it has no version of
    the program, or only a part of one: versions do the same work only as a whole.
    """
    if version is None:
        return workload
    if workload.start or workload.length is not None:
        raise InputError(
            f"workload {workload.name!r}: designs choose how {SOFTWARE!r} is compiled, and versions do the "
            "same work only as a whole: remove start, length and [fidelity] rungs",
            key="length",
        )
    versions = [_is_version(program) for program in workload.programs]
    if not any(versions):
        raise InputError(
            f"workload {workload.name!r}: designs choose how {SOFTWARE!r} is compiled, but it runs something "
            f"else: expected one of {', '.join(f'sample:{name}' for name in _VERSIONS)}",
            key="trace",
        )
    chosen = instruction_sample(version)
    programs: Sequence[InstructionTrace] = [
        chosen if is_version else program
        for is_version, program in zip(versions, workload.programs, strict=True)
    ]
    return replace(workload, programs=tuple(programs), name=workload.name)


_VERSIONS = tuple(
    row.name for row in INSTRUCTION_CATALOG.values() if row.program == SOFTWARE and row.complete
)


def _is_version(program: InstructionTrace) -> bool:
    return program.name in _VERSIONS and program.hash == instruction_sample(program.name).hash
