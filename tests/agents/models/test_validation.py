"""Cross-validation of surrogates on campaigns of a function that is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents.models.validation import LEAST_DESIGNS, cross_validate
from dse.campaign.result import CampaignResult
from dse.errors import ConfigError, DseError, LookupFailed
from dse.surrogate_accuracy import SurrogateAccuracy
from tests.agents.known_function import campaign


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> CampaignResult:
    """A campaign of 60 designs of a simple function (`cost`), an erratic one and a constant one."""
    result: CampaignResult = campaign(60).run(store=tmp_path_factory.mktemp("known") / "campaigns.sqlite")
    return result


def altered(result: CampaignResult, **columns: Any) -> CampaignResult:
    return CampaignResult(result.record, replace(result.trials, **columns))


def one(result, metric="cost", model="gp"):
    return cross_validate(result, [metric], [model]).metrics[0]


@pytest.fixture(scope="module")
def found(known) -> SurrogateAccuracy:
    """Every model on every metric of that campaign."""
    return cross_validate(known, ["cost", "dice", "flat"])


def picked(found, metric, model):
    return next(one for one in found.of(model) if one.metric == metric)


@pytest.mark.parametrize("model", ["forest", "gp"])
def test_a_simple_function_is_predicted_and_an_erratic_one_is_not(found, model):
    simple, erratic = picked(found, "cost", model), picked(found, "dice", model)

    assert simple.kendall_tau > 0.75
    assert simple.r2 > 0.85
    assert simple.error_median < 0.05
    assert simple.within > 0.8
    assert simple.best_kept > 0.9
    assert abs(erratic.kendall_tau) < 0.25
    assert erratic.r2 < 0.3


def test_by_default_every_model_predicts_every_objective(known):
    accuracy = cross_validate(known, designs=25)

    assert accuracy.models == ("forest", "gp")
    assert [found.metric for found in accuracy.metrics] == ["cost", "cost"]


def test_each_distinct_design_is_predicted_once(known, found):
    _, first = np.unique(known.record.space.keys(known.trials.indices), return_index=True)
    expected = known.trials.metrics[np.sort(first), known.record.schema.index("cost")]

    cost = picked(found, "cost", "gp")

    assert cost.simulated == tuple(expected)
    assert len(cost.predicted) == len(cost.deviation) == len(expected)


def test_no_design_is_predicted_by_a_model_that_saw_it(found):
    # A forest that had learnt a design of this metric, which is as erratic as a hash, would come close to it.
    dice = picked(found, "dice", "forest")

    assert np.corrcoef(dice.simulated, dice.predicted)[0, 1] < 0.5


def test_the_same_seed_gives_the_same_numbers(known):
    first, again = (cross_validate(known, models=["forest"], designs=40, seed=3) for _ in range(2))

    assert first == again


def test_estimates_take_no_part(known):
    fidelity = np.ones(len(known.trials))
    fidelity[: len(fidelity) // 2] = 0.25
    kept = known.trials.taken(fidelity == 1)

    accuracy = cross_validate(altered(known, fidelity=fidelity), models=["gp"])

    assert accuracy.designs == len(np.unique(known.record.space.keys(kept.indices)))


def test_failed_designs_are_counted_and_left_out(known, found):
    metrics = known.trials.metrics.copy()
    _, first = np.unique(known.record.space.keys(known.trials.indices), return_index=True)
    metrics[first[:5]] = np.nan

    accuracy = cross_validate(altered(known, metrics=metrics), models=["gp"])

    assert (accuracy.failed, accuracy.measured) == (5, found.measured - 5)
    assert np.isfinite(accuracy.metrics[0].r2)


def test_of_too_many_designs_some_are_drawn(known):
    accuracy = cross_validate(known, models=["gp"], designs=50)

    assert (accuracy.designs, accuracy.learnt) == (50, 40)
    assert accuracy.measured > 50


@pytest.mark.parametrize("model", ["forest", "gp"])
def test_a_metric_that_never_changes_has_no_order(found, model):
    flat = picked(found, "flat", model)

    assert np.isnan([flat.kendall_tau, flat.r2, flat.within, flat.best_kept]).all()
    assert flat.error_median == pytest.approx(0.0, abs=1e-12)


def test_a_wide_metric_is_judged_in_its_logarithm(known):
    metrics = known.trials.metrics.copy()
    metrics[:, 0] = np.exp(metrics[:, 0])

    wide, plain = one(altered(known, metrics=metrics)), one(known)

    assert wide.scale == "log"
    # The same function for the model, so the same numbers but for rounding.
    assert (wide.r2, wide.kendall_tau) == pytest.approx((plain.r2, plain.kendall_tau), abs=1e-3)


def test_the_best_of_a_metric_to_maximise_are_the_largest(known):
    record = replace(known.record, objectives=(replace(known.record.objectives[0], direction="max"),))
    metrics = known.trials.metrics.copy()
    metrics[:, 0] *= -1.0

    down = one(known)
    up = one(CampaignResult(record, replace(known.trials, metrics=metrics)))

    assert up.best_kept == pytest.approx(down.best_kept)


def test_designs_that_tie_for_the_best_are_all_the_best(known):
    metrics = known.trials.metrics.copy()
    metrics[:, 0] = np.maximum(metrics[:, 0], np.quantile(metrics[:, 0], 0.9))

    assert one(altered(known, metrics=metrics)).best_kept > 0.85


def test_too_few_designs_are_refused(known):
    few = CampaignResult(known.record, known.trials.taken(np.arange(LEAST_DESIGNS - 1)))

    with pytest.raises(
        DseError, match=r"has simulated \d+ distinct designs in full: models need at least 20"
    ):
        cross_validate(few)


def test_unknown_names_are_told_apart(known):
    with pytest.raises(LookupFailed, match=r"no surrogate is called 'forrest'\. Did you mean 'forest'"):
        cross_validate(known, models=["forrest"])
    with pytest.raises(ConfigError, match="unknown metric 'costs'"):
        cross_validate(known, ["costs"])


def test_a_frame_has_a_row_a_model_and_metric(found):
    frame = found.to_frame()

    assert list(frame["model"]) == ["forest"] * 3 + ["gp"] * 3
    assert list(frame["metric"]) == ["cost", "dice", "flat"] * 2
    assert list(frame["r2"].isna()) == [False, False, True] * 2
