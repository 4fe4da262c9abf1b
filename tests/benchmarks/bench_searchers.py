"""Searchers: designs a second of ask and tell, without the simulator.

    python -m tests.benchmarks.bench_searchers [SEARCHER ...]

A toy of 16 parameters in four subsystems and two objectives, 2,048 designs in batches of 64, CPU time on one
core, the best of three runs. Policies learn in four passes over each batch, the other searchers have their
own settings.
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


def designs_per_second(name: str) -> float:
    """Of one run, from the start to the last tell."""
    toy = make_toy(0, n_parameters=16)
    options = {"batch": _BATCH, "epochs": 4} if name in _POLICIES else {}
    searcher = factory(name)(toy.problem, np.random.SeedSequence(1), **options)
    spent, done = 0.0, 0
    while done < _DESIGNS:
        started = time.process_time()
        proposal = searcher.ask(_BATCH)
        if not len(proposal):
            break
        asked = time.process_time()
        results = toy.evaluate(proposal.indices)
        evaluated = time.process_time()
        searcher.tell(proposal, results)
        spent += time.process_time() - evaluated + asked - started
        done += len(proposal)
    return done / spent


def main() -> None:
    for name in sys.argv[1:] or names("searcher"):
        best = max(designs_per_second(name) for _ in range(_ROUNDS))
        sys.stdout.write(f"{name:15} {best:10,.0f} designs/s\n")


if __name__ == "__main__":
    main()
