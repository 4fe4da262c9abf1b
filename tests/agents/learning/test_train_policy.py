"""Training over many workloads: what depends on the workload is learnt by who sees it, and by nobody else."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learning.ppo import Ppo
from agents.learning.train_policy import saved_policy, train_policy
from dse.env.descriptor import workload_descriptor
from dse.env.design import DesignCore
from dse.env.problem import DesignProblem
from dse.env.rollout import train
from dse.env.vector import VectorEnv
from dse.errors import ConfigError
from dse.metrics import MetricsBatch
from dse.objective import Objective
from dse.option_files import given
from dse.registry import resolve
from dse.search import SearchProblem
from tests.dse.fake import FakeSimulator
from traces import Workload, synthetic

KNOWS, BLIND = ("workload:*", "weight:*"), ("weight:*",)


class Matching(FakeSimulator):
    """The time doubles with each step of `depth` and `buffers` away from the end that suits the workload: the
    high one for reads, the low one for writes. Energy is the same for all designs."""

    def run_batch(self, points, workloads, threads=1):
        rows = self.space.rows(points).astype(np.float64)
        writing = np.array([bool(Workload.of(one).traces[0].is_write.mean() > 0.5) for one in workloads])
        distance = np.where(writing, (rows[:, [3]] + rows[:, [0]]), (5 - rows[:, [3]]) + (8 - rows[:, [0]]))
        values = np.ones((len(rows), len(workloads), len(self.schema)))
        values[:, :, 0] = 2.0**distance
        return MetricsBatch(self.schema, values, [], np.full(values.shape[:2], 0.001))


def workloads(n, seed):
    """Half of them mostly read."""
    random = np.random.default_rng(seed)
    shares = [random.uniform(0.0, 0.35) + 0.65 * (place % 2) for place in range(n)]
    return [
        Workload.of(synthetic.uniform_random(200, seed=seed + place, write_share=share))
        for place, share in enumerate(shares)
    ]


def trained(observe):
    problem = DesignProblem(Matching(), workloads(12, 1), ["time_ns", "energy_pj"])
    options = {"reward": "linear", "preferences": "drawn", "observe": list(observe)}
    env = VectorEnv(DesignCore(problem, 32, **options), name="matching")
    learner = Ppo(env, np.random.SeedSequence(1), critic="state", learning_rate=1e-2, hidden=32)
    train(env, learner, 32 * 14, seed=1, horizon=1)
    return saved_policy(env, learner)


def first_distances(policy):
    """How far the first designs of searches on workloads that were not learnt from are from their optima."""
    space, objectives = Matching().space, (Objective("time_ns", "min"), Objective("energy_pj", "min"))
    found = []
    for place, work in enumerate(workloads(6, 500)):
        context = workload_descriptor(work).astype(np.float64)
        problem = SearchProblem(space, objectives, 1, np.full(2, 1e4), np.zeros(2), context)
        with given({"p.npz": policy.to_bytes()}):
            searcher = resolve("searcher", "policy")(problem, np.random.SeedSequence(1), checkpoint="p.npz")
        design = space.from_indices(searcher.ask(1).indices[0])
        best = (6, 256) if place % 2 == 0 else (1, 1)
        found.append(abs(design["depth"] - best[0]) + abs(np.log2(design["buffers"] / best[1])))
    return np.array(found)


def test_who_sees_the_workload_finds_the_optimum_of_unseen_ones_at_once_and_who_does_not_cannot():
    knowing, blind = first_distances(trained(KNOWS)), first_distances(trained(BLIND))

    assert knowing.mean() <= 1.0
    assert blind.mean() >= 4.0  # what is right for one half is 13 steps off for the other


def test_the_same_seed_trains_the_same_policy_and_says_how():
    options = {"steps": 64, "n_envs": 32, "objectives": ["read_latency_mean_ns", "energy_per_bit_pj"]}
    traces = ["synthetic:stream?n=50", "synthetic:uniform_random?n=50"]

    one, two, blind = (
        train_policy("dram", traces, seed=2, blind=blind, space="dramgym", **options)
        for blind in (False, False, True)
    )

    assert one.digest == two.digest
    assert one.n_context == 9
    assert blind.n_context == 0
    assert one.trained["names"] == ["stream", "uniform_random"]
    assert one.trained["steps"] == 64
    assert 0 < one.trained["simulations"] <= 66


def test_what_training_decides_is_not_for_others_to_say():
    with pytest.raises(ConfigError, match="train_policy decides it"):
        train_policy("dram", ["synthetic:stream?n=50"], reward="chebyshev")


def test_a_policy_that_sees_more_than_a_searcher_can_show_is_not_saved():
    problem = DesignProblem(Matching(), workloads(2, 1), ["time_ns", "energy_pj"])
    env = VectorEnv(DesignCore(problem, 4, reward="linear"), name="matching")

    with pytest.raises(ConfigError, match="may not see 'improvement:time_ns'"):
        saved_policy(env, Ppo(env, np.random.SeedSequence(1)))
