"""SCBO: what its processes are worth, how its region moves, exact resume and its end."""

from __future__ import annotations

import numpy as np
import pytest

from agents.models.thompson import thompson_samples
from agents.search.scbo import bilog
from dse.testing.searcher import drive, searched_volume
from dse.testing.toys import make_toy
from tests.agents.model_based import Valley, designs_until_the_end, goes_on_the_same, tell

SMALL = {"start": 6, "candidates": 40, "steps": 2}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_scbo_finds_the_best_design_and_with_no_candidates_to_choose_from_it_does_not(seed, build):
    valley = Valley(seed)

    found = valley.least(build("scbo", valley.problem, seed), 80)
    blind = valley.least(build("scbo", valley.problem, seed, candidates=8, steps=1), 80)

    assert found == 0.0
    assert blind > 0.2


def test_it_goes_on_exactly_after_batches_and_designs_of_others(build):
    assert goes_on_the_same(lambda problem, seed: build("scbo", problem, seed, **SMALL))


def test_it_ends_after_as_many_designs_as_it_may_ask_for(build):
    toy = make_toy(0)

    assert designs_until_the_end(build("scbo", toy.problem, most=17, **SMALL), toy) == 17


def test_the_region_grows_with_successes_shrinks_with_failures_and_starts_again(build):
    searcher = build("scbo", make_toy(0).problem, **SMALL)

    lengths = []
    for success in (True, True, True, False, False, False, False):
        searcher._resize(success, 4)
        lengths.append(searcher._length)
    for _ in range(8):
        searcher._resize(False, 4)

    assert lengths == [0.8, 0.8, 1.6, 1.6, 0.8, 0.8, 0.4]
    assert searcher._length == 0.8  # 0.2, 0.1, 0.05, then below one step


def test_a_small_region_changes_one_parameter_by_one_step_and_a_choice_at_will(build):
    toy = make_toy(0)
    space = toy.problem.space
    searcher = build("scbo", toy.problem, start=6, candidates=400)
    tell(searcher, toy, 6)
    searcher._length = 1 / 16
    centre = space.encode({"p0": 2, "p2": 2})
    searcher.hear(centre[None], toy.evaluate(centre[None]))

    moved = searcher._candidates(centre).astype(np.int64) - centre

    ordered = [d for d, parameter in enumerate(space.parameters) if parameter.ordinal]
    assert (np.count_nonzero(moved, axis=1) == 1).all()
    assert np.abs(moved[:, ordered]).max() == 1
    assert np.abs(moved[:, 0]).max() > 1


def test_functions_pass_through_what_is_known_and_spread_where_nothing_is():
    x = np.linspace(0.0, 0.5, 12)[:, None]
    y = np.sin(9.0 * x[:, 0])

    drawn = thompson_samples(x, y, np.array([[0.25], [1.0]]), 64, np.random.default_rng(0), 30)

    assert drawn[:, 0].mean() == pytest.approx(np.sin(2.25), abs=0.15)
    assert drawn[:, 1].std() > 2.0 * drawn[:, 0].std()


def test_where_nothing_differs_functions_are_constant():
    drawn = thompson_samples(
        np.zeros((3, 1)), np.full(3, 2.0), np.zeros((4, 1)), 2, np.random.default_rng(0), 5
    )

    assert drawn.tolist() == [[2.0] * 4] * 2


def test_the_bilog_keeps_sign_order_and_the_bound():
    found = bilog(np.array([-100.0, -1.0, 0.0, 2.0, np.inf]))

    assert found[2] == 0.0
    assert (np.diff(found) > 0).all()
    assert np.isfinite(found).all()


@pytest.mark.slow
def test_it_is_ahead_of_random_after_a_thousand_designs_and_then_ends(build):
    toy = make_toy(1, n_pairs=6)
    searcher = build("scbo", toy.problem, 1, batch=32, candidates=200, steps=3)

    log = drive(searcher, toy, 1000)

    assert searched_volume(log, toy) > searched_volume(drive(build("random", toy.problem), toy, 1000), toy)
    assert len(searcher.ask(32)) == 0
