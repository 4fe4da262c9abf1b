"""Export, import and merge: seconds and bytes for many trials of ten parameters and sixty metrics.

    python -m tests.benchmarks.bench_exchange [TRIALS]

Each format is written from a store and read into an empty one; then the store is merged into an empty one.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dse.exchange import export_campaign, import_campaign, merge_stores
from dse.objective import Objective
from dse.store import CampaignHeader, RunRow, Store, TrialBlock
from tests.dse.fake import FakeSimulator

_TRIALS = 100_000
_BATCH = 1000
_KNOBS = 6
_EXTRA_METRICS = 55


def fill(path: Path, trials: int) -> None:
    """A store with one finished campaign of that many trials."""
    simulator = FakeSimulator(width=_KNOBS, n_extra=_EXTRA_METRICS)
    header = CampaignHeader(
        name="big",
        config={},
        config_base=".",
        simulator={"name": "fake", "options": {}},
        build_id="1",
        space=simulator.space,
        search_space=simulator.space,
        schema=simulator.schema,
        objectives=(Objective("time_ns", "min"), Objective("energy_pj", "min")),
        workloads=[{"name": "w", "hash": "h", "weight": 1.0}],
        provenance={},
        runs=(RunRow(1, "random", "random", 0),),
    )
    rng = np.random.default_rng(1)
    with Store(path) as store:
        campaign = store.create_campaign(header, store.benches({"s": 1}, ["m"], ["h"]))
        append = store.appender(campaign)
        for start in range(0, trials, _BATCH):
            block = TrialBlock(
                run=1,
                batch=start // _BATCH,
                first_step=start,
                indices=simulator.space.sample(_BATCH, rng),
                metrics=rng.random((_BATCH, len(simulator.schema))),
                feasible=np.ones(_BATCH, dtype=np.bool_),
                origin=np.zeros(_BATCH, dtype=np.uint8),
                seconds=rng.random(_BATCH),
            )
            append(block, None)
        store.set_state(campaign, "finished")


def timed(what: str, action: Callable[[], object]) -> None:
    """Do it and print how long it took, on the wall and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    sys.stdout.write(f"{what:<20} {wall:8.2f} s  {cpu:8.2f} s CPU\n")


def main(trials: int) -> None:
    """Print one line a step."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.sqlite"
        timed(f"fill {trials:,}", lambda: fill(store, trials))
        for kind in ("parquet", "csv", "jsonl", "json"):
            file = Path(folder) / f"big.{kind}"
            timed(f"export {kind}", lambda file=file: export_campaign(store, "big", file))
            other = Path(folder) / f"{kind}.sqlite"
            timed(f"import {kind}", lambda file=file, other=other: import_campaign(file, other))
            sys.stdout.write(f"{'':<20} {file.stat().st_size / 1e6:8.1f} MB\n")
            file.unlink()
            other.unlink()
        timed("merge", lambda: merge_stores(store, Path(folder) / "merged.sqlite"))
        timed("merge again", lambda: merge_stores(store, Path(folder) / "merged.sqlite"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else _TRIALS)
