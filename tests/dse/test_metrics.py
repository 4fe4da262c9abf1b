from __future__ import annotations

import numpy as np
import pytest

from dse.errors import ConfigError
from dse.metrics import MetricSchema
from tests.dse.fake import FakeSimulator, fake_schema
from traces import synthetic


def workloads(*lengths: int):
    return [synthetic.stream(n, seed=1) for n in lengths]


def test_power_over_workloads_is_energy_over_time():
    simulator = FakeSimulator()
    row = simulator.run_batch([simulator.space.default()], workloads(500, 2000))[0]

    assert row.power_mw == pytest.approx(
        (row[0].energy_pj + row[1].energy_pj) / (row[0].time_ns + row[1].time_ns)
    )


def test_weights_scale_sums():
    schema = fake_schema()
    values = np.arange(10.0).reshape(1, 2, 5)

    combined = schema.combined(values, np.array([1.0, 3.0]))

    assert combined[0, 0] == 0 + 3 * 5
    assert combined[0, 3] == 3


def test_a_failed_workload_makes_the_design_fail():
    values = np.ones((1, 2, 5))
    values[0, 1] = np.nan

    assert np.isnan(fake_schema().combined(values)).all()


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(ConfigError, match=r"unknown metric 'tme_ns'\. Did you mean 'time_ns'\?"):
        fake_schema().index("tme_ns")


def test_metrics_read_by_name_and_by_attribute():
    simulator = FakeSimulator()
    metrics = simulator.run(simulator.space.default(), workloads(500)[0])

    assert metrics["time_ns"] == metrics.time_ns == metrics.to_dict()["time_ns"]
    with pytest.raises(AttributeError, match="time_ns"):
        metrics.time_n  # noqa: B018


def test_a_schema_survives_its_json_form():
    assert MetricSchema.from_list(fake_schema().to_list()) == fake_schema()


def test_ratios_are_computed_anew_from_their_parts():
    schema = fake_schema()
    energy, time, power = (schema.index(name) for name in ("energy_pj", "time_ns", "power_mw"))
    values = np.full((2, 3, len(schema)), 7.0)
    values[..., energy], values[..., time] = 6.0, 3.0
    values[1, 2, time] = 0.0

    found = schema.with_ratios(values)

    assert found[0, 0, power] == 2.0 * schema.spec("power_mw").scale
    assert np.isnan(found[1, 2, power])
    assert values[0, 0, power] == 7.0
    unchanged = [k for k, spec in enumerate(schema) if spec.combine != "ratio"]
    assert np.array_equal(found[..., unchanged], values[..., unchanged])
