from __future__ import annotations

import numpy as np
import torch

from agents.learning.policies import SubsystemPolicies, chosen, entropies, sample
from dse.testing.searcher import drive
from dse.testing.toys import make_toy, toy_space


def policies(space):
    team = SubsystemPolicies(space, 2, 16)
    team.initialise(torch.Generator().manual_seed(0))
    return team


def test_every_head_is_a_distribution_near_uniform_at_the_start():
    team = policies(toy_space())

    probabilities = team.log_probabilities(torch.zeros(3, 2)).exp()[:, team.slot]

    assert probabilities.shape == (3, 8, 6)
    assert torch.allclose(probabilities.sum(dim=2), torch.ones(3, 8))
    assert (probabilities[:, 1:] - 1 / 6).abs().max() < 0.05
    assert (probabilities[:, 0] - torch.tensor([0.0, *[1 / 5] * 5])).abs().max() < 0.05  # p0 = 0 is forbidden


def test_an_agent_with_fewer_parameters_has_slots_that_do_nothing():
    team = policies(toy_space(6))
    empty = [slot for slot in range(8) if slot not in team.slot.tolist()]

    log_probabilities = team.log_probabilities(torch.ones(1, 2))

    assert torch.equal(log_probabilities[0, empty, 0], torch.zeros(2))
    assert torch.equal(entropies(log_probabilities)[0, empty], torch.zeros(2))


def test_the_agents_share_no_weights():
    space = toy_space()
    team = policies(space)
    first = team.slot[list(space.subsystems[0].indices)]

    team.log_probabilities(torch.ones(1, 2))[0, first, 2].sum().backward()

    gradients = [
        weight.grad.abs().flatten(1).sum(dim=1) for weight in team.weights if weight.grad is not None
    ]
    assert all((gradient[1:] == 0).all() for gradient in gradients)
    assert gradients[-1][0] > 0


def test_sampling_follows_the_distribution():
    log_probabilities = torch.log(torch.tensor([[[0.7, 0.2, 0.1]]])).expand(20000, 1, 3)

    drawn = sample(log_probabilities, torch.Generator().manual_seed(1))

    share = torch.bincount(drawn.flatten()) / 20000
    assert torch.allclose(share, torch.tensor([0.7, 0.2, 0.1]), atol=0.015)


def test_entropy_of_a_barred_value_is_no_trouble():
    log_probabilities = torch.log_softmax(torch.tensor([[[0.0, 0.0, -1e9]]]), dim=-1)

    assert torch.allclose(entropies(log_probabilities), torch.tensor(np.log(2.0), dtype=torch.float32))


def test_chosen_picks_the_log_probability_of_each_position():
    log_probabilities = torch.arange(12, dtype=torch.float32).reshape(1, 2, 6)

    assert chosen(log_probabilities, torch.tensor([[3, 0]])).tolist() == [[3.0, 6.0]]


def test_the_agents_see_the_preference_they_are_asked_for(build):
    searcher = build("ippo", make_toy(0).problem)

    proposal = searcher.ask(20)

    assert proposal.context.shape == (20, 2)
    assert np.allclose(proposal.context.sum(axis=1), 1.0)


def test_a_value_that_is_infeasible_by_itself_is_never_sampled(build):
    searcher = build("ippo", make_toy(0).problem)

    sampled = searcher._sample(np.full((4000, 2), 0.5))

    assert (sampled[:, 0] != 0).all()


def test_a_collapsed_team_starts_again(build):
    toy = make_toy(0, n_objectives=1)
    searcher = build("ippo", toy.problem, restart=1.0)

    drive(searcher, toy, 320)

    assert searcher.diagnostics()["restarts"] > 0


def test_diagnostics_are_finite_numbers_that_move(build):
    toy = make_toy(0)
    searcher = build("ippo", toy.problem)

    drive(searcher, toy, 200)

    told = searcher.diagnostics()
    assert all(np.isfinite(value) for value in told.values())
    assert told["updates"] >= 5
    assert 0.0 < told["entropy"] < 1.0


def test_a_batch_larger_or_smaller_than_an_update_is_learnt_from(build):
    for batch in (5, 100):
        toy = make_toy(0)
        searcher = build("ippo", toy.problem)

        drive(searcher, toy, 200, batch=batch)

        assert searcher.diagnostics()["updates"] >= 2


def test_the_number_of_torch_threads_is_left_as_it_was(build):
    toy, before = make_toy(0), torch.get_num_threads()

    drive(build("ippo", toy.problem), toy, 64)

    assert torch.get_num_threads() == before


def test_the_global_torch_generator_is_left_alone(build):
    toy = make_toy(0)
    torch.manual_seed(3)
    before = torch.get_rng_state()

    drive(build("ippo", toy.problem), toy, 64)

    assert torch.equal(torch.get_rng_state(), before)
