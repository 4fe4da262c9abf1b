"""One string that names a trace: `sample:sort`, `synthetic:stream?n=10000&seed=1`, or the path of a file.

Campaign files and the command line use it. Instruction traces have the same: traces/instruction_spec.py.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from traces.catalog import sample
from traces.errors import TraceError
from traces.readers import read
from traces.shared_instructions import THREAD_GENERATORS
from traces.synthetic import GENERATORS
from traces.synthetic_instructions import INSTRUCTION_GENERATORS
from traces.synthetic_particles import PHASED_PROGRAMS
from traces.trace import Trace

DEFAULT_REQUESTS = 100_000


def load(
    spec: str,
    base: Path | None = None,
    *,
    clock_mhz: float | None = None,
    clock_ns: float | None = None,
    format: str | None = None,
) -> Trace:
    """The trace that `spec` names; a relative path is taken from `base`, or else from the working directory.

    The clock and the format are for files only. Raises TraceError.
    """
    kind, colon, rest = spec.partition(":")
    if colon and kind == "accesses":
        raise TraceError(
            f"{spec!r} makes instructions: leave out 'accesses:' and its options for the requests"
        )
    if colon and kind in ("sample", "synthetic"):
        if clock_mhz is not None or clock_ns is not None:
            raise TraceError(
                f"{spec!r} has its own clock: leave out clock_mhz and clock_ns, use arrival_scale"
            )
        return sample(rest) if kind == "sample" else generate(rest)
    path = Path(spec).expanduser()
    return read(base / path if base else path, clock_mhz=clock_mhz, clock_ns=clock_ns, format=format)


def generate(text: str) -> Trace:
    """The synthetic trace `NAME?option=value&...`; 100,000 requests unless `n` says otherwise."""
    return generate_with(*parsed(text))


def parsed(text: str) -> tuple[str, dict[str, str]]:
    """Name and options of `NAME?option=value&...`. Raises TraceError for an option given twice."""
    name, _, query = text.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    if len(dict(pairs)) != len(pairs):
        raise TraceError(f"an option is given twice in {text!r}: expected each once")
    return name, dict(pairs)


def generate_with(name: str, options: Mapping[str, str]) -> Trace:
    """The trace of generator `name` with options as text. Raises TraceError with the nearest name."""
    programs = (*INSTRUCTION_GENERATORS, *PHASED_PROGRAMS, *THREAD_GENERATORS)
    if name not in GENERATORS and name in programs:
        raise TraceError(
            f"{name} makes instructions, not memory requests: write them with "
            f"`dse trace convert 'synthetic:{name}?n=100000' FILE`"
        )
    if name not in GENERATORS:
        raise TraceError(
            f"unknown generator {name!r}: expected one of {', '.join(GENERATORS)}{near(name, GENERATORS)}"
        )
    trace: Trace = called(GENERATORS[name], name, {"n": str(DEFAULT_REQUESTS), **options})
    return trace


def called(function: Callable[..., Any], name: str, options: Mapping[str, str]) -> Any:
    """What a generator makes of options as text. Raises TraceError for one it does not have."""
    known = inspect.signature(function).parameters
    values: dict[str, Any] = {}
    for key, written in options.items():
        if key not in known:
            raise TraceError(f"{name} has no option {key!r}: expected {', '.join(known)}{near(key, known)}")
        values[key] = _value(key, written, str(known[key].annotation))
    return function(**values)


def _value(key: str, written: str, annotation: str) -> Any:
    if annotation.startswith("Sequence"):
        return tuple(part for part in written.split(",") if part)
    try:
        return int(written, 0) if annotation == "int" else float(written)
    except ValueError:
        kind = "an integer" if annotation == "int" else "a number"
        raise TraceError(f"{key}={written!r} is not {kind}") from None


def near(word: str, known: Iterable[str]) -> str:
    """The end of an error message: the nearest of the known words, when one is near."""
    found = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
