"""Forests: their options do what they say."""

from __future__ import annotations

import numpy as np
import pytest

from dse.errors import ConfigError


def test_a_forest_never_predicts_beyond_what_it_saw(fitted, smooth):
    mean, _ = fitted("forest", smooth).predict(smooth.others)

    assert (mean <= smooth.y.max(axis=0) + 1e-9).all()
    assert (mean >= smooth.y.min(axis=0) - 1e-9).all()


def test_larger_leaves_make_it_smoother(build, smooth):
    fine, coarse = build("forest", 4, 1, trees=20), build("forest", 4, 1, trees=20, leaf=80)
    for model in (fine, coarse):
        model.fit(smooth.x, smooth.y[:, :1])

    assert coarse.predict(smooth.others)[0].std() < 0.9 * fine.predict(smooth.others)[0].std()


def test_another_seed_grows_other_trees(build, fitted, smooth):
    other = build("forest", 4, 2, seed=2)
    other.fit(smooth.x, smooth.y)

    assert not np.array_equal(other.predict(smooth.others), fitted("forest", smooth).predict(smooth.others))


def test_an_option_out_of_range_is_named():
    from dse.registry import resolve

    with pytest.raises(ConfigError, match="surrogate 'forest': option trees=3: expected at least 10"):
        resolve("surrogate", "forest")(4, 1, np.random.SeedSequence(0), trees=3)
