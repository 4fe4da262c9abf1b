"""The design spaces have the sizes that are claimed for them, and know which designs lose data."""

from __future__ import annotations

import pytest

from dse.errors import LookupFailed
from simulators.dram.space import space, space_names


@pytest.mark.parametrize("name", ["dramgym", "dramgym-published"])
def test_dramgym_has_the_published_size_and_the_measured_distinct_size(name):
    chosen = space(name)

    assert chosen.raw_size == 442_368
    assert chosen.distinct_size == 166_464


def test_only_the_published_space_lets_a_design_never_refresh():
    verdicts = {
        name: float(
            space(name).violations(space(name).encode({"refresh_policy": "NoRefresh"})[None]).max(initial=0)
        )
        for name in space_names()
    }

    assert verdicts == {"dram": 1.0, "dramgym": 1.0, "dramgym-published": 0.0}


def test_a_simple_arbiter_makes_its_limit_of_transactions_dead():
    chosen = space("dramgym")

    few = chosen.encode({"arbiter": "Simple", "max_active_transactions": 1})
    many = chosen.encode({"arbiter": "Simple", "max_active_transactions": 64})

    assert (few == many).all()


def test_the_default_design_is_feasible_everywhere():
    for name in space_names():
        chosen = space(name)
        assert (chosen.violations(chosen.encode(chosen.default())[None]) <= 0).all()


def test_an_unknown_space_names_the_nearest():
    with pytest.raises(LookupFailed, match="dramgym"):
        space("dramgim")
