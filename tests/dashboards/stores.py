"""Real stores for tests of the dashboard: small campaigns over the fake and over the DRAM simulator."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from dse.campaign import Campaign
from dse.store import Origin, Store, TrialBlock, open_reader
from tests.dse.fake import FakeSimulator

HOSTILE = '<img src=x onerror="alert(1)">%{x}'


def fake_campaign(
    name: str = "fake", *, unique: int = 24, seeds: int = 1, agents=("random",), **options
) -> Campaign:
    config = {
        "name": name,
        "simulator": {"name": "dram"},
        "workloads": [{"trace": "synthetic:stream?n=200"}],
        "objectives": [{"metric": "time_ns"}, {"metric": "energy_pj"}, {"metric": "served", "at_least": 0.7}],
        "agents": [{"name": agent, "seeds": seeds} for agent in agents],
        "budget": {"unique": unique, "batch": 8},
    }
    return Campaign(config, simulator=FakeSimulator(**options))


def fake_store(path: Path, **options) -> Path:
    """A store with one finished campaign over the fake simulator."""
    fake_campaign(**options).run(store=path, threads=1)
    return path


def dram_store(path: Path, *, unique: int = 24, name: str = "tiny") -> Path:
    """A store with one finished campaign over the DRAM simulator."""
    config = {
        "name": name,
        "simulator": {"name": "dram", "device": "ddr4-2400-8gb-x8"},
        "workloads": [{"trace": "synthetic:zipf_rows?n=300&seed=1"}],
        "objectives": [{"metric": "read_latency_p95_ns"}, {"metric": "energy_per_bit_pj"}],
        "agents": [{"name": "random"}, {"name": "local"}],
        "budget": {"unique": unique, "batch": 8},
    }
    Campaign(config).run(store=path, threads=1)
    return path


def copy_store(path: Path, target: Path) -> Path:
    """A copy that includes what is still in the write-ahead log."""
    with closing(sqlite3.connect(path)) as whole, closing(sqlite3.connect(target)) as copy:
        whole.backup(copy)
    return target


@contextmanager
def running_campaign(path: Path) -> Iterator[Callable[..., None]]:
    """Own campaign 1 as a running process would, and yield `add(n, run=1, scale=0.5)`.

    It appends n trials of that run: copies of the first trial whose metrics are multiplied by `scale`.
    """
    with open_reader(path) as reader:
        first = reader.trials(1)
    with Store(path) as store:
        store.own(1)
        store.set_state(1, "running")
        append = store.appender(1)

        def add(n: int, run: int = 1, scale: float = 0.5) -> None:
            block = TrialBlock(
                run=run,
                batch=900,
                first_step=9000,
                indices=np.repeat(first.indices[:1], n, axis=0),
                metrics=np.repeat(first.metrics[:1] * scale, n, axis=0),
                feasible=np.ones(n, dtype=np.bool_),
                origin=np.full(n, Origin.SIMULATED, dtype=np.uint8),
                seconds=np.full(n, 0.01),
            )
            append(block, None)
            store.flush()

        yield add


def add_trials(path: Path, n: int, *, run: int = 1, scale: float = 0.5) -> None:
    """Append n trials to campaign 1 and stop: it is then interrupted."""
    with running_campaign(path) as add:
        add(n, run, scale)
