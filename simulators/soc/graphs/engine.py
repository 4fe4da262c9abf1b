"""The compiled phases on what Python has: tables and designs as the engine reads them, a batch simulated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ext import soc_phases
from simulators.soc.graphs import measure
from simulators.soc.graphs.placement import Placements, Problem

POWER_WINDOW_S = 10e-3
"""Of `peak_power_mw`: the period over which FARSI collects power."""


def tables_of(problem: Problem, arrivals: NDArray[np.float64]) -> soc_phases.PhaseTables:
    """What all designs share."""
    platform = problem.platform
    return soc_phases.PhaseTables(
        problem.edge_from,
        problem.edge_to,
        problem.edge_bytes,
        problem.output_bytes,
        arrivals,
        platform.n_cores + problem.n_tasks,
        platform.n_memories,
        platform.n_buses,
    )


def designs_of(tables: soc_phases.PhaseTables, found: Placements) -> soc_phases.Designs:
    """The designs themselves."""
    return soc_phases.Designs(
        tables,
        found.pe,
        found.pe_bus,
        found.memory,
        found.memory_bus,
        found.pe_seconds,
        found.memory_rate,
        found.bus_rate,
    )


def simulated(
    problem: Problem, placements: Placements, arrivals: NDArray[np.float64], warmup: int
) -> NDArray[np.float64]:
    """Metrics (P, M) of every design, run to its end."""
    tables = tables_of(problem, arrivals)
    designs = designs_of(tables, placements)
    found = measure.Phases(*soc_phases.simulate(tables, designs), arrivals, warmup)
    return measured(problem, placements, tables, designs, found)


def measured(
    problem: Problem,
    placements: Placements,
    tables: soc_phases.PhaseTables,
    designs: soc_phases.Designs,
    found: measure.Phases,
) -> NDArray[np.float64]:
    """Metrics (P, M) of what the engine counted. How large the memories must be, and so what a byte costs, is
    known at the end only: the windows of power take a second run.
    """
    task_pj = measure.task_pj(problem, placements, found)
    peak_pj_per_s = soc_phases.peak_powers(tables, designs, task_pj, POWER_WINDOW_S)
    return measure.values(problem, placements, found, peak_pj_per_s)
