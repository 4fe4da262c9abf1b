"""The problem is worth solving: the memory is busy, the front is long, and random search does not find it."""

from __future__ import annotations

import numpy as np
import pytest

import dse
import traces
from dse.campaign.scoring import Scorer, reference_and_ideal
from dse.front import hypervolume, non_dominated
from dse.objective import Objective

DEVICE = "ddr4-2400-8gb-x8"
SAMPLES = ("sort", "bfs", "join")
N_DESIGNS = 2000
BUDGET = 100
REFERENCE_SAMPLE = 50


@pytest.fixture(scope="module", params=SAMPLES)
def scores(request):
    """2,000 random designs on one sample, scored like a campaign scores them; shuffled once."""
    system = dse.make_simulator("dram", device=DEVICE)
    rows = system.space.sample(N_DESIGNS, np.random.default_rng(0), feasible=True)
    measured = system.run_batch(rows, [traces.sample(request.param)], threads=2).combined()
    objectives = (Objective("read_latency_p95_ns", "min"), Objective("energy_per_bit_pj", "min"))
    bound = Objective("served_load", "max", at_least=0.98)
    return Scorer(system.space, system.schema, objectives, (bound,)).score(rows, measured)


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_default_design_uses_the_bus_but_does_not_fill_it(sample):
    system = dse.make_simulator("dram", device=DEVICE)

    metrics = system.run(system.space.default(), traces.sample(sample))

    assert 0.3 <= metrics.bus_utilisation <= 0.8


@pytest.mark.slow
def test_latency_and_energy_conflict(scores):
    front = non_dominated(scores.costs[scores.feasible])

    assert front.sum() >= 5  # random designs find a part of it


@pytest.mark.slow
def test_random_search_leaves_something_to_find(scores):
    costs, feasible = scores.costs, scores.feasible
    reference, _ = reference_and_ideal([_part(scores, slice(0, REFERENCE_SAMPLE))])
    best_known = hypervolume(costs[feasible], reference)

    shares = [
        hypervolume(costs[part][feasible[part]], reference) / best_known
        for part in np.array_split(np.arange(N_DESIGNS), N_DESIGNS // BUDGET)
    ]

    assert np.median(shares) < 0.95


def _part(scores, rows):
    return type(scores)(scores.costs[rows], scores.violations[rows], scores.feasible[rows])
