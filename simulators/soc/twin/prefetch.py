"""What a cache fetches before it is asked, in plain Python: the specification of ext/soc_prefetch.pxd.

Sources. Next line: Smith, "Cache Memories", ACM Computing Surveys 1982 (tagged prefetching). Stride by
instruction: Fu, Patel, Janssens, MICRO 1992, and Chen and Baer, IEEE ToC 1995. Streams: Srinath, Mutlu, Kim,
Patt, "Feedback Directed Prefetching", HPCA 2007, section 2. Best offset: Michaud, "Best-Offset Hardware
Prefetching", HPCA 2016. SPP: `simulators.soc.twin.paths`. What the papers leave open is said at the class
that decides it.

How a cache uses a prefetcher. `advise` is called for every demand access, after it was looked up; the lines
it gives are looked up and, where they are missing and a miss register is free, fetched. Each lies in the page
of the access. A line that comes in is reported by `on_prefetch_fill` if its request began as a prefetch, by
`on_demand_fill` if not; a prefetched line that leaves without a use, by `on_useless`. No access asks for more
than `degree` lines; `degree` may change at any time, and at 0 the tables go on learning.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from simulators.soc.twin.paths import Paths

LINE_BITS = 6
STRIDE_ENTRIES = 256
TRACKERS = 16
TRAINING_LINES = 16
OFFSETS: list[int] = [n for n in range(1, 257) if (2 * 3 * 5) ** 8 % n == 0]
RECENT_ENTRIES = 256
SCORE_MAX = 31
ROUND_MAX = 100
BAD_SCORE = 1


class Advice(NamedTuple):
    """A line to prefetch. below: it is worth a place in the next level only."""

    line: int
    below: bool = False


class Prefetcher:
    """Asks for nothing; the others override what they need."""

    def __init__(self, degree: int, page_bits: int = 12) -> None:
        self.degree = degree
        self.lines_a_page = 1 << (page_bits - LINE_BITS)

    def advise(self, ip: int, line: int, hit: bool, first_use: bool) -> list[Advice]:
        """What to prefetch, in order. first_use: the first demand hit on a line that was prefetched."""
        return []

    def on_demand_fill(self, line: int) -> None:
        """A line came in for a demand access."""

    def on_prefetch_fill(self, line: int) -> None:
        """A line came in that was prefetched."""

    def on_useless(self, line: int) -> None:
        """A prefetched line left without a use."""

    def steps(self, line: int, step: int) -> list[int]:
        """As many lines after `line`, a step apart, as the degree and the page allow."""
        page = line // self.lines_a_page
        lines = (line + k * step for k in range(1, self.degree + 1))
        return [other for other in lines if other // self.lines_a_page == page]


class NextLine(Prefetcher):
    """The lines that follow, on a miss and on the first use of a prefetched line."""

    def advise(self, ip: int, line: int, hit: bool, first_use: bool) -> list[Advice]:
        return [] if hit and not first_use else [Advice(other) for other in self.steps(line, 1)]


class IpStride(Prefetcher):
    """The stride in lines between the accesses of one instruction, once it was seen often enough.

    256 entries, directly mapped by the exclusive or of the two lowest bytes of the instruction's address,
    and checked against all of it. A confidence of 2 bits: one up where the stride repeats, one down where
    it does not, and a new stride once it is 0; from 2 on the stride counts. Accesses to the line of the
    access before are passed over.
    """

    @dataclass
    class Entry:
        """What is known of one instruction."""

        ip: int
        line: int
        stride: int = 0
        confidence: int = 0

    def __init__(self, degree: int, page_bits: int = 12) -> None:
        super().__init__(degree, page_bits)
        self.table: dict[int, IpStride.Entry] = {}

    def advise(self, ip: int, line: int, hit: bool, first_use: bool) -> list[Advice]:
        index = (ip ^ ip >> 8) % STRIDE_ENTRIES
        entry = self.table.get(index)
        if entry is None or entry.ip != ip:
            self.table[index] = self.Entry(ip, line)
            return []
        stride, entry.line = line - entry.line, line
        if stride == 0:
            return []
        if stride == entry.stride:
            entry.confidence = min(3, entry.confidence + 1)
        elif entry.confidence:
            entry.confidence -= 1
        else:
            entry.stride = stride
        return [Advice(other) for other in self.steps(line, entry.stride)] if entry.confidence >= 2 else []


class Stream(Prefetcher):
    """16 trackers, each of a stream of misses up or down within one page.

    A miss that no tracker knows takes the least recently used one. Two further misses within 16 lines of the
    first, each a step the same way, train it; a step the other way lets it begin anew from the miss before.
    A trained tracker watches the region from its first miss to the last line it asked for, at first to the
    miss that trained it, and asks for `degree` lines after the end when a line of it misses or is used for
    the first time; the end moves on with them. The region is at most `distance` long: its start follows.
    Accesses behind the start, back to the first miss, belong to the stream and ask for nothing. (The paper
    forgets them; it asks for nothing on the access that trains.)
    """

    @dataclass
    class Tracker:
        """One stream; `direction` is 0 until there were two misses."""

        first: int
        latest: int
        direction: int = 0
        trained: bool = False
        start: int = 0
        end: int = 0

    def __init__(self, degree: int, page_bits: int = 12, distance: int = 16) -> None:
        super().__init__(degree, page_bits)
        self.distance = distance
        self.trackers: OrderedDict[int, Stream.Tracker] = OrderedDict()  # by place, least recently used first

    def advise(self, ip: int, line: int, hit: bool, first_use: bool) -> list[Advice]:
        if hit and not first_use:
            return []
        for place in sorted(self.trackers):
            tracker = self.trackers[place]
            if self._knows(tracker, line, hit):
                self.trackers.move_to_end(place)
                if not tracker.trained and not self._train(tracker, line):
                    return []
                return [Advice(other) for other in self._run_ahead(tracker, line)]
        if not hit:
            place = len(self.trackers)
            if place == TRACKERS:
                place, _ = self.trackers.popitem(last=False)
            self.trackers[place] = self.Tracker(line, line)
        return []

    def _knows(self, tracker: Tracker, line: int, hit: bool) -> bool:
        if tracker.trained:
            return min(tracker.first, tracker.end) <= line <= max(tracker.first, tracker.end)
        same_page = line // self.lines_a_page == tracker.first // self.lines_a_page
        return not hit and same_page and abs(line - tracker.first) <= TRAINING_LINES

    @staticmethod
    def _train(tracker: Tracker, line: int) -> bool:
        """Whether this miss was the one that trained the tracker."""
        if line == tracker.latest:
            return False
        direction = 1 if line > tracker.latest else -1
        if direction == tracker.direction:
            tracker.trained = True
            tracker.start, tracker.end = tracker.first, line
            return True
        if tracker.direction:
            tracker.first = tracker.latest
        tracker.direction, tracker.latest = direction, line
        return False

    def _run_ahead(self, tracker: Tracker, line: int) -> list[int]:
        if abs(line - tracker.end) > abs(tracker.start - tracker.end):
            return []
        asked = self.steps(tracker.end, tracker.direction)
        tracker.end += len(asked) * tracker.direction
        if abs(tracker.end - tracker.start) > self.distance:
            tracker.start = tracker.end - tracker.direction * self.distance
        return asked


class BestOffset(Prefetcher):
    """BOP: the offset by which most accesses would have been prefetched in time.

    On a miss and on the first use of a prefetched line one offset of 52 is tested: a point, if the line that
    lies so far before, in the same page, is in the table of recent requests: those whose prefetch has come.
    After a round in which a score reached 31, or after 100 rounds, the offset of the highest score, the
    smallest of equals, is used; no prefetch if the score is 1 or less, and then every line that comes in
    counts as a recent request. The table has 256 entries, indexed by the exclusive or of the lowest two
    bytes of the line, with a tag of the 12 bits above the lowest 8. It begins with an offset of 1. Of the
    paper's degree of one we make any: the offset once, twice ... added.
    """

    def __init__(self, degree: int, page_bits: int = 12) -> None:
        super().__init__(degree, page_bits)
        self.offset = 1
        self.recent: dict[int, int] = {}
        self.scores = dict.fromkeys(OFFSETS, 0)
        self.rounds = 0
        self.untested = list(OFFSETS)

    def advise(self, ip: int, line: int, hit: bool, first_use: bool) -> list[Advice]:
        if hit and not first_use:
            return []
        self._test(self.untested.pop(0), line)
        if not self.untested:
            self._end_round()
        return [Advice(other) for other in self.steps(line, self.offset)] if self.offset else []

    def on_demand_fill(self, line: int) -> None:
        if self.offset == 0 or self.degree == 0:
            self._remember(line)

    def on_prefetch_fill(self, line: int) -> None:
        if self._same_page(line, line - self.offset):
            self._remember(line - self.offset)

    def _same_page(self, line: int, other: int) -> bool:
        return line // self.lines_a_page == other // self.lines_a_page

    def _remember(self, line: int) -> None:
        index, tag = self._split(line)
        self.recent[index] = tag

    @staticmethod
    def _split(line: int) -> tuple[int, int]:
        return (line ^ line >> 8) % RECENT_ENTRIES, (line >> 8) % 2**12

    def _test(self, offset: int, line: int) -> None:
        index, tag = self._split(line - offset)
        if self._same_page(line, line - offset) and self.recent.get(index) == tag:
            self.scores[offset] += 1

    def _end_round(self) -> None:
        self.rounds += 1
        self.untested = list(OFFSETS)
        best = max(OFFSETS, key=self.scores.__getitem__)
        if self.scores[best] == SCORE_MAX or self.rounds == ROUND_MAX:
            self.offset = best if self.scores[best] > BAD_SCORE else 0
            self.scores = dict.fromkeys(OFFSETS, 0)
            self.rounds = 0


class SignaturePaths(Prefetcher):
    """SPP: along the likeliest path of steps from line to line; see `simulators.soc.twin.paths`."""

    def __init__(self, degree: int, page_bits: int = 12) -> None:
        super().__init__(degree, page_bits)
        self.paths = Paths(self.lines_a_page)

    def advise(self, ip: int, line: int, hit: bool, first_use: bool) -> list[Advice]:
        return [Advice(*asked) for asked in self.paths.access(line, self.degree)]

    def on_useless(self, line: int) -> None:
        self.paths.forget(line)


def prefetcher(kind: str, degree: int, distance: int = 16, page_bits: int = 12) -> Prefetcher:
    """The prefetcher by the name that ext.soc_policies.PREFETCHERS gives it; KeyError for another."""
    if kind == "stream":
        return Stream(degree, page_bits, distance)
    return {
        "none": Prefetcher,
        "next_line": NextLine,
        "ip_stride": IpStride,
        "bop": BestOffset,
        "spp": SignaturePaths,
    }[kind](degree, page_bits)
