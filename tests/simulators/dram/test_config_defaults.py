"""The names of the controller's defaults are those of its numbers."""

from __future__ import annotations

import pytest

from simulators.dram.config import ControllerConfig
from simulators.dram.memory.devices import device
from simulators.dram.options import DEFAULTS


@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_a_design_that_leaves_a_policy_out_has_its_default(name):
    memory = device("ddr4-2400-8gb-x8")

    assert ControllerConfig.build(memory, {name: DEFAULTS[name]}) == ControllerConfig.build(memory, {})
