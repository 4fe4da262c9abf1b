"""An independent judge of command logs: every timing rule, row state, refresh, power-down and data bus.

Shares no code and no table with the twin or the engine; the only input besides the log is the device's timing
values. Written from JESD79-3 and JESD79-4 (command truth tables, timing parameters, refresh and power-down).
It looks backwards: for each command, the last earlier command that a rule names, wherever it is in the log;
the simulators look forwards, keeping the first legal cycle. Vectorised with numpy, so that logs of millions
of commands can be judged; it reads the logs of other simulators too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

COMMANDS = ("ACT", "PRE", "PREA", "RD", "RDA", "WR", "WRA", "REF", "PDE", "PDX")
READS = ("RD", "RDA")
WRITES = ("WR", "WRA")
COLUMNS = READS + WRITES
NEEDS_CLOCK = ("ACT", "PRE", "PREA", *COLUMNS, "REF")
JEDEC_REFRESH_GAP_INTERVALS = 9
"""Most intervals between two refreshes by JEDEC (8 postponed)."""

Indices = NDArray[np.int64]
Index = int | np.integer[Any]


class Violation(NamedTuple):
    """One broken rule: its name, the cycle and index of the command, the index of the command that it clashes
    with (or -1), and a sentence with the numbers."""

    rule: str
    cycle: int
    command: int
    earlier: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class CommandLog:
    """Commands in the order of issue, arrays (n,). `bank` numbers the banks of a rank through all its groups.

    row, column: -1 where the command has none. request: index into the requests, -1 for none or unknown.
    """

    cycle: Indices
    command: NDArray[np.str_]
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
        rank: ArrayLike = 0,
        request: ArrayLike = -1,
    ) -> CommandLog:
        """From arrays or lists; one number stands for all commands."""
        names = np.array(command, dtype=np.str_).reshape(-1)

        def whole(values: ArrayLike) -> Indices:
            return np.array(np.broadcast_to(np.asarray(values, dtype=np.int64), names.shape))

        return cls(whole(cycle), names, whole(rank), whole(bank), whole(row), whole(column), whole(request))

    def __len__(self) -> int:
        return len(self.cycle)

    def where(self, *names: str) -> Indices:
        """Indices of the commands of these names, ascending."""
        return np.flatnonzero(np.isin(self.command, names))


@dataclass(frozen=True, slots=True)
class Limits:
    """What the log is judged by.

    timing: cycles under the JEDEC names in lower case without the t: rcd, rp, ras, rc, rrd_s, rrd_l, faw,
        ccd_s, ccd_l, wtr_s, wtr_l, rtp, wr, cl, cwl, burst (clocks of one burst), rfc, refi, xp, cke;
        optional `turnaround` (clocks between a read and a write burst; 2), actpden, prpden, refpden (1).
    refresh: whether refresh is due at all; postponed, pulledin: intervals it may be late or early.
    """

    timing: Mapping[str, int]
    banks: int
    banks_per_group: int
    refresh: bool = True
    postponed: int = 8
    pulledin: int = 8

    def __getitem__(self, name: str) -> int:
        defaults = {"turnaround": 2, "actpden": 1, "prpden": 1, "refpden": 1}
        return int(self.timing[name]) if name in self.timing else defaults[name]


@dataclass(frozen=True, slots=True)
class Served:
    """The requests that the log had to serve, arrays (n,). No column command may come before `arrival`."""

    bank: NDArray[Any]
    row: NDArray[Any]
    column: NDArray[Any]
    is_write: NDArray[Any]
    arrival: NDArray[Any] | None = None


class Spacing(NamedTuple):
    """`later` comes at least `cycles` after the last of `earlier` on the same bank, group or rank."""

    rule: str
    earlier: tuple[str, ...]
    later: tuple[str, ...]
    scope: str
    cycles: int


def audit(
    log: CommandLog,
    limits: Limits,
    requests: Served | None = None,
    *,
    end_cycle: int | None = None,
    most_per_rule: int = 100,
) -> list[Violation]:
    """Every violation, by cycle; empty for a log that keeps all rules.

    requests: checks that each was served once, at its own bank, row and column, and in its direction.
    end_cycle: refresh is due until then; the last command when None.
    most_per_rule: how many violations of one rule are listed.
    """
    unknown = np.flatnonzero(~np.isin(log.command, COMMANDS))
    if len(unknown):
        return [
            Violation("command", int(log.cycle[i]), int(i), -1, f"{log.command[i]!r} is unknown")
            for i in unknown
        ]
    end = end_cycle if end_cycle is not None else int(log.cycle[-1]) if len(log) else 0
    found: list[Violation] = []
    for check in _CHECKS:
        found += _cut(check(log, limits), most_per_rule)
    found += _cut(_refresh_violations(log, limits, end), most_per_rule)
    if requests is not None:
        found += _cut(_service_violations(log, requests), most_per_rule)
    return sorted(found, key=lambda violation: (violation.cycle, violation.command))


def spacings(limits: Limits) -> list[Spacing]:
    """The pairwise rules of one rank. tWR and tWTR count from the end of the write data."""
    t = limits
    write_data = t["cwl"] + t["burst"]
    recovery = write_data + t["wr"]
    rules = [
        Spacing("tRCD", ("ACT",), COLUMNS, "bank", t["rcd"]),
        Spacing("tRAS", ("ACT",), ("PRE",), "bank", t["ras"]),
        Spacing("tRAS", ("ACT",), ("PREA",), "rank", t["ras"]),
        Spacing("tRC", ("ACT",), ("ACT",), "bank", t["rc"]),
        Spacing("tRC", ("ACT",), ("REF",), "rank", t["rc"]),
        Spacing("tRRD_S", ("ACT",), ("ACT",), "rank", t["rrd_s"]),
        Spacing("tRRD_L", ("ACT",), ("ACT",), "group", t["rrd_l"]),
        Spacing("tRP", ("PRE",), ("ACT",), "bank", t["rp"]),
        Spacing("tRP", ("PREA",), ("ACT",), "rank", t["rp"]),
        Spacing("tRP", ("PRE", "PREA"), ("REF",), "rank", t["rp"]),
        Spacing("tRTP", ("RD",), ("PRE",), "bank", t["rtp"]),
        Spacing("tRTP", READS, ("PREA",), "rank", t["rtp"]),
        Spacing("tWR", ("WR",), ("PRE",), "bank", recovery),
        Spacing("tWR", WRITES, ("PREA",), "rank", recovery),
        Spacing("tWR", ("WR",), ("RDA",), "bank", recovery - t["rtp"]),
        Spacing("tRTP+tRP", ("RDA",), ("ACT",), "bank", t["rtp"] + t["rp"]),
        Spacing("tRTP+tRP", ("RDA",), ("REF",), "rank", t["rtp"] + t["rp"]),
        Spacing("tWR+tRP", ("WRA",), ("ACT",), "bank", recovery + t["rp"]),
        Spacing("tWR+tRP", ("WRA",), ("REF",), "rank", recovery + t["rp"]),
        Spacing("read-to-write", READS, WRITES, "rank", t["cl"] + t["burst"] + t["turnaround"] - t["cwl"]),
        Spacing("tWTR_S", WRITES, READS, "rank", write_data + t["wtr_s"]),
        Spacing("tWTR_L", WRITES, READS, "group", write_data + t["wtr_l"]),
        Spacing("tRFC", ("REF",), ("ACT", "PRE", "PREA", "REF"), "rank", t["rfc"]),
    ]
    for columns in (READS, WRITES):
        rules.append(Spacing("tCCD_S", columns, columns, "rank", t["ccd_s"]))
        rules.append(Spacing("tCCD_L", columns, columns, "group", t["ccd_l"]))
    return rules + _power_down_spacings(t, recovery)


def _power_down_spacings(t: Limits, recovery: int) -> list[Spacing]:
    """Entry waits for the data of every command under way; exit and the shortest stay are tXP and tCKE."""
    return [
        Spacing("tRDPDEN", READS, ("PDE",), "rank", t["cl"] + t["burst"] + 1),
        Spacing("tWRPDEN", ("WR",), ("PDE",), "rank", recovery),
        Spacing("tWRAPDEN", ("WRA",), ("PDE",), "rank", recovery + 1),
        Spacing("tACTPDEN", ("ACT",), ("PDE",), "rank", t["actpden"]),
        Spacing("tPRPDEN", ("PRE", "PREA"), ("PDE",), "rank", t["prpden"]),
        Spacing("tREFPDEN", ("REF",), ("PDE",), "rank", t["refpden"]),
        Spacing("tCKE", ("PDE",), ("PDX",), "rank", t["cke"]),
        Spacing("tCKE", ("PDX",), ("PDE",), "rank", t["cke"]),
        Spacing("tXP", ("PDX",), NEEDS_CLOCK, "rank", t["xp"]),
    ]


def _spacing_violations(log: CommandLog, limits: Limits) -> Iterator[Violation]:
    keys = _scope_keys(log, limits)
    for rule in spacings(limits):
        later, before, key = log.where(*rule.later), log.where(*rule.earlier), keys[rule.scope]
        earlier = _last_before(before, key[before], later, key[later])
        gap = log.cycle[later] - log.cycle[earlier]
        for k in np.flatnonzero((earlier >= 0) & (gap < rule.cycles)):
            yield _clash(log, rule.rule, later[k], earlier[k], f"{gap[k]} cycles after, {rule.cycles} needed")


def _scope_keys(log: CommandLog, limits: Limits) -> dict[str, Indices]:
    """A number for the bank, the bank group and the rank of each command."""
    bank = log.rank * limits.banks + np.maximum(log.bank, 0)
    groups = limits.banks // limits.banks_per_group
    group = log.rank * groups + np.maximum(log.bank, 0) // limits.banks_per_group
    return {"bank": bank, "group": group, "rank": log.rank}


def _last_before(earlier: Indices, key_of_earlier: Indices, later: Indices, key_of_later: Indices) -> Indices:
    """For each command of `later`, the last one of `earlier` before it with the same key; -1 for none."""
    if not len(earlier) or not len(later):
        return np.full(len(later), -1, dtype=np.int64)
    span = max(int(earlier.max()), int(later.max())) + 1
    codes = np.sort(key_of_earlier * span + earlier)
    position = np.searchsorted(codes, key_of_later * span + later) - 1
    code = codes[np.maximum(position, 0)]
    return np.where((position >= 0) & (code // span == key_of_later), code % span, -1)


def _four_activate_violations(log: CommandLog, limits: Limits) -> Iterator[Violation]:
    """Any five activates of a rank span more than tFAW."""
    for rank in np.unique(log.rank):
        acts = log.where("ACT")
        acts = acts[log.rank[acts] == rank]
        span = log.cycle[acts[4:]] - log.cycle[acts[:-4]]
        for k in np.flatnonzero(span < limits["faw"]):
            yield _clash(
                log, "tFAW", acts[k + 4], acts[k], f"five activates in {span[k]}, {limits['faw']} needed"
            )


def _command_bus_violations(log: CommandLog, limits: Limits) -> Iterator[Violation]:
    """One command a cycle, and time does not run backwards."""
    del limits
    for k in np.flatnonzero(np.diff(log.cycle) < 1):
        yield _clash(log, "command-bus", k + 1, k, "not after the command before it")


def _data_bus_violations(log: CommandLog, limits: Limits) -> Iterator[Violation]:
    """Bursts of a channel do not overlap: reads start CL after their command, writes CWL."""
    columns = log.where(*COLUMNS)
    start = log.cycle[columns] + np.where(np.isin(log.command[columns], READS), limits["cl"], limits["cwl"])
    order = np.argsort(start, kind="stable")
    for k in np.flatnonzero(np.diff(start[order]) < limits["burst"]):
        yield _clash(log, "data-bus", columns[order[k + 1]], columns[order[k]], "the bursts overlap")


def _row_violations(log: CommandLog, limits: Limits) -> Iterator[Violation]:
    """Columns go to the open row, activates to a closed bank; a precharge closes something."""
    outside = (log.bank >= limits.banks) | (log.bank < 0)
    for k in np.flatnonzero(outside & np.isin(log.command, _BANK_COMMANDS)):
        yield _clash(log, "bank-range", k, -1, f"bank {log.bank[k]} of {limits.banks}")
    bank_key = _scope_keys(log, limits)["bank"]
    banked = log.where(*_BANK_COMMANDS)
    open_by = _opened_by(log, bank_key, banked, bank_key[banked])
    for k, act in zip(banked, open_by, strict=True):
        name = log.command[k]
        if name == "ACT" and act >= 0:
            yield _clash(log, "bank-open", k, act, "the bank is open")
        elif name != "ACT" and act < 0:
            yield _clash(log, "bank-closed", k, -1, "the bank is closed")
        elif name in COLUMNS and log.row[k] != log.row[act]:
            yield _clash(log, "row", k, act, f"row {log.row[k]}, open is {log.row[act]}")
    yield from _rank_state_violations(log, limits, bank_key)


def _rank_state_violations(log: CommandLog, limits: Limits, bank_key: Indices) -> Iterator[Violation]:
    ranked = log.where("REF", "PREA")
    any_open = np.full(len(ranked), -1, dtype=np.int64)
    for bank in range(limits.banks):
        asked = log.rank[ranked] * limits.banks + bank
        any_open = np.maximum(any_open, _opened_by(log, bank_key, ranked, asked))
    for k, act in zip(ranked, any_open, strict=True):
        if log.command[k] == "REF" and act >= 0:
            yield _clash(log, "refresh-open", k, act, "a bank is open")
        elif log.command[k] == "PREA" and act < 0:
            yield _clash(log, "bank-closed", k, -1, "every bank is closed")


def _opened_by(log: CommandLog, bank_key: Indices, at: Indices, asked: Indices) -> Indices:
    """The activate that holds bank `asked[i]` open just before command `at[i]`; -1 when it is closed."""
    changes, all_closed = log.where("ACT", "PRE", "RDA", "WRA"), log.where("PREA")
    last = _last_before(changes, bank_key[changes], at, asked)
    closed = _last_before(all_closed, log.rank[all_closed], at, log.rank[at])
    is_open = (last > closed) & (log.command[np.maximum(last, 0)] == "ACT")
    return np.where(is_open, last, -1)


def _power_state_violations(log: CommandLog, limits: Limits) -> Iterator[Violation]:
    """Powered down, only an exit is heard; an exit needs an entry."""
    del limits
    everything = np.arange(len(log), dtype=np.int64)
    switches = log.where("PDE", "PDX")
    last = _last_before(switches, log.rank[switches], everything, log.rank)
    down = (last >= 0) & (log.command[np.maximum(last, 0)] == "PDE")
    is_exit = log.command == "PDX"
    for k in np.flatnonzero(down & ~is_exit):
        yield _clash(log, "powered-down", k, last[k], "the rank is powered down")
    for k in np.flatnonzero(~down & is_exit):
        yield _clash(log, "power-up", k, last[k], "the rank is not powered down")


def _refresh_violations(log: CommandLog, limits: Limits, end: int) -> Iterator[Violation]:
    """Refresh k is due at (k+1) tREFI; it may be `postponed` intervals late, plus the time to close the
    banks, and `pulledin` intervals early."""
    if not limits.refresh:
        return
    interval, grace = limits["refi"], _closing_cycles(limits)
    for rank in np.unique(log.rank) if len(log) else ():
        refs = log.where("REF")
        refs = refs[log.rank[refs] == rank]
        due = (np.arange(len(refs)) + 1) * interval
        late = log.cycle[refs] - (due + limits.postponed * interval + grace)
        early = due - limits.pulledin * interval - log.cycle[refs]
        for k in np.flatnonzero(late > 0):
            yield _clash(log, "refresh-late", refs[k], -1, f"refresh {k} is {late[k]} cycles too late")
        for k in np.flatnonzero(early > 0):
            yield _clash(log, "refresh-early", refs[k], -1, f"refresh {k} is {early[k]} cycles too early")
        if end > (len(refs) + 1 + limits.postponed) * interval + grace:
            yield Violation("refresh-count", end, len(log) - 1, -1, f"{len(refs)} refreshes in {end} cycles")


def _closing_cycles(t: Limits) -> int:
    """From the moment a refresh is forced until it can be issued: wake up, finish the columns of the banks
    just activated, turn the bus round once, precharge all, wait for the refresh before it."""
    columns = t.banks * t["ccd_l"] + t["cl"] + 2 * t["burst"] + t["cwl"] + t["wtr_l"]
    closing = t["rc"] + t["ras"] + t["cwl"] + t["burst"] + t["wr"] + t["rp"]
    return t["cke"] + t["xp"] + columns + closing + t["rfc"]


def _clash(log: CommandLog, rule: str, later: Index, earlier: Index, text: str) -> Violation:
    name = log.command[later]
    after = f" after {log.command[earlier]} at {log.cycle[earlier]}" if earlier >= 0 else ""
    sentence = f"{name} bank {log.bank[later]} at {log.cycle[later]}{after}: {text}"
    return Violation(rule, int(log.cycle[later]), int(later), int(earlier), sentence)


def _service_violations(log: CommandLog, requests: Served) -> Iterator[Violation]:
    """Each request is served by one column command; with indices in the log, row commands are checked too."""
    columns = log.where(*COLUMNS)
    if np.any(log.request >= 0):
        yield from _indexed_service(log, columns, requests)
        return
    is_write = np.isin(log.command[columns], WRITES)
    wanted = np.stack([requests.bank, requests.row, requests.column, requests.is_write], axis=1)
    done = np.stack([log.bank[columns], log.row[columns], log.column[columns], is_write], axis=1)
    places, number = np.unique(np.concatenate([wanted, done]), axis=0, return_inverse=True)
    of_wanted, of_done = np.split(number.reshape(-1), [len(wanted)])
    surplus = np.bincount(of_done, minlength=len(places)) - np.bincount(of_wanted, minlength=len(places))
    for k in np.flatnonzero(surplus):
        bank, row, column, write = (int(value) for value in places[k])
        what = f"{'write' if write else 'read'} of bank {bank} row {row} column {column}"
        yield _at_the_end(log, f"{what}: served {surplus[k]:+d} times too often")


def _indexed_service(log: CommandLog, columns: Indices, requests: Served) -> Iterator[Violation]:
    n = len(requests.bank)
    for k in np.flatnonzero(log.request >= n):
        yield _clash(log, "served", k, -1, f"request {log.request[k]} of {n} does not exist")
    owned = np.flatnonzero((log.request >= 0) & (log.request < n))
    of = log.request[owned]
    wrong = (log.bank[owned] != requests.bank[of]) | (log.row[owned] != requests.row[of])
    is_column = np.isin(log.command[owned], COLUMNS)
    wrong |= is_column & (log.column[owned] != requests.column[of])
    wrong |= is_column & (np.isin(log.command[owned], WRITES) != requests.is_write[of].astype(bool))
    if requests.arrival is not None:
        wrong |= is_column & (log.cycle[owned] < requests.arrival[of])
    for k in owned[wrong]:
        yield _clash(log, "served", k, -1, f"not what request {log.request[k]} asked for")
    times = np.bincount(log.request[columns][log.request[columns] >= 0], minlength=n)[:n]
    for request in np.flatnonzero(times != 1):
        yield _at_the_end(log, f"request {request} was served {times[request]} times")


def _at_the_end(log: CommandLog, text: str) -> Violation:
    return Violation("served", int(log.cycle[-1]) if len(log) else 0, len(log) - 1, -1, text)


def _cut(violations: Iterator[Violation], most: int) -> list[Violation]:
    """The first `most` violations of each rule."""
    seen: Counter[str] = Counter()
    kept = []
    for violation in violations:
        seen[violation.rule] += 1
        if seen[violation.rule] <= most:
            kept.append(violation)
    return kept


_BANK_COMMANDS = ("ACT", "PRE", *COLUMNS)
_CHECKS: tuple[Callable[[CommandLog, Limits], Iterator[Violation]], ...] = (
    _command_bus_violations,
    _spacing_violations,
    _four_activate_violations,
    _data_bus_violations,
    _row_violations,
    _power_state_violations,
)
