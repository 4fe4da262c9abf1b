"""The INI for DRAMsim3 has only keys that its reader knows, and reads back to the device and the policies."""

from __future__ import annotations

import configparser

import pytest

from simulators.dram.export.dramsim3 import plan_export
from simulators.dram.memory.devices import device, device_ids
from simulators.dram.space import space
from traces.trace import Trace

SPACE = space("dram")
DEVICES = tuple(name for name in device_ids() if device(name).standard in ("DDR3", "DDR4"))
# Keys that the reader of DRAMsim3 (2981759) asks for; any other would be ignored without a word.
KNOWN = {
    "dram_structure": "protocol bankgroups banks_per_group bankgroup_enable rows columns device_width BL",
    "timing": "tCK AL CL CWL tRCD tRP tRAS tRFC tREFI tFAW tRRD_S tRRD_L tWTR_S tWTR_L tRTP tWR tCCD_S "
    "tCCD_L tCKE tCKESR tXS tXP tRTRS tRFCb tREFIb tPPD tRPRE tWPRE",
    "power": "VDD IDD0 IDD2P IDD2N IDD3P IDD3N IDD4W IDD4R IDD5AB IDD5PB IDD6x",
    "system": "channel_size channels bus_width address_mapping queue_structure row_buf_policy refresh_policy "
    "cmd_queue_size trans_queue_size unified_queue write_buf_size enable_self_refresh sref_threshold "
    "aggressive_precharging_enabled",
    "other": "epoch_period output_level output_prefix",
}
FIELDS = {"ch", "ra", "bg", "ba", "ro", "co"}


def plan(device_id="ddr4-2400-8gb-x8", trace=None, **values):
    about = {"space": "dram", "device": device_id, "address_mapping": "row-bank-column"}
    return plan_export(SPACE.point(**values), about, trace=trace)


def read(made):
    parser = configparser.ConfigParser(comment_prefixes=(";",))
    parser.optionxform = str
    parser.read_string(made.texts["dramsim3.ini"])
    return parser


@pytest.mark.parametrize("device_id", DEVICES)
def test_only_known_keys_are_written(device_id):
    ini = read(plan(device_id))

    assert {section: set(ini[section]) - set(KNOWN[section].split()) for section in ini.sections()} == {
        section: set() for section in KNOWN
    }


@pytest.mark.parametrize("device_id", DEVICES)
def test_the_device_comes_back(device_id):
    ini, memory = read(plan(device_id)), device(device_id)

    structure, timing, power = ini["dram_structure"], ini["timing"], ini["power"]
    assert structure.getint("bankgroups") * structure.getint("banks_per_group") == memory.banks
    assert (structure.getint("rows"), structure.getint("columns")) == (memory.rows, memory.columns)
    assert timing.getfloat("tCK") == memory.tck_ns
    for ours, theirs in {
        "cl": "CL",
        "cwl": "CWL",
        "rcd": "tRCD",
        "ras": "tRAS",
        "wtr_l": "tWTR_L",
        "rfc": "tRFC",
    }.items():
        assert timing.getint(theirs) == getattr(memory.timings, ours)
    assert power.getfloat("IDD4R") == memory.currents_ma.idd4r
    assert ini["system"].getint("channel_size") * 2**20 == memory.capacity_bytes


def test_reads_and_writes_are_as_far_apart_as_in_our_controller():
    timing, t = read(plan())["timing"], device("ddr4-2400-8gb-x8").timings

    gap = timing.getint("CL") + t.burst + timing.getint("tRTRS") - timing.getint("CWL")

    assert gap == t.rtw


@pytest.mark.parametrize(
    ("values", "key", "text"),
    [
        ({"page_policy": "Open"}, "row_buf_policy", "OPEN_PAGE"),
        ({"page_policy": "ClosedAdaptive"}, "row_buf_policy", "CLOSE_PAGE"),
        ({"scheduler_buffer": "Bankwise"}, "queue_structure", "PER_BANK"),
        ({"scheduler_buffer": "Shared"}, "queue_structure", "PER_RANK"),
        ({"scheduler_buffer": "ReadWrite"}, "unified_queue", "false"),
        ({"request_buffer_size": 32}, "cmd_queue_size", "32"),
        ({"max_active_transactions": 16}, "trans_queue_size", "16"),
        ({"address_mapping": "row-bank-column"}, "address_mapping", "rorababgcoch"),
        ({"address_mapping": "row-column-bank"}, "address_mapping", "roracobabgch"),
        ({"address_mapping": "bank-row-column"}, "address_mapping", "chrababgroco"),
    ],
)
def test_a_value_becomes_its_nearest_key(values, key, text):
    assert read(plan(**values))["system"][key] == text


@pytest.mark.parametrize(
    "mapping", ["row-bank-column", "row-column-bank", "bank-row-column", "row-bank-column-xor"]
)
def test_the_mapping_names_all_six_fields(mapping):
    text = read(plan(address_mapping=mapping))["system"]["address_mapping"]

    assert {text[i : i + 2] for i in range(0, 12, 2)} == FIELDS


def test_no_refresh_is_an_interval_that_no_run_reaches():
    made = plan(refresh_policy="NoRefresh")

    assert read(made)["timing"].getint("tREFI") > 10**9
    assert "refresh_policy" in made.written


def test_arrivals_are_written_in_cycles_of_the_memory():
    requests = Trace(arrival_cycle=[0, 1000], address=[0, 64], is_write=[0, 1], clock_ns=1.0, name="two")

    made = plan(trace=requests)

    assert made.trace[2].arrival_cycle.tolist() == [0, 1201]


def test_a_mapping_written_as_a_text_keeps_its_order_of_fields():
    about = {"device": "ddr4-2400-8gb-x8", "address_mapping": "row:column:rank:bank_group:bank:channel"}

    made = plan_export(space("dramgym").default(), about)

    assert read(made)["system"]["address_mapping"] == "rocorabgbach"
    assert "address_mapping" not in {loss.parameter for loss in made.losses}


@pytest.mark.parametrize(
    "text",
    ["row:bank:bank_group:column[6:1]:rank:channel:column[0]", "row:rank:bank:bank_group:column;bank^=row"],
)
def test_what_the_field_order_cannot_say_is_a_loss(text):
    made = plan_export(space("dramgym").default(), {"device": "ddr4-2400-8gb-x8", "address_mapping": text})

    assert "address_mapping" in {loss.parameter for loss in made.losses}


def test_channels_and_ranks_are_those_of_the_memory():
    system = space("dram-system")
    made = plan_export(system.point(channels=2, ranks=2), {"device": "ddr4-2400-8gb-x8"})

    ini = read(made)
    assert ini["system"].getint("channels") == 2
    assert ini["system"].getint("channel_size") == 16 * 1024
    assert ini["timing"].getint("tRTRS") == device("ddr4-2400-8gb-x8").timings.rtrs
