"""`GraphSimulator`: task graphs on a system on chip as a `Simulator`, over the compiled phases.

What runs is an option, because the design space has a parameter for every task of it. The workload of a
campaign says when: each request of its trace is a frame, which starts every graph once at its arrival;
addresses and sizes have no meaning here. One request is one run.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import InputError, SpaceError, listed
from dse.metrics import Metrics, MetricsBatch, MetricSchema
from dse.point import DesignPoint
from dse.simulator import Work
from dse.space import DesignSpace, IndexMatrix
from simulators.soc.graphs.catalog import task_graph
from simulators.soc.graphs.engine import simulated
from simulators.soc.graphs.graph import TaskGraph
from simulators.soc.graphs.placement import Decoder, Placements, Problem
from simulators.soc.graphs.schema import graph_schema
from simulators.soc.graphs.session import GraphSession
from simulators.soc.graphs.sheets import read_sheets
from simulators.soc.graphs.space import Platform, graph_space, parameters
from traces.workload import Workload

MOST_FRAMES = 1000
_FS_PER_NS = 1_000_000
_PART = 4096  # designs decoded and simulated at once, so that a batch needs little memory
_POWER_SOURCES = ("sram.py", "technology.py", "data/sram.csv")
_SOURCES = (
    "engine.py", "graph.py", "hardware.py", "measure.py", "phases.py", "placement.py", "schema.py",
    "sheets.py", "simulator.py", "space.py",
)  # fmt: skip

Chosen = str | Mapping[str, Any]


class GraphSimulator:
    """Task graphs that run together on cores, accelerators, memories and buses.

    graphs: shipped graphs (`catalog.graph_names()`), TOML files (a name that ends in .toml), or the tables of
    one; several run on one system. sheets: FARSI's public sheets, as FOLDER#WORKLOAD. space: a preset
    (`space.SPACES`) or a `DesignSpace` with parameters of those. cores, memories, buses: how many a design
    may use. Raises LookupFailed for an unknown name, InputError or SpaceError for what cannot be.
    """

    name = "soc-farsi"

    def __init__(
        self,
        graphs: Chosen | Sequence[Chosen] = (),
        sheets: str | Sequence[str] = (),
        space: str | DesignSpace = "soc-farsi",
        cores: int = 2,
        memories: int = 3,
        buses: int = 3,
    ) -> None:
        chosen = [graphs] if isinstance(graphs, str | Mapping) else list(graphs)
        specs = [sheets] if isinstance(sheets, str) else list(sheets)
        if not chosen and not specs:
            chosen = ["image-pipeline"]
        found = [*map(task_graph, chosen), *map(read_sheets, specs)]
        self.platform = Platform(tuple(found), cores, memories, buses)
        self.problem = Problem.of(self.platform)
        self.space = graph_space(space, self.platform) if isinstance(space, str) else self._checked(space)
        self.schema: MetricSchema = graph_schema(self.platform)
        self._described: list[Any] = [
            *(one if isinstance(one, str) else dict(one) for one in chosen),
            *(replace(graph, origin="").to_dict() for graph in found[len(chosen) :]),
        ]
        self._preset = space if isinstance(space, str) else self.space.name
        self._decoder = Decoder(self.problem, self.space)

    @property
    def graphs(self) -> tuple[TaskGraph, ...]:
        """What runs."""
        return self.platform.graphs

    @property
    def build_id(self) -> str:
        """Identity of the code, the graphs and the library."""
        tables = [replace(graph, origin="").to_dict() for graph in self.graphs]
        text = json.dumps([tables, self.platform.library.to_dict()], sort_keys=True)
        digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        return f"soc-farsi-{_code_hash()}-{digest}"

    def describe(self) -> dict[str, Any]:
        """Options that build an equal simulator. What came from sheets is in them: no folder is needed."""
        return {
            "graphs": self._described,
            "space": self._preset,
            "cores": self.platform.n_cores,
            "memories": self.platform.n_memories,
            "buses": self.platform.n_buses,
        }

    def open(self, point: DesignPoint, workload: Work, seed: int = 0) -> GraphSession:
        """A session at time 0. Nothing here is random, so `seed` changes nothing."""
        arrivals, warmup = frames_of(workload)
        return GraphSession(self, point, arrivals, warmup)

    def run(self, point: DesignPoint, workload: Work, seed: int = 0) -> Metrics:
        """One design on one workload to its end."""
        return self.open(point, workload, seed).finish()

    def run_batch(
        self, points: Sequence[DesignPoint] | IndexMatrix, workloads: Sequence[Work], threads: int = 1
    ) -> MetricsBatch:
        """Every design on every workload, in `threads` threads; the result does not depend on how many."""
        rows = self.space.rows(points)
        works = [frames_of(workload) for workload in workloads]
        values = np.full((len(rows), len(works), len(self.schema)), np.nan)
        seconds = np.zeros(values.shape[:2])
        size = max(1, min(_PART, -(-len(rows) // max(threads, 1))))
        parts = [slice(start, start + size) for start in range(0, len(rows), size)]

        def one(part: slice) -> None:
            designs = self._decoder.decode(rows[part])
            for w, (arrivals, warmup) in enumerate(works):
                started = time.perf_counter()
                values[part, w] = simulated(self.problem, designs, arrivals, warmup)
                seconds[part, w] = (time.perf_counter() - started) / len(designs)

        if threads <= 1 or len(parts) <= 1:
            for part in parts:
                one(part)
        else:
            with ThreadPoolExecutor(max_workers=threads) as pool:
                list(pool.map(one, parts))
        notes: list[list[tuple[str, ...]]] = [[() for _ in works] for _ in rows]
        return MetricsBatch(self.schema, values, notes, seconds)

    def placement(self, point: DesignPoint) -> Placements:
        """A design as numbers."""
        return self._decoder.decode(self.space.encode(point)[None, :])

    def _checked(self, space: DesignSpace) -> DesignSpace:
        """`space` itself; SpaceError for a parameter or a value that the platform does not have."""
        known = {parameter.name: parameter for parameter in parameters(self.platform)}
        for parameter in space.parameters:
            if parameter.name not in known:
                raise SpaceError(
                    f"design space {space.name!r} has the parameter {parameter.name!r}, which these task "
                    f"graphs do not have: expected some of {listed(known, 40)}",
                    key="space",
                )
            for value in parameter.values:
                known[parameter.name].index(value)
        return space


def frames_of(workload: Work) -> tuple[NDArray[np.float64], int]:
    """Arrivals of the frames (F,) in seconds, and how many are for warming up.

    InputError for more than `MOST_FRAMES`.
    """
    found = Workload.of(workload)
    if len(found) > MOST_FRAMES:
        raise InputError(
            f"workload {found.name!r} has {len(found)} requests, and each is a frame of the task graphs: "
            f"expected at most {MOST_FRAMES}; set `length`"
        )
    return np.multiply(found.merged(_FS_PER_NS).arrival_cycle, 1e-9, dtype=np.float64), found.warmup


@cache
def _code_hash() -> str:
    """Hash of the sources that turn a design into metrics."""
    folder = resources.files("simulators.soc.graphs")
    digest = hashlib.blake2b(digest_size=8)
    for name in _SOURCES:
        digest.update((folder / name).read_bytes())
    digest.update((resources.files("simulators") / "metric_rows.py").read_bytes())
    for name in _POWER_SOURCES:
        digest.update((resources.files("simulators.soc.power") / name).read_bytes())
    for name in ("soc_phases.pyx", "soc_phase_steps.pxd"):
        digest.update((resources.files("ext") / name).read_bytes())
    return digest.hexdigest()
