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


CATALOG: dict[str, Sample] = {}


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
