"""The store: trials appended a second, and a large campaign opened.

    python -m tests.benchmarks.bench_store [TRIALS] [URL]

Appends batches of 1,000 trials (10 parameters, 5 metrics) to a new campaign, in a temporary SQLite file or at
the address given, then opens it anew and reads its list, its record and its front of 1,000 trials, first from
the kept front and once more computed from all trials. Wall time, beside a fixed calibration loop.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dse.store import Store, StoreReader, TrialBlock
from tests.benchmarks.bench_campaign import calibration_seconds
from tests.dse.fake import FakeSimulator
from tests.dse.store.campaigns import header

_BATCH = 1000
_FRONT = 1000
_ROUNDS = 3


def blocks(trials: int, simulator: FakeSimulator) -> list[TrialBlock]:
    """Random trials in batches."""
    rng = np.random.default_rng(1)
    return [
        TrialBlock(
            run=1,
            batch=batch,
            first_step=batch * _BATCH,
            indices=simulator.space.sample(_BATCH, rng),
            metrics=rng.random((_BATCH, len(simulator.schema))),
            feasible=np.ones(_BATCH, dtype=np.bool_),
            origin=np.zeros(_BATCH, dtype=np.uint8),
            seconds=rng.random(_BATCH),
        )
        for batch in range(trials // _BATCH)
    ]


def append_all(url: str, given: list[TrialBlock], simulator: FakeSimulator) -> tuple[int, float]:
    """The campaign's number, and seconds from the first batch to the last commit."""
    with Store(url) as store:
        benches = store.benches({"s": time.time_ns()}, ["m"], ["h"])
        campaign = store.create_campaign(header(f"bench-{time.time_ns()}", simulator), benches)
        append = store.appender(campaign)
        started = time.perf_counter()
        for block in given:
            append(block, None)
        store.set_front(campaign, range(1, _FRONT + 1), [])
        store.flush()
        return campaign, time.perf_counter() - started


def best_of(rounds: int, work: Callable[[], Any]) -> float:
    """Least wall seconds."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def open_with_front(url: str, campaign: int) -> None:
    """What a user waits for: the list, the campaign and its front."""
    with StoreReader(url) as reader:
        reader.campaigns()
        reader.campaign(campaign)
        reader.front_trials(campaign)


def read_objectives(url: str, campaign: int) -> None:
    """All trials, with one metric."""
    with StoreReader(url) as reader:
        reader.trials(campaign, metrics=["time_ns"])


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    simulator = FakeSimulator(width=6)
    given = blocks(trials, simulator)
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[2] if len(sys.argv) > 2 else str(Path(folder) / "store.sqlite")
        loop = calibration_seconds()
        campaign, seconds = append_all(url, given, simulator)
        opened = best_of(_ROUNDS, lambda: open_with_front(url, campaign))
        read = best_of(1, lambda: read_objectives(url, campaign))
    width = 7 + len(simulator.space) + len(simulator.schema)
    sys.stdout.write(
        f"append                {trials / seconds:,.0f} trials/s ({trials:,} trials, {width} columns)\n"
        f"open and front        {opened * 1e3:.0f} ms (front of {_FRONT})\n"
        f"read all, one metric  {read:.2f} s\n"
        f"calibration loop      {loop * 1e3:.1f} ms\n"
    )


if __name__ == "__main__":
    main()
