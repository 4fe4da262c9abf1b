"""RowHammer mitigations of one rank: which rows and banks were activated too often, and what is done about
it.

PARA (Kim et al., ISCA 2014) refreshes the neighbours of an activated row now and then, by chance; Graphene
(Park et al., MICRO 2020) those of a row that its Misra-Gries table has counted often enough; both through a
victim refresh (VRR) of the bank. RFM (JESD79-5) gives the device time for its own mitigation when a bank's
rolling count of activates is high; PRAC counts every row exactly and asks for an RFM when one reaches the
threshold.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.dram.config import ControllerConfig
from simulators.dram.twin.policies import GRAPHENE, PARA, PRAC, RFM
from simulators.dram.twin.rank import Bank, Rank
from simulators.dram.twin.refresh import NOT_BLOCKED, WHOLE_RANK

_MASK = (1 << 64) - 1
_PARA_SHIFT = 44  # leaves 20 bits: the threshold counts parts of 2^20


def splitmix64(x: int) -> int:
    """The finaliser of the generator of that name (Steele et al., OOPSLA 2014): a hash of 64 bits."""
    z = (x + 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & _MASK
    return z ^ z >> 31


@dataclass(slots=True)
class GrapheneTable:
    """The rows of one bank activated most: entries [row, count], and the count that fits nowhere."""

    entries: list[list[int]] = field(default_factory=list)
    spill: int = 0
    epoch: int = 0

    def count(self, row: int, n_entries: int) -> int:
        """The new count of the row, or 0 if it has no entry."""
        if len(self.entries) != n_entries:
            self.entries = [[-1, 0] for _ in range(n_entries)]
        found = next((entry for entry in self.entries if entry[0] == row), None)
        if found is not None:
            found[1] += 1
            return found[1]
        for entry in self.entries:
            if entry[1] == self.spill:
                entry[:] = [row, self.spill + 1]
                return entry[1]
        self.spill += 1
        return 0

    def start_epoch(self, epoch: int) -> None:
        if epoch != self.epoch:
            self.entries, self.spill, self.epoch = [], 0, epoch


class RowHammerGuard:
    """Counts the activates of a rank; decides in phase D which set of banks gets an RFM (`wants`)."""

    def __init__(self, config: ControllerConfig, rank: Rank, channel: int) -> None:
        self.c = config
        self.rank = rank
        self.channel = channel
        self._clear()

    def _clear(self) -> None:
        self.tables = {bank.number: GrapheneTable() for bank in self.rank.banks}
        self.rolling = {bank.number: 0 for bank in self.rank.banks}
        self.row_counts: dict[tuple[int, int], int] = {}
        self.rows_over: list[tuple[int, int]] = []
        self.wants: int | None = None
        self.forced: int | None = None
        self.held_from = NOT_BLOCKED

    # ----------------------------------------------------------------------------------------------- counting

    def activated(self, bank: Bank, row: int, number: int, now: int) -> None:
        """A request's ACT went out; `number` ACTs on the channel before it."""
        if self.c.mitigation == PARA:
            seed = (self.c.mitigation_seed ^ self.channel << 48 ^ number) & _MASK
            if splitmix64(seed) >> _PARA_SHIFT < self.c.para_threshold:
                bank.victim = row
        elif self.c.mitigation == GRAPHENE:
            self._count_in_table(bank, row, now)
        elif self.c.mitigation == RFM:
            self.rolling[bank.number] += 1
        elif self.c.mitigation == PRAC:
            self._count_exactly(bank, row)

    def _count_in_table(self, bank: Bank, row: int, now: int) -> None:
        table = self.tables[bank.number]
        if self.c.refresh_window > 0:
            table.start_epoch(now // self.c.refresh_window)
        count = table.count(row, self.c.graphene_entries)
        if count and self.c.graphene_threshold > 0 and count % self.c.graphene_threshold == 0:
            bank.victim = row

    def _count_exactly(self, bank: Bank, row: int) -> None:
        place = (bank.number, row)
        self.row_counts[place] = self.row_counts.get(place, 0) + 1
        is_over = 0 < self.c.prac_threshold <= self.row_counts[place]
        if is_over and place not in self.rows_over:
            self.rows_over.append(place)

    # ---------------------------------------------------------------------------------------------- decisions

    def blocks(self, bank: Bank, now: int) -> bool:
        """Is the bank held for a forced RFM, or beyond its limit of activates (JESD79-5: RAAMMT)?"""
        is_target = self.forced is not None and self.held_from <= now and bank in self.banks_of(self.forced)
        return is_target or (bank.open_row is None and self._is_full(bank))

    def _is_full(self, bank: Bank) -> bool:
        is_counted = self.c.mitigation == RFM and self.c.raa_initial > 0
        return is_counted and self.rolling[bank.number] >= self._limit

    @property
    def _limit(self) -> int:
        return max(self.c.raa_initial, self.c.raa_maximum)

    def banks_of(self, target: int) -> list[Bank]:
        return self.rank.banks if target == WHOLE_RANK else self.rank.bank_set(target)

    def decide(self, now: int, *, refresh_goes_first: bool) -> None:
        """Phase D: an RFM when a count is too high, or when the banks have nothing else to do."""
        self.wants = None
        if refresh_goes_first or self.rank.is_asleep:
            return
        if self.forced is None:
            must = self._must()
            if must is not None:
                self.forced, self.held_from = must, now + self.rank.hold_delay
        self.wants = self.forced if self.forced is not None else self._may()

    def _must(self) -> int | None:
        if self.c.mitigation == PRAC:
            return WHOLE_RANK if self.rows_over else None
        return next(iter(self._sets_from(self._limit)), None)

    def _may(self) -> int | None:
        idle = (
            number
            for number in self._sets_from(self.c.raa_initial)
            if not any(bank.queue for bank in self.rank.bank_set(number))
        )
        return next(idle, None)

    def _sets_from(self, level: int) -> list[int]:
        """Bank sets in which a bank's rolling count has reached `level`."""
        if self.c.mitigation != RFM or self.c.raa_initial <= 0:
            return []
        return [
            number
            for number in range(self.rank.banks_per_group)
            if any(self.rolling[bank.number] >= level for bank in self.rank.bank_set(number))
        ]

    def command(self) -> tuple[str, int]:
        """The next command towards what is wanted, and its bank (-1: the rank)."""
        assert self.wants is not None
        if self.wants == WHOLE_RANK:
            return ("PREA" if self.rank.open_banks else "RFM", -1)
        banks = self.rank.bank_set(self.wants)
        for bank in banks:
            if bank.open_row is not None:
                return ("PRE", bank.number)
        return ("RFMSB", banks[0].number)

    # ------------------------------------------------------------------------------------------------ effects

    def relieve(self, banks: list[Bank]) -> None:
        """A refresh or an RFM went to these banks."""
        for bank in banks:
            self.rolling[bank.number] = max(0, self.rolling[bank.number] - self.c.raa_initial)

    def issued(self) -> None:
        """The RFM that was wanted went out."""
        assert self.wants is not None
        if self.wants == WHOLE_RANK:
            for place in self.rows_over:
                self.row_counts[place] = 0
            self.rows_over.clear()
        else:
            self.relieve(self.rank.bank_set(self.wants))
        self.forced, self.held_from = None, NOT_BLOCKED

    def retune(self, config: ControllerConfig) -> None:
        """Another mitigation, or another size of its tables, starts from nothing; victims stay."""
        is_other = (config.mitigation, config.graphene_entries) != (
            self.c.mitigation,
            self.c.graphene_entries,
        )
        self.c = config
        if is_other:
            self._clear()
