"""Which sources the compiled kernels were built from, so that a stale kernel is found before it misleads.

setup.py writes ext/_build_info.json after each build: per kernel the hash of its sources (ext/sources.py) and
whether it was built with checks. Here the same hash is taken over the tree as it is now.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from dse.errors import DseError
from ext.sources import source_hash

EXT = Path(__file__).resolve().parent.parent / "ext"
REMEDY = "run `make build` (or `python setup.py build_ext --inplace`)"


class BuildError(DseError):
    """The compiled kernels are missing or are not those of this source tree."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """One compiled kernel: hash of the sources it was built from, and "release" or "checked"."""

    name: str
    source: str
    flavour: str


def built_kernels(folder: Path = EXT) -> dict[str, Kernel]:
    """Kernels by name, as the last builds recorded them. Raises BuildError when nothing was built."""
    path = folder / "_build_info.json"
    try:
        rows = json.loads(path.read_text())["kernels"]
    except FileNotFoundError:
        raise BuildError(f"the compiled kernels were not built ({path} is missing): {REMEDY}") from None
    return {name: Kernel(name, row["source"], row["flavour"]) for name, row in rows.items()}


def stale_kernels(folder: Path = EXT) -> tuple[str, ...]:
    """Kernels of the tree that were never built, or were built from other sources."""
    built = built_kernels(folder)
    names = sorted(path.stem for path in folder.glob("*.pyx"))
    return tuple(
        name for name in names if name not in built or built[name].source != source_hash(name, folder)
    )


def build_id(*names: str, folder: Path = EXT) -> str:
    """Short hash that changes whenever one of the named kernels is built from other sources.

    Raises BuildError when one was never built. Part of a campaign's cache key.
    """
    built = built_kernels(folder)
    missing = [name for name in names if name not in built]
    if missing:
        raise BuildError(f"kernel {missing[0]!r} was not built; there are {', '.join(built)}: {REMEDY}")
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(names):
        digest.update(f"{name} {built[name].source}\n".encode())
    return digest.hexdigest()
