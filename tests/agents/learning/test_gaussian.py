"""Learners that act with real numbers: they find an optimum that their binning reaches, and no other."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from agents.learning.gaussian import gaussian_entropy, gaussian_log_density, squashed_log_density
from agents.learning.gaussian_ppo import GaussianPpo
from agents.learning.gaussian_sac import GaussianSac
from dse.env.continuous import ContinuousEnv
from dse.env.design import DesignCore
from dse.env.problem import DesignProblem
from dse.env.rollout import Runner, train
from dse.errors import ConfigError
from dse.metrics import MetricsBatch, MetricSchema, MetricSpec
from dse.parameter import Parameter
from dse.space import DesignSpace
from tests.dse.env.problems import vector, workload

LEARNERS = [GaussianPpo, GaussianSac]
FAST = {
    GaussianPpo: {"hidden": 16, "learning_rate": 0.02, "epochs": 8, "minibatches": 1},
    GaussianSac: {"hidden": 16, "learning_rate": 0.01, "warmup": 64, "temperature": 0.02, "minibatch": 64},
}


class Hidden:
    """A simulator whose cost is the distance from one design, of two parameters with eight values."""

    name, build_id = "hidden", "1"
    schema = MetricSchema([MetricSpec("cost", "", "min")])
    space = DesignSpace("hidden", [Parameter.integer(f"p{d}", 0, 7, 0, "all") for d in range(2)])

    def __init__(self, aim):
        self._aim = np.array(aim)

    def describe(self):
        return {}

    def run_batch(self, points, workloads, threads=1):
        rows = self.space.rows(points)
        costs = 1.0 + np.abs(rows - self._aim).sum(axis=1).astype(float)
        return MetricsBatch(self.schema, costs[:, None, None], [], np.zeros((len(rows), 1)))


def hidden(aim, binning="even", n=64):
    core = DesignCore(
        DesignProblem(Hidden(aim), [workload(5)], ["cost"]), n, granularity="all", reward="linear", observe=[]
    )
    return ContinuousEnv(core, name="hidden", binning=binning)


def uneven():
    """Agents with different numbers of parameters."""
    simulator = Hidden([6, 1, 3])
    simulator.space = DesignSpace(
        "uneven", [Parameter.integer(f"p{d}", 0, 7, 0, str(d > 0)) for d in range(3)]
    )
    problem = DesignProblem(simulator, [workload(5)], ["cost"])
    return ContinuousEnv(DesignCore(problem, 2, granularity="subsystem", reward="linear"), name="uneven")


def costs_of(learner_of, env, n_steps):
    """Mean cost of the designs of the first and of the last tenth."""
    learner = learner_of(env, np.random.SeedSequence(3), **FAST[learner_of])
    rewards, first = [], env.possible_agents[0]
    train(env, learner, n_steps, seed=1, horizon=1, told=lambda _, r: rewards.append(r.rewards[first].mean()))
    tenth = len(rewards) // 10
    baseline = env.problem.baseline_metrics(0)["cost"]
    return tuple(baseline / math.exp(np.mean(part)) for part in (rewards[:tenth], rewards[-tenth:]))


@pytest.mark.parametrize("learner_of", [GaussianPpo, pytest.param(GaussianSac, marks=pytest.mark.slow)])
def test_the_optimum_is_found_where_it_can_be_reached(learner_of):
    before, after = costs_of(learner_of, hidden([6, 1]), 3_200)

    assert before > 3.0
    assert after < 2.0


@pytest.mark.slow
def test_agents_side_by_side_each_find_their_own_part():
    core = DesignCore(
        DesignProblem(Hidden([6, 1]), [workload(5)], ["cost"]),
        64, granularity="parameter", reward="linear", observe=[],
    )  # fmt: skip
    _, after = costs_of(GaussianPpo, ContinuousEnv(core, name="team"), 3_200)

    assert after < 2.0


@pytest.mark.parametrize("learner_of", [GaussianPpo, pytest.param(GaussianSac, marks=pytest.mark.slow)])
def test_the_published_binning_cannot_reach_an_optimum_between_its_values(learner_of):
    """Of eight values it has the first, the fifth and the last: the nearest design is 4 steps away."""
    _, after = costs_of(learner_of, hidden([2, 2], "published"), 3_200)

    assert after >= 1.0 + 2 * 2 - 1e-4  # rewards are float32


@pytest.mark.parametrize("learner_of", LEARNERS)
def test_it_goes_on_exactly_where_it_was(learner_of):
    env = hidden([6, 1])
    whole, copy = (learner_of(env, np.random.SeedSequence(seed), **FAST[learner_of]) for seed in (1, 2))
    runner = Runner(env, 1)
    for _ in range(3):
        whole.learn(runner.collect(whole, 2))
    rollout = runner.collect(whole, 2)

    copy.load(whole.state())
    for learner in (whole, copy):
        learner.learn(rollout)

    assert whole.diagnostics() == copy.diagnostics() != {}
    observations, masks = {"designer": rollout.observations["designer"][0]}, {}
    for greedy in (True, False):
        mine, other = (
            learner.act(observations, masks, greedy=greedy)["designer"] for learner in (whole, copy)
        )
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("learner_of", LEARNERS)
def test_the_same_seed_gives_the_same_designs(learner_of):
    def acted(seed):
        env = hidden([6, 1])
        learner = learner_of(env, np.random.SeedSequence(seed), **FAST[learner_of])
        found = []
        train(
            env, learner, 320, seed=1, horizon=1, told=lambda _, r: found.append(r.actions["designer"].copy())
        )
        return np.concatenate(found)

    np.testing.assert_array_equal(*(acted(1) for _ in range(2)))
    assert (acted(1) != acted(2)).any()


@pytest.mark.parametrize("learner_of", LEARNERS)
def test_episodes_of_several_steps_are_learnt_from_too(learner_of):
    env = hidden([6, 1])
    learner = learner_of(env, np.random.SeedSequence(1), **FAST[learner_of])
    rollout = Runner(env, 1).collect(learner, 4)
    rollout.terminated[:-1] = False

    learner.learn(rollout)

    assert np.isfinite(learner.diagnostics()["value_error"])


def test_what_is_too_old_is_not_replayed():
    env = hidden([6, 1])
    learner = GaussianSac(env, np.random.SeedSequence(1), replay=40, warmup=1)
    runner = Runner(env, 1)
    rollouts = [runner.collect(learner, 1) for _ in range(2)]
    for rollout in rollouts:
        learner.learn(rollout)

    kept = learner.state()["replay"]["numbers"]
    acted = np.concatenate([rollout.actions["designer"][0] for rollout in rollouts])
    np.testing.assert_array_equal(kept, acted[None, -40:])


def test_sac_explores_evenly_before_it_learns():
    env = hidden([6, 1], n=4000)
    learner = GaussianSac(env, np.random.SeedSequence(1))
    observations, _ = env.reset(seed=1)

    acted = learner.act(observations, {})["designer"]

    counts = np.histogram(acted, bins=8, range=(-1, 1))[0] / acted.size
    np.testing.assert_allclose(counts, 1 / 8, atol=0.02)  # five standard errors of 8,000 draws


def test_densities_are_those_of_torch():
    generator = torch.Generator().manual_seed(1)
    numbers, mean, log_spread = (torch.randn(5, 3, generator=generator) for _ in range(3))
    normal = torch.distributions.Normal(mean, log_spread.exp())
    squashed = torch.distributions.TransformedDistribution(normal, torch.distributions.TanhTransform())

    torch.testing.assert_close(
        gaussian_log_density(numbers, mean, log_spread), normal.log_prob(numbers).sum(-1)
    )
    torch.testing.assert_close(gaussian_entropy(log_spread), normal.entropy().sum(-1))
    torch.testing.assert_close(
        squashed_log_density(numbers, mean, log_spread),
        squashed.log_prob(torch.tanh(numbers)).sum(-1),
        rtol=1e-3,  # torch inverts tanh in float32
        atol=1e-3,
    )


@pytest.mark.parametrize("learner_of", LEARNERS)
@pytest.mark.parametrize(
    ("env", "message"),
    [
        (lambda: vector("design", 2, reward="linear"), "binning='even'"),
        (uneven, "granularity='all'"),
    ],
)
def test_an_environment_that_does_not_suit_is_refused(learner_of, env, message):
    with pytest.raises(ConfigError, match=message):
        learner_of(env(), np.random.SeedSequence(1))


@pytest.mark.parametrize("learner_of", LEARNERS)
def test_rewards_that_are_vectors_are_refused(learner_of):
    env = ContinuousEnv(vector("design", 2, granularity="all").core, name="vectors")

    with pytest.raises(ConfigError, match="2 components"):
        learner_of(env, np.random.SeedSequence(1))


@pytest.mark.parametrize("learner_of", LEARNERS)
def test_an_unknown_option_is_named(learner_of):
    with pytest.raises(ConfigError, match=r"discuont.*discount"):
        learner_of(hidden([0, 0]), np.random.SeedSequence(1), discuont=0.5)
