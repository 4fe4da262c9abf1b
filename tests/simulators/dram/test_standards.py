"""Every shipped standard: its rows are complete, its cycles are those of the peers, and the audit agrees."""

from __future__ import annotations

import itertools

import pytest

from simulators.dram.audit.log import Limits
from simulators.dram.audit.rules import spacings
from simulators.dram.config import ControllerConfig
from simulators.dram.memory.bounds import gap
from simulators.dram.memory.constraints import COMMANDS, SCOPES
from simulators.dram.memory.devices import device, device_ids

DEVICES = device_ids()
STANDARDS = ("DDR3", "DDR4", "DDR5", "LPDDR4", "LPDDR5", "GDDR6", "HBM2", "HBM3")
READS, WRITES = ("RD", "RDA"), ("WR", "WRA")
COLUMNS = READS + WRITES
CLOSED = ("REF", "RFM", "SRE")  # commands that need every bank of the rank closed
SETS = ("REFSB", "RFMSB")
EVERYWHERE = {"ACT", "PRE", "PREA", *COLUMNS, "REF", "PDE", "PDX", "SRE", "SRX", "VRR"}
UNITS = ("REFPB", *SETS)  # that need one bank, or one set of banks, closed

# scope, before, after: a row must be there wherever the standard has both commands
NEEDED = (
    ("bank", ("ACT",), (*COLUMNS, "PRE", "ACT", *UNITS)),
    ("bank", ("PRE", "RDA", "WRA"), ("ACT", *UNITS)),
    ("bank", ("RD", "WR"), ("PRE",)),
    ("bank", ("WR",), ("RDA",)),
    ("bank", ("VRR",), ("ACT", "VRR", *UNITS)),
    ("bank", UNITS, ("ACT", "VRR")),
    ("rank", ("ACT",), ("ACT", "VRR", "PREA", "PDE", *CLOSED, *UNITS)),
    ("rank", ("VRR",), ("ACT", "PREA", "PDE", *CLOSED, *UNITS)),
    ("rank", ("PRE",), ("PDE", *CLOSED)),
    ("rank", ("PREA",), ("ACT", "VRR", "PDE", *CLOSED, *UNITS)),
    ("rank", ("RDA", "WRA"), ("PREA", "PDE", *CLOSED)),
    ("rank", ("RD", "WR"), ("PREA", "PDE")),
    ("rank", READS, (*COLUMNS, "SRE")),
    ("rank", WRITES, COLUMNS),
    ("rank", ("REF", "RFM"), ("ACT", "VRR", "PDE", *CLOSED, *UNITS)),
    ("rank", UNITS, ("ACT", "VRR", "PREA", "PDE", *CLOSED, *UNITS)),
    ("rank", ("PDE",), ("PDX",)),
    ("rank", ("PDX",), ("ACT", "VRR", "PRE", "PREA", *COLUMNS, "PDE", *CLOSED, *UNITS)),
    ("rank", ("SRE",), ("SRX",)),
    ("rank", ("SRX",), ("ACT", "VRR", "PREA", *COLUMNS, "PDE", *CLOSED, *UNITS)),
)


@pytest.mark.parametrize("device_id", DEVICES)
def test_every_pair_that_the_memory_cannot_take_at_once_has_a_row(device_id):
    chosen = device(device_id)
    known = EVERYWHERE | set(chosen.commands)

    missing = [
        (scope, before, after)
        for scope, befores, afters in NEEDED
        for before, after in itertools.product(befores, afters)
        if {before, after} <= known and gap(chosen, scope, before, after) <= 0
    ]

    assert missing == []


@pytest.mark.parametrize("device_id", DEVICES)
def test_bank_groups_have_their_own_distances(device_id):
    chosen = device(device_id)
    pairs = [("ACT", "ACT"), *itertools.product(READS, READS), *itertools.product(WRITES, COLUMNS)]

    for before, after in pairs if chosen.bank_groups > 1 else []:
        assert gap(chosen, "group", before, after) >= gap(chosen, "rank", before, after) > 0


