"""The phases of a trace by its spec: `phases_of("synthetic:query?n=40000&seed=1")`."""

from __future__ import annotations

from collections.abc import Callable

from traces.errors import TraceError
from traces.phases import Phase
from traces.spec import DEFAULT_REQUESTS, called, near, parsed
from traces.synthetic import query_phases
from traces.synthetic_particles import particles_phases

_PHASED: dict[str, Callable[..., tuple[Phase, ...]]] = {
    "query": query_phases,
    "particles": particles_phases,
}


def phases_of(spec: str) -> tuple[Phase, ...]:
    """Where the phases of a synthetic trace begin and end, and their kinds.

    Of memory traffic in cycles of its arrival clock, of a program in instructions. Raises TraceError for a
    trace whose phases nobody knows, and for options that the generator refuses.
    """
    kind, _, rest = spec.partition(":")
    name, options = parsed(rest) if kind == "synthetic" else ("", {})
    if name not in _PHASED:
        known = ", ".join(f"synthetic:{known}" for known in _PHASED)
        raise TraceError(
            f"the phases of {spec!r} are not known: expected one of {known}{near(name, _PHASED)}; of any "
            "memory trace `dse trace intervals` estimates them"
        )
    if name == "query":
        options = {"n": str(DEFAULT_REQUESTS), **options}
    found: tuple[Phase, ...] = called(_PHASED[name], name, options)
    return found
