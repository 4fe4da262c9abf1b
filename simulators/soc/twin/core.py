"""One core, cycle by cycle: the specification of ext/soc_core.pxd and what it is made of.

In a cycle, in this order:

1. answers     lines come that were asked for; what found no miss register may try again;
2. walks       page walks go on, or end;
3. retry       the first of the loads that were refused tries again;
4. issue       of the instructions whose sources are there, the oldest, up to `issue_width`, of them
               `load_ports` with loads (in order: none before an older one);
5. retire      in order, up to `width`, what is complete;
6. drain       the oldest retired store goes to the cache;
7. fetch       a group of up to `width`: a branch that is taken or mispredicted ends it, and a line of code
               that is not there;
8. dispatch    in order, up to `width`, `depth` cycles after fetching, while reorder buffer and queues have
               room; `registers` (0: any number) are there for the results of instructions in flight.

A load gets its value from the youngest older store to the same eight bytes if that is still in the queue.
A mispredicted branch holds the front end until `penalty` cycles after its completion. Up to 64 instructions
are fetched ahead of dispatch.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ext.soc_fields import LOST
from simulators.soc.config import CoreConfig
from simulators.soc.twin import branch
from simulators.soc.twin.branch import BranchPredictor, Outcome
from simulators.soc.twin.caches import Access, Level, PrivateCaches, Refused
from simulators.soc.twin.program import Instruction, Page
from simulators.soc.twin.translation import Translation
from traces.instructions import Branch

FETCH_BUFFER = 64
_DEPENDENCE, _STORE, _TRANSLATION = (LOST.index(name) for name in ("dependence", "store", "translation"))
_FETCH, _BRANCH, _L1 = (LOST.index(name) for name in ("fetch", "branch", "l1"))


@dataclass(slots=True, eq=False)
class Store:
    """A store in the queue. left: when its line is there, None: not known yet."""

    address: int
    owner: InFlight
    left: int | None = None


@dataclass(slots=True, eq=False)
class InFlight:
    """An instruction that has been fetched. complete: None while it is not known.

    lost, late: what the cycles before its retirement are put down to, once it is in flight or because it came
    late (positions in LOST). owed: loads whose lines have not come.
    """

    what: Instruction
    number: int
    fetched: int
    late: int
    dispatched: int | None = None
    issued: bool = False
    sources: list[InFlight] = field(default_factory=list)
    not_before: int = 0
    end: int = 0
    complete: int | None = None
    retired: int | None = None
    loads_done: int = 0
    owed: int = 0
    translated: int = 0
    forwarder: Store | None = None
    lost: int = _DEPENDENCE


class Core:
    """Runs `instructions` of a program, from its beginning again after its end."""

    def __init__(
        self,
        config: CoreConfig,
        program: Sequence[Instruction],
        instructions: int,
        caches: PrivateCaches,
        number_of: Callable[[Page], int],
    ) -> None:
        self.c = config
        self.program = program
        self.instructions = instructions
        self.caches = caches
        self.translation = Translation(config.translation, config.walks, caches, number_of)
        chosen = config.predictor
        self.predictor = BranchPredictor(
            branch.PredictorConfig(
                chosen.predictor,
                chosen.btb_sets,
                chosen.btb_ways,
                chosen.indirect_targets,
                chosen.return_addresses,
            )
        )
        self.flight: list[InFlight] = []  # all that have been fetched, in order
        self.n_dispatched = self.n_retired = 0
        self.refused: deque[InFlight] = deque()
        self.retry_at: int | None = None
        self.loads: list[InFlight] = []
        self.stores: list[Store] = []
        self.results: list[InFlight] = []
        self.drained = 0
        self.drain_at: int | None = 0
        self.fetch_at: int | None = 0
        self.fetch_blocked = False
        self.mispredicted: InFlight | None = None
        self.line: int | None = None
        self.code_page: Page | None = None
        self.late_for = _DEPENDENCE
        self.producer: dict[int, InFlight] = {}
        self.last_retirement = 0
        self.lost = [0] * len(LOST)
        self.operations: Counter[int] = Counter()
        self.counts = dict.fromkeys(("branches", "mispredictions", "forwarded", "rob_integral"), 0)

    @property
    def is_done(self) -> bool:
        return self.n_retired == self.instructions and self.drained == len(self.stores)

    def tick(self, t: int) -> None:
        """One cycle, after the answers."""
        self.translation.tick(t, self._fetch_again)
        self._retry(t)
        self._issue(t)
        self._retire(t)
        self._drain(t)
        self._fetch(t)
        self._dispatch(t)

    def answered(self, t: int) -> None:
        """Something has come from below: what found no register tries again."""
        if self.refused:
            self.retry_at = t
        if self.drain_at is None:
            self.drain_at = t
        if self.fetch_blocked:
            self.fetch_blocked, self.fetch_at = False, t
        self.translation.unblock(t)

    # --------------------------------------------------------------------------------------------- execution

    def _retry(self, t: int) -> None:
        if not self.refused or self.retry_at is None or self.retry_at > t:
            return
        if self._load(self.refused[0], t):
            self.refused.popleft()
            self.retry_at = t + 1 if self.refused else None

    def _issue(self, t: int) -> None:
        slots, ports = self.c.issue_width, self.c.load_ports
        for one in self.flight[self.n_retired : self.n_dispatched]:
            if not slots:
                return
            if one.issued:
                continue
            has_port = ports > 0 or not one.what.loads
            if self._is_ready(one, t) and has_port:
                slots -= 1
                ports -= bool(one.what.loads)
                self._execute(one, t)
            if self.c.in_order and not one.issued:
                return

    @staticmethod
    def _is_ready(one: InFlight, t: int) -> bool:
        if one.dispatched is None or one.dispatched >= t or one.not_before > t:
            return False
        return all(source.complete is not None and source.complete <= t for source in one.sources)

    def _execute(self, one: InFlight, t: int) -> None:
        known = self._translate(one, t)
        if known is None:
            one.not_before = 1 << 62  # until the walk ends
            return
        one.issued = True
        one.end = max(one.end, known + self.c.latency_of[one.what.operation])
        if not one.what.loads:
            one.complete = one.end
        elif one.forwarder is not None and (one.forwarder.left is None or one.forwarder.left > t):
            one.complete = max(one.end, known + self.caches.data.config.latency)
            self.counts["forwarded"] += 1
        elif self.refused or not self._load(one, known):
            self.refused.append(one)

    def _translate(self, one: InFlight, t: int) -> int | None:
        """When the frames of all its addresses are known; None: it has to be issued again, after a walk."""
        known = t

        def again(now: int) -> None:
            one.not_before = now

        for page in one.what.pages[one.translated :]:
            at = self.translation.look_up(self.translation.data, page, t, again)
            if at is None:
                one.lost = max(one.lost, _TRANSLATION)
                return None
            one.translated += 1
            known = max(known, at)
        return known

    def _load(self, one: InFlight, t: int) -> bool:
        """The loads of an instruction, as far as the cache takes them; False if one was refused."""
        for address in one.what.loads[one.loads_done :]:
            told = self._teller(one)
            try:
                ready, level = self.caches.access(
                    self.caches.data, address // 64, one.what.ip, t, Access.LOAD, told
                )
            except Refused as refusal:
                self.retry_at = refusal.chance
                return False
            one.loads_done += 1
            one.lost = max(one.lost, _L1 + level)
            if ready is None:
                one.owed += 1
                one.end = max(one.end, t + self.caches.data.config.latency)
            else:
                one.end = max(one.end, ready)
        if not one.owed:
            one.complete = one.end
        return True

    def _teller(self, one: InFlight) -> Callable[[int, Level], None]:
        def told(t: int, level: Level) -> None:
            one.end = max(one.end, t)
            one.owed -= 1
            one.lost = max(one.lost, _L1 + level)
            if not one.owed and one.loads_done == len(one.what.loads):
                one.complete = one.end

        return told

    # -------------------------------------------------------------------------------------------- retirement

    def _retire(self, t: int) -> None:
        for k in range(self.c.width):
            if self.n_retired == self.n_dispatched:
                return
            one = self.flight[self.n_retired]
            if one.complete is None or one.complete > t or one.dispatched is None:
                return
            if k == 0:
                came_late = one.dispatched >= self.last_retirement
                self.lost[0] += 1
                self.lost[one.late if came_late else one.lost] += t - self.last_retirement - 1
                self.last_retirement = t
            one.retired = t
            self.operations[one.what.operation] += 1
            self.counts["rob_integral"] += t - one.dispatched
            self.n_retired += 1

    def _drain(self, t: int) -> None:
        if self.drained == len(self.stores) or self.drain_at is None or self.drain_at > t:
            return
        store = self.stores[self.drained]
        if store.owner.retired is None:
            return

        def told(now: int, _level: Level) -> None:
            store.left = max(now, t + self.caches.data.config.latency)

        try:
            store.left, _ = self.caches.access(
                self.caches.data, store.address // 64, store.owner.what.ip, t, Access.STORE, told
            )
        except Refused as refusal:
            self.drain_at = refusal.chance
            return
        self.drained += 1
        self.drain_at = t + 1

    # --------------------------------------------------------------------------------------------- front end

    def _fetch_again(self, t: int) -> None:
        self.fetch_at = t

    def _fetch(self, t: int) -> None:
        held = self.mispredicted
        if held is not None:
            if held.complete is None or t < held.complete + self.c.penalty:
                return
            self.mispredicted, self.fetch_at = None, t
        if self.fetch_at is None or self.fetch_at > t:
            return
        for _ in range(self.c.width):
            number = len(self.flight)
            if number == self.instructions or not self._has_room(number, t):
                return
            what = self.program[number % len(self.program)]
            if what.ip // 64 != self.line and not self._know_line(what, t):
                return
            one = InFlight(what, number, t, self.late_for)
            self.late_for = _DEPENDENCE
            self.flight.append(one)
            if what.branch is not Branch.NONE and not self._goes_on(one, t):
                return

    def _has_room(self, number: int, t: int) -> bool:
        if number < FETCH_BUFFER:
            return True
        before = self.flight[number - FETCH_BUFFER].dispatched
        return before is not None and before < t

    def _know_line(self, what: Instruction, t: int) -> bool:
        """Is the line of code there? If not, it is settled when to try again."""
        if what.code_page != self.code_page:
            if self.c.translation.enabled:
                known = self.translation.look_up(self.translation.code, what.code_page, t, None)
                if known is None or known > t:
                    self.fetch_at, self.late_for = known, _TRANSLATION
                    return False
            self.code_page = what.code_page
        try:
            ready, _ = self.caches.access(
                self.caches.code,
                what.code_line,
                what.ip,
                t,
                Access.FETCH,
                lambda now, _: self._fetch_again(now),
            )
        except Refused as refusal:
            self.fetch_at, self.fetch_blocked = refusal.chance, refusal.chance is None
            self.late_for = _FETCH
            return False
        self.line = what.ip // 64
        if ready is None or ready > t + self.caches.code.config.latency:
            self.fetch_at, self.late_for = ready, _FETCH
            return False
        return True

    def _goes_on(self, one: InFlight, t: int) -> bool:
        """Does the group go on behind a branch?"""
        what = one.what
        target = self.program[(one.number + 1) % len(self.program)].ip
        outcome = self.predictor.outcome(what.ip, target, what.branch, what.taken)
        self.counts["branches"] += 1
        if outcome is Outcome.RIGHT:
            self.fetch_at = t + 1
            return not what.taken
        self.counts["mispredictions"] += 1
        self.late_for = _BRANCH
        if outcome is Outcome.WRONG_UNTIL_EXECUTED:
            self.mispredicted = one
        else:
            self.fetch_at = t + self.c.decode_penalty
        return False

    def _dispatch(self, t: int) -> None:
        for _ in range(self.c.width):
            if self.n_dispatched == len(self.flight):
                return
            one = self.flight[self.n_dispatched]
            if one.fetched + self.c.depth > t or not self._finds_place(one, t):
                return
            one.dispatched = t
            self.n_dispatched += 1
            self._enter(one)

    def _finds_place(self, one: InFlight, t: int) -> bool:
        """Have reorder buffer and queues room? What it waits for here may be the stores."""
        room = 0
        what = one.what
        waits_for: list[int | None] = [0]
        if one.number >= self.c.rob:
            waits_for.append(self.flight[one.number - self.c.rob].retired)
        if what.loads and len(self.loads) >= self.c.load_queue:
            waits_for.append(self.loads[len(self.loads) - self.c.load_queue].retired)
        for k in range(len(what.stores)):
            last = len(self.stores) + k - self.c.store_queue
            if last >= 0:
                waits_for.append(self.stores[last].left)
        last = len(self.results) + len(what.destinations) - 1 - self.c.registers
        if self.c.registers and last >= 0:
            waits_for.append(self.results[last].retired)
        for at in waits_for:
            if at is None or at > t:
                return False
            room = max(room, at)
        if what.stores and room > one.fetched + self.c.depth:
            one.late = _STORE
        return True

    def _enter(self, one: InFlight) -> None:
        """What it depends on; its places in the queues."""
        what = one.what
        one.sources = [self.producer[register] for register in what.sources if register in self.producer]
        if what.loads:
            self.loads.append(one)
            window = self.stores[max(0, len(self.stores) - self.c.store_queue) :]
            for store in reversed(window):
                if store.address // 8 == what.loads[0] // 8:
                    one.forwarder = store
                    one.sources.append(store.owner)
                    break
        self.stores += [Store(address, one) for address in what.stores]
        self.producer.update((register, one) for register in what.destinations)
        self.results += [one] * len(what.destinations)
