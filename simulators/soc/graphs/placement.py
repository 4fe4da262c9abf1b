"""From designs to numbers: `Problem` (what every design of a platform shares) and `Placements` (the designs).

Everything is arrays, so that a batch of designs is decoded at once. A system has processing elements,
numbered cores first and then one accelerator a task; memories; and buses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.parameter import Value
from dse.space import DesignSpace, IndexMatrix
from simulators.soc.graphs.graph import TaskGraph
from simulators.soc.graphs.hardware import MEMORY_KINDS
from simulators.soc.graphs.space import Platform, parameters

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """T tasks, E edges of all graphs, one after the other.

    graph (T,): number of each task's graph. edge_from, edge_to (E,), edge_bytes (E,): with the edges of a
    task in the order of the file. output_bytes (T,): what a task writes in all.
    """

    platform: Platform
    graph: Ints
    edge_from: Ints
    edge_to: Ints
    edge_bytes: Floats
    output_bytes: Floats

    @property
    def n_tasks(self) -> int:
        """All tasks of all graphs."""
        return len(self.graph)

    @classmethod
    def of(cls, platform: Platform) -> Problem:
        """The numbers of those graphs."""
        place = {(g.name, t.name): n for n, (g, t) in enumerate(platform.tasks)}
        ends = [(g, edge) for g in platform.graphs for edge in g.edges]
        edge_from = np.array([place[g.name, edge.producer] for g, edge in ends], dtype=np.int32)
        edge_bytes = np.array([edge.n_bytes for _, edge in ends], dtype=np.float64)
        output = np.zeros(len(place))
        np.add.at(output, edge_from, edge_bytes)
        return cls(
            platform=platform,
            graph=np.array([_number(platform, g) for g, _ in platform.tasks], dtype=np.int32),
            edge_from=edge_from,
            edge_to=np.array([place[g.name, edge.consumer] for g, edge in ends], dtype=np.int32),
            edge_bytes=edge_bytes,
            output_bytes=output,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Placements:
    """P designs. pe (P, T): where a task runs; pe_seconds (P, T): how long, if it is alone there and no bytes
    hold it up; pe_bus (P, T): the bus that it reaches the memories by. memory (P, T): of its output, -1 for
    none. memory_rate (P, M), bus_rate (P, B): bytes a second, each way; memory_bus (P, M). bus_width (P, B):
    bytes. unroll (P, T): of the accelerator, 0 on a core. is_dram (P, M). core_kind (P, C): position in the
    library.
    """

    pe: Ints
    pe_seconds: Floats
    pe_bus: Ints
    memory: Ints
    memory_rate: Floats
    memory_bus: Ints
    bus_rate: Floats
    bus_width: Floats
    unroll: Floats
    is_dram: NDArray[np.bool_]
    core_kind: Ints

    def __len__(self) -> int:
        return len(self.pe)

    def part(self, chosen: slice) -> Placements:
        """Some of the designs."""
        return Placements(**{name: getattr(self, name)[chosen] for name in self.__slots__})


class Decoder:
    """Rows of a space as `Placements`; what the space leaves out has the default of `soc-farsi`."""

    def __init__(self, problem: Problem, space: DesignSpace) -> None:
        self._problem = problem
        self._space = space
        self._known = {parameter.name: parameter for parameter in parameters(problem.platform)}
        self._names = frozenset(space.names)
        self._columns = {name: column for column, name in enumerate(space.names)}

    def decode(self, rows: IndexMatrix) -> Placements:
        """The designs of canonical rows (P, D)."""
        problem, platform = self._problem, self._problem.platform
        library, n = platform.library, len(rows)
        n_cores = platform.n_cores
        core_names = [core.name for core in library.cores]
        speeds = np.array([core.instructions_per_s for core in library.cores])
        each = {
            "kind": self._table(rows, [f"core{k}_kind" for k in range(n_cores)], core_names.index, np.int32),
            "bus": self._table(rows, [f"core{k}_bus" for k in range(n_cores)], _last_number, np.int32),
        }
        core_rate = speeds[each["kind"]]
        shape = (n, problem.n_tasks)
        pe, unroll = np.zeros(shape, np.int32), np.zeros(shape)
        pe_seconds, memory = np.zeros(shape), np.full(shape, -1, np.int32)
        every = np.arange(n)
        hertz = self._column(rows, "accelerator_clock", float, np.float64) * 1e6
        for t, (graph, task) in enumerate(platform.tasks):
            label = platform.label(graph, task)
            if task.instructions > 0:
                loops = self._column(rows, f"pe_{label}", _unrolled, np.float64)
                core = self._column(rows, f"pe_{label}", _core, np.int32)
                pe[:, t] = np.where(loops > 0, n_cores + t, core)
                on_core = task.instructions / core_rate[every, core]
                cycles = task.accelerator.cycles if task.accelerator is not None else 0.0
                pe_seconds[:, t] = np.where(loops > 0, cycles / (np.maximum(loops, 1.0) * hertz), on_core)
                unroll[:, t] = loops
            if f"memory_{label}" in self._known:
                memory[:, t] = self._column(rows, f"memory_{label}", _last_number, np.int32)
        memories = [f"memory{k}" for k in range(platform.n_memories)]
        buses = [f"bus{k}" for k in range(platform.n_buses)]
        memory_bus = self._table(rows, [f"{name}_bus" for name in memories], _last_number, np.int32)
        return Placements(
            pe=pe,
            pe_seconds=pe_seconds,
            pe_bus=self._pe_bus(pe, memory, memory_bus, each["bus"]),
            memory=memory,
            memory_rate=self._rate(rows, memories),
            memory_bus=memory_bus,
            bus_rate=self._rate(rows, buses),
            bus_width=self._table(rows, [f"{name}_width" for name in buses], float, np.float64),
            unroll=unroll,
            is_dram=self._table(rows, [f"{name}_kind" for name in memories], MEMORY_KINDS.index, np.int32)
            > 0,
            core_kind=each["kind"],
        )

    def _pe_bus(self, pe: Ints, memory: Ints, memory_bus: Ints, core_bus: Ints) -> Ints:
        """A core's own bus; an accelerator's is that of the memory it writes to, or first reads from."""
        problem, n_cores = self._problem, self._problem.platform.n_cores
        every, found = np.arange(len(pe)), np.zeros_like(pe)
        for t in range(problem.n_tasks):
            near = memory[:, t]
            fed = np.flatnonzero((problem.edge_to == t) & (problem.edge_bytes > 0))
            if not problem.output_bytes[t] and len(fed):
                near = memory[:, problem.edge_from[fed[0]]]
            own = np.where(near >= 0, memory_bus[every, near], 0)
            found[:, t] = np.where(
                pe[:, t] < n_cores, core_bus[every, np.minimum(pe[:, t], n_cores - 1)], own
            )
        return found

    def _rate(self, rows: IndexMatrix, blocks: list[str]) -> Floats:
        width = self._table(rows, [f"{name}_width" for name in blocks], float, np.float64)
        clock = self._table(rows, [f"{name}_clock" for name in blocks], float, np.float64)
        return np.asarray(width * (clock * 1e6))

    def _table(self, rows: IndexMatrix, names: list[str], of: Any, dtype: Any) -> NDArray[Any]:
        return np.stack([self._column(rows, name, of, dtype) for name in names], axis=1)

    def _column(self, rows: IndexMatrix, name: str, of: Any, dtype: Any) -> NDArray[Any]:
        """The values of a parameter, each through `of`, as (P,)."""
        column = self._columns.get(name)
        if column is None:
            return np.full(len(rows), of(self._known[name].default), dtype)
        values = np.array([of(value) for value in self._space.parameters[column].values], dtype)
        picked: NDArray[Any] = values[rows[:, column]]
        return picked


def _number(platform: Platform, graph: TaskGraph) -> int:
    return [one.name for one in platform.graphs].index(graph.name)


def _last_number(value: Value) -> int:
    """3 of "memory3"."""
    return int(str(value).lstrip("abcdefghijklmnopqrstuvwxyz"))


def _unrolled(value: Value) -> float:
    """How often the accelerator is unrolled; 0 for a core."""
    return 0.0 if str(value).startswith("core") else float(str(value).removeprefix("x"))


def _core(value: Value) -> int:
    """The core; 0 for an accelerator."""
    return _last_number(value) if str(value).startswith("core") else 0
