"""A team: any mix of searchers, one for each group of subsystems, that work on one design.

Alternating play is block coordinate descent: one member after the other searches its part while the others'
parts stay as in the best design known under the preference of the round. Each turn is a search of its own in
the space that is left (`restrict`), told at its start what is known there. When a whole round finds nothing
new, the team starts again from random designs.

Simultaneous play: every member proposes its part, row by row these make up designs, and every member is told
what came of them; to each the others are noise. What the space forbids is told as forbidden and not proposed.

The members are built by their registered names, so that this module knows no algorithm. Designs known are
answered from memory and never proposed twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.options import option, read_options
from agents.search.memory import Memory
from agents.search.part import Part, apart, around
from agents.search.rng import restore_generator
from dse.errors import ConfigError, InputError, did_you_mean, listed
from dse.registry import check_keywords, resolve
from dse.search import Capabilities, Listener, Proposal, Results, Searcher, SearchProblem
from dse.space import DesignSpace, IndexMatrix

_IDLE = 64  # proposals of members in one ask that hold nothing new, before random designs
_STARTS = 8  # designs at most with which alternating play starts again
_KEYS = ("subsystems", "name", "options")


@dataclass(frozen=True, slots=True)
class Options:
    """Who plays, and how."""

    members: Any = option((), meaning="tables: `subsystems`, `name` of a searcher, `options`")  # noqa: RUF009
    rest: str = option("local", meaning="searcher of each subsystem that no member has")
    play: str = option("alternating", meaning="how the members move", choices=("alternating", "simultaneous"))
    turn: int = option(8, low=1, meaning="most new designs of a member's turn (alternating)")


@dataclass(frozen=True, slots=True)
class Member:
    """A searcher by its registered name, and the columns of the space that it has."""

    number: int
    name: str
    options: dict[str, Any]
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Move:
    """What a member proposed, and the whole designs (B, D) it became part of."""

    part: Part
    searcher: Searcher
    proposal: Proposal
    designs: IndexMatrix


class Team:
    """Members that search one design together; see the module text."""

    capabilities = Capabilities()

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = read_options(Options, options, algorithm="team")
        self.space = problem.space
        self.members = _members(self.options, self.space)
        self._memory = Memory(problem, seed)
        cast = _Cast(problem, self.members, self._memory.rng)
        alternating = self.options.play == "alternating"
        self._play = (_Alternating if alternating else _Simultaneous)(cast, self._memory, self.options)
        self._moves: list[_Move] = []

    def ask(self, n: int) -> Proposal:
        """Up to n new designs; none when every feasible design is known."""
        for _ in range(_IDLE):
            moves = self._play.moves(n)
            if not moves:
                return Proposal(self._play.start(n))
            designs = self._memory.propose(max((move.designs for move in moves), key=len), n)
            if len(designs):
                self._moves = moves
                return Proposal(designs)
            self._learn(moves)
        return Proposal(self._memory.draw(n))

    def tell(self, proposal: Proposal, results: Results) -> None:
        """Remember the results; every member that moved is told what came of its part."""
        self._memory.add(proposal.indices, results)
        self._play.count(len(proposal))
        self._learn(self._moves)
        self._moves = []

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """Remember designs of others; members that play now and can, learn from them."""
        self._memory.hear(indices, results)
        self._play.hear(indices)

    def state(self) -> dict[str, Any]:
        """What is known, how far the play is, and the states of the members."""
        return {**self._memory.state(), "play": self._play.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        self._memory.load(state)
        self._play.load(state["play"])
        restore_generator(self._memory.rng, state["rng"])  # building members drew seeds from it

    def _learn(self, moves: list[_Move]) -> None:
        for move in moves:
            rows = move.proposal.indices
            move.searcher.tell(move.proposal, move.part.results(rows, move.designs, self._memory))


class _Cast:
    """Builds the searchers of members, each with a seed of its own, drawn from the team's generator."""

    def __init__(self, problem: SearchProblem, members: tuple[Member, ...], rng: np.random.Generator) -> None:
        self.problem, self.members, self._rng = problem, members, rng

    def searcher(self, member: Member, part: Part) -> Searcher:
        """A new searcher of this member for this part."""
        who = f"searcher 'team': member {member.number + 1} ({member.name})"
        try:
            build = resolve("searcher", member.name)
            check_keywords(build, member.options, f"searcher {member.name!r}")
            seed = np.random.SeedSequence(self._rng.integers(2**32, size=4).tolist())
            made: Searcher = build(part.problem, seed, **member.options)
        except InputError as error:
            raise ConfigError(f"{who}: {error.message}", key="members") from error
        if part.problem.n_objectives > 1 and not made.capabilities.multi_objective:
            raise ConfigError(f"{who} takes one objective, not {part.problem.n_objectives}", key="members")
        return made


