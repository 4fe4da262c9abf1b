"""What an agent alone can know to be forbidden."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dse.env.masks import Masks
from dse.env.moves import Nudges, Positions, SetOrKeep
from dse.env.ownership import GRANULARITIES, owners
from dse.parameter import Parameter
from dse.space import Constraint, DeadRule, DesignSpace
from tests.dse.env.problems import design_of, environment, refining

SIZES = Parameter.integer("size", 1, 4, 1, "store")
KIND = Parameter.choice("kind", ["a", "b", "c"], "a", "core")
WIDTH = Parameter.integer("width", 1, 3, 1, "core")


def _space(constraints, dead=()) -> DesignSpace:
    return DesignSpace("masked", [SIZES, KIND, WIDTH], constraints, dead)


def _mask(space, agent, row, moves=Positions, granularity="subsystem"):
    masks = Masks(space, owners(space, granularity), moves(space))
    return masks.mask(agent, np.array(row, dtype=np.int16)).astype(int).tolist()


def test_nothing_is_masked_without_constraints():
    assert _mask(_space([]), "core", [0, 0, 0]) == [1] * 6


def test_a_value_that_is_always_forbidden_is_masked():
    space = _space([Constraint("no_b", {"kind": ["b"]})])

    assert _mask(space, "core", [0, 0, 0]) == [1, 0, 1, 1, 1, 1]


def test_a_value_is_masked_while_the_others_forbid_it():
    space = _space([Constraint("clash", {"kind": ["b"], "size": [4]})])

    assert _mask(space, "core", [3, 0, 0]) == [1, 0, 1, 1, 1, 1]
    assert _mask(space, "core", [2, 0, 0]) == [1, 1, 1, 1, 1, 1]
    assert _mask(space, "store", [0, 1, 0]) == [1, 1, 1, 0]


def test_a_value_that_the_agent_can_make_up_for_is_not_masked():
    space = _space([Constraint("clash", {"kind": ["b"], "width": [3]})])

    assert _mask(space, "core", [0, 1, 2]) == [1] * 6
    assert _mask(space, "kind", [0, 1, 2], granularity="parameter") == [1, 0, 1]


def test_conditions_are_masked_too():
    space = _space([Constraint("enough", requires="size >= width")])

    assert _mask(space, "core", [1, 0, 0]) == [1, 1, 1, 1, 1, 0]
    assert _mask(space, "store", [0, 0, 2]) == [0, 0, 1, 1]


def test_a_parameter_without_effect_forbids_nothing():
    clash = Constraint("clash", {"size": [4], "width": [3]})
    space = _space([clash], [DeadRule("width", {"kind": ["c"]})])

    assert _mask(space, "store", [0, 0, 2]) == [1, 1, 1, 0]
    assert _mask(space, "store", [0, 2, 2]) == [1, 1, 1, 1]
    assert _mask(space, "core", [3, 0, 0]) == [1, 1, 1, 1, 1, 1]  # kind c makes up for width 3


def test_an_agent_that_cannot_make_the_design_feasible_may_do_anything():
    space = _space([Constraint("no_size", {"size": [1, 2, 3, 4]})])

    assert _mask(space, "store", [0, 0, 0]) == [1, 1, 1, 1]


def test_to_keep_is_masked_like_the_value_that_it_keeps():
    space = _space([Constraint("no_b", {"kind": ["b"]})])

    assert _mask(space, "core", [0, 1, 0], SetOrKeep) == [1, 0, 1, 0, 1, 1, 1, 1]
    assert _mask(space, "core", [0, 0, 0], SetOrKeep) == [1, 0, 1, 1, 1, 1, 1, 1]


def test_a_nudge_is_masked_like_the_value_that_it_leads_to():
    space = _space([Constraint("no_b", {"kind": ["b"]})])

    assert _mask(space, "core", [0, 0, 0], Nudges) == [1, 1, 0, 1, 1, 1]


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("seed", range(4))
def test_no_design_that_an_agent_could_reach_alone_is_masked(granularity, seed):
    rng = np.random.default_rng(seed)
    space = _space(
        [
            Constraint("clash", {"size": [1, 4], "kind": ["b"], "width": [2, 3]}),
            Constraint("pair", {"kind": ["a", "c"], "size": [int(rng.integers(1, 5))]}),
            Constraint("enough", requires="size + width <= 6"),
        ],
        [DeadRule("width", {"kind": ["c"]})],
    )
    row = space.sample(1, rng)[0]
    masks = Masks(space, owners(space, granularity), Positions(space))

    for agent, part in owners(space, granularity).items():
        allowed = np.split(masks.mask(agent, row), np.cumsum(space.n_values[list(part.indices)])[:-1])
        for values in itertools.product(*(range(space.n_values[c]) for c in part.indices)):
            reached = row.copy()
            reached[list(part.indices)] = values
            if not space.violations(space.canonical(reached[None, :])).any():
                assert all(mask[value] for mask, value in zip(allowed, values, strict=True))


def test_design_masks_against_the_baseline_and_refine_against_the_present_design():
    design, refine = environment(), refining()
    for env in (design, refine):
        env.reset(seed=0)

    refine.step(design_of(refine, mode="unsafe"))

    assert design.action_mask("core").astype(int).tolist() == [1, 1, 0, 1, 1, 1]
    assert refine.action_mask("core").astype(int).tolist() == [1, 1, 0, 0, 1, 1, 1, 1]


def test_infos_hold_masks_that_the_action_space_samples_with():
    env = refining()
    _, infos = env.reset(seed=0)
    env.action_space("core").seed(0)

    drawn = {int(env.action_space("core").sample(infos["core"]["action_mask"])[0]) for _ in range(60)}

    assert drawn == {0, 1, 3}


def test_masks_cannot_be_changed_by_who_gets_them():
    env = environment()
    env.reset(seed=0)

    with pytest.raises(ValueError, match="read-only"):
        env.action_mask("core")[0] = False


def test_masks_in_infos_are_copies():
    env = refining()
    _, spoilt = env.reset(seed=0)
    expected = spoilt["core"]["action_mask"][0].tolist()

    for info in spoilt.values():
        for part in info["action_mask"]:
            part[:] = 0
    _, infos = env.reset(seed=0)

    assert expected == [1, 1, 0, 1]
    assert infos["core"]["action_mask"][0].tolist() == expected
    assert env.action_mask("core").tolist()[:4] == [True, True, False, True]


def test_there_is_no_mask_after_the_last_step():
    env = environment()
    env.reset(seed=0)

    *_, infos = env.step(design_of(env))

    assert "action_mask" not in infos["core"]
