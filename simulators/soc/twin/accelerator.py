"""An accelerator, cycle by cycle: the specification of ext/soc_accelerator.pxd.

Its memory has two halves: while the cells compute a step from one, the DMA reads the lines of the next step
into the other. A step begins when all its lines are there and the cells are free; when it is computed its
results leave. A barrier is read only when all before it is computed and written.
In a cycle: a step begins, the next one is opened for reading, a line is asked for, a line is sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulators.soc.config import AcceleratorConfig


@dataclass(frozen=True, slots=True)
class Step:
    """cycles: of the cells. reads, writes: lines of physical memory."""

    cycles: int
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    is_barrier: bool = False


class Accelerator:
    """ask, send: hand a line to read, and one to write, to the interconnect in a cycle of the accelerator."""

    def __init__(
        self,
        config: AcceleratorConfig,
        task: Sequence[Step],
        ask: Callable[[int, int], None],
        send: Callable[[int, int], None],
    ) -> None:
        self.c = config
        self.ask, self.send = ask, send
        self.todo = deque(task)  # not begun
        self.wanted: deque[int] | None = None  # lines of the first of them not asked for; None: not open
        self.missing = self.unwritten = 0
        self.results: deque[tuple[int, int]] = deque()  # when it may leave, line
        self.cells_free_at = self.asks_at = self.sends_at = 0
        self.finished_at: int | None = None
        names = ("read_lines", "written_lines", "computing", "waiting", "read_latency")
        self.counts = dict.fromkeys(names, 0)

    def come(self, latency: int) -> None:
        """A line is there, so many cycles after it was asked for."""
        self.missing -= 1
        self.counts["read_lines"] += 1
        self.counts["read_latency"] += latency

    def written(self) -> None:
        """A line is in memory."""
        self.unwritten -= 1
        self.counts["written_lines"] += 1

    def tick(self, t: int) -> None:
        """One cycle."""
        if self.finished_at is not None:
            return
        are_free = t >= self.cells_free_at
        if self.wanted is not None and not self.wanted and not self.missing and are_free:
            self._begin(t)
        if self.todo and self.wanted is None:
            is_idle = t >= self.cells_free_at and not self.results and not self.unwritten
            if is_idle or not self.todo[0].is_barrier:
                self.wanted = deque(self.todo[0].reads)
        if self.wanted and self.missing < self.c.reads and t >= self.asks_at:
            self.ask(self.wanted.popleft(), t)
            self.missing += 1
            self.asks_at = t + self.c.line_cycles
        can_send = self.unwritten < self.c.writes and t >= self.sends_at
        if self.results and self.results[0][0] <= t and can_send:
            self.send(self.results.popleft()[1], t)
            self.unwritten += 1
            self.sends_at = t + self.c.line_cycles
        is_computed = not self.todo and t >= self.cells_free_at
        if is_computed and not self.results and not self.unwritten:
            self.finished_at = t

    def _begin(self, t: int) -> None:
        step = self.todo.popleft()
        self.counts["waiting"] += t - self.cells_free_at
        self.counts["computing"] += step.cycles
        self.cells_free_at = t + step.cycles
        self.results.extend((self.cells_free_at, line) for line in step.writes)
        self.wanted = None
