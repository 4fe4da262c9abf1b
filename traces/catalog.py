"""The recordings that ship with the program: what each is. How each was made: samples/README.md.

Memory samples hold what reached memory (`Trace`), instruction samples what the processor executed
(`InstructionTrace`). No name is in both lists.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from traces.errors import TraceError
from traces.instruction_npz import read_instruction_npz
from traces.instructions import InstructionTrace
from traces.npz import read_npz
from traces.trace import Trace

_FOLDER = Path(__file__).parent / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """One recording: its name, and what ran when it was made."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class InstructionSample:
    """One recording of instructions.

    program: its source. Samples of one program that are `complete` did the same work from beginning to end,
    compiled differently: the times they take can be compared. optimisation, tile: how it was compiled; a tile
    of 0 is none.
    """

    name: str
    description: str
    program: str
    optimisation: str = "o2"
    tile: int = 0
    complete: bool = True


CATALOG: dict[str, Sample] = {
    row.name: row
    for row in (
        Sample("sort", "radix sort of 262,144 64-bit keys: one read stream, 256 buckets written"),
        Sample("matmul", "product of two 512 x 512 matrices in blocks: sequential reads and write-backs"),
        Sample("bfs", "breadth-first search on a random graph of 131,072 vertices: random reads and writes"),
        Sample("join", "hash join of 262,144 with 65,536 rows: sequential and random reads, few writes"),
        Sample("stencil", "five-point stencil on a grid of 768 x 768: two read streams to one of writes"),
        Sample("compress", "zstd on a text of 3 MB: busy and idle phases, random and sequential"),
    )
}


_LEVELS = {
    "o0": "not optimised (gcc -O0)",
    "o2": "scalar (gcc -O2 -fno-tree-vectorize)",
    "o3": "128-bit vectors (gcc -O3)",
    "avx2": "256-bit vectors and fused multiply-add (gcc -O3 -mavx2 -mfma)",
}


def _product(level: str, tile: int) -> InstructionSample:
    name = f"product-{level}-tile{tile}" if tile else f"product-{level}"
    order = f"tiles of {tile} x {tile}" if tile else "row by row"
    description = f"product of two 48 x 48 matrices, {order}, {_LEVELS[level]}"
    return InstructionSample(name, description, "product", level, tile)


INSTRUCTION_CATALOG: dict[str, InstructionSample] = {
    row.name: row
    for row in (
        *(_product(level, tile) for level in _LEVELS for tile in (0, 8, 16)),
        InstructionSample(
            "quicksort", "the start of a quicksort of 8,192 keys: unpredictable branches", "quicksort",
            complete=False,
        ),
        InstructionSample(
            "walk", "a breadth-first walk in 1 MiB: random loads and stores, unpredictable branches", "walk",
            complete=False,
        ),
        InstructionSample("chase", "a pointer chase in 2 MiB: each load needs the one before", "chase"),
        InstructionSample("hashjoin", "a hash join in 128 KiB: independent random loads", "hashjoin"),
        InstructionSample("parser", "a parser of expressions: indirect jumps, calls and returns", "parser"),
    )
}  # fmt: skip


def samples() -> tuple[str, ...]:
    """Names of the recordings of memory traffic."""
    return tuple(CATALOG)


def instruction_samples() -> tuple[str, ...]:
    """Names of the recordings of instructions."""
    return tuple(INSTRUCTION_CATALOG)


@cache
def sample(name: str) -> Trace:
    """The recording called `name`. Raises TraceError with the nearest name when there is none."""
    if name in INSTRUCTION_CATALOG:
        raise TraceError(
            f"sample {name!r} holds instructions: expected one of memory traffic, {', '.join(CATALOG)}"
        )
    _check_known(name, samples())
    return read_npz(_FOLDER / f"{name}.npz")


@cache
def instruction_sample(name: str) -> InstructionTrace:
    """The instructions called `name`. Raises TraceError with the nearest name when there are none."""
    if name in CATALOG:
        raise TraceError(
            f"sample {name!r} holds memory traffic: expected one of instructions, "
            f"{', '.join(INSTRUCTION_CATALOG)}"
        )
    _check_known(name, instruction_samples())
    return read_instruction_npz(_FOLDER / "instructions" / f"{name}.npz")


def _check_known(name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise TraceError(f"there is no sample {name!r}: expected one of {', '.join(known)}{hint}")
