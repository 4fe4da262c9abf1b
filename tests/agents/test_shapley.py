"""Exact Shapley values: the axioms on any worth, and a design of a campaign."""

from __future__ import annotations

import numpy as np
import pytest

from agents.analysis import shapley
from agents.analysis.shapley import MOST_PLAYERS, coalitions, shapley_values
from dse.campaign import Campaign
from dse.campaign.result import CampaignResult
from dse.errors import ConfigError, DseError, LookupFailed
from dse.parameter import Parameter
from dse.space import Constraint, DesignSpace
from tests.agents.known_function import SPACE, KnownSimulator, campaign


def worth(k, seed=0):
    return np.random.default_rng(seed).normal(size=(1 << k, 2))


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "store.sqlite"
    campaign(60).run(store=path)
    return path


def of_known(store, design="knee", **options):
    return shapley(store, 1, design, simulator=KnownSimulator(), **options)


@pytest.mark.parametrize("k", [1, 2, 5, 8])
def test_the_values_add_up_to_the_difference(k):
    game = worth(k)

    assert shapley_values(game).sum(axis=0) == pytest.approx(game[-1] - game[0], abs=1e-12)


def test_players_who_add_the_same_get_the_same():
    game = worth(3)
    number = np.arange(8)
    swapped = (number & 1) | ((number & 2) << 1) | ((number & 4) >> 1)
    game = game + game[swapped]

    values = shapley_values(game)

    assert values[1] == pytest.approx(values[2], abs=1e-12)


def test_a_player_who_adds_nothing_gets_nothing():
    game = worth(4)
    game = game[np.arange(16) & ~4]

    assert shapley_values(game)[2].tolist() == [0.0, 0.0]


def test_a_pair_shares_what_only_both_reach():
    game = np.array([[0.0], [1.0], [2.0], [7.0]])

    assert shapley_values(game)[:, 0].tolist() == [3.0, 4.0]


def test_a_coalition_has_its_members_columns():
    before, after = np.array([0, 0, 0], dtype=np.int16), np.array([1, 2, 3], dtype=np.int16)

    rows = coalitions(before, after, [(0, 1), (2,)])

    assert rows.tolist() == [[0, 0, 0], [1, 2, 0], [0, 0, 3], [1, 2, 3]]


def test_a_design_of_a_campaign_is_split_over_its_subsystems(store):
    point = SPACE.point(shape="b", level=4, mode="z", spare=1)

    found = of_known(store, point)

    # shape: 3; level: 4, and with mode z: 0.5 * 2 * (level - 2), half of whose interaction is each one's.
    values = {share.subsystem: share.values[0] for share in found.shares}
    assert values == pytest.approx({"left": 9.0, "right": 0.0, "other": 0.0}, abs=1e-12)
    assert found.after[0] - found.before[0] == pytest.approx(sum(values.values()), abs=1e-12)
    assert found.coalitions == 8


def test_the_knee_is_split_when_no_design_is_named(store):
    found = of_known(store)

    assert found.design.startswith("knee, trial ")
    assert sum(share.values[0] for share in found.shares) == pytest.approx(
        found.after[0] - found.before[0], abs=1e-12
    )


def test_simulations_are_announced_and_found_in_the_store_next_time(store):
    point = SPACE.point(shape="b", level=4, mode="z", idle=3, spare=1)
    told = []

    first = of_known(store, point, announce=told.append)
    second = of_known(store, point, announce=told.append)

    assert told == [first.simulated, 0]
    assert first.simulated > 0
    assert second.simulated == 0
    assert first.shares == second.shares


def test_the_baseline_itself_has_nothing_to_split(store):
    with pytest.raises(ConfigError, match="is the baseline itself"):
        of_known(store, SPACE.default())


@pytest.mark.parametrize("design", [1, "trial 1", "1"])
def test_a_trial_is_named_by_its_number(store, design):
    with pytest.raises(ConfigError, match="trial 1 is the baseline itself"):
        of_known(store, design)


def test_a_design_is_named_by_its_id(store):
    point = CampaignResult.load(store, 1).front.knee.point

    found = of_known(store, point.id)

    assert found.design == f"design {point.id}"
    assert found.shares == of_known(store).shares


@pytest.mark.parametrize("design", ["nee", "0123456789abcdef", 10**6])
def test_a_design_that_is_not_there_is_refused(store, design):
    with pytest.raises(LookupFailed, match="'known' has no"):
        of_known(store, design)


def test_a_mixture_that_the_space_forbids_is_refused(tmp_path):
    class Guarded(KnownSimulator):
        space = DesignSpace("guarded", SPACE.parameters, [Constraint("no", {"shape": ["b"], "mode": ["x"]})])

    Campaign(campaign().config, simulator=Guarded()).run(store=tmp_path / "s.sqlite")

    with pytest.raises(DseError, match=r"1 of 4 mixtures .*\(left changed\) violates a constraint"):
        shapley(tmp_path / "s.sqlite", 1, Guarded.space.point(shape="b", mode="y"), simulator=Guarded())


def test_too_many_subsystems_are_refused(tmp_path):
    class Wide(KnownSimulator):
        space = DesignSpace(
            "wide",
            [*SPACE.parameters, *[Parameter.integer(f"k{i}", 0, 1, 0, f"s{i}") for i in range(MOST_PLAYERS)]],
        )

    Campaign(campaign().config, simulator=Wide()).run(store=tmp_path / "s.sqlite")
    point = Wide.space.point(level=1, **{f"k{i}": 1 for i in range(MOST_PLAYERS)})

    with pytest.raises(ConfigError, match=r"in 13 subsystems, which takes 2\^13"):
        shapley(tmp_path / "s.sqlite", 1, point, simulator=Wide())
