"""Branch prediction, as it is meant: what the front end of a core guesses, and what it learns.

The engine (ext/soc_branch.pxd) equals this module branch for branch; tests/ext/test_soc_front.py compares.
A branch is predicted and learnt at once, in program order and with the outcome that the trace has. Sources:
the rules and sizes of bimodal, target buffer, return stack and indirect targets are those of ChampSim's
"bimodal" and "basic_btb" modules; gshare is McFarling (WRL TN-36, 1993); the perceptron Jiménez and Lin
(HPCA 2001), in ChampSim's size; TAGE Seznec and Michaud (JILP 8, 2006), with five components, without path
history, and with the first free table instead of a random one, so that a run can be repeated.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from traces.instructions import Branch

PREDICTORS = ("not-taken", "bimodal", "gshare", "perceptron", "tage")  # the engine knows them by position


class Outcome(IntEnum):
    """How long the front end goes the wrong way."""

    RIGHT = 0
    WRONG_UNTIL_EXECUTED = 1
    WRONG_UNTIL_DECODED = 2


@dataclass(frozen=True, slots=True)
class PredictorConfig:
    """Sizes that a design chooses; btb_sets and indirect_targets (up to 2^20) are powers of two."""

    kind: str = "bimodal"
    btb_sets: int = 1024
    btb_ways: int = 8
    indirect_targets: int = 4096
    return_addresses: int = 64


class Direction(Protocol):
    """Guesses whether a conditional branch is taken."""

    def guess(self, ip: int) -> bool:
        """Whether the branch at `ip` is predicted taken."""

    def train(self, ip: int, taken: bool) -> None:
        """What became of the branch that was guessed last."""


class BranchPredictor:
    """Direction and target of every branch of a core."""

    def __init__(self, config: PredictorConfig) -> None:
        self.direction = _direction(config.kind)
        self.targets = TargetBuffer(config.btb_sets, config.btb_ways)
        self.indirect = IndirectTargets(config.indirect_targets)
        self.returns = ReturnStack(config.return_addresses)

    def outcome(self, ip: int, target: int, kind: Branch, taken: bool) -> Outcome:
        """Predict one branch and learn from it. target: where it goes when taken.

        Branches other than CONDITIONAL and OTHER are taken, whatever `taken` says. A branch that the target
        buffer does not know goes on behind itself; a direct one is set right by the decoder.
        """
        if kind in (Branch.CONDITIONAL, Branch.OTHER):
            return self._conditional(ip, target, taken)
        known = self.targets.target(ip)
        self.targets.learn(ip, target)
        if kind in (Branch.CALL, Branch.INDIRECT_CALL):
            self.returns.call(ip)
        if kind in (Branch.JUMP, Branch.CALL):
            return Outcome.RIGHT if known == target else Outcome.WRONG_UNTIL_DECODED
        if kind == Branch.RETURN:
            guess = self.returns.target()
            self.returns.learn(target)
        else:
            guess = self.indirect.target(ip)
            self.indirect.learn(ip, target)
        is_right = known is not None and guess == target
        return Outcome.RIGHT if is_right else Outcome.WRONG_UNTIL_EXECUTED

    def _conditional(self, ip: int, target: int, taken: bool) -> Outcome:
        known = self.targets.target(ip)
        guess = self.direction.guess(ip)
        if taken:
            self.targets.learn(ip, target)
        self.direction.train(ip, taken)
        self.indirect.remember(taken)
        if guess != taken:
            return Outcome.WRONG_UNTIL_EXECUTED
        return Outcome.WRONG_UNTIL_DECODED if taken and known != target else Outcome.RIGHT


# ------------------------------------------------------------------------------------------------- targets


class TargetBuffer:
    """Targets of the branches that were taken, by address: sets of ways, the least recently used leaves."""

    def __init__(self, sets: int, ways: int) -> None:
        self.sets = [OrderedDict[int, int]() for _ in range(sets)]
        self.ways = ways

    def _set_of(self, ip: int) -> OrderedDict[int, int]:
        return self.sets[ip // 4 % len(self.sets)]

    def target(self, ip: int) -> int | None:
        """The target known for the branch, which then counts as used."""
        row = self._set_of(ip)
        if ip not in row:
            return None
        row.move_to_end(ip)
        return row[ip]

    def learn(self, ip: int, target: int) -> None:
        """The branch went to `target`."""
        row = self._set_of(ip)
        row[ip] = target
        row.move_to_end(ip)
        if len(row) > self.ways:
            row.popitem(last=False)


class IndirectTargets:
    """The last target of indirect branches, by address and the outcomes before them; without tags."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.outcomes: list[bool] = []  # of conditional branches, the newest first
        self.table: dict[int, int] = {}

    def _place(self, ip: int) -> int:
        return (ip // 4 ^ _as_number(self.outcomes)) % self.size

    def target(self, ip: int) -> int | None:
        """The target predicted, None for a place that was never used."""
        return self.table.get(self._place(ip))

    def learn(self, ip: int, target: int) -> None:
        """The branch went to `target`."""
        self.table[self._place(ip)] = target

    def remember(self, taken: bool) -> None:
        """A conditional branch has been predicted since."""
        self.outcomes = [taken, *self.outcomes][: self.size.bit_length() - 1]


class ReturnStack:
    """The calls that have not returned, and how long calls are: a return goes behind the last call.

    A trace has no sizes of instructions, so that of a call is learnt from its return; 4 bytes before that,
    and a distance above 10 is no size.
    """

    PLACES_OF_SIZES = 1024
    FIRST_SIZE = 4
    LARGEST_SIZE = 10

    def __init__(self, places: int) -> None:
        self.places = places
        self.calls: list[int] = []
        self.size: dict[int, int] = {}

    def call(self, ip: int) -> None:
        """A call at `ip`; of too many, the oldest is forgotten."""
        self.calls = [*self.calls, ip][-self.places :]

    def target(self) -> int | None:
        """Where the last call goes on; None without any."""
        if not self.calls:
            return None
        ip = self.calls[-1]
        return ip + self.size.get(ip % self.PLACES_OF_SIZES, self.FIRST_SIZE)

    def learn(self, target: int) -> None:
        """The last call has returned to `target`."""
        if self.calls:
            ip = self.calls.pop()
            if 0 <= target - ip <= self.LARGEST_SIZE:
                self.size[ip % self.PLACES_OF_SIZES] = target - ip


# ----------------------------------------------------------------------------------------------- direction


class NotTaken:
    """No branch is taken."""

    def guess(self, ip: int) -> bool:
        """Never."""
        return False

    def train(self, ip: int, taken: bool) -> None:
        """Learns nothing."""


class Bimodal:
    """A counter of two bits for each branch, by address modulo the largest prime below 16384."""

    COUNTERS = 16381

    def __init__(self) -> None:
        self.counter: dict[int, int] = {}

    def guess(self, ip: int) -> bool:
        """Whether the branch was taken more often of late."""
        return self.counter.get(ip % self.COUNTERS, 0) >= 2

    def train(self, ip: int, taken: bool) -> None:
        """One step up or down."""
        place = ip % self.COUNTERS
        self.counter[place] = _stepped(self.counter.get(place, 0), taken, 0, 3)


class Gshare:
    """Counters of two bits, by address and the last 14 outcomes of all conditional branches."""

    HISTORY = 14

    def __init__(self) -> None:
        self.counter: dict[int, int] = {}
        self.outcomes: list[bool] = []

    def _place(self, ip: int) -> int:
        return (ip ^ _as_number(self.outcomes)) % (1 << self.HISTORY)

    def guess(self, ip: int) -> bool:
        """Whether the branch was taken more often, after these outcomes."""
        return self.counter.get(self._place(ip), 0) >= 2

    def train(self, ip: int, taken: bool) -> None:
        """One step up or down, and one outcome more."""
        place = self._place(ip)
        self.counter[place] = _stepped(self.counter.get(place, 0), taken, 0, 3)
        self.outcomes = [taken, *self.outcomes][: self.HISTORY]


class Perceptron:
    """A weighted vote of the last 24 outcomes, with weights of 8 bits for each of 163 groups of branches.

    threshold: below this a right guess is trained, too; floor(1.93 h + 14), equation of section 3.4 there.
    """

    PERCEPTRONS = 163
    HISTORY = 24
    THRESHOLD = (193 * HISTORY + 1400) // 100

    def __init__(self) -> None:
        self.weights: dict[int, list[int]] = {}
        self.outcomes = [-1] * self.HISTORY  # the newest first

    def _weights_of(self, ip: int) -> list[int]:
        return self.weights.setdefault(ip % self.PERCEPTRONS, [0] * (self.HISTORY + 1))

    def _vote(self, ip: int) -> int:
        *weights, bias = self._weights_of(ip)
        return bias + sum(w * x for w, x in zip(weights, self.outcomes, strict=True))

    def guess(self, ip: int) -> bool:
        """Whether the vote is not negative."""
        return self._vote(ip) >= 0

    def train(self, ip: int, taken: bool) -> None:
        """Weights move towards the outcomes that agree with this one."""
        up = 1 if taken else -1
        vote = self._vote(ip)
        if (vote >= 0) != taken or abs(vote) <= self.THRESHOLD:
            moved = [w + up * x for w, x in zip(self._weights_of(ip), [*self.outcomes, 1], strict=True)]
            self.weights[ip % self.PERCEPTRONS] = [max(-128, min(127, weight)) for weight in moved]
        self.outcomes = [up, *self.outcomes[:-1]]


@dataclass(slots=True)
class TaggedCounter:
    """An entry of a tagged table: taken from 0 on; how often it knew better than the next best."""

    tag: int
    counter: int
    useful: int = 0


class Tage:
    """A bimodal predictor, and four tagged tables of 1024 entries that look back ever further.

    The longest history whose entry bears the branch's tag decides. An entry that is new, its counter next to
    its start, counts less than the next best match while that is right more often. Where the guess was wrong,
    the branch gets an entry in the first table of longer history where its place is of no use to another.
    """

    HISTORIES = (5, 15, 44, 130)
    INDEX_BITS = 10
    TAG_BITS = 9
    USEFUL_PERIOD = 1 << 18  # branches, after which one bit of every useful counter is cleared, in turn

    def __init__(self) -> None:
        self.base = Bimodal()
        self.tables: list[dict[int, TaggedCounter]] = [{} for _ in self.HISTORIES]
        self.outcomes = 0  # the newest in bit 0
        self.branches = 0
        self.trust_alternative = 0

    def _index(self, k: int, ip: int) -> int:
        fold = _folded(self.outcomes, self.HISTORIES[k], self.INDEX_BITS)
        return (ip ^ ip >> (self.INDEX_BITS - k) ^ fold) % (1 << self.INDEX_BITS)

    def _tag(self, k: int, ip: int) -> int:
        history = self.HISTORIES[k]
        fold = _folded(self.outcomes, history, self.TAG_BITS)
        short = _folded(self.outcomes, history, self.TAG_BITS - 1)
        return (ip ^ fold ^ short << 1) % (1 << self.TAG_BITS)

    def _matches(self, ip: int) -> dict[int, TaggedCounter]:
        """Entries of the branch by the number of their table, the longest history first."""
        found = {}
        for k in reversed(range(len(self.tables))):
            entry = self.tables[k].get(self._index(k, ip))
            if entry is not None and entry.tag == self._tag(k, ip):
                found[k] = entry
        return found

    def _opinions(self, ip: int) -> list[bool]:
        """What the matches say, the longest history first, and the bimodal predictor last."""
        return [entry.counter >= 0 for entry in self._matches(ip).values()] + [self.base.guess(ip)]

    def guess(self, ip: int) -> bool:
        """What the longest match says, or the next best when that one is new and not to be trusted."""
        opinions = self._opinions(ip)
        longest = next(iter(self._matches(ip).values()), None)
        if longest is not None and _is_new(longest) and self.trust_alternative >= 0:
            return opinions[1]
        return opinions[0]

    def train(self, ip: int, taken: bool) -> None:
        """The longest match learns; a wrong guess makes a new entry."""
        matches, opinions, guess = self._matches(ip), self._opinions(ip), self.guess(ip)
        if not matches:
            self.base.train(ip, taken)
        else:
            own, alternative = opinions[:2]
            entry = next(iter(matches.values()))
            if own != alternative:
                if _is_new(entry):
                    self.trust_alternative = _stepped(self.trust_alternative, alternative == taken, -8, 7)
                entry.useful = _stepped(entry.useful, own == taken, 0, 3)
            entry.counter = _stepped(entry.counter, taken, -4, 3)
        if guess != taken and opinions[0] != taken:
            self._allocate(ip, max(matches, default=-1) + 1, taken)
        self.outcomes = (self.outcomes << 1 | taken) % (1 << max(self.HISTORIES))
        self._age()

    def _allocate(self, ip: int, first: int, taken: bool) -> None:
        places = [(k, self._index(k, ip)) for k in range(first, len(self.tables))]
        taken_by = [self.tables[k].get(index) for k, index in places]
        for (k, index), entry in zip(places, taken_by, strict=True):
            if entry is None or entry.useful == 0:
                self.tables[k][index] = TaggedCounter(self._tag(k, ip), 0 if taken else -1)
                return
        for entry in filter(None, taken_by):
            entry.useful -= 1

    def _age(self) -> None:
        self.branches += 1
        periods, rest = divmod(self.branches, self.USEFUL_PERIOD)
        if rest == 0:
            kept = 0b01 if periods % 2 else 0b10
            for entry in (entry for table in self.tables for entry in table.values()):
                entry.useful &= kept


def _is_new(entry: TaggedCounter) -> bool:
    return entry.useful == 0 and entry.counter in (-1, 0)


def _folded(outcomes: int, length: int, width: int) -> int:
    """The last `length` outcomes, cut into pieces of `width` bits that are XORed."""
    rest, fold = outcomes % (1 << length), 0
    while rest:
        fold ^= rest % (1 << width)
        rest >>= width
    return fold


def _as_number(outcomes: list[bool]) -> int:
    return sum(taken << age for age, taken in enumerate(outcomes))


def _stepped(value: int, up: bool, least: int, most: int) -> int:
    return max(least, min(most, value + (1 if up else -1)))


def _direction(kind: str) -> Direction:
    made: dict[str, type[Direction]] = dict(
        zip(PREDICTORS, (NotTaken, Bimodal, Gshare, Perceptron, Tage), strict=True)
    )
    return made[kind]()
