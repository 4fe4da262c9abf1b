"""`TaskGraph`: what a system on chip has to do, as tasks and the bytes that move between them.

A task runs on a core (so many instructions) or on an accelerator of its own (so many cycles without loop
unrolling, with its energy and area). It starts when all tasks that feed it are done, reads their bytes, and
writes its own output, an edge for each task that reads it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from dse.errors import InputError, did_you_mean, listed
from simulators.soc.graphs.hardware import LIBRARIES, Library, library

MOST_TASKS = 200
"""Tasks of one graph; beyond it the space of mappings is of no use to anybody."""


@dataclass(frozen=True, slots=True)
class Accelerator:
    """Hardware for one task: what a run takes and what it costs without unrolling, in the library's node."""

    cycles: float
    energy_pj: float
    area_mm2: float


@dataclass(frozen=True, slots=True)
class Task:
    """instructions: on a core (0: a source, a sink or a join, which takes no time by itself).

    iterations: of its loop, the most that an accelerator can be unrolled. accelerator: None if there is none.
    """

    name: str
    instructions: float
    iterations: int = 1
    accelerator: Accelerator | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """`producer` writes `n_bytes` for `consumer`, which reads them once."""

    producer: str
    consumer: str
    n_bytes: float


@dataclass(frozen=True, slots=True)
class Budget:
    """What a design may take; None: no limit."""

    latency_ms: float | None = None
    power_mw: float | None = None
    area_mm2: float | None = None


