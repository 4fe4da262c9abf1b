"""Every exporter, every device, every value: files appear, nothing is forgotten, the trace comes along."""

from __future__ import annotations

import json

import numpy as np
import pytest

import traces
from dse.errors import ConfigError, InputError
from dse.registry import EXPORTERS, resolve
from simulators.dram.export import dramsim3, dramsys, ramulator2
from simulators.dram.export.subject import folded, in_clock, trace_file_name
from simulators.dram.memory.devices import device, device_ids
from simulators.dram.memory.mapping import AddressMapping
from simulators.dram.space import space
from traces.trace import Trace

MODULES = {"dramsys": dramsys, "ramulator2": ramulator2, "dramsim3": dramsim3}
TARGETS = [(name, version) for name, module in MODULES.items() for version in module.VERSIONS]
SPACE = space("dram")
FULL = space("dram-full")
DEVICES = ("ddr3-1600-1gb-x8-dimm", "ddr4-2400-8gb-x8")
OTHERS = [name for name in device_ids() if device(name).standard not in ("DDR3", "DDR4")]


def description(device_id="ddr4-2400-8gb-x8", mapping="row-bank-column"):
    return {"space": "dram", "device": device_id, "address_mapping": mapping}


def trace(name="small", clock_ns=1.0):
    address = np.array([0x40, 0x9_8765_4321_40, 0x2_0000_0000], dtype=np.uint64)
    return Trace(
        arrival_cycle=[0, 3, 1000], address=address, is_write=[0, 1, 0], clock_ns=clock_ns, name=name
    )


def every_value():
    """Designs in which each value of each parameter occurs, with all on that makes others live."""
    live = {"power_down_policy": "PrechargePowerDown", "page_policy": "Timeout"}
    reads = {"row_hit_cap": "FrFcfsCap", "bliss_streak": "Bliss", "bliss_clear_cycles": "Bliss"}
    for parameter in FULL.parameters:
        scheduler = reads.get(parameter.name, "GrpFrFcfsWm")
        for value in parameter.values:
            yield FULL.point(**{**live, "scheduler": scheduler, parameter.name: value})


@pytest.mark.parametrize(("target", "version"), TARGETS)
@pytest.mark.parametrize("device_id", DEVICES)
def test_every_parameter_is_written_or_a_loss(tmp_path, target, version, device_id):
    for number, point in enumerate(every_value()):
        plan = MODULES[target].plan_export(point, description(device_id), version=version)

        lost = {loss.parameter for loss in plan.losses}
        assert set(point.names) <= set(plan.written) | lost
        assert not set(plan.written) & lost
        assert all(loss.reason for loss in plan.losses)
        if number == 0:
            MODULES[target].export(point, description(device_id), tmp_path, version=version)
            assert (tmp_path / "export.json").is_file()


@pytest.mark.parametrize(("target", "version"), TARGETS)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_design_of_a_memory_says_which_memory_it_is(target, version, channels):
    system = space("dram-system")
    point = system.point(
        memory="ddr4-3200-8gb-x8", channels=channels, ranks=2, address_mapping="row-bank-column"
    )

    plan = MODULES[target].plan_export(point, {"device": "ddr4-2400-8gb-x8"}, version=version)

    lost = {loss.parameter for loss in plan.losses}
    assert set(point.names) <= set(plan.written) | lost
    assert {"memory", "ranks"} <= set(plan.written)
    assert ("channels" in lost) == (target == "ramulator2" and version == "2.1" and channels == 2)


