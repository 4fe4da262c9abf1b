from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from dse.registry import names
from dse.testing import searcher as conformance
from dse.testing.searcher import drive, searched_volume
from dse.testing.toys import make_toy, tiny_toy
from tests.agents.conftest import factory

SEARCHERS = names("searcher")
LEARNING = (
    *("local", "annealing", "genetic", "cem", "aco", "nsga2", "nsga3", "tpe", "scbo"),
    *("ippo", "ppo", "mappo", "happo", "autoregressive", "sac", "vdn", "qmix", "pcn", "policy", "team"),
)
SLOW = ("tpe", "scbo")  # models that take milliseconds to seconds for each design
COSTLY = (*SLOW, "ppo", "mappo", "happo", "autoregressive", "sac", "qmix", "pcn")  # seconds a contest
QUICK = {"scbo": {"batch": 32, "steps": 3, "candidates": 200}}
CHECKS = (
    conformance.check_proposals,
    conformance.check_determinism,
    conformance.check_resume,
    conformance.check_saved_state_stands_still,
    conformance.check_failed_designs,
    conformance.check_exhaustion,
    conformance.check_hearing,
)


def each(of, slow=SLOW):
    return [pytest.param(name, marks=pytest.mark.slow) if name in slow else name for name in of]


@pytest.fixture
def build(build):
    """As in a campaign, but with less thought where that takes long."""

    def _build(name, problem, seed=1):
        return build(name, problem, seed, **QUICK.get(name, {}))

    return _build


def checks():
    """Every check of every searcher; of the costly ones all but the exact resume in the slow tier."""
    for name in SEARCHERS:
        for check in CHECKS:
            slow = name in SLOW or (name in COSTLY and check is not conformance.check_resume)
            marks = [pytest.mark.slow] if slow else []
            yield pytest.param(name, check, id=f"{name}-{check.__name__}", marks=marks)


@pytest.mark.parametrize(("name", "check"), checks())
def test_every_searcher_conforms(name, check):
    check(partial(factory(name), **QUICK.get(name, {})))


@pytest.mark.parametrize("name", each(SEARCHERS))
def test_no_searcher_asks_for_what_the_space_forbids(name, build):
    toy = make_toy(3)

    log = drive(build(name, toy.problem), toy, 200)

    assert not toy.problem.space.violations(log.indices).any()


@pytest.mark.parametrize("name", each(SEARCHERS))
def test_no_searcher_asks_for_a_design_twice(name, build):
    toy = make_toy(4, n_pairs=4)

    log = drive(build(name, toy.problem), toy, 300)

    assert len(np.unique(log.indices, axis=0)) == len(log.indices)


@pytest.mark.parametrize("name", each(SEARCHERS))
def test_every_searcher_finds_all_of_a_tiny_space_and_then_says_so(name, build):
    toy = tiny_toy()
    searcher = build(name, toy.problem)

    log = drive(searcher, toy, 1000, batch=8)

    assert len(log.indices) == toy.problem.space.feasible_size
    assert len(searcher.ask(8)) == 0


@pytest.mark.parametrize("name", each(LEARNING, COSTLY))
def test_what_learns_also_learns_from_designs_of_others(name, build):
    toys = [make_toy(seed, n_objectives=1) for seed in range(5)]
    known = [drive(build("local", toy.problem, 9), toy, 300) for toy in toys]

    cold, told = 0.0, 0.0
    for toy, log in zip(toys, known, strict=True):
        good = np.isfinite(log.costs[:, 0]) & (log.violations <= 0).all(axis=1)
        rows = log.indices[good][np.argsort(log.costs[good, 0])[:16]]
        searcher = build(name, toy.problem, 2)
        searcher.hear(rows, toy.evaluate(rows))
        told += np.median(drive(searcher, toy, 64).feasible_costs)
        cold += np.median(drive(build(name, toy.problem, 2), toy, 64).feasible_costs)

    assert told < cold


@pytest.mark.parametrize("n_objectives", [1, 2])
@pytest.mark.parametrize("name", each(LEARNING, COSTLY))
def test_what_learns_beats_random_on_a_separable_toy(name, n_objectives, build):
    toys = [make_toy(seed, n_objectives=n_objectives) for seed in range(5)]

    won = [
        searched_volume(drive(build(name, toy.problem, seed), toy, 300), toy)
        > searched_volume(drive(build("random", toy.problem, seed), toy, 300), toy)
        for seed, toy in enumerate(toys)
    ]

    assert all(won)


@pytest.mark.parametrize("name", each(LEARNING, COSTLY))
def test_what_learns_prefers_feasible_designs(name, build):
    toys = [make_toy(seed) for seed in range(5)]

    kept = [len(drive(build(name, toy.problem, 1), toy, 300).feasible_costs) for toy in toys]
    blind = [len(drive(build("random", toy.problem, 1), toy, 300).feasible_costs) for toy in toys]

    assert sum(kept) > sum(blind)
