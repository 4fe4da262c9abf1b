"""Surrogates by name, and designs with their metrics to learn from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from dse.registry import resolve
from dse.surrogate import Surrogate, encoded
from simulators.dram.simulator import DramSimulator
from traces.synthetic import stream, uniform_random
from traces.workload import Workload

Build = Callable[..., Surrogate]


class Designs(NamedTuple):
    """Columns x (N, D) and metrics y (N, M) of designs, and of others to ask about."""

    x: np.ndarray
    y: np.ndarray
    others: np.ndarray
    truth: np.ndarray


@pytest.fixture
def build() -> Build:
    """`build(name, n_parameters, n_targets, seed, **options)` gives a surrogate of the registry."""

    def _build(name: str, n_parameters: int, n_targets: int = 1, seed: int = 1, **options: Any) -> Surrogate:
        made: Surrogate = resolve("surrogate", name)(
            n_parameters, n_targets, np.random.SeedSequence(seed), **options
        )
        return made

    return _build


@pytest.fixture(scope="session")
def fitted() -> Callable[[str, Designs], Surrogate]:
    """`fitted(name, designs)` gives a model that learnt them, the same one each time: only to be asked."""
    known: dict[tuple[str, int], Surrogate] = {}

    def _fitted(name: str, designs: Designs) -> Surrogate:
        if (name, id(designs)) not in known:
            sizes = designs.x.shape[1], designs.y.shape[1]
            model: Surrogate = resolve("surrogate", name)(*sizes, np.random.SeedSequence(1))
            model.fit(designs.x, designs.y)
            known[name, id(designs)] = model
        return known[name, id(designs)]

    return _fitted


@pytest.fixture(scope="session")
def smooth() -> Designs:
    """A smooth function of four columns beside a steep one, whose logarithm is smooth."""
    rng = np.random.default_rng(0)
    x = rng.random((400, 4))
    waves = np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] - 2 * x[:, 3] ** 2
    y = np.stack([waves, np.exp(3 * waves)], axis=1)
    return Designs(x[:200], y[:200], x[200:], y[200:])


@pytest.fixture(scope="session")
def real() -> Designs:
    """300 random designs of the DRAM controller, and 100 others, simulated on two short traces."""
    simulator = DramSimulator()
    workloads = [Workload((uniform_random(n=400, seed=1),)), Workload((stream(n=400),))]
    rows = simulator.space.sample(400, np.random.default_rng(5), feasible=True)
    batch = simulator.run_batch(rows, workloads, threads=2)
    columns = [simulator.schema.index(name) for name in ("read_latency_p95_ns", "energy_per_bit_pj")]
    x, y = encoded(simulator.space, rows), batch.combined()[:, columns]
    return Designs(x[:300], y[:300], x[300:], y[300:])
