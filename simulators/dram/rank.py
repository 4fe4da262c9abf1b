"""State of one rank, and when each command becomes legal: the timing rules of the twin.

Every rule is written as the standard states it: a command may follow another one after so many cycles. Truth:
JEDEC JESD79-3 and JESD79-4, and for the gaps of auto-precharge the DRAM checkers of DRAMSys 4.0.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from simulators.dram.config import ControllerConfig

NEVER = -(1 << 40)


@dataclass(slots=True)
class Request:
    """One burst: where it goes, and the cycles in which things happened to it (-1: not yet)."""

    index: int
    arrival: int
    bank: int
    row: int
    column: int
    is_write: bool
    source: int
    id: int = -1
    accept: int = -1
    ready: int = -1
    finish: int = -1
    activated: bool = False
    conflicted: bool = False

    @property
    def line(self) -> tuple[int, int, int]:
        return (self.bank, self.row, self.column)


@dataclass(slots=True)
class Bank:
    """State of one bank and the cycles of its last commands."""

    group: int
    queue: list[Request] = field(default_factory=list)
    open_row: int | None = None
    act: int = NEVER
    pre: int = NEVER
    rd: int = NEVER
    rda: int = NEVER
    wr: int = NEVER
    wra: int = NEVER


class Rank:
    """Banks that share a command bus, refresh and power-down, with the cycles of their last commands.

    open_banks: logically open ones. active_end: when the last row that was closed is physically closed.
    """

    def __init__(self, config: ControllerConfig) -> None:
        self.c = config
        self.banks = [Bank(group=b // config.banks_per_group) for b in range(config.n_banks)]
        self.activates: deque[int] = deque(maxlen=4)
        self.last_ref = NEVER
        self.last_prea = NEVER
        self.last_pde = NEVER
        self.last_pdx = NEVER
        self.open_banks = 0
        self.active_end = 0

    @property
    def write_to_precharge(self) -> int:
        return self.c.t_cwl + self.c.t_burst + self.c.t_wr

    def _latest(self, *commands: str) -> int:
        """The last of these commands on any bank of the rank."""
        cycles: list[int] = [getattr(bank, command) for bank in self.banks for command in commands]
        return max(cycles)

    def _spaced(self, group: int, commands: tuple[str, ...], short: int, long: int) -> int:
        """Last of `commands` plus the gap to another bank group (`short`) or to the same one (`long`)."""
        cycles: list[int] = [
            getattr(bank, command) + (long if bank.group == group else short)
            for bank in self.banks
            for command in commands
        ]
        return max(cycles)

    def earliest_read(self, bank: Bank, command: str) -> int:
        c = self.c
        after_write = c.t_cwl + c.t_burst
        earliest = max(
            bank.act + c.t_rcd,
            self._spaced(bank.group, ("rd", "rda"), c.t_ccd_s, c.t_ccd_l),
            self._spaced(bank.group, ("wr", "wra"), after_write + c.t_wtr_s, after_write + c.t_wtr_l),
            self.last_pdx + c.t_xp,
        )
        if command == "RDA":
            earliest = max(earliest, bank.wr + self.write_to_precharge - c.t_rtp)
        return earliest

    def earliest_write(self, bank: Bank) -> int:
        c = self.c
        return max(
            bank.act + c.t_rcd,
            self._spaced(bank.group, ("wr", "wra"), c.t_ccd_s, c.t_ccd_l),
            self._latest("rd", "rda") + c.t_rtw,
            self.last_pdx + c.t_xp,
        )

    def earliest_act(self, bank: Bank) -> int:
        c = self.c
        four_activates = self.activates[0] if len(self.activates) == 4 else NEVER
        return max(
            bank.act + c.t_rc,
            self._spaced(bank.group, ("act",), c.t_rrd_s, c.t_rrd_l),
            four_activates + c.t_faw,
            max(bank.pre, self.last_prea) + c.t_rp,
            bank.rda + c.t_rtp + c.t_rp,
            bank.wra + self.write_to_precharge + c.t_rp,
            self.last_ref + c.t_rfc,
            self.last_pdx + c.t_xp,
        )

    def earliest_pre(self, bank: Bank) -> int:
        c = self.c
        return max(
            bank.act + c.t_ras,
            bank.rd + c.t_rtp,
            bank.wr + self.write_to_precharge,
            self.last_pdx + c.t_xp,
        )

    def earliest_prea(self) -> int:
        c = self.c
        return max(
            self._latest("act") + c.t_ras,
            self._latest("rd", "rda") + c.t_rtp,
            self._latest("wr", "wra") + self.write_to_precharge,
            self.last_pdx + c.t_xp,
        )

    def earliest_ref(self) -> int:
        c = self.c
        return max(
            self._latest("act") + c.t_rc,
            max(self._latest("pre"), self.last_prea) + c.t_rp,
            self._latest("rda") + c.t_rtp + c.t_rp,
            self._latest("wra") + self.write_to_precharge + c.t_rp,
            self.last_ref + c.t_rfc,
            self.last_pdx + c.t_xp,
        )

    def earliest_pdx(self) -> int:
        return self.last_pde + self.c.t_cke

    def earliest_pde(self) -> int:
        c = self.c
        earliest = max(
            self._latest("rd", "rda") + c.t_cl + c.t_burst + 1,
            self._latest("wr") + self.write_to_precharge,
            self._latest("wra") + self.write_to_precharge + 1,
            self._latest("act") + 1,
            max(self._latest("pre"), self.last_prea) + 1,
            self.last_ref + c.t_rfc,
            self.last_pdx + c.t_cke,
        )
        return earliest if self.open_banks else max(earliest, self.active_end + 1)
