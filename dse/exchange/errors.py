"""What is wrong with a campaign file that is to be imported, and the bounds within which one is read."""

from __future__ import annotations

from typing import Any

from dse.errors import InputError

MAX_HEADER_BYTES = 64 << 20
MAX_DOCUMENT_BYTES = 1 << 30
MAX_LINE_CHARACTERS = 16 << 20
MAX_CELLS = 1_000_000_000
MAX_COLUMNS = 1_900  # a table of SQLite holds 2,000


class ExchangeError(InputError):
    """An exported campaign that cannot be read back, or a place that it cannot be written to."""


class BadCell(Exception):
    """A value of the wrong kind: `row` counts from 0 in the columns given. Formats turn it into a place."""

    def __init__(self, row: int, column: str, value: Any, expected: str) -> None:
        super().__init__(f"{value!r} in column {column!r}, row {row}")
        self.row = row
        self.column = column
        self.value = value
        self.expected = expected

    @property
    def message(self) -> str:
        """What was found and what was expected."""
        shown = repr(self.value)
        return f"got {shown if len(shown) <= 80 else shown[:77] + '...'}, expected {self.expected}"
