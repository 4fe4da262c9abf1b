"""One channel of the twin: its buffer of requests, what every bank wants, and the command that goes out.

Phases of a cycle (see `simulators.dram.reference`): `take_response` is part of A; `admit` C and F; `manage`
D; `issue_commands` E.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from simulators.dram.config import ControllerConfig
from simulators.dram.memory.constraints import COLUMNS
from simulators.dram.twin.mitigations import RowHammerGuard
from simulators.dram.twin.policies import (
    AT_ACTIVATE,
    BANKWISE,
    BLISS,
    CLOSED,
    CLOSED_ADAPTIVE,
    CLOSED_CAP,
    COLUMNS_FIRST,
    FIFO,
    OPEN_ADAPTIVE,
    READ_WRITE,
    RESPONSE_FIFO,
    SHARED,
    TIMEOUT,
)
from simulators.dram.twin.power_down import power_command
from simulators.dram.twin.rank import Bank, Rank, Request
from simulators.dram.twin.record import Counters, LoggedCommand
from simulators.dram.twin.refresh import RankRefresh
from simulators.dram.twin.schedulers import Blacklist, WriteDrain, oldest_miss
from simulators.dram.twin.timing import Bound, Timing

(_REFRESH, _BANKS, _IDLE_BANKS, _POWER) = range(4)  # who goes first

Schedule = Callable[["Channel", Bank], Request | None]


@dataclass(frozen=True, slots=True)
class Offer:
    """A command that somebody wants to issue: legal from cycle bound[0] on; of several, the one of the least
    `order` goes out.
    """

    command: str
    rank: int
    bank: int
    bound: Bound
    order: tuple[int, ...]
    request: Request | None = None
    row: int = -1

    @property
    def is_column(self) -> bool:
        return self.command in COLUMNS


class Channel:
    """Banks and ranks behind one controller. `accept(request, now)` is called when a request is admitted.

    queued: entries of the buffer held by reads and by writes; listed: requests in the lists of the banks.
    """

    def __init__(
        self,
        config: ControllerConfig,
        number: int,
        counters: Counters,
        log: list[LoggedCommand],
        schedule: Schedule,
        accept: Callable[[Request, int], None],
        hold_delay: int,
    ) -> None:
        self.c = config
        self.number = number
        self.counters = counters
        self.log = log
        self.schedule = schedule
        self.accept = accept
        self.now = 0
        self.timing = Timing(config)
        self.ranks = [Rank(config, rank, counters, hold_delay) for rank in range(config.n_ranks)]
        self.banks = [bank for rank in self.ranks for bank in rank.banks]
        self.refresh = [RankRefresh(config, rank) for rank in self.ranks]
        self.row_hammer = [RowHammerGuard(config, rank, number) for rank in self.ranks]
        self.n_activates = 0
        self._open_queues()

    def _open_queues(self) -> None:
        self.fifo: deque[Request] = deque()
        self.unanswered: deque[Request] = deque()
        self.responses: list[Request] = []
        self.queued = [0, 0]
        self.last_admit = -1
        self.last_stored_bank = 0
        self.last_is_write = False
        self.gather_until = 0
        self.drain = WriteDrain()
        self.bliss = Blacklist()
        self.has_issued = False
        self._entry_freed = False
        self._offers: list[Offer] | None = None

    # ----------------------------------------------------------------------------------- what one may look at

    @property
    def listed(self) -> int:
        return sum(rank.listed for rank in self.ranks)

    @property
    def occupancy(self) -> int:
        return sum(self.queued)

    @property
    def oldest(self) -> Request | None:
        """The listed request that entered first."""
        heads = [bank.queue[0] for bank in self.banks if bank.queue]
        return min(heads, key=lambda request: request.id, default=None)

    @property
    def write_mode(self) -> bool:
        return self.drain.on

    @property
    def blacklist(self) -> set[int]:
        return self.bliss.sources if self.c.scheduler == BLISS else set()

    @property
    def is_gathering(self) -> bool:
        """The first request at an idle channel waits `batching_window` cycles for company."""
        return self.now < self.gather_until

    def is_held(self, bank: Bank) -> bool:
        """May the bank offer nothing in this cycle?"""
        return (
            self.ranks[bank.rank].is_asleep
            or self.refresh[bank.rank].blocks(bank, self.now)
            or self.row_hammer[bank.rank].blocks(bank, self.now)
        )

    def look_again(self) -> None:
        """Something changed that what the banks want depends on."""
        self._offers = None

    # ------------------------------------------------------------------------------------ A: responses, B: in

    def enter(self, request: Request) -> None:
        """A request has won arbitration and waits for room."""
        self.fifo.append(request)
        self.unanswered.append(request)

    def take_response(self, now: int) -> Request | None:
        """The finished request that the controller hands to the arbiter in this cycle."""
        while self.unanswered and self.unanswered[0].handed_over:
            self.unanswered.popleft()
        turns = self.responses if self.c.resp_queue == RESPONSE_FIFO else self.unanswered
        if not turns or turns[0].ready < 0 or turns[0].ready > now:
            return None
        response = turns[0]
        self.responses.remove(response)
        response.handed_over = True
        return response

    def _respond(self, request: Request, ready: int) -> None:
        request.ready = ready
        self.responses.append(request)

    # ---------------------------------------------------------------------------------------- C, F: admission

    def admit(self) -> None:
        """The head of the FIFO enters its bank's list when there is room, at most one in a cycle."""
        if self.fifo and self.last_admit < self.now and self.has_room():
            request = self.fifo.popleft()
            self.last_admit = self.now
            self.accept(request, self.now)
            if not self._is_answered_by_a_write(request):
                self._list(request)
        self._update_drain()

    def has_room(self) -> bool:
        """Is there room for the head of the FIFO?"""
        size = self.c.request_buffer_size
        if self.c.scheduler_buffer == BANKWISE:
            # As DRAMSys: the bank tested is that of the request stored last, not of the one that waits.
            return self.banks[self.last_stored_bank].entries < size
        if self.c.scheduler_buffer == READ_WRITE:
            return self.queued[0] < size and self.queued[1] < size
        if self.c.scheduler_buffer == SHARED:
            return self.occupancy < size
        return self.queued[self.fifo[0].is_write] < size

    def _is_answered_by_a_write(self, request: Request) -> bool:
        """A read takes its data from a listed write to the same line; a write replaces those of one."""
        enabled = self.c.write_coalescing if request.is_write else self.c.write_forwarding
        older = self.banks[request.bank].queue
        if not enabled or not any(r.is_write and r.line == request.line for r in older):
            return False
        self.counters.count("coalesced_writes" if request.is_write else "forwarded_reads")
        self._respond(request, self.now + 1)
        return True

    def _list(self, request: Request) -> None:
        if self.listed == 0:
            self.gather_until = self.now + self.c.batching_window
        bank = self.banks[request.bank]
        bank.queue.append(request)
        bank.entries += 1
        request.holds_entry = True
        self.queued[request.is_write] += 1
        self.ranks[bank.rank].listed += 1
        self.last_stored_bank = request.bank
        self.look_again()

    def _free_entry(self, request: Request) -> None:
        if request.holds_entry:
            request.holds_entry = False
            self.banks[request.bank].entries -= 1
            self.queued[request.is_write] -= 1
            self._entry_freed = True

    def end_gathering(self) -> None:
        """Requests stop waiting for company when the next one has no room."""
        if self.fifo and not self.has_room():
            self.gather_until = min(self.gather_until, self.now)

    def _update_drain(self) -> None:
        if self.drain.update(self.c, self.queued):
            self.look_again()

    # -------------------------------------------------------------------------------------------- D: managers

    def manage(self) -> None:
        """Refresh first; an RFM only where no refresh wants to go out."""
        for refresh, row_hammer in zip(self.refresh, self.row_hammer, strict=True):
            refresh.decide(self.now)
            row_hammer.decide(self.now, refresh_goes_first=refresh.wants is not None)

    def _manager_offers(self) -> list[Offer]:
        found = []
        for rank in range(self.c.n_ranks):
            refresh, row_hammer = self.refresh[rank], self.row_hammer[rank]
            if refresh.wants is not None:
                command, bank = refresh.command()
            elif row_hammer.wants is not None:
                command, bank = row_hammer.command()
            else:
                continue
            bound = self.timing.earliest(command, rank, bank)
            found.append(Offer(command, rank, bank, bound, (_REFRESH, rank)))
        return found

    def _power_offers(self) -> list[Offer]:
        found = []
        for rank in self.ranks:
            command = power_command(
                self.c, rank, self.now, is_waiting=self._is_waiting(rank), is_due=self._is_due(rank.number)
            )
            if command is None:
                continue
            bound = self.timing.earliest(command, rank.number)
            if command in ("PDE", "SRE") and rank.open_banks == 0:
                # The rows that auto-precharges close must be closed.
                bound = max(bound, (rank.active_end + 1, 0))
            found.append(Offer(command, rank.number, -1, bound, (_POWER, rank.number)))
        return found

    def _is_waiting(self, rank: Rank) -> bool:
        next_is_here = bool(self.fifo) and self.banks[self.fifo[0].bank].rank == rank.number
        return (rank.listed > 0 or next_is_here) and not self.is_gathering

    def _is_due(self, rank: int) -> bool:
        return self.refresh[rank].is_due(self.now) or self.row_hammer[rank].forced is not None

    # --------------------------------------------------------------------------------- E: what the banks want

    def bank_offers(self) -> list[Offer]:
        """What each bank wants, held or not; kept until something changes."""
        if self._offers is None:
            self._offers = [offer for bank in self.banks for offer in self._offers_of(bank)]
        return self._offers

    def _offers_of(self, bank: Bank) -> list[Offer]:
        if bank.open_row is None and bank.victim is not None:
            return [self._offer("VRR", bank, bank.queue[0] if bank.queue else None)]
        if not bank.queue:
            times_out = bank.open_row is not None and self.c.page_policy == TIMEOUT
            return [self._offer("PRE", bank, None)] if times_out else []
        request = self.schedule(self, bank)
        if request is None:
            return []
        offers = [self._offer(self._command_for(bank, request), bank, request)]
        if self.c.first_ready and offers[0].is_column and not bank.is_fresh:
            miss = oldest_miss(self, bank)
            if miss is not None:
                offers.append(self._offer("PRE", bank, miss))
        return offers

    def _command_for(self, bank: Bank, request: Request) -> str:
        if bank.open_row is None:
            return "ACT"
        if bank.open_row != request.row:
            return "PRE"
        return ("WR" if request.is_write else "RD") + ("A" if self._closes_row(bank) else "")

    def _closes_row(self, bank: Bank) -> bool:
        """With auto-precharge? By the page policy."""
        policy = self.c.page_policy
        if policy == CLOSED_CAP:
            return bank.columns + 1 >= self.c.row_hit_cap
        if policy not in (OPEN_ADAPTIVE, CLOSED_ADAPTIVE):
            return policy == CLOSED
        further = len(bank.queue) >= 2
        if self.c.scheduler == FIFO:
            further_hit = further and bank.queue[1].row == bank.open_row
        else:
            further_hit = sum(r.row == bank.open_row for r in bank.queue) >= 2
        return not further_hit and (further or policy == CLOSED_ADAPTIVE)

    def _offer(self, command: str, bank: Bank, request: Request | None) -> Offer:
        """Offers for requests compete by blacklist, kind and age, after them those of banks without any."""
        bound = self.timing.earliest(command, bank.rank, bank.number)
        row = -1 if request is None else request.row
        if command == "VRR":
            assert bank.victim is not None
            row = bank.victim
        elif request is None:
            bound = max(bound, (bank.used_at + self.c.page_timeout, 0))
        if request is None:
            return Offer(command, bank.rank, bank.number, bound, (_IDLE_BANKS, bank.number), None, row)
        set_back = request.source in self.blacklist
        not_first = self.c.command_mux == COLUMNS_FIRST and command not in COLUMNS
        order = (_BANKS, int(set_back), int(not_first), request.id, bank.number)
        return Offer(command, bank.rank, bank.number, bound, order, request, row)

    # -------------------------------------------------------------------------------------------- E, F: issue

    def issue_commands(self) -> None:
        """Phase E, one command a bus; then F, if an entry has been freed."""
        if self.c.scheduler == BLISS and self.bliss.start_cycle(self.c, self.now):
            self.look_again()
        self.has_issued = self._entry_freed = False
        if self.c.command_buses == 1:
            self._issue_best(lambda offer: True)
        else:
            self._issue_best(lambda offer: offer.is_column)
            self._issue_best(lambda offer: not offer.is_column)
        if self._entry_freed:
            self.admit()

    def _issue_best(self, takes_part: Callable[[Offer], bool]) -> None:
        offers = self._manager_offers() + self._power_offers()
        if not self.is_gathering:
            offers += self.bank_offers()
        legal = [
            offer
            for offer in offers
            if offer.bound[0] <= self.now and takes_part(offer) and not self._is_withheld(offer)
        ]
        if legal:
            self._issue(min(legal, key=lambda offer: offer.order))

    def _is_withheld(self, offer: Offer) -> bool:
        return offer.order[0] in (_BANKS, _IDLE_BANKS) and self.is_held(self.banks[offer.bank])

    def _issue(self, offer: Offer) -> None:
        request = None if offer.command == "VRR" else offer.request
        column = request.column if request and offer.is_column else -1
        index = request.index if request else -1
        self.log.append(
            LoggedCommand(
                self.now, offer.command, self.number, offer.rank, offer.bank, offer.row, column, index
            )
        )
        self.timing.issue(offer.command, offer.rank, offer.bank, self.now)
        self.has_issued = True
        if offer.is_column:
            assert request is not None
            self._column(offer.command, self.banks[offer.bank], request)
        elif offer.command in ("ACT", "PRE", "VRR"):
            self._row(offer.command, self.banks[offer.bank], request)
        else:
            self._rank_command(offer.command, self.ranks[offer.rank])
        self._update_drain()
        self.look_again()

    def _row(self, command: str, bank: Bank, request: Request | None) -> None:
        self.counters.count(f"n_{command.lower()}")
        if command == "VRR":
            bank.victim = None
        elif command == "PRE":
            if request is not None:
                request.conflicted = True
            self.ranks[bank.rank].close_row(bank, self.now)
        else:
            assert request is not None
            request.activated = True
            self.ranks[bank.rank].open_row(bank, request.row, self.now)
            self.row_hammer[bank.rank].activated(bank, request.row, self.n_activates, self.now)
            self.n_activates += 1
            if self.c.slot_release == AT_ACTIVATE:
                self._free_entry(request)

    def _column(self, command: str, bank: Bank, request: Request) -> None:
        latency = self.c.t_write_data if request.is_write else self.c.t_read_data
        self._respond(request, self.now + latency + self.c.t_burst)
        rank = self.ranks[bank.rank]
        bank.queue.remove(request)
        rank.listed -= 1
        self._free_entry(request)
        bank.columns += 1
        self.last_is_write = request.is_write
        bank.used_at = rank.idle_since = rank.quiet_since = self.now
        self.bliss.count_column(self.c, request.source)
        self.counters.count(f"n_{command.lower()}")
        kind = "row_conflicts" if request.conflicted else "row_misses" if request.activated else "row_hits"
        self.counters.count(kind)
        if command.endswith("A"):
            close = self.c.t_write_close if request.is_write else self.c.t_read_close
            rank.close_row(bank, max(self.now + close, bank.activated_at + self.c.t_ras))

    def _rank_command(self, command: str, rank: Rank) -> None:
        match command:
            case "PREA":
                self.counters.n_prea += 1
                self.counters.n_prea_banks += rank.close_all(self.now)
            case "REF" | "REFPB" | "REFSB":
                self.counters.count(f"n_{command.lower()}")
                self._refreshed(rank)
            case "RFM" | "RFMSB":
                self.counters.count(f"n_{command.lower()}")
                self.row_hammer[rank.number].issued()
            case "PDE":
                self.counters.count("n_pde_active" if rank.open_banks else "n_pde_precharge")
                rank.fall_asleep(self.now, self_refresh=False)
            case "SRE":
                self.counters.n_sre += 1
                rank.fall_asleep(self.now, self_refresh=True)
            case "PDX":
                self.counters.n_pdx += 1
                rank.wake_up(self.now)
            case "SRX":
                self.counters.n_srx += 1
                rank.wake_up(self.now)
                self.refresh[rank.number].left_self_refresh(self.now)

    def _refreshed(self, rank: Rank) -> None:
        refresh = self.refresh[rank.number]
        assert refresh.wants is not None
        self.row_hammer[rank.number].relieve(refresh.banks_of(refresh.wants))
        rank.idle_since = self.now
        refresh.issued(self.now)

    # ---------------------------------------------------------------------------------- statistics, re-tuning

    def integrate(self) -> None:
        """End of the cycle: what is in the buffer, and does the FIFO's head wait for room?"""
        self.counters.occupancy_cycles += self.occupancy
        self.counters.occupancy_max = max(self.counters.occupancy_max, self.occupancy)
        if self.fifo and not self.has_room():
            self.counters.blocked_cycles += 1

    def retune(self, config: ControllerConfig, now: int) -> None:
        """Other policies from cycle `now` on; what is queued or under way stays."""
        before, self.c = self.c, config
        for refresh, row_hammer in zip(self.refresh, self.row_hammer, strict=True):
            refresh.retune(config, now)
            row_hammer.retune(config)
        if config.scheduler != before.scheduler:
            self.drain, self.bliss = WriteDrain(), Blacklist()
        if (config.scheduler, config.bliss_clear) != (before.scheduler, before.bliss_clear):
            self.bliss.epoch = now // config.bliss_clear if config.bliss_clear > 0 else 0
        self.look_again()
