"""A mitigation is set so that it protects; a run under it refreshes the neighbours of hammered rows."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.errors import InputError, LookupFailed
from simulators.dram.memory.devices import device
from simulators.dram.row_hammer import ESCAPE_PROBABILITY, protection, refresh_window_cycles
from traces.trace import Trace

DDR4, DDR5 = device("ddr4-2400-8gb-x8"), device("ddr5-4800-16gb-x8")
HIGH, LOW = 139_000, 4_800


def hammer(n=4000):
    """Two rows of one bank by turns, so that every request activates."""
    rows = np.where(np.arange(n) % 2, 0, 8).astype(np.uint64)
    return Trace(arrival_cycle=np.arange(n) * 60, address=rows << np.uint64(17), is_write=False, clock_ns=1.0)


def test_para_lets_a_row_escape_as_rarely_as_it_promises():
    probability = protection("Para", LOW, DDR4)["para_threshold"] / 2**20

    assert (1 - probability) ** (LOW / 2) <= ESCAPE_PROBABILITY
    assert (1 - 0.99 * probability) ** (LOW / 2) > ESCAPE_PROBABILITY


def test_graphene_has_an_entry_for_each_row_that_can_reach_its_threshold():
    chosen = protection("Graphene", HIGH, DDR4)

    t, window = DDR4.timings, chosen["refresh_window"]
    activates = window * (1 - t.rfc / t.refi) / t.rc
    assert window * 2 == refresh_window_cycles(DDR4)
    assert chosen["graphene_threshold"] * 6 <= HIGH
    assert (chosen["graphene_entries"] + 1) * chosen["graphene_threshold"] > activates


def test_graphene_that_would_need_more_entries_than_there_are_is_refused():
    with pytest.raises(InputError, match="Graphene with 64 entries a bank protects ddr4-2400-8gb-x8 from"):
        protection("Graphene", LOW, DDR4)


@pytest.mark.parametrize("mitigation", ["Rfm", "Prac"])
def test_refresh_management_needs_a_standard_that_has_it(mitigation):
    assert protection(mitigation, LOW, DDR5)["mitigation"] == mitigation
    with pytest.raises(InputError, match="DDR4 has no refresh-management command"):
        protection(mitigation, LOW, DDR4)


@pytest.mark.parametrize("threshold", [-1, 0, 1])
def test_a_threshold_below_two_is_refused(threshold):
    with pytest.raises(InputError, match="at least 2"):
        protection("Para", threshold, DDR4)


def test_an_unknown_mitigation_names_the_nearest():
    with pytest.raises(LookupFailed, match="'Para'"):
        protection("Parra", LOW, DDR4)


@pytest.mark.parametrize(
    ("memory", "mitigation", "threshold", "metric"),
    [
        (DDR4, "Para", 200, "victim_refreshes"),
        (DDR5, "Rfm", LOW, "refresh_managements"),
        (DDR5, "Prac", 500, "refresh_managements"),
    ],
)
def test_protection_is_part_of_every_design_and_costs_energy(memory, mitigation, threshold, metric):
    options = {"device": memory.id}
    bare = dse.make_simulator("dram", **options)
    safe = dse.make_simulator("dram", **options, mitigation=mitigation, row_hammer_threshold=threshold)

    before, after = (one.run(one.space.default(), hammer()) for one in (bare, safe))

    assert before[metric] == before.energy_mitigation_pj == 0
    assert after[metric] > 0
    assert after.energy_mitigation_pj > 0
    assert after.controller_area_kge > before.controller_area_kge
    assert safe.build_id != bare.build_id


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"mitigation": "Rfm", "raa_initial": 1}, "raa_initial=1 .* at least 2"),
        ({"mitigation": "Prac", "prac_threshold": 7}, "prac_threshold=7 .* at least 8"),
    ],
)
def test_numbers_that_let_no_request_through_are_refused(numbers, words):
    with pytest.raises(InputError, match=words):
        dse.make_simulator("dram", device=DDR5.id, controller=numbers)


def test_a_threshold_too_low_for_counting_rows_is_refused():
    with pytest.raises(InputError, match="prac_threshold=7"):
        protection("Prac", 15, DDR5)
