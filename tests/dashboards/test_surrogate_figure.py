"""Predicted against simulated metrics as a figure."""

from __future__ import annotations

import pytest

from dashboards.figures.surrogate import cloud_of, surrogate_figure
from dse.surrogate_accuracy import MetricAccuracy, SurrogateAccuracy


def accuracy_of(model="forest", metric="energy_per_bit_pj", unit="pJ/bit", scale="linear", **more):
    given = {"simulated": (10.0, 20.0, 30.0), "predicted": (11.0, 20.0, 36.0), "deviation": (1.0, 1.0, 2.0)}
    numbers = (0.81234, 0.9, 0.1, 0.2, 0.95, 1.0)
    return MetricAccuracy(model, metric, unit, scale, *numbers, **{**given, **more})


def accuracies(*metrics):
    return SurrogateAccuracy("sort <b>", 5, 3, 3, 0, 2, metrics)


def test_a_cloud_tells_what_the_deviations_reach():
    cloud = cloud_of(accuracy_of())

    assert cloud.within == (True, True, False)
    assert cloud.ends == (10.0, 36.0)
    assert cloud.head == "Energy per bit (pJ/bit)"
    assert cloud.note == "forest: Kendall τ 0.812, R² 0.900"


@pytest.mark.parametrize(("deviation", "within"), [(0.8, True), (0.6, False)])
def test_a_metric_learnt_in_its_logarithm_is_drawn_and_judged_in_it(deviation, within):
    wide = {"simulated": (1.0, 100.0), "predicted": (2.0, 100.0), "deviation": (deviation, 9.0)}

    cloud = cloud_of(accuracy_of(scale="log", **wide))

    # log 2 = 0.69; two deviations are 0.8 and 0.6 there, and 1.6 and 1.2 in the unit itself.
    assert cloud.logarithm
    assert cloud.within == (within, True)


def test_large_values_get_a_readable_unit():
    cloud = cloud_of(
        accuracy_of(
            metric="read_latency_p95_ns", unit="ns", simulated=(2e4,), predicted=(4e4,), deviation=(1,)
        )
    )

    assert cloud.head == "Read latency p95 (µs)"
    assert cloud.simulated == pytest.approx((20.0,))


def test_there_is_a_panel_for_each_model_and_metric():
    latency = {"metric": "read_latency_p95_ns", "unit": "ns", "scale": "log"}
    figure = surrogate_figure(
        accuracies(
            accuracy_of(), accuracy_of(**latency), accuracy_of(model="gp"), accuracy_of(model="gp", **latency)
        )
    )

    assert len(figure.data) == 3 * 4
    assert [a.text.split(":")[0] for a in figure.layout.annotations] == [
        "Energy per bit (pJ/bit), forest",
        "Read latency p95 (ns), forest",
        "Energy per bit (pJ/bit), gp",
        "Read latency p95 (ns), gp",
    ]
    assert (figure.layout.xaxis.type, figure.layout.xaxis2.type) == (None, "log")


def test_names_are_shown_as_they_are_written():
    figure = surrogate_figure(accuracies(accuracy_of()))

    assert "sort &lt;b&gt;" in figure.layout.title.text


def test_a_result_draws_itself():
    assert accuracies(accuracy_of()).plot().data
