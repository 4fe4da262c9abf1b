"""Ramulator files: the Python one runs against a stand-in of its package, the YAML one has the known keys."""

from __future__ import annotations

import re
import runpy
import sys
from types import ModuleType, SimpleNamespace

import pytest

from dse.errors import InputError
from simulators.dram.export.ramulator2 import plan_export
from simulators.dram.memory.devices import device
from simulators.dram.space import space

SPACE = space("dram")
DDR3, DDR4 = "ddr3-1600-1gb-x8-dimm", "ddr4-2400-8gb-x8"
# Components of Ramulator 2.1 (c5b1c3a) with the parameters that they take, all by keyword.
COMPONENTS = {
    "controller": {"GenericDDR": {"dram", "scheduler", "refresh_manager", "row_policy", "addr_mapper",
                                  "read_buffer_size", "write_buffer_size",
                                  "wr_low_watermark", "wr_high_watermark"}},
    "scheduler": {"FRFCFS": set(), "FRFCFSRowHit": set()},
    "refresh_manager": {"AllBank": set(), "NoRefresh": set()},
    "row_policy": {"Open": set(), "ClosedCAP": {"cap"}},
    "addr_mapper": {"RoBaRaCoCh": set(), "ChRaBaRoCo": set(), "MOP4CLXOR": set()},
    "channel_mapper": {"CacheLineInterleave": set()},
    "memory_system": {"GenericDRAM": {"clock_ratio", "controllers", "channel_mapper"}},
    "frontend": {"LoadStoreTrace": {"clock_ratio", "path"}},
}  # fmt: skip
_COMMON = {
    "nBL",
    "nCL",
    "nRCD",
    "nRP",
    "nRAS",
    "nRC",
    "nWR",
    "nRTP",
    "nCWL",
    "nFAW",
    "nRFC",
    "nREFI",
    "nCS",
    "rank",
}
DRAM = {
    "DDR3": _COMMON | {"nCCD", "nRRD", "nWTR"},
    "DDR4": _COMMON | {"nCCDS", "nCCDL", "nRRDS", "nRRDL", "nWTRS", "nWTRL"},
}
PRESETS = {"DDR3_1Gb_x8", "DDR3_1600J", "DDR4_8Gb_x8", "DDR4_2400U", "DDR4_3200AA"}


def component(kind, name, takes):
    def build(**options):
        unknown = set(options) - takes
        assert not unknown, f"{kind}.{name} does not take {unknown}"
        return SimpleNamespace(impl=name, **options)

    return build


def dram_class(name):
    def build(*, org_preset, timing_preset, **overrides):
        assert {org_preset, timing_preset} <= PRESETS
        assert set(overrides) <= DRAM[name]
        return SimpleNamespace(impl=name, org_preset=org_preset, timing_preset=timing_preset, **overrides)

    return build


@pytest.fixture
def ramulator(monkeypatch):
    """A stand-in for the package: records the one simulation that a script runs."""
    module = ModuleType("ramulator")
    for kind, known in COMPONENTS.items():
        members = {name: component(kind, name, takes) for name, takes in known.items()}
        setattr(module, kind, SimpleNamespace(**members))
    module.dram = SimpleNamespace(**{name: dram_class(name) for name in DRAM})
    module.ran = []
    module.Simulation = lambda frontend, memory: SimpleNamespace(
        run=lambda: module.ran.append((frontend, memory))
    )
    monkeypatch.setitem(sys.modules, "ramulator", module)
    return module


def plan(device_id=DDR4, version="2.1", **values):
    about = {"space": "dram", "device": device_id, "address_mapping": "row-bank-column"}
    return plan_export(SPACE.point(**values), about, version=version)


def run(made, tmp_path, ramulator):
    script = tmp_path / "ramulator-2.1.py"
    script.write_text(made.texts[script.name])
    runpy.run_path(str(script), run_name="__main__")
    ((frontend, memory),) = ramulator.ran
    return frontend, memory.controllers[0]


