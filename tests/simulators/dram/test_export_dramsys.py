"""DRAMSys files say what the design says: read back, they give the same design, device and mapping."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from simulators.dram.export.dramsys import plan_export
from simulators.dram.memory.devices import device
from simulators.dram.memory.mapping import MAPPINGS, AddressMapping
from simulators.dram.space import space
from traces.trace import Trace

DRAMGYM = space("dramgym-published")
DDR3, DDR4 = "ddr3-1600-1gb-x8-dimm", "ddr4-2400-8gb-x8"
# The grammar of the block mcconfig: key to the values that the reader of 4.0 knows.
KEYS = {
    "PagePolicy": "page_policy",
    "Scheduler": "scheduler",
    "SchedulerBuffer": "scheduler_buffer",
    "RequestBufferSize": "request_buffer_size",
    "RespQueue": "resp_queue",
    "RefreshPolicy": "refresh_policy",
    "RefreshMaxPostponed": "refresh_max_postponed",
    "RefreshMaxPulledin": "refresh_max_pulledin",
    "Arbiter": "arbiter",
    "MaxActiveTransactions": "max_active_transactions",
}


STOCK_TIMINGS = """
    AL=0 CCD=4 CKE=3 CKESR=4 CL=10 DQSCK=0 FAW=24 RAS=28 RC=38 RCD=10 REFI=6240 RFC=88 RL=10 RP=10 RRD=5 RTP=6
    WL=8 WR=12 WTR=6 XP=6 XPDLL=20 XS=96 XSDLL=512 ACTPDEN=1 PRPDEN=1 REFPDEN=1 RTRS=1
