"""The design spaces have the sizes that are claimed for them, and know which designs lose data."""

from __future__ import annotations

import pytest

from dse.errors import LookupFailed
from simulators.dram import config
from simulators.dram.memory.devices import device, device_ids
from simulators.dram.space import parameter_names, space, space_names


@pytest.mark.parametrize("name", ["dramgym", "dramgym-published"])
def test_dramgym_has_the_published_size_and_the_measured_distinct_size(name):
    chosen = space(name)

    assert chosen.raw_size == 442_368
    assert chosen.distinct_size == 166_464


def test_only_the_published_space_lets_a_design_never_refresh():
    verdicts = {}
    for name in space_names():
        chosen = space(name)
        if "NoRefresh" in chosen.parameter("refresh_policy").values:
            verdicts[name] = float(
                chosen.violations(chosen.encode({"refresh_policy": "NoRefresh"})[None]).max(initial=0)
            )

    assert verdicts == {"dram": 1.0, "dram-full": 1.0, "dramgym": 1.0, "dramgym-published": 0.0}


def test_a_simple_arbiter_makes_its_limit_of_transactions_dead():
    chosen = space("dramgym")

    few = chosen.encode({"arbiter": "Simple", "max_active_transactions": 1})
    many = chosen.encode({"arbiter": "Simple", "max_active_transactions": 64})

    assert (few == many).all()


def test_the_default_design_is_feasible_everywhere():
    for name in space_names():
        chosen = space(name)
        assert (chosen.violations(chosen.encode(chosen.default())[None]) <= 0).all()


def test_an_unknown_space_names_the_nearest():
    with pytest.raises(LookupFailed, match="dramgym"):
        space("dramgim")


@pytest.mark.parametrize(
    ("parameter", "policies"),
    [
        ("page_policy", config.PAGE_POLICIES),
        ("scheduler", config.SCHEDULERS),
        ("scheduler_buffer", config.SCHEDULER_BUFFERS),
        ("power_down_policy", config.POWER_DOWN_POLICIES),
        ("command_mux", config.COMMAND_MUXES),
        ("slot_release", config.SLOT_RELEASES),
    ],
)
def test_the_full_space_has_every_policy_of_the_controller(parameter, policies):
    assert space("dram-full").parameter(parameter).values == policies


def test_the_spaces_together_reach_every_policy_that_is_no_protection_and_no_port():
    protection = {"mitigation", "mitigation_seed", "para_threshold", "graphene_threshold", "graphene_entries",
                  "raa_initial", "raa_maximum", "prac_threshold", "refresh_window"}  # fmt: skip
    policies = {field for field in config._POLICY_FIELDS if field not in protection | {"port_width"}}

    reached = {name.removesuffix("_cycles") for name in parameter_names()}

    assert policies <= reached


@pytest.mark.parametrize("device_id", device_ids())
def test_refresh_of_a_preset_is_what_the_memory_can_do(device_id):
    memory = device(device_id)

    chosen = space("dram", memory)

    assert chosen.parameter("refresh_policy").values == ("NoRefresh", *memory.refresh)
    assert max(chosen.parameter("refresh_max_postponed").values) <= memory.most_postponed


@pytest.mark.parametrize(
    ("live", "dead"),
    [
        ({"page_policy": "Timeout"}, "page_timeout_cycles"),
        ({"page_policy": "ClosedCap"}, "row_hit_cap"),
        ({"scheduler": "FrFcfsCap"}, "row_hit_cap"),
        ({"scheduler": "GrpFrFcfsWm"}, "write_high_watermark"),
        ({"scheduler": "GrpFrFcfsWm"}, "write_low_watermark"),
        ({"scheduler": "Bliss"}, "bliss_streak"),
        ({"scheduler": "Bliss"}, "bliss_clear_cycles"),
    ],
)
def test_a_number_counts_only_with_the_policy_that_reads_it(live, dead):
    chosen = space("dram-full")
    values = chosen.parameter(dead).values
    other = next(value for value in values if value != chosen.parameter(dead).default)

    assert chosen.point(**{dead: other}) == chosen.default()
    assert chosen.point(**live, **{dead: other}) != chosen.point(**live)


def test_memories_that_cannot_be_built_are_infeasible():
    chosen = space("dram-system")

    def violations(**values):
        return chosen.violations(chosen.encode(values)[None]).sum()

    assert violations(memory="ddr4-2400-8gb-x8", ranks=4) == 0
    assert violations(memory="ddr5-4800-16gb-x8", ranks=4) == 1
    assert violations(memory="ddr5-4800-16gb-x8", refresh_policy="SameBank") == 0
    assert violations(memory="ddr5-4800-16gb-x8", refresh_max_postponed=8) == 1
    assert violations(memory="ddr4-2400-8gb-x8", refresh_policy="SameBank") == 1
    assert violations(memory="lpddr4-3200-8gb-x16", refresh_policy="PerBank") == 0


def test_ranks_say_nothing_of_a_memory_of_pseudo_channels():
    chosen = space("dram-system")

    assert chosen.point(memory="hbm2-2000-8gb", ranks=4) == chosen.point(memory="hbm2-2000-8gb", ranks=1)


def test_a_system_is_chosen_among_memories_and_not_among_roundings_of_peers():
    memories = space("dram-system").parameter("memory").values

    assert {device(name).standard for name in memories} == {device(name).standard for name in device_ids()}
    assert not [name for name in memories if name.endswith(("-dramsim3", "-ramulator"))]


@pytest.mark.parametrize(("device_id", "most"), [("ddr4-2400-8gb-x8", 8), ("ddr5-4800-16gb-x8", 4)])
def test_refreshes_put_off_and_pulled_in_together_stay_within_the_standard(device_id, most):
    alone, system = space("dram", device(device_id)), space("dram-system")
    limits = alone.parameter("refresh_max_postponed").values

    for put_off in limits:
        for pulled_in in limits:
            values = {"refresh_max_postponed": put_off, "refresh_max_pulledin": pulled_in}
            broken = int(put_off + pulled_in > most)
            assert alone.violations(alone.encode(values)[None]).sum() == broken
            assert system.violations(system.encode({**values, "memory": device_id})[None]).sum() == broken