@pytest.mark.parametrize("device_id", DEVICES)
def test_a_refresh_of_one_bank_is_one_of_four_activates(device_id):
    chosen = device(device_id)
    counted = {"ACT", "VRR"} | {name for name in ("REFPB", "REFSB", "RFMSB") if name in chosen.commands}

    windows = [row for row in chosen.constraints if row.window > 1]

    assert {COMMANDS[row.before] for row in windows} == counted == {COMMANDS[row.after] for row in windows}
    assert {(SCOPES[row.scope], row.window) for row in windows} == {("rank", 4)}
    assert {row.cycles for row in windows if COMMANDS[row.after] == "ACT"} == {chosen.timings.faw}


@pytest.mark.parametrize("device_id", DEVICES)
def test_ranks_meet_on_the_data_bus_and_pseudo_channels_do_not(device_id):
    chosen = device(device_id)
    t = chosen.timings

    rows = [row for row in chosen.constraints if SCOPES[row.scope] in ("other_ranks", "channel")]

    if chosen.most_ranks == 1 or chosen.pseudo_channels:
        assert rows == []
        return
    switched = t.burst + t.rtrs  # from the first data of one rank to the first of the other
    for before, after in itertools.product(READS, WRITES):
        assert gap(chosen, "other_ranks", before, after) + t.write_data >= t.read_data + switched
        assert gap(chosen, "other_ranks", after, before) + t.read_data >= t.write_data + switched
    for before, after in [*itertools.product(READS, READS), *itertools.product(WRITES, WRITES)]:
        assert gap(chosen, "other_ranks", before, after) >= switched


@pytest.mark.parametrize("device_id", DEVICES)
def test_data_of_one_rank_never_overlap(device_id):
    chosen = device(device_id)
    t = chosen.timings

    assert gap(chosen, "rank", "RD", "WR") + t.write_data >= t.read_data + t.burst
    assert gap(chosen, "rank", "WR", "RD") + t.read_data >= t.write_data + t.burst
    assert min(gap(chosen, "rank", "RD", "RD"), gap(chosen, "rank", "WR", "WR")) >= t.burst


# DRAMsim3 turns the bus round in one clock, and two of its models have shorter commands than the standard
@pytest.mark.parametrize("device_id", [name for name in DEVICES if not name.endswith("-dramsim3")])
def test_the_rows_keep_the_distances_that_the_audit_was_written_with(device_id):
    chosen = device(device_id)
    wider = {
        "bank": ("bank", "group", "rank"),
        "set": ("bank", "rank"),
        "group": ("group", "rank"),
        "rank": ("rank",),
    }

    short = []
    for rule in spacings(Limits.of(chosen)):
        for before, after in itertools.product(rule.earlier, rule.later):
            kept = max(gap(chosen, scope, before, after) for scope in wider[rule.scope])
            nothing_to_close = before in ("REF", "RFM") and after in ("PRE", "PREA")
            known = {before, after} <= {*chosen.commands, "VRR"}
            if known and not nothing_to_close and rule.cycles > 1 and kept < rule.cycles:
                short.append((rule.rule, before, after, kept, rule.cycles))

    assert short == []


@pytest.mark.parametrize(
    ("standard", "refresh", "postponed", "buses", "lengths"),
    [
        ("DDR3", ("AllBank",), 8, 1, {}),
        ("DDR4", ("AllBank",), 8, 1, {}),
        ("DDR5", ("AllBank", "SameBank"), 4, 1, dict.fromkeys(("ACT", *COLUMNS), 2)),
        ("LPDDR4", ("AllBank", "PerBank"), 8, 1,
         dict.fromkeys(("ACT", *COLUMNS), 4)
         | dict.fromkeys(("PRE", "PREA", "REF", "REFPB", "SRE", "SRX"), 2)),
        ("LPDDR5", ("AllBank", "PerBank"), 8, 1, {"ACT": 2}),
        ("GDDR6", ("AllBank", "PerBank"), 8, 1, {}),
        ("HBM2", ("AllBank", "PerBank"), 8, 2, {"ACT": 2}),
        ("HBM3", ("AllBank", "PerBank"), 8, 2, {"ACT": 2}),
    ],
)  # fmt: skip
def test_a_standard_knows_its_refreshes_and_its_command_buses(standard, refresh, postponed, buses, lengths):
    ours = [device(name) for name in DEVICES if not name.endswith("-dramsim3")]
    ours = [one for one in ours if one.standard == standard]
    expected = {**dict.fromkeys(COMMANDS, 1), **lengths}
    expected["VRR"] = expected["ACT"]

    assert ours
    for one in ours:
        assert (one.refresh, one.most_postponed, one.command_buses) == (refresh, postponed, buses)
        assert dict(zip(COMMANDS, one.lengths, strict=True)) == expected
        assert one.pseudo_channels == standard.startswith("HBM")


