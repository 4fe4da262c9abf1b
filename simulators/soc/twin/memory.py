"""The memories of the twin: a fixed time, the readable DRAM controller fed while it runs, or ChampSim's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from simulators.dram.config import ControllerConfig
from simulators.dram.memory.mapping import AddressMapping
from simulators.dram.reference import ReferenceController
from simulators.dram.twin.rank import Request
from simulators.soc.config import LINE_BYTES, MemoryConfig
from simulators.soc.twin.champsim import ChampsimMemory


class Memory(Protocol):
    """What the uncore asks of a memory. Times are femtoseconds where they are called so, else cycles."""

    def channel_of(self, line: int) -> int: ...

    def take(
        self, line: int, source: int, cycle: int, time_fs: int, answer: Callable[[int], None] | None
    ) -> None:
        """A line comes to a controller in a cycle of the uncore; answer None: it is written.

        `answer` is given the cycle of the uncore.
        """


class FixedMemory:
    """An answer after `latency` cycles of the uncore, a line every `interval` cycles."""

    def __init__(self, config: MemoryConfig) -> None:
        self.config = config
        self.free_at = 0

    def channel_of(self, line: int) -> int:
        return line

    def take(
        self, line: int, source: int, cycle: int, time_fs: int, answer: Callable[[int], None] | None
    ) -> None:
        start = max(self.free_at, cycle)
        self.free_at = start + self.config.interval
        if answer is not None:
            answer(start + self.config.latency)


class DramMemory:
    """The twin of the DRAM controller; a line is as many bursts as it needs, answered with the last of them.

    period_fs: of its clock. uncore_cycle: the first cycle of the uncore whose edge is not before a time.
    """

    def __init__(
        self,
        config: MemoryConfig,
        controller: ControllerConfig,
        mapping: AddressMapping,
        sources: int,
        period_fs: int,
        uncore_cycle: Callable[[int], int],
    ) -> None:
        self.config = config
        self.controller = ReferenceController(controller, [], live_sources=sources)
        self.mapping = mapping
        self.period_fs = period_fs
        self.uncore_cycle = uncore_cycle
        self.missing: dict[int, list[int]] = {}  # by burst: how many of its line are missing
        self.answers: dict[int, Callable[[int], None] | None] = {}

    @property
    def now(self) -> int:
        """Its next cycle."""
        return self.controller.now

    def _where(self, address: int) -> tuple[int, int, int, int]:
        """Channel, bank, row, column."""
        found = self.mapping.decode(np.array([address], np.uint64))
        return int(found.channel[0]), int(found.bank[0]), int(found.row[0]), int(found.column[0])

    def channel_of(self, line: int) -> int:
        return self._where(line * LINE_BYTES)[0]

    def take(
        self, line: int, source: int, cycle: int, time_fs: int, answer: Callable[[int], None] | None
    ) -> None:
        """It arrives at the memory's first edge after the time."""
        left = [self.config.bursts]
        for k in range(self.config.bursts):
            index = len(self.controller.requests)
            arrival = time_fs // self.period_fs + 1
            channel, bank, row, column = self._where(line * LINE_BYTES + (k << self.config.burst_bits))
            self.controller.offer(Request(index, arrival, channel, bank, row, column, answer is None, source))
            self.missing[index], self.answers[index] = left, answer

    def tick(self) -> None:
        """One cycle of the memory, and what it answers."""
        time_fs = self.controller.now * self.period_fs
        self.controller.cycle()
        for request in self.controller.front.answered:
            left, answer = self.missing.pop(request.index), self.answers.pop(request.index)
            left[0] -= 1
            if not left[0] and answer is not None:
                answer(self.uncore_cycle(time_fs))


class ChampsimDram:
    """The memory of ChampSim on a chip. period_fs, uncore_cycle: as those of DramMemory."""

    def __init__(self, config: MemoryConfig, period_fs: int, uncore_cycle: Callable[[int], int]) -> None:
        self.memory = ChampsimMemory(config.champsim)
        self.period_fs = period_fs
        self.uncore_cycle = uncore_cycle

    @property
    def now(self) -> int:
        """Its next cycle."""
        return self.memory.now

    def channel_of(self, line: int) -> int:
        return self.memory.config.channel_of(line)

    def take(
        self, line: int, source: int, cycle: int, time_fs: int, answer: Callable[[int], None] | None
    ) -> None:
        """It arrives at the memory's first edge after the time."""

        def answered() -> None:
            assert answer is not None
            answer(self.uncore_cycle(self.memory.now * self.period_fs))

        self.memory.take(line, time_fs // self.period_fs + 1, None if answer is None else answered)

    def tick(self) -> None:
        """One cycle of the memory, and what it answers."""
        self.memory.tick()
