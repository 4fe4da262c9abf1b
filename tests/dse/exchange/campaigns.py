"""Campaigns with awkward contents, in a store or only in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from dse.campaign.loop import CampaignLoop
from dse.exchange import CampaignArchive
from dse.metrics import Metrics, MetricSchema, MetricSpec
from dse.objective import Objective
from dse.parameter import Parameter, Value
from dse.space import DesignSpace
from dse.store import CampaignHeader, Origin, ResultBlock, RunRow, Store, TrialBlock, Trials
from tests.dse.fake import FakeSimulator

FORMATS = ("parquet", "csv", "json", "jsonl")


def header(name: str = "one", agent: str = "random") -> CampaignHeader:
    """A campaign of the fake simulator."""
    simulator = FakeSimulator()
    return CampaignHeader(
        name=name,
        config={"name": name, "budget": {"unique": 10}, "workloads": []},
        config_base=".",
        simulator={"name": "fake", "options": {}},
        build_id="fake-1",
        space=simulator.space,
        search_space=simulator.space.restrict({"mode": ["slow", "fast"]}),
        schema=simulator.schema,
        objectives=(
            Objective("time_ns", "min"),
            Objective("energy_pj", "min"),
            Objective("served", "max", at_least=0.3),
        ),
        workloads=[{"name": "w", "hash": "h", "weight": 1.0}],
        provenance={"seed": 7},
        runs=(RunRow(0, "reference", "reference", 0), RunRow(1, agent, "random", 3, {"n": 2})),
    )


def block(n: int, first_step: int = 0, batch: int = 0, run: int = 1, seed: int = 0) -> TrialBlock:
    """Random trials, the last but one failed and the last infinite."""
    rng = np.random.default_rng([seed, run, first_step])
    simulator = FakeSimulator()
    feasible = np.random.default_rng([seed, run, first_step, 1]).random(n) < 0.5
    metrics = rng.random((n, len(simulator.schema))) * 10.0 ** rng.integers(-300, 300, (n, 1))
    metrics[-2] = np.nan
    metrics[-1, 0] = np.inf
    metrics[-1, 1] = -np.inf
    return TrialBlock(
        run=run,
        batch=batch,
        first_step=first_step,
        indices=simulator.space.sample(n, rng),
        metrics=metrics,
        feasible=feasible,
        origin=rng.integers(0, len(Origin), n).astype(np.uint8),
        seconds=rng.random(n),
        fidelity=np.where(feasible, 1.0, rng.choice([0.0, 0.1, 1.0], n)),
        charge=rng.random(n),
    )


def stored(
    path: Path, name: str = "one", *, state: str = "finished", agent: str = "random", seed: int = 0
) -> Path:
    """A store with one campaign of 80 trials, two cached results and a snapshot."""
    simulator = FakeSimulator()
    given = header(name, agent)
    with Store(path) as store:
        campaign = store.create_campaign(given, store.benches({"s": 1}, simulator.schema.names, ["h"]))
        append = store.appender(campaign)
        first = block(3, run=0, seed=seed)
        values = np.arange(10.0).reshape(2, 1, 5)
        append(first, ResultBlock([5, 7], values, np.ones((2, 1)), [[("short",)], [()]]))
        append(block(37, seed=seed), None)
        append(block(40, 37, 1, seed=seed), None)
        store.add_snapshot(campaign, 1, 2, b"state")
        store.set_scale(campaign, np.array([2.0, 3.0]), np.array([0.0, 0.1]))
        point = simulator.space.from_indices(first.indices[0])
        store.set_baseline(campaign, point, Metrics(simulator.schema, first.metrics[0]), 1)
        store.set_state(campaign, state)
        store.flush()
    return path


def in_memory(values: Sequence[Value], agent: str, metrics: np.ndarray, name: str = "one") -> CampaignArchive:
    """A campaign over one parameter with these values, one trial for each row of metrics (n, 2)."""
    space = DesignSpace("s", [Parameter("seed", tuple(values), values[0], "part")])
    schema = MetricSchema([MetricSpec("time_ns", "ns", "min"), MetricSpec("run", "", "max")])
    n = len(metrics)
    given = CampaignHeader(
        name=name,
        config={},
        config_base=".",
        simulator={"name": "x", "options": {}},
        build_id="1",
        space=space,
        search_space=space,
        schema=schema,
        objectives=(Objective("time_ns", "min"),),
        workloads=[{"name": agent, "hash": "h"}],
        provenance={"note": agent},
        runs=(RunRow(1, agent, "random", 0), RunRow(4, agent + agent, "random", 1)),
    )
    trials = Trials(
        id=np.arange(1, n + 1),
        run=np.where(np.arange(n) % 2, 1, 4).astype(np.int16),
        batch=np.arange(n) * 2**40,
        step=np.arange(n) * 2**41,
        origin=(np.arange(n) % len(Origin)).astype(np.uint8),
        feasible=np.arange(n) % 3 == 0,
        seconds=np.linspace(0, 0.1, n),
        indices=(np.arange(n) % len(values)).astype(np.int16)[:, None],
        metrics=metrics,
        metric_names=schema.names,
        fidelity=np.where(np.arange(n) % 3 == 0, 1.0, np.linspace(0, 1, n)),
        charge=np.linspace(0, 3, n),
    )
    cached_as = (("simulator", "workload"),)
    created = "2026-01-02T03:04:05+00:00"
    return CampaignArchive(given, cached_as, created, "finished", None, None, None, None, None, trials)


def stop_after(monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    """Raise the stop flag after that many batches of agents, as the first Ctrl-C does."""
    original = CampaignLoop._batch
    done = []

    def batch(self, run, meter):
        original(self, run, meter)
        done.append(run)
        self.stop.raised = len(done) == batches

    monkeypatch.setattr(CampaignLoop, "_batch", batch)
