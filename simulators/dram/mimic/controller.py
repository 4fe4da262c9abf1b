"""What the controllers of the peers have in common, and the driver with which the peers were measured.

The driver has the whole trace in memory. In each clock it lets the controller tick, then offers it at most
one request that has arrived, and it stops when every request is accepted and every read returned: writes
that are left in a buffer are not drained. So a request is accepted at the end of a clock and seen in the
next.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulators.dram.memory.constraints import COMMANDS
from simulators.dram.memory.devices import Device
from simulators.dram.mimic.departures import Departure, departed
from simulators.dram.mimic.spacing import Spacing

(ACT, PRE, PREA, RD, RDA, WR, WRA, REF) = range(8)
assert COMMANDS[:8] == ("ACT", "PRE", "PREA", "RD", "RDA", "WR", "WRA", "REF")
AUTO = {RD: RDA, WR: WRA}
CLOSED = -1

Entry = tuple[int, int, int, int, int, int, int]
"""Cycle, command, rank, bank, row, column, request."""


@dataclass(slots=True, eq=False)
class MimicRequest:
    """One burst (bank: flat in the channel), and the cycles of acceptance and of its end (-1: not yet)."""

    index: int
    arrival: int
    bank: int
    row: int
    column: int
    is_write: bool
    accepted: int = -1
    finished: int = -1
    line: tuple[int, int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.line = (self.bank, self.row, self.column)


@dataclass(frozen=True, slots=True)
class MimicLog:
    """A command log as the peer would write it, in its own clock; arrays over commands, in order of issue.

    command: position in `constraints.COMMANDS`; bank: flat in the channel, -1 with PREA and REF; row: of
    ACT and columns, else -1; column: of columns, else -1; request: index of the request served, else -1.
    accept, finish: per request, -1 where that did not happen (a write finishes when its command goes out).
    elapsed: clocks of the run.
    """

    cycle: NDArray[np.int64]
    command: NDArray[np.int64]
    rank: NDArray[np.int64]
    bank: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    request: NDArray[np.int64]
    accept: NDArray[np.int64]
    finish: NDArray[np.int64]
    elapsed: int

    @classmethod
    def of(
        cls, entries: Sequence[Entry], accept: NDArray[np.int64], finish: NDArray[np.int64], elapsed: int
    ) -> MimicLog:
        cycle, command, rank, bank, row, column, request = np.array(entries, dtype=np.int64).reshape(-1, 7).T
        return cls(cycle, command, rank, bank, row, column, request, accept, finish, elapsed)


class PeerController(ABC):
    """One channel of a peer: state of its banks, distances between commands, and the log.

    now: the clock of the latest tick, as the peer numbers it. returned: reads whose data has been handed
    back.
    """

    first_tick = 0

    def __init__(self, device: Device, departures: Iterable[Departure]) -> None:
        self.device = device
        self.spacing = Spacing(device, departed(device, departures))
        self.read_latency = device.timings.read_data + device.timings.burst
        self.open_row = [CLOSED] * (device.ranks * device.banks)
        self.columns = [0] * (device.ranks * device.banks)
        self.now = self.first_tick - 1
        self.returned = 0
        self.log: list[Entry] = []

    @abstractmethod
    def tick(self) -> None:
        """One clock."""

    @abstractmethod
    def offer(self, request: MimicRequest) -> bool:
        """Takes a request, unless there is no room for it."""

    def rank_of(self, bank: int) -> int:
        return bank // self.device.banks

    def banks_of(self, rank: int) -> range:
        return range(rank * self.device.banks, (rank + 1) * self.device.banks)

    def is_legal(self, command: int, bank: int) -> bool:
        return self.spacing.earliest(command, bank) <= self.now

    def next_command(self, request: MimicRequest) -> int:
        """The next command towards the data: ACT, PRE, RD or WR."""
        open_row = self.open_row[request.bank]
        if open_row == CLOSED:
            return ACT
        if open_row != request.row:
            return PRE
        return WR if request.is_write else RD

    def issue_for(self, command: int, request: MimicRequest) -> None:
        """Issues a command for a request and keeps account of the row."""
        bank = request.bank
        row, column = (-1, -1) if command == PRE else (request.row, request.column)
        if command == ACT:
            self.open_row[bank], self.columns[bank], column = row, 0, -1
        elif command == PRE:
            self.open_row[bank] = CLOSED
        else:
            self.columns[bank] += 1
            if command in (RDA, WRA):
                self.open_row[bank] = CLOSED
            if request.is_write:
                request.finished = self.now
        self._log(command, self.rank_of(bank), bank, row, column, request.index)

    def issue_precharge(self, bank: int) -> None:
        """PRE for nobody's sake."""
        self.open_row[bank] = CLOSED
        self._log(PRE, self.rank_of(bank), bank)

    def issue_to_rank(self, command: int, rank: int) -> None:
        """PREA or REF."""
        if command == PREA:
            for bank in self.banks_of(rank):
                self.open_row[bank] = CLOSED
        self._log(command, rank, -1)

    def _log(
        self, command: int, rank: int, bank: int, row: int = -1, column: int = -1, index: int = -1
    ) -> None:
        self.spacing.issue(command, rank, bank, self.now)
        self.log.append((self.now, command, rank, bank, row, column, index))


def drive(controller: PeerController, requests: list[MimicRequest]) -> MimicLog:
    """Runs the requests, in order of arrival, as the peers were run."""
    waiting = deque(requests)
    n_reads = sum(not request.is_write for request in requests)
    clocks = 0
    while waiting or controller.returned < n_reads:
        controller.tick()
        if waiting and waiting[0].arrival <= clocks and controller.offer(waiting[0]):
            waiting[0].accepted = clocks + 1
            waiting.popleft()
        clocks += 1
    accept = np.array([request.accepted for request in requests], dtype=np.int64)
    finish = np.array([request.finished for request in requests], dtype=np.int64)
    return MimicLog.of(controller.log, accept, finish, clocks)
