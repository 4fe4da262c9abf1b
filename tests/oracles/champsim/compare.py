"""Our chips beside ChampSim's runs; `python -m tests.oracles.champsim.compare` prints the page's table."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ext.soc_engine import SocEngine
from tests.oracles.champsim.chips import HERE, champsim_trace, chip, place

_FETCHED_AHEAD = 4096  # more than can be under way, so that a program does not begin again


@dataclass(frozen=True)
class Measured:
    """Of the instructions after warm-up. demand: misses of the last level by loads and stores; brought: those
    and prefetches; walks: those of page walks. rate: million instructions in a second of our CPU time."""

    ipc: float
    branch_mpki: float
    demand: int
    brought: int
    walks: int
    rate: float = 0.0


@dataclass(frozen=True)
class Run:
    """A row of results.csv."""

    configuration: str
    trace: str
    warmup: int
    instructions: int
    champsim: Measured

    @property
    def name(self) -> str:
        return f"{self.configuration}-{self.trace}-{self.instructions // 1000}k"


@cache
def runs() -> tuple[Run, ...]:
    """All rows. One of ChampSim's may have run an instruction or three more than was asked for."""
    with (HERE / "results.csv").open() as file:
        return tuple(_run(row) for row in csv.DictReader(file))


def _run(row: dict[str, str]) -> Run:
    demand = int(row["LLC_LOAD_miss"]) + int(row["LLC_RFO_miss"])
    champsim = Measured(
        float(row["ipc"]),
        float(row["branch_mpki"]),
        demand,
        demand + int(row["LLC_PREFETCH_miss"]),
        int(row["LLC_TRANSLATION_miss"]),
        float(row["host_kips"]) / 1000,
    )
    return Run(row["config"], row["trace"], int(row["warmup"]), int(row["instructions"]), champsim)


@cache
def measured(run: Run) -> Measured:
    """The same on our chip: once to the end, once to the time at which warm-up ended, for its counts."""
    trace = champsim_trace(run.trace).head(run.warmup + run.instructions + _FETCHED_AHEAD)
    last = run.warmup + run.instructions
    config, placed = chip(run.configuration, trace), place(trace)

    def opened(record: bool) -> SocEngine:
        return SocEngine(
            **config.engine_arguments(),
            **placed.arguments(translates=True),
            instructions=[last],
            record=record,
        )

    whole, before = opened(True), opened(False)
    began = time.process_time()
    whole.advance()
    seconds = time.process_time() - began
    retired = whole.times[0][:, 3]
    start = int(retired[run.warmup - 1])
    before.advance((start + 1) * config.core_periods_fs[0])
    branches = whole.core_counts(0)["mispredictions"] - before.core_counts(0)["mispredictions"]
    counts = {name: count - before.bank_counts()[0][name] for name, count in whole.bank_counts()[0].items()}
    demand = counts["misses_load"] + counts["misses_store"]
    return Measured(
        run.instructions / (int(retired[-1]) - start),
        1000 * branches / run.instructions,
        demand,
        demand + counts["misses_prefetch"],
        counts["misses_walk"],
        last / seconds / 1e6,
    )


def percent(ours: float, theirs: float) -> float:
    """How far ours is from theirs."""
    return 100 * (ours / theirs - 1)


def table() -> Iterator[str]:
    """The rows of the page, without the last column, causes."""
    for run in runs():
        ours, theirs = measured(run), run.champsim
        brought = (
            "same" if ours.brought == theirs.brought else f"{percent(ours.brought, theirs.brought):+.1f} %"
        )
        cells = (
            f"`{run.configuration}`", f"{run.trace}, {run.instructions // 1000}k", f"{theirs.ipc:.4f}",
            f"{ours.ipc:.4f}", f"{percent(ours.ipc, theirs.ipc):+.1f} %", f"{theirs.brought:,}",
            f"{ours.brought:,}", brought, f"{theirs.walks:,}", f"{ours.walks:,}",
            f"{theirs.branch_mpki:.2f}", f"{ours.branch_mpki:.2f}",
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    for run, line in zip(runs(), table(), strict=True):
        speed = f"{measured(run).rate:.1f} M/s, ChampSim {run.champsim.rate:.3f}"
        sys.stdout.write(f"{line} <!-- {speed} -->\n")


if __name__ == "__main__":
    main()
