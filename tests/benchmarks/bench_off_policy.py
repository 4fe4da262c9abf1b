"""Off-policy learners: proposals a second of ask and tell, simulator excluded, and the time of each.

    python -m tests.benchmarks.bench_off_policy

Toy problems of 8 and 24 parameters with six values each, batches of 64, one core, CPU time of this thread.
`first` and `later`: the best batch while fewer than 512 designs are known, and once 2,048 are; `share` is how
much of the later batches is `tell`. The cross-entropy method stands beside them: what no network costs.
"""

from __future__ import annotations

import sys
import time
from typing import NamedTuple

import numpy as np

from dse.registry import resolve
from dse.search import SearchProblem
from dse.testing.toys import Toy, make_toy

_NAMES = ("cem", "vdn", "qmix", "sac")
_BATCH, _BATCHES = 64, 48
_FEW, _MANY = 512 // _BATCH, 2048 // _BATCH


class Batch(NamedTuple):
    """CPU seconds of one batch and how many designs it had."""

    ask: float
    tell: float
    designs: int

    @property
    def rate(self) -> float:
        """Proposals a second."""
        return self.designs / (self.ask + self.tell)


def batches(name: str, toy: Toy) -> list[Batch]:
    """Every batch of one search."""
    problem: SearchProblem = toy.problem
    searcher = resolve("searcher", name)(problem, np.random.SeedSequence(1))
    found = []
    for _ in range(_BATCHES):
        started = time.thread_time()
        proposal = searcher.ask(_BATCH)
        asked = time.thread_time() - started
        results = toy.evaluate(proposal.indices)
        started = time.thread_time()
        searcher.tell(proposal, results)
        found.append(Batch(asked, time.thread_time() - started, len(proposal)))
    return found


def main() -> None:
    """Print the table."""
    titles = ("objectives", "parameters", "first/s", "later/s", "share")
    sys.stdout.write("".join([f"{'searcher':10s}", *(f"{title:>11s}" for title in titles)]) + "\n")
    for name in _NAMES:
        for n_objectives, n_parameters in ((1, 8), (2, 8), (2, 24)):
            toy = make_toy(0, n_objectives=n_objectives, n_parameters=n_parameters, n_pairs=8)
            found = batches(name, toy)
            first, later = found[1:_FEW], found[_MANY:]
            share = sum(one.tell for one in later) / sum(one.ask + one.tell for one in later)
            rates = [max(one.rate for one in part) for part in (first, later)]
            sys.stdout.write(
                f"{name:10s}{n_objectives:11d}{n_parameters:11d}{rates[0]:11.0f}{rates[1]:11.0f}{share:11.0%}\n"
            )


if __name__ == "__main__":
    main()
