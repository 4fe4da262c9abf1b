"""What every registered surrogate owes the campaigns that ask it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from dse.errors import ConfigError
from dse.registry import names, resolve
from dse.surrogate import LEAST_ROWS, Surrogate, SurrogateError, TooFewDesigns

SURROGATES = names("surrogate")
pytestmark = pytest.mark.parametrize("name", SURROGATES)


def test_it_is_a_surrogate(name, build):
    assert isinstance(build(name, 3), Surrogate)


@pytest.mark.parametrize("asked", [0, 1, 7])
def test_predictions_have_a_row_a_design_and_a_column_a_metric(name, asked, fitted, smooth):
    mean, deviation = fitted(name, smooth).predict(smooth.others[:asked])

    assert mean.shape == deviation.shape == (asked, 2)
    assert mean.dtype == deviation.dtype == np.float64
    assert np.isfinite(mean).all()
    assert (deviation >= 0).all()


def test_the_same_seed_and_designs_predict_the_same_bit_for_bit(name, build, fitted, smooth):
    again = build(name, 4, 2)
    again.fit(smooth.others, smooth.truth)
    np.random.seed(3)  # noqa: NPY002
    again.fit(smooth.x, smooth.y)

    assert np.array_equal(fitted(name, smooth).predict(smooth.others), again.predict(smooth.others))


def test_a_design_is_predicted_the_same_whatever_is_asked_beside_it(name, fitted, smooth):
    model = fitted(name, smooth)

    together = np.array(model.predict(smooth.others))
    alone = np.concatenate([model.predict(row[None, :]) for row in smooth.others[:5]], axis=1)

    # A product of matrices adds up in another order for one row than for many.
    np.testing.assert_allclose(together[:, :5], alone, rtol=1e-9, atol=1e-9)


def test_building_a_model_leaves_the_seed_as_it_was(name, build, smooth):
    seed = np.random.SeedSequence(4)
    models = [resolve("surrogate", name)(4, 2, seed) for _ in range(2)]
    for model in models:
        model.fit(smooth.x[:50], smooth.y[:50])

    one, other = (model.predict(smooth.others) for model in models)
    assert np.array_equal(one, other)


@pytest.mark.parametrize("designs", ["smooth", "real"])
def test_it_predicts_better_than_the_mean(name, designs, fitted, request):
    designs = request.getfixturevalue(designs)

    mean, _ = fitted(name, designs).predict(designs.others)
    missed = ((mean - designs.truth) ** 2).sum(axis=0)
    spread = ((designs.y.mean(axis=0) - designs.truth) ** 2).sum(axis=0)
    ranked = [kendalltau(mean[:, m], designs.truth[:, m])[0] for m in range(2)]

    assert (missed < 0.5 * spread).all()
    assert min(ranked) > 0.6


@pytest.mark.parametrize("designs", ["smooth", "real"])
def test_it_errs_where_it_says_that_it_may(name, designs, fitted, request):
    designs = request.getfixturevalue(designs)

    mean, deviation = fitted(name, designs).predict(designs.others)
    errors = np.abs(mean - designs.truth)
    within = (errors <= 2 * deviation).mean(axis=0)

    assert (within > 0.8).all()
    # Over both metrics: where errors are alike everywhere, as on the first smooth one, there is no order.
    assert np.mean([spearmanr(deviation[:, m], errors[:, m])[0] for m in range(2)]) > 0.3


def test_it_is_less_sure_with_fewer_designs(name, build, fitted, smooth):
    many, few = fitted(name, smooth), build(name, 4, 2)
    few.fit(smooth.x[:20], smooth.y[:20])

    # Of the first metric, whose unit is the same for both.
    assert many.predict(smooth.others)[1][:, 0].mean() < few.predict(smooth.others)[1][:, 0].mean()


def test_a_metric_that_spans_orders_of_magnitude_stays_positive(name, fitted, smooth):
    mean, _ = fitted(name, smooth).predict(smooth.others)

    assert (mean[:, 1] > 0).all()


def test_failed_designs_are_left_out(name, build, fitted, smooth):
    x = np.concatenate([smooth.x, smooth.others[:3]])
    y = np.concatenate([smooth.y, [[np.nan, 1.0], [np.inf, 2.0], [1.0, np.nan]]])
    model = build(name, 4, 2)
    model.fit(x, y)

    expected = fitted(name, smooth).predict(smooth.others)
    assert np.array_equal(model.predict(smooth.others), expected)


def test_too_few_designs_are_refused_and_leave_the_model_as_it_was(name, build, smooth):
    model = build(name, 4, 2)
    model.fit(smooth.x[:20], smooth.y[:20])
    before = model.predict(smooth.others)
    y = smooth.y[: LEAST_ROWS + 1].copy()
    y[:2] = np.nan

    with pytest.raises(TooFewDesigns, match="9 of 11 designs have metrics: a model needs at least 10"):
        model.fit(smooth.x[: LEAST_ROWS + 1], y)

    assert np.array_equal(model.predict(smooth.others), before)


def test_the_fewest_designs_are_enough(name, build, smooth):
    model = build(name, 4, 2)
    model.fit(smooth.x[:LEAST_ROWS], smooth.y[:LEAST_ROWS])

    assert np.isfinite(model.predict(smooth.others)).all()


def test_a_metric_that_never_changes_is_predicted(name, build, smooth):
    model = build(name, 4, 1)
    model.fit(smooth.x, np.full((200, 1), 7.0))
    mean, deviation = model.predict(smooth.others)

    assert mean == pytest.approx(np.full((200, 1), 7.0))
    assert deviation.max() < 1e-6


def test_designs_that_no_column_tells_apart_are_predicted_by_their_mean(name, build):
    y = np.random.default_rng(0).normal(5.0, 0.1, (40, 1))
    model = build(name, 3)
    model.fit(np.zeros((40, 3)), y)
    mean, deviation = model.predict(np.zeros((2, 3)))

    assert mean == pytest.approx(np.full((2, 1), y.mean()), abs=0.05)
    assert np.isfinite(deviation).all()


def test_a_column_that_never_changes_does_no_harm(name, build, smooth):
    constant = np.zeros((200, 1))
    model = build(name, 5, 2)
    model.fit(np.hstack([smooth.x, constant]), smooth.y)
    mean, _ = model.predict(np.hstack([smooth.others, constant + 1.0]))

    assert kendalltau(mean[:, 0], smooth.truth[:, 0])[0] > 0.6


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (np.zeros((20, 3)), np.zeros((20, 2)), r"x has shape \(20, 3\): expected \(number of designs, 4\)"),
        (np.zeros((20, 4)), np.zeros((20, 3)), r"y has shape \(20, 3\): expected \(number of designs, 2\)"),
        (np.zeros((20, 4)), np.zeros(20), r"y has shape \(20,\)"),
        (np.zeros((20, 4)), np.zeros((19, 2)), "x has 20 rows and y has 19"),
        (np.full((20, 4), np.nan), np.zeros((20, 2)), "x has values that are not finite"),
    ],
)
def test_wrong_arrays_are_refused(name, x, y, said, build):
    with pytest.raises(SurrogateError, match=said):
        build(name, 4, 2).fit(x, y)


def test_a_wrong_question_is_refused(name, fitted, smooth):
    model = fitted(name, smooth)

    with pytest.raises(SurrogateError, match=r"x has shape \(4,\)"):
        model.predict(smooth.others[0])


def test_a_question_before_the_first_fit_is_refused(name, build):
    with pytest.raises(SurrogateError, match="asked before it was fitted"):
        build(name, 4, 2).predict(np.zeros((1, 4)))


def test_a_model_of_nothing_is_refused(name, build):
    with pytest.raises(SurrogateError, match="0 columns has nothing to learn"):
        build(name, 0)


def test_an_unknown_option_is_named(name, build):
    with pytest.raises(ConfigError, match=rf"surrogate {name!r}: unknown option 'depth'"):
        build(name, 4, 2, depth=3)
