"""When a command may go out on one channel of a peer: the constraints of a device, pushed forward at each
issue.

The peers look at every queued request in every clock, so what is kept here is the answer: for each bank,
bank group and rank the first legal cycle of each command. `simulators.dram.twin.timing` keeps the question
(the last issue of each command) and reads the rows when asked; both obey the same rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from simulators.dram.memory.constraints import COMMANDS, RANK_COMMANDS, SCOPES, Constraint
from simulators.dram.memory.devices import Device

NEVER = -(1 << 40)
(_BANK, _GROUP, _RANK, _CHANNEL, _OTHER_RANKS) = range(len(SCOPES))
_TO_RANK = frozenset(COMMANDS.index(name) for name in RANK_COMMANDS)

_Pushes = dict[int, list[tuple[int, int]]]


class _Window:
    """`after` waits `cycles` from the w-th last issue of one of `before` on its rank."""

    def __init__(self, row: Constraint, n_ranks: int) -> None:
        self.after, self.cycles = row.after, row.cycles
        self.before = {row.before}
        self.recent: list[deque[int]] = [deque(maxlen=row.window) for _ in range(n_ranks)]


class Spacing:
    """First legal cycles on one channel. command: position in COMMANDS; bank: flat in the channel."""

    def __init__(self, device: Device, rows: Iterable[Constraint]) -> None:
        self.n_ranks, self.n_banks = device.ranks, device.banks
        self.banks_per_group = device.banks_per_group
        # With two buses (HBM) the peers still count one clock a command.
        self._lengths = device.lengths if device.command_buses == 1 else (1,) * len(COMMANDS)
        self._bus_free = NEVER
        self._on_bank = self._table(device.ranks * device.banks)
        self._on_group = self._table(device.ranks * device.bank_groups)
        self._on_rank = self._table(device.ranks)
        self._rows: dict[int, _Pushes] = {scope: {} for scope in range(len(SCOPES))}
        self._windows: dict[tuple[int, int, int], _Window] = {}
        for row in rows:
            if row.window > 1:
                key = (row.after, row.cycles, row.window)
                self._windows.setdefault(key, _Window(row, device.ranks)).before.add(row.before)
            else:
                self._rows[row.scope].setdefault(row.before, []).append((row.after, row.cycles))

    @staticmethod
    def _table(places: int) -> list[list[int]]:
        return [[NEVER] * len(COMMANDS) for _ in range(places)]

    def earliest(self, command: int, bank: int) -> int:
        """First legal cycle of a command to a bank."""
        return max(
            self._bus_free,
            self._on_bank[bank][command],
            self._on_group[bank // self.banks_per_group][command],
            self._on_rank[bank // self.n_banks][command],
        )

    def earliest_on_rank(self, command: int, rank: int) -> int:
        """First legal cycle of a command to a whole rank."""
        return max(self._bus_free, self._on_rank[rank][command])

    def issue(self, command: int, rank: int, bank: int, now: int) -> None:
        """`command` goes out in cycle `now`; `bank` of a rank command is ignored.

        Only a command of several clocks keeps the bus from others: two of one clock may share it (HBM).
        """
        if self._lengths[command] > 1:
            self._bus_free = now + self._lengths[command]
        if command not in _TO_RANK:
            self._push(self._on_bank[bank], _BANK, command, now)
            self._push(self._on_group[bank // self.banks_per_group], _GROUP, command, now)
        self._push(self._on_rank[rank], _RANK, command, now)
        for other in range(self.n_ranks):
            self._push(self._on_rank[other], _CHANNEL, command, now)
            if other != rank:
                self._push(self._on_rank[other], _OTHER_RANKS, command, now)
        for window in self._windows.values():
            if command in window.before:
                self._slide(window, rank, now)

    def _push(self, first: list[int], scope: int, command: int, now: int) -> None:
        for after, cycles in self._rows[scope].get(command, ()):
            if now + cycles > first[after]:
                first[after] = now + cycles

    def _slide(self, window: _Window, rank: int, now: int) -> None:
        recent = window.recent[rank]
        recent.append(now)
        if len(recent) == recent.maxlen:
            first = self._on_rank[rank]
            first[window.after] = max(first[window.after], recent[0] + window.cycles)
