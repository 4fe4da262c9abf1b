"""Where each key of a TOML text stands: the standard parser gives values without line numbers.

A light scan of a text that `tomllib` has already accepted: table headers, dotted keys, and values that go on
over several lines (arrays, inline tables, long strings). Keys inside inline tables count as their parent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

Path = tuple[str | int, ...]

_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*"""
)
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_TOKEN = re.compile(r'"""|\'\'\'|"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*|[\[\]{}]')


def key_lines(text: str) -> dict[Path, int]:
    """Line (from 1) of every table header and key; elements of arrays of tables are numbered from 0."""
    lines: dict[Path, int] = {}
    table: Path = ()
    depth, quote = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if depth or quote:
            depth, quote = _after(line, depth, quote)
            continue
        stripped = line.strip()
        if stripped.startswith("["):
            table = _header(stripped, lines)
            lines.setdefault(table, number)
            continue
        found = _KEY.match(line)
        if found is None or not line[found.end() :].startswith("="):
            continue
        path = table + tuple(_parts(found[1]))
        for length in range(len(table) + 1, len(path) + 1):
            lines.setdefault(path[:length], number)
        depth, quote = _after(line[found.end() + 1 :], 0, "")
    return lines


def line_of(path: Sequence[str | int], lines: Mapping[Path, int]) -> int | None:
    """Line of a key (of an array of tables: its first), or of the nearest table around it."""
    for length in range(len(path), 0, -1):
        for place in (tuple(path[:length]), (*path[:length], 0)):
            if place in lines:
                return lines[place]
    return None


def dotted(path: Sequence[str | int]) -> str:
    """`agents[1].options.population`; array elements are numbered from 0."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _header(line: str, lines: Mapping[Path, int]) -> Path:
    repeated = line.startswith("[[")
    found = _KEY.match(line, 2 if repeated else 1)
    parts = _parts(found[1]) if found else []
    path: Path = ()
    for position, part in enumerate(parts):
        path = (*path, part)
        count = sum(1 for known in lines if known[:-1] == path and isinstance(known[-1], int))
        if repeated and position == len(parts) - 1:
            path = (*path, count)
        elif count:
            path = (*path, count - 1)
    return path


def _parts(key: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(key)]


def _after(text: str, depth: int, quote: str) -> tuple[int, str]:
    """Bracket depth and open long quote after a piece of a value."""
    position = 0
    if quote:
        end = text.find(quote)
        if end < 0:
            return depth, quote
        position, quote = end + 3, ""
    while found := _TOKEN.search(text, position):
        token, position = found[0], found.end()
        if token in ('"""', "'''"):
            end = text.find(token, position)
            if end < 0:
                return depth, token
            position = end + 3
        elif token in "[{":
            depth += 1
        elif token in "]}":
            depth -= 1
    return depth, ""
