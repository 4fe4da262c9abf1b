from __future__ import annotations

import pytest

from dse.errors import ConfigError
from dse.registry import names
from dse.testing.toys import make_toy


@pytest.mark.parametrize("name", names("searcher"))
def test_an_unknown_option_is_refused(name, build):
    with pytest.raises(ConfigError, match="unknown option 'no_such_option'"):
        build(name, make_toy(0).problem, no_such_option=1)


def test_the_nearest_option_is_suggested(build):
    with pytest.raises(ConfigError, match="learning_rate"):
        build("ippo", make_toy(0).problem, learning_rat=0.1)


@pytest.mark.parametrize(
    ("name", "option", "value", "said"),
    [
        ("local", "chains", 0, "at least 1"),
        ("nsga2", "crossover", 1.5, "at most 1"),
        ("ippo", "epochs", "many", "should be int"),
        ("grid", "order", "sprea", "'spread'"),
    ],
)
def test_a_value_out_of_bounds_is_refused(name, option, value, said, build):
    with pytest.raises(ConfigError, match=said):
        build(name, make_toy(0).problem, **{option: value})
