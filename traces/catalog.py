"""The recordings that ship with the program: what each is. How each was made: samples/README.md."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from traces.errors import TraceError
from traces.npz import read_npz
from traces.trace import Trace

_FOLDER = Path(__file__).parent / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """One recording: its name, and what ran when it was made."""

    name: str
    description: str


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


def samples() -> tuple[str, ...]:
    """Names of the recordings."""
    return tuple(CATALOG)


@cache
def sample(name: str) -> Trace:
    """The recording called `name`. Raises TraceError with the nearest name when there is none."""
    if name not in CATALOG:
        near = difflib.get_close_matches(name, CATALOG, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise TraceError(f"there is no sample {name!r}: expected one of {', '.join(CATALOG)}{hint}")
    return read_npz(_FOLDER / f"{name}.npz")
