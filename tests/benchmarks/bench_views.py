"""What a user waits for on a large campaign: `dse front`, `dse ls`, and the pages of the dashboard.

    python -m tests.benchmarks.bench_views [TRIALS] [METRICS]

A campaign of random designs (4 runs, a third of the trials infeasible, some forbidden) in a temporary SQLite
file, with its front kept as a campaign keeps it. Commands run in this process, so the start of Python
(`python -m tests.benchmarks.bench_command_line`) comes on top. Wall seconds, the best of three; beside them a
fixed calibration loop: on a busy machine compare the ratio.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from dashboards.pages import campaigns
from dashboards.source import CampaignSource
from dse.campaign.scoring import Scorer
from dse.cli.main import run_command_line
from dse.front import FrontArchive
from dse.metrics import Metrics
from dse.store import Origin, RunRow, Store, TrialBlock
from tests.benchmarks.bench_campaign import calibration_seconds
from tests.dse.fake import FakeSimulator
from tests.dse.store.campaigns import header

_BATCH = 1000
_RUNS = 4
_ROUNDS = 3


def make_store(path: Path, trials: int, metrics: int) -> None:
    """One finished campaign, called `large`."""
    simulator = FakeSimulator(width=6, n_extra=metrics - 5)
    head = header("large", simulator)
    runs = (head.runs[0], *(RunRow(n, f"agent{n % 2}", "random", n // 2) for n in range(1, _RUNS + 1)))
    head = replace(head, runs=runs, config={"name": "large", "budget": {"unique": trials // _RUNS}})
    objectives = tuple(o for o in head.objectives if not o.is_constraint)
    bounds = tuple(o for o in head.objectives if o.is_constraint)
    scorer = Scorer(simulator.space, simulator.schema, (*objectives,), bounds)
    rng = np.random.default_rng(1)
    front = FrontArchive(len(objectives))
    with Store(path) as store:
        campaign = store.create_campaign(head, store.benches({"s": 1}, ["m"], ["h"]))
        append = store.appender(campaign)
        for number in range(trials // _BATCH):
            rows = simulator.space.sample(_BATCH, rng)
            values = rng.lognormal(size=(_BATCH, len(simulator.schema)))
            values[:, 3] = rng.uniform(0.7, 1.0, _BATCH)
            forbidden = (simulator.space.violations(rows) > 0).any(axis=1)
            values[forbidden] = np.nan
            scores = scorer.score(rows, values)
            block = TrialBlock(
                run=number % _RUNS + 1,
                batch=number // _RUNS,
                first_step=number // _RUNS * _BATCH,
                indices=rows,
                metrics=values,
                feasible=scores.feasible,
                origin=np.where(forbidden, Origin.FORBIDDEN, Origin.SIMULATED).astype(np.uint8),
                seconds=np.full(_BATCH, 0.001),
            )
            append(block, None)
            ids = np.arange(number * _BATCH + 1, (number + 1) * _BATCH + 1)
            kept = scores.feasible
            added, removed = front.insert(scores.costs[kept], ids[kept])
            store.set_front(campaign, added.tolist(), removed.tolist())
        baseline = Metrics(simulator.schema, np.ones(len(simulator.schema)))
        store.set_baseline(campaign, simulator.space.default(), baseline, 1)
        store.set_scale(campaign, np.full(len(objectives), 2.0), np.zeros(len(objectives)))
        store.set_state(campaign, "finished")


def best_of(work: Callable[[], object]) -> float:
    """Least wall seconds."""
    seconds = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def command(*args: object) -> Callable[[], None]:
    """`dse ARGS`, its output thrown away."""

    def run() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            assert run_command_line([str(arg) for arg in args]) == 0

    return run


def main() -> None:
    """Print a line each."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    metrics = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        make_store(path, trials, metrics)
        loop = calibration_seconds()
        sys.stdout.write(f"{trials:,} trials with {metrics} metrics; calibration loop {loop * 1e3:.1f} ms\n")
        cases = {
            "dse front": command("front", "large", "--store", path),
            "dse front --json": command("front", "large", "--store", path, "--json"),
            "dse ls": command("ls", "--store", path),
            "list of campaigns": lambda: campaigns.layout(CampaignSource(path).summaries()),
            "page of a campaign": lambda: CampaignSource(path).frame("1"),
        }
        for name, work in cases.items():
            sys.stdout.write(f"{name:<20} {best_of(work):7.2f} s\n")


if __name__ == "__main__":
    main()