@pytest.mark.parametrize("standard", STANDARDS)
def test_a_standard_has_the_commands_of_its_refreshes(standard):
    one = next(device(name) for name in DEVICES if device(name).standard == standard)

    assert ("REFPB" in one.commands) == ("PerBank" in one.refresh)
    assert ("REFSB" in one.commands) == ("SameBank" in one.refresh)
    assert ("RFM" in one.commands) == ("RFMSB" in one.commands) == (standard in ("DDR5", "HBM3"))
    assert set(one.commands) >= EVERYWHERE


@pytest.mark.parametrize(
    ("standard", "rates"),
    [
        ("DDR3", ("1600", "1866", "2133")),
        ("DDR4", ("2400", "2666", "3200")),
        ("DDR5", ("4800", "5600", "6400")),
        ("LPDDR4", ("2400", "3200")),
        ("LPDDR5", ("5500", "6400")),
        ("GDDR6", ("14000",)),
        ("HBM2", ("2000", "2400")),
        ("HBM3", ("6400",)),
    ],
)
def test_a_standard_ships_its_speed_bins(standard, rates):
    names = [name for name in DEVICES if device(name).standard == standard]

    for rate in rates:
        one = next(device(name) for name in names if f"-{rate}-" in name)
        transfers = one.burst_length / one.timings.burst  # in a clock
        assert transfers * 1e6 / one.tck_ps == pytest.approx(float(rate), rel=0.01)


@pytest.mark.parametrize("device_id", DEVICES)
@pytest.mark.parametrize("refresh", ["AllBank", "PerBank", "SameBank"])
def test_a_controller_can_be_built_for_every_refresh_that_a_device_knows(device_id, refresh):
    chosen = device(device_id)
    if refresh not in chosen.refresh:
        return

    config = ControllerConfig.build(chosen, {"refresh_policy": refresh})

    assert config.row_array().shape[1] == 6
    assert (config.row_array()[:, 3] > 0).all()


