"""PCN finds a whole front because it is told what is wanted; what it learns from lies near the front."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learning.pcn import crowding, distances
from dse.objective import Objective
from dse.parameter import Parameter
from dse.search import Proposal, Results, SearchProblem
from dse.space import DesignSpace

N = 24


class Ends:
    """Costs: the shares of parameters that are not 0, and that are not 1. The front: zeros and ones.

    Parameters one by one, the best guess for "any design of the front" is a coin: what lies at the front's
    ends (all zeros, all ones) is found only by who is asked for it.
    """

    def __init__(self):
        self.space = DesignSpace(
            "ends", [Parameter(f"p{d}", (0, 1, 2, 3), 2, f"part{d % 4}", "choice") for d in range(N)]
        )
        objectives = (Objective("not_0", "min"), Objective("not_1", "min"))
        self.problem = SearchProblem(self.space, objectives, 0, np.ones(2), np.zeros(2))

    def costs(self, rows):
        return np.stack([(rows != 0).mean(axis=1), (rows != 1).mean(axis=1)], axis=1)

    def results(self, rows):
        return Results(self.costs(rows), np.zeros((len(rows), 0)), np.zeros(len(rows), dtype=bool))

    def found(self, searcher, n):
        """(n, 2) costs of what it asks for."""
        costs = []
        for _ in range(n // 32):
            rows = searcher.ask(32).indices
            searcher.tell(Proposal(rows), self.results(rows))
            costs.append(self.costs(rows))
        return np.concatenate(costs)


@pytest.mark.parametrize("seed", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_told_what_is_wanted_pcn_comes_twice_as_near_to_the_ends_of_the_front(seed, build):
    game = Ends()

    told = game.found(build("pcn", game.problem, seed), 512)
    blind = game.found(build("pcn", game.problem, seed, condition=False), 512)

    assert told.min(axis=0).sum() < 0.5 * blind.min(axis=0).sum()


def test_what_is_asked_for_is_what_is_proposed(build):
    game = Ends()
    searcher = build("pcn", game.problem)
    known = game.space.sample(256, np.random.default_rng(0))
    searcher.hear(known, game.results(known))

    proposal = searcher.ask(64)

    asked, got = proposal.context[:, 0], game.costs(proposal.indices)[:, 0]
    assert np.corrcoef(asked, got)[0, 1] < -0.3


def test_distance_to_the_front_counts_twice_where_designs_are_crowded():
    front, crowd = [[0.0, 1.0], [1.0, 0.0]], [[0.5, 1.0], [0.5, 1.01], [0.5, 1.02]]

    found = distances(np.array([*front, *crowd, [2.0, 2.0]]))

    assert found[:2].tolist() == [0.0, 0.0]
    assert found[3] == pytest.approx(2.0 * np.hypot(0.5, 0.01), abs=1e-4)
    assert found[5] == pytest.approx(np.hypot(1.0, 2.0), abs=1e-4)


def test_a_point_of_the_front_that_comes_again_is_worth_less():
    found = distances(np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]))

    assert found[0] == 0.0
    assert found[2] > 0.0


def test_the_crowding_distance_is_the_gap_between_neighbours_as_a_share_of_the_range():
    costs = np.array([[0.0, 1.0], [0.5, 0.2], [1.0, 0.0]])

    assert crowding(costs).tolist() == [np.inf, pytest.approx(2.0), np.inf]


def test_without_a_measured_design_nothing_is_learned(build):
    game = Ends()
    searcher = build("pcn", game.problem)
    rows = searcher.ask(32).indices
    nothing = Results(np.full((32, 2), np.nan), np.zeros((32, 0)), np.zeros(32, dtype=bool))

    searcher.tell(Proposal(rows), nothing)

    assert searcher.diagnostics()["updates"] == 0
    assert len(searcher.ask(32)) == 32
