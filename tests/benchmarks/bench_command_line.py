"""What a press of the tab key waits for, and what `dse --help` takes, as processes of their own.

    python -m tests.benchmarks.bench_command_line

Processor time of the process, which on an idle machine is what the user waits; best of seven, beside a Python
that starts and does nothing: on a busy machine compare the ratio.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from dse.campaign import Campaign

_CAMPAIGN = {
    "name": "bench",
    "workloads": [{"trace": "synthetic:stream?n=200&seed=1"}],
    "objectives": [{"metric": "read_latency_p95_ns"}],
    "agents": [{"name": "random"}],
    "budget": {"unique": 4},
}
_ROUNDS = 7
_DSE = [sys.executable, "-m", "dse.cli"]


def best_ms(command: list[str], environment: dict[str, str]) -> float:
    """Milliseconds of the fastest of several runs."""
    best = float("inf")
    for _ in range(_ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return 1e3 * best


def tab(line: str) -> dict[str, str]:
    """What bash's function sets to complete the last word of a line."""
    words = line.split(" ")
    return {
        "_DSE_COMPLETE": "complete_bash", "COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)
    }  # fmt: skip


def main() -> None:
    """Print a line each."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.sqlite"
        Campaign(_CAMPAIGN).run(store=store, threads=1)
        python = best_ms([sys.executable, "-c", "pass"], {})
        cases = {
            "a command": tab("dse fr"),
            "a campaign": tab(f"dse front --store {store} "),
            "a sample": tab("dse trace info sample:"),
            "an option": tab("dse front --js"),
        }
        sys.stdout.write(f"python alone            {python:7.0f} ms\n")
        for name, environment in cases.items():
            taken = best_ms(_DSE, environment)
            sys.stdout.write(f"complete {name:<14} {taken:7.0f} ms  {taken / python:5.1f} times\n")
        taken = best_ms([*_DSE, "--help"], {})
        sys.stdout.write(f"dse --help              {taken:7.0f} ms  {taken / python:5.1f} times\n")


if __name__ == "__main__":
    main()
