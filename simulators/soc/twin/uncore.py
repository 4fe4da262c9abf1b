"""What the cores share, cycle by cycle: the specification of ext/soc_uncore.pxd.

In a cycle: messages that the interconnect delivers, in its order; then what was planned for the cycle, in
the order of planning. A message enters the interconnect in the cycle after it leaves its place. A bank of the
last level looks at one message after the other, in order of arrival; one that finds no miss register, or a
set all of whose lines are owed, holds the bank until a line comes. Victims cost bandwidth, not latency; but
while `write_backs` lines that left a core are on their way its requests wait, and a bank does not look at the
next message while so many are on their way from it to memory.

Inclusive: what the last level drops, the core that had it last must drop, too; a modified line that then
comes back goes to memory. Exclusive: what it gives to a core it keeps no longer, and memory's lines go to the
cores only; the lines that leave a core, modified or not, come to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from simulators.soc.config import ChipConfig
from simulators.soc.placement import Topology
from simulators.soc.twin.caches import Access, Cache, Level, Line, Register
from simulators.soc.twin.memory import Memory
from simulators.soc.twin.messages import (
    Acknowledgement,
    Forward,
    FromCore,
    Get,
    Recall,
    Shared,
    ToCore,
    Unblock,
    WriteBack,
)
from simulators.soc.twin.noc import Interconnect, Message, Noc

HEADER_BYTES, LINE_BYTES = 8, 64
REQUESTS, FORWARDS, RESPONSES, WRITE_BACKS = range(4)


class Bank:
    """One bank of the last level. holder: the core that had each line last."""

    def __init__(self, cache: Cache, node: int) -> None:
        self.cache = cache
        self.node = node
        self.waiting: deque[tuple[int, Get | WriteBack]] = deque()
        self.free_at = 0
        self.is_planned = self.is_blocked = False
        self.writes = 0
        self.askers: dict[Register, list[Get]] = {}
        self.holder: dict[int, int] = {}
        self.looked = self.waited = 0


class Uncore:
    """to_core: hands a core what has come to it, in a cycle of the uncore."""

    def __init__(
        self, config: ChipConfig, memory: Memory, to_core: Callable[[int, ToCore, int], None]
    ) -> None:
        self.c = config
        self.memory = memory
        self.to_core = to_core
        self.now = 0
        self.planned: dict[int, list[Callable[[], None]]] = {}
        bits = max(1, config.banks).bit_length() - 1
        self.banks = [Bank(Cache(config.bank, bits), node) for node in config.bank_nodes[: config.banks]]
        self.noc: Noc | None = None
        self.on_delivery: list[Callable[[], None]] = []
        if config.noc.enabled:
            self.noc = Noc(_interconnect(config))
        self.given_back = [0] * len(config.cores)
        self.held: list[deque[tuple[int, Callable[[], None]]]] = [deque() for _ in config.cores]
        self.directory: dict[int, Shared] = {}
        names = ("asked", "recalled", "forwarded", "invalidations", "upgrades")
        self.counts = dict.fromkeys((*names, "memory_reads", "memory_writes", "memory_latency"), 0)

    # ------------------------------------------------------------------------------------------------- events

    def tick(self) -> None:
        if self.noc is not None:
            for number in self.noc.tick():
                self.on_delivery[number]()
        plans = self.planned.setdefault(self.now, [])
        for plan in plans:  # plans for this cycle may be added meanwhile
            plan()
        del self.planned[self.now]
        self.now += 1

    def plan(self, cycle: int, what: Callable[[], None]) -> None:
        self.planned.setdefault(cycle, []).append(what)

    def send(
        self, source: int, target: int, network: int, what: Callable[[], None], *, line: bool = False
    ) -> None:
        """A message leaves its place now; `what` happens when it arrives."""
        if self.noc is None:
            self.plan(self.now + 1, what)
            return
        n_bytes = HEADER_BYTES + (LINE_BYTES if line else 0)
        self.noc.send([Message(self.now + 1, source, target, network, n_bytes)])
        self.on_delivery.append(what)

    # ------------------------------------------------------------------------------------------------- cores

    def from_core(self, message: FromCore, cycle: int) -> None:
        """A message leaves its core in a cycle."""
        self.counts["asked"] += 1
        source = self.c.core_nodes[message.core]
        has_line = isinstance(message, WriteBack)
        network = _NETWORK[type(message)]
        if self.banks:
            bank = self.banks[message.line % len(self.banks)]
            target, arrive = bank.node, partial(self._arrive, bank, message)
        else:
            assert isinstance(message, Get | WriteBack)
            target, arrive = self._port_node(message.line), partial(self._straight, message)
        leave = partial(self.send, source, target, network, arrive, line=has_line)
        if has_line:
            self.given_back[message.core] += 1
        held = self.held[message.core]
        is_many = self.given_back[message.core] >= self.c.write_backs
        if isinstance(message, Get) and (held or is_many):
            held.append((cycle, leave))
        else:
            self.plan(cycle, leave)

    def _came_back(self, core: int) -> None:
        """A line that left a core has come to its place: requests that were held go on their way."""
        self.given_back[core] -= 1
        if self.given_back[core] < self.c.write_backs:
            while self.held[core]:
                cycle, leave = self.held[core].popleft()
                self.plan(max(self.now, cycle), leave)

    def between_cores(self, owner: int, get: Get, cycle: int) -> None:
        """A core sends a line straight to the one that asked for it."""
        self.counts["asked"] += 1
        self.plan(cycle, lambda: self._give(get, self.c.core_nodes[owner]))

    def _arrive(self, bank: Bank, message: FromCore) -> None:
        if isinstance(message, Acknowledgement):
            self._acknowledged(bank, message)
        elif isinstance(message, Unblock):
            self._unblocked(bank, self.directory[message.line])
        else:
            if isinstance(message, WriteBack):
                self._came_back(message.core)
            self._join(bank, message)

    def _straight(self, message: Get | WriteBack) -> None:
        """There is no last level: a message has come to a memory controller."""
        if isinstance(message, WriteBack):
            self._came_back(message.core)
            self._write(message.line, message.core)
        else:
            message.level = Level.MEMORY
            self._read(message.line, message.core, lambda port: self._give(message, port))

    def _give(self, get: Get, source: int) -> None:
        """The line goes to the core that asked."""
        self.send(
            source,
            self.c.core_nodes[get.core],
            RESPONSES,
            lambda: self.to_core(get.core, get, self.now),
            line=True,
        )

    # ------------------------------------------------------------------------------------------ accelerators

    def dma_read(self, line: int, source: int, node: int, cycle: int, come: Callable[[], None]) -> None:
        """An accelerator asks for a line, in a cycle; `come` when it is there."""
        target = self._port_node(line)

        def back(port: int) -> None:
            self.send(port, node, RESPONSES, come, line=True)

        read = partial(self._read, line, source, back)
        self.plan(cycle, lambda: self.send(node, target, REQUESTS, read))

    def dma_write(self, line: int, source: int, node: int, cycle: int, come: Callable[[], None]) -> None:
        """A line leaves an accelerator, in a cycle; `come` when it is at its controller."""
        target = self._port_node(line)

        def arrive() -> None:
            come()
            self._write(line, source)

        self.plan(cycle, lambda: self.send(node, target, WRITE_BACKS, arrive, line=True))

    # ------------------------------------------------------------------------------------------------ memory

    def _port_node(self, line: int) -> int:
        return self.c.port_nodes[self.memory.channel_of(line) % len(self.c.port_nodes)]

    def _write(self, line: int, core: int) -> None:
        self.counts["memory_writes"] += 1
        self.memory.take(line, core, self.now, self.now * self.c.uncore_period_fs, None)

    def _read(self, line: int, core: int, come: Callable[[int], None]) -> None:
        """`come` is called with the controller's node when the line leaves it."""
        self.counts["memory_reads"] += 1
        asked, port = self.now, self._port_node(line)

        def answer(cycle: int) -> None:
            self.counts["memory_latency"] += cycle - asked
            self.plan(cycle, lambda: come(port))

        self.memory.take(line, core, self.now, self.now * self.c.uncore_period_fs, answer)

    # ------------------------------------------------------------------------------------------------- banks

    def _join(self, bank: Bank, message: Get | WriteBack) -> None:
        bank.waiting.append((self.now, message))
        self._wake(bank)

    def _wake(self, bank: Bank) -> None:
        if bank.is_planned or bank.is_blocked or not bank.waiting or bank.writes >= self.c.write_backs:
            return
        bank.is_planned = True
        self.plan(max(self.now, bank.free_at), lambda: self._look(bank))

    def _look(self, bank: Bank) -> None:
        """A bank looks at the first of its messages."""
        bank.is_planned = False
        came, message = bank.waiting[0]
        if isinstance(message, WriteBack):
            self._take_back(bank, message)
        elif not self._handle(bank, message):
            bank.is_blocked = True
            bank.cache.counts["refused"] += 1
            return
        bank.looked += 1
        bank.waited += self.now - came
        bank.waiting.popleft()
        bank.free_at = self.now + self.c.bank_cycles
        self._wake(bank)

    def _handle(self, bank: Bank, get: Get) -> bool:
        """A core asks for a line: the directory first, where there is one. False: the bank has to wait."""
        asks_directory = self.c.coherent and get.register is not None and not get.is_directed
        if asks_directory and not self._direct(bank, get):
            return True
        return self._serve(bank, get)

    def _serve(self, bank: Bank, get: Get) -> bool:
        """A core asks for a line; False if that has to wait."""
        cache = bank.cache
        line = cache.find(get.line)
        owing = next((r for r in cache.registers if r.busy_until is None and r.line == get.line), None)
        if line is None and owing is None:
            return self._miss(bank, get)
        cache.hits[get.kind] += 1
        cache.merged[get.kind] += owing is not None
        if line is not None and get.kind is not Access.PREFETCH:
            if line.prefetched:
                cache.first_use(line, self.now)
            cache.use(get.line, get.ip)
        if owing is not None:
            bank.askers[owing].insert(0, get)
            return True
        if get.register is None:
            return True
        assert line is not None
        bank.holder[get.line] = get.core
        if self.c.inclusion == "exclusive":
            get.dirty |= line.dirty
            cache.drop(get.line, recall=False)
        self.plan(self.now + cache.config.latency, lambda: self._give(get, bank.node))
        return True

    def _miss(self, bank: Bank, get: Get) -> bool:
        """Read a line from memory; False if there is no register, or no way."""
        cache = bank.cache
        register = cache.free_register(self.now)
        if register is None:
            return False
        if self.c.inclusion != "exclusive":
            way = cache.room(get.line, self._is_kept)
            if way is None:
                return False
            self._evict(bank, get.line, way)
            cache.put(Line(get.line, None, prefetched=get.kind is Access.PREFETCH), way, get.ip)
            bank.holder[get.line] = get.core
        cache.misses[get.kind] += 1
        register.line, register.busy_until = get.line, None
        bank.askers[register] = [get]
        target = self._port_node(get.line)
        self.plan(
            self.now + cache.config.latency,
            lambda: self.send(bank.node, target, REQUESTS, lambda: self._fetch(bank, register, get.core)),
        )
        return True

    def _fetch(self, bank: Bank, register: Register, core: int) -> None:
        """A bank's request has come to a memory controller."""

        def come(port: int) -> None:
            self.send(port, bank.node, RESPONSES, lambda: self._receive(bank, register), line=True)

        self._read(register.line, core, come)

    def _receive(self, bank: Bank, register: Register) -> None:
        """A line has come from memory."""
        line = bank.cache.find(register.line)
        if line is not None:
            line.ready = self.now
        register.busy_until = self.now
        for get in bank.askers.pop(register):
            if get.register is not None:
                get.level = Level.MEMORY
                self.plan(self.now, partial(self._give, get, bank.node))
        bank.is_blocked = False
        self._wake(bank)

    def _evict(self, bank: Bank, number: int, way: int) -> None:
        """Make room in a bank."""
        victim = bank.cache.take_out(number, way)
        if victim is None:
            return
        holder = bank.holder.pop(victim.number)
        if self.c.inclusion == "inclusive" and self.c.coherent:
            self._recall_sharers(bank, victim.number)
        elif self.c.inclusion == "inclusive":
            self.counts["recalled"] += 1
            recall = Recall(holder, victim.number)
            target = self.c.core_nodes[holder]
            self.send(bank.node, target, FORWARDS, lambda: self.to_core(holder, recall, self.now))
        if victim.dirty:
            self._write_out(bank, victim.number, holder)

    def _write_out(self, bank: Bank, line: int, core: int) -> None:
        bank.cache.counts["written_back"] += 1
        target = self._port_node(line)
        bank.writes += 1

        def arrive() -> None:
            bank.writes -= 1
            self._wake(bank)
            self._write(line, core)

        self.send(bank.node, target, WRITE_BACKS, arrive, line=True)

    def _take_back(self, bank: Bank, message: WriteBack) -> None:
        """A line that left a core."""
        line = bank.cache.find(message.line)
        if line is not None:
            line.dirty |= message.dirty
            return
        way = None if self.c.inclusion == "inclusive" else bank.cache.room(message.line)
        if way is not None:
            self._evict(bank, message.line, way)
            bank.cache.put_back(Line(message.line, self.now, dirty=message.dirty), way)
            bank.holder[message.line] = message.core
        elif message.dirty:
            self._write_out(bank, message.line, message.core)

    # --------------------------------------------------------------------------------------------- coherence

    def _is_kept(self, line: int) -> bool:
        """What an inclusive last level drops must not be busy, for the cores drop it, too."""
        return self.c.coherent and self.c.inclusion == "inclusive" and self._shared(line).busy

    def _shared(self, line: int) -> Shared:
        return self.directory.setdefault(line, Shared(line))

    def _direct(self, bank: Bank, get: Get) -> bool:
        """Does the bank provide the line now? If not, the message waits at the directory."""
        entry = self._shared(get.line)
        if entry.busy:
            entry.waiting.append(get)
            return False
        others = entry.sharers - {get.core}
        entry.busy, entry.asker, entry.dirty, entry.is_unblocked = True, get, False, False
        self.counts["upgrades"] += get.is_write and get.core in entry.sharers
        if entry.owner is not None and entry.owner != get.core:
            entry.missing = 1
            self._tell(bank, Forward(entry.owner, get.line, get))
            return False
        if get.is_write and others:
            self._invalidate(bank, entry, others)
            return False
        self._grant(entry, get)
        return True

    @staticmethod
    def _grant(entry: Shared, get: Get) -> None:
        """Who asks becomes owner, or one of several sharers."""
        get.is_directed = True
        get.writable = get.is_write or not entry.sharers - {get.core}
        entry.owner = get.core if get.writable else None
        entry.sharers = {get.core} if get.writable else entry.sharers | {get.core}

    def _tell(self, bank: Bank, order: Recall | Forward) -> None:
        target = self.c.core_nodes[order.core]
        self.send(bank.node, target, FORWARDS, lambda: self.to_core(order.core, order, self.now))

    def _invalidate(self, bank: Bank, entry: Shared, sharers: set[int]) -> None:
        entry.missing = len(sharers)
        for core in sorted(sharers):
            self.counts["invalidations"] += 1
            self._tell(bank, Recall(core, entry.line))

    def _recall_sharers(self, bank: Bank, line: int) -> None:
        """An inclusive last level drops a line: all cores must, before anybody gets it again."""
        entry = self._shared(line)
        if entry.sharers:
            entry.busy, entry.asker, entry.dirty, entry.is_unblocked = True, None, False, False
            self.counts["recalled"] += 1
            self._invalidate(bank, entry, entry.sharers)

    def _acknowledged(self, bank: Bank, message: Acknowledgement) -> None:
        entry = self.directory[message.line]
        if message.was_forward:
            self._forwarded(bank, entry, message)
            return
        entry.missing -= 1
        entry.dirty |= message.dirty
        if entry.missing:
            return
        entry.owner, entry.sharers = None, set()
        if entry.asker is not None:
            self._provide(bank, entry)
            return
        if entry.dirty:
            self._write_out(bank, entry.line, message.core)
        self._release(bank, entry)

    def _forwarded(self, bank: Bank, entry: Shared, message: Acknowledgement) -> None:
        """The owner has sent the line on, or no longer had it."""
        get = entry.asker
        assert get is not None
        entry.owner, entry.missing = None, 0
        if message.was_gone:
            entry.sharers.discard(message.core)
            self._provide(bank, entry)
            return
        self.counts["forwarded"] += 1
        if get.is_write:
            entry.sharers = set()
        self._grant(entry, get)
        if entry.is_unblocked:
            self._release(bank, entry)
        if message.dirty and not get.is_write:
            self._join(bank, WriteBack(message.core, message.line, dirty=True))

    def _unblocked(self, bank: Bank, entry: Shared) -> None:
        """The line has come to who asked."""
        if entry.missing:
            entry.is_unblocked = True
        else:
            self._release(bank, entry)

    def _provide(self, bank: Bank, entry: Shared) -> None:
        """Nobody else has the line any more, or may write it: it comes from the bank.

        Before all that waits there, for that may wait for this line to be busy no longer.
        """
        get = entry.asker
        assert get is not None
        self._grant(entry, get)
        get.dirty |= entry.dirty
        bank.waiting.appendleft((self.now, get))
        bank.is_blocked = False
        self._wake(bank)

    def _release(self, bank: Bank, entry: Shared) -> None:
        """A transaction has ended: the next that waits comes to the bank again; the line may be dropped."""
        entry.busy = False
        bank.is_blocked = False
        if entry.waiting:
            self._join(bank, entry.waiting.popleft())
        self._wake(bank)


_NETWORK = {Get: REQUESTS, WriteBack: WRITE_BACKS, Acknowledgement: RESPONSES, Unblock: RESPONSES}


def _interconnect(config: ChipConfig) -> Interconnect:
    noc = config.noc
    return Interconnect(
        Topology(noc.topology),
        noc.nodes,
        noc.width,
        noc.buffer_flits,
        noc.router_latency,
        noc.link_latency,
        noc.columns,
    )
