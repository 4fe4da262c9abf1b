"""The readable twin of the SoC engine: pure Python, one clock edge after the other; the specification.

Everything happens in order of time. At one time: the memory's cycle, the uncore's, then the cores' and the
accelerators' in their order. A message from one of these reaches the uncore at its first edge after, and so
does a request the memory; an answer reaches uncore, core and accelerator at their first edge that is not
before. Who does what: `twin.core` the pipeline, `twin.caches` the private caches, `twin.translation` pages,
`twin.uncore` interconnect and last level, `twin.noc`, `twin.memory`, `twin.accelerator`; policies in
`twin.replacement`, `twin.prefetch`, `twin.branch`. The engine (`ext.soc_engine`) must retire every
instruction in the same cycle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from simulators.dram.config import ControllerConfig
from simulators.dram.memory.mapping import AddressMapping
from simulators.soc.config import ChipConfig
from simulators.soc.twin.accelerator import Accelerator, Step
from simulators.soc.twin.caches import Access, Cache, Level, PrivateCaches, Register
from simulators.soc.twin.core import Core
from simulators.soc.twin.memory import ChampsimDram, DramMemory, FixedMemory
from simulators.soc.twin.messages import (
    Acknowledgement,
    Forward,
    FromCore,
    Get,
    ToCore,
    Unblock,
    WriteBack,
)
from simulators.soc.twin.program import Instruction, Page
from simulators.soc.twin.uncore import Uncore


@dataclass(frozen=True, slots=True)
class Dram:
    """The memory of a chip of kind "dram": what the DRAM twin is given."""

    controller: ControllerConfig
    mapping: AddressMapping


class _Port:
    """What the private caches of a core ask of the rest of the chip."""

    def __init__(self, chip: ReferenceChip, core: int) -> None:
        self.chip = chip
        self.core = core

    def get(self, register: Register | None, line: int, ip: int, kind: Access, t: int) -> None:
        self.send(Get(self.core, line, ip, kind, register, t), t)

    def give_back(self, line: int, dirty: bool, t: int) -> None:
        self.send(WriteBack(self.core, line, dirty), t)

    def send(self, message: FromCore, t: int) -> None:
        self.chip.uncore.from_core(message, self.uncore_cycle_after(t))

    def uncore_cycle_after(self, t: int) -> int:
        """The uncore's first cycle whose edge is after that of a cycle of the core."""
        return t * self.chip.c.core_periods_fs[self.core] // self.chip.c.uncore_period_fs + 1


