"""The Gaussian process: no more designs than it can bear, and the same bits on any number of cores."""

from __future__ import annotations

import logging

import numpy as np
from threadpoolctl import threadpool_limits


def test_of_more_designs_than_it_takes_the_latest_count(build, smooth, caplog):
    few, many = build("gp", 4, 2), build("gp", 4, 2, most=50)
    few.fit(smooth.x[-50:], smooth.y[-50:])

    with caplog.at_level(logging.INFO, "dse"):
        many.fit(smooth.x, smooth.y)

    assert np.array_equal(few.predict(smooth.others), many.predict(smooth.others))
    assert "gp: 200 designs given, learning from the last 50" in caplog.text


def test_the_number_of_cores_changes_no_bit(build, smooth):
    predicted = []
    for threads in (1, 4):
        with threadpool_limits(threads):
            model = build("gp", 4, 2)
            model.fit(smooth.x, smooth.y)
            predicted.append(np.array(model.predict(smooth.others)))

    assert np.array_equal(*predicted)


def test_a_smooth_function_is_followed_closely(fitted, smooth):
    mean, _ = fitted("gp", smooth).predict(smooth.others)
    missed = ((mean[:, 0] - smooth.truth[:, 0]) ** 2).sum()

    assert missed < 0.02 * ((smooth.truth[:, 0] - smooth.truth[:, 0].mean()) ** 2).sum()


def test_many_questions_are_answered_in_parts(fitted, smooth):
    asked = np.tile(smooth.others, (11, 1))

    mean, deviation = fitted("gp", smooth).predict(asked)

    # 2,200 rows: more than are asked at once; each block of 200 repeats the first but for rounding.
    np.testing.assert_allclose(mean.reshape(11, 200, 2) - mean[:200], 0.0, atol=1e-9)
    np.testing.assert_allclose(deviation.reshape(11, 200, 2) - deviation[:200], 0.0, atol=1e-6)
