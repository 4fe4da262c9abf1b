"""The ladder: how many designs go on, what they can cost, who is best, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import traces
from dse.campaign import Campaign
from dse.campaign.config import BudgetConfig, FidelityConfig
from dse.campaign.fidelity import best_first, factors, make_ladder
from dse.campaign.scoring import Scores
from dse.errors import ConfigError, LookupFailed
from traces.workload import Workload


@pytest.fixture
def workload():
    return Workload.of(traces.load("synthetic:stream?n=2000&seed=1"))


@pytest.fixture
def ladder(workload):
    return make_ladder(FidelityConfig(rungs=[0.1, 0.25], sampling="head", keep=0.34), [workload])


@pytest.mark.parametrize(("n", "on"), [(1, 1), (2, 1), (3, 2), (16, 6), (50, 17), (100, 34)])
def test_a_share_of_the_designs_goes_on_and_at_least_one(ladder, n, on):
    assert ladder.going_on(n) == on


def test_the_cost_counts_what_is_run_on_every_step(ladder):
    assert ladder.steps(16) == [(16, 0.1), (6, 0.25), (3, 1.0)]
    assert ladder.cost(16) == pytest.approx(16 * 0.1 + 6 * 0.25 + 3)


@pytest.mark.parametrize("left", [0.5, 1.3, 1.35, 2.0, 4.7, 6.0, 1000.0])
def test_as_many_designs_are_asked_for_as_the_budget_pays_for(ladder, left):
    n = ladder.affordable(left, 16)

    assert n == 0 or ladder.cost(n) <= left + 1e-6
    assert n == 16 or ladder.cost(n + 1) > left


def test_a_budget_pays_for_ten_times_the_designs_it_can_simulate(ladder):
    budget = BudgetConfig(unique=100, batch=16)

    assert ladder.proposal_limit(budget) == np.ceil(10 * 100 * 16 / ladder.cost(16))
    assert ladder.proposal_limit(budget.model_copy(update={"proposals": 50})) == 50


def test_the_pieces_are_the_share_of_the_workload(ladder, workload):
    assert [len(piece) for piece in ladder.workloads] == [200, 500]
    assert all(piece.traces == workload.traces for piece in ladder.workloads)


def test_representative_intervals_weigh_what_the_workload_has(workload):
    ladder = make_ladder(FidelityConfig(rungs=[0.25]), [workload])

    (rung,) = ladder.rungs
    requests = sum(len(piece) for piece in rung.workloads)
    weighed = sum(w * len(piece) for w, piece in zip(rung.weights[0], rung.workloads, strict=True))
    assert requests <= 1.1 * 0.25 * len(workload)
    assert weighed == pytest.approx(len(workload))


def test_a_factor_needs_two_numbers_of_one_sign():
    full = np.array([[2.0, 0.0, 3.0, -4.0, np.nan, 5.0, np.inf]])
    pieces = np.array([[1.0, 1.0, 0.0, -2.0, 1.0, -5.0, 1.0]])

    assert factors(full, pieces).tolist() == [[2.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0]]


def scores(costs, violations=None):
    costs = np.array(costs, dtype=float)
    missed = np.zeros((len(costs), 1)) if violations is None else np.array(violations, dtype=float)[:, None]
    return Scores(costs, missed, np.zeros(len(costs), dtype=bool))


def test_fronts_follow_one_another_and_failed_designs_are_left_out():
    order = best_first(scores([[3, 3], [1, 2], [np.nan, 0], [2, 1], [4, 4]]))

    assert order.tolist() == [1, 3, 0, 4]


def test_designs_that_meet_the_constraints_come_first_then_those_that_nearly_do():
    order = best_first(scores([[1, 1], [9, 9], [2, 2], [3, 3]], [0.5, 0.0, 0.1, -1.0]))

    assert order.tolist() == [3, 1, 2, 0]


def test_the_ends_of_a_front_come_before_its_crowded_middle():
    order = best_first(scores([[4, 4.9], [5, 5 - 1e-9], [0, 9], [9, 0], [3.9, 5]]))

    assert set(order[:2].tolist()) == {2, 3}


def test_equals_keep_the_order_of_asking():
    assert best_first(scores([[1, 2], [2, 1]])).tolist() == [0, 1]


def test_no_designs_have_no_order():
    assert best_first(scores(np.zeros((0, 2)))).tolist() == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[0.1, 0.25]", "[0.25, 0.1]", "each larger than the one before"),
        ("[0.1, 0.25]", "[0.25, 1.0]", "below 1"),
        ("rungs = [0.1, 0.25]", "", "rungs, a surrogate or both"),
        ("keep = 0.34", "oversample = 3", "a surrogate beside oversample"),
        ('"head"', '"tail"', "fidelity.sampling"),
        ("keep = 0.34", "kept = 0.34", "keep"),
        ("batch = 16", "batch = 8", "expected at least 9"),
        ("unique = 30", "unique = 1", "expected at least 2"),
        ("[0.1, 0.25]", "[0.01, 0.25]", "(2,000 requests) leaves 20 requests"),
    ],
)
def test_a_ladder_that_cannot_be_is_refused_with_file_and_key(halving_file, old, new, message):
    path = halving_file((old, new))

    with pytest.raises(ConfigError) as caught:
        Campaign.from_file(path)

    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_surrogate_that_does_not_exist_is_refused(halving_file):
    with pytest.raises(LookupFailed, match="no surrogate is called 'forrest'") as caught:
        Campaign.from_file(halving_file(("keep = 0.34", 'surrogate = "forrest"')))

    assert "fidelity.surrogate" in str(caught.value)
