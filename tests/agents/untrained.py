"""Policies that have learnt nothing, for any problem: small files to test with."""

from __future__ import annotations

import itertools

import numpy as np

from agents.learning.saved_policy import SavedPolicy
from dse.search import SearchProblem

N_CONTEXT, _HIDDEN = 2, 4


def untrained(problem: SearchProblem, seed: int = 0, *, n_context: int = N_CONTEXT) -> SavedPolicy:
    """A policy of random networks that sees `n_context` numbers of the workloads, all from 0 to 1."""
    space, random = problem.space, np.random.default_rng(seed)
    parts = space.subsystems
    width = max(len(part.indices) for part in parts)
    n_values = int(space.n_values.max())
    allowed = np.zeros((len(parts), width, n_values), dtype=np.bool_)
    allowed[:, :, 0] = True
    for agent, part in enumerate(parts):
        for place, column in enumerate(part.indices):
            allowed[agent, place, : space.n_values[column]] = True
    metrics = [one.metric for one in problem.objectives]
    sees = [*(f"workload:{k}" for k in range(n_context)), *(f"weight:{metric}" for metric in metrics)]
    sizes = (len(sees), _HIDDEN, width * n_values)
    networks = []
    for rows, columns in itertools.pairwise(sizes):
        networks += [random.normal(size=(len(parts), rows, columns)), np.zeros((len(parts), 1, columns))]
    n = len(sees)
    return SavedPolicy(
        space=space.name,
        parameters={one.name: list(one.values) for one in space.parameters},
        agents={part.name: [space.names[d] for d in part.indices] for part in parts},
        metrics=metrics,
        sees=sees,
        networks=[one.astype(np.float32) for one in networks],
        mean=np.full(n, 0.5),
        spread=np.full(n, 0.5),
        low=np.zeros(n),
        high=np.ones(n),
        allowed=allowed,
    )
