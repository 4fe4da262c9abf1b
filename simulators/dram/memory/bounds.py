"""Closed forms of what a memory can do at best, from its constraints alone: no simulation may cross them.

Truth: the constraint rows of the device (`simulators.dram.memory.constraints`), its organisation and the
lengths of its commands. Cycles are those of the device clock, from first clock to first clock.
"""

from __future__ import annotations

from simulators.dram.memory.constraints import COMMANDS, SCOPES
from simulators.dram.memory.devices import Device


def best_stream_gbps(device: Device, refresh_policy: str = "AllBank", *, is_hot: bool = False) -> float:
    """Most bytes per ns (GB/s) of a long stream of reads, over all channels of `device`.

    Let n be the bursts of one row. Of the reads on one data bus, the average distance is at least the
    largest of

    - the burst itself; - what reads of one rank keep: tCCD_S, and tCCD_L over the number of groups when the
    stream goes round them. Where ranks share the bus, also the stream that alternates between them counts,
    whose reads keep the distance of a switch (burst + tRTRS) and of each rank its share; the better of the
    two is taken; - the command bus. A channel with one bus carries n reads and one ACT a row; rows are
    closed by the last read of each (auto-precharge). With two, the reads and the ACTs are on their own.
    Pseudo channels share both; - the activates of a row over its n reads: at tRRD_S, tRRD_L over the groups,
    tRC over the banks and tFAW / 4.

    All-bank refresh takes tRFC (REF to ACT) out of each tREFI of a rank that has its data bus to itself:
    with several on the bus another may read meanwhile, and per-bank and same-bank refresh leave other banks
    to read from. (is_hot: above `hot_above_c`, where tREFI is divided.) Refresh may be late by the postponed
    intervals, so the bound holds for runs that are long against `most_postponed` tREFI; with refresh_policy
    "NoRefresh" it holds for all.
    """
    interval = max(_read_interval(device), _command_interval(device), _activate_interval(device))
    bytes_per_ns = device.data_buses * device.burst_bytes / (interval * device.tck_ns)
    return bytes_per_ns * (1 - _refresh_loss(device, refresh_policy, is_hot))


def least_read_latency_cycles(device: Device, row: str = "hit") -> int:
    """Clocks from the first command for a read to its last data: of a "hit", a "closed" bank, a "conflict".

    hit: RD to the last data. closed: ACT to RD before it. conflict: PRE to ACT before that.
    """
    cycles = device.timings.read_data + device.timings.burst
    if row in ("closed", "conflict"):
        cycles += gap(device, "bank", "ACT", "RD")
    if row == "conflict":
        cycles += gap(device, "bank", "PRE", "ACT")
    return cycles


def most_activates(device: Device, cycles: int) -> int:
    """Most ACTs on one rank in `cycles` consecutive clocks: four a tFAW, tRRD apart, tRC apart in a bank."""
    if cycles <= 0:
        return 0
    spacing = max(_rank_gap(device, "ACT"), 1)
    if device.bank_groups == 1:
        spacing = max(spacing, gap(device, "group", "ACT", "ACT"))
    most = 1 + (cycles - 1) // spacing
    for window, span in _windows(device):
        whole, rest = divmod(cycles - 1, span)
        most = min(most, whole * window + min(window, 1 + rest // spacing))
    return min(most, device.banks * (1 + (cycles - 1) // max(gap(device, "bank", "ACT", "ACT"), 1)))


def gap(device: Device, scope: str, before: str, after: str) -> int:
    """Cycles that the rows of one scope ask for between two commands, windows left out; 0: there is none."""
    wanted = SCOPES.index(scope), COMMANDS.index(before), COMMANDS.index(after)
    rows = (row for row in device.constraints if (row.scope, row.before, row.after) == wanted)
    return max((row.cycles for row in rows if row.window == 1), default=0)


def _rank_gap(device: Device, command: str) -> int:
    return max(gap(device, scope, command, command) for scope in ("rank", "channel"))


def _windows(device: Device) -> list[tuple[int, int]]:
    """(how many ACTs, in how many cycles) of the windows."""
    act = COMMANDS.index("ACT")
    rows = (row for row in device.constraints if row.window > 1 and row.before == row.after == act)
    return [(row.window, row.cycles) for row in rows]


def _sharing_ranks(device: Device) -> int:
    """Ranks on one data bus."""
    return 1 if device.pseudo_channels else device.ranks


def _spread(device: Device, command: str) -> float:
    """Average distance of one command on one rank when it goes round all groups and banks."""
    return max(
        _rank_gap(device, command),
        gap(device, "group", command, command) / device.bank_groups,
        gap(device, "bank", command, command) / device.banks,
    )


def _read_interval(device: Device) -> float:
    burst, one_rank, ranks = device.timings.burst, _spread(device, "RD"), _sharing_ranks(device)
    stay = max(burst, one_rank)
    if ranks == 1:
        return stay
    return min(stay, max(burst, gap(device, "other_ranks", "RD", "RD"), one_rank / ranks))


def _bursts_per_row(device: Device) -> int:
    return device.columns // device.burst_length


def _command_interval(device: Device) -> float:
    read, activate = (device.lengths[COMMANDS.index(name)] for name in ("RD", "ACT"))
    a_row = activate / _bursts_per_row(device)
    busy = read + a_row if device.command_buses == 1 else max(read, a_row)
    return busy * (device.ranks if device.pseudo_channels else 1)


def _activate_interval(device: Device) -> float:
    spacing = max([_spread(device, "ACT"), *(span / window for window, span in _windows(device))])
    return spacing / _bursts_per_row(device) / _sharing_ranks(device)


def _refresh_loss(device: Device, refresh_policy: str, is_hot: bool) -> float:
    if refresh_policy != "AllBank" or _sharing_ranks(device) > 1:
        return 0.0
    interval = device.timings.refi // (device.hot_refresh_factor if is_hot else 1)
    return gap(device, "rank", "REF", "ACT") / interval
