"""What vdn, qmix and sac share: they replay everything, whoever proposed it, and never collapse for good."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.search.scalarize import normal_scores
from dse.objective import Objective
from dse.parameter import Parameter
from dse.search import Proposal, Results, SearchProblem
from dse.space import Constraint, DesignSpace
from dse.testing.searcher import drive
from dse.testing.toys import make_toy

NAMES = ("sac", "vdn", "qmix")


@pytest.fixture
def toy():
    return make_toy(0)


def random_designs(toy, n, seed=3):
    rows = toy.problem.space.sample(n, np.random.default_rng(seed), feasible=True)
    return np.unique(rows, axis=0)


@pytest.mark.parametrize(("seed", "n_objectives"), [(0, 1), (1, 1), (2, 2)])
@pytest.mark.parametrize("name", NAMES)
def test_what_others_paid_for_is_learnt_from(name, seed, n_objectives, build):
    toy = make_toy(seed, n_objectives=n_objectives)
    taught, untaught = build(name, toy.problem), build(name, toy.problem)
    foreign = random_designs(toy, 256)

    taught.hear(foreign, toy.evaluate(foreign))

    assert middle_cost(toy, taught.ask(64).indices) < middle_cost(toy, untaught.ask(64).indices)


def middle_cost(toy, rows):
    results = toy.evaluate(rows)
    summed = toy.problem.scaled(results.costs).sum(axis=1)
    return np.median(np.where(results.feasible, summed, np.inf))


@pytest.mark.parametrize("name", NAMES)
def test_designs_told_twice_are_replayed_once(name, build, toy):
    searcher = build(name, toy.problem)
    rows = random_designs(toy, 64)

    for _ in range(2):
        searcher.tell(Proposal(rows), toy.evaluate(rows))

    assert len(searcher.state()["archive"]["designs"]) == len(rows)
    assert searcher.diagnostics()["updates"] == len(rows) * searcher.options.updates // 32


@pytest.mark.parametrize("name", NAMES)
def test_every_design_is_asked_for_under_a_preference(name, build, toy):
    proposal = build(name, toy.problem).ask(20)

    assert proposal.context.shape == (20, 2)
    assert np.allclose(proposal.context.sum(axis=1), 1.0)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_designs_are_drawn_evenly_from_what_is_allowed(name, build, toy):
    searcher = build(name, toy.problem)

    with torch.no_grad():
        chances = searcher._probabilities(torch.zeros(3, 2)).numpy()

    assert chances[:, 0, 0] == pytest.approx(0.0)  # p0 = 0 is forbidden by itself
    assert chances[:, 0, 1:] == pytest.approx(1 / 5, abs=0.03)
    assert chances[:, 1:] == pytest.approx(1 / 6, abs=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_a_preference_moves_what_is_asked_for(name, build, toy):
    searcher = build(name, toy.problem)
    drive(searcher, toy, 600)

    ends = searcher._observe(np.array([[0.99, 0.01], [0.01, 0.99]]))
    with torch.no_grad():
        chances = searcher._probabilities(ends).numpy()
    costs = toy.tables[:2] - toy.tables[:2].min(axis=2, keepdims=True)
    expected = np.einsum("wdv,mdv->wm", chances, costs)

    assert expected[0, 0] < expected[1, 0]
    assert expected[1, 1] < expected[0, 1]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_rules_forbid_is_learned_without_a_simulation(name, build):
    parameters = [Parameter(f"p{d}", tuple(range(4)), 1, f"part{d}", "choice") for d in range(4)]
    rule = Constraint("no_clash", {"p0": (2, 3), "p1": (2, 3)}, "two values that do not go together")
    space = DesignSpace("small", parameters, (rule,))
    problem = SearchProblem(space, (Objective("cost", "min"),), 1, np.ones(1), np.zeros(1))
    searcher = build(name, problem)

    proposal = searcher.ask(60)
    costs = np.ones((60, 1))
    searcher.tell(proposal, Results(costs, np.zeros((60, 1)), np.zeros(60, dtype=np.bool_)))

    archive = searcher.state()["archive"]
    assert not space.violations(proposal.indices).any()
    assert (archive["violation"][space.violations(archive["designs"]).any(axis=1)] > 0).all()
    assert (archive["violation"] > 0).sum() > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_collapsed_learner_starts_again_and_keeps_its_archive(name, build, toy):
    searcher = build(name, toy.problem, restart=1.0)

    drive(searcher, toy, 400)

    assert searcher.diagnostics()["restarts"] > 0
    assert len(searcher.state()["archive"]["designs"]) >= 400


@pytest.mark.parametrize("name", NAMES)
def test_the_more_designs_were_told_the_fewer_steps_does_another_take(name, build, toy):
    searcher = build(name, toy.problem, updates=8, late_updates=2, restart=0.0)
    rows = random_designs(toy, 1400)
    steps = []

    for start in (0, 160, 1024):
        before = searcher.diagnostics()["updates"]
        told = rows[start : start + 160] if start < 1024 else rows[320:1344]
        searcher.tell(Proposal(told), toy.evaluate(told))
        steps.append((searcher.diagnostics()["updates"] - before) / len(told) * 32)

    assert steps[0] == steps[1] == 8.0
    assert steps[2] == pytest.approx(8.0 * 512 / 1344, abs=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_diagnostics_are_finite_numbers_that_move(name, build, toy):
    searcher = build(name, toy.problem)
    before = searcher.diagnostics()

    drive(searcher, toy, 200)

    told = searcher.diagnostics()
    assert all(np.isfinite(value) for value in told.values())
    assert told["updates"] > before["updates"] == 0
    assert 0.0 < told["unique_share"] <= 1.0


@pytest.mark.parametrize("name", NAMES)
def test_torch_is_left_as_it_was(name, build, toy):
    torch.manual_seed(3)
    generator, threads = torch.get_rng_state(), torch.get_num_threads()

    drive(build(name, toy.problem), toy, 64)

    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.get_num_threads() == threads


def test_normal_scores_have_no_unit_and_put_failures_last():
    scores = np.array([[3.0, 1.0, np.inf, 2.0], [3e6, 1e6, np.inf, 2e6]])

    found = normal_scores(scores)

    assert found[0].argsort().tolist() == [2, 0, 3, 1]
    assert np.array_equal(found[0], found[1])
    assert found[0].sum() == pytest.approx(0.0)


def test_equal_scores_have_equal_normal_scores():
    assert normal_scores(np.array([np.inf, np.inf, np.inf])) == pytest.approx(0.0)
