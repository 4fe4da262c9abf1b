"""The design spaces of an SoC: sizes, masks, and that every value of every parameter means something."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from dse.errors import LookupFailed, SpaceError
from dse.parameter import Parameter
from dse.point import DesignPoint
from dse.space import DesignSpace
from simulators.dram.space import space as dram_space
from simulators.soc.build import Built, chip_of
from simulators.soc.options import Options
from simulators.soc.parameters import (
    ACCELERATOR_PARAMETERS,
    SOFTWARE_PARAMETERS,
    constraints,
    dead_rules,
    parameters,
)
from simulators.soc.points import software_choice
from simulators.soc.space import space, space_names

OPTIONS = Options(network="lenet-5")
_OF_PRESETS = {
    **dict.fromkeys(SOFTWARE_PARAMETERS, "soc-software"),
    **dict.fromkeys(ACCELERATOR_PARAMETERS, "soc-accelerator"),
}
HASHES = {
    "soc": "1993c332f7f3a03ca93439b85b76d125",
    "soc-small": "2ebac7f62fcc07a1581e2340063df1ac",
    "soc-software": "f52b8a1d2683f7c8c8fc6d303019121c",
    "soc-accelerator": "a285dc0a39ca83b87033be171e4e0160",
}


@pytest.mark.parametrize("preset", space_names())
def test_a_preset_keeps_its_hash(preset):
    """Stores know a space by it. Change it by hand, when a preset is meant to change."""
    assert space(preset).hash == HASHES[preset]


def test_the_presets_have_the_sizes_that_the_guide_states():
    sizes = {
        name: (len(space(name)), math.floor(math.log10(space(name).feasible_size))) for name in space_names()
    }

    assert sizes == {
        "soc": (68, 37),
        "soc-small": (20, 12),
        "soc-software": (22, 13),
        "soc-accelerator": (28, 17),
    }


def test_an_unknown_preset_is_refused_with_the_nearest():
    with pytest.raises(LookupFailed, match="Did you mean 'soc-small'"):
        space("soc-smal")


def test_subsystems_are_those_of_a_chip():
    names = [one.name for one in space("soc").subsystems]

    assert names == ["core", "l1", "l2", "llc", "interconnect", "memory_controller", "power", "mapping"]


@pytest.mark.parametrize("preset", space_names())
def test_the_canonical_form_is_its_own(preset):
    found = space(preset)
    rows = np.random.default_rng(3).integers(0, found.n_values, size=(5000, len(found))).astype(np.int16)

    once = found.canonical(rows)

    assert (found.canonical(once) == once).all()


@pytest.mark.parametrize("preset", space_names())
def test_every_value_is_reached(preset):
    found = space(preset)

    rng = np.random.default_rng(4)
    unreached = {(d, k) for d, one in enumerate(found.parameters) for k in range(len(one))}

    for _ in range(20):  # one in 60,000 has no last level
        rows = found.sample(20_000, rng, feasible=True)
        unreached -= {(d, k) for d in range(len(found)) for k in np.unique(rows[:, d]).tolist()}
        if not unreached:
            break

    assert unreached == set()


@pytest.mark.parametrize("preset", space_names())
def test_the_default_of_a_preset_is_feasible(preset):
    found = space(preset)

    assert not found.violations(found.encode({})[None, :]).any()


def test_parameters_of_the_controller_are_those_of_the_dram_spaces():
    own = {one.name: one for one in space("soc").parameters if one.subsystem == "memory_controller"}
    known = {name: one for preset in ("dram-full", "dram-system") for name, one in _by_name(preset).items()}

    assert {name: own[name].description for name in own} == {name: known[name].description for name in own}
    assert set(own["memory"].values) == set(known["memory"].values)


def _by_name(preset: str) -> dict[str, Parameter]:
    return {one.name: one for one in dram_space(preset).parameters}


# ---------------------------------------------------------------------------------------------------- masks


def _violated(found: DesignSpace, **design: Any) -> list[str]:
    flags = found.violations(found.encode(design)[None, :])[0]
    return [rule.name for rule, flag in zip(found.constraints, flags, strict=True) if flag]


@pytest.mark.parametrize(
    ("design", "rule"),
    [
        ({"rob": 32, "load_queue": 64, "store_queue": 16}, "load_queue_within_rob_32"),
        ({"rob": 64, "store_queue": 72}, "store_queue_within_rob_64"),
        ({"l1d_kib": 48, "l1d_ways": 8}, "l1d_sets_of_48_kib"),
        ({"l1d_kib": 32, "l1d_ways": 12}, "l1d_sets_of_32_kib"),
        ({"l1i_kib": 64, "l1i_ways": 8}, "l1i_pages_of_64_kib"),
        ({"memory": "hbm2-2000-4gb", "refresh_policy": "SameBank"}, "SameBank_refresh_exists"),
        ({"l2_replacement": "tree_plru", "l2_gated_share": 0.25}, "l2_ways_of_a_tree"),
        ({"llc_replacement": "tree_plru", "llc_gated_share": 0.25}, "llc_ways_of_a_tree"),
        ({"cores": 2, "little_cores": 4}, "little_cores_of_2"),
    ],
)
def test_what_cannot_be_built_is_masked(design, rule):
    assert _violated(space("soc"), **design) == [rule]


def test_ways_larger_than_a_page_are_allowed_where_the_cache_resolves_aliases():
    assert _violated(space("soc", page_bytes=None), l1i_kib=64, l1i_ways=8) == []


def test_large_pages_allow_any_way():
    assert _violated(space("soc", page_bytes=2 << 20), l1i_kib=64, l1i_ways=4) == []


def test_a_fixed_value_narrows_the_masks_of_a_preset():
    found = space("soc-small", fixed={"load_queue": 128})

    assert _violated(found, rob=64) == ["load_queue_within_rob_64"]
    assert _violated(found, rob=128) == []
    assert space("soc-small").constraints == ()


def test_fixed_values_that_break_a_rule_are_refused():
    with pytest.raises(SpaceError, match="a way larger than a page"):
        space("soc-small", fixed={"l1i_kib": 64, "l1i_ways": 4})


@pytest.mark.parametrize(
    ("dead", "design"),
    [
        ({"llc_banks": 8, "llc_ways": 32, "llc_mshrs": 16, "llc_cell": "lstp"}, {"llc_mib": 0}),
        ({"llc_replacement": "ship", "llc_inclusion": "exclusive"}, {"llc_mib": 0}),
        ({"rob": 512}, {"execution": "in-order"}),
        ({"l2_prefetch_degree": 8, "l2_prefetch_distance": 4}, {"l2_prefetcher": "none"}),
        ({"l2_prefetch_distance": 4}, {"l2_prefetcher": "spp"}),
        ({"l1d_prefetch_degree": 8}, {"l1d_prefetcher": "none"}),
        ({"noc_controllers": "corner"}, {"noc_topology": "crossbar"}),
        ({"bliss_streak": 16}, {"scheduler": "FrFcfs"}),
        ({"power_down_timeout_cycles": 0}, {"power_down_policy": "NoPowerDown"}),
        ({"power_cap_w": 1.0}, {"governor": "fixed"}),
        ({"power_cap_w": 1.0}, {"governor": "ondemand"}),
        ({"llc_gated_share": 0.5}, {"llc_mib": 0}),
        ({"program_mapping": "demanding-first"}, {"cores": 4}),
    ],
)
def test_parameters_without_effect_have_one_form(dead, design):
    found = space("soc")

    assert found.point(**design, **dead) == found.point(**design)


def test_masked_samples_are_drawn_and_not_sought():
    """One raw design in 100,000 is canonical and feasible: rejection would draw a billion for these."""
    found = space("soc")
    assert found.feasible_size / found.raw_size < 1e-5

    rows = found.sample(10_000, np.random.default_rng(1), feasible=True)

    assert not found.violations(rows).any()
    assert (found.canonical(rows) == rows).all()


# -------------------------------------------------------------------------------------------------- meaning


_DECIDED_IN_A_RUN = ("governor", "power_cap_w", "idle_gate_us", "program_mapping")
"""What no part of the chip is built by; tests of a run show what they do."""


def _numbers(chip: Built) -> tuple[Any, ...]:
    """Everything that a result depends on."""
    return (
        chip.chip, chip.controller, chip.mapping, chip.pages, chip.soc, chip.points, chip.system.key,
        chip.cost, software_choice(chip.design), [chip.design[name] for name in _DECIDED_IN_A_RUN],
        chip.accelerators and chip.accelerators.array,
    )  # fmt: skip


_TOGETHER = {("l1d_kib", 48): ("l1d_ways", 12), ("l1d_ways", 12): ("l1d_kib", 48)}
"""Values that exist only with one another."""


def _contexts(found: DesignSpace, name: str) -> Iterator[list[DesignPoint]]:
    """Designs that differ in one parameter, which has an effect in them, and what can only go with it."""
    for point in found.points(found.sample(200, np.random.default_rng(len(name)), feasible=True)):
        wanted = []
        for value in found.parameter(name).values:
            changed = {**point.to_dict(), name: value}
            changed |= dict([_TOGETHER[name, value]]) if (name, value) in _TOGETHER else {}
            wanted.append(changed)
        rows = found.rows(wanted)
        yield found.points(rows[~found.violations(rows).any(axis=1)])


@pytest.mark.parametrize("name", parameters())
def test_every_value_of_every_parameter_builds_something_else(name):
    found = space(_OF_PRESETS.get(name, "soc"))
    unseen = set(found.parameter(name).values)

    for points in _contexts(found, name):
        built = [_numbers(chip_of(point, OPTIONS)) for point in points]
        unseen -= {
            point[name]
            for point, one in zip(points, built, strict=True)
            if built.count(one) == 1 < len(built)
        }
        if not unseen:
            break

    assert unseen == set()


def test_every_rule_names_parameters_that_exist():
    named = {name for rule in constraints() for name in rule.forbids}
    named |= {name for rule in dead_rules() for name in (rule.parameter, *rule.when)}

    assert named <= set(parameters())
