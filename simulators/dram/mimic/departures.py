"""Where a peer's timing rules depart from those of the standard: one named line a difference.

Truth: the peers' command logs and lengths of runs (tests/oracles/peers); each line is needed for the equality
of at least one of them (docs/validation.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulators.dram.memory.constraints import COMMANDS, SCOPES, Constraint, constraints
from simulators.dram.memory.devices import Device


@dataclass(frozen=True, slots=True)
class Departure:
    """In place of the rows from `before` to `after` in the scope `on`, one of `cycles`; None: no row.

    A device without such rows (pseudo channels have none on `other_ranks`) stays as it is.

    before, after: command names or READ, WRITE; cycles: an expression over the timings of the device.
    """

    name: str
    on: str
    before: str
    after: str
    cycles: str | None


RAMULATOR2 = (
    Departure("no tWR from an auto-precharging write to PREA", "rank", "WRA", "PREA", None),
    Departure("latencies forgotten when a write follows", "other_ranks", "READ", "WRITE", "burst + rtrs"),
    Departure("no gap between writes to two ranks", "other_ranks", "WRITE", "WRITE", "burst"),
)
DRAMSIM3 = (
    Departure("a burst more from an auto-precharging read to ACT", "bank", "RDA", "ACT", "burst + rtp + rp"),
    Departure("but not to REF", "rank", "RDA", "REF", "rtp + rp"),
    Departure("one clock of bus turnaround", "rank", "READ", "WRITE", "cl + burst + 1 - cwl"),
    Departure("no tRC from an activate to a refresh", "rank", "ACT", "REF", None),
    Departure("no gap between writes to two ranks", "other_ranks", "WRITE", "WRITE", "burst"),
)
DRAMSYS5 = (Departure("tRCD where tRC is meant", "bank", "ACT", "ACT", "rcd"),)


def departed(device: Device, departures: Iterable[Departure]) -> tuple[Constraint, ...]:
    """The rows of `device` with the departures in their places."""
    rows = list(device.constraints)
    for departure in departures:
        table = {"name": departure.name, "on": departure.on, "from": departure.before, "to": departure.after}
        places = _places(table, device) & {row[:3] for row in rows if row.window == 1}
        rows = [row for row in rows if row.window > 1 or row[:3] not in places]
        if places and departure.cycles is not None:
            added = constraints([{**table, "cycles": departure.cycles}], device.timings, "a departure")
            rows += [row for row in added if row[:3] in places]
    return tuple(rows)


def _places(table: dict[str, str], device: Device) -> set[tuple[int, ...]]:
    """Scope, before and after of the rows that a table means."""
    scope = SCOPES.index(table["on"])
    meant = constraints([{**table, "cycles": "1"}], device.timings, "a departure")
    return {row[:3] for row in meant if row.scope == scope and row.cycles == 1 and _is_plain(row)}


def _is_plain(row: Constraint) -> bool:
    return "VRR" not in (COMMANDS[row.before], COMMANDS[row.after])
