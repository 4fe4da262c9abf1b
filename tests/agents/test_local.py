from __future__ import annotations

import numpy as np
import pytest

from agents.search.neighbourhood import Neighbourhood
from dse.testing.searcher import drive
from dse.testing.toys import make_toy, toy_space


@pytest.mark.parametrize("seed", range(5))
def test_the_fast_neighbourhood_is_that_of_the_space(seed):
    space = toy_space()
    design = space.sample(1, np.random.default_rng(seed), feasible=True)[0]
    expected = space.neighbours(design)
    expected = expected[~space.violations(expected).any(axis=1)]

    found = Neighbourhood(space).around(design)

    assert set(space.keys(found).tolist()) == set(space.keys(expected).tolist())


def test_it_reaches_the_optimum_of_a_separable_toy(build):
    toy = make_toy(0, n_objectives=1, failing=0)
    everything = [toy.problem.space.sample(20000, np.random.default_rng(s), feasible=True) for s in range(4)]
    results = toy.evaluate(np.concatenate(everything))
    best_of_80000 = results.costs[results.feasible].min()

    log = drive(build("local", toy.problem), toy, 600)

    assert log.feasible_costs.min() <= best_of_80000


def test_one_chain_works_as_well_as_several(build):
    toy = make_toy(1)

    log = drive(build("local", toy.problem, chains=1), toy, 100)

    assert len(log.indices) == 100


def test_more_chains_than_designs_asked_for_are_no_trouble(build):
    toy = make_toy(1)

    log = drive(build("local", toy.problem, chains=16), toy, 60, batch=3)

    assert len(log.indices) == 60