# Cycles listed by Ramulator 2.1 @ c5b1c3a (its names without the n, in lower case)
_RAMULATOR = {
    "ddr3-1600-8gb-x8-ramulator": {
        "cl": 11, "rcd": 11, "rp": 11, "ras": 28, "rc": 39, "wr": 12, "rtp": 6,
        "cwl": 8, "ccd_s": 4, "wtr_s": 6,
        "rtrs": 2, "rrd_s": 5, "faw": 24, "rfc": 280, "refi": 6240,
    },
    "ddr4-2400-8gb-x8-ramulator": {
        "cl": 17, "rcd": 17, "rp": 17, "ras": 39, "rc": 56, "wr": 18, "rtp": 9,
        "cwl": 12, "ccd_s": 4, "ccd_l": 6,
        "wtr_s": 3, "wtr_l": 9, "rtrs": 2, "rrd_s": 4, "rrd_l": 6, "faw": 26, "rfc": 433, "refi": 9364,
    },
    "ddr4-3200-8gb-x8-ramulator": {
        "cl": 22, "rcd": 22, "rp": 22, "ras": 52, "rc": 74, "wr": 24, "rtp": 12,
        "cwl": 16, "ccd_s": 4, "ccd_l": 8,
        "wtr_s": 4, "wtr_l": 12, "rtrs": 2, "rrd_s": 4, "rrd_l": 8, "faw": 34, "rfc": 576, "refi": 12480,
    },
    "ddr5-4800-16gb-x8-ramulator": {
        "cl": 34, "rcd": 34, "rp": 34, "ras": 77, "rc": 111, "wr": 72, "rtp": 18,
        "cwl": 32, "ppd": 2, "ccd_s": 8,
        "ccd_l": 12, "ccd_s_wr": 8, "ccd_l_wr": 48, "wtr_s": 6, "wtr_l": 24, "rtrs": 2,
        "rrd_s": 8, "rrd_l": 12,
        "faw": 48, "rfc": 710, "refi": 9375,
    },
    "gddr6-14000-8gb-x16": {
        "cl": 24, "rcdrd": 27, "rcdwr": 16, "rp": 27, "ras": 53, "rc": 79, "wr": 27,
        "rtp": 4, "cwl": 6, "ccd_s": 2,
        "ccd_l": 4, "rrd_s": 8, "rrd_l": 8, "wtr_s": 9, "wtr_l": 11, "faw": 29, "rfcpb": 106, "rrefd": 15,
        "refi": 3333, "rfc": 211, "ppd": 1, "burst": 2,
    },
    "hbm2-2000-8gb": {
        "cl": 14, "rcdrd": 14, "rcdwr": 12, "rp": 14, "ras": 34, "rc": 48, "wr": 16,
        "rtp": 5, "cwl": 5, "ccd_s": 2,
        "ccd_l": 4, "wtr_s": 6, "wtr_l": 8, "rrd_s": 4, "rrd_l": 4, "faw": 15,
        "rfc": 350, "rfcpb": 160, "rrefd": 8,
        "refi": 3900, "burst": 2,
    },
    "hbm3-6400-16gb-8hi": {
        "cl": 20, "rcdrd": 31, "rcdwr": 15, "rp": 26, "ras": 45, "rc": 72, "wr": 33,
        "rtp": 9, "cwl": 10, "ccd_s": 2,
        "ccd_l": 4, "rrd_s": 4, "rrd_l": 5, "faw": 24, "wtr_s": 7, "wtr_l": 10,
        "rtw": 20, "rfcpb": 320, "rrefd": 8,
        "refi": 6240, "ppd": 2, "rfc": 560, "rfm": 560, "rfmsb": 320, "burst": 2,
    },
}  # fmt: skip
# Cycles listed by DRAMsim3 @ 2981759 (its names in lower case)
_DRAMSIM3 = {
    "ddr3-1600-8gb-x8-dramsim3": {
        "cl": 11, "cwl": 8, "rcd": 11, "rp": 11, "ras": 28, "rfc": 280, "refi": 7800, "rrd_s": 6, "rrd_l": 6,
        "wtr_s": 6, "wtr_l": 6, "faw": 32, "wr": 12, "rtp": 6, "ccd_s": 4, "ccd_l": 4, "cke": 4, "ckesr": 5,
        "xs": 288, "xp": 5, "rtrs": 1,
    },
    "ddr4-2400-8gb-x8-dramsim3": {
        "cl": 17, "cwl": 12, "rcd": 17, "rp": 17, "ras": 39, "rfc": 420, "refi": 9360, "rrd_s": 4, "rrd_l": 6,
        "wtr_s": 3, "wtr_l": 9, "faw": 26, "wr": 18, "rtp": 9, "ccd_s": 4, "ccd_l": 6, "cke": 6, "ckesr": 7,
        "xs": 432, "xp": 8, "rtrs": 1,
    },
    "lpddr4-2400-8gb-x64-dramsim3": {
        "cl": 17, "cwl": 14, "rcd": 15, "rp": 15, "ras": 32, "rfc": 392, "refi": 8660, "rrd_s": 8, "rrd_l": 8,
        "wtr_s": 8, "wtr_l": 16, "faw": 32, "wr": 30, "rtp": 12, "ccd_s": 8, "ccd_l": 8, "cke": 6, "ckesr": 7,
        "xs": 432, "xp": 6, "rtrs": 1, "ppd": 2,
    },
    "gddr6-12000-8gb-x128-dramsim3": {
        "cl": 24, "cwl": 16, "rcdrd": 24, "rcdwr": 20, "rp": 24, "ras": 54,
        "rfc": 126, "refi": 11862, "rrd_s": 9,
        "rrd_l": 9, "wtr_s": 7, "wtr_l": 7, "faw": 32, "wr": 16, "ccd_s": 3,
        "ccd_l": 4, "xs": 132, "ckesr": 8,
        "xp": 12, "rtp": 3, "ppd": 2, "rfcpb": 30, "burst": 2,
    },
    "hbm2-2000-8gb-legacy-dramsim3": {
        "cl": 14, "cwl": 4, "rcdrd": 14, "rcdwr": 14, "rp": 14, "ras": 34,
        "rfc": 260, "refi": 3900, "rrd_s": 4,
        "rrd_l": 6, "wtr_s": 6, "wtr_l": 8, "faw": 30, "wr": 16, "ccd_s": 2, "ccd_l": 2, "xs": 268, "cke": 8,
        "ckesr": 10, "xp": 8, "rtp": 6, "burst": 2,
    },
}  # fmt: skip


