"""Options of the SoC simulator: what is refused, and how."""

from __future__ import annotations

from importlib import resources

import pytest

from dse.errors import ConfigError, LookupFailed, SpaceError
from dse.parameter import Parameter
from dse.space import DesignSpace
from simulators.soc.build import chip_of
from simulators.soc.options import Options, checked_space


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"core_style": "fast"}, "core_style='fast': expected one of 'performance', 'embedded'"),
        ({"package": "serve"}, "Did you mean 'server'"),
        ({"page_kib": 8}, "page_kib=8: expected one of 4, 2048"),
        ({"page_placement": "random"}, "expected one of 'first-touch', 'hashed'"),
        ({"l1_ways": "all"}, "expected one of 'within-page', 'any'"),
        ({"device": "ddr4-3200"}, "device 'ddr4-3200' does not exist"),
    ],
)
def test_a_name_that_does_not_exist_is_refused(options, message):
    with pytest.raises(LookupFailed, match=message):
        Options(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"node_nm": 7}, "node_nm=7: expected 22 to 65"),
        ({"node_nm": "22"}, "node_nm='22': expected 22 to 65"),
        ({"ambient_c": 1000}, "ambient_c=1000: expected -55 to 125"),
        ({"instructions": 0}, "instructions=0: expected 1 to"),
        ({"translation": "yes"}, "translation='yes': expected true or false"),
        ({"fixed": {"l2_kb": 256}}, "'l2_kb' is no parameter of an SoC's chip.*Did you mean 'l2_kib'"),
        ({"fixed": {"tile": 8}}, "'tile' is no parameter of an SoC's chip"),
    ],
)
def test_a_value_that_cannot_be_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Options(**options)


def test_a_fixed_value_outside_the_parameter_is_refused_with_the_nearest():
    with pytest.raises(SpaceError, match=r"l2_kib=300 is outside .* The nearest is 256"):
        Options(fixed={"l2_kib": 300})


def test_an_option_that_fixes_a_parameter_of_the_space_is_refused():
    with pytest.raises(SpaceError, match="'l2_kib' is a parameter of design space 'soc-small'"):
        checked_space("soc-small", Options(fixed={"l2_kib": 256}))


def test_a_space_with_an_unknown_parameter_is_refused():
    own = DesignSpace("own", [Parameter.power_of_two("l2_kb", 256, 1024, 256, "l2")])

    with pytest.raises(SpaceError, match="the parameter 'l2_kb', which the SoC does not know"):
        checked_space(own, Options())


def test_a_space_of_ones_own_is_taken_as_it_is():
    own = DesignSpace("own", [Parameter.power_of_two("l2_kib", 256, 1024, 256, "l2")])

    assert checked_space(own, Options()) is own
    assert chip_of(own.point(l2_kib=1024), Options()).chip.cores[0].second.size_bytes == 1 << 20


def test_the_memory_is_the_default_of_the_space_that_chooses_one():
    found = checked_space("soc", Options(device="lpddr4-3200-8gb-x16"))

    assert found.parameter("memory").default == "lpddr4-3200-8gb-x16"


def test_what_is_fixed_holds_for_every_design():
    options = Options(fixed={"l2_ways": 16, "memory": "hbm2-2000-4gb", "write_forwarding": "On"})
    found = checked_space("soc-small", options)

    chip = chip_of(found.default(), options)

    assert chip.chip.cores[0].second.ways == 16
    assert chip.system.device.id == "hbm2-2000-4gb"
    assert chip.controller.write_forwarding == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("node_nm", 45),
        ("core_style", "embedded"),
        ("page_kib", 2048),
        ("page_placement", "hashed"),
        ("translation", False),
        ("device", "ddr5-4800-16gb-x8"),
        ("temperature_c", 95.0),
        ("fixed", {"scheduler_buffer": "Shared"}),
    ],
)
def test_an_option_of_the_chip_changes_it_and_is_told(option, value):
    options = Options(**{option: value})
    found = checked_space("soc-small", options)

    chip, usual = (
        chip_of(found.default(), options),
        chip_of(checked_space("soc-small", Options()).default(), Options()),
    )

    assert options.changed() == {option: value}
    same = [
        getattr(chip, name) == getattr(usual, name)
        for name in ("chip", "controller", "pages", "soc", "points")
    ]
    assert not all(same)


def test_a_phone_without_a_fan_is_hotter_than_a_server():
    phone, server = Options(package="phone", ambient_c=25.0).thermal, Options().thermal

    assert phone.sink_k_per_w > 10 * server.sink_k_per_w
    assert (phone.ambient_k, server.ambient_k) == (298.15, 318.15)


@pytest.fixture
def own_memory(tmp_path, monkeypatch):
    """A memory of a user's own: DDR4 by another name, with fewer rows."""
    standards = resources.files("simulators.dram.memory") / "standards"
    text = (standards / "ddr4.toml").read_text()
    (tmp_path / "mine.toml").write_text(text.replace("ddr4-3200-8gb-x8", "mine"))
    monkeypatch.chdir(tmp_path)
    return "mine.toml#mine"


def test_a_memory_of_ones_own_is_read_once(own_memory, tmp_path):
    options = Options(device=own_memory)
    (tmp_path / "mine.toml").unlink()

    chip = chip_of(checked_space("soc-small", options).default(), options)

    assert chip.system.device.id == own_memory


def test_a_space_that_chooses_a_memory_refuses_one_of_ones_own(own_memory):
    with pytest.raises(SpaceError, match="chooses among shipped memories"):
        checked_space("soc", Options(device=own_memory))


def test_an_address_mapping_may_be_a_text():
    text = "row:rank:column:bank:bank_group:channel"
    options = Options(fixed={"address_mapping": text})
    space = DesignSpace("own", [Parameter.power_of_two("l2_kib", 256, 1024, 256, "l2")])

    assert chip_of(space.default(), options).mapping.name == text
