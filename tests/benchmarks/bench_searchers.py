"""Searchers: designs a second of ask and tell, without the simulator.

    python -m tests.benchmarks.bench_searchers [SEARCHER ...]

A toy of 16 parameters in four subsystems and two objectives, 2,048 designs in batches of 64, CPU time on one
core, the best of three runs. Policies learn in four passes over each batch; generations are as large as a
batch.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from dse.registry import names
from dse.testing.toys import make_toy
from tests.agents.conftest import factory

_BATCH, _DESIGNS, _ROUNDS = 64, 2_048, 3
_POLICIES = ("ippo", "ppo", "mappo", "happo", "autoregressive")
_GENERATIONS = {"cem": "population", "genetic": "population", "nsga2": "population", "aco": "ants"}
_OPTIONS = {
    **{name: {"batch": _BATCH, "epochs": 4} for name in _POLICIES},
    **{name: {size: _BATCH} for name, size in _GENERATIONS.items()},
}


def designs_per_second(name: str) -> float:
    """Of one run, from the start to the last tell.

    The clock is read three times a run, not four times a batch: where it is a call into a sandbox, that takes
    as long as a batch of the fast searchers.
    """
    toy = make_toy(0, n_parameters=16)
    options = _OPTIONS.get(name, {})
    searcher = factory(name)(toy.problem, np.random.SeedSequence(1), **options)
    asked = []
    started = time.process_time()
    while sum(map(len, asked)) < _DESIGNS:
        proposal = searcher.ask(_BATCH)
        if not len(proposal):
            break
        searcher.tell(proposal, toy.evaluate(proposal.indices))
        asked.append(proposal.indices)
    searched = time.process_time()
    for indices in asked:
        toy.evaluate(indices)
    evaluated = time.process_time()
    return sum(map(len, asked)) / (2 * searched - started - evaluated)


def main() -> None:
    for name in sys.argv[1:] or names("searcher"):
        best = max(designs_per_second(name) for _ in range(_ROUNDS))
        sys.stdout.write(f"{name:15} {best:10,.0f} designs/s\n")


if __name__ == "__main__":
    main()
