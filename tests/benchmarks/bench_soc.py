"""Speed of the SoC engine: instructions a second of CPU time, placing and opening not included.

    python -m tests.benchmarks.bench_soc [THOUSANDS]

The default design of `soc` with one core: out of order, three levels of caches, translation with page walks,
crossbar, DDR4-3200 simulated cycle by cycle; one thread. A program that is shorter begins anew. Best of five,
beside a fixed loop in the same process: on a busy machine compare the ratio. The last columns say what was
simulated: instructions a cycle, and accesses of a level in a thousand instructions.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from simulators.soc.build import Built, chip_of
from simulators.soc.options import Options
from simulators.soc.parameters import parameters
from simulators.soc.programs import Programs, place_programs
from tests.benchmarks.bench_engine import calibration_seconds
from traces import load_instructions

_ROUNDS = 5
TRACES = {
    "chase in L1": "synthetic:chase?size_kib=16",
    "matmul": "synthetic:matmul",
    "branchy": "synthetic:branchy",
    "code": "synthetic:code",
    "sample quicksort": "sample:quicksort",
    "sample product-o2": "sample:product-o2",
    "sample product-avx2": "sample:product-avx2",
    "sample parser": "sample:parser",
    "sample hashjoin": "sample:hashjoin",
    "chase in L2": "synthetic:chase?size_kib=256",
    "stream": "synthetic:stream",
    "random": "synthetic:random",
    "gups": "synthetic:gups",
    "chase in memory": "synthetic:chase?size_kib=16384",
}
DESIGNS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "prefetching": {"l1d_prefetcher": "ip_stride", "l2_prefetcher": "spp"},
    "in order": {"execution": "in-order"},
}


def built(design: Mapping[str, Any]) -> Built:
    left_out = ("optimisation", "tile")
    default = {name: one.default for name, one in parameters().items() if name not in left_out}
    return chip_of(default | dict(design), Options(), 1)


def engine_seconds(chip: Built, programs: Programs, n: int) -> tuple[float, Any]:
    """CPU time of one simulation, and the engine at its end."""
    engine, _ = chip.open(programs, [n])
    started = time.thread_time()
    engine.advance()
    return time.thread_time() - started, engine


def row(trace: str, label: str, n: int) -> str:
    """One line of the report: rate, time, that of a million in fixed loops, what was simulated."""
    chip = built(DESIGNS[label])
    spec = TRACES[trace]
    options = f"{'&' if '?' in spec else '?'}n={n}" if spec.startswith("synthetic") else ""
    programs = place_programs([load_instructions(spec + options)], chip.pages)
    rounds = [(*engine_seconds(chip, programs, n), calibration_seconds()) for _ in range(_ROUNDS)]
    best = min(seconds for seconds, _, _ in rounds) / n
    loops = 1e6 * best / min(loop for _, _, loop in rounds)
    engine = rounds[0][1]
    cycles = engine.core_counts(0)["cycles"]
    misses = [sum(v for k, v in c.items() if k.startswith("misses_")) for c in engine.cache_counts(0)[1:]]
    reads = engine.uncore_counts()["memory_reads"]
    levels = " ".join(f"{1000 * count / n:6.1f}" for count in (*misses, reads))
    return (
        f"{trace:20s}{label:12s}{1e-6 / best:7.2f} M/s {1e9 * best:7.1f} ns {loops:6.2f} loops a million  "
        f"IPC {n / cycles:4.2f}  L2, LLC, memory {levels}\n"
    )


def main() -> None:
    n = 1000 * int(sys.argv[1] if len(sys.argv) > 1 else 1000)
    sys.stdout.write(f"SoC engine, {n} instructions a trace, CPU time, best of {_ROUNDS}\n")
    for trace in TRACES:
        sys.stdout.write(row(trace, "default", n))
        sys.stdout.flush()
    for label in list(DESIGNS)[1:]:
        for trace in ("matmul", "sample parser", "stream"):
            sys.stdout.write(row(trace, label, n))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
