"""Design spaces of task graphs: where each task runs, where its output lies, and what the blocks are.

`soc-farsi`: for each task that computes a core, or its own accelerator unrolled so many times ("x16"), and
the memory of its output; for each memory its kind, width, clock and bus; for each bus its width and clock;
for each core its kind and bus; and the clock of the accelerators. A block that nothing is mapped to is not
built. An accelerator sits on the bus of the memory that it writes to (or first reads from).
`soc-farsi-mapping` keeps the blocks at their defaults, so that only the mapping is searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dse.errors import InputError, LookupFailed, did_you_mean, listed
from dse.parameter import Parameter
from dse.space import DesignSpace
from simulators.soc.graphs.graph import Task, TaskGraph
from simulators.soc.graphs.hardware import MEMORY_KINDS, Library

SPACES = ("soc-farsi", "soc-farsi-mapping")
_MOST_UNROLLINGS = 17


@dataclass(frozen=True, slots=True)
class Platform:
    """What a design may use: graphs that run together, and so many cores, memories and buses at most."""

    graphs: tuple[TaskGraph, ...]
    n_cores: int = 2
    n_memories: int = 3
    n_buses: int = 3

    def __post_init__(self) -> None:
        for name, count, most in (
            ("cores", self.n_cores, 8),
            ("memories", self.n_memories, 8),
            ("buses", self.n_buses, 8),
        ):
            if type(count) is not int or not 1 <= count <= most:
                raise InputError(f"{name}={count!r}: expected 1 to {most}", key=name)
        if any(graph.library != self.library for graph in self.graphs):
            raise InputError(
                f"the graphs {listed(graph.name for graph in self.graphs)} are for different hardware "
                "libraries: one system is built of one",
                key="graphs",
            )
        names = [graph.name for graph in self.graphs]
        if len(set(names)) != len(names):
            raise InputError(f"a graph is there twice in {listed(names)}: give each once", key="graphs")

    @property
    def library(self) -> Library:
        """What the blocks are taken from."""
        return self.graphs[0].library

    @property
    def tasks(self) -> tuple[tuple[TaskGraph, Task], ...]:
        """All tasks with their graphs, graph after graph; their positions number them everywhere."""
        return tuple((graph, task) for graph in self.graphs for task in graph.tasks)

    def label(self, graph: TaskGraph, task: Task) -> str:
        """The task in parameter names: with its graph where there are several."""
        text = task.name if len(self.graphs) == 1 else f"{graph.name}_{task.name}"
        return identifier(text)


def identifier(text: str) -> str:
    """`text` with everything but letters, digits and _ as _."""
    return re.sub(r"\W", "_", text, flags=re.ASCII)


def graph_space(name: str, platform: Platform) -> DesignSpace:
    """The preset of that name for `platform`. LookupFailed if there is none."""
    if name not in SPACES:
        raise LookupFailed(
            f"design space {name!r} does not exist: expected one of {listed(SPACES)}."
            f"{did_you_mean(name, SPACES)}",
            key="space",
        )
    labels = [platform.label(graph, task) for graph, task in platform.tasks]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise InputError(
            f"two tasks would be called {twice[0]!r} in the design space: rename one", key="graphs"
        )
    chosen = parameters(platform) if name == "soc-farsi" else _mapping(platform)
    return DesignSpace(name, [parameter for parameter in chosen if len(parameter) > 1])


def parameters(platform: Platform) -> list[Parameter]:
    """Every parameter that a design on the platform has, those with one value too."""
    return [*_mapping(platform), *_blocks(platform)]


def accelerated(task: Task) -> bool:
    """Whether the task may run on an accelerator."""
    return task.accelerator is not None and task.instructions > 0


def writes(graph: TaskGraph, task: Task) -> bool:
    """Whether the task has an output that lies in a memory."""
    return any(edge.producer == task.name and edge.n_bytes > 0 for edge in graph.edges)


def unrollings(task: Task) -> tuple[int, ...]:
    """How often the accelerator may be unrolled: powers of two up to its iterations, and all of them."""
    powers = [1 << bit for bit in range(_MOST_UNROLLINGS) if 1 << bit <= task.iterations]
    kept = powers[: _MOST_UNROLLINGS - 1]
    return tuple(dict.fromkeys([*kept, task.iterations]))


def _mapping(platform: Platform) -> Iterator[Parameter]:
    cores = tuple(f"core{k}" for k in range(platform.n_cores))
    memories = tuple(f"memory{k}" for k in range(platform.n_memories))
    for graph, task in platform.tasks:
        label = platform.label(graph, task)
        if task.instructions > 0:
            loops = unrollings(task) if accelerated(task) else ()
            yield Parameter.choice(
                f"pe_{label}",
                (*cores, *(f"x{n}" for n in loops)),
                cores[0],
                "mapping",
                description=f"where {label} runs: a core, or its accelerator unrolled so many times",
            )
        if writes(graph, task):
            yield Parameter.choice(
                f"memory_{label}", memories, memories[0], "mapping", description=f"where {label} writes"
            )


def _blocks(platform: Platform) -> Iterator[Parameter]:
    library = platform.library
    yield _clock("accelerator_clock", library.accelerator_mhz, "accelerators")
    buses = tuple(f"bus{k}" for k in range(platform.n_buses))
    for k in range(platform.n_cores):
        kinds = tuple(core.name for core in library.cores)
        yield Parameter.choice(f"core{k}_kind", kinds, kinds[0], "cores", description="which processor")
        yield Parameter.choice(f"core{k}_bus", buses, buses[0], "interconnect", description="bus of the core")
    for k in range(platform.n_memories):
        yield Parameter.choice(
            f"memory{k}_kind", MEMORY_KINDS, "sram", "memories", description="on or off the chip"
        )
        yield from _speed(f"memory{k}", library.widths, library.memory_mhz, "memories")
        yield Parameter.choice(
            f"memory{k}_bus", buses, buses[0], "interconnect", description="bus of the memory"
        )
    for k in range(platform.n_buses):
        yield from _speed(f"bus{k}", library.widths, library.bus_mhz, "interconnect")


def _speed(block: str, widths: Sequence[int], clocks: Sequence[int], subsystem: str) -> Iterator[Parameter]:
    yield Parameter(
        f"{block}_width", tuple(widths), widths[0], subsystem, "integer", "B", "bytes a cycle, each way"
    )
    yield _clock(f"{block}_clock", clocks, subsystem)


def _clock(name: str, clocks: Sequence[int], subsystem: str) -> Parameter:
    return Parameter(name, tuple(clocks), clocks[0], subsystem, "integer", "MHz", "clock")
