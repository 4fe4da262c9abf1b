"""Frames made by hand, for tests of what figures compute."""

from __future__ import annotations

import numpy as np

from dashboards.data import Frame, Run, front_rows
from dse.metrics import MetricSchema, MetricSpec
from dse.objective import Objective
from dse.parameter import Parameter
from dse.space import DesignSpace

SPACE = DesignSpace(
    "pair",
    [
        Parameter.choice("policy", ["Open", "Closed"], "Open", "row", description="what to do"),
        Parameter.power_of_two("depth", 1, 8, 1, "queue"),
    ],
)
SCHEMA = MetricSchema(
    [
        MetricSpec("delay_ns", "ns", "min", group="latency"),
        MetricSpec("energy_pj", "pJ", "min", "sum", group="energy"),
        MetricSpec("energy_read_pj", "pJ", "min", "sum", group="energy"),
        MetricSpec("energy_idle_pj", "pJ", "min", "sum", group="energy"),
        MetricSpec("bandwidth_gbps", "GB/s", "max", group="traffic"),
        MetricSpec("requests", "", "none", "sum", group="traffic"),
    ]
)


def frame(points, *, feasible=None, agents=None, baseline=(9.0, 9.0), constraints=(), estimated=()) -> Frame:
    """One trial a point (delay_ns, energy_pj, bandwidth_gbps); trial ids start at 1.

    estimated: positions of the points that were simulated for a quarter of the requests only.
    """
    full = ~np.isin(np.arange(len(points)), estimated)
    values = np.full((len(points), len(SCHEMA)), 1.0)
    values[:, [0, 1, 4]] = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    allowed = np.ones(len(points), dtype=bool) if feasible is None else np.asarray(feasible, dtype=bool)
    of_row = np.zeros(len(points), dtype=np.int64) if agents is None else np.asarray(agents, dtype=np.int64)
    reference = np.full(len(SCHEMA), 1.0)
    reference[[0, 1]] = baseline
    return Frame(
        campaign_id="1",
        name="made",
        state="finished",
        description={},
        space=SPACE,
        schema=SCHEMA,
        objectives=(Objective("delay_ns", "min"), Objective("energy_pj", "min")),
        constraints=tuple(constraints),
        agents=("random", "nsga2", "reference"),
        reference_agent=2,
        runs=(Run(0, 2, 0), Run(1, 0, 0), Run(2, 1, 0)),
        trial=np.arange(1, len(points) + 1),
        run=(of_row + 1).astype(np.int16) % 3,
        indices=np.zeros((len(points), 2), dtype=np.int16),
        values=values,
        feasible=allowed,
        unique=full,
        fidelity=np.where(full, 1.0, 0.25),
        charge=np.where(full, 1.0, 0.25),
        agent_of_row=of_row,
        front=front_rows(values[:, :2], allowed & full),
        baseline=reference,
        baseline_indices=SPACE.encode(SPACE.default()),
        curves=(),
        best_volume=1.0,
        budget=0,
        rate_per_s=0.0,
    )
