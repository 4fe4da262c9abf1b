"""The cross-entropy method and the ant colony: what they learn, keep and forget."""

from __future__ import annotations

import numpy as np
import pytest

from agents.search.values import barred_values
from dse.search import Results
from dse.testing.searcher import drive
from dse.testing.toys import make_toy


@pytest.fixture
def toy():
    return make_toy(0, n_objectives=1, failing=0)


def told(searcher, n, cost):
    """Ask for a whole generation of n designs and tell `cost(designs)`."""
    proposal = searcher.ask(n)
    violations = np.zeros((n, searcher.space.violations(proposal.indices).shape[1] + 1))
    searcher.tell(proposal, Results(cost(proposal.indices)[:, None], violations, np.zeros(n, dtype=np.bool_)))
    return proposal.indices


def blank(space):
    allowed = ~barred_values(space)
    return allowed / allowed.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("name", ["genetic", "cem", "aco"])
@pytest.mark.parametrize("batch", [1, 7, 64])
def test_the_search_does_not_depend_on_the_batch_size(name, batch, build):
    toy = make_toy(2)

    expected = drive(build(name, toy.problem), toy, 200, batch=20).indices
    found = drive(build(name, toy.problem), toy, 200, batch=batch).indices

    assert np.array_equal(found, expected)


@pytest.mark.parametrize("name", ["cem", "aco"])
def test_it_starts_even_and_never_takes_a_value_that_is_forbidden_by_itself(name, build, toy):
    found = build(name, toy.problem).probabilities()

    assert found[0] == pytest.approx(blank(toy.problem.space))
    assert found[0, 0, 0] == 0.0  # p0 = 0 is forbidden


@pytest.mark.parametrize("name", ["cem", "aco"])
def test_probabilities_sum_to_one_and_stay_above_the_floor(name, build, toy):
    searcher = build(name, toy.problem, floor=0.12, restart=0.0)

    drive(searcher, toy, 400)

    found = searcher.probabilities()
    assert found.sum(axis=2) == pytest.approx(1.0)
    assert found[0, 1:].min() >= 0.12 / 6 - 1e-12
    assert found[0].max(axis=1).min() > 0.5  # every parameter has settled: the floor was needed


@pytest.mark.parametrize(("name", "size"), [("cem", "population"), ("aco", "ants")])
def test_a_parameter_without_effect_learns_nothing_from_the_design(name, size, build, toy):
    few = {"elite": 0.0} if name == "cem" else {"ranks": 1}
    searcher = build(name, toy.problem, **{size: 64}, **few)

    told(searcher, 64, lambda rows: np.where(rows[:, 0] == 5, 0.0, 1.0))  # p0 = 5 switches p3 off

    tables = searcher.state()["models"]["tables"][0]
    assert tables[0].argmax() == 5
    assert np.array_equal(tables[3], blank(toy.problem.space)[3])
    assert not np.array_equal(tables[2], blank(toy.problem.space)[2])


def test_an_update_moves_the_probabilities_as_far_as_it_should(build, toy):
    searcher = build("cem", toy.problem, population=10, elite=0.2, smoothing=0.25)

    rows = told(searcher, 10, lambda rows: np.arange(10.0))

    found = searcher.state()["models"]["tables"][0, 1]
    expected = 0.75 / 6 + 0.25 * np.bincount(rows[:2, 1], minlength=6) / 2
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cem", {"population": 8, "elite": 0.0, "smoothing": 1.0, "floor": 0.0}),
        ("aco", {"ants": 8, "ranks": 1, "evaporation": 1.0, "floor": 0.0}),
    ],
)
def test_after_a_collapse_it_starts_again(name, options, build, toy):
    searcher = build(name, toy.problem, **options)
    first = told(searcher, 8, lambda rows: np.arange(8.0))
    collapsed = searcher.probabilities()[0]

    told(searcher, 8, lambda rows: np.arange(8.0))

    live = np.ones(8, dtype=bool)
    live[3] = first[0, 0] != 5
    assert collapsed.max(axis=1)[live] == pytest.approx(1.0)
    assert searcher.probabilities()[0] == pytest.approx(blank(toy.problem.space))


def test_ants_lay_pheromone_by_rank_and_the_best_known_design_keeps_its_own(build, toy):
    searcher = build("aco", toy.problem, ants=8, ranks=3, evaporation=0.5)
    best = told(searcher, 8, lambda rows: np.arange(8.0))[0]
    before = searcher.state()["models"]["tables"][0, 1]

    rows = told(searcher, 8, lambda rows: np.arange(8.0) + 50.0)

    laid = np.zeros(6)
    np.add.at(laid, [best[1], rows[0, 1], rows[1, 1]], [3 / 6, 2 / 6, 1 / 6])
    assert searcher.state()["models"]["tables"][0, 1] == pytest.approx(0.5 * before + 0.5 * laid)


def test_a_greedy_ant_takes_the_value_with_the_most_pheromone(build, toy):
    searcher = build("aco", toy.problem, ants=8, greediness=1.0, floor=0.0)
    told(searcher, 8, lambda rows: np.arange(8.0))

    found = searcher.probabilities()[0]

    tables = searcher.state()["models"]["tables"][0]
    assert ((found > 0) == (tables == tables.max(axis=1, keepdims=True))).all()


def test_models_under_several_objectives_have_preferences_of_their_own(build):
    searcher = build("cem", make_toy(1).problem, models=3)

    weights = searcher.state()["models"]["weights"]

    assert weights.shape == (3, 2)
    assert len(np.unique(weights[:, 0])) == 3
