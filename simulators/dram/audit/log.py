"""What the audit judges and by what: the log of commands, the limits of a memory, and what it reports.

The clocks of a command, and which buses a memory has, are written here from the standards (JESD79-3, -4, -5,
JESD209-4, -5, JESD250, JESD235, JESD238), not read from the tables of the simulators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from simulators.dram.memory.devices import Device

READS = ("RD", "RDA")
WRITES = ("WR", "WRA")
COLUMNS = READS + WRITES
BANK_COMMANDS = ("ACT", "PRE", *COLUMNS, "REFPB", "VRR")
SET_COMMANDS = ("REFSB", "RFMSB")
ALL_BANKS_CLOSED = ("REF", "RFM", "SRE")
RANK_COMMANDS = ("PREA", *ALL_BANKS_CLOSED, "SRX", "PDE", "PDX")
COMMANDS = (*BANK_COMMANDS, *SET_COMMANDS, *RANK_COMMANDS)

Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]
Index = int | np.integer[Any]

_HOT_ABOVE_C = 85
_HOT_FACTOR = 2
_ONE_CLOCK = ("DDR3", "DDR4", "GDDR6")
_TWO_PARTS = ("ACT", "VRR", *COLUMNS)


class Violation(NamedTuple):
    """One broken rule: its name, the cycle and index of the command, the index of the command that it clashes
    with (or -1), and a sentence with the numbers."""

    rule: str
    cycle: int
    command: int
    earlier: int
    text: str


@dataclass(frozen=True, eq=False)
class CommandLog:
    """Commands in the order of issue, arrays (n,); of two in one cycle on two buses, either may come first.

    bank: through all ranks and groups of the channel (rank x banks + bank of the rank); commands to a set of
    banks name its bank in the first group; those to a rank have -1. row, column: -1 where a command has none.
    request: index into the requests, -1 for none or unknown.
    """

    cycle: Indices
    command: NDArray[np.str_]
    channel: Indices
    rank: Indices
    bank: Indices
    row: Indices
    column: Indices
    request: Indices

    @classmethod
    def of(
        cls,
        *,
        cycle: ArrayLike,
        command: ArrayLike,
        bank: ArrayLike,
        row: ArrayLike,
        column: ArrayLike,
        channel: ArrayLike = 0,
        rank: ArrayLike = 0,
        request: ArrayLike = -1,
    ) -> CommandLog:
        """From arrays or lists; one number stands for all commands."""
        names = np.array(command, dtype=np.str_).reshape(-1)

        def whole(values: ArrayLike) -> Indices:
            return np.array(np.broadcast_to(np.asarray(values, dtype=np.int64), names.shape))

        numbers = (whole(values) for values in (channel, rank, bank, row, column, request))
        return cls(whole(cycle), names, *numbers)

    def __len__(self) -> int:
        return len(self.cycle)

    @cached_property
    def code(self) -> NDArray[np.int64]:
        """Position in COMMANDS of each command, -1 for an unknown one."""
        ordered = np.sort(np.array(COMMANDS))
        at = np.minimum(np.searchsorted(ordered, self.command), len(ordered) - 1)
        position = np.array([COMMANDS.index(name) for name in ordered])
        return np.where(ordered[at] == self.command, position[at], -1)

    def mask(self, names: tuple[str, ...]) -> Mask:
        """Which commands have one of these names."""
        wanted = np.zeros(len(COMMANDS) + 1, dtype=bool)
        wanted[[COMMANDS.index(name) for name in names]] = True
        return wanted[self.code]

    def where(self, *names: str) -> Indices:
        """Indices of the commands of these names, ascending."""
        return np.flatnonzero(self.mask(names))

    def take(self, at: Indices) -> CommandLog:
        """The commands at these indices, as a log of their own."""
        return CommandLog(*(getattr(self, field.name)[at] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Limits:
    """What the log is judged by.

    timing: cycles under the JEDEC names in lower case without the t: rcd (or rcdrd, rcdwr), rp (rpab for all
        banks), ras, rc, rrd_s, rrd_l, faw, ccd_s, ccd_l, wtr_s, wtr_l, rtp, wr, cl, cwl, burst (clocks of one
        burst; LPDDR5: span and span_max, BL/n_min and BL/n_max), rtrs, rfc, rfcpb, rfcsb, refi, xp, cke, xs
        and those in _DEFAULTS.
    standard: DDR3, DDR4, DDR5, LPDDR4, LPDDR5, GDDR6, HBM2 or HBM3. banks, banks_per_group: of a rank; the
        ranks of an HBM channel are its pseudo channels.
    refresh: AllBank, PerBank, SameBank or NoRefresh; postponed, pulledin: intervals it may be late or early.
    raa_initial, raa_maximum: activates that ask for and that force refresh management; 0: not judged.
    """

    timing: Mapping[str, int]
    banks: int
    banks_per_group: int
    standard: str = "DDR4"
    ranks: int = 1
    refresh: str = "AllBank"
    postponed: int = 8
    pulledin: int = 8
    raa_initial: int = 0
    raa_maximum: int = 0

    @classmethod
    def of(
        cls,
        device: Device,
        *,
        refresh: str = "AllBank",
        postponed: int = 8,
        pulledin: int = 8,
        raa_initial: int = 0,
        raa_maximum: int = 0,
        temperature_c: float | None = None,
    ) -> Limits:
        """Of a device: its timings, its organisation and the name of its standard, nothing else.

        Another simulator's model, in which no command takes more than one clock where the standard has long
        ones, is judged by the rules of DDR4. temperature_c: of the case; above 85 degrees every interval of
        refresh is half as long.
        """
        timing = dict(device.timings)
        if temperature_c is not None and temperature_c > _HOT_ABOVE_C:
            timing["refi"] //= _HOT_FACTOR
        return cls(
            timing,
            device.banks,
            device.banks_per_group,
            device.standard if max(device.lengths) > 1 or device.standard in _ONE_CLOCK else "DDR4",
            device.ranks,
            refresh,
            postponed,
            pulledin,
            raa_initial,
            raa_maximum,
        )

    def __getitem__(self, name: str) -> int:
        while name not in self.timing:
            default = _DEFAULTS[name]
            if isinstance(default, int):
                return default
            name = default
        return int(self.timing[name])

    @property
    def has_pseudo_channels(self) -> bool:
        """Each rank has a data bus of its own, and columns have a command bus of their own."""
        return self.standard.startswith("HBM")

    @property
    def units(self) -> int:
        """Refresh commands that refresh a whole rank once."""
        return {"PerBank": self.banks, "SameBank": self.banks_per_group}.get(self.refresh, 1)

    @property
    def read_data(self) -> int:
        """Clocks from the first of a read command to its first data."""
        return self.clocks("RD") - 1 + self["cl"] + self["dqsck"]

    @property
    def write_data(self) -> int:
        """Clocks from the first of a write command to its first data."""
        return self.clocks("WR") - 1 + self["cwl"] + int(self.standard.startswith("LPDDR4"))  # tDQSS

    def clocks(self, name: str) -> int:
        """Clocks that a command takes on its bus; VRR, which names a row, those of an activate."""
        is_long = name in _TWO_PARTS
        if self.standard.startswith("LPDDR4"):  # two parts of two clocks; CKE is a pin
            return 1 if name in ("PDE", "PDX") else 4 if is_long else 2
        if self.standard.startswith("DDR5"):
            return 2 if is_long else 1
        if self.standard.startswith(("LPDDR5", "HBM")):
            return 2 if name in ("ACT", "VRR") else 1
        return 1

    @property
    def read_close(self) -> int:
        """Clocks from a read to the precharge of its bank."""
        return self["rtp"] + (self["span"] if self.standard.startswith("LPDDR5") else 0)

    def bank_in_rank(self, bank: Indices) -> Indices:
        """Of banks that are numbered through the ranks of a channel."""
        return np.maximum(bank, 0) % self.banks


_DEFAULTS: dict[str, str | int] = {
    "rcdrd": "rcd", "rcdwr": "rcd", "rpab": "rp", "ccd_s_wr": "ccd_s", "ccd_l_wr": "ccd_l",
    "rfcpb": "rfc", "rfcsb": "rfc", "rfm": "rfc", "rfmsb": "rfcsb", "span": "burst", "span_max": "span",
    "xsdll": "xs", "pbr2act": "rrefd", "rrefd": "rrd_s", "refsbrd": "rrefd",
    "dqsck": 0, "rtrs": 1, "ppd": 1, "actpden": 1, "prpden": 1, "refpden": 1, "ckesr": "cke",
}  # fmt: skip
"""Timings that not every standard has: the one that takes their place, or the clocks."""


@dataclass(frozen=True, slots=True)
class Served:
    """The requests that the log had to serve, arrays (n,); `bank` as in the log.

    No column command may come before `arrival`. forwards: a request may go without a command where a write to
    the same place can answer it.
    """

    bank: NDArray[Any]
    row: NDArray[Any]
    column: NDArray[Any]
    is_write: NDArray[Any]
    arrival: NDArray[Any] | None = None
    channel: NDArray[Any] | None = None
    forwards: bool = False


class History:
    """The last command before each command, of given names and in the same bank, group, set, rank or bus."""

    def __init__(self, log: CommandLog, limits: Limits) -> None:
        self.log = log
        bank = limits.bank_in_rank(log.bank)
        size = limits.banks
        self._keys = {
            "bank": log.rank * size + bank,
            "group": log.rank * size + bank // limits.banks_per_group,
            "set": log.rank * size + bank % limits.banks_per_group,
            "rank": log.rank,
            "channel": np.zeros_like(log.rank),
        }
        self._sorted: dict[str, tuple[Indices, Indices]] = {}

    def last(self, names: tuple[str, ...], scope: str) -> Indices:
        """(n,): index of the last of `names` before each command in its `scope`, -1 for none."""
        order, start = self._order(scope)
        position = np.arange(len(order))
        known = np.maximum.accumulate(np.where(self.log.mask(names)[order], position, -1))
        before = np.concatenate([[-1], known[:-1]]) if len(known) else known
        found = np.empty(len(order), dtype=np.int64)
        found[order] = np.where(before >= start, order[before], -1)
        return found

    def _order(self, scope: str) -> tuple[Indices, Indices]:
        """Indices sorted by scope and time, and for each where its scope starts among them."""
        if scope not in self._sorted:
            key = self._keys[scope]
            order = np.argsort(key, kind="stable")
            is_first = np.concatenate([[True], np.diff(key[order]) != 0])[: len(order)]
            position = np.arange(len(order))
            self._sorted[scope] = order, np.maximum.accumulate(np.where(is_first, position, 0))
        return self._sorted[scope]


def clash(log: CommandLog, rule: str, later: Index, earlier: Index, text: str) -> Violation:
    """The violation of `rule` by command `later`, in words."""
    name = log.command[later]
    after = f" after {log.command[earlier]} at {log.cycle[earlier]}" if earlier >= 0 else ""
    where = f"channel {log.channel[later]} rank {log.rank[later]} bank {log.bank[later]}"
    sentence = f"{name} {where} at {log.cycle[later]}{after}: {text}"
    return Violation(rule, int(log.cycle[later]), int(later), int(earlier), sentence)
