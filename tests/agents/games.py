"""Search problems with known optima that tell joint policies from independent ones. All costs are minimised.

Each parameter is a subsystem of its own and a choice among six values.
"""

from __future__ import annotations

import numpy as np

from dse.objective import Objective
from dse.parameter import Parameter
from dse.search import SearchProblem
from dse.space import DesignSpace
from dse.testing.toys import Toy

VALUES = 6


def matching_game(seed: int, n: int = 6) -> Toy:
    """A chain in which each subsystem has one right answer to the value before it; a wrong one costs 1.

    Six of the 6^n designs cost 0; seen from one subsystem alone, all values are alike.
    """
    rng = np.random.default_rng(seed)
    pairs = np.array([(d, d + 1) for d in range(n - 1)])
    coupling = np.stack([1.0 - np.eye(VALUES)[rng.permutation(VALUES)] for _ in pairs])[None]
    return _game(np.zeros((n, VALUES)), pairs, coupling)


def separable_game(seed: int, n: int, *, alike: bool = False) -> Toy:
    """One right value a subsystem (`alike`: the same for all); a wrong one costs 1. One design costs 0."""
    rng = np.random.default_rng(seed)
    right = np.full(n, rng.integers(VALUES)) if alike else rng.integers(VALUES, size=n)
    table = np.ones((n, VALUES))
    table[np.arange(n), right] = 0.0
    return _game(table, np.zeros((0, 2), dtype=np.int64), np.zeros((1, 0, VALUES, VALUES)))


def _game(table: np.ndarray, pairs: np.ndarray, coupling: np.ndarray) -> Toy:
    n = len(table)
    values = tuple(range(VALUES))
    space = DesignSpace("game", [Parameter(f"p{d}", values, 0, f"part{d}", "choice") for d in range(n)])
    problem = SearchProblem(space, (Objective("cost", "min"),), 1, np.array([float(n)]), np.zeros(1))
    return Toy(problem, np.stack([table, np.zeros_like(table)]), pairs, coupling, 0)
