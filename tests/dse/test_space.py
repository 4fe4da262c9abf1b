from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.errors import InfeasibleError, SpaceError
from dse.parameter import Parameter
from dse.space import Constraint, DeadRule, DesignSpace
from tests.dse.fake import fake_space


@st.composite
def spaces(draw: st.DrawFn) -> DesignSpace:
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    parameters = [
        Parameter(
            f"p{d}",
            tuple(range(n)),
            draw(st.integers(0, n - 1)),
            "s",
            draw(st.sampled_from(["choice", "integer"])),
        )
        for d, n in enumerate(sizes)
    ]

    def condition(columns):
        return {
            f"p{d}": draw(st.lists(st.integers(0, sizes[d] - 1), min_size=1, unique=True)) for d in columns
        }

    subsets = st.lists(st.integers(0, len(sizes) - 1), min_size=1, max_size=2, unique=True)
    constraints = [Constraint(f"c{i}", condition(draw(subsets))) for i in range(draw(st.integers(0, 2)))]
    dead = []
    for _ in range(draw(st.integers(0, 3))):
        target = draw(st.integers(0, len(sizes) - 1))
        columns = [d for d in draw(subsets) if d != target] or [(target + 1) % len(sizes)]
        dead.append(DeadRule(f"p{target}", condition(columns)))
    return DesignSpace("random", parameters, constraints, dead)


def everything(space: DesignSpace) -> np.ndarray:
    return np.array(list(itertools.product(*map(range, space.n_values))), dtype=np.int16)


@given(spaces())
@settings(max_examples=60, deadline=None)
def test_sizes_equal_those_of_full_enumeration(space):
    rows = space.canonical(everything(space))
    distinct = rows[np.unique(space.keys(rows), return_index=True)[1]]

    assert space.distinct_size == len(distinct)
    assert space.feasible_size == int((space.violations(distinct) <= 0).all(axis=1).sum())


@given(spaces())
@settings(max_examples=60, deadline=None)
def test_the_canonical_form_of_a_canonical_form_is_itself(space):
    rows = space.canonical(everything(space))

    assert np.array_equal(space.canonical(rows), rows)


@given(spaces(), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_neighbours_are_canonical_distinct_and_not_the_start(space, seed):
    start = space.sample(1, np.random.default_rng(seed))[0]

    near = space.neighbours(start)

    assert np.array_equal(space.canonical(near), near)
    assert len(np.unique(space.keys(near))) == len(near)
    assert not (near == start).all(axis=1).any()


@given(spaces(), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_decoded_designs_encode_to_the_same_row(space, seed):
    rows = space.sample(5, np.random.default_rng(seed))

    assert np.array_equal(space.rows(space.points(rows)), rows)


@given(spaces())
@settings(max_examples=40, deadline=None)
def test_a_space_survives_its_json_form(space):
    assert DesignSpace.from_dict(space.to_dict()) == space


def test_every_distinct_design_is_equally_likely():
    space = fake_space().restrict({"buffers": 1, "depth": 1})

    keys, counts = np.unique(space.keys(space.sample(7000, np.random.default_rng(0))), return_counts=True)

    assert len(keys) == space.distinct_size == 7
    assert counts.min() > 900  # 1000 expected, standard deviation 29


def test_feasible_samples_violate_nothing():
    space = fake_space()

    rows = space.sample(500, np.random.default_rng(0), feasible=True)

    assert (space.violations(rows) <= 0).all()


def test_sampling_a_space_without_feasible_design_says_so():
    space = fake_space().restrict({"mode": "unsafe"})

    with pytest.raises(InfeasibleError, match="'safe'"):
        space.sample(1, np.random.default_rng(0), feasible=True)


def test_designs_that_differ_in_a_dead_parameter_are_one_design():
    space = fake_space()

    assert space.point(mode="slow", colour="blue") == space.point(mode="slow")
    assert space.point(mode="fast", colour="blue") != space.point(mode="fast")


def test_an_unknown_parameter_names_the_nearest():
    with pytest.raises(SpaceError, match=r"unknown parameter 'bufers'\. Did you mean 'buffers'\?"):
        fake_space().point(bufers=4)


def test_an_unknown_override_names_the_nearest():
    with pytest.raises(SpaceError, match=r"Did you mean 'depth'\?"):
        fake_space().restrict({"dept": 4})


def test_an_empty_override_is_refused():
    with pytest.raises(SpaceError, match="empty"):
        fake_space().restrict({"depth": []})


def test_a_restricted_space_embeds_into_the_whole_one():
    whole = fake_space()
    part = whole.restrict({"mode": ["fast"], "depth": [5, 6]})
    rows = part.sample(20, np.random.default_rng(0))

    lifted = part.embed(rows, whole)

    assert part.points(rows) == whole.points(lifted)


def test_the_default_of_an_ordered_parameter_moves_to_the_nearest_value_left():
    space = fake_space().restrict({"depth": [4, 6]})

    assert space.default().depth == 4


def test_a_wide_space_has_byte_keys_that_tell_designs_apart():
    space = DesignSpace("wide", [Parameter.integer(f"p{i}", 0, 999, 0, "s") for i in range(10)])
    rows = space.sample(100, np.random.default_rng(0))

    keys = space.keys(rows).tolist()

    assert len(set(keys)) == 100
    assert all(isinstance(key, bytes) for key in keys)


def test_a_point_reads_by_name_and_by_attribute():
    point = fake_space().point(mode="fast", colour="green")

    assert point["colour"] == point.colour == "green"
    assert point.id == fake_space().point(colour="green", mode="fast").id


def test_a_rule_about_an_unknown_value_is_refused():
    with pytest.raises(SpaceError, match="nope"):
        DesignSpace("x", [Parameter.choice("a", ["b"], "b", "s")], [Constraint("c", {"a": ["nope"]})])


def test_subsystems_own_their_columns():
    queue, core = fake_space().subsystems

    assert (queue.name, queue.parameters, queue.indices) == ("queue", ("buffers", "depth"), (0, 3))
    assert core.parameters == ("mode", "colour")
