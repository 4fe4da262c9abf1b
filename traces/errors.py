"""Errors in what a user handed in; their base lives in the lowest package that reads files."""

from __future__ import annotations

from pathlib import PurePath


class InputError(ValueError):
    """A mistake in what the user gave: a file, an option, a value. The command line exits with code 3.

    message: what, got, expected, do this.
    path, line, key: where, as far as it is known; `line` counts from 1.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | PurePath | None = None,
        line: int | None = None,
        key: str | None = None,
    ) -> None:
        self.message = message
        self.path = None if path is None else str(path)
        self.line = line
        self.key = key
        super().__init__(message)

    def __str__(self) -> str:
        """`path:line: key: message`, leaving out what is not known."""
        place = self.path or ""
        if self.line is not None:
            place = f"{place}:{self.line}" if place else f"line {self.line}"
        return ": ".join(part for part in (place, self.key, self.message) if part)


class TraceError(InputError):
    """A trace or a workload that cannot be read, built or written."""
