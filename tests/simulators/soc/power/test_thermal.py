"""The thermal network: closed forms, conservation of heat, symmetry, and runaway as a result."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.errors import InputError
from simulators.soc.power.technology import leakage_factor
from simulators.soc.power.thermal import Package, ThermalNetwork

PACKAGE = Package(sink_k_per_w=1.0)
# Silicon 0.15 mm at 100 W/mK and 20 um of interface at 4 W/mK, for one square millimetre.
THROUGH_K_PER_W = (0.15e-3 / 100 + 20e-6 / 4) / 1e-6
NOTHING: dict[str, float] = {}


def test_a_block_alone_is_warmer_by_its_power_times_the_resistances():
    found = ThermalNetwork({"core0": 10.0}, PACKAGE).steady({"core0": 5.0}, NOTHING)

    package_k = 318.15 + 5.0 * 1.0
    assert found.by_block_k["package"] == pytest.approx(package_k, abs=1e-6)
    assert found.by_block_k["core0"] == pytest.approx(package_k + 5.0 * THROUGH_K_PER_W / 10.0, abs=1e-6)
    assert found.runaway == ""


def test_leakage_settles_where_its_heat_keeps_its_temperature():
    found = ThermalNetwork({"core0": 10.0}, PACKAGE).steady({"core0": 5.0}, {"core0": 2.0})

    power_w = 5.0 + 2.0 * leakage_factor(found.by_block_k["core0"])
    assert found.by_block_k["core0"] == pytest.approx(
        318.15 + power_w * (1.0 + THROUGH_K_PER_W / 10.0), abs=1e-6
    )


powers = st.lists(st.floats(0.0, 5.0), min_size=2, max_size=6)


@settings(max_examples=50, deadline=None)
@given(dynamic=powers, leakage=st.floats(0.0, 0.3), areas=st.floats(0.5, 30.0))
def test_all_heat_leaves_through_the_package(dynamic, leakage, areas):
    names = [f"b{i}" for i in range(len(dynamic))]
    network = ThermalNetwork({name: areas * (i + 1) for i, name in enumerate(names)}, PACKAGE)

    found = network.steady(dict(zip(names, dynamic, strict=True)), dict.fromkeys(names, leakage))

    leaking = sum(leakage * leakage_factor(found.by_block_k[name]) for name in names)
    assert found.runaway == ""
    assert network.heat_w(found) == pytest.approx(sum(dynamic) + leaking, rel=1e-6, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(power=st.floats(0.0, 10.0), more=st.floats(0.1, 10.0))
def test_more_power_anywhere_cools_nothing(power, more):
    network = ThermalNetwork({"a": 4.0, "b": 8.0, "c": 2.0}, PACKAGE)

    before, after = (
        network.steady({"a": watts, "b": 1.0, "c": 1.0}, {"b": 0.1}) for watts in (power, power + more)
    )

    assert all(after.by_block_k[name] > kelvin for name, kelvin in before.by_block_k.items())


def test_equal_neighbours_are_equally_warm():
    found = ThermalNetwork({"a": 4.0, "b": 4.0}, PACKAGE).steady({"a": 3.0, "b": 3.0}, {"a": 0.1, "b": 0.1})

    assert found.by_block_k["a"] == pytest.approx(found.by_block_k["b"], abs=1e-9)


def test_a_cool_neighbour_takes_heat_and_a_farther_one_less():
    alone = ThermalNetwork({"hot": 4.0}, PACKAGE).steady({"hot": 10.0}, NOTHING)
    beside = ThermalNetwork({"hot": 4.0, "near": 4.0, "far": 4.0}, PACKAGE).steady({"hot": 10.0}, NOTHING)

    assert beside.by_block_k["hot"] < alone.by_block_k["hot"]
    assert beside.by_block_k["hot"] > beside.by_block_k["near"] > beside.by_block_k["far"]
    assert beside.by_block_k["package"] == pytest.approx(alone.by_block_k["package"], abs=1e-6)


def test_a_leak_that_feeds_itself_is_a_result_and_names_the_block():
    found = ThermalNetwork({"core0": 4.0, "llc": 9.0}, Package(sink_k_per_w=8.0)).steady(
        {"core0": 3.0}, {"core0": 8.0}
    )

    assert "thermal runaway: core0 passes the limit of 423.15 K" in found.runaway
    assert all(math.isfinite(kelvin) and kelvin <= 423.15 for kelvin in found.by_block_k.values())


def test_the_same_leak_on_a_better_sink_settles():
    found = ThermalNetwork({"core0": 4.0, "llc": 9.0}, Package(sink_k_per_w=0.1)).steady(
        {"core0": 3.0}, {"core0": 8.0}
    )

    assert found.runaway == ""


def test_a_run_that_goes_on_for_long_reaches_the_steady_state():
    network = ThermalNetwork({"core0": 4.0, "llc": 9.0}, PACKAGE)
    now = network.cold()

    for _ in range(400):
        now = network.step(now, {"core0": 5.0, "llc": 1.0}, {"llc": 0.5}, 10.0)

    steady = network.steady({"core0": 5.0, "llc": 1.0}, {"llc": 0.5})
    assert now.by_block_k == pytest.approx(steady.by_block_k, abs=1e-3)


def test_a_step_keeps_what_it_does_not_lose():
    network = ThermalNetwork({"core0": 4.0}, PACKAGE)
    start = network.cold()

    after = network.step(start, {"core0": 5.0}, NOTHING, 0.01)

    capacity = {"core0": 4.0e-6 * 0.15e-3 * 1.75e6, "package": PACKAGE.sink_j_per_k}
    stored = sum(capacity[name] * (after.by_block_k[name] - start.by_block_k[name]) for name in capacity)
    assert stored + network.heat_w(after) * 0.01 == pytest.approx(5.0 * 0.01, rel=1e-9)


def test_without_power_everything_stays_as_warm_as_the_surroundings():
    network = ThermalNetwork({"core0": 4.0}, PACKAGE)

    assert network.step(network.cold(), NOTHING, NOTHING, 1.0).by_block_k == pytest.approx(
        {"core0": 318.15, "package": 318.15}
    )


def test_a_step_into_the_fire_is_flagged():
    network = ThermalNetwork({"core0": 0.01}, PACKAGE)

    assert "thermal runaway" in network.step(network.cold(), {"core0": 500.0}, NOTHING, 1.0).runaway


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: ThermalNetwork({}, PACKAGE), "expected at least one block"),
        (lambda: ThermalNetwork({"core0": 0.0}, PACKAGE), "positive area"),
        (lambda: replace(PACKAGE, sink_k_per_w=0.0), "sink_k_per_w=0.0"),
        (lambda: replace(PACKAGE, limit_k=300.0), "limit_k=300.0: expected more than ambient_k"),
    ],
)
def test_an_impossible_network_is_refused_by_name(build, named):
    with pytest.raises(InputError, match=named):
        build()
