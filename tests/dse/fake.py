"""A small simulator with known answers: a separable function of the design, for tests of the campaign.

`time_ns` and `energy_pj` conflict through `buffers`; `colour` matters only when `mode` is not "slow"; mode
"unsafe" violates a constraint of the space; `poison` makes designs fail.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from dse.metrics import Metrics, MetricsBatch, MetricSchema, MetricSpec
from dse.parameter import Parameter
from dse.point import DesignPoint
from dse.space import Constraint, DeadRule, DesignSpace
from traces.workload import Workload


def fake_space(width: int = 0) -> DesignSpace:
    """486 raw designs (times 4 ** width)."""
    return DesignSpace(
        "fake",
        [
            Parameter.power_of_two("buffers", 1, 256, 16, "queue"),
            Parameter.choice("mode", ["slow", "fast", "unsafe"], "slow", "core"),
            Parameter.choice("colour", ["red", "green", "blue"], "red", "core"),
            Parameter.integer("depth", 1, 6, 2, "queue"),
            *[Parameter.integer(f"knob{i}", 0, 3, 0, "extra") for i in range(width)],
        ],
        [Constraint("safe", {"mode": ["unsafe"]}, "data would be lost")],
        [DeadRule("colour", {"mode": ["slow"]}, "a slow core has no colour")],
    )


def fake_schema(n_extra: int = 0) -> MetricSchema:
    """Five metrics that mean something and `n_extra` that do not."""
    return MetricSchema(
        [
            MetricSpec("time_ns", "ns", "min", "sum", "how long"),
            MetricSpec("energy_pj", "pJ", "min", "sum", "how much"),
            MetricSpec(
                "power_mw", "mW", "min", "ratio", "", "energy_pj", "time_ns", needs_constraint="served"
            ),
            MetricSpec("served", "", "max", "min", "share of the load served"),
            MetricSpec("depth_used", "", "none", "mean", "neither good nor bad"),
            *[MetricSpec(f"extra{i}_ns", "ns", "min", "mean") for i in range(n_extra)],
        ]
    )


class FakeSimulator:
    """Implements the Simulator protocol, except for sessions.

    delay_s: time per batch, so that a test can kill a campaign in the middle. poison: values of `depth` that
    fail with NaN; -1 makes run_batch raise instead for depth 6.
    """

    name = "fake"

    def __init__(
        self,
        *,
        device: str = "plain",
        width: int = 0,
        n_extra: int = 0,
        delay_s: float = 0.0,
        poison: Sequence[int] = (),
        build: str = "1",
    ) -> None:
        self.space = fake_space(width)
        self.schema = fake_schema(n_extra)
        self.build_id = f"fake-{build}"
        self._options = {"device": device, "width": width, "n_extra": n_extra, "poison": list(poison)}
        self.poison = tuple(poison)
        self.delay_s = delay_s
        self.simulated = 0
        self.seconds = 0.0

    def describe(self) -> dict[str, Any]:
        return dict(self._options)

    def open(self, point: DesignPoint, workload: Workload, seed: int = 0) -> Any:
        raise NotImplementedError

    def run(self, point: DesignPoint, workload: Any, seed: int = 0) -> Metrics:
        return self.run_batch([point], [workload])[0][0]

    def run_batch(self, points: Any, workloads: Sequence[Any], threads: int = 1) -> MetricsBatch:
        started = time.process_time()
        rows = self.space.rows(points)
        time.sleep(self.delay_s)
        loads = np.array([len(Workload.of(w)) / 1000 for w in workloads])
        values = self._values(rows, loads)
        notes: list[list[tuple[str, ...]]] = []
        depth = rows[:, 3] + 1
        if -1 in self.poison and (depth == 6).any():
            raise RuntimeError("depth 6 breaks the simulator")
        failed = np.isin(depth, self.poison)
        if failed.any():
            values[failed] = np.nan
            notes = [[("poisoned",) if bad else ()] * len(loads) for bad in failed.tolist()]
        self.simulated += len(rows)
        self.seconds += time.process_time() - started
        return MetricsBatch(self.schema, values, notes, np.full(values.shape[:2], 0.001))

    def _values(self, rows: np.ndarray, loads: np.ndarray) -> np.ndarray:
        buffers = 2.0 ** rows[:, 0]
        fast = (rows[:, 1] >= 1) * (1.0 + 0.1 * rows[:, 2])
        knobs = rows[:, 4:].sum(axis=1) * 0.01
        base = np.empty((len(rows), len(self.schema)))
        base[:, 0] = 100 + 400 / buffers - 20 * fast + 3 * rows[:, 3] + knobs
        base[:, 1] = 10 + buffers + 15 * fast + 2 * (5 - rows[:, 3])
        base[:, 3] = np.minimum(1.0, 0.6 + 0.1 * rows[:, 0])
        base[:, 4] = rows[:, 3]
        base[:, 5:] = base[:, :1] + np.arange(len(self.schema) - 5)
        values = np.repeat(base[:, None, :], len(loads), axis=1)
        values[:, :, :2] *= loads[None, :, None]
        values[:, :, 2] = values[:, :, 1] / values[:, :, 0]
        return values


def fake_environment() -> dict[str, str]:
    """Environment of a subprocess that finds the checkout."""
    return {**os.environ, "PYTHONPATH": os.getcwd()}
