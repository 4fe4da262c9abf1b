"""Where the phases of a synthetic trace begin and end: what a controller that adapts has to guess.

The generators `query` (memory requests) and `particles` (instructions) go through phases of several kinds. A
schedule is drawn from the seed alone, so the phases of a trace are known without making it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from traces.errors import TraceError

LONGEST_US = 1e6


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase. start, end: of a memory trace in cycles of its arrival clock, of a program in instructions;
    the next phase starts where this one ends, and the last ends with the trace.
    """

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A phase before it is made: its kind, how long it is meant to be, and the random numbers of its own."""

    kind: str
    length_us: float
    rng: np.random.Generator


def plan(
    seed: int, kinds: Sequence[str], known: Mapping[str, object], period_us: float, spread: float
) -> Iterator[Planned]:
    """Phases without end, in rounds: each round has every entry of `kinds` once, in an order drawn anew.

    A kind that is listed twice comes twice a round. period_us: mean length; lengths are uniform, up to the
    share `spread` of it more or less. Raises TraceError for a kind that is not `known` and a period out of
    range.
    """
    if not kinds or any(kind not in known for kind in kinds):
        raise TraceError(f"kinds={','.join(kinds)!r}: expected one or more of {', '.join(known)}")
    if not 1 <= period_us <= LONGEST_US:
        raise TraceError(f"period_us={period_us!r} is out of range: expected 1 to {LONGEST_US:g}")
    return _rounds(np.random.default_rng(seed), tuple(kinds), period_us, spread)


def _rounds(
    rng: np.random.Generator, kinds: tuple[str, ...], period_us: float, spread: float
) -> Iterator[Planned]:
    while True:
        order = rng.permutation(len(kinds))
        lengths = rng.uniform(1 - spread, 1 + spread, len(kinds)) * period_us
        for position, length_us in zip(order, lengths, strict=True):
            own = np.random.default_rng(int(rng.integers(2**63)))
            yield Planned(kinds[int(position)], float(length_us), own)
