"""Task graphs in phases: designs a second, from rows of the space to metrics, in one thread.

    python -m tests.benchmarks.bench_soc_graphs

The best of three rounds over the same random designs, for the 18 tasks of FARSI's audio decoder and for the
shipped graphs.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from simulators.soc.graphs.catalog import graph_names
from simulators.soc.graphs.simulator import GraphSimulator
from tests.oracles.farsi_sheets import SHEETS
from traces.spec import load

_DESIGNS = 20_000
_ROUNDS = 3


def designs_a_second(simulator: GraphSimulator) -> float:
    """Of the fastest round."""
    rows = simulator.space.sample(_DESIGNS, np.random.default_rng(1))
    frame = load("synthetic:stream?n=1")
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        simulator.run_batch(rows, [frame])
        best = min(best, time.perf_counter() - started)
    return _DESIGNS / best


def main() -> None:
    """Print a line a graph."""
    cases = {"audio_decoder (sheets)": GraphSimulator(sheets=f"{SHEETS}#audio_decoder")}
    cases |= {name: GraphSimulator(name) for name in graph_names()}
    for name, simulator in cases.items():
        rate = designs_a_second(simulator)
        tasks = simulator.problem.n_tasks
        sys.stdout.write(f"task graphs, {name:22}, {tasks:2} tasks: {rate:9,.0f} designs/s\n")


if __name__ == "__main__":
    main()
