from __future__ import annotations

import numpy as np
import pytest

from dse.errors import ConfigError
from dse.search import Results
from dse.testing.searcher import drive
from dse.testing.toys import make_toy


def told(searcher, costs):
    """Ask for as many designs as there are costs and tell these."""
    proposal = searcher.ask(len(costs))
    blank = np.zeros((len(costs), searcher.space.violations(proposal.indices).shape[1] + 1))
    searcher.tell(proposal, Results(np.array(costs)[:, None], blank, np.zeros(len(costs), dtype=np.bool_)))
    return proposal.indices


def steps(rows, start):
    """How many parameters of each row differ from `start`."""
    return (rows != start).sum(axis=1)


def test_a_hot_chain_takes_what_a_cold_one_leaves(build):
    toy = make_toy(0, n_objectives=1)
    hot = build("annealing", toy.problem, chains=1, hot=1e6, cold=1e6)
    cold = build("annealing", toy.problem, chains=1, hot=1e-6, cold=1e-6)
    starts = [told(searcher, [1.0])[0] for searcher in (hot, cold)]
    for searcher in (hot, cold):
        told(searcher, [2.0])

    after = [told(searcher, [3.0] * 4) for searcher in (hot, cold)]

    assert steps(after[0], starts[0]).max() == 2  # moved on to the worse neighbour
    assert steps(after[1], starts[1]).max() == 1


def test_the_unit_of_the_costs_decides_nothing(build):
    toy = make_toy(0, n_objectives=1, failing=0)
    logs = []
    for unit in (1.0, 1024.0):
        searcher = build("annealing", toy.problem, chains=2)
        parts = []
        for _ in range(12):
            proposal = searcher.ask(8)
            results = toy.evaluate(proposal.indices)
            searcher.tell(proposal, Results(results.costs * unit, results.violations, results.cached))
            parts.append(proposal.indices)
        logs.append(np.concatenate(parts))

    assert np.array_equal(*logs)


def test_a_descent_ends_with_a_start_elsewhere(build):
    toy = make_toy(1, n_objectives=1)
    searcher = build("annealing", toy.problem, chains=1, descent=8, random_restarts=1.0)
    drive(searcher, toy, 8, batch=1)
    last = searcher.state()["chains"][0]["incumbent"][0]

    rows = searcher.ask(8).indices

    assert steps(rows, last).max() > 1


def test_it_reaches_the_optimum_of_a_separable_toy(build):
    toy = make_toy(0, n_objectives=1, failing=0)
    everything = toy.problem.space.sample(80000, np.random.default_rng(0), feasible=True)
    results = toy.evaluate(everything)

    log = drive(build("annealing", toy.problem), toy, 800)

    assert log.feasible_costs.min() <= results.costs[results.feasible].min()


def test_a_temperature_that_rises_is_refused_by_name(build):
    with pytest.raises(ConfigError, match=r"cold=0\.5 is above hot=0\.1"):
        build("annealing", make_toy(0).problem, hot=0.1, cold=0.5)
