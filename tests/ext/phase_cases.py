"""Random task graphs and designs for comparing the engine of phases with its twin."""

from __future__ import annotations

import random

import numpy as np

from simulators.soc.graphs.graph import Accelerator, Edge, Task, TaskGraph
from simulators.soc.graphs.placement import Decoder, Placements, Problem
from simulators.soc.graphs.space import Platform, graph_space


def random_graph(rng: random.Random, name: str, n_tasks: int) -> TaskGraph:
    """Joins and sources without work, accelerators or none, edges with odd numbers of bytes and with none."""
    tasks = []
    for k in range(n_tasks):
        instructions = rng.choice([0, 1e3, 1e6 / 3, rng.random() * 1e7])
        accelerator = (
            Accelerator(rng.random() * 1e6, rng.random(), rng.random()) if rng.random() < 0.6 else None
        )
        tasks.append(Task(f"t{k}", instructions, rng.choice([1, 3, 256]), accelerator))
    pairs = [(a, b) for a in range(n_tasks) for b in range(a + 1, n_tasks) if rng.random() < 2.5 / n_tasks]
    rng.shuffle(pairs)
    edges = [Edge(f"t{a}", f"t{b}", rng.choice([0, 1, 4096, rng.random() * 1e6])) for a, b in pairs]
    return TaskGraph(name, tuple(tasks), tuple(edges))


def random_case(seed: int, n_designs: int) -> tuple[Problem, Placements, list[float]]:
    """One or two graphs on a random platform, designs of it, and frames that may overlap or leave gaps."""
    rng = random.Random(seed)
    graphs = tuple(random_graph(rng, f"g{k}", rng.randint(1, 12)) for k in range(rng.randint(1, 2)))
    platform = Platform(graphs, rng.randint(1, 3), rng.randint(1, 4), rng.randint(1, 3))
    space = graph_space("soc-farsi", platform)
    problem = Problem.of(platform)
    rows = space.sample(n_designs, np.random.default_rng(seed))
    arrivals = np.cumsum(
        [0.0, *(rng.choice([0.0, 1e-4, rng.random() * 0.1]) for _ in range(rng.randint(0, 4)))]
    )
    return problem, Decoder(problem, space).decode(rows), [float(t) for t in arrivals]
