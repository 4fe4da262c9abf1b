"""What each off-policy learner finds or fits, and what is missing without its idea."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agents.learning.networks import outputs
from agents.learning.replay import Minibatch
from dse.objective import Objective
from dse.parameter import Parameter
from dse.search import Proposal, Results, SearchProblem
from dse.space import DesignSpace
from dse.testing.toys import make_toy

VALUES = 6


class Known:
    """Agents with parameters of six values; each value has a cost 0 to 1, and the best design costs 0.

    worst: the agent with the highest cost decides; otherwise all costs are added.
    """

    def __init__(self, seed, *, n_agents, each=1, worst=False):
        names = [(f"p{agent}_{place}", f"part{agent}") for agent in range(n_agents) for place in range(each)]
        self.space = DesignSpace(
            "known", [Parameter(name, tuple(range(VALUES)), 0, part, "choice") for name, part in names]
        )
        self.problem = SearchProblem(self.space, (Objective("cost", "min"),), 0, np.ones(1), np.zeros(1))
        order = np.random.default_rng(seed).random((len(names), VALUES)).argsort(axis=1)
        self._costs = order / (VALUES - 1)
        self._shape = (-1, n_agents, each)
        self._worst = worst

    def cost(self, rows):
        taken = self._costs[np.arange(len(self.space)), rows]
        return taken.reshape(self._shape).sum(axis=2).max(axis=1) if self._worst else taken.sum(axis=1)

    def tell(self, searcher, rows):
        results = Results(self.cost(rows)[:, None], np.zeros((len(rows), 0)), np.zeros(len(rows), bool))
        searcher.tell(Proposal(rows), results)

    def least(self, searcher, n):
        """The least cost found with n designs."""
        costs = []
        for _ in range(n // 32):
            rows = searcher.ask(32).indices
            self.tell(searcher, rows)
            costs.append(self.cost(rows).min())
        return min(costs)


@pytest.mark.parametrize("seed", range(3))
def test_all_that_others_paid_for_shows_vdn_the_best_design_at_once_and_the_last_batch_does_not(seed, build):
    known = Known(seed, n_agents=4, each=2)
    rows = known.space.sample(600, np.random.default_rng(seed))
    found = {}

    for replay in (0, 32):
        searcher = build("vdn", known.problem, seed, replay=replay)
        known.tell(searcher, rows)
        found[replay] = known.cost(searcher.ask(32).indices).min()

    assert known.cost(rows).min() > 0.0
    assert found[0] == pytest.approx(0.0)
    assert found[32] > 0.0


@pytest.mark.parametrize("seed", range(3))
def test_sac_finds_the_best_design_and_without_entropy_it_collapses_before(seed, build):
    known = Known(seed, n_agents=4, each=2)

    found = known.least(build("sac", known.problem, seed), 500)
    cold = known.least(build("sac", known.problem, seed, temperature=0.0, restart=0.0), 500)

    assert found == pytest.approx(0.0)
    assert cold > 0.0


@pytest.mark.parametrize("seed", range(3))
def test_mixing_fits_a_cost_that_the_worst_agent_decides_and_a_sum_does_not(seed, build):
    known = Known(seed, n_agents=8, worst=True)
    rows = known.space.sample(1000, np.random.default_rng(seed))
    loss = {}

    for name in ("qmix", "vdn"):
        searcher = build(name, known.problem, seed)
        known.tell(searcher, rows)
        loss[name] = searcher.diagnostics()["loss"]

    assert loss["qmix"] < 0.5 * loss["vdn"]


def test_qmix_finds_the_best_design_where_the_worst_agent_decides(build):
    known = Known(1, n_agents=6, each=2, worst=True)

    assert known.least(build("qmix", known.problem, 1), 1200) == pytest.approx(0.0)


@pytest.mark.parametrize("name", ["vdn", "qmix"])
def test_the_team_value_rises_with_every_agents_utility(name, build):
    searcher = build(name, Known(0, n_agents=4).problem)
    observed, generator = torch.ones(5, 1), torch.Generator().manual_seed(0)
    utilities = torch.randn(5, 4, 20, generator=generator)

    with torch.no_grad():
        before = searcher._mixed(utilities, observed)
        for agent in range(4):
            raised = utilities.clone()
            raised[:, agent] += 0.5
            assert (searcher._mixed(raised, observed) > before).all()


def test_the_greedy_joint_action_is_every_parameters_own_best_value(build):
    known = Known(0, n_agents=2, each=2)
    searcher = build("qmix", known.problem, hot=1e-3)
    known.tell(searcher, known.space.sample(200, np.random.default_rng(0)))
    rows = np.stack(np.unravel_index(np.arange(VALUES**4), (VALUES,) * 4), axis=1)
    observed = torch.ones(1, 1)

    with torch.no_grad():
        utilities = searcher._utilities(searcher._agents(), observed)
        taken = utilities[0, torch.arange(4), torch.from_numpy(rows)].T.unsqueeze(0)
        team = searcher._mixed(searcher._utilities.owners @ taken, observed)[0]

    assert rows[int(team.argmax())].tolist() == utilities[0].argmax(dim=1).tolist()


def test_a_parameter_without_effect_does_not_count(build):
    searcher = build("vdn", Known(0, n_agents=4).problem)
    outcomes = torch.tensor([[1.0, -1.0]])
    positions = torch.tensor([[0, 1, 2, 3], [1, 1, 2, 3]])
    live = torch.tensor([[0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]])

    searcher._loss(Minibatch(torch.ones(1, 1), positions, live, outcomes)).backward()

    moved = searcher._weights[-1].grad[0, 0]  # offsets of the first agent's values
    assert moved[0] == 0.0
    assert moved[1] != 0.0


def test_the_temperature_of_sac_rises_while_the_policy_has_less_entropy_than_it_should(build):
    known = Known(0, n_agents=4)
    searcher = build("sac", known.problem, entropy=1.0)
    rows = known.space.sample(320, np.random.default_rng(0))

    known.tell(searcher, rows[:32])
    before = searcher.diagnostics()["temperature"]
    known.tell(searcher, rows[32:])

    assert searcher.diagnostics()["temperature"] > before


def test_the_critics_see_the_design_one_hot_and_the_preference_beside_it(build):
    searcher = build("sac", make_toy(0).problem)
    positions = torch.randint(6, (7, 8), generator=torch.Generator().manual_seed(0))
    live, observed = torch.ones(7, 8), torch.rand(7, 2, generator=torch.Generator().manual_seed(1))
    live[:3, 3] = 0.0

    with torch.no_grad():
        found = searcher._judged(searcher._seen(positions, live) + searcher._who(observed))

    one_hot = torch.nn.functional.one_hot(positions, 6) * live.unsqueeze(2)
    seen = torch.cat([one_hot.flatten(1), observed], dim=1)
    expected = outputs(searcher._weights[1:7], seen.expand(2, 7, -1), torch.relu).squeeze(2)
    assert torch.allclose(found, expected, atol=1e-5)


def test_the_actors_gradient_is_that_of_the_value_to_be_expected(build):
    known = Known(0, n_agents=2)
    searcher = build("sac", known.problem, draws=4000, columns=2)
    known.tell(searcher, known.space.sample(64, np.random.default_rng(0)))
    rows = torch.cartesian_prod(torch.arange(VALUES), torch.arange(VALUES))
    observed = torch.ones(1, 1)
    policy = torch.softmax(torch.linspace(0.0, 2.0, 12).reshape(1, 2, VALUES), dim=2).requires_grad_()

    searcher._worth(observed, policy).backward()

    with torch.no_grad():
        values = searcher._judged(searcher._seen(rows, torch.ones(36, 2)) + searcher._who(observed))
        table = values.amin(dim=0).view(VALUES, VALUES)
        expected = torch.stack([table @ policy[0, 1], policy[0, 0] @ table])
    # 4,000 draws of values that spread by about 1: a standard error of 0.016
    assert torch.allclose(policy.grad[0], expected, atol=0.08)
