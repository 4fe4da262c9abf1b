"""How fast instruction traces are made, written, read and decoded, and how large their files are.

    python -m tests.benchmarks.bench_instruction_traces [INSTRUCTIONS]

Million instructions a second of processor time, one thread, and bytes for the instructions given (a million
unless said). xz is ChampSim's records compressed as `dse trace convert` does it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import traces
from traces.instructions import InstructionTrace, decoded

SPECS = (
    "synthetic:stream",
    "synthetic:random",
    "synthetic:gups",
    "synthetic:matmul",
    "synthetic:chase?size_kib=16384",
    "synthetic:branchy",
    "sample:parser",
    "sample:quicksort",
)
SUFFIXES = (".npz", ".champsimtrace", ".champsimtrace.xz")


def main(n: int) -> None:
    """Print a row a trace and format."""
    heads = ("bytes", "write M/s", "read M/s", "decode M/s")
    sys.stdout.write(f"{'trace':<32}{'format':<20}" + "".join(f"{head:>12}" for head in heads) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        for spec in SPECS:
            trace = _loaded(spec, n)
            for suffix in SUFFIXES:
                _measure(spec, trace, Path(folder) / f"trace{suffix}", suffix)


def _loaded(spec: str, n: int) -> InstructionTrace:
    if spec.startswith("synthetic:"):
        return traces.load_instructions(f"{spec}{'&' if '?' in spec else '?'}n={n}")
    return traces.load_instructions(spec, max_instructions=n)


def _measure(spec: str, trace: InstructionTrace, path: Path, suffix: str) -> None:
    writing, _ = _seconds(lambda: traces.write_instructions(trace, path))
    reading, again = _seconds(lambda: traces.read_instructions(path))
    decoding, _ = _seconds(lambda: decoded(again))
    speeds = "".join(f"{len(trace) / 1e6 / seconds:>12.1f}" for seconds in (writing, reading, decoding))
    sys.stdout.write(f"{spec:<32}{suffix:<20}{path.stat().st_size:>12,}{speeds}\n")


def _seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    made = work()
    return max(time.process_time() - start, 1e-9), made


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
