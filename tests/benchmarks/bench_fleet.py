"""Simulations side by side: epochs a second of 1,000 cycles, and what they cost beside the engines' own work.

    python -m tests.benchmarks.bench_fleet

`epochs/s`: members times epochs over the time of `advance`, one thread. `inside`: the share of it that the
same engines take, advanced one by one to the same cycles. `beyond`: microseconds a member of an `advance` in
which no cycle passes. `retune`: microseconds a member to go on as another row that was seen before, in the
midst of the run, the engine's own work included. CPU time of this thread, the best of five rounds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import dse
import traces
from dse.simulator import Fleet, LiveSimulator
from dse.space import IndexMatrix
from simulators.dram.simulator import DramSimulator
from traces.instruction_workload import InstructionWorkload
from traces.trace import Trace

_ROUNDS, _EPOCHS, _CYCLES, _REQUESTS = 5, 100, 1000, 40_000
_LOADS = {"low": 80, "medium": 16, "high": 4}  # cycles of the memory between two requests, about
_MEMBERS = (1, 64)
_SOC_EPOCH_NS = 500.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one fleet: microseconds of CPU time a member and epoch (or change)."""

    epoch: float
    engine: float
    beyond: float
    retune: float


def best(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """Seconds of this thread's CPU time."""
    times = []
    for _ in range(_ROUNDS):
        before()
        started = time.thread_time()
        work()
        times.append(time.thread_time() - started)
    return min(times)


def dram_cost(members: int, interval_cycles: int) -> Cost:
    """Of the DRAM simulator at a load."""
    simulator = dse.make_simulator("dram")
    assert isinstance(simulator, DramSimulator)
    load = f"uniform_random?n={_REQUESTS}&seed=1&interval_cycles={interval_cycles}"
    workload = traces.load(f"synthetic:{load}")
    row, epoch_ns = simulator.space.encode(simulator.space.default()), _CYCLES * simulator.device.tck_ns
    fleet = simulator.fleet(members)
    rows = [np.stack([row] * members), _others(simulator, row, members)]

    def begin() -> None:
        for member in range(members):
            fleet.begin(member, row, workload)

    def retune() -> None:
        for epoch in range(_EPOCHS):
            fleet.retune(rows[1 - epoch % 2])

    seconds = (
        best(lambda: _advance(fleet, epoch_ns), begin),
        _engines_alone(simulator, workload, members),
        best(lambda: _advance(fleet, 1e-6)),
        best(retune),
    )
    return Cost(*(1e6 * one / (members * _EPOCHS) for one in seconds))


def _engines_alone(simulator: DramSimulator, workload: Trace, members: int) -> float:
    sessions = [simulator.open(simulator.space.default(), workload) for _ in range(members)]
    states = [session.snapshot() for session in sessions]
    engines = [session.engine for session in sessions]

    def rewind() -> None:
        for session, state in zip(sessions, states, strict=True):
            session.restore(state)

    def advance() -> None:
        for epoch in range(1, _EPOCHS + 1):
            for engine in engines:
                engine.advance(epoch * _CYCLES)

    return best(advance, rewind)


def _advance(fleet: Fleet, epoch_ns: float) -> None:
    for _ in range(_EPOCHS):
        fleet.advance(epoch_ns)


def _others(simulator: LiveSimulator, row: IndexMatrix, members: int) -> IndexMatrix:
    rows = np.stack([row] * members)
    live = [simulator.space.names.index(name) for name in simulator.live_parameters]
    rows[:, live] = simulator.space.sample(members, np.random.default_rng(0), feasible=True)[:, live]
    return rows


def soc_cost(epoch_ns: float) -> tuple[float, float]:
    """Of the SoC simulator, one member: microseconds an epoch, and of these in the session."""
    simulator = dse.make_simulator("soc")
    workload = InstructionWorkload((traces.load_instructions("synthetic:stream?n=200000"),))
    row = simulator.space.encode(simulator.space.default())
    fleet = simulator.fleet(1)
    whole = best(lambda: _advance(fleet, epoch_ns), lambda: fleet.begin(0, row, workload))
    times = []
    for _ in range(_ROUNDS):
        session = simulator.open(simulator.space.default(), workload)
        started = time.thread_time()
        for epoch in range(1, _EPOCHS + 1):
            session.advance_to(round(1e6 * epoch * epoch_ns))
        times.append(time.thread_time() - started)
    return 1e6 * whole / _EPOCHS, 1e6 * min(times) / _EPOCHS


def main() -> None:
    sys.stdout.write(
        f"{'load':<7} {'members':>7} {'epochs/s':>9} {'inside':>7} {'beyond us':>10} {'retune us':>10}\n"
    )
    for load, interval in _LOADS.items():
        for members in _MEMBERS:
            cost = dram_cost(members, interval)
            sys.stdout.write(
                f"{load:<7} {members:>7} {1e6 / cost.epoch:>9.0f} {cost.engine / cost.epoch:>7.0%} "
                f"{cost.beyond:>10.2f} {cost.retune:>10.2f}\n"
            )
            sys.stdout.flush()
    whole, session = soc_cost(_SOC_EPOCH_NS)
    text = f"soc: {whole:.0f} us an epoch of {_SOC_EPOCH_NS:g} ns, {session:.0f} of them in the session"
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
