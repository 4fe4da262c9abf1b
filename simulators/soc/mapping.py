"""Which program runs on which core, where cores are not all alike.

"in-order": the first program of the workload on the first core, and so on. "demanding-first": big cores,
which come first, get the programs that have the most use for them: those with the most instructions that
need not wait for one before. In the first instructions of a program the longest chain is sought of which each
takes a register that the one before has written; the share of what is not in it goes for the whole program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from simulators.soc.build import Built
from simulators.soc.workload import Prepared
from traces.instructions import InstructionTrace

LOOKED_AT = 20_000
"""Instructions that are looked at: a tenth of a second for ten programs."""
_REGISTERS = 256
_T = TypeVar("_T")


def mapped(prepared: Prepared, built: Built) -> Prepared:
    """The programs in the order of the cores that run them."""
    if built.design["program_mapping"] == "in-order" or not built.design["little_cores"]:
        return prepared
    programs, counts = prepared.programs, prepared.instructions
    if not prepared.shares:
        prepared.shares[:] = map(independent_share, programs.traces)
    wanted = [n * share for n, share in zip(counts, prepared.shares, strict=True)]
    order = sorted(range(len(wanted)), key=lambda k: -wanted[k])
    chosen = replace(
        programs,
        traces=_in(order, programs.traces),
        spaces=_in(order, programs.spaces),
        programs=_in(order, programs.programs),
    )
    return Prepared(chosen, _in(order, counts), _in(order, prepared.mixes))


def independent_share(trace: InstructionTrace) -> float:
    """Of a program's first instructions, those beside the longest chain of dependences."""
    n = min(len(trace), LOOKED_AT)
    depth = [0] * _REGISTERS  # of the chain that ends with what a register holds; 0 is none of them
    longest = 0
    rows = zip(trace.sources[:n].tolist(), trace.destinations[:n].tolist(), strict=True)
    for sources, destinations in rows:
        own = 1 + max(depth[register] for register in sources)
        longest = max(longest, own)
        for register in destinations:
            if register:
                depth[register] = own
    return 1 - longest / n


def _in(order: Sequence[int], values: Sequence[_T]) -> tuple[_T, ...]:
    return tuple(values[k] for k in order)
