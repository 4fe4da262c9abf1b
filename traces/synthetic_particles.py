"""A synthetic program whose phases want different things of a core and its caches: a simulation of particles.

* solve: forces between particles whose data fit into the first cache; a division in a chain of dependent
  operations decides its time, so that it goes with the clock of the core.
* list: a list of nodes of one line each, walked in the order in which they were allocated. Each load needs
  the one before, and the line after is the next to be needed: prefetching far ahead is worth most.
* gather: independent random reads of a grid larger than any cache: what is prefetched beside them is waste.
* walk: the way down a tree in scattered memory: each load needs the one before, which no prefetcher foresees.

A phase is a loop; a jump leads to the next. Its number of instructions follows from its meant length and from
how many of its kind run in a microsecond on the default chip of `soc` with a next-line prefetcher at the L2;
on another chip phases take another time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traces.instructions import MAX_INSTRUCTIONS, Branch, InstructionTrace, Operation
from traces.phases import Phase, Planned, plan
from traces.synthetic_instructions import (
    AGAIN,
    FLAGS,
    HEAP,
    INDEX,
    LINE_BYTES,
    WORD_BYTES,
    Addresses,
    Step,
    generator,
    loop,
    size_of,
    within,
)

PARTICLES = ("solve", "list", "gather", "walk")
_SPREAD = 0.2  # of the lengths of phases around their mean: one step of a simulation is like the other
_PER_US = {"solve": 1465, "list": 520, "gather": 594, "walk": 25}
_HOT_BYTES = 16 << 10
_APART = 1 << 32  # bytes between what the kinds work on
_CODE_APART = 4096
_SOLVE = (0, Operation.FLOAT_ADD, Operation.FLOAT_DIVIDE, Operation.FLOAT_MULTIPLY, 0, 0)


def particles(
    n: int = 1_000_000,
    *,
    seed: int = 0,
    kinds: Sequence[str] = PARTICLES,
    period_us: float = 50.0,
    size_mib: int = 64,
) -> InstructionTrace:
    """Phases of computing in cache, of a list in order, of random reads and of a scattered tree.

    kinds: each round has all entries once, in an order drawn from the seed. period_us: mean length of a
    phase (see above). size_mib: of the list, the grid and the tree each. Where the phases begin:
    `particles_phases`, with the same arguments.
    """
    lines = size_of("size_mib", size_mib, 1 << 20) // LINE_BYTES
    bodies = _Bodies(generator(seed).permutation(lines) if "walk" in kinds else None, lines)
    parts = [bodies.phase(planned, times) for planned, times in _planned(n, seed, kinds, period_us)]
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in (*_COLUMNS, "address")
    }
    columns["taken"][-1] = False
    said = {"seed": seed, "kinds": ",".join(kinds), "period_us": period_us, "size_mib": size_mib}
    provenance = {"generator": "particles", **{key: str(value) for key, value in said.items()}}
    return InstructionTrace(**columns, name="particles", provenance=provenance)


def particles_phases(
    n: int = 1_000_000,
    *,
    seed: int = 0,
    kinds: Sequence[str] = PARTICLES,
    period_us: float = 50.0,
    size_mib: int = 64,
) -> tuple[Phase, ...]:
    """The phases of the trace that `particles` makes of the same arguments, in instructions."""
    size_of("size_mib", size_mib, 1 << 20)
    found, start = [], 0
    for planned, times in _planned(n, seed, kinds, period_us):
        end = start + times * _STEPS[planned.kind] + 1
        found.append(Phase(planned.kind, start, end))
        start = end
    return tuple(found)


PHASED_PROGRAMS: dict[str, Callable[..., InstructionTrace]] = {"particles": particles}

_STEPS = {"solve": 6, "list": 6, "gather": 4, "walk": 2}
_COLUMNS = ("ip", "branch", "taken", "operation", "sources", "destinations", "n_loads", "n_stores")


def _planned(n: int, seed: int, kinds: Sequence[str], period_us: float) -> Iterator[tuple[Planned, int]]:
    """The phases, and how often each goes round its loop, until no loop fits into what is left of `n`."""
    within("n", n, max(_STEPS.values()) + 1, MAX_INSTRUCTIONS)
    generator(seed)
    left = n
    for planned in plan(seed, kinds, _STEPS, period_us, _SPREAD):
        steps = _STEPS[planned.kind]
        wanted = max(1, round(planned.length_us * _PER_US[planned.kind] / steps))
        times = min(wanted, (left - 1) // steps)
        if times < 1:
            return
        yield planned, times
        left -= times * steps + 1


class _Bodies:
    """The loops, and how far the list and the tree have been walked by the phases before."""

    def __init__(self, tree: NDArray[np.int64] | None, lines: int) -> None:
        self._tree, self._lines = tree, lines
        self._at = {"list": 0, "walk": 0}

    def phase(self, planned: Planned, times: int) -> InstructionTrace:
        """A loop of the phase's kind, and the jump behind it."""
        kind = planned.kind
        made = loop("particles", getattr(self, f"_{kind}")(planned.rng, times), times)
        end = made.ip[-1] + np.uint64(4)
        behind = {"ip": end, "branch": Branch.JUMP, "taken": True}
        columns: dict[str, Any] = {"address": made.address}
        for name in _COLUMNS:
            column = getattr(made, name)
            columns[name] = np.concatenate([column, np.full_like(column[:1], behind.get(name, 0))])
        columns["ip"] += np.uint64(_CODE_APART * list(_STEPS).index(kind))
        if kind == "solve":
            columns["operation"][:-1] = np.tile(np.array(_SOLVE, np.uint8), times)
        return InstructionTrace(**columns)

    def _solve(self, rng: np.random.Generator, times: int) -> tuple[Step, ...]:
        where = np.arange(times, dtype=np.uint64) * np.uint64(WORD_BYTES) % np.uint64(_HOT_BYTES)
        return (
            Step(writes=(40,), reads=(2,), load=np.uint64(HEAP) + where),
            Step(writes=(41,), reads=(40, 43)),
            Step(writes=(42,), reads=(41,)),
            Step(writes=(43,), reads=(42,)),
            Step(writes=(2, FLAGS), reads=(2,)),
            AGAIN,
        )

    def _list(self, rng: np.random.Generator, times: int) -> tuple[Step, ...]:
        where = self._next("list", times)
        work = tuple(Step(writes=(43,), reads=(43, 1)) for _ in range(4))
        return (Step(writes=(1,), reads=(1,), load=self._lines_at(1, where)), *work, AGAIN)

    def _gather(self, rng: np.random.Generator, times: int) -> tuple[Step, ...]:
        line = rng.integers(0, self._lines, times)
        load = Step(writes=(40,), reads=(1,), load=self._lines_at(2, line))
        return (INDEX, load, Step(writes=(41,), reads=(41,)), AGAIN)

    def _walk(self, rng: np.random.Generator, times: int) -> tuple[Step, ...]:
        assert self._tree is not None
        where = self._tree[self._next("walk", times)]
        return (Step(writes=(1,), reads=(1,), load=self._lines_at(3, where)), AGAIN)

    def _next(self, kind: str, times: int) -> NDArray[np.int64]:
        """The lines after those of the phases before, round and round."""
        first = self._at[kind]
        self._at[kind] = (first + times) % self._lines
        return (first + np.arange(times)) % self._lines

    @staticmethod
    def _lines_at(place: int, line: NDArray[np.int64]) -> Addresses:
        return np.uint64(HEAP + place * _APART) + line.astype(np.uint64) * np.uint64(LINE_BYTES)