class ReferenceChip:
    """Runs one program a core; see the module text for the rules. instructions: how many of each. tasks: of
    the accelerators.

    number_of: pages in the order that the engine numbers them.
    """

    def __init__(
        self,
        config: ChipConfig,
        programs: Sequence[Sequence[Instruction]],
        instructions: Sequence[int],
        pages: Sequence[Page] = (),
        dram: Dram | None = None,
        tasks: Sequence[Sequence[Step]] = (),
    ) -> None:
        self.c = config
        numbers = {page.key: number for number, page in enumerate(pages)}
        memory: FixedMemory | DramMemory | ChampsimDram = FixedMemory(config.memory)
        if config.memory.kind == "champsim":
            memory = ChampsimDram(config.memory, config.memory_period_fs, self.uncore_cycle)
        if dram is not None:
            memory = DramMemory(
                config.memory,
                dram.controller,
                dram.mapping,
                config.sources,
                config.memory_period_fs,
                self.uncore_cycle,
            )
        self.memory = memory
        self.uncore = Uncore(config, memory, self._to_core)
        self.inboxes: list[deque[tuple[int, ToCore]]] = [deque() for _ in config.cores]
        self.ports = [_Port(self, number) for number in range(len(config.cores))]
        self.caches = [self._caches(number) for number in range(len(config.cores))]
        self.cores = [
            Core(core, program, n, caches, lambda page: numbers[page.key])
            for core, program, n, caches in zip(
                config.cores, programs, instructions, self.caches, strict=True
            )
        ]
        self.cycles = [0] * len(self.cores)
        self.accelerators = [self._accelerator(k, task) for k, task in enumerate(tasks)]
        self.accelerator_cycles = [0] * len(tasks)
        self.time = 0

    def _caches(self, number: int) -> PrivateCaches:
        core = self.c.cores[number]
        return PrivateCaches(
            Cache(core.code),
            Cache(core.data),
            Cache(core.second),
            self.ports[number],
            owns=not self.c.coherent,
            sends_clean=self.c.inclusion == "exclusive" and self.c.banks > 0,
            has_last=self.c.banks > 0,
        )

    def _accelerator(self, k: int, task: Sequence[Step]) -> Accelerator:
        node, period = self.c.accelerator_nodes[k], self.c.accelerator_periods_fs[k]
        source = len(self.c.cores) + k

        def leaves(t: int) -> int:
            return t * period // self.c.uncore_period_fs + 1

        def ask(line: int, t: int) -> None:
            def come() -> None:
                self.accelerators[k].come(-(-self.uncore.now * self.c.uncore_period_fs // period) - t)

            self.uncore.dma_read(line, source, node, leaves(t), come)

        def send(line: int, t: int) -> None:
            self.uncore.dma_write(line, source, node, leaves(t), self.accelerators[k].written)

        return Accelerator(self.c.accelerators[k], task, ask, send)

    def uncore_cycle(self, time_fs: int) -> int:
        """The uncore's first cycle whose edge is not before the time."""
        return -(-time_fs // self.c.uncore_period_fs)

    def _to_core(self, core: int, message: ToCore, cycle: int) -> None:
        """A message has come to a core in a cycle of the uncore."""
        time = cycle * self.c.uncore_period_fs
        self.inboxes[core].append((-(-time // self.c.core_periods_fs[core]), message))

    # ---------------------------------------------------------------------------------------------- running

    def run(self, longest_fs: int = 10**12) -> None:
        """Until every program, and every accelerator, has run. RuntimeError if that takes longer."""
        while not self._is_done:
            self.step()
            if self.time > longest_fs:
                raise RuntimeError(f"the programs have not ended after {longest_fs} fs")

    @property
    def _is_done(self) -> bool:
        has_run = all(core.is_done for core in self.cores)
        return has_run and all(one.finished_at is not None for one in self.accelerators)

    def step(self) -> None:
        """Everything at the next time at which a clock has an edge."""
        edges = [cycle * period for cycle, period in zip(self.cycles, self.c.core_periods_fs, strict=True)]
        periods = self.c.accelerator_periods_fs
        uncore_edge = self.uncore.now * self.c.uncore_period_fs
        others = [t * period for t, period in zip(self.accelerator_cycles, periods, strict=True)]
        self.time = min(*edges, *others, uncore_edge)
        if not isinstance(self.memory, FixedMemory):
            memory_edge = self.memory.now * self.c.memory_period_fs
            self.time = min(self.time, memory_edge)
            if memory_edge == self.time:
                self.memory.tick()
        if uncore_edge == self.time:
            self.uncore.tick()
        for number, edge in enumerate(edges):
            if edge == self.time:
                self._tick_core(number)
        for number, edge in enumerate(others):
            if edge == self.time:
                self.accelerators[number].tick(self.accelerator_cycles[number])
                self.accelerator_cycles[number] += 1

    def _tick_core(self, number: int) -> None:
        t = self.cycles[number]
        core, inbox = self.cores[number], self.inboxes[number]
        has_come = False
        while inbox and inbox[0][0] <= t:
            self._receive(number, inbox.popleft()[1], t)
            has_come = True
        if has_come:
            core.answered(t)
        core.tick(t)
        self.cycles[number] += 1

    def _receive(self, number: int, message: ToCore, t: int) -> None:
        """A message has come to a core."""
        caches, port = self.caches[number], self.ports[number]
        if isinstance(message, Get):
            assert message.register is not None
            caches.receive(message.register, t, message.level, dirty=message.dirty, writable=message.writable)
            if self.c.coherent:
                port.send(Unblock(number, message.line), t)
        elif isinstance(message, Forward):
            self._hand_on(number, message, t)
        else:
            dirty = caches.drop(message.line)
            if self.c.coherent:
                port.send(Acknowledgement(number, message.line, dirty), t)
            elif dirty:
                port.give_back(message.line, True, t)

    def _hand_on(self, number: int, message: Forward, t: int) -> None:
        """A core sends a line to another, if it still has it, and tells its home."""
        caches, port, get = self.caches[number], self.ports[number], message.asker
        if not caches.has(message.line):
            port.send(Acknowledgement(number, message.line, False, was_forward=True, was_gone=True), t)
            return
        away = get.is_write
        dirty = caches.drop(message.line) if away else caches.keep_copy(message.line)
        copy = Get(get.core, get.line, get.ip, get.kind, get.register, get.asked_at, Level.OTHER_CORE)
        copy.dirty, copy.writable = dirty and away, away
        self.uncore.between_cores(number, copy, port.uncore_cycle_after(t))
        port.send(Acknowledgement(number, message.line, dirty, was_forward=True), t)
