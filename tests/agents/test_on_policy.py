"""Searchers with policies: what tells them apart, on games with known optima and on their parts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from agents.learning.autoregressive import ChainedPolicies
from agents.learning.happo import SteppedPolicies
from agents.learning.mappo import SharedPolicies, worth
from agents.learning.policies import chosen
from dse.parameter import Parameter
from dse.search import SearchProblem
from dse.space import Constraint, DeadRule, DesignSpace
from dse.testing.searcher import drive
from dse.testing.toys import make_toy, toy_space
from tests.agents.games import matching_game, separable_game

NAMES = ("ippo", "ppo", "mappo", "happo", "autoregressive")


def least(toy, searcher, n, batch):
    """Least cost among the first n designs."""
    return drive(searcher, toy, n, batch=batch).costs.min()


@pytest.mark.parametrize("name", NAMES)
def test_diagnostics_are_finite_and_move(name, build):
    toy = make_toy(0)
    searcher = build(name, toy.problem)
    before = searcher.diagnostics()

    drive(searcher, toy, 160)

    told = searcher.diagnostics()
    assert all(np.isfinite(value) for value in told.values())
    assert 0.0 < told["entropy"] < 1.0
    assert [key for key in ("approx_kl", "clip_fraction", "updates") if told[key] <= before[key]] == []
    assert 0.0 < told["unique_share"] <= 1.0


@pytest.fixture
def narrow_toy():
    """Five pairs of parameters, of each of which five in nine combinations are allowed: one design in 19."""
    pairs = [(f"p{d}", f"p{d + 1}") for d in range(0, 10, 2)]
    parameters = [Parameter(f"p{d}", tuple(range(6)), 5, f"part{d % 4}", "choice") for d in range(10)]
    rules = [Constraint(f"{a}_{b}", {a: (0, 1, 2, 3), b: (0, 1, 2, 3)}, "a narrow space") for a, b in pairs]
    return make_toy(0, space=DesignSpace("narrow", parameters, rules))


@pytest.mark.parametrize("name", NAMES)
def test_policies_learn_in_a_space_that_forbids_most_designs(name, narrow_toy, build):
    searcher = build(name, narrow_toy.problem)

    for _ in range(12):
        proposal = searcher.ask(32)
        searcher.tell(proposal, narrow_toy.evaluate(proposal.indices))

    told = searcher.diagnostics()
    assert told["updates"] >= 4
    assert told["restarts"] <= 1


# -- one agent -------------------------------------------------------------------------------------------


def test_the_joint_ratio_learns_further_from_a_batch_than_a_ratio_a_parameter(build):
    games = [separable_game(seed, 12) for seed in range(4)]

    joint, each = (
        [least(game, build("ppo", game.problem, ratio=ratio, imitation=0.0), 256, 32) for game in games]
        for ratio in ("joint", "dimension")
    )

    assert joint == [0.0] * 4
    assert min(each) > 0.0


def test_the_joint_ratio_leaves_its_range_more_often(build):
    game = separable_game(0, 16)
    shares = []
    for ratio in ("joint", "dimension"):
        searcher = build("ppo", game.problem, ratio=ratio, imitation=0.0)
        drive(searcher, game, 64)
        shares.append(searcher.diagnostics()["clip_fraction"])

    assert shares[0] > 1.5 * shares[1]


# -- shared parameters and critic ------------------------------------------------------------------------


def shared(space):
    team = SharedPolicies(space, 2, 16)
    team.initialise(torch.Generator().manual_seed(0))
    return team


def test_all_agents_use_the_same_weights_and_yet_choose_differently():
    space = toy_space()
    team = shared(space)

    log_probabilities = team.log_probabilities(torch.ones(1, 2))[0]
    log_probabilities[team.slot[0], 2].backward()

    assert all((weight.grad != 0).any() for weight in team.weights)
    assert not torch.allclose(log_probabilities[team.slot[2]], log_probabilities[team.slot[3]])


def test_a_value_that_an_agent_does_not_have_is_never_chosen():
    parameters = [
        Parameter("a", (0, 1), 0, "one", "choice"),
        Parameter("b", tuple(range(6)), 0, "two", "choice"),
    ]

    drawn = shared(DesignSpace("odd", parameters)).draw(torch.ones(2000, 2), torch.Generator().manual_seed(1))

    assert set(drawn[:, 0].tolist()) == {0, 1}
    assert set(drawn[:, 1].tolist()) == set(range(6))


def test_agents_that_share_parameters_teach_each_other_where_they_are_alike(build):
    games = [separable_game(seed, 24, alike=True) for seed in range(3)]
    options = {"imitation": 0.0, "clip": 1.0, "batch": 8, "epochs": 4}  # the clip would hide it

    together = [least(game, build("mappo", game.problem, **options), 64, 8) for game in games]
    apart = [least(game, build("ippo", game.problem, **options), 64, 8) for game in games]

    assert together == [0.0] * 3
    assert min(apart) > 3.0


def test_the_critic_learns_what_designs_are_worth(build):
    toy = make_toy(0, failing=0)
    searcher = build("mappo", toy.problem)
    drive(searcher, toy, 32)
    first = searcher.diagnostics()["value_error"]

    drive(searcher, toy, 320)

    assert searcher.diagnostics()["value_error"] < 0.5 * first


def test_without_a_critic_there_is_none(build):
    toy = make_toy(0)
    searcher = build("mappo", toy.problem, baseline="batch")

    drive(searcher, toy, 64)

    assert "value_error" not in searcher.diagnostics()
    assert len(searcher.state()["networks"]) == 6  # two hidden layers and the heads


def test_infeasible_designs_are_worth_less_than_any_other_and_failed_ones_least():
    toy = make_toy(0)
    costs = np.array([[0.0, 0.0], [1e9, 1e9], [0.0, 0.0], [0.0, 0.0], [np.nan, np.nan]])
    violation = np.array([0.0, 0.0, 0.1, 5.0, np.inf])

    found = worth(toy.problem, np.full((5, 2), 0.5), costs, violation)

    assert (found.diff() < 0).all()
    assert found[-1] == -3.0


# -- one after the other ---------------------------------------------------------------------------------


def test_when_an_agent_moves_the_others_stay(build):
    toy = make_toy(0, failing=0)
    searcher = build("happo", toy.problem)
    proposal = searcher.ask(16)
    searcher._memory.add(proposal.indices, toy.evaluate(proposal.indices))
    batch = searcher._part(searcher._designs, searcher._weights)
    before = searcher._policies.log_probabilities(batch.observed)

    moved = searcher._move(1, batch.followed_by(batch), torch.randn(len(batch), 1))

    after = searcher._policies.log_probabilities(batch.observed)
    same = (after == before).all(dim=2).all(dim=0).view(4, -1).all(dim=1)
    assert same.tolist() == [True, False, True, True]
    ratio = chosen(after, batch.positions) - chosen(before, batch.positions)
    assert torch.allclose(moved[:, 0], (ratio * batch.live)[:, 2:4].sum(dim=1).exp(), rtol=1e-4)


def test_the_agents_weights_are_those_that_all_are_sampled_with():
    team = SteppedPolicies(toy_space(), 2, 16)
    team.initialise(torch.Generator().manual_seed(0))
    observed = torch.rand(5, 2)

    together = team.log_probabilities(observed)

    for agent in range(4):
        assert torch.allclose(team.of_agent(agent, observed), together[:, team.slots_of(agent)], atol=1e-6)


def test_agents_that_answer_each_others_moves_coordinate_sooner(build):
    games = [matching_game(seed) for seed in range(4)]
    options = {"imitation": 0.0, "learning_rate": 0.01, "clip": 0.5, "batch": 64}

    answering, alone = (
        [
            drive(build("happo", game.problem, compound=compound, **options), game, 256, batch=64).costs[-64:]
            for game in games
        ]
        for compound in (True, False)
    )

    assert np.mean(answering) < np.mean(alone) - 0.2  # of five: what the fourth batch costs


# -- one seeing what the others chose --------------------------------------------------------------------


@pytest.fixture
def chained_problem():
    """Three subsystems; the last switches a parameter of the first off, and two pairs are forbidden."""
    parameters = [
        Parameter("a", (0, 1, 2), 1, "first", "choice"),
        Parameter("b", (0, 1, 2), 0, "first", "choice"),
        Parameter("c", (0, 1, 2, 3), 0, "second", "integer"),
        Parameter("d", (False, True), False, "third", "choice"),
    ]
    rules = (
        Constraint("inside", {"a": (0,), "b": (1, 2)}, "within one subsystem"),
        Constraint("between", {"b": (2,), "c": (0, 1), "d": (True,)}, "among three"),
    )
    space = DesignSpace("chained", parameters, rules, (DeadRule("a", {"d": (True,)}, "d replaces a"),))
    toy = make_toy(0, n_objectives=1)
    return SearchProblem(space, toy.problem.objectives, 2, np.ones(1), np.zeros(1))


def every_design(space):
    rows = np.array(list(itertools.product(*(range(n) for n in space.n_values))), dtype=np.int16)
    return np.unique(space.canonical(rows), axis=0)


def likelihood(searcher, designs):
    """(n,) probability of each design under the searcher's policy."""
    part = searcher._part(designs, np.ones((len(designs), 1)))
    with torch.no_grad():
        return searcher._likelihoods(searcher._log_probabilities(part), part).sum(dim=1).exp().numpy()


