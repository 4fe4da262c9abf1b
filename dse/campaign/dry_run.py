"""`DryRun`: what a campaign would be, from its space and the reference sample; nothing is stored."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from dse.campaign.config import UNLIMITED
from dse.campaign.programs import size_text
from dse.campaign.reference_sample import reference_rounds
from dse.campaign.setup import Setup
from traces.instruction_workload import AnyWorkload


@dataclass(frozen=True, slots=True)
class Range:
    """An objective over the sample: its extremes and median, and the value of the baseline."""

    metric: str
    unit: str
    low: float
    median: float
    high: float
    baseline: float
    bound: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """Sizes of the space (raw, distinct in effect, feasible), cost of the campaign, ranges of objectives.

    notes: remarks of the simulator on the baseline (too short a run, ...).
    designs: the budget of all runs; on the steps of `[fidelity]` it counts full simulations. steps: what one
    batch runs on each of these, and what it costs. warm_start: what every run begins with.
    seconds: expected for the whole budget if no design is ever repeated, at the sample's measured speed.
    """

    name: str
    raw_size: int
    distinct_size: int
    feasible_size: int
    workloads: tuple[str, ...]
    runs: int
    designs: int
    sampled: int
    sample_seconds: float
    feasible_in_sample: int
    failed_in_sample: int
    seconds: float
    threads: int
    ranges: tuple[Range, ...]
    notes: tuple[str, ...]
    steps: tuple[str, ...] = ()
    warm_start: tuple[str, ...] = ()


def dry_run(setup: Setup, threads: int) -> DryRun:
    """Simulate the baseline and the reference sample and report."""
    rows = reference_rounds(setup)[0]
    started = time.perf_counter()
    batch = setup.simulator.run_batch(rows, setup.workloads, threads=threads)
    elapsed = time.perf_counter() - started
    metrics = setup.aggregation.combined(batch.values)
    scores = setup.scorer.score(rows, metrics)
    designs = _affordable(setup, elapsed / len(rows), batch.seconds.sum() / len(rows))
    designs = min(designs, max(setup.space.feasible_size, setup.config.budget.unique or 1))
    designs *= len(setup.runs) - 1
    return DryRun(
        name=setup.config.name,
        raw_size=setup.space.raw_size,
        distinct_size=setup.space.distinct_size,
        feasible_size=setup.space.feasible_size,
        workloads=tuple(_described(workload) for workload in setup.workloads),
        runs=len(setup.runs) - 1,
        designs=designs,
        sampled=len(rows),
        sample_seconds=elapsed,
        feasible_in_sample=int(scores.feasible.sum()),
        failed_in_sample=int(np.isnan(metrics).all(axis=1).sum()),
        seconds=elapsed / len(rows) * min(designs, setup.space.feasible_size * (len(setup.runs) - 1)),
        threads=threads,
        ranges=tuple(_ranges(setup, metrics)),
        notes=batch[0].combined.notes,
        steps=tuple(steps_of(setup)),
    )


def steps_of(setup: Setup) -> list[str]:
    """What becomes of the designs of a whole batch, and what that costs."""
    ladder, n = setup.ladder, setup.config.budget.batch
    if ladder is None:
        return []
    asked = [f"{n * ladder.oversample:,} predicted"] if ladder.surrogate else []
    parts = [f"{count:,} on {share:.3g} of the requests" for count, share in ladder.steps(n)[:-1]]
    full = f"{ladder.steps(n)[-1][0]:,} in full"
    return [*asked, *parts, full, f"{ladder.cost(n):.4g} full simulations in all"]


def _affordable(setup: Setup, wall_seconds: float, cpu_seconds: float) -> int:
    """Unique designs, or full simulations, of one run whose designs take that long each."""
    budget = setup.config.budget
    most = budget.unique_limit
    if setup.ladder is not None:
        most = UNLIMITED if budget.unique is None else budget.unique
    by_time = [
        math.ceil(limit / max(spent, 1e-9))
        for limit, spent in ((budget.wall_seconds, wall_seconds), (budget.cpu_seconds, cpu_seconds))
        if limit is not None
    ]
    return min(most, *by_time, UNLIMITED)


def _described(workload: AnyWorkload) -> str:
    return f"{workload.name} ({size_text(workload)})"


def _ranges(setup: Setup, metrics: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[Range]:
    ranges: list[Range] = []
    for objective in setup.objectives:
        spec = setup.simulator.schema.spec(objective.metric)
        values = metrics[:, setup.simulator.schema.index(objective.metric)]
        finite = values[np.isfinite(values)]
        low, median, high = np.quantile(finite, [0, 0.5, 1]).tolist() if len(finite) else [np.nan] * 3
        ranges.append(Range(spec.name, spec.unit, low, median, high, float(values[0]), objective.text))
    return ranges
