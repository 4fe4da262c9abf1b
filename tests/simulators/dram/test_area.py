"""The area proxy: bigger or cleverer is never cheaper."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.dram.area import buffer_entries, controller_cost
from simulators.dram.memory.devices import device

DDR3 = device("ddr3-1600-1gb-x8-dimm")
DDR4 = device("ddr4-2400-8gb-x8")
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
ORDERED = {
    "request_buffer_size": SIZES,
    "max_active_transactions": SIZES,
    "refresh_max_postponed": (1, 2, 4, 8),
    "refresh_max_pulledin": (1, 2, 4, 8),
    "power_down_timeout_cycles": (0, 16, 64, 256, 1024),
    "batching_window_cycles": (0, 16, 32, 64, 128, 256, 512, 1024),
    "scheduler": ("Fifo", "FrFcfs", "FrFcfsGrp", "GrpFrFcfsWm", "Bliss"),
    "scheduler_buffer": ("Shared", "ReadWrite", "Bankwise"),
    "write_forwarding": ("Off", "On"),
    "write_coalescing": ("Off", "On"),
    "first_ready": ("Off", "On"),
    "slot_release": ("AtColumn", "AtActivate"),
    "self_refresh_timeout_cycles": (0, 1024, 65_536),
    "mitigation": ("None", "Para"),
    "resp_queue": ("Fifo", "Reorder"),
    "refresh_policy": ("NoRefresh", "AllBank", "SameBank", "PerBank"),
    "page_policy": ("Open", "OpenAdaptive"),
    "arbiter": ("Fifo", "Reorder"),
    "power_down_policy": ("NoPowerDown", "PrechargePowerDown"),
    "address_mapping": ("row-bank-column", "row-bank-column-xor"),
}
DEFAULT = {
    "page_policy": "Open", "scheduler": "FrFcfs", "scheduler_buffer": "Bankwise", "request_buffer_size": 8,
    "resp_queue": "Fifo", "refresh_policy": "AllBank", "refresh_max_postponed": 1, "refresh_max_pulledin": 1,
    "arbiter": "Fifo", "max_active_transactions": 64,
}  # fmt: skip
designs = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in ORDERED.items()})


@pytest.mark.parametrize("name", sorted(ORDERED))
@settings(max_examples=40, deadline=None)
@given(design=designs)
def test_more_of_one_thing_is_never_cheaper(name, design):
    costs = [controller_cost({**design, name: value}, DDR4) for value in ORDERED[name]]

    assert [cost.area_kge for cost in costs] == sorted(cost.area_kge for cost in costs)
    assert [cost.static_power_mw for cost in costs] == sorted(cost.static_power_mw for cost in costs)


def test_the_parts_add_up_to_the_area():
    cost = controller_cost(DEFAULT, DDR4)

    assert sum(cost.parts_kge.values()) == pytest.approx(cost.area_kge)


@pytest.mark.parametrize(
    ("organisation", "entries", "with_data"), [("Bankwise", 64, 64), ("ReadWrite", 16, 8), ("Shared", 8, 8)]
)
def test_the_organisation_decides_how_many_entries_a_size_means(organisation, entries, with_data):
    design = {**DEFAULT, "scheduler_buffer": organisation}

    assert buffer_entries(design, DDR3) == (entries, with_data)


def test_credits_cost_nothing_under_the_arbiter_that_has_none():
    few, many = ({**DEFAULT, "arbiter": "Simple", "max_active_transactions": n} for n in (1, 128))

    assert controller_cost(few, DDR4).area_kge == controller_cost(many, DDR4).area_kge


def test_the_proxy_stays_in_the_range_of_real_controllers():
    # A published open DDR controller is tens of kGE without buffers; 128 entries a bank are the far end.
    smallest = controller_cost({**DEFAULT, "scheduler_buffer": "Shared", "request_buffer_size": 1,
                                "scheduler": "Fifo", "arbiter": "Simple"}, DDR4)  # fmt: skip
    largest = controller_cost({**DEFAULT, "request_buffer_size": 128}, DDR4)

    assert 5 < smallest.area_kge < 100
    assert 500 < largest.area_kge < 10_000
    assert 0 < smallest.static_power_mw < largest.static_power_mw < 200


def test_each_channel_has_a_controller_of_its_own_behind_one_front_end():
    one, four = (controller_cost(DEFAULT, DDR4.arranged(channels=n)).parts_kge for n in (1, 4))

    for part in ("request_buffer", "scheduler", "bank_machines", "refresh"):
        assert four[part] >= 4 * one[part]
    assert four["front_end"] < 1.5 * one["front_end"]


def test_ranks_need_bank_machines_and_timers():
    one, two = (controller_cost(DEFAULT, DDR4.arranged(ranks=n)).parts_kge for n in (1, 2))

    assert two["bank_machines"] == pytest.approx(2 * one["bank_machines"])
    assert two["refresh"] == pytest.approx(2 * one["refresh"])


@pytest.mark.parametrize(
    ("design", "part"),
    [
        ({"page_policy": "Timeout", "page_timeout_cycles": 64}, "page_policy"),
        ({"scheduler": "FrFcfsCap", "row_hit_cap": 4}, "page_policy"),
        ({"mitigation": "Graphene", "graphene_threshold": 1000, "graphene_entries": 64}, "mitigation"),
        ({"mitigation": "Rfm", "raa_maximum": 240}, "mitigation"),
        ({"address_mapping": "row:rank:bank:bank_group:column:channel;bank^=row"}, "address_mapping"),
    ],
)
def test_what_counts_and_folds_takes_area(design, part):
    plain, more = (controller_cost({**DEFAULT, **extra}, DDR4).parts_kge[part] for extra in ({}, design))

    assert more > plain
