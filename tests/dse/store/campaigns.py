"""Small campaigns for the tests of the store."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dse.objective import Objective
from dse.store import CampaignHeader, RunRow, Store, TrialBlock
from tests.dse.fake import FakeSimulator

COLUMNS = (
    *("id", "run", "batch", "step", "origin", "feasible", "seconds", "fidelity", "charge"),
    *("indices", "metrics"),
)


def header(name: str = "one", simulator: FakeSimulator | None = None) -> CampaignHeader:
    simulator = simulator or FakeSimulator()
    return CampaignHeader(
        name=name,
        config={"name": name, "budget": {"unique": 10}},
        config_base=".",
        simulator={"name": "fake", "options": {}},
        build_id="fake-1",
        space=simulator.space,
        search_space=simulator.space,
        schema=simulator.schema,
        objectives=(Objective("time_ns", "min"), Objective("served", "max", at_least=0.8)),
        workloads=[{"name": "w", "hash": "h", "weight": 1.0}],
        provenance={},
        runs=(RunRow(0, "reference", "reference", 0), RunRow(1, "random", "random", 0)),
    )


def block(n: int = 4, first_step: int = 0, batch: int = 0) -> TrialBlock:
    rng = np.random.default_rng(first_step)
    simulator = FakeSimulator()
    return TrialBlock(
        run=1,
        batch=batch,
        first_step=first_step,
        indices=simulator.space.sample(n, rng),
        metrics=rng.random((n, len(simulator.schema))),
        feasible=rng.random(n) < 0.5,
        origin=np.zeros(n, dtype=np.uint8),
        seconds=rng.random(n),
    )


def estimates(n: int = 4, first_step: int = 0, batch: int = 0) -> TrialBlock:
    """Trials of which only some were simulated in full, each with what it cost its run."""
    rng = np.random.default_rng([7, first_step])
    fidelity = rng.choice([0.0, 0.1, 0.25, 1.0], n)
    return replace(block(n, first_step, batch), fidelity=fidelity, charge=fidelity + rng.random(n) / 8)


def create(store: Store, name: str = "one") -> int:
    return store.create_campaign(header(name), store.benches({"s": 1}, ["m"], ["h"]))
