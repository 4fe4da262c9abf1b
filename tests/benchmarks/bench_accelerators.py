"""Speed of accelerators: lines that the engine moves, and that a task is made of, a second of CPU time.

    python -m tests.benchmarks.bench_accelerators

The default design of `soc-accelerator` but for the array; on the core a program of 1,000 instructions. Best
of three, beside a fixed loop in the same process: on a busy machine compare the ratio.
"""

from __future__ import annotations

import sys
import time

from simulators.soc.build import chip_of
from simulators.soc.graphs.array_task import task
from simulators.soc.graphs.network import network_names
from simulators.soc.options import Options
from simulators.soc.programs import place_programs
from simulators.soc.space import space
from tests.benchmarks.bench_engine import calibration_seconds
from traces import load_instructions

_ROUNDS = 3
_ARRAYS = ((8, 16), (16, 16), (64, 64))
"""Cells a side, and bytes a cycle of the DMA."""


def row(name: str, side: int, dma_bytes: int) -> str:
    """One line of the report."""
    options = Options(network=name)
    point = space("soc-accelerator").point(
        array_rows=side, array_columns=side, dma_bytes=dma_bytes, dma_lines=dma_bytes
    )
    built = chip_of(point, options)
    assert built.accelerators is not None
    assert options.accelerated is not None
    trace = load_instructions("synthetic:branchy?n=1000")
    programs = place_programs([trace], built.pages)
    runs, tasks, loops = [], [], []
    for _ in range(_ROUNDS):
        engine, _ = built.open(programs, [len(trace)])
        started = time.thread_time()
        engine.advance()
        runs.append(time.thread_time() - started)
        started = time.thread_time()
        made = task(options.accelerated, built.accelerators.array)
        tasks.append(time.thread_time() - started)
        loops.append(calibration_seconds())
    assert made is not None
    lines = len(made.reads) + len(made.writes)
    return (
        f"{name:20s}{side:3d} x {side:<3d}{dma_bytes:3d} B  {lines:8d} lines  engine {min(runs):6.3f} s, "
        f"{1e-6 * lines / min(runs):5.2f} M/s, {min(runs) / min(loops):5.2f} loops  "
        f"task {min(tasks):6.3f} s\n"
    )


def main() -> None:
    for name in network_names():
        for side, dma_bytes in _ARRAYS:
            sys.stdout.write(row(name, side, dma_bytes))


if __name__ == "__main__":
    main()
