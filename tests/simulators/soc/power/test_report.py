"""The whole report: its parts add up, and it moves as physics says when one thing is changed."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.errors import InputError
from simulators.soc.power.area import area_mm2, block_of, soc_parts
from simulators.soc.power.counts import (
    AcceleratorCounts,
    CacheCounts,
    CoreCounts,
    NocCounts,
    SocCounts,
    Transition,
)
from simulators.soc.power.design import AcceleratorDesign, CacheDesign, MemoryDesign, NocDesign, SocDesign
from simulators.soc.power.dvfs import OperatingPoint, transition_j
from simulators.soc.power.report import OperatingPoints, combined, heating, network, report
from simulators.soc.power.thermal import Package, Temperatures
from tests.simulators.soc.power.chips import PENRYN_CORE

CORE = replace(PENRYN_CORE, l2=CacheDesign(256 << 10, 8), stlb_entries=1536)
SOC = SocDesign(
    22,
    (CORE, CORE),
    llc=CacheDesign(4 << 20, 16, banks=4, cell="lstp", table_bits=4096),
    noc=NocDesign("mesh", 9),
    memory=MemoryDesign(2, controller_kge=150.0),
    accelerators=(AcceleratorDesign(16, 16, "int8", 64 << 10),),
)
EVENTS = CoreCounts(
    cycles=1e6, fetched=1.3e6, dispatched=1.2e6, issued=1.2e6, retired=1e6, alu=5e5, multiply=2e4,
    floating=1e5, results=8e5, register_reads=1.5e6, register_writes=8e5, predictions=1.5e5,
    btb_lookups=5e5, loads=2.5e5, stores=1e5, itlb_lookups=4e5, dtlb_lookups=3.5e5, stlb_lookups=1e3,
    l1i=CacheCounts(reads=4e5), l1d=CacheCounts(2.5e5, 1e5, 0, 1e4), l2=CacheCounts(1.2e4, 8e3, 0, 2e3),
)  # fmt: skip
COUNTS = SocCounts(
    seconds=4e-4,
    cores=(EVENTS, EVENTS),
    llc=CacheCounts(3e3, 2e3, 1e3, 500),
    noc=NocCounts(4e4, 3e4),
    accelerators=(AcceleratorCounts(1e7, 1e5, 2e4),),
    dram_energy_j={"activate": 1e-5, "read": 2e-5},
    transitions=(Transition("core1", 0.8, 0.6),),
)
NOMINAL = OperatingPoint(0.8, 3e9)
POINTS = OperatingPoints((NOMINAL, NOMINAL), NOMINAL)
WARM = Temperatures(dict.fromkeys([*map(block_of, soc_parts(SOC)), "package"], 350.0))


def _at(volts):
    point = OperatingPoint(volts, 3e9)
    return OperatingPoints((point, point), point)


def test_components_add_up_to_the_energy_that_left_the_chip_and_was_drawn_beside_it():
    package = Package()

    found = report(SOC, COUNTS, POINTS, package)

    heat_j = network(SOC, package).heat_w(Temperatures(found.temperature_k)) * COUNTS.seconds
    beside_j = sum(COUNTS.dram_energy_j.values()) + transition_j(
        0.8, 0.6, sum(part.area_mm2 for name, part in soc_parts(SOC).items() if block_of(name) == "core1")
    )
    # 1e-6: the package's temperature is a small difference of large numbers.
    assert found.total_j == pytest.approx(heat_j + beside_j, rel=1e-6)
    assert math.fsum(found.energy_j.values()) == pytest.approx(found.total_j, rel=1e-9)
    assert math.fsum(found.by_block().values()) == pytest.approx(found.total_j, rel=1e-9)
    assert found.power_w * found.seconds == pytest.approx(found.total_j, rel=1e-12)
    assert found.total_mm2 == pytest.approx(area_mm2(SOC), rel=1e-9)


def test_every_component_on_the_chip_has_area_energy_or_leakage_and_a_temperature():
    found = report(SOC, COUNTS, POINTS)

    assert set(found.leakage_j) == set(found.area_mm2) == set(soc_parts(SOC))
    assert set(found.dynamic_j) - set(found.area_mm2) == {"dram.activate", "dram.read", "dvfs.core1"}
    assert {block_of(name) for name in found.area_mm2} == set(found.temperature_k) - {"package"}
    assert all(joules > 0 for name, joules in found.energy_j.items() if name != "memory.interface")


def test_halving_the_voltage_at_the_same_clock_quarters_dynamic_energy_and_halves_leakage():
    quiet = replace(COUNTS, transitions=(), dram_energy_j={})

    full, half = (report(SOC, quiet, _at(volts), temperatures=WARM) for volts in (0.8, 0.4))

    for name, joules in full.dynamic_j.items():
        assert half.dynamic_j[name] == pytest.approx(joules / 4, rel=1e-12)
    for name, joules in full.leakage_j.items():
        assert half.leakage_j[name] == pytest.approx(joules / 2, rel=1e-12)


@given(volts=st.floats(0.4, 1.2), hertz=st.floats(1e8, 6e9))
@settings(max_examples=30, deadline=None)
def test_no_operating_point_changes_the_area(volts, hertz):
    point = OperatingPoint(volts, hertz)

    found = report(SOC, COUNTS, OperatingPoints((point, point), point), Package())

    assert found.area_mm2 == report(SOC, COUNTS, POINTS).area_mm2


def test_a_warmer_chip_leaks_more_and_switches_as_much():
    hot = Temperatures({name: kelvin + 30 for name, kelvin in WARM.by_block_k.items()})

    cool, warm = (report(SOC, COUNTS, POINTS, temperatures=now) for now in (WARM, hot))

    assert warm.dynamic_j == cool.dynamic_j
    assert all(warm.leakage_j[name] >= joules for name, joules in cool.leakage_j.items())
    assert sum(warm.leakage_j.values()) == pytest.approx(
        sum(cool.leakage_j.values()) * math.exp(30 * 0.0125), rel=1e-9
    )


def test_more_cores_take_more_area_and_leak_more():
    four = replace(SOC, cores=(CORE,) * 4)
    counts = replace(COUNTS, cores=(*COUNTS.cores, CoreCounts(), CoreCounts()))

    found = report(four, counts, OperatingPoints((NOMINAL,) * 4, NOMINAL))

    two = report(SOC, COUNTS, POINTS)
    assert found.total_mm2 > two.total_mm2
    assert sum(found.leakage_j.values()) > sum(two.leakage_j.values())


def test_equal_cores_with_equal_counts_draw_the_same():
    found = report(SOC, replace(COUNTS, transitions=()), POINTS, temperatures=WARM).by_block()

    assert found["core0"] == found["core1"]


def test_twice_the_events_in_the_same_time_take_twice_the_dynamic_energy():
    noc = NocCounts(8e4, 6e4)

    once, twice = (
        report(SOC, replace(COUNTS, noc=events), POINTS, temperatures=WARM) for events in (COUNTS.noc, noc)
    )

    for name in ("noc.routers", "noc.links"):
        assert twice.dynamic_j[name] == pytest.approx(2 * once.dynamic_j[name])
    others = set(once.dynamic_j) - {"noc.routers", "noc.links"}
    assert all(once.dynamic_j[name] == twice.dynamic_j[name] for name in others)


def test_only_the_domain_whose_voltage_falls_draws_less():
    slow = OperatingPoints((NOMINAL, OperatingPoint(0.6, 1.5e9)), NOMINAL)

    before, after = (report(SOC, COUNTS, points, temperatures=WARM).by_block() for points in (POINTS, slow))

    assert after["core1"] < before["core1"]
    assert {name: joules for name, joules in after.items() if name != "core1"} == {
        name: joules for name, joules in before.items() if name != "core1"
    }


def test_accelerators_follow_their_own_domain_if_they_have_one():
    own = replace(POINTS, accelerators=OperatingPoint(0.4, 1e9))

    before, after = (report(SOC, COUNTS, points, temperatures=WARM) for points in (POINTS, own))

    assert after.dynamic_j["accelerator0.array"] == pytest.approx(before.dynamic_j["accelerator0.array"] / 4)
    assert after.dynamic_j["llc.cache"] == before.dynamic_j["llc.cache"]


def test_intervals_combine_into_the_report_of_the_whole():
    half = replace(
        COUNTS,
        seconds=COUNTS.seconds / 2,
        cores=tuple(CoreCounts(cycles=5e5, dispatched=6e5, alu=1e5) for _ in COUNTS.cores),
    )
    whole = replace(
        half, seconds=COUNTS.seconds,
        cores=tuple(CoreCounts(cycles=1e6, dispatched=1.2e6, alu=2e5) for _ in COUNTS.cores),
        llc=CacheCounts(6e3, 4e3, 2e3, 1000), noc=NocCounts(8e4, 6e4),
        accelerators=(AcceleratorCounts(2e7, 2e5, 4e4),), dram_energy_j={"activate": 2e-5, "read": 4e-5},
        transitions=COUNTS.transitions * 2,
    )  # fmt: skip

    part = report(SOC, half, POINTS, temperatures=WARM)
    found = combined([part, part])

    expected = report(SOC, whole, POINTS, temperatures=WARM)
    assert found.seconds == expected.seconds
    assert found.total_j == pytest.approx(expected.total_j, rel=1e-12)
    assert found.dynamic_j == pytest.approx(expected.dynamic_j, rel=1e-12)
    assert found.total_mm2 == expected.total_mm2


def test_a_run_that_is_followed_in_time_uses_the_temperatures_that_it_is_given():
    package = Package(sink_k_per_w=2.0)
    chip = network(SOC, package)
    dynamic_w, leakage_w = heating(SOC, COUNTS, POINTS)

    now = chip.step(chip.cold(), dynamic_w, leakage_w, COUNTS.seconds)
    found = report(SOC, COUNTS, POINTS, package, now)

    assert found.temperature_k == now.by_block_k
    on_chip_j = sum(joules for name, joules in found.dynamic_j.items() if name in found.area_mm2)
    assert sum(dynamic_w.values()) * COUNTS.seconds == pytest.approx(on_chip_j)


def test_memories_outside_the_table_are_named():
    small = replace(SOC, llc=CacheDesign(512 << 10, 16, banks=4, cell="lstp"))

    assert report(SOC, COUNTS, POINTS).extrapolated == ()
    assert report(small, COUNTS, POINTS).extrapolated == ("llc.cache",)


def test_a_chip_that_burns_is_flagged_and_still_reported():
    leaky = replace(SOC, llc=CacheDesign(128 << 20, 16, banks=4), node_nm=45)

    found = report(leaky, COUNTS, _at(1.0), Package(sink_k_per_w=8.0))

    assert "thermal runaway" in found.runaway
    assert math.isfinite(found.total_j)
    assert found.hottest_k <= 423.15
    assert combined([report(SOC, COUNTS, POINTS), found]).runaway == found.runaway


def test_the_same_inputs_give_the_same_report():
    assert report(SOC, COUNTS, POINTS) == report(SOC, COUNTS, POINTS)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (
            lambda: report(SOC, replace(COUNTS, cores=(EVENTS,)), POINTS),
            "counts.cores has 1 entries.*2 cores",
        ),
        (lambda: report(SOC, COUNTS, replace(POINTS, cores=(NOMINAL,))), "points.cores has 1 entries"),
        (lambda: report(SOC, replace(COUNTS, accelerators=()), POINTS), "counts.accelerators has 0 entries"),
        (
            lambda: report(SOC, replace(COUNTS, transitions=(Transition("core7", 1.0, 0.8),)), POINTS),
            "counts.transitions names the block 'core7': expected one of 'core0', 'core1', 'llc'",
        ),
        (lambda: replace(COUNTS, seconds=0.0), "seconds=0.0 of a power report"),
        (lambda: SocDesign(22, ()), "without cores and accelerators"),
        (lambda: SocDesign(10, (CORE,)), "node_nm=10"),
        (lambda: combined([]), "no reports to combine"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(call, named):
    with pytest.raises(InputError, match=named):
        call()
