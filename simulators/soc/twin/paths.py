"""Signature path prefetching in plain Python: the specification of ext/soc_paths.pxd.

Source: Kim, Pugsley, Gratz, Reddy, Wilkerson, Chishti, "Path Confidence based Lookahead Prefetching", MICRO
2016, with the sizes given there; for what it leaves open, the behaviour of its authors' prefetcher in
ChampSim (spp_dev), except where this file says otherwise.

The steps between the accesses to a page, in lines, make its signature of 12 bits. A table tells which steps
followed a signature how often. From the signature of an access the likeliest steps are taken in thought, one
after the other, as long as the path is likely enough: the confidence of a step is the share that it has of
its signature, times that of the path up to it, times the share of prefetches that were of use so far.

Decided here: a step counts as seen once when it is first seen (spp_dev: not at all, so that two steps that
take turns are never learnt); page numbers and lines are compared in full (hardware keeps some bits of them);
every line asked for counts as a prefetch, whichever level it is for; a line that was used leaves the filter
and may be asked for again; a path ends where it leaves the page, and after 16 steps.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field

PAGES = 256
PATTERNS = 512
FILTER_ENTRIES = 1024
CROSSINGS = 8
MOST_SEEN = 15
MOST_ISSUED = 1023
ASK_PERCENT = 25
FILL_PERCENT = 90
MOST_STEPS = 16


@dataclass
class Pattern:
    """What followed a signature: how often it was seen, and four steps with how often each came next."""

    seen: int = 0
    steps: list[list[int]] = field(default_factory=lambda: [[0, 0] for _ in range(4)])

    def learn(self, step: int) -> None:
        """Count a step; a new one takes the place of the first of those that came least often."""
        slot = next((slot for slot in self.steps if slot[0] == step), None)
        if slot is None:
            slot = min(self.steps, key=lambda slot: slot[1])
            slot[:] = [step, 0]
        slot[1] += 1
        self.seen += 1
        if self.seen > MOST_SEEN:
            self.seen //= 2
            self.steps = [[kept, count // 2] for kept, count in self.steps]


@dataclass
class Crossing:
    """A step that would have led out of its page, and where to in the next one."""

    signature: int
    confidence: int
    offset: int
    step: int


@dataclass
class Page:
    """A page that was accessed: where last, and by what steps. A signature of 0 says nothing yet."""

    offset: int
    signature: int


def extend(signature: int, step: int) -> int:
    """The signature after one more step, which enters as seven bits: six of magnitude, one of sign."""
    coded = abs(step) % 64 + (64 if step < 0 else 0)
    return (signature * 8 ^ coded) % 2**12


class Paths:
    """The tables of one prefetcher."""

    def __init__(self, lines_a_page: int) -> None:
        self.lines_a_page = lines_a_page
        self.pages: OrderedDict[int, Page] = OrderedDict()  # least recently used first
        self.patterns: dict[int, Pattern] = defaultdict(Pattern)
        self.waiting: dict[int, int] = {}  # the filter: lines asked for and not used yet
        self.crossings: list[Crossing] = []
        self.issued = 0
        self.useful = 0

    def access(self, line: int, degree: int) -> list[tuple[int, bool]]:
        """Learn from an access; lines to prefetch, each with whether it is for the next level only."""
        if self.forget(line):
            self.useful += 1
        signature = self._step_to(line)
        return self._walk(line, signature, degree) if signature else []

    def forget(self, line: int) -> bool:
        """Take a line out of the filter; whether it was there."""
        if self.waiting.get(self._filter_index(line)) != line:
            return False
        del self.waiting[self._filter_index(line)]
        return True

    @staticmethod
    def _filter_index(line: int) -> int:
        return (line ^ line >> 10) % FILTER_ENTRIES

    def _pattern(self, signature: int) -> Pattern:
        return self.patterns[(signature ^ signature >> 9) % PATTERNS]

    def _step_to(self, line: int) -> int:
        """Note the access in its page; the signature that led to it, 0 for none."""
        number, offset = divmod(line, self.lines_a_page)
        page = self.pages.get(number)
        if page is None:
            if len(self.pages) == PAGES:
                self.pages.popitem(last=False)
            page = self.pages[number] = Page(offset, self._arriving(offset))
            return page.signature
        self.pages.move_to_end(number)
        step, page.offset = offset - page.offset, offset
        if step == 0:
            return 0
        if page.signature:
            self._pattern(page.signature).learn(step)
        page.signature = extend(page.signature, step)
        return page.signature

    def _arriving(self, offset: int) -> int:
        """The signature of a page seen for the first time: of a path that left another for this offset."""
        came = [crossing for crossing in self.crossings if crossing.offset == offset]
        return extend(came[0].signature, came[0].step) if came else 0

    def _walk(self, line: int, signature: int, degree: int) -> list[tuple[int, bool]]:
        accuracy = min(100, 100 * self.useful // self.issued) if self.issued else 0
        asked: list[tuple[int, bool]] = []
        base, path = line, 100
        for taken in range(MOST_STEPS):
            likely = self._likely_steps(signature, accuracy * path if taken else 100 * 100)
            for step, confidence in likely:
                if self._page_of(base + step) != self._page_of(line):
                    self._note_crossing(signature, confidence, (base + step) % self.lines_a_page, step)
                elif len(asked) < degree and base + step != line and self._admit(base + step):
                    asked.append((base + step, confidence < FILL_PERCENT))
            if not likely or len(asked) == degree:
                break
            step, path = max(likely, key=lambda found: found[1])
            base, signature = base + step, extend(signature, step)
            if self._page_of(base) != self._page_of(line):
                break
        return asked

    def _page_of(self, line: int) -> int:
        return line // self.lines_a_page

    def _likely_steps(self, signature: int, so_far: int) -> list[tuple[int, int]]:
        """The steps worth a prefetch with their confidence in percent. so_far: of the path, in 1/10,000."""
        pattern = self._pattern(signature)
        if pattern.seen == 0:
            return []
        rated = [(step, 100 * count // pattern.seen * so_far // 10000) for step, count in pattern.steps]
        return [(step, confidence) for step, confidence in rated if confidence >= ASK_PERCENT]

    def _admit(self, line: int) -> bool:
        """Put a line into the filter and count it, unless it is there."""
        index = self._filter_index(line)
        if self.waiting.get(index) == line:
            return False
        self.waiting[index] = line
        self.issued += 1
        if self.issued > MOST_ISSUED:
            self.issued //= 2
            self.useful //= 2
        return True

    def _note_crossing(self, signature: int, confidence: int, offset: int, step: int) -> None:
        """In place of the one to the same offset, or of the first of the least confident of eight."""
        noted = Crossing(signature, confidence, offset, step)
        same = [place for place, crossing in enumerate(self.crossings) if crossing.offset == offset]
        if same:
            self.crossings[same[0]] = noted
        elif len(self.crossings) < CROSSINGS:
            self.crossings.append(noted)
        else:
            least = min(range(CROSSINGS), key=lambda place: self.crossings[place].confidence)
            self.crossings[least] = noted