@pytest.mark.parametrize(("target", "version"), TARGETS)
@pytest.mark.parametrize("device_id", OTHERS[:: max(1, len(OTHERS) // 5)])
def test_a_standard_that_is_not_written_is_refused_by_name(target, version, device_id):
    with pytest.raises(InputError, match=f"{device_id} is {device(device_id).standard}"):
        MODULES[target].plan_export(SPACE.default(), description(device_id), version=version)


@pytest.mark.parametrize(("target", "version"), TARGETS)
def test_what_every_design_of_the_simulator_has_is_a_loss_as_well(target, version):
    about = {**description(), "mitigation": "Para", "controller": {"first_ready": "On"}}

    plan = MODULES[target].plan_export(SPACE.default(), about, version=version)

    assert {"mitigation", "first_ready"} <= {loss.parameter for loss in plan.losses}


@pytest.mark.parametrize(
    "values",
    [
        {"page_policy": "Timeout", "page_timeout_cycles": 128},
        {"scheduler": "FrFcfsCap", "row_hit_cap": 8},
        {"self_refresh_timeout_cycles": 4096},
        {"scheduler": "Bliss", "bliss_streak": 8},
    ],
)
@pytest.mark.parametrize(("target", "version"), TARGETS)
def test_a_policy_that_only_we_have_is_reported(target, version, values):
    plan = MODULES[target].plan_export(FULL.point(**values), description(), version=version)

    assert set(values) <= {loss.parameter for loss in plan.losses}


@pytest.mark.parametrize("target", sorted(EXPORTERS))
def test_the_registry_leads_to_an_exporter_that_takes_trace_and_metrics(tmp_path, target):
    export = resolve("exporter", target)

    manifest = export(SPACE.default(), description(), tmp_path, trace=trace(), metrics={"elapsed_ns": 1.0})

    facts = json.loads((tmp_path / "export.json").read_text())
    assert facts["trace"]["requests"] == 3
    assert facts["trace"]["provenance"]["of"] == trace().hash
    assert all((tmp_path / name).is_file() for name in manifest.files)


@pytest.mark.parametrize(("target", "version"), TARGETS)
def test_the_trace_that_is_written_reads_back_and_fits_the_memory(tmp_path, target, version):
    manifest = MODULES[target].export(
        SPACE.default(), description(), tmp_path, trace=trace(), version=version
    )

    back = traces.read(tmp_path / manifest.trace["file"], clock_mhz=1, format=manifest.trace["format"])
    assert len(back) == 3
    assert back.is_write.tolist() == [False, True, False]
    assert int(back.address.max()) < device("ddr4-2400-8gb-x8").capacity_bytes


def test_an_unknown_version_names_those_that_are_written():
    with pytest.raises(ConfigError, match=r"'5\.5', '4\.0'"):
        dramsys.plan_export(SPACE.default(), description(), version="3.0")


def test_wrapping_keeps_bank_row_and_column():
    memory = device("ddr4-2400-8gb-x8")
    mapping = AddressMapping.preset("row-bank-column-xor", memory)

    before = mapping.decode(trace().address)
    after = mapping.decode(folded(trace(), memory.capacity_bytes).address)

    assert np.array_equal(before.bank, after.bank)
    assert np.array_equal(before.row, after.row)
    assert np.array_equal(before.column, after.column)


def test_leaving_out_an_address_bit_moves_those_above_down():
    short = folded(trace(), 1 << 40, dropped_bits=(33,))

    assert int(short.address[2]) == 0
    assert int(short.address[1]) == (0x8765_4321_40 & ((1 << 33) - 1)) | ((0x8765_4321_40 >> 34) << 33)


def test_arrivals_keep_their_time_in_another_clock():
    converted = in_clock(trace(), 833_000)

    assert converted.clock_fs == 833_000
    assert np.all(converted.arrival_ns() >= trace().arrival_ns())
    assert np.all(converted.arrival_ns() < trace().arrival_ns() + 0.833)


@pytest.mark.parametrize(
    ("name", "file"), [("sort", "sort.stl"), ("../../etc/passwd", "etc-passwd.stl"), ("", "workload.stl")]
)
def test_the_trace_file_has_a_plain_name(name, file):
    assert trace_file_name(trace(name), ".stl") == file


def test_a_trace_of_several_sources_says_that_they_are_merged(tmp_path):
    two = Trace(
        arrival_cycle=[0, 1], address=[0, 64], is_write=[0, 0], clock_ns=1.0, source=[0, 1], name="two"
    )

    plan = dramsys.plan_export(SPACE.default(), description(), trace=two)

    assert [loss.parameter for loss in plan.losses if "sources" in loss.reason] == ["trace"]