def made_uneven(searcher):
    for weight in searcher._policies.weights:
        with torch.no_grad():
            weight += 0.3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(4))
    return searcher


def test_the_likelihoods_of_all_allowed_designs_sum_to_one(build, chained_problem):
    searcher = made_uneven(build("autoregressive", chained_problem))
    designs = every_design(chained_problem.space)
    allowed = ~chained_problem.space.violations(designs).any(axis=1)

    found = likelihood(searcher, designs[allowed])

    assert 0 < allowed.sum() < len(designs)
    assert found.sum() == pytest.approx(1.0, abs=1e-5)
    assert found.max() > 3 * found.min()


def test_designs_are_sampled_as_often_as_their_likelihood_says(build, chained_problem):
    searcher = made_uneven(build("autoregressive", chained_problem))
    space, n = chained_problem.space, 40_000

    with torch.no_grad():
        rows = searcher._sample(np.ones((n, 1)))

    assert not space.violations(rows).any()
    designs, counts = np.unique(rows, axis=0, return_counts=True)
    expected = likelihood(searcher, designs)
    assert np.abs(counts / n - expected).max() < 5 * np.sqrt(expected.max() / n)  # five standard errors


def test_what_switches_parameters_off_is_chosen_first(chained_problem):
    assert ChainedPolicies(chained_problem.space, 1, 8, see=True).order.agents == [1, 2, 0]