@dataclass(frozen=True, slots=True)
class TaskGraph:
    """A workload: tasks in the order of its file, edges, and the budget that it was published with.

    library: the hardware that it can run on, in whose node the accelerators' energy and area are given.
    origin: where it comes from; errors name it. Raises InputError for repeated or unknown names, numbers
    out of range, and cycles.
    """

    name: str
    tasks: tuple[Task, ...]
    edges: tuple[Edge, ...]
    budget: Budget = field(default_factory=Budget)
    library: Library = LIBRARIES["generic-45nm"]
    origin: str = ""

    def __post_init__(self) -> None:
        self._check_tasks()
        self._check_edges()
        try:
            TopologicalSorter(self.parents()).prepare()
        except CycleError as error:
            around = " -> ".join(reversed(error.args[1]))
            raise self._error(f"the tasks wait for each other in a circle: {around}", "edges") from None

    def parents(self) -> dict[str, list[str]]:
        """For each task those that feed it, in the order of the edges."""
        found: dict[str, list[str]] = {task.name: [] for task in self.tasks}
        for edge in self.edges:
            found[edge.consumer].append(edge.producer)
        return found

    def to_dict(self) -> dict[str, Any]:
        """The tables of its file; `from_dict` undoes it."""
        tasks = []
        for task in self.tasks:
            row: dict[str, Any] = {"name": task.name, "instructions": task.instructions}
            row["iterations"] = task.iterations
            if task.accelerator is not None:
                row |= {f"accelerator_{name}": value for name, value in asdict(task.accelerator).items()}
            tasks.append(row)
        edges = [{"from": edge.producer, "to": edge.consumer, "bytes": edge.n_bytes} for edge in self.edges]
        budget = {name: value for name, value in asdict(self.budget).items() if value is not None}
        known = LIBRARIES.get(self.library.name) == self.library
        return {
            "name": self.name,
            "library": self.library.name if known else self.library.to_dict(),
            "origin": self.origin,
            "budget": budget,
            "tasks": tasks,
            "edges": edges,
        }

    @classmethod
    def from_dict(cls, tables: Mapping[str, Any], path: str = "") -> TaskGraph:
        """The graph of a file's tables (see docs/soc-graphs.md). InputError names table and key."""
        _known(tables, ("name", "library", "origin", "budget", "tasks", "edges"), "the file", path)
        name = _text(tables, "name", "the file", path)
        origin = tables.get("origin", "") if isinstance(tables.get("origin", ""), str) else ""
        budget = _table(tables.get("budget", {}), "[budget]", path)
        _known(budget, _BUDGETS, "[budget]", path)
        return cls(
            name=name,
            tasks=tuple(_task(row, n, path) for n, row in enumerate(_rows(tables, "tasks", path), start=1)),
            edges=tuple(_edge(row, n, path) for n, row in enumerate(_rows(tables, "edges", path), start=1)),
            budget=Budget(**{key: number(budget, key, "[budget]", path) for key in budget}),
            library=library(tables.get("library", "generic-45nm")),
            origin=path or origin,
        )

    def _check_tasks(self) -> None:
        if not 1 <= len(self.tasks) <= MOST_TASKS:
            raise self._error(f"{len(self.tasks)} tasks: expected 1 to {MOST_TASKS}", "tasks")
        names = [task.name for task in self.tasks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise self._error(f"task {twice[0]!r} is there twice: give each its own name", "tasks")
        for task in self.tasks:
            where = f"task {task.name!r}"
            self._check_number(task.instructions, where, "instructions")
            if task.iterations < 1:
                raise self._error(f"{where}: iterations={task.iterations}: expected 1 or more", "iterations")
            if task.accelerator is not None:
                for key, value in asdict(task.accelerator).items():
                    self._check_number(value, where, f"accelerator_{key}")

    def _check_edges(self) -> None:
        names = [task.name for task in self.tasks]
        seen: set[tuple[str, str]] = set()
        for edge in self.edges:
            where = f"edge {edge.producer} -> {edge.consumer}"
            for end in (edge.producer, edge.consumer):
                if end not in names:
                    hint = did_you_mean(end, names) or f" The tasks are {listed(names)}."
                    raise self._error(f"{where}: there is no task {end!r}.{hint}", "edges")
            if (edge.producer, edge.consumer) in seen:
                raise self._error(f"{where} is there twice: add the bytes up", "edges")
            seen.add((edge.producer, edge.consumer))
            self._check_number(edge.n_bytes, where, "bytes")

    def _check_number(self, value: float, where: str, key: str) -> None:
        if not (math.isfinite(value) and value >= 0):
            raise self._error(f"{where}: {key}={value!r}: expected a number, 0 or more", key)

    def _error(self, message: str, key: str) -> InputError:
        return InputError(f"task graph {self.name!r}: {message}", path=self.origin or None, key=key)


def number(row: Mapping[str, Any], key: str, where: str, path: str) -> float:
    """The number in `row[key]`, finite and 0 or more. InputError names the place."""
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise InputError(
            f"{where}: {key}={value!r}: expected a number, 0 or more", path=path or None, key=key
        )
    return float(value)


_BUDGETS = ("latency_ms", "power_mw", "area_mm2")
_ACCELERATOR = ("accelerator_cycles", "accelerator_energy_pj", "accelerator_area_mm2")


def _task(row: Any, place: int, path: str) -> Task:
    where = f"task {place}"
    _known(_table(row, where, path), ("name", "instructions", "iterations", *_ACCELERATOR), where, path)
    name = _text(row, "name", where, path)
    iterations = row.get("iterations", 1)
    if isinstance(iterations, bool) or not isinstance(iterations, int):
        raise InputError(
            f"task {name!r}: iterations={iterations!r}: expected a whole number",
            path=path or None,
            key="iterations",
        )
    accelerator = None
    if any(key in row for key in _ACCELERATOR):
        accelerator = Accelerator(*(number(row, key, f"task {name!r}", path) for key in _ACCELERATOR))
    return Task(name, number(row, "instructions", f"task {name!r}", path), iterations, accelerator)


def _edge(row: Any, place: int, path: str) -> Edge:
    where = f"edge {place}"
    _known(_table(row, where, path), ("from", "to", "bytes"), where, path)
    ends = [_text(row, key, where, path) for key in ("from", "to")]
    return Edge(ends[0], ends[1], number(row, "bytes", where, path))


def _rows(tables: Mapping[str, Any], key: str, path: str) -> Sequence[Any]:
    rows = tables.get(key, [])
    if not isinstance(rows, list):
        raise InputError(f"{key} is no list: expected [[{key}]]", path=path or None, key=key)
    return rows


def _table(value: Any, where: str, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{where} is no table: expected keys and values", path=path or None)
    return value


def _text(row: Mapping[str, Any], key: str, where: str, path: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: {key}={value!r}: expected a name", path=path or None, key=key)
    return value


def _known(row: Mapping[str, Any], keys: Iterable[str], where: str, path: str) -> None:
    keys = tuple(keys)
    for key in row:
        if key not in keys:
            hint = did_you_mean(key, keys) or f" The keys are {listed(keys)}."
            raise InputError(f"{where}: unknown key {key!r}.{hint}", path=path or None, key=str(key))
