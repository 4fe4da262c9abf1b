"""Designs of an SoC: how many a second are drawn through the masks, built, and opened.

    python -m tests.benchmarks.bench_soc_space

`raw kept` is the share of raw designs that are canonical and feasible: `soc-small` draws whole rows until one
is kept, `soc`, where that would take 100,000, group by group. CPU time, best of five.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from simulators.soc.build import chip_of
from simulators.soc.options import Options
from simulators.soc.programs import place_programs
from simulators.soc.space import space
from traces import load_instructions

_ROUNDS = 5
_DRAWN, _BUILT = 20_000, 400


def per_second(work: Callable[[], object], n: int) -> float:
    """How many of `n` pieces of work are done in a second of the fastest round."""
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return n / best


def row(name: str) -> str:
    """The space of that name: share of raw designs, then how many a second."""
    found, rng = space(name), np.random.default_rng(1)
    points = found.points(found.sample(_BUILT, rng, feasible=True))
    chips = [chip_of(point, Options()) for point in points]
    programs = place_programs([load_instructions("synthetic:stream?n=2000")], chips[0].pages)
    share = found.feasible_size / found.raw_size
    drawn = per_second(lambda: found.sample(_DRAWN, rng, feasible=True), _DRAWN)
    built = per_second(lambda: [chip_of(point, Options()) for point in points], _BUILT)
    opened = per_second(lambda: [chip.open(programs, [10]) for chip in chips], _BUILT)
    return f"{name:<14} {share:>9.1e} {drawn:>10,.0f} {built:>9,.0f} {opened:>9,.0f}\n"


def main() -> None:
    sys.stdout.write(f"{'space':<14} {'raw kept':>9} {'drawn/s':>10} {'built/s':>9} {'opened/s':>9}\n")
    for name in ("soc-small", "soc"):
        sys.stdout.write(row(name))


if __name__ == "__main__":
    main()