"""


def stock_timings():
    """Clocks of MICRON_1Gb_DDR3-1600_8bit_G as DRAMSys lists them."""
    return {name: int(clocks) for name, clocks in re.findall(r"(\w+)=(\d+)", STOCK_TIMINGS)}


def plan(point, version="5.5", device_id=DDR3, mapping="row-bank-column", **more):
    about = {"space": "dramgym", "device": device_id, "address_mapping": mapping}
    return plan_export(point, about, version=version, **more)


def simulation(point, **options):
    return json.loads(plan(point, **options).texts["dramsys-5.5.json"])["simulation"]


def parse(controller):
    """The design that a block mcconfig describes."""
    return DRAMGYM.point(**{ours: controller[key] for key, ours in KEYS.items()})


def decode(block, address):
    """Bank, row and column by a DRAMSys address mapping; a list in place of a bit is the XOR of its bits."""

    def field(name):
        value = np.zeros(len(address), dtype=np.int64)
        for position, entry in enumerate(block.get(name, [])):
            for bit in entry if isinstance(entry, list) else [entry]:
                value ^= ((address >> np.uint64(bit)) & np.uint64(1)).astype(np.int64) << position
        return value

    bank = field("BANK_BIT") + (field("BANKGROUP_BIT") << len(block["BANK_BIT"]))
    return bank, field("ROW_BIT"), field("COLUMN_BIT")


@pytest.mark.parametrize("seed", range(5))
def test_the_design_of_dramgym_comes_back_from_5_5_without_a_loss(seed):
    for point in (DRAMGYM.from_indices(row) for row in DRAMGYM.sample(20, np.random.default_rng(seed))):
        assert parse(simulation(point)["mcconfig"]) == point
        assert plan(point).losses == ()


def test_the_design_of_dramgym_comes_back_from_4_0_with_exactly_its_twelve_keys():
    for row in DRAMGYM.sample(20, np.random.default_rng(1)):
        point = DRAMGYM.from_indices(row)

        controller = json.loads(plan(point, "4.0").texts["configs/mcconfigs/marl-dse.json"])["mcconfig"]

        assert parse(controller) == point
        assert set(controller) == {*KEYS, "CmdMux", "PowerDownPolicy"}


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_the_bit_lists_decode_as_our_mapping_does(mapping):
    memory = device(DDR3)
    address = np.random.default_rng(1).integers(0, memory.capacity_bytes, 500, dtype=np.uint64)

    bank, row, column = decode(simulation(DRAMGYM.default(), mapping=mapping)["addressmapping"], address)

    ours = AddressMapping.preset(mapping, memory).decode(address)
    assert np.array_equal(bank, ours.bank)
    assert np.array_equal(row, ours.row)
    assert np.array_equal(column, ours.column)


@pytest.mark.parametrize("device_id", [DDR3, DDR4])
@pytest.mark.parametrize("mapping", MAPPINGS)
def test_every_address_bit_up_to_the_capacity_is_used(device_id, mapping):
    block = simulation(DRAMGYM.default(), device_id=device_id, mapping=mapping)["addressmapping"]

    bits = {
        bit
        for field in block.values()
        for entry in field
        for bit in (entry if type(entry) is list else [entry])
    }

    assert bits == set(range(30 if device_id == DDR3 else 32))
    assert len(block["ROW_BIT"]) == (14 if device_id == DDR3 else 15)


@pytest.mark.parametrize("mapping", ["row-bank-column", "bank-row-column"])
def test_a_smaller_stock_memory_keeps_banks_and_columns_of_the_trace(mapping):
    memory = device(DDR4)
    address = np.random.default_rng(2).integers(0, memory.capacity_bytes, 200, dtype=np.uint64)
    requests = Trace(
        arrival_cycle=np.arange(200), address=address, is_write=np.zeros(200, dtype=bool), clock_mhz=1000
    )

    made = plan(DRAMGYM.default(), device_id=DDR4, mapping=mapping, trace=requests)

    block = json.loads(made.texts["dramsys-5.5.json"])["simulation"]["addressmapping"]
    bank, row, column = decode(block, made.trace[2].address)
    ours = AddressMapping.preset(mapping, memory).decode(address)
    assert np.array_equal(bank, ours.bank)
    assert np.array_equal(row, ours.row % 2**15)
    assert np.array_equal(column, ours.column)
    assert "device" in {loss.parameter for loss in made.losses}


def test_the_memory_of_dramgym_is_that_of_its_own_specification():
    # The numbers of MICRON_1Gb_DDR3-1600_8bit_G in DRAMSys: in A and s for 5.5, in mA and MHz for 4.0.
    new = simulation(DRAMGYM.default())["memspec"]
    old = json.loads(plan(DRAMGYM.default(), "4.0").texts[f"configs/memspecs/{DDR3}.json"])["memspec"]

    shared = stock_timings()
    assert new["memtimingspec"] == {**shared, "tCK": pytest.approx(1.25e-9)}
    assert old["memtimingspec"] == {**shared, "clkMhz": 800}
    assert old["memarchitecturespec"] == {
        "burstLength": 8,
        "dataRate": 2,
        "nbrOfBanks": 8,
        "nbrOfColumns": 1024,
        "nbrOfRanks": 1,
        "nbrOfRows": 16384,
        "width": 8,
        "nbrOfDevicesOnDIMM": 8,
        "nbrOfChannels": 1,
    }
    assert new["mempowerspec"]["idd4r"] == pytest.approx(0.140)
    assert old["mempowerspec"]["idd4r"] == 140.0
    assert old["mempowerspec"]["vdd"] == 1.5


def test_ddr4_for_4_0_carries_its_bank_groups_and_its_second_rail():
    made = plan(DRAMGYM.default(), "4.0", device_id=DDR4)

    spec = json.loads(made.texts[f"configs/memspecs/{DDR4}.json"])["memspec"]
    t = device(DDR4).timings
    assert spec["memarchitecturespec"]["nbrOfBankGroups"] == 4
    assert (spec["memtimingspec"]["CCD_L"], spec["memtimingspec"]["RRD_S"]) == (t.ccd_l, t.rrd_s)
    assert spec["memtimingspec"]["clkMhz"] == 1200
    assert spec["mempowerspec"]["vdd2"] == 2.5
    assert made.losses == ()


def test_separate_buffers_use_the_keys_of_5_5():
    controller = simulation(DRAMGYM.point(scheduler_buffer="ReadWrite", request_buffer_size=16))["mcconfig"]

    assert (controller["RequestBufferSizeRead"], controller["RequestBufferSizeWrite"]) == (16, 16)


def test_the_player_has_the_four_keys_it_needs():
    requests = Trace(arrival_cycle=[0], address=[0], is_write=[0], clock_mhz=800, name="one")

    player = simulation(DRAMGYM.default(), trace=requests)["tracesetup"]

    assert player == [{"type": "player", "clkMhz": 800, "name": "traces/one.stl", "dataLength": 64}]


def test_a_clock_that_is_not_whole_mhz_becomes_nanoseconds():
    requests = Trace(arrival_cycle=[0, 1000], address=[0, 0], is_write=[0, 0], clock_ns=0.833, name="odd")

    made = plan(DRAMGYM.default(), trace=requests)

    player = json.loads(made.texts["dramsys-5.5.json"])["simulation"]["tracesetup"][0]
    assert player["clkMhz"] == 1000
    assert made.trace[2].arrival_cycle.tolist() == [0, 833]


def test_power_down_is_written_as_staggered_and_reported():
    ours = space("dram")
    point = ours.point(power_down_policy="PrechargePowerDown", power_down_timeout_cycles=256)

    made = plan(point)

    controller = json.loads(made.texts["dramsys-5.5.json"])["simulation"]["mcconfig"]
    assert controller["PowerDownPolicy"] == "Staggered"
    assert {"power_down_policy", "power_down_timeout_cycles"} <= {loss.parameter for loss in made.losses}


FULL = space("dram-full")


def controller(version="5.5", **values):
    made = plan(FULL.point(**values), version, device_id=DDR4)
    name = "dramsys-5.5.json" if version == "5.5" else "configs/mcconfigs/marl-dse.json"
    block = json.loads(made.texts[name])
    return made, (block["simulation"] if version == "5.5" else block)["mcconfig"]


def test_the_watermarks_of_the_write_drain_carry_over():
    made, block = controller(scheduler="GrpFrFcfsWm", write_high_watermark=32, write_low_watermark=4)

    assert (block["Scheduler"], block["HighWatermark"], block["LowWatermark"]) == ("GrpFrFcfsWm", 32, 4)
    assert {"write_high_watermark", "write_low_watermark"} <= set(made.written)


@pytest.mark.parametrize("version", ["5.5", "4.0"])
@pytest.mark.parametrize(
    ("values", "key", "nearest"),
    [
        ({"page_policy": "Timeout"}, "PagePolicy", "OpenAdaptive"),
        ({"scheduler_buffer": "SplitReadWrite"}, "SchedulerBuffer", "ReadWrite"),
        ({"scheduler": "Fcfs"}, "Scheduler", "Fifo"),
        ({"scheduler": "Bliss"}, "Scheduler", "FrFcfs"),
    ],
)
def test_a_policy_that_dramsys_lacks_becomes_its_nearest_and_a_loss(version, values, key, nearest):
    made, block = controller(version, **values)

    assert block[key] == nearest
    assert set(values) <= {loss.parameter for loss in made.losses}


def test_channels_ranks_and_folds_between_any_bits_are_in_the_bit_lists():
    text = (
        "row:rank:bank:bank_group:column[6:1]:channel:column[0];bank^=row;channel^=column[1:0];row[0]^=row[5]"
    )
    memory = device(DDR4).arranged(channels=4, ranks=2)
    about = {"device": DDR4, "address_mapping": text, "channels": 4, "ranks": 2}
    address = np.random.default_rng(4).integers(0, memory.capacity_bytes // 2, 300, dtype=np.uint64)

    block = json.loads(plan_export(DRAMGYM.default(), about, version="5.5").texts["dramsys-5.5.json"])
    block = block["simulation"]["addressmapping"]

    ours = AddressMapping.of(text, memory).decode(address)
    bank, row, column = decode(block, address)
    rank, _, _ = decode({"BANK_BIT": block["RANK_BIT"], "BANKGROUP_BIT": []}, address)
    channel, _, _ = decode({"BANK_BIT": block["CHANNEL_BIT"], "BANKGROUP_BIT": []}, address)
    assert np.array_equal(channel, ours.channel)
    assert np.array_equal(rank * memory.banks + bank, ours.bank)
    assert np.array_equal(row & 0x3FFF, ours.row & 0x3FFF)
    assert np.array_equal(column, ours.column)
