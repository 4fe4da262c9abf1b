"""Options of an algorithm: a frozen dataclass of defaults, each with its bounds and what it means.

An algorithm declares `chains: int = option(4, low=1, meaning="...")`; `read_options` checks what a campaign
file gives against it: names and types by `dse.search.parse_options`, bounds and choices here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, fields
from typing import Any, TypeVar

from dse.errors import ConfigError, did_you_mean, listed
from dse.search import parse_options

T = TypeVar("T")


def option(
    default: Any,
    *,
    meaning: str,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] | None = None,
) -> Any:
    """A dataclass field with its default, its bounds (both included) or choices, and what it means."""
    return field(default=default, metadata={"meaning": meaning, "low": low, "high": high, "choices": choices})


def read_options(kind: type[T], given: Mapping[str, object], *, algorithm: str, role: str = "searcher") -> T:
    """`kind(**given)` after checking every name, type and bound; ConfigError says what is wrong."""
    options = parse_options(kind, given, f"{role} {algorithm!r}")
    for item in fields(options):  # type: ignore[arg-type]
        value = getattr(options, item.name)
        expected = _expected(item.metadata, value)
        if expected is not None:
            raise ConfigError(
                f"{role} {algorithm!r}: option {item.name}={value!r}: expected {expected}", key=item.name
            )
    return options


def _expected(rules: Mapping[str, Any], value: Any) -> str | None:
    """What was expected instead of `value`, or None if it is fine."""
    low, high, choices = rules.get("low"), rules.get("high"), rules.get("choices")
    if choices is not None and value not in choices:
        return f"one of {listed(choices)}.{did_you_mean(value, choices)}"
    if low is not None and not value >= low:
        return f"at least {low:g}"
    if high is not None and not value <= high:
        return f"at most {high:g}"
    return None
