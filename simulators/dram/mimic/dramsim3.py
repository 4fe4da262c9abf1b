"""DRAMsim3 (umd-memsys/DRAMsim3, 2981759): how its controller chooses, in our words.

Two levels. Requests wait in a read queue and a write queue; once a clock the first of them whose command
queue has room moves on. Command queues, one a bank, are visited round robin, starting behind the one that
issued last; the first legal command inside one goes out. A row is closed only for the first request of its
bank in the queue, and not under a request that hits it unless the row has served 4 already. Writes move
only while a drain lasts: as many as the write queue held when it was full, or held more than 8 with nothing
left to do. A refresh stops the queues of its rank and closes the open banks one by one.

Truth: the measured command logs (tests/oracles/peers), which this module reproduces to the cycle.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import ClassVar

from simulators.dram.memory.devices import Device
from simulators.dram.mimic.controller import (
    ACT,
    AUTO,
    CLOSED,
    PRE,
    RD,
    REF,
    WR,
    MimicRequest,
    PeerController,
)
from simulators.dram.mimic.departures import DRAMSIM3

_Choice = tuple[int, MimicRequest, list[MimicRequest]]
_Line = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class DramSim3:
    """The choices of DRAMsim3, each with what else it could be.

    read_queue, write_queue: requests; unified_queue: one queue of read_queue requests for both, without
    drains. queue_structure: command queues of command_queue entries, one "PerBank" or "PerRank".
    hits_before_conflict: columns that a row serves before it may be closed under a waiting hit.
    drain_idle_above: with no command queued, more writes than this start a drain. drain_scope: while it
    lasts, no read moves ("Channel"), or one may when no write can ("Bank"). page_policy: "Open", or
    "Closed" (every column precharges). dual_command: a second command a clock when one of the two is a
    column (HBM). refresh: "AllBank" or "NoRefresh".
    """

    NAMES: ClassVar[dict[str, tuple[str, ...]]] = {
        "queue_structure": ("PerBank", "PerRank"),
        "page_policy": ("Open", "Closed"),
        "drain_scope": ("Channel", "Bank"),
        "refresh": ("AllBank", "NoRefresh"),
    }

    read_queue: int = 32
    write_queue: int = 32
    unified_queue: bool = False
    queue_structure: str = "PerBank"
    command_queue: int = 8
    hits_before_conflict: int = 4
    drain_idle_above: int = 8
    drain_scope: str = "Channel"
    page_policy: str = "Open"
    dual_command: bool = False
    refresh: str = "AllBank"

    def controller(self, device: Device) -> DramSim3Controller:
        return DramSim3Controller(device, self)


class DramSim3Controller(PeerController):
    """waiting: reads and writes of the first level (one list twice when unified); queues: the second level;
    latest_queue: that visited last; pending_reads, pending_writes: by line, not yet issued; returns: reads
    on their way, with the clock of their data; draining: writes still to move; refreshes: ranks that wait
    for REF.
    """

    def __init__(self, device: Device, choices: DramSim3) -> None:
        super().__init__(device, DRAMSIM3)
        self.choices = choices
        reads: list[MimicRequest] = []
        self.waiting = (reads, reads if choices.unified_queue else [])
        n_queues = device.ranks if choices.queue_structure == "PerRank" else len(self.open_row)
        self.queues: list[list[MimicRequest]] = [[] for _ in range(n_queues)]
        self.banks_per_queue = len(self.open_row) // n_queues
        self.latest_queue = 0
        self.pending_reads: dict[_Line, list[MimicRequest]] = {}
        self.pending_writes: set[_Line] = set()
        self.returns: deque[tuple[int, MimicRequest]] = deque()
        self.draining = 0
        self.refreshes: deque[int] = deque()
        self.next_rank = 0

    # ------------------------------------------------------------------------------------------ the two ends

    def offer(self, request: MimicRequest) -> bool:
        """A write to a line with a waiting write merges; a read of one is answered; equal reads go
        together.
        """
        is_write = request.is_write
        size = (
            self.choices.write_queue
            if is_write and not self.choices.unified_queue
            else self.choices.read_queue
        )
        if len(self.waiting[is_write]) >= size:
            return False
        if is_write:
            if request.line in self.pending_writes:
                return True
            self.pending_writes.add(request.line)
        elif request.line in self.pending_writes:
            self.returns.append((self.now + 2, request))
            return True
        else:
            equal = self.pending_reads.setdefault(request.line, [])
            equal.append(request)
            if len(equal) > 1:
                return True
        self.waiting[is_write].append(request)
        return True

    def _size(self, is_write: bool) -> int:
        is_own = is_write and not self.choices.unified_queue
        return self.choices.write_queue if is_own else self.choices.read_queue

    def _return_reads(self) -> None:
        done = [entry for entry in self.returns if entry[0] <= self.now]
        for entry in done:
            self.returns.remove(entry)
            entry[1].finished = self.now
            self.returned += 1

    # ---------------------------------------------------------------------------------------------- one clock

    def tick(self) -> None:
        self.now += 1
        if self.returns:
            self._return_reads()
        self._ask_for_refresh()
        issued = self._refresh_step() if self.refreshes else None
        if issued is None:
            issued = self._issue_from_queues()
        if issued is not None and self.choices.dual_command:
            self._issue_from_queues(is_column=issued not in (ACT, PRE, REF))
        self._move_request()

    def _ask_for_refresh(self) -> None:
        """The ranks take turns, each comes once in tREFI."""
        interval = self.device.timings.refi // self.device.ranks
        if self.choices.refresh == "AllBank" and self.now and self.now % interval == 0:
            self.refreshes.append(self.next_rank)
            self.next_rank = (self.next_rank + 1) % self.device.ranks

    def _refresh_step(self) -> int | None:
        """PRE of the first open bank where it is legal, or REF once all are closed."""
        rank = self.refreshes[0]
        banks = self.banks_of(rank)
        for bank in banks:
            if self.open_row[bank] != CLOSED and self.is_legal(PRE, bank):
                self.issue_precharge(bank)
                return PRE
        is_closed = all(self.open_row[bank] == CLOSED for bank in banks)
        if not is_closed or self.spacing.earliest_on_rank(REF, rank) > self.now:
            return None
        self.issue_to_rank(REF, rank)
        self.refreshes.popleft()
        return REF

    # ------------------------------------------------------------------------------------- the command queues

    def _issue_from_queues(self, is_column: bool | None = None) -> int | None:
        """Issues what the next queue with a legal command offers, but as the second of two not the same
        kind.
        """
        choice = self._visit_queues()
        if choice is None:
            return None
        command, request, queue = choice
        row_command = command in (ACT, PRE)
        if is_column is not None and is_column != row_command:
            return None
        self.issue_for(command, request)
        if not row_command:
            queue.remove(request)
            self._column_issued(request)
        return command

    def _visit_queues(self) -> _Choice | None:
        for _ in range(len(self.queues)):
            self.latest_queue = (self.latest_queue + 1) % len(self.queues)
            queue = self.queues[self.latest_queue]
            if not queue or self._is_stopped(self.latest_queue):
                continue
            for position, request in enumerate(queue):
                command = self._command_for(request)
                if self.is_legal(command, request.bank) and self._may_issue(command, queue, position):
                    return command, request, queue
        return None

    def _is_stopped(self, queue: int) -> bool:
        """A refresh waits for the queue's rank."""
        return bool(self.refreshes) and self.rank_of(queue * self.banks_per_queue) == self.refreshes[0]

    def _command_for(self, request: MimicRequest) -> int:
        command = self.next_command(request)
        return AUTO[command] if command in (RD, WR) and self.choices.page_policy == "Closed" else command

    def _may_issue(self, command: int, queue: list[MimicRequest], position: int) -> bool:
        """No PRE out of turn or under hits; no write before an older read of its line."""
        request = queue[position]
        if command == PRE:
            open_row = self.open_row[request.bank]
            if any(older.bank == request.bank for older in queue[:position]):
                return False
            is_hit = any(r.bank == request.bank and r.row == open_row for r in queue[position:])
            return not is_hit or self.columns[request.bank] >= self.choices.hits_before_conflict
        if command == ACT or not request.is_write:
            return True
        return not any(older.line == request.line and not older.is_write for older in queue[:position])

    def _column_issued(self, request: MimicRequest) -> None:
        if request.is_write:
            self.pending_writes.discard(request.line)
            return
        for read in self.pending_reads.pop(request.line):
            self.returns.append((self.now + self.read_latency, read))

    # ------------------------------------------------------------------------------------ to a command queue

    def _move_request(self) -> None:
        if not self.choices.unified_queue and self.draining == 0:
            self._start_drain()
        is_drain = self.draining > 0
        if not self._move_from(self.waiting[is_drain]) and is_drain and self.choices.drain_scope == "Bank":
            self._move_from(self.waiting[False])

    def _move_from(self, source: list[MimicRequest]) -> bool:
        for request in source:
            queue = self.queues[request.bank // self.banks_per_queue]
            if len(queue) >= self.choices.command_queue:
                continue
            if request.is_write and not self.choices.unified_queue:
                if request.line in self.pending_reads:
                    self.draining = 0
                    return True
                self.draining -= 1
            source.remove(request)
            queue.append(request)
            return True
        return False

    def _start_drain(self) -> None:
        writes = len(self.waiting[True])
        is_idle = writes > self.choices.drain_idle_above and not any(self.queues)
        if writes >= self.choices.write_queue or is_idle:
            self.draining = writes