@pytest.mark.parametrize(("device_id", "listed"), [*_RAMULATOR.items(), *_DRAMSIM3.items()])
def test_cycles_are_those_that_the_peer_lists(device_id, listed):
    timings = device(device_id).timings

    assert {name: timings[name] for name in listed} == listed


# LPDDR5_6400 of Ramulator 2.1, which counts from ACT-1 and lists what lies between two commands
def test_the_distances_of_lpddr5_are_those_that_the_peer_lists():
    chosen = device("lpddr5-6400-8gb-x16-ramulator")
    bank = {("ACT", "RD"): 15, ("ACT", "WR"): 15, ("PRE", "ACT"): 15, ("ACT", "PRE"): 34, ("ACT", "ACT"): 49,
            ("RD", "PRE"): 8, ("WR", "PRE"): 9 + 2 + 28, ("RDA", "ACT"): 8 + 15,
            ("REFPB", "ACT"): 96}  # fmt: skip
    rank = {("PREA", "ACT"): 17, ("PRE", "PRE"): 2, ("ACT", "ACT"): 4, ("RD", "RD"): 2, ("WR", "WR"): 2,
            ("RD", "WR"): 17 + 2 + 2 - 9, ("WR", "RD"): 9 + 2 + 5, ("REF", "ACT"): 168,
            ("REFPB", "REFPB"): 72}  # fmt: skip
    group = {("RD", "RD"): 4, ("WR", "WR"): 4, ("WR", "RD"): 9 + 2 + 10, ("ACT", "ACT"): 4}

    for scope, listed in (("bank", bank), ("rank", rank), ("group", group)):
        assert {pair: gap(chosen, scope, *pair) for pair in listed} == listed
    assert (chosen.timings.faw, chosen.timings.refi, chosen.timings.read_data) == (16, 3125, 17)


# 1 clock of LPDDR4-3200 each, as DRAMSys 5 counts from first clock to first clock
def test_the_distances_of_lpddr4_are_those_of_dramsys():
    chosen = device("lpddr4-3200-8gb-x16")
    pairs = {("ACT", "RD"): 29, ("ACT", "PRE"): 68 + 2, ("PRE", "ACT"): 29 - 2, ("RD", "PRE"): 12 + 8 - 6,
             ("WR", "PRE"): 14 + 8 + 1 + 29 + 2, ("RDA", "ACT"): 12 + 8 - 8 + 29,
             ("WRA", "ACT"): 14 + 8 + 1 + 29 + 29, ("ACT", "ACT"): 97, ("REFPB", "ACT"): 224 - 2}  # fmt: skip
    ranked = {("RD", "WR"): 28 + 6 + 8 - 14 + 2, ("WR", "RD"): 14 + 1 + 8 + 16, ("PREA", "ACT"): 34 - 2,
              ("REF", "ACT"): 448 - 2, ("PRE", "PRE"): 4, ("ACT", "PDE"): 6, ("PRE", "PDE"): 4,
              ("PDX", "ACT"): 12, ("PDX", "PREA"): 12, ("SRX", "ACT"): 460 - 2}  # fmt: skip

    assert {pair: gap(chosen, "bank", *pair) for pair in pairs} == pairs
    assert {pair: gap(chosen, "rank", *pair) for pair in ranked} == ranked


def test_a_burst_of_32_in_bank_groups_is_read_in_the_time_of_its_bits():
    chosen = device("lpddr5-6400-8gb-x16-bl32")

    assert chosen.peak_bandwidth_gbps == pytest.approx(12.8)
    assert chosen.timings.read_data + chosen.timings.burst == 17 + 6  # its last data: RL + BL/n_min


def test_a_stack_of_hbm_is_as_wide_as_its_standard_says():
    assert device("hbm2-2000-8gb").peak_bandwidth_gbps == pytest.approx(256)
    assert device("hbm3-6400-4hi").peak_bandwidth_gbps == pytest.approx(819.2)


def test_currents_without_a_public_list_say_so():
    for name in ("lpddr5-6400-8gb-x16", "hbm3-6400-4hi"):
        assert "stand-in" in device(name).currents_ma.source
