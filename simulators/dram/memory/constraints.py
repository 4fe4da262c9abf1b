"""Timing constraints as data: rows that say how far two commands must be apart, and the commands they name.

A standard's file lists its rows with expressions over the timings of a device (`"cl + burst + 2 - cwl"`);
here they become `Constraint`s in clock cycles, which the twin reads as they are and the engine compiles. One
row: `after` may be issued no earlier than `cycles` after the last `before` in the same scope; with a window
of w, no earlier than `cycles` after the w-th last of them (four activates: w = 4).

A file counts as JEDEC does, from the last clock of `from` to the last clock of `to`; a `Constraint` counts
from first clock to first clock, so commands of several clocks move it: PRE to a two-clock ACT is one less
than tRP.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from dse.errors import InputError, did_you_mean, listed

COMMANDS = (
    "ACT", "PRE", "PREA", "RD", "RDA", "WR", "WRA", "REF", "PDE", "PDX",
    "REFPB", "REFSB", "SRE", "SRX", "VRR", "RFM", "RFMSB",
)  # fmt: skip
SCOPES = ("bank", "group", "rank", "channel", "other_ranks")
CAUSES = (
    "none", "data_bus", "bank_group", "activation", "row_cycle", "activate_spacing", "four_activates",
    "turnaround", "rank_switch", "refresh", "power_down", "self_refresh", "row_hammer", "command_bus",
)  # fmt: skip

MOST_CYCLES = 1 << 31  # of one row or timing
MOST_WINDOW = 16

READS = ("RD", "RDA")
WRITES = ("WR", "WRA")
COLUMNS = READS + WRITES
SET_COMMANDS = ("REFSB", "RFMSB")
RANK_COMMANDS = ("PREA", "REF", "PDE", "PDX", "SRE", "SRX", "RFM")
_GROUPS = {"READ": READS, "WRITE": WRITES, "COLUMN": COLUMNS, "REFRESH": ("REF", "REFPB", "REFSB")}
_BLAMED = {
    "REF": "refresh", "REFPB": "refresh", "REFSB": "refresh", "PDX": "power_down", "SRX": "self_refresh",
    "VRR": "row_hammer", "RFM": "row_hammer", "RFMSB": "row_hammer",
}  # fmt: skip


class Constraint(NamedTuple):
    """One row, as numbers: positions in SCOPES, COMMANDS and CAUSES, and clock cycles."""

    scope: int
    before: int
    after: int
    cycles: int
    window: int
    cause: int


def constraints(
    rows: Iterable[Mapping[str, Any]],
    timings: Mapping[str, int],
    file: str,
    lengths: Mapping[str, int] | None = None,
) -> list[Constraint]:
    """The rows of a standard's file in cycles of a device; those that never bind (0 or less) are left out.

    A row: `on` (a scope), `from` and `to` (command names, or READ, WRITE, COLUMN, REFRESH, separated by
    blanks), `cycles` (an expression over `timings`), optionally `window`. lengths: clocks of a command on its
    bus (1 where not listed). InputError names the row.
    """
    clocks = {**dict.fromkeys(COMMANDS, 1), **(lengths or {})}
    found: list[Constraint] = []
    for number, row in enumerate(_with_victims(rows), start=1):
        where = f"{file}, constraint {number} ({row.get('name', '?')})"
        counted = evaluate(str(row["cycles"]), timings, where)
        scope, window = _position(row["on"], SCOPES, where), int(row.get("window", 1))
        earlier, later = _commands(row["from"], where), _commands(row["to"], where)
        _check_reach(row["on"], window, counted, where)
        for before in earlier:
            # the commands of one window share a ring, and so the distance of the longest of them
            last_clock = max(clocks[name] for name in (earlier if window > 1 else (before,)))
            for after in later:
                _check_scope(row["on"], before, after, where)
                cycles = counted + last_clock - clocks[after]
                if counted <= 0 or cycles <= 0:
                    continue
                cause = CAUSES.index(_cause(row, before, after, timings, counted))
                numbers = COMMANDS.index(before), COMMANDS.index(after)
                found.append(Constraint(scope, *numbers, cycles, window, cause))
    return found


def _with_victims(rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The rows, and those of VRR, which opens and closes the two neighbours of a row: two activates, as one.

    It waits for what an ACT waits for, counts as one activate in the rank, and holds its bank for 2 tRC.
    """
    for row in rows:
        after = str(row["to"]).split()
        if "ACT" not in after:
            yield row
            continue
        before = str(row["from"]).split()
        if "ACT" in before and row["on"] != "bank":
            before.append("VRR")
        yield {**row, "from": " ".join(before), "to": " ".join([*after, "VRR"])}
    for scope, later in _AFTER_VICTIMS:
        yield {"name": "victim refresh", "on": scope, "from": "VRR", "to": later, "cycles": "2 * rc"}


