"""Importance of parameters from a campaign's trials, checked against full enumeration."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest

from agents.analysis import sobol
from dse.campaign import Campaign
from dse.errors import ConfigError, DseError
from tests.agents.known_function import campaign, cost, exact_indices
from tests.dse.fake import FakeSimulator

N_VALUES = (4, 5, 3, 5, 2)
FAKE = {
    "name": "fake",
    "workloads": [{"trace": "synthetic:stream?n=1000&seed=1"}],
    "objectives": [{"metric": "time_ns"}, {"metric": "energy_pj"}],
    "agents": [{"name": "random"}],
    "budget": {"unique": 200, "batch": 50},
}


@pytest.fixture(scope="module")
def result():
    return campaign().run()


def totals(importance, metric=0):
    return {one.name: one.total.value for one in importance.metrics[metric].influences}


@pytest.mark.parametrize(
    ("name", "columns"),
    [("shape", (0,)), ("level", (1,)), ("mode", (2,)), ("idle", (3,)), ("left", (0, 1)), ("right", (2, 3))],
)
def test_the_indices_of_a_known_function_are_found(result, name, columns):
    one = next(i for i in sobol(result, resamples=0).metrics[0].influences if i.name == name)

    # The fit to 160 of 600 designs predicts the others almost exactly.
    exact = exact_indices(cost, N_VALUES, columns)
    assert (one.first.value, one.total.value) == pytest.approx(exact, abs=0.02)


def test_parameters_come_first_and_the_most_important_leads(result):
    found = sobol(result, resamples=0).metrics[0]

    assert [one.name for one in found.of("parameter")][:2] == ["level", "shape"]
    assert [one.kind for one in found.influences] == ["parameter"] * 5 + ["subsystem"] * 3
    assert found.r2 > 0.95


def test_the_same_trials_and_seed_give_the_same_numbers(result):
    assert sobol(result, seed=4) == sobol(result, seed=4)


def test_intervals_hold_the_estimate(result):
    for one in sobol(result).metrics[0].influences:
        assert 0.0 <= one.first.low <= one.first.value <= one.first.high <= 1.0
        assert 0.0 <= one.total.low <= one.total.value <= one.total.high <= 1.0


def test_more_trials_narrow_the_intervals(result):
    few, many = (sobol(r).metrics[0].influences for r in (campaign(50).run(), result))

    width = [np.mean([one.total.high - one.total.low for one in found]) for found in (few, many)]
    assert width[1] < 0.5 * width[0]


def test_too_few_trials_are_refused():
    with pytest.raises(DseError, match=r"'known' has \d+ distinct measured designs.* needs at least 40"):
        sobol(few_trials())


def few_trials():
    result = campaign(4).run()
    kept = slice(0, 30)
    trials = result.trials
    columns = {name: getattr(trials, name) for name in trials.__dataclass_fields__}
    cut = {name: c if name == "metric_names" else c[kept] for name, c in columns.items()}
    return type(result)(result.record, type(trials)(**cut))


def test_a_metric_without_a_pattern_is_refused_and_the_others_are_not(result):
    found = sobol(result, ["cost", "dice", "flat"], resamples=0)

    assert [bool(one.refused) for one in found.metrics] == [False, True, True]
    assert "predicts too little" in found.metrics[1].refused
    assert found.metrics[2].refused == "it hardly varies"


def test_it_is_an_error_when_every_metric_is_refused(result):
    with pytest.raises(DseError, match=r"no importance can be given\. dice: the function fitted"):
        sobol(result, ["dice"])


def test_an_unknown_metric_is_named(result):
    with pytest.raises(ConfigError, match="unknown metric 'costs'"):
        sobol(result, ["costs"])


def test_a_parameter_that_is_dead_in_most_designs_counts_where_it_is_not():
    simulator = FakeSimulator()
    found = sobol(Campaign(FAKE, simulator=simulator).run(), resamples=0)

    def time_ns(rows):  # modes slow and fast; the third one is never allowed
        return simulator._values(rows, np.ones(1))[:, 0, 0]

    exact = exact_indices(time_ns, (9, 2, 3, 6), (2,))[1]
    assert totals(found)["colour"] == pytest.approx(exact, abs=0.001)
    assert found.unmeasured == {"mode": ("unsafe",)}


def test_failed_designs_are_left_out_and_counted():
    found = sobol(Campaign(FAKE, simulator=FakeSimulator(poison=[5, 6])).run(), resamples=0)

    assert found.failed > 20
    assert found.unmeasured["depth"] == (5, 6)


def test_only_the_search_space_counts():
    held = {**FAKE, "space": {"mode": "fast", "buffers": [1, 2, 4, 8]}}

    found = sobol(Campaign(held, simulator=FakeSimulator()).run(), resamples=0)

    assert found.constant == ("mode",)
    assert found.outside == 1  # the baseline, which is slow
    assert set(totals(found)) == {"buffers", "colour", "depth", "queue", "core"}


def test_of_very_many_designs_only_some_are_read(result, monkeypatch):
    monkeypatch.setattr(importlib.import_module("agents.analysis.sobol"), "MOST_READ", 90)

    found = sobol(result, resamples=0)

    assert found.measured == len(np.unique(result.record.space.keys(result.trials.indices)))
    assert found.metrics[0].trials + found.metrics[0].held_out == 90


def test_a_metric_of_many_sizes_is_decomposed_in_its_logarithm():
    scales = [
        one.scale for one in sobol(Campaign(FAKE, simulator=FakeSimulator()).run(), resamples=0).metrics
    ]

    assert scales == ["linear", "log"]


def test_the_result_becomes_a_frame_and_json(result):
    found = sobol(result, resamples=0)

    assert list(found.to_frame()["name"][:2]) == ["level", "shape"]
    assert found.to_dict()["metrics"][0]["influences"][0]["total"]["value"] == totals(found)["level"]


def test_estimates_are_left_out_and_counted(result):
    full = result.trials
    cheap = replace(
        full,
        id=full.id - len(full),
        fidelity=np.full(len(full), 0.1),
        metrics=np.zeros_like(full.metrics),
    )  # the first trial of each design is an estimate of it, and a very good one
    mixed = replace(result, trials=cheap.followed_by(full))
    lone = replace(result, trials=cheap.followed_by(full.taken(np.arange(20, len(full)))))

    assert sobol(mixed) == sobol(result)
    keys = result.record.space.keys(full.indices)
    assert sobol(lone).estimated == len(set(keys[:20].tolist()) - set(keys[20:].tolist())) > 0


def test_estimates_alone_say_nothing_about_importance(result):
    object.__setattr__(guess := replace(result.trials), "fidelity", np.full(len(result.trials), 0.1))

    with pytest.raises(DseError, match="no parameter has more than one value among 0 measured designs"):
        sobol(replace(result, trials=guess))
