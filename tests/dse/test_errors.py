from __future__ import annotations

import pytest

from dse.errors import ConfigError, InfeasibleError, StoreError, TraceError, exit_code, nearest


@pytest.mark.parametrize(
    ("word", "closest"), [("page-policy", "page_policy"), ("PagePolcy", "page_policy"), ("xyz", None)]
)
def test_the_nearest_name_ignores_case_and_dashes(word, closest):
    assert nearest(word, ["page_policy", "scheduler"]) == closest


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 3),
        (TraceError("x"), 3),
        (InfeasibleError("x"), 4),
        (StoreError("x"), 5),
        (KeyboardInterrupt(), 130),
        (RuntimeError("x"), 1),
    ],
)
def test_every_error_has_its_exit_code(error, code):
    assert exit_code(error) == code


def test_an_input_error_says_where():
    assert str(ConfigError("bad", path="a.toml", line=3, key="b.c")) == "a.toml:3: b.c: bad"
