"""Errors of the whole tool and the exit codes of the command `dse`.

A user's mistake is an `InputError` (defined by `traces`, the lowest package that reads user input, and
re-exported here): its text says what was found, what was expected, and where. Everything else that the tool
reports on purpose is a `DseError`. `exit_code(error)` gives the documented exit status of either.
"""

from __future__ import annotations

from collections.abc import Iterable

from traces.errors import InputError, TraceError

__all__ = [
    "EXIT_CODES",
    "ConfigError",
    "DseError",
    "InfeasibleError",
    "InputError",
    "LookupFailed",
    "ReplayError",
    "SpaceError",
    "StoreError",
    "TraceError",
    "did_you_mean",
    "exit_code",
    "listed",
    "nearest",
]

EXIT_CODES: dict[int, str] = {
    0: "finished",
    1: "a simulation, a searcher or the tool itself failed",
    2: "wrong usage of the command line",
    3: "invalid input: campaign file, trace, design or name",
    4: "the budget is spent and no feasible design was found, or the space has none",
    5: "the store is locked, of a newer version, not ours or out of reach, or the disk is full",
    130: "interrupted (Ctrl-C); every finished trial is kept",
}


class SpaceError(InputError):
    """A parameter, value, constraint or design that does not fit the design space."""


class ConfigError(InputError):
    """A campaign file, option or objective that says something the tool does not know."""


class LookupFailed(InputError):
    """A name (simulator, searcher, exporter, campaign, trial) that does not exist."""


class DseError(Exception):
    """A failure that is not a mistake in the input; `exit_code` is that of the command."""

    exit_code = 1


class ReplayError(DseError):
    """A resumed searcher proposed something else than the log says it did."""


class InfeasibleError(DseError):
    """No design satisfies the constraints."""

    exit_code = 4


class StoreError(DseError):
    """The store cannot be opened, read or written."""

    exit_code = 5


def exit_code(error: BaseException) -> int:
    """Exit status of the command for `error` (see `EXIT_CODES`)."""
    if isinstance(error, DseError):
        return error.exit_code
    if isinstance(error, InputError):
        return 3
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like `word`, ignoring case, `-` and `_`; None if none resembles it."""
    import difflib

    by_plain = {_plain(choice): choice for choice in choices}
    found = difflib.get_close_matches(_plain(word), by_plain, n=1, cutoff=0.5)
    return by_plain[found[0]] if found else None


def did_you_mean(word: object, choices: Iterable[object]) -> str:
    """A sentence with the nearest choice, starting with a blank; empty if none resembles `word`."""
    closest = nearest(str(word), [str(choice) for choice in choices])
    return f" Did you mean {closest!r}?" if closest is not None and closest != str(word) else ""


def listed(choices: Iterable[object], limit: int = 24) -> str:
    """Choices as text for a message: `'a', 'b', 3`, cut after `limit`."""
    shown = [repr(choice) for choice in choices]
    more = f", ... ({len(shown)} in all)" if len(shown) > limit else ""
    return ", ".join(shown[:limit]) + more


def _plain(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")
