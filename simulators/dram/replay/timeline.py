"""A command log as a trace for Perfetto: what each bank, rank and data bus did when.

Format: "Trace Event Format" (the JSON of Chrome's tracing), complete events ("X"), counters ("C") and
names ("M"); time stamps and durations are in microseconds. One process a channel; in it one thread a data
bus, a rank and a bank. A command lasts as long as the shortest constraint from it to its natural
successor (ACT until a read may follow, PRE until the next ACT, ...); the row that is open, a power-down
and a self-refresh last from their first command to their last.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dse.errors import InputError
from simulators.dram.memory.constraints import COLUMNS, COMMANDS, READS
from simulators.dram.replay.recording import CommandArrays, Recording

MOST_COMMANDS = 50_000
"""Commands of one trace: about 12 MB of JSON, which browsers open at once."""
_SAMPLES = 1000
_PS_PER_US = 1_000_000
_ROUNDING = 1e-6  # of a cycle
_SUCCESSORS = {
    "ACT": "RD", "PRE": "ACT", "PREA": "ACT", "RD": "RD", "RDA": "RD", "WR": "WR", "WRA": "WR",
    "REF": "ACT", "REFPB": "ACT", "REFSB": "ACT", "PDX": "ACT", "SRX": "ACT", "VRR": "ACT", "RFM": "ACT",
    "RFMSB": "ACT",
}  # fmt: skip
_OPENS = {"PDE": ("PDX", "power-down"), "SRE": ("SRX", "self-refresh")}
_CATEGORIES = {
    "row": ("ACT", "PRE", "PREA"),
    "column": COLUMNS,
    "refresh": ("REF", "REFPB", "REFSB"),
    "power": ("PDE", "PDX", "SRE", "SRX"),
    "row hammer": ("VRR", "RFM", "RFMSB"),
}
_CATEGORY = {command: category for category, commands in _CATEGORIES.items() for command in commands}
_SETS = ("REFSB", "RFMSB")
_ROW = "open row"
_BUS_LANE, _LANES_PER_RANK = 1, 100  # a rank and its banks share a hundred


class Timeline(NamedTuple):
    """`events`: what goes under "traceEvents". commands: those that are in it; left_out: those of the
    window that are not, because there were too many. from_ns, to_ns: the time that it shows."""

    events: list[dict[str, Any]]
    commands: int
    left_out: int
    from_ns: float
    to_ns: float


class _Span(NamedTuple):
    """One event to be, in cycles; `lane` is the thread."""

    channel: int
    lane: int
    start: int
    end: int
    name: str
    category: str
    args: dict[str, Any]


def timeline(
    recording: Recording, from_ns: float = 0.0, to_ns: float | None = None, most: int = MOST_COMMANDS
) -> Timeline:
    """The commands from `from_ns` to before `to_ns`, the first `most` of them. The recording must have
    its log.

    InputError where nothing was issued in that time.
    """
    assert recording.log is not None
    tck_ns, cycles = recording.device.tck_ns, recording.log["cycle"]
    begin = _first_cycle(from_ns, tck_ns)
    end = recording.counters["elapsed_cycles"] + 1
    if to_ns is not None:
        end = min(end, _first_cycle(to_ns, tck_ns))
    first, last = (int(place) for place in np.searchsorted(cycles, (begin, end)))
    if last <= first:
        raise InputError(
            f"no command was issued from {from_ns:,.0f} ns on"
            f"{'' if to_ns is None else f' and before {to_ns:,.0f} ns'}: "
            f"the run lasts {recording.elapsed_ns:,.0f} ns",
            key="--from",
        )
    kept = min(last, first + most)
    if kept < last:
        end = max(int(cycles[kept]), int(cycles[kept - 1]) + 1)
    made = _Lanes(recording, first, kept, begin, end)
    return Timeline(made.events(), kept - first, last - kept, begin * tck_ns, end * tck_ns)


def side_by_side(timelines: Sequence[Timeline], labels: Sequence[str]) -> Timeline:
    """Several runs in one trace: the processes of each after those of the one before, with its label."""
    events: list[dict[str, Any]] = []
    first = 0
    for made, label in zip(timelines, labels, strict=True):
        moved = [{**event, "pid": event["pid"] + first} for event in made.events]
        for event in moved:
            if event["name"] == "process_name":
                event["args"] = {"name": f"{label}: {event['args']['name']}"}
            elif event["name"] == "process_sort_index":
                event["args"] = {"sort_index": event["pid"]}
        events += moved
        first = max(event["pid"] for event in moved) + 1
    return Timeline(
        events,
        sum(made.commands for made in timelines),
        sum(made.left_out for made in timelines),
        min(made.from_ns for made in timelines),
        max(made.to_ns for made in timelines),
    )


def _first_cycle(time_ns: float, tck_ns: float) -> int:
    """The first cycle that does not begin before `time_ns`, whatever the rounding of its product."""
    return math.ceil(time_ns / tck_ns - _ROUNDING)


class _Lanes:
    """Turns the commands `first` to before `last` into events between the cycles `begin` and `end`."""

    def __init__(self, recording: Recording, first: int, last: int, begin: int, end: int) -> None:
        assert recording.log is not None
        self.recording = recording
        self.config = recording.config
        self.log: CommandArrays = {name: array[first:last] for name, array in recording.log.items()}
        self.before: CommandArrays = {name: array[:first] for name, array in recording.log.items()}
        self.begin, self.end = begin, end
        self.lasting = _lasting(recording)
        self.spans: list[_Span] = []
        self.rows: dict[tuple[int, int], tuple[int, int]] = {}
        self.states: dict[tuple[int, int, str], int] = {}

    def events(self) -> list[dict[str, Any]]:
        self._open_before()
        for command in _commands(self.log):
            self._add(command)
        self._close_at_end()
        names = list(self._names())
        spans = [self._event(span) for span in _without_overlap(self.spans)]
        return names + spans + list(self._counters())

    # What a command adds

    def _add(self, command: _Logged) -> None:
        name = COMMANDS[command.command]
        if name in _OPENS:
            self.states[command.channel, command.rank, name] = command.cycle
        elif name in ("PDX", "SRX"):
            self._leave(command.channel, command.rank, name, command.cycle)
        self._add_command(name, command)
        if name == "ACT":
            self.rows[command.channel, command.bank] = (command.row, command.cycle)
        elif name == "PRE":
            self._close(command.channel, command.bank, command.cycle)
        elif name == "PREA":
            self._close_rank(command)
        elif name in COLUMNS:
            self._transfer(name, command)

    def _add_command(self, name: str, command: _Logged) -> None:
        if name in _OPENS:
            return  # shown as the state that it opens
        to_rank = command.bank < 0 or name in _SETS
        lane = _rank_lane(command.rank) if to_rank else self._bank_lane(command.bank)
        args: dict[str, Any] = {"cycle": command.cycle}
        if name in _SETS:
            args["bank of each group"] = command.bank % self.config.banks_per_group
        args |= {key: value for key in ("row", "column", "request") if (value := getattr(command, key)) >= 0}
        if name in COLUMNS and command.request >= 0:
            args |= self._of_request(command.request)
        end = command.cycle + self.lasting[name]
        self._span(command.channel, lane, command.cycle, end, name, _CATEGORY[name], args)

    def _of_request(self, request: int) -> dict[str, Any]:
        recording = self.recording
        if recording.finish[request] < 0:
            return {"source": int(recording.stream.requests.source[request])}
        latency = int(recording.finish[request]) - int(recording.arrival[request])
        return {
            "source": int(recording.stream.requests.source[request]),
            "latency (ns)": round(latency * recording.device.tck_ns, 3),
        }

    def _transfer(self, name: str, command: _Logged) -> None:
        """The burst on the data bus; an auto-precharge closes the row by itself."""
        c, is_read = self.config, name in READS
        start = command.cycle + (c.t_read_data if is_read else c.t_write_data)
        lane = _BUS_LANE + (command.rank if self.recording.device.pseudo_channels else 0)
        args = {"bank": command.bank, "row": command.row, "request": command.request}
        words = "read" if is_read else "write"
        self._span(command.channel, lane, start, start + c.t_burst, words, "data", args)
        if name in ("RDA", "WRA"):
            opened = self.rows.get((command.channel, command.bank), (0, command.cycle))[1]
            closing = command.cycle + (c.t_read_close if is_read else c.t_write_close)
            close = max(closing, opened + c.t_ras)
            self._close(command.channel, command.bank, close)
            bank = self._bank_lane(command.bank)
            end = close + self.lasting["PRE"]
            self._span(
                command.channel, bank, close, end, "auto-precharge", "row", {"request": command.request}
            )

    # States that last

    def _open_before(self) -> None:
        """Rows that are open and ranks that sleep when the window begins."""
        log, names = self.before, np.array(COMMANDS)[self.before["command"]]
        closes = np.isin(names, ("PRE", "RDA", "WRA"))
        last_close = _last(log, closes, "bank")
        last_all = _last(log, names == "PREA", "rank")
        for (channel, bank), place in _last(log, names == "ACT", "bank").items():
            rank = int(log["rank"][place])
            if place > max(last_close.get((channel, bank), -1), last_all.get((channel, rank), -1)):
                self.rows[channel, bank] = (int(log["row"][place]), int(log["cycle"][place]))
        for entry, (leave, _) in _OPENS.items():
            left = _last(log, names == leave, "rank")
            for (channel, rank), place in _last(log, names == entry, "rank").items():
                if place > left.get((channel, rank), -1):
                    self.states[channel, rank, entry] = int(log["cycle"][place])

    def _close_at_end(self) -> None:
        for channel, bank in list(self.rows):
            self._close(channel, bank, self.end)
        for channel, rank, entry in list(self.states):
            self._leave(channel, rank, _OPENS[entry][0], self.end)

    def _close(self, channel: int, bank: int, cycle: int) -> None:
        row, opened = self.rows.pop((channel, bank), (-1, cycle))
        if row >= 0:
            args = {"row": row, "opened in cycle": opened, "closed in cycle": cycle}
            self._span(channel, self._bank_lane(bank), opened, cycle, f"row {row:#x}", _ROW, args)

    def _close_rank(self, command: _Logged) -> None:
        of_rank = range(command.rank * self.config.n_banks, (command.rank + 1) * self.config.n_banks)
        for channel, bank in list(self.rows):
            if channel == command.channel and bank in of_rank:
                self._close(channel, bank, command.cycle)

    def _leave(self, channel: int, rank: int, name: str, cycle: int) -> None:
        for entry, (leave, words) in _OPENS.items():
            since = self.states.pop((channel, rank, entry), None) if leave == name else None
            if since is not None:
                self._span(
                    channel, _rank_lane(rank), since, cycle, words, "power", {"entered in cycle": since}
                )

    # What is written

    def _bank_lane(self, bank: int) -> int:
        rank, own = divmod(bank, self.config.n_banks)
        return _rank_lane(rank) + 1 + own

    def _span(
        self, channel: int, lane: int, start: int, end: int, name: str, category: str, args: dict[str, Any]
    ) -> None:
        start, end = max(start, self.begin), min(end, self.end)
        if end > start:
            self.spans.append(_Span(channel, lane, start, end, name, category, args))

    def _us(self, cycles: float) -> float:
        return round(cycles * self.recording.device.tck_ps / _PS_PER_US, 9)

    def _event(self, span: _Span) -> dict[str, Any]:
        return {
            "name": span.name,
            "cat": span.category,
            "ph": "X",
            "pid": span.channel,
            "tid": span.lane,
            "ts": self._us(span.start),
            "dur": self._us(span.end - span.start),
            "args": span.args,
        }

    def _names(self) -> Iterator[dict[str, Any]]:
        """A name for every process, and for every thread in it in the order from top to bottom."""
        c, pseudo = self.config, self.recording.device.pseudo_channels
        for channel in range(c.n_channels):
            yield _named("process_name", channel, 0, {"name": f"channel {channel}"})
            yield _named("process_sort_index", channel, 0, {"sort_index": channel})
            for lane, words in _lanes(c.n_ranks, c.n_bank_groups, c.banks_per_group, pseudo):
                yield _named("thread_name", channel, lane, {"name": words})
                yield _named("thread_sort_index", channel, lane, {"sort_index": lane})

    def _counters(self) -> Iterator[dict[str, Any]]:
        """Bandwidth and requests in flight of each channel, at no more than 1,000 points."""
        width = max(1, -(-(self.end - self.begin) // _SAMPLES))
        edges = np.arange(self.begin, self.end + width, width)
        names = np.array(COMMANDS)[self.log["command"]]
        delay = np.where(np.isin(names, READS), self.config.t_read_data, self.config.t_write_data)
        moved_ns = width * self.recording.device.tck_ns
        channels = np.asarray(self.recording.stream.decoded.channel)
        for channel in range(self.config.n_channels):
            own = np.isin(names, COLUMNS) & (self.log["channel"] == channel)
            bursts, _ = np.histogram((self.log["cycle"] + delay)[own], edges)
            gbps = bursts * self.recording.device.burst_bytes / moved_ns
            served = channels == channel
            accepted = _in_order(self.recording.accept[served])
            finished = _in_order(self.recording.finish[served])
            waiting = np.searchsorted(accepted, edges, "right") - np.searchsorted(finished, edges, "right")
            yield from self._counter("bandwidth (GB/s)", channel, edges, gbps.round(4).tolist())
            yield from self._counter("requests in flight", channel, edges, waiting[:-1].tolist())

    def _counter(
        self, name: str, channel: int, edges: NDArray[np.int64], values: list[float]
    ) -> Iterator[dict[str, Any]]:
        """One event where the value changes; a viewer holds it until the next."""
        before: float | None = None
        for cycle, value in zip(edges[:-1].tolist(), values, strict=True):
            if value != before:
                time = self._us(cycle)
                yield {"name": name, "ph": "C", "pid": channel, "ts": time, "args": {"value": value}}
            before = value


class _Logged(NamedTuple):
    """One line of a command log as plain numbers."""

    cycle: int
    command: int
    channel: int
    rank: int
    bank: int
    row: int
    column: int
    request: int


def _commands(log: CommandArrays) -> Iterator[_Logged]:
    columns = (log[name].tolist() for name in _Logged._fields)
    return (_Logged(*line) for line in zip(*columns, strict=True))


def _lasting(recording: Recording) -> dict[str, int]:
    """Cycles that each command is shown for: the shortest constraint to its natural successor."""
    found = dict(zip(COMMANDS, recording.config.lengths, strict=True))
    for before, after in _SUCCESSORS.items():
        numbers = COMMANDS.index(before), COMMANDS.index(after)
        cycles = [row.cycles for row in recording.config.rows if (row.before, row.after) == numbers]
        if cycles:
            found[before] = min(cycles)
    return found


def _last(log: CommandArrays, chosen: NDArray[np.bool_], of: str) -> dict[tuple[int, int], int]:
    """Place of the last chosen command of each (channel, bank or rank)."""
    places = np.flatnonzero(chosen)
    pairs = zip(log["channel"][places].tolist(), log[of][places].tolist(), places.tolist(), strict=True)
    return {(channel, one): place for channel, one, place in pairs}


def _without_overlap(spans: list[_Span]) -> list[_Span]:
    """By lane and time, cut so that two spans of a lane lie apart or a command lies within its open row."""
    lanes: dict[tuple[int, int], list[_Span]] = defaultdict(list)
    for span in spans:
        lanes[span.channel, span.lane].append(span)
    found: list[_Span] = []
    for lane in lanes.values():
        rows = sorted((span for span in lane if span.category == _ROW), key=_by_start)
        others = sorted((span for span in lane if span.category != _ROW), key=_by_start)
        found += rows
        found += _cut(others, rows)
    return sorted(found, key=lambda span: (span.channel, span.lane, span.start, -span.end))


def _cut(spans: list[_Span], rows: list[_Span]) -> Iterator[_Span]:
    """Each span to the start of the next one, and to the end of the row in which it starts."""
    starts = [row.start for row in rows]
    for place, span in enumerate(spans):
        end = min(span.end, spans[place + 1].start) if place + 1 < len(spans) else span.end
        inside = bisect_right(starts, span.start) - 1
        if inside >= 0 and span.start < rows[inside].end:
            end = min(end, rows[inside].end)
        yield span._replace(end=end)


def _rank_lane(rank: int) -> int:
    return _LANES_PER_RANK * (rank + 1)


def _by_start(span: _Span) -> int:
    return span.start


def _lanes(ranks: int, groups: int, banks_per_group: int, pseudo: bool) -> Iterator[tuple[int, str]]:
    """Threads of a channel and what they are called."""
    word = "pseudo channel" if pseudo else "rank"
    for bus in range(ranks if pseudo else 1):
        yield _BUS_LANE + bus, f"data bus of pseudo channel {bus}" if pseudo else "data bus"
    for rank in range(ranks):
        yield _rank_lane(rank), f"{word} {rank}"
        for bank in range(groups * banks_per_group):
            group, own = divmod(bank, banks_per_group)
            yield _rank_lane(rank) + 1 + bank, f"{word} {rank} group {group} bank {own}"


def _in_order(cycles: NDArray[np.int64]) -> NDArray[np.int64]:
    """The cycles of what happened (what did not has -1), ascending."""
    return np.sort(cycles[cycles >= 0])


def _named(kind: str, process: int, thread: int, args: dict[str, Any]) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": process, "tid": thread, "args": args}
