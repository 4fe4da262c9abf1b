"""From phases to metrics: energy, area, use and bottlenecks of a batch of designs.

Everything that does not depend on time follows from the design alone: which task runs where, which bytes
cross which memory and bus. See `hardware` for what each event costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.soc.graphs import hardware
from simulators.soc.graphs.graph import Budget
from simulators.soc.graphs.placement import Placements, Problem
from simulators.soc.graphs.schema import graph_schema, latency_name

Floats = NDArray[np.float64]
MS = 1e3
PJ_IN_MJ = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Phases:
    """What the engine counted, P designs. finish (P, F, T), seconds; peak_bytes (P, M); bottleneck (P,
    channels), seconds; phases (P,). arrivals (F,), seconds. warmup: frames left out of latencies.
    """

    finish: Floats
    peak_bytes: Floats
    bottleneck: Floats
    phases: NDArray[np.int64]
    arrivals: Floats
    warmup: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Traffic:
    """Bytes of one frame, P designs: read and written (P, M); in and out (P, B)."""

    read: Floats
    written: Floats
    bus_in: Floats
    bus_out: Floats


def task_pj(problem: Problem, designs: Placements, found: Phases) -> Floats:
    """Energy (P, T) of each task: its instructions or its accelerator, and every byte that it moves."""
    cost = _sram(problem, designs, found)
    read, write = (
        np.where(designs.is_dram, hardware.DRAM_PJ_PER_BYTE, each)
        for each in (cost.read_pj_per_byte, cost.write_pj_per_byte)
    )
    hop = hardware.BUS_PJ_PER_BYTE * problem.platform.library.scaling.logic_energy
    every, total = np.arange(len(designs)), _core_pj(problem, designs) + _accelerator_pj(problem, designs)

    def add(memory: NDArray[np.int32], task: int, n_bytes: float, each: Floats) -> None:
        hops = 1 + (designs.pe_bus[:, task] != designs.memory_bus[every, memory])
        total[:, task] += n_bytes * (each[every, memory] + hops * hop)

    for source, target, n_bytes in zip(problem.edge_from, problem.edge_to, problem.edge_bytes, strict=True):
        if n_bytes > 0:
            add(designs.memory[:, source], int(target), float(n_bytes), read)
    for task in np.flatnonzero(problem.output_bytes):
        add(designs.memory[:, task], int(task), float(problem.output_bytes[task]), write)
    return total


def values(problem: Problem, designs: Placements, found: Phases, peak_pj_per_s: Floats) -> Floats:
    """(P, metrics) in the order of `graph_schema`. peak_pj_per_s (P,): `task_pj` in the highest window."""
    platform = problem.platform
    elapsed = found.finish.max(axis=(1, 2)) - found.arrivals[0]
    columns = _latencies(problem, found) | {
        "elapsed_ms": elapsed * MS,
        "frames": np.full(len(elapsed), float(len(found.arrivals))),
        "phases": found.phases.astype(np.float64),
    }
    traffic = _traffic(problem, designs)
    columns |= _energy(problem, designs, found, traffic, elapsed, peak_pj_per_s)
    columns |= _area(problem, designs, found, traffic)
    columns |= _use(problem, designs, found, traffic, elapsed)
    columns |= _bottlenecks(problem, found)
    columns["budget_distance"] = _distance(problem, columns)
    return np.stack([columns[name] for name in graph_schema(platform).names], axis=1)


def _latencies(problem: Problem, found: Phases) -> dict[str, Floats]:
    latency = (found.finish - found.arrivals[None, :, None])[:, found.warmup :] * MS
    columns = {"latency_ms": latency.max(axis=(1, 2)), "latency_mean_ms": latency.max(axis=2).mean(axis=1)}
    for number, graph in enumerate(problem.platform.graphs):
        columns[latency_name(graph.name)] = latency[:, :, problem.graph == number].max(axis=(1, 2))
    return columns


def _traffic(problem: Problem, designs: Placements) -> _Traffic:
    every, platform = np.arange(len(designs)), problem.platform
    read, written = (np.zeros((len(designs), platform.n_memories)) for _ in range(2))
    bus_in, bus_out = (np.zeros((len(designs), platform.n_buses)) for _ in range(2))

    def add(memory: NDArray[np.int32], task: int, n_bytes: float, block: Floats, bus: Floats) -> None:
        block[every, memory] += n_bytes
        own, far = designs.pe_bus[:, task], designs.memory_bus[every, memory]
        bus[every, own] += n_bytes
        bus[every, far] += np.where(own != far, n_bytes, 0.0)

    for source, target, n_bytes in zip(problem.edge_from, problem.edge_to, problem.edge_bytes, strict=True):
        if n_bytes > 0:
            add(designs.memory[:, source], int(target), float(n_bytes), read, bus_in)
    for task in np.flatnonzero(problem.output_bytes):
        add(designs.memory[:, task], int(task), float(problem.output_bytes[task]), written, bus_out)
    return _Traffic(read, written, bus_in, bus_out)


def _sram(problem: Problem, designs: Placements, found: Phases) -> hardware.SramCost:
    """What the memories on the chip cost, (P, M); 0 for a DRAM."""
    capacity = hardware.sram_bytes(np.where(designs.is_dram, 0.0, found.peak_bytes))
    return hardware.sram_cost(capacity, problem.platform.library.scaling)


def _energy(
    problem: Problem,
    designs: Placements,
    found: Phases,
    traffic: _Traffic,
    elapsed: Floats,
    peak_pj_per_s: Floats,
) -> dict[str, Floats]:
    library, frames = problem.platform.library, len(found.arrivals)
    cost = _sram(problem, designs, found)
    memory = np.where(
        designs.is_dram,
        (traffic.read + traffic.written) * hardware.DRAM_PJ_PER_BYTE,
        traffic.read * cost.read_pj_per_byte + traffic.written * cost.write_pj_per_byte,
    )
    crossed = (traffic.bus_in + traffic.bus_out) * hardware.BUS_PJ_PER_BYTE * library.scaling.logic_energy
    static = np.array([core.static_mw for core in library.cores])[designs.core_kind] * _cores_used(
        problem, designs
    )
    leakage_mw = static.sum(axis=1) + cost.leakage_mw.sum(axis=1) * library.sram_leaks
    parts = {
        "cores": _core_pj(problem, designs).sum(axis=1) * frames * PJ_IN_MJ,
        "accelerators": _accelerator_pj(problem, designs).sum(axis=1) * frames * PJ_IN_MJ,
        "memory": memory.sum(axis=1) * frames * PJ_IN_MJ,
        "interconnect": crossed.sum(axis=1) * frames * PJ_IN_MJ,
        "leakage": leakage_mw * elapsed,
    }
    total = np.sum(list(parts.values()), axis=0)
    power = np.divide(total, elapsed, out=np.zeros_like(total), where=elapsed > 0)
    return {f"energy_{name}_mj": part for name, part in parts.items()} | {
        "energy_mj": total,
        "power_mw": power,
        "peak_power_mw": peak_pj_per_s * PJ_IN_MJ + leakage_mw,
    }


def _core_pj(problem: Problem, designs: Placements) -> Floats:
    """(P, T) of the instructions, 0 on an accelerator."""
    library, tasks = problem.platform.library, problem.platform.tasks
    instructions = np.array([task.instructions for _, task in tasks])
    each = np.array([core.pj_per_instruction for core in library.cores])[designs.core_kind]
    on_core = designs.unroll == 0
    core = np.minimum(designs.pe, problem.platform.n_cores - 1)
    return np.asarray(np.take_along_axis(each, core, axis=1) * instructions * on_core)


def _accelerator_pj(problem: Problem, designs: Placements) -> Floats:
    """(P, T) of the accelerators, 0 on a core."""
    library = problem.platform.library
    grown = designs.unroll if library.energy_grows_with_unrolling else np.minimum(designs.unroll, 1.0)
    each = np.array(
        [task.accelerator.energy_pj if task.accelerator else 0.0 for _, task in problem.platform.tasks]
    )
    return np.asarray(grown * each * library.scaling.logic_energy)


def _cores_used(problem: Problem, designs: Placements) -> NDArray[np.bool_]:
    """(P, C): whether a task that computes runs on it."""
    works = (designs.pe_seconds > 0) & (designs.unroll == 0)
    return np.stack(
        [((designs.pe == k) & works).any(axis=1) for k in range(problem.platform.n_cores)], axis=1
    )


def _area(problem: Problem, designs: Placements, found: Phases, traffic: _Traffic) -> dict[str, Floats]:
    library = problem.platform.library
    cores_used = _cores_used(problem, designs)
    core_area = np.array([core.area_mm2 for core in library.cores])[designs.core_kind]
    each = np.array(
        [task.accelerator.area_mm2 if task.accelerator else 0.0 for _, task in problem.platform.tasks]
    )
    cost = _sram(problem, designs, found)
    buses_used = (traffic.bus_in + traffic.bus_out) > 0
    parts = {
        "cores": (core_area * cores_used).sum(axis=1),
        "accelerators": (designs.unroll * each).sum(axis=1) * library.scaling.logic_area,
        "memory": cost.area_mm2.sum(axis=1),
        "interconnect": (designs.bus_width * buses_used).sum(axis=1)
        * hardware.BUS_MM2_PER_BYTE
        * library.scaling.logic_area,
    }
    accelerators = (designs.unroll > 0).sum(axis=1)
    blocks = (
        cores_used.sum(axis=1) + accelerators + (found.peak_bytes > 0).sum(axis=1) + buses_used.sum(axis=1)
    )
    counts = {"blocks": blocks.astype(np.float64), "accelerators": accelerators.astype(np.float64)}
    return (
        {f"area_{name}_mm2": part for name, part in parts.items()}
        | counts
        | {"area_mm2": np.sum(list(parts.values()), axis=0)}
    )


def _use(
    problem: Problem, designs: Placements, found: Phases, traffic: _Traffic, elapsed: Floats
) -> dict[str, Floats]:
    platform, frames = problem.platform, len(found.arrivals)
    span = np.where(elapsed > 0, elapsed, 1.0) / frames
    on_core = np.where(designs.unroll == 0, designs.pe_seconds, 0.0).sum(axis=1)
    on_own = np.where(designs.unroll > 0, designs.pe_seconds, 0.0).sum(axis=1)
    n_cores = np.maximum(_cores_used(problem, designs).sum(axis=1), 1)
    n_own = np.maximum((designs.unroll > 0).sum(axis=1), 1)
    columns = {
        "utilisation_cores": on_core / n_cores / span,
        "utilisation_accelerators": on_own / n_own / span,
    }
    busier = np.maximum(traffic.read, traffic.written) / designs.memory_rate / span[:, None]
    for k in range(platform.n_memories):
        columns[f"utilisation_memory{k}"] = busier[:, k]
        columns[f"memory{k}_kib"] = found.peak_bytes[:, k] / 1024
    busier = np.maximum(traffic.bus_in, traffic.bus_out) / designs.bus_rate / span[:, None]
    for k in range(platform.n_buses):
        columns[f"utilisation_bus{k}"] = busier[:, k]
    return columns


def _bottlenecks(problem: Problem, found: Phases) -> dict[str, Floats]:
    platform = problem.platform
    c, m, b = platform.n_cores, platform.n_memories, platform.n_buses
    first = c + problem.n_tasks
    held = found.bottleneck
    memories = held[:, first : first + m] + held[:, first + m : first + 2 * m]
    buses = held[:, first + 2 * m : first + 2 * m + b] + held[:, first + 2 * m + b :]
    groups = {"cores": held[:, :c].sum(axis=1), "accelerators": held[:, c:first].sum(axis=1)}
    groups |= {f"memory{k}": memories[:, k] for k in range(m)} | {f"bus{k}": buses[:, k] for k in range(b)}
    total = held.sum(axis=1)
    total = np.where(total > 0, total, 1.0)
    return {f"bottleneck_{name}": seconds / total for name, seconds in groups.items()}


def _distance(problem: Problem, columns: dict[str, Floats]) -> Floats:
    """FARSI's city-block distance with what is met left out: sum of max(0, measured / budget - 1)."""
    graphs = problem.platform.graphs
    terms = [(latency_name(graph.name), graph.budget.latency_ms) for graph in graphs]
    budgets = [graph.budget for graph in graphs]
    terms += [("peak_power_mw", _tightest(budgets, "power_mw")), ("area_mm2", _tightest(budgets, "area_mm2"))]
    found = np.zeros_like(columns["latency_ms"])
    for name, limit in terms:
        if limit:
            found = found + np.maximum(0.0, columns[name] / limit - 1.0)
    return found


def _tightest(budgets: list[Budget], name: str) -> float | None:
    limits = [limit for budget in budgets if (limit := getattr(budget, name)) is not None]
    return min(limits) if limits else None
