"""The proxies of a memory: exact where they count, ordered where they assume."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulators.dram.cost import CONNECTIONS, memory_cost
from simulators.dram.memory.devices import device, device_ids

DDR4 = device("ddr4-2400-8gb-x8")


@pytest.mark.parametrize("device_id", device_ids())
def test_every_device_has_a_connection_and_a_price(device_id):
    chosen = device(device_id)

    cost = memory_cost(chosen, chosen.channels)

    assert chosen.standard in CONNECTIONS
    assert cost.packages == 1
    assert cost.capacity_gib == chosen.capacity_bytes / 2**30
    assert cost.price > 0
    assert cost.pins > chosen.bus_width_bits * chosen.channels
    assert cost.interface_mm2 > 0


def test_the_pins_of_a_ddr4_channel_are_those_of_its_balls():
    assert memory_cost(DDR4, 1).pins == 64 + 8 * 3 + 28 + 3
    assert memory_cost(DDR4.arranged(ranks=2), 1).pins == 64 + 8 * 3 + 28 + 6


def test_twice_the_channels_are_twice_the_memory():
    one, two = memory_cost(DDR4, 1), memory_cost(DDR4.arranged(channels=2), 1)

    assert two.packages == 2 * one.packages
    assert two.price == pytest.approx(2 * one.price)
    assert two.pins == 2 * one.pins
    assert two.capacity_gib == 2 * one.capacity_gib


def test_part_of_a_package_costs_the_whole_package():
    half, whole = memory_cost(DDR4, 2), memory_cost(DDR4.arranged(channels=2), 2)

    assert half.packages == whole.packages == 1
    assert half.price == whole.price
    assert half.pins < whole.pins
    assert half.capacity_gib < whole.capacity_gib


def test_both_pseudo_channels_of_a_channel_have_data_pins():
    single = replace(DDR4, standard="HBM2")
    paired = replace(single, pseudo_channels=True, ranks=2)

    assert memory_cost(paired, 1).pins - memory_cost(single, 1).pins == 64 + 8 * 4
