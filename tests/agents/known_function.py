"""A simulator of a known function, and a small campaign on it: what analyses are checked against.

`cost` is an additive part and one product; `dice` is as unpredictable as a hash; `flat` never changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dse.campaign import Campaign
from dse.metrics import MetricsBatch, MetricSchema, MetricSpec
from dse.parameter import Parameter
from dse.space import DesignSpace

SPACE = DesignSpace(
    "known",
    [
        Parameter.choice("shape", ["a", "b", "c", "d"], "a", "left"),
        Parameter.integer("level", 0, 4, 0, "left"),
        Parameter.choice("mode", ["x", "y", "z"], "x", "right"),
        Parameter.integer("idle", 0, 4, 0, "right"),
        Parameter.integer("spare", 0, 1, 0, "other"),
    ],
)
SCHEMA = MetricSchema([MetricSpec(name, "", "min", "mean") for name in ("cost", "dice", "flat")])


def cost(rows: np.ndarray) -> np.ndarray:
    shape, level, mode = rows[:, 0], rows[:, 1].astype(float), rows[:, 2]
    return 10.0 + np.array([0.0, 3.0, 1.0, 2.0])[shape] + level + 0.5 * mode * (level - 2.0)


class KnownSimulator:
    name = "known"
    space = SPACE
    schema = SCHEMA
    build_id = "known-1"

    def describe(self) -> dict[str, Any]:
        return {}

    def run_batch(self, points: Any, workloads: Any, threads: int = 1) -> MetricsBatch:
        rows = self.space.rows(points)
        dice = [int.from_bytes(row.tobytes()) * 2654435761 % 1009 / 1009 for row in rows]
        values = np.stack([cost(rows), dice, np.full(len(rows), 3.0)], axis=1)
        shape = (len(rows), len(workloads), len(self.schema))
        return MetricsBatch(
            self.schema, np.broadcast_to(values[:, None, :], shape).copy(), [], np.zeros(shape[:2])
        )


def campaign(unique: int = 120, **changes: Any) -> Campaign:
    config = {
        "name": "known",
        "seed": 3,
        "workloads": [{"trace": "synthetic:stream?n=10"}],
        "objectives": [{"metric": "cost"}],
        "agents": [{"name": "random"}],
        "budget": {"unique": unique, "batch": 40},
        **changes,
    }
    return Campaign(config, simulator=KnownSimulator())


def exact_indices(function: Any, n_values: tuple[int, ...], columns: tuple[int, ...]) -> tuple[float, float]:
    """First-order and total index of a group of columns by full enumeration."""
    rows = np.indices(n_values).reshape(len(n_values), -1).T
    values = function(rows).reshape(n_values)
    others = tuple(d for d in range(len(n_values)) if d not in columns)
    first = values.mean(axis=others).var() / values.var()
    return first, 1.0 - values.mean(axis=columns).var() / values.var()
