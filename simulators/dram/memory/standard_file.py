"""The file of one standard: what must be in it and what may, and how one of the user's own is read.

Every table and key is known; a misspelt one is refused with its name, never ignored. The parts are put
together by `memory.devices`, which says what they mean; the shipped `standards/*.toml` are the examples.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dse.errors import InputError, did_you_mean, listed
from dse.option_files import read_option_file
from simulators.dram.memory.constraints import COMMANDS

MOST_BYTES = 1 << 20
REFRESHES = ("AllBank", "PerBank", "SameBank")
ROUNDINGS = ("JESD79-4", "JESD79-5")


def load_standard(path: str | Path) -> dict[str, Any]:
    """The tables of a standard's file, checked. InputError names the file and the key.

    The file is TOML, at most `MOST_BYTES` long; nothing in it is executed (see `constraints.evaluate`).
    """
    name, path = str(path), Path(path)
    if path.exists() and not path.is_file():
        raise InputError("cannot be read (it is no file): expected a standard's file", path=path)
    try:
        content = read_option_file(name, MOST_BYTES)
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror}): expected a standard's file", path=path
        ) from None
    if len(content) > MOST_BYTES:
        raise InputError(f"longer than {MOST_BYTES} bytes: expected a standard's file", path=path)
    try:
        tables = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"is no TOML: {error}", path=path) from None
    check_standard(tables, str(path))
    tables["source"] += f" (file {path.name}, sha256 {hashlib.sha256(content).hexdigest()[:16]})"
    return tables


def check_standard(tables: Mapping[str, Any], file: str) -> None:
    """InputError for the first table or key that is missing, unknown or of the wrong type."""
    _check_table(tables, _STANDARD, "", file)
    for number, row in enumerate(tables["constraints"], start=1):
        _check_table(row, _CONSTRAINT, f"constraint {number}", file)
    for name, shape in _PARTS.items():
        if not tables[name]:
            raise InputError(f"the table has no entry: expected [{name}.NAME]", path=file, key=name)
        for part, table in tables[name].items():
            _check_table(table, shape, f"{name}.{part}", file)
            _check_timings(table, f"{name}.{part}", file)
    _check_timings(tables, "", file)


def _is_positive(value: Any) -> bool:
    return _is_integer(value) and value > 0


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_formula(value: Any) -> bool:
    return _is_text(value) or _is_integer(value)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _table_of(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(holds, value.values()))


_TEXT = ("a text", _is_text)
_POSITIVE = ("a whole number from 1", _is_positive)
_NUMBER = ("a number from 0", _is_number)
_FLAG = ("true or false", lambda value: isinstance(value, bool))
_TABLE = ("a table", _is_table)
_Rule = tuple[str, Callable[[Any], bool]]


@dataclass(frozen=True, slots=True)
class _Shape:
    required: Mapping[str, _Rule]
    optional: Mapping[str, _Rule] = field(default_factory=dict)

    def rule(self, key: str) -> _Rule | None:
        return self.required.get(key) or self.optional.get(key)


_TIMINGS: dict[str, _Rule] = {
    "timings_cycles": ("a table of whole numbers from 0", _table_of(lambda v: _is_integer(v) and v >= 0)),
    "timings_ps": ("a table of tables", _table_of(_is_table)),
    "derived": ("a table of expressions", _table_of(_is_formula)),
}
_BUSES: dict[str, _Rule] = {
    "command_buses": ("1 or 2", lambda value: value in (1, 2) and _is_integer(value)),
    "pseudo_channels": _FLAG,
    "lengths": (
        "a table of commands and the clocks of each, 1 to 8",
        lambda value: (
            isinstance(value, dict)
            and set(value) <= set(COMMANDS)
            and all(_is_positive(clocks) and clocks <= 8 for clocks in value.values())
        ),
    ),
}
_STANDARD = _Shape(
    {
        "id": _TEXT,
        "source": _TEXT,
        "refresh": (
            f"a list of some of {listed(REFRESHES)}",
            lambda value: (
                isinstance(value, list) and bool(value) and all(name in REFRESHES for name in value)
            ),
        ),
        "most_postponed": ("a whole number from 0", lambda value: _is_integer(value) and value >= 0),
        "hot_above_c": _NUMBER,
        "hot_refresh_factor": _POSITIVE,
        "command_buses": _BUSES["command_buses"],
        "constraints": (
            "a list of tables",
            lambda value: isinstance(value, list) and all(map(_is_table, value)),
        ),
        "speeds": _TABLE,
        "organisations": _TABLE,
        "currents": _TABLE,
        "devices": _TABLE,
    },
    {
        "data_rate": _POSITIVE,
        "rounding": (f"one of {listed(ROUNDINGS)}", lambda value: value in ROUNDINGS),
        **_BUSES,
        **_TIMINGS,
    },
)
_CONSTRAINT = _Shape(
    {
        "name": _TEXT,
        "on": _TEXT,
        "from": _TEXT,
        "to": _TEXT,
        "cycles": ("an expression over timings", _is_formula),
    },
    {"window": _POSITIVE},
)
ORGANISATION = (
    "devices_per_rank", "device_width_bits", "channels", "ranks", "most_ranks", "bank_groups",
    "banks_per_group", "rows", "columns", "burst_length", "device_density_mbit",
)  # fmt: skip
_CURRENTS = ("vdd_v", "idd0", "idd2n", "idd2p", "idd3n", "idd3p", "idd4r", "idd4w", "idd5b")
_FURTHER_CURRENTS = ("idd6", "idd5pb", "vpp_v", "ipp0", "ipp3n")
_PARTS = {
    "speeds": _Shape({"source": _TEXT, "tck_ps": _POSITIVE}, _TIMINGS),
    "organisations": _Shape(dict.fromkeys(ORGANISATION, _POSITIVE), {"source": _TEXT, **_BUSES, **_TIMINGS}),
    "currents": _Shape(
        {"source": _TEXT, **dict.fromkeys(_CURRENTS, _NUMBER)}, dict.fromkeys(_FURTHER_CURRENTS, _NUMBER)
    ),
    "devices": _Shape(
        {"description": _TEXT, "speed": _TEXT, "organisation": _TEXT, "currents": _TEXT},
        {"source": _TEXT, **_BUSES, **_TIMINGS},
    ),
}
_LIMIT = _Shape({"ps": _POSITIVE}, {"min": _POSITIVE, "maximum": _FLAG})


def _check_timings(table: Mapping[str, Any], where: str, file: str) -> None:
    for name, limit in table.get("timings_ps", {}).items():
        _check_table(limit, _LIMIT, ".".join(filter(None, (where, "timings_ps", name))), file)


def _check_table(table: Mapping[str, Any], shape: _Shape, where: str, file: str) -> None:
    for key in shape.required:
        if key not in table:
            raise InputError("is missing" + _there_is(shape.required), path=file, key=_path(where, key))
    for key, value in table.items():
        rule = shape.rule(key)
        if rule is None:
            known = (*shape.required, *shape.optional)
            raise InputError(
                f"is unknown{_there_is(known)}.{did_you_mean(key, known)}", path=file, key=_path(where, key)
            )
        expected, holds = rule
        if not holds(value):
            raise InputError(f"is {str(value)[:60]!r}: expected {expected}", path=file, key=_path(where, key))


def _there_is(keys: Iterable[str]) -> str:
    return f": expected {listed(keys)}"


def _path(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
