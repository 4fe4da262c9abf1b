"""Distances between two commands, by JEDEC standard: what the audit asks of every pair in a log.

Written from JESD79-3, JESD79-4, JESD79-5 (DDR), JESD209-4, JESD209-5 (LPDDR), JESD250 (GDDR6), JESD235 and
JESD238 (HBM): command truth tables, timing parameters, minimum delays between commands, refresh, power-down.
A standard counts from the last clock of one command to the last clock of the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from simulators.dram.audit.log import (
    ALL_BANKS_CLOSED,
    COLUMNS,
    COMMANDS,
    READS,
    SET_COMMANDS,
    WRITES,
    CommandLog,
    History,
    Limits,
    Violation,
    clash,
)

_ACTIVATES = ("ACT", "VRR")
_PRECHARGES = ("PRE", "PREA")
_REFRESHES = ("REF", "RFM", "REFPB", *SET_COMMANDS)
_AWAKE = (*_ACTIVATES, *_PRECHARGES, *_REFRESHES, "SRE")


class Spacing(NamedTuple):
    """`later` comes at least `cycles` after the last `earlier` in the same scope, first to first clock."""

    rule: str
    earlier: tuple[str, ...]
    later: tuple[str, ...]
    scope: str
    cycles: int


def spacings(limits: Limits, issued: frozenset[str] = frozenset(COMMANDS)) -> list[Spacing]:
    """The pairwise rules of the standard, for the commands that are `issued`."""
    rules = [*_row_rules(limits), *_column_rules(limits), *_closing_rules(limits), *_refresh_rules(limits)]
    found = [
        spaced
        for rule in [*rules, *_exit_rules(limits)]
        for spaced in _from_first_clock(rule, limits, issued)
    ]
    found += _sleep_rules(limits)
    return [rule for rule in found if rule.cycles > 0 and issued & {*rule.earlier} and issued & {*rule.later}]


def spacing_violations(log: CommandLog, limits: Limits, history: History) -> Iterator[Violation]:
    """Commands that come too early after another one."""
    issued = frozenset(COMMANDS[code] for code in np.unique(log.code))
    rules = sorted(spacings(limits, issued), key=lambda rule: (rule.scope, rule.earlier))
    for (scope, names), group in groupby(rules, key=lambda rule: (rule.scope, rule.earlier)):
        earlier = history.last(names, scope)
        gap = np.where(earlier >= 0, log.cycle - log.cycle[earlier], np.iinfo(np.int64).max)
        for rule in group:
            for k in np.flatnonzero((gap < rule.cycles) & log.mask(rule.later)):
                text = f"{gap[k]} cycles after, {rule.cycles} needed"
                yield clash(log, rule.rule, k, earlier[k], text)


def four_activate_violations(log: CommandLog, limits: Limits, history: History) -> Iterator[Violation]:
    """Any five activates of a rank span more than tFAW; a refresh of one bank is one of them but in DDR5."""
    del history
    counted = _ACTIVATES if _is_ddr5(limits) else (*_ACTIVATES, "REFPB")
    for rank in np.unique(log.rank):
        acts = log.where(*counted)
        acts = acts[log.rank[acts] == rank]
        last_clock = log.cycle[acts] + np.where(log.mask(("REFPB",))[acts], *_reference(limits))
        span = last_clock[4:] - last_clock[:-4]
        for k in np.flatnonzero(span < limits["faw"]):
            text = f"five activates in {span[k]}, {limits['faw']} needed"
            yield clash(log, "tFAW", acts[k + 4], acts[k], text)


def _reference(limits: Limits) -> tuple[int, int]:
    return limits.clocks("REFPB"), limits.clocks("ACT")


def _from_first_clock(rule: Spacing, limits: Limits, issued: frozenset[str]) -> Iterator[Spacing]:
    """The rule between first clocks, apart for commands of different lengths."""
    if not (issued & {*rule.earlier} and issued & {*rule.later}):
        return
    clocks = limits.clocks
    for lasts in sorted({clocks(name) for name in rule.earlier}):
        earlier = tuple(name for name in rule.earlier if clocks(name) == lasts)
        for takes in sorted({clocks(name) for name in rule.later}):
            later = tuple(name for name in rule.later if clocks(name) == takes)
            yield Spacing(rule.rule, earlier, later, rule.scope, rule.cycles + lasts - takes)


def _recovery(t: Limits) -> int:
    """From a write to the precharge: its latency, its data, tWR; in LPDDR, a clock until the strobe."""
    return t["cwl"] + t["span"] + t["wr"] + int(_is_low_power(t))


def _is_low_power(t: Limits) -> bool:
    return t.standard.startswith("LPDDR")


def _is_ddr5(t: Limits) -> bool:
    return t.standard.startswith("DDR5")


def _row_rules(t: Limits) -> list[Spacing]:
    """Activates, precharges and what opens and closes a row."""
    opens = (*_ACTIVATES, "REFPB")
    recovery = _recovery(t)
    return [
        Spacing("tRCD", ("ACT",), READS, "bank", t["rcdrd"]),
        Spacing("tRCD", ("ACT",), WRITES, "bank", t["rcdwr"]),
        Spacing("tRAS", ("ACT",), ("PRE",), "bank", t["ras"]),
        Spacing("tRAS", ("ACT",), ("PREA",), "rank", t["ras"]),
        Spacing("tRC", ("ACT",), opens, "bank", t["rc"]),
        Spacing("tRRD_S", _ACTIVATES, _ACTIVATES, "rank", t["rrd_s"]),
        Spacing("tRRD_L", _ACTIVATES, _ACTIVATES, "group", t["rrd_l"]),
        Spacing("tRP", ("PRE",), opens, "bank", t["rp"]),
        Spacing("tRP", ("PREA",), (*opens, *SET_COMMANDS), "rank", t["rpab"]),
        Spacing("tPPD", _PRECHARGES, _PRECHARGES, "rank", t["ppd"]),
        Spacing("tRTP", ("RD",), ("PRE",), "bank", t.read_close),
        Spacing("tRTP", READS, ("PREA",), "rank", t.read_close),
        Spacing("tWR", ("WR",), ("PRE",), "bank", recovery),
        Spacing("tWR", WRITES, ("PREA",), "rank", recovery),
        Spacing("tWR", ("WR",), ("RDA",), "bank", recovery - t.read_close),
        Spacing("tRTP+tRP", ("RDA",), opens, "bank", t.read_close + t["rp"]),
        Spacing("tWR+tRP", ("WRA",), opens, "bank", recovery + t["rp"]),
        Spacing("victim", ("VRR",), opens, "bank", 2 * t["rc"]),
    ]


def _column_rules(t: Limits) -> list[Spacing]:
    """Columns of one rank; those of different ranks meet only on the data bus."""
    latency = t["cwl"] + int(t.standard.startswith("LPDDR4"))
    return [
        Spacing("tCCD_S", READS, READS, "rank", t["ccd_s"]),
        Spacing("tCCD_L", READS, READS, "group", t["ccd_l"]),
        Spacing("tCCD_S", WRITES, WRITES, "rank", t["ccd_s_wr"]),
        Spacing("tCCD_L", WRITES, WRITES, "group", t["ccd_l_wr"]),
        Spacing("read-to-write", READS, WRITES, "rank", _reversal(t)),
        Spacing("tWTR_S", WRITES, READS, "rank", latency + t["span"] + t["wtr_s"]),
        Spacing("tWTR_L", WRITES, READS, "group", latency + t["span_max"] + t["wtr_l"]),
    ]


def _reversal(t: Limits) -> int:
    """Read to write: listed for HBM; else the bus turns round between the data of the two."""
    if t.has_pseudo_channels and "rtw" in t.timing:
        return t["rtw"]
    turnaround = 1 if t.has_pseudo_channels or t.standard.startswith("LPDDR5") else 2
    return t["cl"] + t["dqsck"] + t["span"] + turnaround - t["cwl"]


def _closing_rules(t: Limits) -> list[Spacing]:
    """Banks are closed, and precharged for tRP, before their refresh: of a rank, or of a set of banks."""
    found = []
    for scope, refreshes in (("rank", ALL_BANKS_CLOSED), ("set", SET_COMMANDS)):
        found += [
            Spacing("tRC", ("ACT",), refreshes, scope, t["rc"]),
            Spacing("tRP", ("PRE",), refreshes, scope, t["rp"]),
            Spacing("tRTP+tRP", ("RDA",), refreshes, scope, t.read_close + t["rp"]),
            Spacing("tWR+tRP", ("WRA",), refreshes, scope, _recovery(t) + t["rp"]),
            Spacing("victim", ("VRR",), refreshes, scope, 2 * t["rc"]),
        ]
    return [*found, Spacing("tRP", ("PREA",), ALL_BANKS_CLOSED, "rank", t["rpab"])]


def _refresh_rules(t: Limits) -> list[Spacing]:
    """A refresh occupies its banks for tRFC, and the others of its rank until they may be opened again."""
    everything = (*_ACTIVATES, *_PRECHARGES, *_REFRESHES, "SRE")
    return [
        Spacing("tRFC", ("REF",), everything, "rank", t["rfc"]),
        Spacing("tRFM", ("RFM",), everything, "rank", t["rfm"]),
        Spacing("tRFCpb", ("REFPB",), (*_ACTIVATES, "REFPB"), "bank", t["rfcpb"]),
        Spacing("tRFCpb", ("REFPB",), SET_COMMANDS, "set", t["rfcpb"]),
        Spacing("tRFCpb", ("REFPB",), ALL_BANKS_CLOSED, "rank", t["rfcpb"]),
        Spacing("REFpb-to-REFpb", ("REFPB",), ("REFPB", *SET_COMMANDS), "rank", _between_bank_refreshes(t)),
        Spacing("REFpb-to-ACT", ("REFPB",), _ACTIVATES, "rank", t["pbr2act"]),
        Spacing("ACT-to-REFpb", _ACTIVATES, ("REFPB",), "rank", t["rrd_s"]),
        Spacing("tRFCsb", ("REFSB",), (*SET_COMMANDS, *ALL_BANKS_CLOSED), "rank", t["rfcsb"]),
        Spacing("tRFCsb", ("REFSB",), (*_ACTIVATES, "REFPB"), "set", t["rfcsb"]),
        Spacing("tRFMsb", ("RFMSB",), (*SET_COMMANDS, *ALL_BANKS_CLOSED), "rank", t["rfmsb"]),
        Spacing("tRFMsb", ("RFMSB",), (*_ACTIVATES, "REFPB"), "set", t["rfmsb"]),
        Spacing("tREFSBRD", SET_COMMANDS, _ACTIVATES, "rank", t["refsbrd"]),
        Spacing("ACT-to-REFsb", _ACTIVATES, SET_COMMANDS, "rank", t["rrd_l" if _is_ddr5(t) else "rrd_s"]),
    ]


def _between_bank_refreshes(t: Limits) -> int:
    """LPDDR4 refreshes one bank of a rank at a time; the others need a gap."""
    if "pbr2pbr" in t.timing:
        return t["pbr2pbr"]
    return t["rfcpb"] if t.standard.startswith("LPDDR4") else t["rrefd"]


def _sleep_rules(t: Limits) -> list[Spacing]:
    """Into power-down and self-refresh, between first clocks: entry waits for the data of every command under
    way; the shortest stay is tCKE or tCKESR. LPDDR4 leaves power-down by a pin: tXP ends before a command."""
    sleeps = ("PDE", "SRE")
    read_done = t.read_data + t["burst"] + int(not _is_low_power(t))
    write_done = t.clocks("WR") - 1 + _recovery(t)
    return [
        Spacing("tRDPDEN", READS, sleeps, "rank", read_done),
        Spacing("tWRPDEN", ("WR",), ("PDE",), "rank", write_done),
        Spacing("tWRAPDEN", ("WRA",), ("PDE",), "rank", write_done + 1),
        Spacing("tACTPDEN", ("ACT",), ("PDE",), "rank", t.clocks("ACT") - 1 + t["actpden"]),
        Spacing("tPRPDEN", _PRECHARGES, ("PDE",), "rank", t.clocks("PRE") - 1 + t["prpden"]),
        Spacing("tREFPDEN", _REFRESHES, ("PDE",), "rank", t.clocks("REF") - 1 + t["refpden"]),
        Spacing("victim", ("VRR",), ("PDE",), "rank", 2 * t["rc"]),
        Spacing("tCKE", ("PDE",), ("PDX",), "rank", t["cke"]),
        Spacing("tCKE", ("PDX",), ("PDE",), "rank", t["cke"]),
        Spacing("tCKESR", ("SRE",), ("SRX",), "rank", t["ckesr"]),
        *([_power_up(t)] if t.standard.startswith("LPDDR4") else []),
    ]


def _power_up(t: Limits) -> Spacing:
    return Spacing("tXP", ("PDX",), (*_AWAKE, *COLUMNS), "rank", t["xp"])


def _exit_rules(t: Limits) -> list[Spacing]:
    """Out of power-down (tXP) and of self-refresh (tXS; tXSDLL where the data need a locked DLL)."""
    found = [] if t.standard.startswith("LPDDR4") else [_power_up(t)]
    if "xs" in t.timing:
        found.append(Spacing("tXS", ("SRX",), (*_AWAKE, "PDE"), "rank", t["xs"]))
        found.append(Spacing("tXSDLL", ("SRX",), COLUMNS, "rank", max(t["xs"], t["xsdll"])))
    return found
