"""What the audit judges: the times of every instruction, the counts of a chip; and what it reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from simulators.soc.config import CoreConfig
from traces.instructions import InstructionTrace

Counts = Mapping[str, int]
Indices = NDArray[np.int64]
Task = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""Of an accelerator: steps, lines to read, lines to write, as `ext.soc_fields.checked_task` has them."""

WORD_BITS = 3
NOT_THERE = -1
BEFORE_ALL = -(1 << 40)  # as the time of what does not exist: earlier than every cycle
_N_TIMES = 4


class Violation(NamedTuple):
    """One broken rule: its name, the core (-1: of what the cores share), the instruction (-1: of a sum), and
    a sentence with the numbers."""

    rule: str
    core: int
    instruction: int
    text: str


class Simulated(Protocol):
    """What a simulation with recording shows of itself; `ext.soc_engine.SocEngine` is one."""

    @property
    def times(self) -> Sequence[NDArray[np.int64]]: ...
    def core_counts(self, k: int) -> dict[str, int]: ...
    def cache_counts(self, k: int) -> list[dict[str, int]]: ...
    def bank_counts(self) -> list[dict[str, int]]: ...
    def uncore_counts(self) -> dict[str, int]: ...
    @property
    def tasks(self) -> Sequence[Task]: ...
    def accelerator_counts(self, k: int) -> dict[str, int]: ...


@dataclass(frozen=True, slots=True, eq=False)
class ChipLog:
    """What a chip says that it did, once its programs have ended and all that was under way has come.

    times: for each core int64 (instructions, 4): the cycles of dispatch, of the (last) issue, of completion
    and of retirement. caches: L1I, L1D and L2 of each core. tasks: of the accelerators. Counts by the names
    of ext.soc_fields.
    """

    times: tuple[NDArray[np.int64], ...]
    cores: tuple[Counts, ...]
    caches: tuple[tuple[Counts, Counts, Counts], ...]
    banks: tuple[Counts, ...]
    uncore: Counts
    tasks: tuple[Task, ...] = ()
    accelerators: tuple[Counts, ...] = ()

    @classmethod
    def of(cls, simulated: Simulated) -> ChipLog:
        """Of a simulation that was opened with `record=True`."""
        times = tuple(np.array(cycles, np.int64) for cycles in simulated.times)
        caches = []
        for k in range(len(times)):
            code, data, second = simulated.cache_counts(k)
            caches.append((code, data, second))
        return cls(
            times,
            tuple(simulated.core_counts(k) for k in range(len(times))),
            tuple(caches),
            tuple(simulated.bank_counts()),
            simulated.uncore_counts(),
            tuple(simulated.tasks),
            tuple(simulated.accelerator_counts(k) for k in range(len(simulated.tasks))),
        )


class CoreLog:
    """The times of one core beside the instructions that it executed, as arrays (n,).

    program: exactly the instructions executed, in order. Raises ValueError for times of another shape.
    """

    def __init__(
        self, number: int, config: CoreConfig, program: InstructionTrace, times: NDArray[np.int64]
    ) -> None:
        if times.shape != (len(program), _N_TIMES):
            raise ValueError(
                f"core {number}: the times have shape {times.shape}: expected {(len(program), _N_TIMES)}, "
                "a row for each instruction that it executed"
            )
        self.number = number
        self.config = config
        self.program = program
        self.dispatched, self.issued, self.complete, self.retired = (times[:, k] for k in range(_N_TIMES))

    def __len__(self) -> int:
        return len(self.program)

    @cached_property
    def has_loads(self) -> NDArray[np.bool_]:
        return self.program.n_loads > 0

    @cached_property
    def store_owner(self) -> Indices:
        """The instruction of each store, in program order."""
        return np.repeat(np.arange(len(self)), self.program.n_stores)

    @cached_property
    def store_word(self) -> NDArray[np.uint64]:
        """The eight bytes that each store writes to, as a number."""
        within = np.arange(len(self.store_owner)) - _starts(self.program.n_stores)[self.store_owner]
        at = self.program.first_access + self.program.n_loads
        words: NDArray[np.uint64] = self.program.address[at[self.store_owner] + within] >> np.uint64(
            WORD_BITS
        )
        return words

    def found(self, rule: str, instruction: Any, text: str) -> Violation:
        k = int(instruction)
        four = f"{self.dispatched[k]}, {self.issued[k]}, {self.complete[k]}, {self.retired[k]}"
        return Violation(rule, self.number, k, f"core {self.number}, instruction {k} ({four}): {text}")


def _starts(lengths: NDArray[np.uint8]) -> Indices:
    """Where each of some pieces begins when they lie one behind the other."""
    return np.cumsum(lengths, dtype=np.int64) - lengths
