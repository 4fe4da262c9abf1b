"""A store whose first campaign has estimates that would beat everything, had they been simulated in full."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dse.store import Origin, Store, TrialBlock, open_reader


def add_estimates(path: Path | str, n: int = 6, *, fidelity: float = 0.25, feasible: bool = False) -> None:
    """Append n trials of run 1 that were simulated for a part of the requests: a tenth of every metric but
    `served`. `feasible` is what a careless writer would say of them; a campaign never says so.
    """
    with open_reader(path) as reader:
        trials = reader.trials(1)
    rows = np.flatnonzero(trials.feasible & (trials.run == 1))[:n]
    metrics = trials.metrics[rows] * 0.1
    if "served" in trials.metric_names:
        metrics[:, trials.metric_names.index("served")] = 1.0
    block = TrialBlock(
        run=1,
        batch=900,
        first_step=9000,
        indices=trials.indices[rows],
        metrics=metrics,
        feasible=np.full(len(rows), feasible),
        origin=np.full(len(rows), Origin.SIMULATED, dtype=np.uint8),
        seconds=np.full(len(rows), 0.001),
        fidelity=np.full(len(rows), fidelity),
        charge=np.full(len(rows), fidelity),
    )
    with Store(path) as store:
        store.appender(1)(block, None)
        store.flush()
