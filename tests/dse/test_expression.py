from __future__ import annotations

import itertools

import numpy as np
import pytest

from dse.errors import SpaceError
from dse.expression import Expression
from dse.rules import Constraint
from dse.space import DesignSpace
from tests.dse.fake import fake_space

SPACE = fake_space()
ROWS = np.array(list(itertools.product(*map(range, SPACE.n_values))), dtype=np.int16)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("buffers >= 8 * depth", lambda d: d["buffers"] >= 8 * d["depth"]),
        ("1 < depth <= 4", lambda d: 1 < d["depth"] <= 4),
        ("mode == 'fast' or depth < 3", lambda d: d["mode"] == "fast" or d["depth"] < 3),
        ("not (mode in ['slow', 'fast'])", lambda d: d["mode"] not in ("slow", "fast")),
        ("colour not in ['red']", lambda d: d["colour"] != "red"),
        ("buffers % depth == 0 and -depth < -2", lambda d: d["buffers"] % d["depth"] == 0 and d["depth"] > 2),
        ("buffers // depth - 1 > 3.5", lambda d: d["buffers"] // d["depth"] - 1 > 3.5),
        ("depth in [1, 6]", lambda d: d["depth"] in (1, 6)),
    ],
)
def test_a_condition_means_what_python_would_mean(text, same):
    holds = Expression(text, SPACE.parameters).holds(ROWS)

    columns = SPACE.decode(ROWS)
    designs = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    assert holds.tolist() == [bool(same(design)) for design in designs]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dept > 2", "Did you mean 'depth'"),
        ("mode == 'fats'", "Did you mean 'fast'"),
        ("mode > 3", "mode is a text, expected a number"),
        ("mode == 3", "3 is a number, expected a text"),
        ("depth + 1", "is a number, not a condition"),
        ("depth >", "is no condition over parameters"),
        ("1 < 2", "names no parameter"),
        ("__import__('os').system('true') == 0", "is no condition over parameters"),
        ("depth.real > 1", "is no condition over parameters"),
        ("[d for d in depth] == 1", "is no condition over parameters"),
        ("depth ** 99 > 1", "is no condition over parameters"),
        ("(" * 300 + "depth" + ")" * 300, "characters: at most"),
        ("depth is 3", "is no condition over parameters"),
    ],
)
def test_anything_else_is_refused_with_its_reason(text, said):
    with pytest.raises(SpaceError) as caught:
        Expression(text, SPACE.parameters)

    assert said in str(caught.value)


def test_a_required_condition_makes_the_other_designs_infeasible():
    space = SPACE.with_constraints([Constraint("balance", requires="buffers >= 8 * depth")])

    columns = space.decode(ROWS)
    broken = space.violations(ROWS)[:, -1] > 0
    assert np.array_equal(broken, columns["buffers"] < 8 * columns["depth"])


def test_designs_are_counted_exactly_under_a_condition():
    space = SPACE.with_constraints([Constraint("balance", requires="buffers >= 8 * depth")])

    distinct = np.unique(space.canonical(ROWS), axis=0)
    assert space.feasible_size == int((space.violations(distinct) <= 0).all(axis=1).sum())


def test_a_condition_survives_storing_and_restricting():
    space = SPACE.with_constraints([Constraint("balance", requires="mode == 'fast' or buffers > depth")])

    narrow = space.restrict({"mode": "slow"})
    assert DesignSpace.from_dict(space.to_dict()) == space
    assert (narrow.decode(narrow.sample(50, np.random.default_rng(1), feasible=True))["buffers"] > 1).all()


def test_the_hash_of_a_space_without_conditions_is_what_it_was():
    assert SPACE.with_constraints([]) is SPACE
    assert SPACE.hash == "7875a530c00bb6196f214255f4f71a7d"


def test_a_constraint_is_either_a_list_or_a_condition():
    with pytest.raises(SpaceError, match="either `forbids` or `requires`"):
        Constraint("both", {"mode": ["slow"]}, requires="depth > 1")
