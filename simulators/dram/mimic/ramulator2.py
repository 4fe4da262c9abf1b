"""Ramulator 2.1 (CMU-SAFARI/ramulator2, c5b1c3a): how its generic controller chooses, in our words.

In each clock: (1) the oldest read whose data has come is handed back; (2) refresh, when due, becomes a
request in the priority buffer; (3) one command is chosen and issued. First come the requests that have
opened their row (the active buffer), then the priority buffer, whose head alone is tried and stops
everything behind it; then the read or the write buffer. Within a buffer the oldest request whose next
command is legal this very clock wins, be that a column, an ACT or a PRE ("first ready"); a row is not
closed under a request of the active buffer.

Truth: the measured command logs (tests/oracles/peers), which this module reproduces to the cycle. Write
forwarding and more than one rank do not occur in those logs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import ClassVar

from simulators.dram.config import SLOT_RELEASES
from simulators.dram.memory.devices import Device
from simulators.dram.mimic.controller import (
    ACT,
    AUTO,
    CLOSED,
    PRE,
    PREA,
    RD,
    REF,
    WR,
    MimicRequest,
    PeerController,
)
from simulators.dram.mimic.departures import RAMULATOR2

_Choice = tuple[int, MimicRequest]


@dataclass(frozen=True, slots=True)
class Ramulator2:
    """The choices of Ramulator 2.1, each with what else it could be.

    read_buffer, write_buffer: entries. drain_above, drain_below: shares of the write buffer between which
    the mode stays; writes are also served when there is no read. drain_scope: the mode rules the whole
    "Channel", or only a "Bank" that has requests of it. slot_release: a request leaves its buffer, and the
    counts that decide about the mode, "AtActivate" (its own ACT) or "AtColumn". first_ready: "AnyCommand"
    by age, or "Columns" before ACT and PRE. refresh_stops: while a refresh waits, no new request is begun
    on the whole "Channel", or only on the "Rank". row_hits_protected: no PRE while an older request of the
    same buffer hits the row (FRFCFS-RowHit). column_cap: after so many columns the next one closes the row,
    and where none comes a PRE (ClosedCAP); 0: never. refresh_ranks: all are due at once ("Together") or
    "InTurn". refresh: "AllBank" or "NoRefresh".
    """

    NAMES: ClassVar[dict[str, tuple[str, ...]]] = {
        "slot_release": SLOT_RELEASES,
        "first_ready": ("AnyCommand", "Columns"),
        "refresh_stops": ("Channel", "Rank"),
        "drain_scope": ("Channel", "Bank"),
        "refresh_ranks": ("Together", "InTurn"),
        "refresh": ("AllBank", "NoRefresh"),
    }

    read_buffer: int = 32
    write_buffer: int = 32
    drain_above: float = 0.8
    drain_below: float = 0.2
    slot_release: str = "AtActivate"
    first_ready: str = "AnyCommand"
    refresh_stops: str = "Channel"
    row_hits_protected: bool = False
    column_cap: int = 0
    write_forwarding: bool = True
    drain_scope: str = "Channel"
    refresh_ranks: str = "Together"
    refresh: str = "AllBank"

    def controller(self, device: Device) -> Ramulator2Controller:
        return Ramulator2Controller(device, self)


class Ramulator2Controller(PeerController):
    """buffers: reads, writes; active: requests whose row was opened for them; priority: ("REF", rank) and
    ("PRE", bank) in order; pending: reads on their way, with the clock of their data.
    """

    first_tick = 1

    def __init__(self, device: Device, choices: Ramulator2) -> None:
        super().__init__(device, RAMULATOR2)
        self.choices = choices
        self.buffers: tuple[list[MimicRequest], list[MimicRequest]] = ([], [])
        self.active: list[MimicRequest] = []
        self.priority: deque[tuple[int, int]] = deque()
        self.pending: deque[tuple[int, MimicRequest]] = deque()
        in_turn = choices.refresh_ranks == "InTurn"
        self.next_refresh = device.timings.refi // (device.ranks if in_turn else 1)
        self.next_rank = 0
        self.write_mode = False
        self.closing = [False] * len(self.open_row)

    # ------------------------------------------------------------------------------------------ the two ends

    def offer(self, request: MimicRequest) -> bool:
        is_write = request.is_write
        if not is_write and self.choices.write_forwarding and self._has_write_to(request):
            self.pending.append((self.now + 1, request))
            return True
        size = self.choices.write_buffer if is_write else self.choices.read_buffer
        if self._occupancy(is_write) >= size:
            return False
        self.buffers[is_write].append(request)
        return True

    def _has_write_to(self, request: MimicRequest) -> bool:
        return any(write.line == request.line for write in self.buffers[True])

    def _occupancy(self, is_write: bool) -> int:
        held = len(self.buffers[is_write])
        if self.choices.slot_release == "AtColumn":
            held += sum(request.is_write == is_write for request in self.active)
        return held

    def _return_read(self) -> None:
        if self.pending and self.pending[0][0] <= self.now:
            _, request = self.pending.popleft()
            request.finished = self.now
            self.returned += 1

    # ---------------------------------------------------------------------------------------------- one clock

    def tick(self) -> None:
        self.now += 1
        self._return_read()
        self._ask_for_refresh()
        if self.choices.column_cap:
            self._close_capped_rows()
        choice = self._oldest_ready(self.active)
        if choice is not None:
            self._serve(*choice)
        elif not self.priority or not self._stops_requests():
            self._serve_buffer()

    def _ask_for_refresh(self) -> None:
        if self.choices.refresh != "AllBank" or self.now != self.next_refresh:
            return
        if self.choices.refresh_ranks == "Together":
            self.next_refresh += self.device.timings.refi
            self.priority.extend((REF, rank) for rank in range(self.device.ranks))
        else:
            self.next_refresh += self.device.timings.refi // self.device.ranks
            self.priority.append((REF, self.next_rank))
            self.next_rank = (self.next_rank + 1) % self.device.ranks

    def _close_capped_rows(self) -> None:
        """A row at its cap is closed as soon as a PRE is legal, after the refreshes that wait already."""
        for bank, open_row in enumerate(self.open_row):
            capped = open_row != CLOSED and self.columns[bank] >= self.choices.column_cap
            if capped and not self.closing[bank] and self.is_legal(PRE, bank):
                self.closing[bank] = True
                self.priority.append((PRE, bank))

    def _stops_requests(self) -> bool:
        """Tries the head of the priority buffer; may requests be begun all the same?"""
        issued = self._serve_priority(*self.priority[0])
        return issued or self.choices.refresh_stops == "Channel"

    def _serve_priority(self, command: int, place: int) -> bool:
        if command == PRE:
            if self._is_active(range(place, place + 1)) or not self.is_legal(PRE, place):
                return False
            self.closing[place] = False
            self.issue_precharge(place)
            self.priority.popleft()
            return True
        banks = self.banks_of(place)
        if any(self.open_row[bank] != CLOSED for bank in banks):
            command = PREA
        if self.spacing.earliest_on_rank(command, place) > self.now:
            return False
        if command == PREA and self._is_active(banks):
            return False
        self.issue_to_rank(command, place)
        if command == REF:
            self.priority.popleft()
        return True

    def _is_active(self, banks: range) -> bool:
        return any(request.bank in banks for request in self.active)

    def _serve_buffer(self) -> None:
        reads, writes = self._occupancy(False), self._occupancy(True)
        if self.write_mode:
            self.write_mode = not (writes < self.choices.drain_below * self.choices.write_buffer and reads)
        else:
            self.write_mode = writes > self.choices.drain_above * self.choices.write_buffer or not reads
        choice = self._oldest_ready(self._served_requests())
        if choice is not None:
            self._serve(*choice)

    def _served_requests(self) -> list[MimicRequest]:
        """Those of the mode, by age; in banks that have none of it, perhaps the others."""
        served, others = self.buffers[self.write_mode], self.buffers[not self.write_mode]
        if self.choices.drain_scope == "Channel":
            return served
        busy = {request.bank for request in served}
        return sorted(served + [r for r in others if r.bank not in busy], key=lambda request: request.index)

    # --------------------------------------------------------------------------------------------- one buffer

    def _oldest_ready(self, buffer: list[MimicRequest]) -> _Choice | None:
        """Of the requests whose next command is legal now, the oldest one's."""
        found: _Choice | None = None
        held = {request.bank for request in self.active}
        for request in self._by_age(buffer):
            command = self._upgraded(self.next_command(request), request.bank)
            if not self.is_legal(command, request.bank) or self._is_held(command, request, buffer, held):
                continue
            if self.choices.first_ready == "AnyCommand" or command not in (ACT, PRE):
                return command, request
            found = found or (command, request)
        return found

    def _by_age(self, buffer: list[MimicRequest]) -> Iterable[MimicRequest]:
        if buffer is self.active:
            return sorted(buffer, key=lambda request: request.index)
        return buffer

    def _upgraded(self, command: int, bank: int) -> int:
        cap = self.choices.column_cap
        if cap and command in (RD, WR) and self.columns[bank] >= cap:
            return AUTO[command]
        return command

    def _is_held(
        self, command: int, request: MimicRequest, buffer: list[MimicRequest], active_banks: set[int]
    ) -> bool:
        """May the command not be issued, though the times allow it?"""
        if buffer is self.active:
            return False
        if self.priority and self.priority[0] == (REF, self.rank_of(request.bank)):
            return True
        if command != PRE:
            return False
        is_hit = self.choices.row_hits_protected and self._is_hit_by_older(buffer, request)
        return request.bank in active_banks or is_hit

    def _is_hit_by_older(self, buffer: list[MimicRequest], request: MimicRequest) -> bool:
        bank, open_row = request.bank, self.open_row[request.bank]
        older = takewhile(lambda other: other is not request, buffer)
        return any(other.bank == bank and other.row == open_row for other in older)

    def _serve(self, command: int, request: MimicRequest) -> None:
        self.issue_for(command, request)
        if command == PRE:
            return
        is_active = any(other is request for other in self.active)
        (self.active if is_active else self.buffers[request.is_write]).remove(request)
        if command == ACT:
            self.active.append(request)
        elif not request.is_write:
            self.pending.append((self.now + self.read_latency, request))
