"""The engine's command logs under the audit: random designs on random requests, every memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ext.dram_engine import COMMANDS
from simulators.dram.audit import Limits, audit
from simulators.dram.config import ControllerConfig
from simulators.dram.memory.devices import device, device_ids
from tests.simulators.dram.engine_logs import (
    ONE_OF_EACH,
    PEERS_FAULTS,
    engine_of,
    is_of_a_peer,
    limits_of,
    log_of_engine,
    random_case,
    random_design,
)

SLOW_SEEDS = 1000


def judged(case, **options):
    """The violations of a whole run, but for those that its memory is known for."""
    engine = engine_of(case, temperature_c=options.get("temperature_c"))
    engine.advance()
    limits = limits_of(case, **options, **_activation_limits(case.design))
    found = audit(log_of_engine(engine), limits, case.served, end_cycle=engine.cycle)
    known = PEERS_FAULTS if is_of_a_peer(case.device.id) else set()
    return [violation for violation in found if violation.rule not in known]


def _activation_limits(design):
    if design["mitigation"] != "Rfm":
        return {}
    return {name: design[name] for name in ("raa_initial", "raa_maximum")}


@pytest.mark.parametrize("device_id", device_ids())
def test_the_audit_and_the_tables_agree_on_the_clocks_of_commands_and_on_the_data(device_id):
    memory = device(device_id)
    limits = Limits.of(memory)

    clocks = {name: limits.clocks(name) for name in memory.commands}

    assert clocks == {name: memory.lengths[COMMANDS.index(name)] for name in memory.commands}
    offset = memory.timings.read_data - memory.timings.write_data
    assert limits.read_data - limits.write_data == offset


@pytest.mark.parametrize("device_id", device_ids())
@pytest.mark.parametrize("seed", range(2))
def test_no_design_ever_breaks_a_rule_of_the_standard(device_id, seed):
    case = random_case(device_id, np.random.default_rng([seed, *device_id.encode()]))

    assert judged(case)[:3] == [], case.design


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SLOW_SEEDS))
def test_no_design_of_a_thousand_ever_breaks_a_rule(seed):
    device_id = device_ids()[seed % len(device_ids())]
    case = random_case(device_id, np.random.default_rng([7, seed]), most_requests=4000)

    assert judged(case)[:3] == [], (device_id, case.design)


@pytest.mark.parametrize("device_id", ONE_OF_EACH)
def test_a_hot_memory_is_refreshed_twice_as_often(device_id):
    case = random_case(device_id, np.random.default_rng([3, *device_id.encode()]))
    case = replace(case, design={**case.design, "refresh_policy": case.device.refresh[-1]})

    assert judged(case, temperature_c=95.0)[:3] == [], case.design


@pytest.mark.parametrize("device_id", ONE_OF_EACH)
@pytest.mark.parametrize("seed", range(2))
def test_the_rules_hold_while_policies_change(device_id, seed):
    rng = np.random.default_rng([11, seed, *device_id.encode()])
    case = random_case(device_id, rng)
    limits = limits_of(case)
    engine = engine_of(case)
    while not engine.advance(until_cycle=engine.cycle + int(rng.integers(1, 20_000))):
        design = {**random_design(case.device, rng), "refresh_policy": case.design["refresh_policy"]}
        engine.retune(ControllerConfig.build(case.device, design).vector())

    limits = replace(limits, postponed=case.device.most_postponed, pulledin=case.device.most_postponed)
    served = replace(case.served, forwards=True)
    found = audit(log_of_engine(engine), limits, served, end_cycle=engine.cycle)

    assert found[:3] == []
