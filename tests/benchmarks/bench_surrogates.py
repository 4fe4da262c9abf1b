"""Surrogates: CPU time to learn one metric and to predict a thousand designs.

    python -m tests.benchmarks.bench_surrogates [MODEL ...]

Random designs of the DRAM controller on a short trace, from 100 to 10,000 of them, the median of three fits.
Beside each a calibration, a product of two matrices of 1,000 x 1,000: on a busy machine compare the ratio.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from dse.registry import names, resolve
from dse.surrogate import encoded
from simulators.dram.simulator import DramSimulator
from traces.synthetic import uniform_random
from traces.workload import Workload

_SIZES = (100, 1_000, 10_000)
_ASKED = 1_000
_ROUNDS = 3


def designs(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns (n, D) and energy a bit (n, 1) of random designs."""
    simulator = DramSimulator()
    rows = simulator.space.sample(n, np.random.default_rng(0), feasible=True)
    batch = simulator.run_batch(rows, [Workload((uniform_random(n=200, seed=1),))], threads=2)
    column = simulator.schema.index("energy_per_bit_pj")
    return encoded(simulator.space, rows), batch.combined()[:, [column]]


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of the median round."""
    taken = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


def main() -> None:
    x, y = designs(max(_SIZES) + _ASKED)
    asked = x[-_ASKED:]
    square = np.random.default_rng(0).random((1000, 1000))
    for name in sys.argv[1:] or names("surrogate"):
        for n in _SIZES:
            model = resolve("surrogate", name)(x.shape[1], 1, np.random.SeedSequence(0))
            fit = cpu_seconds(lambda: model.fit(x[:n], y[:n]))  # noqa: B023
            predict = cpu_seconds(lambda: model.predict(asked))  # noqa: B023
            with threadpool_limits(1):
                unit = cpu_seconds(lambda: square @ square)
            sys.stdout.write(
                f"{name:8} {n:6} designs of {x.shape[1]} columns: fit {fit:7.3f} s, "
                f"predict {_ASKED} {1e3 * predict:6.1f} ms; calibration {1e3 * unit:.1f} ms\n"
            )


if __name__ == "__main__":
    main()
