"""When a command may be issued on one channel: the constraints of the standard, read row by row.

A row says: `after` no earlier than `cycles` after the last `before` on the same bank, group, rank or channel,
or on another rank; with a window of w, after the w-th last. For each of those places the cycle of the last
issue of each command is kept, and that is all. A row's truth is the file that it comes from
(`simulators/dram/standards`).
"""

from __future__ import annotations

from collections import deque

from simulators.dram.config import ControllerConfig
from simulators.dram.constraints import (
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
        self.before = {COMMANDS[row.before]}
        self.recent: list[deque[int]] = [deque(maxlen=row.window) for _ in range(n_ranks)]

    def bound(self, rank: int) -> Bound:
        recent = self.recent[rank]
        return (recent[0] + self.row.cycles, self.row.cause) if len(recent) == self.row.window else (NEVER, 0)


class Timing:
    """The last issue of every command on every bank, group and rank of a channel; its command buses."""

    def __init__(self, config: ControllerConfig) -> None:
        self.n_ranks = config.n_ranks
        self.n_banks = config.n_banks
        self.banks_per_group = config.banks_per_group
        n_banks, n_groups = config.n_ranks * config.n_banks, config.n_ranks * config.n_bank_groups
        self.on_bank = {command: [NEVER] * n_banks for command in COMMANDS}
        self.on_group = {command: [NEVER] * n_groups for command in COMMANDS}
        self.on_rank = {command: [NEVER] * config.n_ranks for command in COMMANDS}
        self.lengths = dict(zip(COMMANDS, config.lengths, strict=True))
        self.command_buses = config.command_buses
        self.bus_free_at = [0] * config.command_buses
        self.rows: dict[str, list[Constraint]] = {command: [] for command in COMMANDS}
        self.windows: dict[tuple[int, int, int], _Window] = {}
        for row in config.rows:
            self._add(row)

    def _add(self, row: Constraint) -> None:
        if row.window <= 1:
            self.rows[COMMANDS[row.after]].append(row)
            return
        key = (row.after, row.cycles, row.window)
        window = self.windows.setdefault(key, _Window(row, self.n_ranks))
        window.before.add(COMMANDS[row.before])

    def earliest(self, command: str, rank: int, bank: int = -1) -> Bound:
        """When `command` may go to a rank (bank -1), a bank, or a set (by its bank of the first group)."""
        bound = (self.bus_free_at[self._bus(command)], _COMMAND_BUS)
        for row in self.rows[command]:
            last = self._last(COMMANDS[row.before], row.scope, command, rank, bank)
            bound = max(bound, (last + row.cycles, row.cause))
        for window in self.windows.values():
            if COMMANDS[window.row.after] == command:
                bound = max(bound, window.bound(rank))
        return bound

    def _last(self, before: str, scope: int, command: str, rank: int, bank: int) -> int:
        if scope == _BANK:
            if command in SET_COMMANDS:
                return max(self.on_bank[before][number] for number in self._set(bank))
            return self.on_bank[before][bank]
        if scope == _GROUP:
            return self.on_group[before][bank // self.banks_per_group]
        if scope == _RANK:
            return self.on_rank[before][rank]
        if scope == _CHANNEL:
            return max(self.on_rank[before])
        others = (last for number, last in enumerate(self.on_rank[before]) if number != rank)
        return max(others, default=NEVER)

    def issue(self, command: str, rank: int, bank: int, now: int) -> None:
        """`command` goes out in cycle `now`."""
        self.bus_free_at[self._bus(command)] = now + self.lengths[command]
        self.on_rank[command][rank] = now
        for window in self.windows.values():
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
