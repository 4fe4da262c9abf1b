"""Campaign bookkeeping: CPU time a trial of everything but the simulator and the searcher.

    python -m tests.benchmarks.bench_campaign [TRIALS]

A fake simulator with as many metrics as the DRAM one, random proposals, batches of 256, trials stored. Best
of five, beside a fixed calibration loop in the same process: on a busy machine compare the ratio.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from dse import registry
from dse.campaign import Campaign
from dse.search import Capabilities, Proposal, Results, SearchProblem
from tests.dse.fake import FakeSimulator

_METRICS_LIKE_DRAM = 60
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


def bookkeeping_us(trials: int) -> tuple[float, float]:
    """CPU microseconds a trial, in all threads, without simulator and searcher.

    First of designs that are simulated, then of the same designs from the store's cache.
    """
    simulator = FakeSimulator(width=_KNOBS, n_extra=_METRICS_LIKE_DRAM)
    prepared = campaign(trials, simulator)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        return _one_run_us(prepared, simulator, path), _one_run_us(prepared, simulator, path)


def _one_run_us(prepared: Campaign, simulator: FakeSimulator, path: Path) -> float:
    TimedRandom.seconds = simulator.seconds = 0.0
    started = time.process_time()
    result = prepared.run(store=path, threads=1)
    total = time.process_time() - started
    return 1e6 * (total - simulator.seconds - TimedRandom.seconds) / len(result.trials)


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    registry.SEARCHERS["timed"] = "tests.benchmarks.bench_campaign:TimedRandom"
    rounds = [(*bookkeeping_us(trials), calibration_seconds()) for _ in range(_ROUNDS)]
    loop = min(seconds for *_, seconds in rounds)
    for place, what in enumerate(("simulated", "cached")):
        best = min(row[place] for row in rounds)
        ratio = min(row[place] / row[2] for row in rounds)
        sys.stdout.write(
            f"campaign bookkeeping, {what:9s} designs  {best:.1f} us CPU a trial, {1e6 / best:,.0f} trials a "
            f"CPU second (best of {_ROUNDS}, {trials} trials); {ratio:.0f} us per loop second\n"
        )
    sys.stdout.write(f"calibration loop      {loop * 1e3:.1f} ms\n")


if __name__ == "__main__":
    main()