def test_a_subsystem_sees_what_was_chosen_before_and_nothing_else(chained_problem):
    space = chained_problem.space
    team = ChainedPolicies(space, 1, 8, see=True)
    team.initialise(torch.Generator().manual_seed(0))
    designs = torch.tensor([[1, 0, 0, 0]])
    order = team.order.agents
    for earlier, agent in enumerate(order):
        seen = team.seen(torch.ones(1, 1), designs, torch.ones(1, 4)).requires_grad_()

        team.logits(seen)[agent].pow(2).sum().backward()

        felt = {
            space.parameters[column].subsystem
            for column, first in enumerate((0, 3, 6, 10))
            if seen.grad[0, 1 + first : 1 + first + space.n_values[column]].any()
        }
        assert felt == {space.subsystems[other].name for other in order[:earlier]}


@pytest.mark.parametrize(("name", "blind"), [("autoregressive", {"see": False}), ("ippo", {})])
def test_seeing_the_choices_before_solves_a_game_of_matching(name, blind, build):
    games = [matching_game(seed) for seed in range(4)]

    seeing = [least(one, build("autoregressive", one.problem, imitation=0.0), 300, 32) for one in games]
    unseeing = [least(one, build(name, one.problem, imitation=0.0, **blind), 300, 32) for one in games]

    assert seeing == [0.0] * 4
    assert unseeing.count(0.0) <= 2  # of ten games, the former solves all, the latter two and one