@pytest.mark.parametrize("device_id", [DDR3, DDR4, "ddr4-3200-8gb-x8"])
def test_the_script_builds_and_runs_one_simulation_of_the_device(tmp_path, ramulator, device_id):
    frontend, controller = run(plan(device_id), tmp_path, ramulator)

    t = device(device_id).timings
    assert (controller.dram.nRC, controller.dram.nRFC, controller.dram.nREFI) == (t.rc, t.rfc, t.refi)
    assert controller.dram.impl == device(device_id).standard
    assert frontend.path == str(tmp_path / "traces/workload.lst")


@pytest.mark.parametrize(
    ("values", "part", "impl"),
    [
        ({"page_policy": "Open"}, "row_policy", "Open"),
        ({"page_policy": "Closed"}, "row_policy", "ClosedCAP"),
        ({"scheduler": "FrFcfs"}, "scheduler", "FRFCFSRowHit"),
        ({"scheduler": "Fifo"}, "scheduler", "FRFCFS"),
        ({"refresh_policy": "NoRefresh"}, "refresh_manager", "NoRefresh"),
        ({"address_mapping": "row-bank-column"}, "addr_mapper", "RoBaRaCoCh"),
        ({"address_mapping": "bank-row-column"}, "addr_mapper", "ChRaBaRoCo"),
        ({"address_mapping": "row-column-bank"}, "addr_mapper", "MOP4CLXOR"),
    ],
)
def test_a_policy_becomes_its_nearest_component(tmp_path, ramulator, values, part, impl):
    _, controller = run(plan(**values), tmp_path, ramulator)

    assert getattr(controller, part).impl == impl


@pytest.mark.parametrize(("buffer", "entries"), [("ReadWrite", 8), ("Shared", 8), ("Bankwise", 128)])
def test_buffers_hold_as_much_as_the_design_asks_for(tmp_path, ramulator, buffer, entries):
    made = plan(scheduler_buffer=buffer, request_buffer_size=8)

    _, controller = run(made, tmp_path, ramulator)

    assert controller.read_buffer_size == controller.write_buffer_size == entries
    assert ("scheduler_buffer" in made.written) == (buffer == "ReadWrite")


def parse_yaml(text):
    """The two-space subset of YAML that is written: mappings of scalars, as dotted paths."""
    found, path = {}, []
    for line in text.splitlines():
        match = re.fullmatch(r"( *)([A-Za-z_0-9]+):(?: (.*))?", line)
        if match:
            depth = len(match[1]) // 2
            path = [*path[:depth], match[2]]
            found[".".join(path)] = match[3]
    return found


@pytest.mark.parametrize("device_id", [DDR3, DDR4])
def test_the_yaml_of_2_0_has_the_structure_that_its_reader_wants(device_id):
    made = plan(device_id, "2.0", page_policy="Closed", refresh_policy="NoRefresh")

    found = parse_yaml(made.texts["ramulator-2.0.yaml"])
    assert found["Frontend.impl"] == "LoadStoreTrace"
    assert found["MemorySystem.DRAM.impl"] == device(device_id).standard
    assert found["MemorySystem.DRAM.timing.nRFC"] == str(device(device_id).timings.rfc)
    assert found["MemorySystem.Controller.RowPolicy.impl"] == "ClosedRowPolicy"
    assert found["MemorySystem.Controller.RefreshManager.impl"] == "AllBank"
    assert found["MemorySystem.AddrMapper.impl"] == "RoBaRaCoCh"
    assert {"refresh_policy", "request_buffer_size"} <= {loss.parameter for loss in made.losses}


def test_a_cap_on_accesses_to_a_row_is_the_cap_of_closed_cap(tmp_path, ramulator):
    made = plan(page_policy="ClosedCap", row_hit_cap=16)

    _, controller = run(made, tmp_path, ramulator)

    assert (controller.row_policy.impl, controller.row_policy.cap) == ("ClosedCAP", 16)
    assert {"page_policy", "row_hit_cap"} <= set(made.written)


def test_a_clock_without_a_preset_is_refused():
    with pytest.raises(InputError, match="no timing preset"):
        plan("ddr4-2666-8gb-x8")
