from __future__ import annotations

import warnings

import numpy as np
import pytest

from agents.search.nsga3 import reference_directions
from dse.search import Results
from dse.testing.searcher import drive, searched_volume
from dse.testing.toys import make_toy


@pytest.mark.parametrize(
    ("n_objectives", "most", "expected"), [(1, 20, 1), (2, 20, 20), (3, 20, 15), (4, 9, 4)]
)
def test_the_directions_are_the_finest_lattice_that_the_population_can_hold(n_objectives, most, expected):
    found = reference_directions(n_objectives, most)

    assert found.shape == (expected, n_objectives)
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert len(np.unique(found.round(9), axis=0)) == expected


def test_four_objectives_are_searched_better_than_at_random(build):
    toys = [make_toy(seed, n_objectives=4, n_parameters=12) for seed in range(3)]

    found = [searched_volume(drive(build("nsga3", toy.problem), toy, 300), toy) for toy in toys]
    blind = [searched_volume(drive(build("random", toy.problem), toy, 300), toy) for toy in toys]

    assert all(one > other for one, other in zip(found, blind, strict=True))


def test_the_unit_of_the_costs_decides_nothing(build):
    toy = make_toy(3, n_objectives=3)
    tiny = 2.0**-20
    small = type(toy.problem)(
        toy.problem.space,
        toy.problem.objectives,
        toy.problem.n_constraints,
        toy.problem.reference * tiny,
        toy.problem.ideal * tiny,
    )
    logs = []
    for problem, unit in ((toy.problem, 1.0), (small, tiny)):
        searcher, parts = build("nsga3", problem), []
        for _ in range(8):
            proposal = searcher.ask(20)
            results = toy.evaluate(proposal.indices)
            searcher.tell(proposal, Results(results.costs * unit, results.violations, results.cached))
            parts.append(proposal.indices)
        logs.append(np.concatenate(parts))

    assert np.array_equal(*logs)


def test_the_filters_of_warnings_stay_as_they_are(build):
    toy = make_toy(3, n_objectives=3)
    before = list(warnings.filters)

    drive(build("nsga3", toy.problem), toy, 100)

    assert warnings.filters == before
