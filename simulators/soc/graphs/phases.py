"""The twin: task graphs in phases, in plain Python; the specification of ext/soc_phases.pyx.

After FARSI (Boroujerdian et al., ACM TECS 2023), whose simulator advances from one completion to the next:

1. A frame starts every task graph once, at its arrival. A task starts when all that feed it are done.
2. A running task works on its processing element, reads from the memories of those that feed it, and writes
   to the memory of its own output, all at the same time and in step; between element and memory the bytes
   cross the element's bus and the memory's. Memories and buses have a channel each way.
3. Alone, a channel would hold a task up for `demand` seconds. A channel is shared equally by all running
   tasks that use it, so with n of them it takes n times as long. The slowest channel decides how fast the
   task goes, and is its bottleneck (the first of equal ones).
4. A phase ends with the first completion, or with the arrival of a frame. All running tasks advance.
5. An output lies in its memory from the start of its task until the last task that reads it is done.
6. Power is the energy of whole phases over their time, in windows of so many seconds at least; a shorter rest
   at the end belongs to the window before it. A task's energy is spent in step with its work.

Times are in seconds; bytes are exact in doubles. The order of the floating point operations is part of the
specification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from simulators.soc.graphs.placement import Placements, Problem

Channel = tuple[str, int]


@dataclass(slots=True)
class PhaseLog:
    """What a run comes to. finish: seconds, by frame and task. peak_bytes: of each memory. bottleneck:
    seconds for which each channel held tasks up. phases: how many there were. spent: seconds and pJ of each
    phase, and of each time without work.
    """

    finish: list[list[float]]
    peak_bytes: list[float]
    bottleneck: dict[Channel, float]
    phases: int = 0
    spent: list[tuple[float, float]] = field(default_factory=list)

    def peak_power(self, window_s: float) -> float:
        """pJ/s of the highest window."""
        windows = [[0.0, 0.0]]
        for seconds, picojoules in self.spent:
            if windows[-1][0] >= window_s:
                windows.append([0.0, 0.0])
            windows[-1][0] += seconds
            windows[-1][1] += picojoules
        if len(windows) > 1 and windows[-1][0] < window_s:
            seconds, picojoules = windows.pop()
            windows[-1][0] += seconds
            windows[-1][1] += picojoules
        return max(picojoules / seconds if seconds > 0 else 0.0 for seconds, picojoules in windows)


def simulate(
    problem: Problem,
    design: Placements,
    arrivals: Sequence[float],
    row: int = 0,
    task_pj: Sequence[float] | None = None,
) -> PhaseLog:
    """All frames of one design to their end. arrivals: seconds, in order. task_pj: of tasks, for power."""
    run = _Run(problem, design, row, arrivals, task_pj or [0.0] * problem.n_tasks)
    while run.phase():
        pass
    return run.log


def demands(problem: Problem, design: Placements, task: int, row: int = 0) -> dict[Channel, float]:
    """Seconds for which each channel would hold the task up if it were alone; only channels that it uses.

    In the order in which they are looked at: element, then memories read and written, buses in and out.
    """
    read: dict[int, float] = {}
    for source, target, n_bytes in _edges(problem):
        if target == task and n_bytes > 0:
            place = int(design.memory[row, source])
            read[place] = read.get(place, 0.0) + n_bytes
    written = {int(design.memory[row, task]): float(problem.output_bytes[task])}
    found = {("pe", int(design.pe[row, task])): float(design.pe_seconds[row, task])}
    for way, moved in (("read", read), ("write", written)):
        for memory, rate in enumerate(design.memory_rate[row].tolist()):
            found[f"memory {way}", memory] = moved.get(memory, 0.0) / rate
    for way, moved in (("read", read), ("write", written)):
        crossing = _crossing(design, row, int(design.pe_bus[row, task]), moved)
        for bus, rate in enumerate(design.bus_rate[row].tolist()):
            found[f"bus {way}", bus] = crossing.get(bus, 0.0) / rate
    return {channel: seconds for channel, seconds in found.items() if seconds > 0}


def _crossing(design: Placements, row: int, own: int, moved: Mapping[int, float]) -> dict[int, float]:
    """Bytes over each bus: the element's own, and the memory's if that is another one."""
    crossing: dict[int, float] = {}
    for memory in sorted(moved):
        if moved[memory] > 0:
            for bus in {own, int(design.memory_bus[row, memory])}:
                crossing[bus] = crossing.get(bus, 0.0) + moved[memory]
    return crossing


def _edges(problem: Problem) -> list[tuple[int, int, float]]:
    columns = (problem.edge_from.tolist(), problem.edge_to.tolist(), problem.edge_bytes.tolist())
    return list(zip(*columns, strict=True))


@dataclass(slots=True, eq=False)
class _Running:
    """A task of a frame while it runs. left: its share not done. slowest: seconds for all of it, today."""

    frame: int
    task: int
    left: float = 1.0
    slowest: float = 0.0
    channel: Channel = ("pe", 0)


@dataclass(slots=True)
class _Frame:
    waits_for: list[int]
    readers_left: list[int]


class _Run:
    def __init__(
        self,
        problem: Problem,
        design: Placements,
        row: int,
        arrivals: Sequence[float],
        task_pj: Sequence[float],
    ) -> None:
        n = problem.n_tasks
        self.task_pj = task_pj
        self.feeds: list[list[int]] = [[] for _ in range(n)]
        self.fed_by: list[list[int]] = [[] for _ in range(n)]
        for source, target, _ in _edges(problem):
            self.feeds[source].append(target)
            self.fed_by[target].append(source)
        self.needs = [demands(problem, design, task, row) for task in range(n)]
        self.output = problem.output_bytes.tolist()
        self.memory: list[int] = design.memory[row].tolist()
        self.coming = list(arrivals)
        self.time = 0.0
        self.running: list[_Running] = []
        self.frames: list[_Frame] = []
        self.live = [0.0] * design.memory_rate.shape[1]
        self.log = PhaseLog([[-1.0] * n for _ in arrivals], [0.0] * len(self.live), {})

    def phase(self) -> bool:
        """One phase; False if there is nothing left to do."""
        self.admit()
        if not self.running:
            if self.coming:
                if self.frames:
                    self.log.spent.append((self.coming[0] - self.time, 0.0))
                self.time = self.coming[0]
            return bool(self.coming)
        self.share()
        step = min(one.left * one.slowest for one in self.running)
        if self.coming and self.time + step > self.coming[0]:
            step = self.coming[0] - self.time
        done = [one for one in self.running if one.left * one.slowest <= step]
        self.log.spent.append((step, self.energy(step)))
        self.move(step)
        self.time = self.coming[0] if self.coming and not done else self.time + step
        self.running = [one for one in self.running if one not in done]
        for one in done:
            self.finish(one)
        for one in done:
            self.release(one)
        self.log.phases += 1
        return True

    def admit(self) -> None:
        """Start the frames that have arrived."""
        while self.coming and self.coming[0] <= self.time:
            self.coming.pop(0)
            self.frames.append(_Frame([len(one) for one in self.fed_by], [len(one) for one in self.feeds]))
            for task, waits_for in enumerate(self.fed_by):
                if not waits_for:
                    self.start(len(self.frames) - 1, task)

    def share(self) -> None:
        """How fast each running task goes, and what its bottleneck is."""
        users: dict[Channel, int] = {}
        for one in self.running:
            for channel in self.needs[one.task]:
                users[channel] = users.get(channel, 0) + 1
        for one in self.running:
            one.slowest = 0.0
            for channel, seconds in self.needs[one.task].items():
                if users[channel] * seconds > one.slowest:
                    one.slowest, one.channel = users[channel] * seconds, channel

    def energy(self, step: float) -> float:
        """What the running tasks take in the next so many seconds, in pJ."""
        total = 0.0
        for one in self.running:
            share = step / one.slowest if one.left * one.slowest > step else one.left
            total += share * self.task_pj[one.task]
        return total

    def move(self, step: float) -> None:
        """So many seconds pass."""
        for one in self.running:
            if one.slowest > 0:
                self.log.bottleneck[one.channel] = self.log.bottleneck.get(one.channel, 0.0) + step
                one.left = max(0.0, one.left - step / one.slowest)

    def start(self, frame: int, task: int) -> None:
        self.running.append(_Running(frame, task))
        place = self.memory[task]
        if place >= 0:
            self.live[place] += self.output[task]
            self.log.peak_bytes[place] = max(self.log.peak_bytes[place], self.live[place])

    def finish(self, one: _Running) -> None:
        """The task is done, and what only it still had to read is gone."""
        self.log.finish[one.frame][one.task] = self.time
        readers_left = self.frames[one.frame].readers_left
        for parent in self.fed_by[one.task]:
            readers_left[parent] -= 1
            if readers_left[parent] == 0 and self.memory[parent] >= 0:
                self.live[self.memory[parent]] -= self.output[parent]

    def release(self, one: _Running) -> None:
        """Start what waited for it alone."""
        waits_for = self.frames[one.frame].waits_for
        for child in self.feeds[one.task]:
            waits_for[child] -= 1
            if waits_for[child] == 0:
                self.start(one.frame, child)
