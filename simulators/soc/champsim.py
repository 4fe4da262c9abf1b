"""The memory controller of ChampSim as numbers: what memory kind "champsim" is configured with."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ChampsimMemoryConfig:
    """Its controller; times in cycles of its clock, 625 ps.

    By default that of the base configuration: 3200 MT/s, 8 bank groups of 4 banks, rows of 8 KiB; tCAS, tRCD
    and tRP 15 ns, tRAS 32.5 ns, which is the turn-around of the bus and nothing else; refresh 8192 times in
    32 ms, for tRAS times the root of a channel's Gbit (by its count: 16), so 130 ns. A burst of 64 bytes
    takes 2.5 ns. Every count of channels, groups, banks and lines is a power of two.
    """

    channels: int = 1
    groups: int = 8
    banks: int = 4
    lines: int = 128
    t_cas: int = 24
    t_rcd: int = 24
    t_rp: int = 24
    burst: int = 4
    group_gap: int = 1
    turn_around: int = 52
    refresh_interval: int = 6250
    refresh_time: int = 208
    reads: int = 64
    writes: int = 64

    def vector(self) -> NDArray[np.int64]:
        """As ext.soc_champsim.ChampsimConfig."""
        return np.array(astuple(self), np.int64)

    def channel_of(self, line: int) -> int:
        """The lowest bits of the line's number; the lowest of them with every bit of the row."""
        row = line // (self.channels * self.groups * self.banks * self.lines)
        return line % self.channels ^ (row.bit_count() % 2 if self.channels > 1 else 0)

    def place_of(self, line: int) -> tuple[int, int]:
        """Row and bank. Upwards an address is channel, bank group, bank, column, row; group and bank are
        combined, by exclusive or, with each piece of the row that is as wide as both."""
        number, within = divmod(line // self.channels, self.groups * self.banks * self.lines)
        group, bank = within % self.groups, within // self.groups % self.banks
        row, all_banks = number, self.groups * self.banks
        while row and all_banks > 1:
            row, piece = divmod(row, all_banks)
            group ^= piece % self.groups
            bank ^= piece // self.groups
        return number, group * self.banks + bank
