"""What other programs read of ours: JSON that is strict, and cells that no spreadsheet runs."""

from __future__ import annotations

import math
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def strict(data: Any) -> Any:
    """The data with null for numbers that are not finite, which JSON does not have."""
    if isinstance(data, dict):
        return {key: strict(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [strict(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def safe_cell(value: Any) -> Any:
    """A cell that no spreadsheet runs as a formula; numbers stay numbers, None is empty."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return "" if value is None else value
