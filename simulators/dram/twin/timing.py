"""When a command may be issued on one channel: the constraints of the standard, read row by row.

A row says: `after` no earlier than `cycles` after the last `before` on the same bank, group, rank or channel,
or on another rank; with a window of w, after the w-th last. For each of those places the cycle of the last
issue of each command is kept, and that is all. A row's truth is the file that it comes from
(`simulators/dram/memory/standards`).
"""

from __future__ import annotations

from collections import deque

from simulators.dram.config import ControllerConfig
from simulators.dram.memory.constraints import (
    CAUSES,
    COLUMNS,
    COMMANDS,
    RANK_COMMANDS,
    SCOPES,
    SET_COMMANDS,
    Constraint,
)

NEVER = -(1 << 40)
_COMMAND_BUS = CAUSES.index("command_bus")
(_BANK, _GROUP, _RANK, _CHANNEL, _OTHER_RANKS) = range(len(SCOPES))

Bound = tuple[int, int]
"""The first legal cycle of a command, and what it waits for (position in CAUSES; of equals the larger)."""


class _Window:
    """The last `window` issues of a set of commands on each rank."""

    def __init__(self, row: Constraint, n_ranks: int) -> None:
        self.row = row
        self.before: set[str] = set()
        self.recent: list[deque[int]] = [deque(maxlen=row.window) for _ in range(n_ranks)]

    def bound(self, rank: int) -> Bound:
        recent = self.recent[rank]
        return (recent[0] + self.row.cycles, self.row.cause) if len(recent) == self.row.window else (NEVER, 0)


class Timing:
    """The last issue of every command on every bank, group and rank of a channel; its command buses."""

    def __init__(self, config: ControllerConfig) -> None:
        self.n_banks = config.n_banks
        self.banks_per_group = config.banks_per_group
        self.lengths = dict(zip(COMMANDS, config.lengths, strict=True))
        self.command_buses = config.command_buses
        self.bus_free_at = [0] * config.command_buses
        banks, groups = config.n_ranks * config.n_banks, config.n_ranks * config.n_bank_groups
        self.on_bank = {command: [NEVER] * banks for command in COMMANDS}
        self.on_group = {command: [NEVER] * groups for command in COMMANDS}
        self.on_rank = {command: [NEVER] * config.n_ranks for command in COMMANDS}
        self.rows: dict[str, list[tuple[int, list[int], int, int]]] = {command: [] for command in COMMANDS}
        self.windows: dict[str, list[_Window]] = {command: [] for command in COMMANDS}
        for row in config.rows:
            if row.window > 1:
                self._add_to_window(row, config.n_ranks)
            elif row.scope != _OTHER_RANKS or config.n_ranks > 1:
                last = {_BANK: self.on_bank, _GROUP: self.on_group}.get(row.scope, self.on_rank)
                places = last[COMMANDS[row.before]]
                self.rows[COMMANDS[row.after]].append((row.scope, places, row.cycles, row.cause))

    def _add_to_window(self, row: Constraint, n_ranks: int) -> None:
        """Rows that differ in `before` alone count together."""
        windows = self.windows[COMMANDS[row.after]]
        same = [w for w in windows if (w.row.cycles, w.row.window) == (row.cycles, row.window)]
        if not same:
            same = [_Window(row, n_ranks)]
            windows += same
        same[0].before.add(COMMANDS[row.before])

    def earliest(self, command: str, rank: int, bank: int = -1) -> Bound:
        """When `command` may go to a rank (bank -1), a bank, or a set (by its bank of the first group)."""
        bound = (self.bus_free_at[self._bus(command)], _COMMAND_BUS)
        place = (bank, bank // self.banks_per_group, rank)
        for scope, last, cycles, cause in self.rows[command]:
            if scope > _RANK:
                cycle = self._last_on_ranks(scope, last, rank) + cycles
            elif scope == _BANK and command in SET_COMMANDS:
                cycle = max(last[number] for number in self._set(bank)) + cycles
            else:
                cycle = last[place[scope]] + cycles
            if cycle >= bound[0]:
                bound = max(bound, (cycle, cause))
        for window in self.windows[command]:
            bound = max(bound, window.bound(rank))
        return bound

    def _last_on_ranks(self, scope: int, last: list[int], rank: int) -> int:
        """On the whole channel, or on the other ranks."""
        if scope == _CHANNEL:
            return max(last)
        return max((cycle for number, cycle in enumerate(last) if number != rank), default=NEVER)

    def issue(self, command: str, rank: int, bank: int, now: int) -> None:
        """`command` goes out in cycle `now`."""
        self.bus_free_at[self._bus(command)] = now + self.lengths[command]
        self.on_rank[command][rank] = now
        for windows in self.windows.values():
            for window in windows:
                if command in window.before:
                    window.recent[rank].append(now)
        if command in SET_COMMANDS:
            for number in self._set(bank):
                self.on_bank[command][number] = now
        elif command not in RANK_COMMANDS:
            self.on_bank[command][bank] = now
            self.on_group[command][bank // self.banks_per_group] = now

    def _set(self, first: int) -> range:
        """The same bank of every group of the rank."""
        end = (first // self.n_banks + 1) * self.n_banks
        return range(first, end, self.banks_per_group)

    def _bus(self, command: str) -> int:
        """With two buses, the second one is for column commands."""
        return 1 if self.command_buses == 2 and command in COLUMNS else 0
