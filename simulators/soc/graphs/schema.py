"""The metrics of task graphs: names with units, directions, and how each combines over workloads."""

from __future__ import annotations

from collections.abc import Iterator

from dse.metrics import MetricSchema, MetricSpec
from simulators.metric_rows import plain
from simulators.soc.graphs.space import Platform, identifier

ENERGIES = ("cores", "accelerators", "memory", "interconnect", "leakage")
AREAS = ("cores", "accelerators", "memory", "interconnect")


def graph_schema(platform: Platform) -> MetricSchema:
    """What a simulation of the platform's graphs measures."""
    return MetricSchema([*_outcome(platform), *_energy(), *_area(), *_blocks(platform)])


def latency_name(graph: str) -> str:
    """The metric of one graph's latency."""
    return f"latency_{identifier(graph)}_ms"


def block_names(platform: Platform) -> tuple[str, ...]:
    """The groups of blocks whose use is measured: cores, accelerators, each memory, each bus."""
    memories = [f"memory{k}" for k in range(platform.n_memories)]
    return ("cores", "accelerators", *memories, *(f"bus{k}" for k in range(platform.n_buses)))


def _outcome(platform: Platform) -> Iterator[MetricSpec]:
    text = "from a frame's arrival to the last task of {}, the slowest frame"
    yield plain("latency_ms", "ms", "min", "max", "outcome", text.format("its graphs"))
    yield plain("latency_mean_ms", "ms", "min", "mean", "outcome", "the same, mean of the frames")
    for graph in platform.graphs:
        yield plain(latency_name(graph.name), "ms", "min", "max", "outcome", text.format(graph.name))
    yield plain("elapsed_ms", "ms", "min", "sum", "outcome", "from the first arrival to the last task's end")
    yield plain(
        "budget_distance", "", "min", "max", "outcome",
        "by how much latency, peak power and area exceed the graphs' budgets, as shares; 0: all are met",
    )  # fmt: skip
    yield plain("frames", "", "none", "sum", "outcome", "frames that were simulated")
    yield plain("phases", "", "none", "sum", "outcome", "phases of the simulation")


def _energy() -> Iterator[MetricSpec]:
    yield plain("energy_mj", "mJ", "min", "sum", "energy", "of all frames, leakage included")
    for part in ENERGIES:
        yield plain(f"energy_{part}_mj", "mJ", "min", "sum", "energy", part)
    yield plain(
        "peak_power_mw", "mW", "min", "max", "energy", "of the highest window of 10 ms or more, whole phases"
    )
    yield MetricSpec(
        "power_mw", "mW", "min", "ratio", "energy over the elapsed time", "energy_mj", "elapsed_ms", 1000.0,
        "energy",
    )  # fmt: skip


def _area() -> Iterator[MetricSpec]:
    yield plain("area_mm2", "mm2", "min", "max", "area", "of what is built on the chip")
    for part in AREAS:
        yield plain(f"area_{part}_mm2", "mm2", "min", "max", "area", part)
    yield plain("blocks", "", "min", "max", "area", "cores, accelerators, memories and buses in use")
    yield plain("accelerators", "", "none", "max", "area", "accelerators that are built")


def _blocks(platform: Platform) -> Iterator[MetricSpec]:
    for name in block_names(platform):
        text = (
            "the share of time in which it works"
            if name not in ("cores", "accelerators")
            else "mean of those built"
        )
        yield plain(f"utilisation_{name}", "", "none", "mean", "use", text)
    for name in block_names(platform):
        yield plain(
            f"bottleneck_{name}", "", "none", "mean", "bottleneck", "share of the tasks' time that it decides"
        )
    for k in range(platform.n_memories):
        yield plain(f"memory{k}_kib", "KiB", "none", "max", "use", "most that lies in it at once")
