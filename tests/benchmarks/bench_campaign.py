"""Campaign bookkeeping: CPU time a trial of everything but the simulator and the searcher.

    python -m tests.benchmarks.bench_campaign [TRIALS]

A fake simulator with five metrics, and with as many as the DRAM one, random proposals, batches of 256, trials
stored: first simulated, then all of them from the design cache. The rate is that of the whole campaign on the
wall, searcher and simulator included. Best of five, beside a fixed calibration loop in the same process: on a
busy machine compare the ratio.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dse import registry
from dse.campaign import Campaign
from dse.search import Capabilities, Proposal, Results, SearchProblem
from tests.dse.fake import FakeSimulator

_METRICS_LIKE_DRAM = 60
_FAKE_METRICS = 5
_KNOBS = 9
_ROUNDS = 5


class TimedRandom:
    """Random designs; `seconds` is the CPU time spent in here."""

    capabilities = Capabilities()
    seconds = 0.0

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence) -> None:
        self._space = problem.space
        self._rng = np.random.default_rng(seed)

    def ask(self, n: int) -> Proposal:
        started = time.thread_time()
        rows = self._space.sample(n, self._rng)
        TimedRandom.seconds += time.thread_time() - started
        return Proposal(rows)

    def tell(self, proposal: Proposal, results: Results) -> None:
        pass

    def state(self) -> dict[str, object]:
        return {"rng": self._rng.bit_generator.state}

    def load(self, state: dict[str, object]) -> None:
        self._rng.bit_generator.state = state["rng"]


def campaign(trials: int, simulator: FakeSimulator) -> Campaign:
    """One agent, a budget of that many unique designs, batches of 256."""
    return Campaign(
        {
            "name": "bench",
            "simulator": {"name": "fake"},
            "workloads": [{"trace": "synthetic:stream?n=1000&seed=1"}],
            "objectives": [
                {"metric": "time_ns"},
                {"metric": "energy_pj"},
                {"metric": "served", "at_least": 0.8},
            ],
            "agents": [{"name": "timed"}],
            "budget": {"unique": trials, "batch": 256},
        },
        simulator=simulator,
    )


def calibration_seconds() -> float:
    """CPU time of a fixed loop of small numpy calls and dictionary look-ups."""
    started = time.process_time()
    table = {i: i for i in range(1000)}
    total = 0.0
    for i in range(20_000):
        total += table[i % 1000] + float(np.arange(64.0).sum())
    return time.process_time() - started


class Cost(NamedTuple):
    """One run: CPU microseconds a trial, in all threads, without simulator and searcher; trials a second."""

    cpu_us: float
    rate: float


def costs(trials: int, n_extra: int) -> tuple[Cost, Cost]:
    """First of designs that are simulated, then of the same designs from the store's cache."""
    simulator = FakeSimulator(width=_KNOBS, n_extra=n_extra)
    prepared = campaign(trials, simulator)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        return _one_run(prepared, simulator, path), _one_run(prepared, simulator, path)


def _one_run(prepared: Campaign, simulator: FakeSimulator, path: Path) -> Cost:
    TimedRandom.seconds = simulator.seconds = 0.0
    started, begun = time.process_time(), time.perf_counter()
    n = len(prepared.run(store=path, threads=1).trials)
    wall, total = time.perf_counter() - begun, time.process_time() - started
    return Cost(1e6 * (total - simulator.seconds - TimedRandom.seconds) / n, n / wall)


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    registry.SEARCHERS["timed"] = "tests.benchmarks.bench_campaign:TimedRandom"
    for n_extra in (0, _METRICS_LIKE_DRAM):
        rounds = [(*costs(trials, n_extra), calibration_seconds()) for _ in range(_ROUNDS)]
        for place, what in enumerate(("simulated", "cached")):
            best = min(row[place].cpu_us for row in rounds)
            ratio = min(row[place].cpu_us / row[2] for row in rounds)
            rate = max(row[place].rate for row in rounds)
            sys.stdout.write(
                f"campaign, {n_extra + _FAKE_METRICS:2d} metrics, {what:9s}  {rate:8,.0f} trials/s; "
                f"bookkeeping {best:.1f} us CPU a trial, {ratio:.0f} us per loop second ({trials} trials)\n"
            )
        loop = min(seconds for *_, seconds in rounds)
    sys.stdout.write(f"calibration loop      {loop * 1e3:.1f} ms\n")


if __name__ == "__main__":
    main()
