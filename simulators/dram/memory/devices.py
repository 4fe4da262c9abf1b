"""Memory devices: one TOML file a standard in `standards/`, holding all that is known about its devices.

A file lists the timing constraints of its standard as rows (`memory.constraints`), speed bins,
organisations and currents, and names the devices that they make up. A timing is listed either in clock cycles
(`timings_cycles`) or as an analogue limit in picoseconds (`timings_ps`), which becomes cycles by the integer
rounding rule of JEDEC, so that 350 ns at 833 ps is 421 and not 433 clocks. `derived` timings are
expressions over the others. What the organisation says stands over what the standard says, the speed bin
over both, the device over all. Each part names its source.

A user's own memory is a file of the same form, in which one device is asked for by
`device("path/to/mine.toml#name")`: a copy of a shipped file with other numbers will do
(`simulators.dram.memory.standard_file` lists the keys).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib import resources
from typing import Any

from dse.errors import InputError, LookupFailed, did_you_mean
from simulators.dram.memory.constraints import COMMANDS, MOST_CYCLES, Constraint, constraints, evaluate
from simulators.dram.memory.standard_file import ORGANISATION, check_standard, load_standard

_FS_PER_PS = 1000
_MOST_BANKS, _MOST_GROUPS = 64, 32  # of a channel


class Timings(Mapping[str, int]):
    """Timings in clock cycles by their JEDEC names in lower case without the t: `t.rcd`, `t["rcd"]`.

    `_s`: other bank group, `_l`: same bank group. Which names there are depends on the standard; all have
    cl, cwl, burst (clocks that one burst takes on the data bus), rcd, rp, ras, rc, rrd_s, rrd_l, faw, ccd_s,
    ccd_l, wtr_s, wtr_l, rtp, wr, rfc, refi, xp, cke, rtw (read to write of one rank), and the four that
    count from the first clock of a command: read_data, write_data (to the first data), read_close,
    write_close (to the precharge that an auto-precharge starts).
    """

    __slots__ = ("_cycles",)

    def __init__(self, cycles: Mapping[str, int]) -> None:
        self._cycles = dict(cycles)

    def __getattr__(self, name: str) -> int:
        if name.startswith("_") or name not in self._cycles:
            raise AttributeError(f"no timing {name!r}: there are {', '.join(self._cycles)}")
        return self._cycles[name]

    def __getitem__(self, name: str) -> int:
        return self._cycles[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._cycles)

    def __len__(self) -> int:
        return len(self._cycles)

    def __hash__(self) -> int:
        return hash(tuple(sorted(self._cycles.items())))

    def __getstate__(self) -> dict[str, int]:
        return self._cycles

    def __setstate__(self, state: dict[str, int]) -> None:
        self._cycles = state

    def __repr__(self) -> str:
        return f"Timings({self._cycles})"


@dataclass(frozen=True, slots=True)
class Currents:
    """Supply currents of one chip in mA at `vdd_v`; the VPP rail at `vpp_v` (0: there is none).

    A chip is what serves one rank of one channel (one pseudo channel). Several rails are folded into one of
    equal power at `vdd_v`. A `source` that starts with "stand-in" says that no list is public, and what
    stands there instead. idd5b: all-bank refreshes back to back; idd5pb: per-bank or same-bank refreshes
    back to back (0: not listed); idd6: self-refresh.
    """

    vdd_v: float
    idd0: float
    idd2n: float
    idd2p: float
    idd3n: float
    idd3p: float
    idd4r: float
    idd4w: float
    idd5b: float
    idd6: float = 0.0
    idd5pb: float = 0.0
    vpp_v: float = 0.0
    ipp0: float = 0.0
    ipp3n: float = 0.0
    source: str = ""


@dataclass(frozen=True)
class Device:
    """One memory: organisation, timings in cycles of `tck_ps`, constraints, currents, and their source.

    channels, ranks: how many it has by itself; `arranged` gives it others. pseudo_channels: its ranks are
    pseudo channels, each with a data bus of its own; they share the command buses. refresh: the refresh
    policies that it knows. lengths: clocks that each command (as in COMMANDS) occupies its bus.
    """

    id: str
    standard: str
    description: str
    source: str
    tck_ps: int
    channels: int
    devices_per_rank: int
    device_width_bits: int
    ranks: int
    most_ranks: int
    bank_groups: int
    banks_per_group: int
    rows: int
    columns: int
    burst_length: int
    device_density_mbit: int
    pseudo_channels: bool
    command_buses: int
    refresh: tuple[str, ...]
    most_postponed: int
    hot_above_c: float
    hot_refresh_factor: int
    timings: Timings
    constraints: tuple[Constraint, ...]
    lengths: tuple[int, ...]
    currents_ma: Currents

    @cached_property
    def tck_fs(self) -> int:
        """Clock period in femtoseconds, the unit of `Trace.clock_fs`."""
        return self.tck_ps * _FS_PER_PS

    @cached_property
    def tck_ns(self) -> float:
        return self.tck_ps / 1000

    @cached_property
    def banks(self) -> int:
        """Banks of one rank."""
        return self.bank_groups * self.banks_per_group

    @cached_property
    def bus_width_bits(self) -> int:
        """Data bits of one rank (of one pseudo channel)."""
        return self.devices_per_rank * self.device_width_bits

    @cached_property
    def burst_bytes(self) -> int:
        """Bytes of one column command: 64 on a 64-bit bus with bursts of eight."""
        return self.burst_length * self.bus_width_bits // 8

    @cached_property
    def commands(self) -> tuple[str, ...]:
        """The commands that its standard has (those that wait for others than VRR), as in COMMANDS."""
        named = {row.after for row in self.constraints if COMMANDS[row.before] != "VRR"}
        return tuple(name for number, name in enumerate(COMMANDS) if number in named)

    @cached_property
    def data_buses(self) -> int:
        """Independent data buses over all channels."""
        return self.channels * (self.ranks if self.pseudo_channels else 1)

    @cached_property
    def capacity_bytes(self) -> int:
        return self.channels * self.ranks * self.banks * self.rows * self.columns * self.bus_width_bits // 8

    @cached_property
    def peak_bandwidth_gbps(self) -> float:
        """Bytes per ns (GB/s) when no data bus ever rests."""
        return self.data_buses * self.burst_bytes / (self.timings.burst * self.tck_ns)

    def arranged(self, *, channels: int | None = None, ranks: int | None = None) -> Device:
        """The same chips in other numbers of channels and ranks. InputError where that cannot be built."""
        if channels is not None and not (0 < channels <= 32 and channels & (channels - 1) == 0):
            raise InputError(f"channels={channels}: expected a power of two from 1 to 32")
        wanted = self.ranks if ranks is None else ranks
        if wanted & (wanted - 1) or not 0 < wanted <= self.most_ranks:
            raise InputError(
                f"ranks={wanted} on {self.id}: expected a power of two from 1 to {self.most_ranks}"
                + (" (its ranks are pseudo channels)" if self.pseudo_channels else "")
            )
        arranged = replace(self, channels=self.channels if channels is None else channels, ranks=wanted)
        _check_size(arranged, f"ranks={wanted} on {self.id}")
        return arranged


def device_ids() -> tuple[str, ...]:
    """The identifiers of the devices that are shipped, sorted."""
    return tuple(sorted(_files()))


def device(device_id: str) -> Device:
    """The shipped device of that identifier, or one of a user's own file: `"path/to/mine.toml#name"`.

    `LookupFailed` lists what exists; `InputError` says what is wrong in the user's file.
    """
    path, separator, name = device_id.rpartition("#")
    if separator and path:
        tables = load_standard(path)
        _check_known(name, tables["devices"], path)
        return replace(parse_device(tables, name, path), id=device_id)
    return _shipped(device_id)


@cache
def _shipped(device_id: str) -> Device:
    _check_known(device_id, device_ids(), None)
    return parse_device(_standard(_files()[device_id]), device_id, _files()[device_id])


def _check_known(name: str, known: Iterable[str], path: str | None) -> None:
    if name not in known:
        raise LookupFailed(
            f"device {name!r} does not exist: expected one of {', '.join(known)}.{did_you_mean(name, known)}",
            path=path,
        )


def parse_device(standard: Mapping[str, Any], device_id: str, file: str) -> Device:
    """Device `device_id` of a standard's tables. InputError for a part that is missing or impossible."""
    chosen = standard["devices"][device_id]
    speed = _part(standard, "speeds", chosen["speed"], file)
    organisation = _part(standard, "organisations", chosen["organisation"], file)
    currents = _part(standard, "currents", chosen["currents"], file)
    layers = (standard, organisation, speed, chosen)
    timings = _timings(standard, layers, organisation, speed["tck_ps"], f"{file}, device {device_id}")
    lengths = {**dict.fromkeys(COMMANDS, 1), **_layered(layers, "lengths")}
    lengths["VRR"] = lengths["ACT"]
    bus = {
        name: layer[name]
        for name in ("command_buses", "pseudo_channels")
        for layer in layers
        if name in layer
    }
    found = Device(
        id=device_id,
        standard=standard["id"],
        description=chosen["description"],
        source="; ".join(
            part["source"] for part in (standard, organisation, speed, chosen, currents) if "source" in part
        ),
        tck_ps=int(speed["tck_ps"]),
        **{name: organisation[name] for name in ORGANISATION},
        pseudo_channels=bool(bus.get("pseudo_channels", False)),
        command_buses=int(bus["command_buses"]),
        refresh=tuple(standard["refresh"]),
        most_postponed=int(standard["most_postponed"]),
        hot_above_c=float(standard["hot_above_c"]),
        hot_refresh_factor=int(standard["hot_refresh_factor"]),
        timings=timings,
        constraints=tuple(constraints(standard["constraints"], timings, file, lengths)),
        lengths=tuple(lengths[name] for name in COMMANDS),
        currents_ma=Currents(**currents),
    )
    _check(found, file)
    return found