class _Alternating:
    """One member moves, around the best design; `since`: the archive's length when the team last started.

    mover: whose turn it is; left: new designs of this turn that are still to come; news: of this round.
    """

    def __init__(self, cast: _Cast, memory: Memory, options: Options) -> None:
        self._cast, self._memory, self._turn = cast, memory, options.turn
        self._weights = memory.weights(1)[0]
        self._since, self._mover, self._left, self._news = 0, -1, 0, 0
        self._part: Part | None = None
        default = cast.problem.space.encode({})
        for member in cast.members:  # what is wrong with one is said now, and not in the middle of a run
            self._searcher = cast.searcher(member, around(cast.problem, member.columns, default))

    def moves(self, n: int) -> list[_Move]:
        """The next designs of whoever has the turn; nothing when the team has to start again."""
        while True:
            if (self._part is None or not self._left) and not self._next_turn():
                return []
            if not self._left:
                continue
            assert self._part is not None
            proposal = self._searcher.ask(min(n, self._left, self._searcher.capabilities.max_batch or n))
            if len(proposal):
                designs = self._part.designs(proposal.indices)
                return [_Move(self._part, self._searcher, proposal, designs)]
            self._part = None

    def start(self, n: int) -> IndexMatrix:
        """New designs from which the best will be taken up."""
        self._since, self._mover, self._news, self._part = len(self._memory.archive), -1, 0, None
        return self._memory.draw(min(n, _STARTS))

    def count(self, n: int) -> None:
        """So many new designs were simulated."""
        self._left = max(0, self._left - n)
        self._news += n

    def hear(self, designs: IndexMatrix) -> None:
        """The rest of the turn is given up: the next one begins at what is best now."""
        self._part = None

    def state(self) -> dict[str, Any]:
        """Whose turn it is, around which design, and that member's state."""
        return {
            "weights": self._weights.copy(),
            "counts": [self._since, self._mover, self._left, self._news],
            "base": self._part.base.copy() if self._part is not None else None,
            "searcher": self._searcher.state() if self._part is not None else None,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        self._weights = state["weights"]
        self._since, self._mover, self._left, self._news = state["counts"]
        self._part = None
        if state["searcher"] is not None:
            columns = self._cast.members[self._mover].columns
            self._take_seat(around(self._cast.problem, columns, state["base"]))
            self._searcher.load(state["searcher"])

    def _next_turn(self) -> bool:
        """Give the turn to the next member; False when the last round found nothing new, or at the start."""
        members, archive = self._cast.members, self._memory.archive
        if self._mover + 1 == len(members):
            if not self._news:
                return False
            self._mover, self._news = -1, 0
        if self._mover == -1:
            self._weights = self._memory.weights(1)[0]
        if self._since == len(archive):
            return False
        scores = self._memory.scores(self._weights, slice(self._since, None))
        base = archive.designs[self._since + int(np.argmin(scores))].copy()
        if self._cast.problem.space.violations(base[None, :]).any():
            return False
        self._mover += 1
        part = around(self._cast.problem, self._cast.members[self._mover].columns, base)
        self._left = min(self._turn, part.unknown(self._memory, self._turn))
        if self._left:
            self._take_seat(part)
            if isinstance(self._searcher, Listener):
                self._recall(part, self._searcher)
        return True

    def _take_seat(self, part: Part) -> None:
        """Build the searcher whose turn it is."""
        self._part = part
        self._searcher = self._cast.searcher(self._cast.members[self._mover], part)

    def _recall(self, part: Part, searcher: Listener) -> None:
        """Tell a searcher what is known of its part."""
        others = np.delete(np.arange(len(part.base)), part.columns)
        designs = self._memory.archive.designs
        designs = designs[(designs[:, others] == part.base[others]).all(axis=1)]
        rows = part.rows(designs)
        searcher.hear(rows, part.results(rows, designs, self._memory))


class _Simultaneous:
    """All members move at once. One that has nothing left to propose begins anew."""

    def __init__(self, cast: _Cast, memory: Memory, options: Options) -> None:
        self._cast, self._memory = cast, memory
        self._parts = [apart(cast.problem, member.columns) for member in cast.members]
        self._searchers = [self._built(member) for member in cast.members]

    def moves(self, n: int) -> list[_Move]:
        """The members' parts put together; one that proposes fewer than another sees its parts come again."""
        for searcher in self._searchers:
            n = min(n, searcher.capabilities.max_batch or n)
        proposals = [self._ask(member, n) for member in self._cast.members]
        places = np.arange(max(map(len, proposals)))
        designs = np.zeros((len(places), len(self._cast.problem.space)), dtype=np.int16)
        for part, proposal in zip(self._parts, proposals, strict=True):
            rows = proposal.indices[places % len(proposal)]
            designs[:, part.columns] = rows[:, part.own]
        designs = self._cast.problem.space.canonical(designs)
        seats = zip(self._parts, self._searchers, proposals, strict=True)
        return [_Move(part, one, proposal, designs[: len(proposal)]) for part, one, proposal in seats]

    def start(self, n: int) -> IndexMatrix:
        """Designs when the members have none."""
        return self._memory.draw(n)

    def count(self, n: int) -> None:
        """Nothing depends on it."""

    def hear(self, designs: IndexMatrix) -> None:
        """Members that can, learn from the parts of these designs; of equal parts from the first."""
        for part, searcher in zip(self._parts, self._searchers, strict=True):
            if isinstance(searcher, Listener):
                rows = part.rows(designs)
                first = np.sort(np.unique(part.problem.space.keys(rows), return_index=True)[1])
                rows = rows[first]
                searcher.hear(rows, part.results(rows, designs[first], self._memory))

    def state(self) -> dict[str, Any]:
        """The members' states."""
        return {"searchers": [one.state() for one in self._searchers]}

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        self._searchers = [self._built(member) for member in self._cast.members]
        for searcher, saved in zip(self._searchers, state["searchers"], strict=True):
            searcher.load(saved)

    def _ask(self, member: Member, n: int) -> Proposal:
        proposal = self._searchers[member.number].ask(n)
        if not len(proposal):
            self._searchers[member.number] = self._built(member)
            proposal = self._searchers[member.number].ask(n)
        return proposal

    def _built(self, member: Member) -> Searcher:
        return self._cast.searcher(member, self._parts[member.number])


def _members(options: Options, space: DesignSpace) -> tuple[Member, ...]:
    """The members as the options have them, and one for each subsystem that is left."""
    owner: dict[str, int] = {}
    found: list[Member] = []
    if not isinstance(options.members, tuple):
        raise _wrong(f"members={options.members!r}: expected a list of tables")
    for number, given in enumerate(options.members):
        who = f"member {number + 1}"
        if not isinstance(given, Mapping):
            raise _wrong(f"{who} is {given!r}: expected a table of subsystems, name and options")
        for key in given:
            if key not in _KEYS:
                hint = did_you_mean(key, _KEYS) or f" The keys are {listed(_KEYS)}."
                raise _wrong(f"{who}: unknown key {key!r}.{hint}")
        if not isinstance(given.get("name"), str):
            raise _wrong(f"{who}: expected the name of a searcher as 'name'")
        own = given.get("options", {})
        if not isinstance(own, Mapping):
            raise _wrong(f"{who}: options={own!r}: expected a table")
        columns: list[int] = []
        for name in _subsystems(given, who):
            columns += _columns(space, name, who)
            if name in owner:
                raise _wrong(f"{who}: subsystem {name!r} is member {owner[name] + 1}'s already")
            owner[name] = number
        found.append(Member(number, given["name"], dict(own), tuple(sorted(columns))))
    for subsystem in space.subsystems:
        if subsystem.name not in owner:
            found.append(Member(len(found), options.rest, {}, subsystem.indices))
    return tuple(found)


def _subsystems(given: Mapping[str, Any], who: str) -> Sequence[str]:
    names = given.get("subsystems")
    if not isinstance(names, list | tuple) or not names or not all(isinstance(n, str) for n in names):
        raise _wrong(f"{who}: subsystems={names!r}: expected a list of names")
    return names


def _columns(space: DesignSpace, name: str, who: str) -> tuple[int, ...]:
    for subsystem in space.subsystems:
        if subsystem.name == name:
            return subsystem.indices
    known = [subsystem.name for subsystem in space.subsystems]
    hint = did_you_mean(name, known)
    raise _wrong(f"{who}: there is no subsystem {name!r}; the space has {listed(known)}.{hint}")


def _wrong(message: str) -> ConfigError:
    return ConfigError(f"searcher 'team': {message}", key="members")
