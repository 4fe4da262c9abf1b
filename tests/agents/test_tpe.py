"""TPE: what its comparison of densities is worth, exact resume without pickle, and its end."""

from __future__ import annotations

import numpy as np
import pytest

from dse.testing.searcher import drive, searched_volume
from dse.testing.toys import make_toy
from tests.agents.model_based import Valley, designs_until_the_end, goes_on_the_same, tell


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_tpe_gets_near_the_best_design_and_without_its_model_not(seed, build):
    valley = Valley(seed)

    found = valley.least(build("tpe", valley.problem, seed), 400)
    drawn = valley.least(build("tpe", valley.problem, seed, start=400), 400)

    assert found < 0.1
    assert drawn > 0.3


def test_it_goes_on_exactly_after_batches_and_designs_of_others(build):
    assert goes_on_the_same(lambda problem, seed: build("tpe", problem, seed, start=6))


def test_it_ends_after_as_many_designs_as_it_may_ask_for(build):
    toy = make_toy(0)

    assert designs_until_the_end(build("tpe", toy.problem, start=6, most=17), toy) == 17


def test_designs_of_others_do_not_count_towards_the_end(build):
    toy = make_toy(0)
    searcher = build("tpe", toy.problem, start=6, most=10)
    heard = toy.problem.space.sample(30, np.random.default_rng(0), feasible=True)

    searcher.hear(heard, toy.evaluate(heard))

    assert designs_until_the_end(searcher, toy) == 10


def test_a_lie_about_a_design_is_forgotten_when_its_result_is_told(build):
    toy = make_toy(0)
    searcher = build("tpe", toy.problem, start=4)
    tell(searcher, toy, 4)

    asked = searcher.ask(3)
    lies = len(searcher._lies)
    searcher.tell(asked, toy.evaluate(asked.indices))

    states = [trial.state.name for trial in searcher._study.trials[1:]]
    assert lies == 3
    assert states.count("RUNNING") == 0
    assert states.count("COMPLETE") == 7


@pytest.mark.slow
def test_it_is_ahead_of_random_after_a_thousand_designs_and_then_ends(build):
    toy = make_toy(1, n_pairs=6)
    searcher = build("tpe", toy.problem, 1)

    log = drive(searcher, toy, 1000)

    assert searched_volume(log, toy) > searched_volume(drive(build("random", toy.problem), toy, 1000), toy)
    assert len(searcher.ask(32)) == 0
