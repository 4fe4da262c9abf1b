"""The readable twin of the DRAM controller: pure Python, one clock cycle after the other; the specification.

Semantics: the controller of DRAMSys 4.0 (the simulator behind DRAMGym), one channel, one rank, stated cycle
by cycle. In each cycle, in this order:

A. responses   the controller hands at most one finished request to the arbiter, the arbiter at most one to
               each source;
B. arbitration each source offers its next request at max(arrival, cycle after its last acceptance);
C. admission   the head of the arbiter's queue enters its bank's list when the request buffer has room; with
               a batching window, requests at a rank that was idle gather before the first is served;
D. managers    refresh is postponed, forced, or pulled in; power-down is entered or left;
E. issue       of all commands that are legal now, the one of the oldest request goes out (refresh wins,
               power-down loses);
F. admission   once more, if a column command has just freed a place.

Timing rules are those of JEDEC JESD79-3/-4, written out in `simulators.dram.rank`. The engine
(`ext.dram_engine`) must give the same commands in the same cycles; the audit (`simulators.dram.audit`) judges
both.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.dram.config import ControllerConfig
from simulators.dram.rank import Bank, Rank, Request
from simulators.dram.record import Counters, LoggedCommand, TwinResult

RESPONSE_WINDOW = 4096
_NOT_BLOCKED = 1 << 62
_OLDEST_ID = -1
_YOUNGEST_ID = 1 << 62

(OPEN, OPEN_ADAPTIVE, CLOSED, CLOSED_ADAPTIVE) = range(4)
(FIFO, FR_FCFS_GRP, FR_FCFS) = range(3)
(BANKWISE, READ_WRITE, SHARED) = range(3)
(RESPONSE_FIFO, RESPONSE_REORDER) = range(2)
(NO_REFRESH, ALL_BANK) = range(2)
(ARBITER_SIMPLE, ARBITER_FIFO, ARBITER_REORDER) = range(3)
(NO_POWER_DOWN, ACTIVE_POWER_DOWN, PRECHARGE_POWER_DOWN) = range(3)


@dataclass(slots=True)
class Candidate:
    """A command that somebody wants to issue; `earliest` is its first legal cycle."""

    id: int
    command: str
    earliest: int
    bank: int = -1
    request: Request | None = None


class ReferenceController:
    """Runs the requests of one workload to their end; see the module text for the rules."""

    def __init__(self, config: ControllerConfig, requests: list[Request]) -> None:
        self.c = config
        self.requests = requests
        self.rank = Rank(config)
        self.banks = self.rank.banks
        self.counters = Counters()
        self.log: list[LoggedCommand] = []
        self.now = 0
        self._open_arbiter()
        self._open_buffers()
        self._open_managers()

    def _open_arbiter(self) -> None:
        n_sources = max((r.source for r in self.requests), default=0) + 1
        self.streams = [deque(r for r in self.requests if r.source == s) for s in range(n_sources)]
        self.last_accept = [-1] * n_sources
        self.active = [0] * n_sources
        self.in_handshake = [False] * n_sources
        self.fifo: deque[Request] = deque()
        self.last_admit = -1
        self.next_id = 0
        self.pending: list[list[Request]] = [[] for _ in range(n_sources)]
        self.next_to_return = [0] * n_sources
        self.source_order: list[dict[int, int]] = [{} for _ in range(n_sources)]
        self.delivered_ids: set[int] = set()
        self.oldest_undelivered = 0
        self.delivered = 0

    def _open_buffers(self) -> None:
        self.responses: list[Request] = []
        self.next_response_id = 0
        self.queued = [0, 0]
        self.last_stored_bank = 0
        self.last_direction_is_write = False

    def _open_managers(self) -> None:
        self.refresh_debt = 0
        self.pulled_in_mode = False
        self.deadline = self.c.t_refi
        self.blocked_since = _NOT_BLOCKED
        self.powered_down = False
        self.down_is_active = False
        self.down_since = 0
        self.idle_since = 0
        self.gather_until = 0
        self.active_since = 0

    # ------------------------------------------------------------------------------------------- one cycle

    def run(self) -> TwinResult:
        """Cycles until every request has been delivered."""
        while self.delivered < len(self.requests):
            self.cycle()
        self._close()
        return TwinResult(
            tuple(self.log),
            self.counters,
            np.array([r.accept for r in self.requests], dtype=np.int64),
            np.array([r.finish for r in self.requests], dtype=np.int64),
        )

    def cycle(self) -> None:
        """One clock cycle: phases A to F. The cycle of the last delivery ends with it."""
        self._deliver_responses()
        if self.delivered == len(self.requests):
            return
        self._arbitrate()
        self._admit()
        self._end_gathering()
        refresh = self._refresh_candidate()
        command = self._choose(refresh)
        if command is not None:
            self._issue(command)
            if command.command in ("RD", "RDA", "WR", "WRA"):
                self._admit()
        self._integrate()
        self.now += 1

    # ------------------------------------------------------------------------------------------- A: responses

    def _deliver_responses(self) -> None:
        response = self._next_response()
        if response is not None:
            self.responses.remove(response)
            self.pending[response.source].append(response)
        for source, pending in enumerate(self.pending):
            ready = self._returnable(source, pending)
            if ready is not None:
                pending.remove(ready)
                self._deliver(ready)

    def _next_response(self) -> Request | None:
        if not self.responses:
            return None
        if self.c.resp_queue == RESPONSE_FIFO:
            head = self.responses[0]
            return head if head.ready <= self.now else None
        for response in self.responses:
            if response.id == self.next_response_id and response.ready <= self.now:
                self.next_response_id += 1
                return response
        return None

    def _returnable(self, source: int, pending: list[Request]) -> Request | None:
        if not pending:
            return None
        if self.c.arbiter != ARBITER_REORDER:
            return pending[0]
        turn = self.next_to_return[source]
        return next((r for r in pending if self.source_order[source][r.id] == turn), None)

    def _deliver(self, request: Request) -> None:
        request.finish = self.now
        self.active[request.source] -= 1
        self.next_to_return[request.source] += 1
        self.delivered_ids.add(request.id)
        while self.oldest_undelivered in self.delivered_ids:
            self.oldest_undelivered += 1
        self.delivered += 1
        self.counters.elapsed_cycles = self.now

    # ------------------------------------------------------------------------------------------- B: arbitrati

    def _arbitrate(self) -> None:
        for source, stream in enumerate(self.streams):
            if not stream or max(stream[0].arrival, self.last_accept[source] + 1) > self.now:
                continue
            if self.next_id - self.oldest_undelivered >= RESPONSE_WINDOW:
                continue
            if self.c.arbiter == ARBITER_SIMPLE:
                if not self.in_handshake[source]:
                    self.in_handshake[source] = True
                    self._enter_channel(stream.popleft())
            elif self.active[source] < self.c.max_active_transactions:
                self._accept(stream[0])
                self._enter_channel(stream.popleft())

    def _accept(self, request: Request) -> None:
        request.accept = self.now
        self.last_accept[request.source] = self.now
        self.active[request.source] += 1

    def _enter_channel(self, request: Request) -> None:
        request.id = self.next_id
        self.next_id += 1
        order = self.source_order[request.source]
        order[request.id] = len(order)
        self.fifo.append(request)

    # ------------------------------------------------------------------------------------------- C, F: admiss

    def _admit(self) -> None:
        if not self.fifo or self.last_admit >= self.now or not self._has_space():
            return
        request = self.fifo.popleft()
        self.last_admit = self.now
        if self.c.arbiter == ARBITER_SIMPLE:
            self._accept(request)
            self.in_handshake[request.source] = False
        if sum(self.queued) == 0:
            self.gather_until = self.now + self.c.batching_window
        self.banks[request.bank].queue.append(request)
        self.queued[request.is_write] += 1
        self.last_stored_bank = request.bank

    def _has_space(self) -> bool:
        size = self.c.request_buffer_size
        if self.c.scheduler_buffer == BANKWISE:
            # As DRAMSys: the bank tested is that of the request stored last, not of the one that waits.
            return len(self.banks[self.last_stored_bank].queue) < size
        if self.c.scheduler_buffer == READ_WRITE:
            return self.queued[0] < size and self.queued[1] < size
        return sum(self.queued) < size

    @property
    def _gathering(self) -> bool:
        """The requests at an idle rank wait for company: `batching_window` cycles from the first of them."""
        return self.now < self.gather_until

    def _end_gathering(self) -> None:
        """They stop waiting when the next one has no room."""
        if self.fifo and not self._has_space():
            self.gather_until = min(self.gather_until, self.now)

    # ------------------------------------------------------------------------------------------- D: managers

    def _refresh_candidate(self) -> Candidate | None:
        if self.c.refresh_policy == NO_REFRESH or self.powered_down or self.now < self.deadline:
            return None
        if self.now >= self.deadline + self.c.t_refi:
            self.deadline += self.c.t_refi
            self.pulled_in_mode = False
        busy = sum(self.queued) > 0
        if self.pulled_in_mode and busy:
            self.pulled_in_mode = False
            self.deadline += self.c.t_refi
            return None
        if not self.pulled_in_mode:
            if self.refresh_debt == self.c.refresh_max_postponed:
                self.blocked_since = min(self.blocked_since, self.now)
            elif busy:
                self.refresh_debt += 1
                self.deadline += self.c.t_refi
                return None
        if self.rank.open_banks:
            return Candidate(_OLDEST_ID, "PREA", self.rank.earliest_prea())
        return Candidate(_OLDEST_ID, "REF", self.rank.earliest_ref())

    def _refresh_issued(self) -> None:
        self.blocked_since = _NOT_BLOCKED
        if self.pulled_in_mode:
            self.refresh_debt -= 1
        else:
            self.pulled_in_mode = True
        if self.refresh_debt == -self.c.refresh_max_pulledin:
            self.pulled_in_mode = False
            self.deadline += self.c.t_refi

    def _power_down_candidate(self) -> Candidate | None:
        refresh_due = self.c.refresh_policy == ALL_BANK and self.now >= self.deadline
        waiting = (bool(self.fifo) or sum(self.queued) > 0) and not self._gathering
        if self.powered_down:
            wanted = waiting or refresh_due
            return Candidate(_YOUNGEST_ID, "PDX", self.rank.earliest_pdx()) if wanted else None
        if self.c.power_down_policy == NO_POWER_DOWN or waiting or refresh_due:
            return None
        if self.now < self.idle_since + self.c.power_down_timeout:
            return None
        if self.rank.open_banks and self.c.power_down_policy == PRECHARGE_POWER_DOWN:
            return Candidate(_YOUNGEST_ID, "PREA", self.rank.earliest_prea())
        return Candidate(_YOUNGEST_ID, "PDE", self.rank.earliest_pde())

    # ------------------------------------------------------------------------------------------- E: issue

    def _choose(self, refresh: Candidate | None) -> Candidate | None:
        """The legal command of the oldest request.

        A forced refresh blocks the banks from the cycle after its deadline on: what they had decided for that
        cycle still goes out when the refresh cannot (measured: this makes the twin equal to DRAMSys 4.0 to
        the cycle).
        """
        candidates = [refresh, self._power_down_candidate()]
        if not (self.blocked_since < self.now or self.powered_down or self._gathering):
            candidates += [self._bank_candidate(b) for b, bank in enumerate(self.banks) if bank.queue]
        legal = [c for c in candidates if c is not None and c.earliest <= self.now]
        return min(legal, key=lambda c: c.id, default=None)

    def _bank_candidate(self, number: int) -> Candidate:
        bank = self.banks[number]
        request = self.schedule(bank)
        if bank.open_row is None:
            return Candidate(request.id, "ACT", self.rank.earliest_act(bank), number, request)
        if bank.open_row != request.row:
            return Candidate(request.id, "PRE", self.rank.earliest_pre(bank), number, request)
        command = ("WR" if request.is_write else "RD") + ("A" if self._auto_precharge(bank) else "")
        earliest = (
            self.rank.earliest_write(bank) if request.is_write else self.rank.earliest_read(bank, command)
        )
        return Candidate(request.id, command, earliest, number, request)

    def schedule(self, bank: Bank) -> Request:
        """Which request of a bank is next. A policy of your own: subclass and override."""
        hits = [r for r in bank.queue if r.row == bank.open_row]
        if self.c.scheduler == FIFO or not hits:
            return bank.queue[0]
        if self.c.scheduler == FR_FCFS:
            return hits[0]
        for position, request in enumerate(hits):
            hazard = any(older.line == request.line for older in hits[:position])
            if request.is_write == self.last_direction_is_write and not hazard:
                return request
        return hits[0]

    def _auto_precharge(self, bank: Bank) -> bool:
        if self.c.page_policy == OPEN:
            return False
        if self.c.page_policy == CLOSED:
            return True
        further = len(bank.queue) >= 2
        if self.c.scheduler == FIFO:
            further_hit = further and bank.queue[1].row == bank.open_row
        else:
            further_hit = sum(r.row == bank.open_row for r in bank.queue) >= 2
        if self.c.page_policy == OPEN_ADAPTIVE:
            return further and not further_hit
        return not further_hit

    def _issue(self, candidate: Candidate) -> None:
        request, number = candidate.request, candidate.bank
        row = request.row if request else -1
        column = request.column if request and candidate.command[0] in "RW" else -1
        self.log.append(
            LoggedCommand(self.now, candidate.command, number, row, column, request.index if request else -1)
        )
        match candidate.command:
            case "ACT":
                assert request is not None
                self._activate(self.banks[number], request)
            case "PRE":
                assert request is not None
                request.conflicted = True
                self._precharge(self.banks[number])
            case "PREA":
                self._precharge_all()
            case "REF":
                self.rank.last_ref = self.idle_since = self.now
                self.counters.n_ref += 1
                self._refresh_issued()
            case "PDE":
                self._enter_power_down()
            case "PDX":
                self._leave_power_down()
            case _:
                assert request is not None
                self._column(candidate.command, self.banks[number], request)

    def _activate(self, bank: Bank, request: Request) -> None:
        request.activated = True
        bank.open_row = request.row
        bank.act = self.now
        self.rank.activates.append(self.now)
        self.counters.n_act += 1
        if self.rank.open_banks == 0 and self.now >= self.rank.active_end:
            self.counters.active_cycles += self.rank.active_end - self.active_since
            self.active_since = self.now
        self.rank.open_banks += 1

    def _precharge(self, bank: Bank) -> None:
        bank.pre = self.now
        self._close_row(bank, self.now)
        self.counters.n_pre += 1

    def _precharge_all(self) -> None:
        self.rank.last_prea = self.now
        self.counters.n_prea += 1
        for bank in self.banks:
            if bank.open_row is not None:
                self.counters.n_prea_banks += 1
                self._close_row(bank, self.now)

    def _close_row(self, bank: Bank, physical_close: int) -> None:
        bank.open_row = None
        self.rank.open_banks -= 1
        self.rank.active_end = max(self.rank.active_end, physical_close)

    def _column(self, command: str, bank: Bank, request: Request) -> None:
        setattr(bank, command.lower(), self.now)
        latency = self.c.t_cwl if request.is_write else self.c.t_cl
        request.ready = self.now + latency + self.c.t_burst
        self.responses.append(request)
        bank.queue.remove(request)
        self.queued[request.is_write] -= 1
        self.last_direction_is_write = request.is_write
        self.idle_since = self.now
        self._count_column(command, request)
        if command.endswith("A"):
            recovery = self.rank.write_to_precharge if request.is_write else self.c.t_rtp
            self._close_row(bank, max(self.now + recovery, bank.act + self.c.t_ras))

    def _count_column(self, command: str, request: Request) -> None:
        counter = f"n_{command.lower()}"
        setattr(self.counters, counter, getattr(self.counters, counter) + 1)
        kind = "row_conflicts" if request.conflicted else "row_misses" if request.activated else "row_hits"
        setattr(self.counters, kind, getattr(self.counters, kind) + 1)

    def _enter_power_down(self) -> None:
        self.powered_down = True
        self.down_is_active = self.rank.open_banks > 0
        self.rank.last_pde = self.down_since = self.now
        if self.down_is_active:
            self.counters.n_pde_active += 1
        else:
            self.counters.n_pde_precharge += 1

    def _leave_power_down(self) -> None:
        self._count_power_down(self.now)
        self.powered_down = False
        self.rank.last_pdx = self.idle_since = self.now
        self.counters.n_pdx += 1

    def _count_power_down(self, until: int) -> None:
        if self.down_is_active:
            self.counters.active_pd_cycles += until - self.down_since
        else:
            self.counters.precharge_pd_cycles += until - self.down_since

    # ------------------------------------------------------------------------------------------- statistics

    def _integrate(self) -> None:
        occupancy = sum(self.queued)
        self.counters.occupancy_cycles += occupancy
        self.counters.occupancy_max = max(self.counters.occupancy_max, occupancy)
        if self.fifo and not self._has_space():
            self.counters.blocked_cycles += 1

    def _close(self) -> None:
        """Clip the state intervals at the last delivery and charge what refresh is still owed."""
        end = self.counters.elapsed_cycles
        last = end if self.rank.open_banks else min(self.rank.active_end, end)
        self.counters.active_cycles += max(0, last - self.active_since)
        if self.powered_down:
            self._count_power_down(end)
        if self.c.refresh_policy == ALL_BANK:
            self.counters.refreshes_owed = max(0, self.refresh_debt)


def simulate(
    config: ControllerConfig,
    arrival: NDArray[np.int64],
    bank: NDArray[np.uint8],
    row: NDArray[np.int32],
    column: NDArray[np.int32],
    is_write: NDArray[np.uint8],
    source: NDArray[np.uint8],
) -> TwinResult:
    """Runs the twin over request arrays (n,), sorted by arrival; the same input as the engine's."""
    columns = (a.tolist() for a in (arrival, bank, row, column, is_write, source))
    requests = [
        Request(i, a, b, r, c, bool(w), s) for i, (a, b, r, c, w, s) in enumerate(zip(*columns, strict=True))
    ]
    return ReferenceController(config, requests).run()
