"""A design beside the reference, as pixels."""

from __future__ import annotations

import numpy as np
import pytest

from dse.env.raster import BETTER, CELL, CHANGED, FREE, REFERENCE, SAME, WHITE, WORSE, design_pixels
from tests.dse.env.problems import design_of, environment


def _drawn(gains=(0.0,)):
    return design_pixels([3, 20], np.array([1, 4]), np.array([1, 6]), gains)


def _cell(pixels, line, column):
    return pixels[line * CELL, column * CELL].tolist()


def test_every_value_of_a_parameter_has_a_cell():
    pixels = _drawn()

    assert pixels.shape == (4 * CELL, 20 * CELL, 3)
    assert pixels.dtype == np.uint8
    assert [_cell(pixels, 0, column) for column in (0, 2, 3)] == [
        FREE.tolist(),
        FREE.tolist(),
        WHITE.tolist(),
    ]


def test_a_value_is_told_from_that_of_the_reference():
    pixels = _drawn()

    assert _cell(pixels, 0, 1) == SAME.tolist()
    assert _cell(pixels, 1, 4) == CHANGED.tolist()
    assert _cell(pixels, 1, 6) == REFERENCE.tolist()


@pytest.mark.parametrize(
    ("gain", "left", "right"),
    [(0.0, WHITE, WHITE), (0.5, WHITE, BETTER), (7.0, WHITE, BETTER), (-1.0, WORSE, WHITE)],
)
def test_bars_go_to_the_better_or_to_the_worse_side(gain, left, right):
    bar = _drawn([gain])[3 * CELL]

    assert bar[9 * CELL].tolist() == left.tolist()
    assert bar[11 * CELL].tolist() == right.tolist()


def test_a_bar_is_as_long_as_the_gain():
    bar = _drawn([0.25])[3 * CELL]

    assert (bar == BETTER).all(axis=-1).sum() == 20 * CELL / 8


def test_an_environment_draws_the_design_and_what_it_gained():
    env = environment(render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()

    env.step(design_of(env, buffers=4))

    after = env.render()
    changed = (after == CHANGED).all(axis=-1)
    assert not (before == CHANGED).all(axis=-1).any()
    assert changed[: len(env.problem.space) * CELL].any()
    assert len(after) == (len(env.problem.space) + 1 + env.n_objectives) * CELL
    assert not np.array_equal(before[-env.n_objectives * CELL :], after[-env.n_objectives * CELL :])
