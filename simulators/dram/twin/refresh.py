"""Refresh of one rank: when a refresh is put off, pulled in or forced, and what it covers.

A policy divides the rank into units, each with a command: all banks (REF), one bank (REFPB), or the same bank
of every group (REFSB); every unit is due once in `t_refi`. Postponing and pulling in are those of DRAMSys 4.0
(JEDEC allows so many of either). A forced refresh holds the banks of its unit from the cycle after its
decision on: what they had decided for that cycle still goes out when the refresh cannot (measured: this makes
the twin equal to DRAMSys 4.0 to the cycle).
"""

from __future__ import annotations

from simulators.dram.config import ControllerConfig
from simulators.dram.twin.policies import ALL_BANK, NO_REFRESH, PER_BANK
from simulators.dram.twin.rank import Bank, Rank

WHOLE_RANK = -1
NOT_BLOCKED = 1 << 62


class RankRefresh:
    """Decides in phase D what is refreshed (`wants`: a unit, WHOLE_RANK, or None) and what is held for it.

    debt: refreshes put off (negative: pulled in), in units; pulling_in: this interval is paid, further
    refreshes are pulled in; remaining: units not refreshed in this round; forced: the unit that must be next.
    """

    def __init__(self, config: ControllerConfig, rank: Rank) -> None:
        self.c = config
        self.rank = rank
        self.debt = 0
        self.n_units = 1
        self.pulling_in = False
        self.remaining: list[int] = []
        self.wants: int | None = None
        self.forced: int | None = None
        self.held_from = NOT_BLOCKED
        self.owes_after_self_refresh = False
        self._choose_units()
        self.deadline = self._first_deadline()

    # -------------------------------------------------------------------------------------------------- units

    def _choose_units(self) -> None:
        if self.c.refresh_policy == NO_REFRESH:
            return
        units = {ALL_BANK: 1, PER_BANK: self.c.n_banks}
        self.n_units = units.get(self.c.refresh_policy, self.c.banks_per_group)
        self.remaining = list(range(self.n_units))

    @property
    def step(self) -> int:
        """Cycles from one refresh command to the next."""
        return self.c.t_refi // self.n_units

    def _first_deadline(self) -> int:
        """The ranks of a channel take turns within a step, in the order of their numbers read backwards."""
        bits = (self.c.n_ranks - 1).bit_length()
        turn = int(f"{self.rank.number:0{bits}b}"[::-1], 2) if bits else 0
        return self.step - turn * self.step // self.c.n_ranks

    def banks_of(self, unit: int) -> list[Bank]:
        if unit == WHOLE_RANK or self.c.refresh_policy == ALL_BANK:
            return self.rank.banks
        if self.c.refresh_policy == PER_BANK:
            return [self.rank.banks[unit]]
        return self.rank.bank_set(unit)

    def _idle_units(self) -> list[int]:
        return [u for u in self.remaining if not any(bank.queue for bank in self.banks_of(u))]

    # ---------------------------------------------------------------------------------------------- decisions

    def is_due(self, now: int) -> bool:
        return self.c.refresh_policy != NO_REFRESH and now >= self.deadline

    def blocks(self, bank: Bank, now: int) -> bool:
        """Is the bank held for a forced refresh?"""
        return self.forced is not None and self.held_from <= now and bank in self.banks_of(self.forced)

    def decide(self, now: int) -> None:
        """Phase D: force, postpone, pull in, or nothing."""
        self.wants = None
        if not self.is_due(now) or self.rank.is_asleep:
            return
        if self.owes_after_self_refresh:
            self._force(WHOLE_RANK, now)
            return
        if now >= self.deadline + self.step:
            self._skip_interval()
        idle = self._idle_units()
        if self.pulling_in:
            if not idle:
                self._skip_interval()
                return
            self.wants = idle[0]
        elif self.forced is not None:
            self.wants = self.forced
        elif self.debt >= self.c.refresh_max_postponed * self.n_units:
            self._force((idle or self.remaining)[0], now)
        elif not idle:
            self.debt += 1
            self.deadline += self.step
        else:
            self.wants = idle[0]

    def _skip_interval(self) -> None:
        self.pulling_in = False
        self.deadline += self.step

    def _force(self, unit: int, now: int) -> None:
        if self.forced is None:
            self.forced = unit
            self.held_from = now + self.rank.hold_delay
        self.wants = self.forced

    def _unforce(self) -> None:
        self.forced = None
        self.held_from = NOT_BLOCKED

    def command(self) -> tuple[str, int]:
        """The next command towards what is wanted, and its bank (-1: the rank)."""
        assert self.wants is not None
        if self.wants == WHOLE_RANK or self.c.refresh_policy == ALL_BANK:
            return ("PREA" if self.rank.open_banks else "REF", -1)
        banks = self.banks_of(self.wants)
        for bank in banks:
            if bank.open_row is not None:
                return ("PRE", bank.number)
        return ("REFPB" if self.c.refresh_policy == PER_BANK else "REFSB", banks[0].number)

    # ------------------------------------------------------------------------------------------------ effects

    def issued(self, now: int) -> None:
        """The refresh that was wanted went out."""
        assert self.wants is not None
        unit = self.wants
        self._unforce()
        if self.owes_after_self_refresh:
            self.owes_after_self_refresh = False
            self.deadline = now + self.step
            return
        self.remaining.remove(unit)
        if not self.remaining:
            self.remaining = list(range(self.n_units))
        if self.pulling_in:
            self.debt -= 1
        else:
            self.pulling_in = True
        if self.debt <= -self.c.refresh_max_pulledin * self.n_units:
            self._skip_interval()

    def left_self_refresh(self, now: int) -> None:
        """The device refreshed itself; one refresh is due at once, whatever the policy. What was put off or
        pulled in before counts on (JESD79-4, self-refresh).
        """
        if self.c.refresh_policy == NO_REFRESH:
            return
        self.owes_after_self_refresh = True
        self.deadline = now
        self.pulling_in = False

    def retune(self, config: ControllerConfig, now: int) -> None:
        """Other policies from cycle `now` on. Another way of refreshing keeps the debt, rounded up."""
        is_same = config.refresh_policy == self.c.refresh_policy
        self.c = config
        if is_same:
            if self.debt < config.refresh_max_postponed * self.n_units and not self.owes_after_self_refresh:
                self._unforce()
            return
        self._unforce()
        self.owes_after_self_refresh = False
        if config.refresh_policy == NO_REFRESH:
            return
        old_units = self.n_units
        self._choose_units()
        self.pulling_in = False
        self.debt = -(-self.debt * self.n_units // old_units)
        first = self._first_deadline()
        self.deadline = first + self.step * max(0, -((first - now) // self.step))

    @property
    def owed(self) -> int:
        """Refresh commands that were put off and not made up for."""
        return max(0, self.debt) if self.c.refresh_policy != NO_REFRESH else 0
