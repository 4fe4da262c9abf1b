"""A curve the size of a word."""

from __future__ import annotations

from urllib.parse import unquote

import numpy as np
import pytest

from dashboards.figures.sparkline import HEIGHT, MAX_POINTS, WIDTH, sparkline_image, sparkline_points


def test_a_rising_curve_rises_over_the_whole_picture():
    points = sparkline_points([0.0, 1.0, 4.0])

    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert points[0][1] > points[-1][1]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)


def test_a_long_curve_is_thinned():
    assert len(sparkline_points(np.arange(10_000))) == MAX_POINTS


@pytest.mark.parametrize("values", [[], [1.0], [np.nan, np.nan]])
def test_too_little_gives_no_picture(values):
    assert sparkline_image(values) is None


def test_the_picture_is_a_self_contained_svg():
    address = sparkline_image([1.0, 2.0])

    assert address.startswith("data:image/svg+xml,")
    assert "<script" not in unquote(address)
