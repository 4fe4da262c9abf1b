"""One string that names a trace: `sample:sort`, `synthetic:stream?n=10000&seed=1`, or the path of a file.

Campaign files and the command line use it.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from traces.catalog import sample
from traces.errors import TraceError
from traces.readers import read
from traces.synthetic import GENERATORS
from traces.trace import Trace

_DEFAULT_REQUESTS = 100_000


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
    name, _, query = text.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    if len(dict(pairs)) != len(pairs):
        raise TraceError(f"an option is given twice in 'synthetic:{text}': expected each once")
    return generate_with(name, dict(pairs))


def generate_with(name: str, options: Mapping[str, str]) -> Trace:
    """The trace of generator `name` with options as text. Raises TraceError with the nearest name."""
    if name not in GENERATORS:
        raise TraceError(
            f"unknown generator {name!r}: expected one of {', '.join(GENERATORS)}{_near(name, GENERATORS)}"
        )
    function = GENERATORS[name]
    signature = inspect.signature(function)
    values: dict[str, Any] = {"n": _DEFAULT_REQUESTS}
    for key, written in options.items():
        if key not in signature.parameters:
            known = signature.parameters
            raise TraceError(f"{name} has no option {key!r}: expected {', '.join(known)}{_near(key, known)}")
        values[key] = _value(key, written, str(signature.parameters[key].annotation))
    return function(**values)


def _value(key: str, written: str, annotation: str) -> Any:
    if annotation.startswith("Sequence"):
        return tuple(part for part in written.split(",") if part)
    try:
        return int(written, 0) if annotation == "int" else float(written)
    except ValueError:
        kind = "an integer" if annotation == "int" else "a number"
        raise TraceError(f"{key}={written!r} is not {kind}") from None


def _near(word: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