_AFTER_VICTIMS = (("bank", "ACT VRR REFPB REFSB RFMSB"), ("rank", "PREA REF RFM SRE PDE"))
_LONGEST_EXPRESSION = 200  # characters: keeps a stranger's file from building deep trees


def evaluate(expression: str, values: Mapping[str, int], where: str) -> int:
    """Integer value of sums, differences, products, quotients, `max` and `min` of numbers and timings."""
    if len(expression) > _LONGEST_EXPRESSION:
        raise InputError(
            f"{where}: an expression of {len(expression)} characters: at most {_LONGEST_EXPRESSION}"
        )
    try:
        return _value(ast.parse(expression, mode="eval").body, values)
    except KeyError as missing:
        name = str(missing.args[0])
        raise InputError(
            f"{where}: {expression!r} uses the timing {name!r}, which the device does not have: expected "
            f"some of {listed(values)}.{did_you_mean(name, values)}"
        ) from None
    except (SyntaxError, TypeError, ValueError, ZeroDivisionError, RecursionError, MemoryError) as error:
        raise InputError(
            f"{where}: {expression!r} is no expression over timings ({error}): expected numbers, timings, "
            "+ - * //, max and min"
        ) from None


def _value(node: ast.expr, values: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return number
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, values), _value(right, values))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS and args:
            return _FUNCTIONS[name](_value(arg, values) for arg in args)
    raise TypeError(f"{ast.unparse(node)!r} is not allowed")


_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}
_FUNCTIONS: dict[str, Callable[[Iterable[int]], int]] = {"max": max, "min": min}


def _commands(names: str, where: str) -> tuple[str, ...]:
    found: list[str] = []
    for name in names.split():
        if name not in COMMANDS and name not in _GROUPS:
            raise InputError(
                f"{where}: command {name!r} does not exist: expected one of {listed((*COMMANDS, *_GROUPS))}."
                f"{did_you_mean(name, COMMANDS)}"
            )
        found += _GROUPS.get(name, (name,))
    return tuple(found)


def _position(name: str, names: tuple[str, ...], where: str) -> int:
    if name not in names:
        raise InputError(f"{where}: {name!r} is no scope: expected one of {listed(names)}")
    return names.index(name)


def _check_reach(scope: str, window: int, cycles: int, where: str) -> None:
    if window > 1 and scope != "rank":
        raise InputError(f"{where}: a window on {scope!r}: windows are counted on 'rank'")
    if not 1 <= window <= MOST_WINDOW or cycles > MOST_CYCLES:
        raise InputError(
            f"{where}: window {window}, {cycles} cycles: at most {MOST_WINDOW} and {MOST_CYCLES}"
        )


def _check_scope(scope: str, before: str, after: str, where: str) -> None:
    """A bank or group of a command that goes to a whole rank is not defined."""
    narrow = scope in ("bank", "group")
    ranked = [name for name in (before, after) if name in RANK_COMMANDS]
    ranked += [name for name in (before, after) if scope == "group" and name in SET_COMMANDS]
    if narrow and ranked:
        raise InputError(f"{where}: {ranked[0]} goes to more than one {scope}: expected a row on 'rank'")


def _cause(row: Mapping[str, Any], before: str, after: str, timings: Mapping[str, int], cycles: int) -> str:
    """What a cycle lost to the row is put down to."""
    if "window" in row:
        return "four_activates"
    if before in _BLAMED:
        return _BLAMED[before]
    if row["on"] == "other_ranks":
        return "rank_switch"
    if before in COLUMNS and after in COLUMNS and row["on"] != "bank":
        if (before in READS) != (after in READS):
            return "turnaround"
        return "data_bus" if cycles <= timings["burst"] else "bank_group"
    if before == "ACT" and after in COLUMNS:
        return "activation"
    if before == "ACT" and after in ("ACT", "VRR") and row["on"] != "bank":
        return "activate_spacing"
    return "row_cycle"