def round_up_cycles(time_ps: int, tck_ps: int, rule: str = "JESD79-4") -> int:
    """JEDEC integer rounding of a minimum. tCK is itself rounded, so a clock is not started for a hair of it.

    JESD79-4 (section on rounding algorithms): thousandths of a clock, truncated, plus 974, truncated.
    JESD79-5 (same section; JESD400-5): 997 thousandths of the time in clocks, truncated, plus one.
    """
    if rule == "JESD79-5":
        return time_ps * 997 // tck_ps // 1000 + 1
    return (time_ps * 1000 // tck_ps + 974) // 1000


def _timings(
    standard: Mapping[str, Any],
    layers: tuple[Mapping[str, Any], ...],
    organisation: Mapping[str, Any],
    tck_ps: int,
    where: str,
) -> Timings:
    """What the standard, the organisation, the speed bin and the device say, the later over the earlier."""
    cycles: dict[str, int] = {"burst": organisation["burst_length"] // int(standard.get("data_rate", 2))}
    derived: dict[str, Any] = {}
    rule = standard.get("rounding", "JESD79-4")
    for layer in layers:
        for name, limit in layer.get("timings_ps", {}).items():
            if limit.get("maximum"):
                cycles[name] = limit["ps"] // tck_ps
            else:
                cycles[name] = max(round_up_cycles(limit["ps"], tck_ps, rule), limit.get("min", 1))
        cycles.update(layer.get("timings_cycles", {}))
        for name in (*layer.get("timings_ps", {}), *layer.get("timings_cycles", {})):
            derived.pop(name, None)  # what a later part lists is not derived
        derived.update(layer.get("derived", {}))
    for name, expression in derived.items():
        cycles[name] = evaluate(str(expression), cycles, f"{where}, derived.{name}")
    for name, count in cycles.items():
        if abs(count) > MOST_CYCLES:
            raise InputError(
                f"{where}: the timing {name!r} is {count} cycles: expected {MOST_CYCLES} at most"
            )
    missing = [name for name in _REQUIRED if name not in cycles]
    if missing:
        raise InputError(
            f"{where}: the timing {missing[0]!r} is missing: expected all of {', '.join(_REQUIRED)}"
        )
    return Timings(cycles)


_REQUIRED = (
    "cl", "cwl", "burst", "rcd", "rp", "ras", "rc", "rrd_s", "rrd_l", "faw", "ccd_s", "ccd_l", "wtr_s",
    "wtr_l", "rtp", "wr", "rfc", "refi", "xp", "cke", "rtw", "read_data", "write_data", "read_close",
    "write_close",
)  # fmt: skip


def _layered(layers: Iterable[Mapping[str, Any]], name: str) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update(layer.get(name, {}))
    return merged


def _part(standard: Mapping[str, Any], table: str, name: str, file: str) -> Mapping[str, Any]:
    if name not in standard[table]:
        raise InputError(
            f"{file}: {table}.{name} does not exist: expected one of {', '.join(standard[table])}."
            f"{did_you_mean(name, standard[table])}"
        )
    part: Mapping[str, Any] = standard[table][name]
    return part


def _check(device: Device, file: str) -> None:
    """Memories that nobody can build: refused with the rule that failed."""
    t, current = device.timings, device.currents_ma
    density = device.banks * device.rows * device.columns * device.device_width_bits
    sizes = (device.rows, device.columns, device.burst_length, device.bank_groups, device.banks_per_group)
    rules = (
        ("tRC >= tRAS + tRP", t.rc >= t.ras + t.rp - 1),  # one clock of slack: each is rounded by itself
        ("tRAS >= tRCD", t.ras >= t.rcd),
        ("tREFI >= 2 (tRFC + tRC)", t.refi >= 2 * (t.rfc + t.rc)),
        ("tREFI / hot_refresh_factor > tRFC", t.refi > t.rfc * device.hot_refresh_factor),
        ("tCCD_L >= tCCD_S >= burst >= 1", t.ccd_l >= t.ccd_s >= t.burst >= 1),
        ("tRRD_L >= tRRD_S >= 1", t.rrd_l >= t.rrd_s >= 1),
        ("tFAW >= tRRD_S", t.faw >= t.rrd_s),
        ("tWTR_L >= tWTR_S", t.wtr_l >= t.wtr_s),
        ("CL, CWL, tRCD, tRP, tWR, tRTP, tXP, tCKE >= 1", min(t[name] for name in _AT_LEAST_ONE) >= 1),
        ("read to write on one data bus: tRTW + write_data >= read_data + burst",
         t.rtw + t.write_data >= t.read_data + t.burst),
        ("read_close >= 1 and write_close >= write_data + burst",
         t.read_close >= 1 and t.write_close >= t.write_data + t.burst),
        ("rows, columns, burst_length, bank_groups, banks_per_group are powers of two",
         all(size & (size - 1) == 0 for size in sizes)),
        ("burst_length <= columns", device.burst_length <= device.columns),
        ("device_density_mbit = banks x rows x columns x width / 2^20",
         density == device.device_density_mbit << 20),
        ("ranks <= most_ranks", device.ranks <= device.most_ranks),
        ("IDD4R, IDD4W, IDD5B, IDD0 > IDD3N >= IDD2N >= IDD2P",
         min(current.idd4r, current.idd4w, current.idd5b, current.idd0) > current.idd3n
         and current.idd3n >= current.idd2n >= current.idd2p),
        ("IDD5PB > IDD3N where it is listed", not 0 < current.idd5pb <= current.idd3n),
        ("VDD > 0", current.vdd_v > 0),
    )  # fmt: skip
    for rule, holds in rules:
        if not holds:
            raise InputError(f"{file}: device {device.id!r} breaks {rule}: {dict(t)}")
    _check_size(device, f"{file}: device {device.id!r}")
    _check_policies(device, file)


_AT_LEAST_ONE = ("cl", "cwl", "rcd", "rp", "wr", "rtp", "xp", "cke")


def _check_size(device: Device, where: str) -> None:
    banks, groups = device.ranks * device.banks, device.ranks * device.bank_groups
    if banks > _MOST_BANKS or groups > _MOST_GROUPS:
        raise InputError(
            f"{where}: {banks} banks in {groups} groups a channel: expected at most {_MOST_BANKS} and "
            f"{_MOST_GROUPS}"
        )


def _check_policies(device: Device, file: str) -> None:
    """A refresh policy needs the constraints of its command, which needs its refresh time."""
    for policy, command, timing in (("PerBank", "REFPB", "rfcpb"), ("SameBank", "REFSB", "rfcsb")):
        if policy in device.refresh and (command not in device.commands or timing not in device.timings):
            raise InputError(
                f"{file}: device {device.id!r} has refresh {policy!r} without constraints of {command} or a "
                f"timing {timing!r}: add them or take {policy!r} out of `refresh`"
            )


@cache
def _files() -> dict[str, str]:
    """The standard's file of each device."""
    found: dict[str, str] = {}
    for file in sorted(p.name for p in _folder().iterdir() if p.name.endswith(".toml")):
        found.update(dict.fromkeys(_standard(file)["devices"], file))
    return found


@cache
def _standard(file: str) -> dict[str, Any]:
    tables = tomllib.loads((_folder() / file).read_text(encoding="utf-8"))
    check_standard(tables, file)
    return tables


def _folder() -> Any:
    return resources.files("simulators.dram.memory") / "standards"
