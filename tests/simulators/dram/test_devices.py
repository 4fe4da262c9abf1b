"""Devices are data: their cycles follow the integer rounding of JEDEC; bad ones are refused with the rule."""

from __future__ import annotations

import pickle
import shutil
from importlib import resources

import pytest

from dse.errors import InputError, LookupFailed
from simulators.dram.memory.devices import device, device_ids, round_up_cycles
from simulators.dram.memory.standard_file import MOST_BYTES, load_standard


def test_rounding_does_not_lose_a_clock_to_the_rounded_period():
    assert round_up_cycles(15_000, 1250) == 12
    assert round_up_cycles(13_750, 625) == 22
    assert round_up_cycles(13_751, 625) == 22
    assert round_up_cycles(13_800, 625) == 23
    assert round_up_cycles(350_000, 833) == 421


# DDR5-4800: tCK is 416.67 ps and listed as 416
@pytest.mark.parametrize(
    ("time_ps", "cycles"), [(30_000, 72), (7_500, 18), (10_000, 24), (5_000, 12), (3_328, 8), (3_350, 9)]
)
def test_ddr5_rounds_by_a_smaller_correction(time_ps, cycles):
    assert round_up_cycles(time_ps, 416, "JESD79-5") == cycles


# Cycles on which Ramulator 2.1 (DDR4_2400U, DDR4_3200AA) and DRAMsim3 agree.
@pytest.mark.parametrize(
    ("device_id", "expected"),
    [
        (
            "ddr4-2400-8gb-x8",
            {"cl": 17, "cwl": 12, "rcd": 17, "rp": 17, "ras": 39, "rc": 56, "rrd_s": 4, "rrd_l": 6, "faw": 26,
             "ccd_s": 4, "ccd_l": 6, "wtr_s": 3, "wtr_l": 9, "rtp": 9, "wr": 18},
        ),
        (
            "ddr4-3200-8gb-x8",
            {"cl": 22, "cwl": 16, "rcd": 22, "rp": 22, "ras": 52, "rc": 74, "rrd_s": 4, "rrd_l": 8, "faw": 34,
             "ccd_s": 4, "ccd_l": 8, "wtr_s": 4, "wtr_l": 12, "rtp": 12, "wr": 24, "rfc": 560, "refi": 12480},
        ),
        (
            "ddr4-2666-8gb-x8",
            {"cl": 19, "cwl": 14, "rcd": 19, "rp": 19, "ras": 43, "rrd_s": 4, "rrd_l": 7, "faw": 28,
             "ccd_l": 7, "wtr_s": 4, "wtr_l": 10, "rtp": 10, "wr": 20, "rfc": 467, "xp": 8, "cke": 7},
        ),
        (
            "ddr3-1600-8gb-x8",
            {"cl": 11, "cwl": 8, "rcd": 11, "rp": 11, "ras": 28, "rc": 39, "rrd_s": 5, "faw": 24, "ccd_s": 4,
             "wtr_s": 6, "rtp": 6, "wr": 12, "rfc": 280, "refi": 6240},
        ),
        (
            "ddr5-4800-16gb-x8",
            {"cl": 34, "cwl": 32, "ras": 77, "rc": 111, "ccd_l": 12, "wtr_l": 24, "rtp": 18, "wr": 72,
             "faw": 32},
        ),
    ],
)  # fmt: skip
def test_cycles_agree_with_other_simulators(device_id, expected):
    timings = device(device_id).timings

    assert {name: getattr(timings, name) for name in expected} == expected


@pytest.mark.parametrize("device_id", device_ids())
def test_a_device_is_consistent(device_id):
    chosen = device(device_id)
    t, current = chosen.timings, chosen.currents_ma

    assert t.rc >= t.ras + t.rp - 1
    assert t.faw >= t.rrd_s * 3
    assert t.ccd_l >= t.ccd_s >= t.burst
    assert t.rtw > 0
    assert t.read_data >= t.cl
    assert t.write_close >= t.write_data + t.burst + t.wr
    lowest = min(current.idd4r, current.idd4w, current.idd5b, current.idd0)
    assert lowest > current.idd3n >= current.idd2n > current.idd2p
    assert current.idd5pb == 0 or current.idd3n < current.idd5pb < current.idd5b
    assert chosen.burst_bytes in (32, 64, 128, 256)
    assert chosen.source
    assert current.source
    assert device(device_id) == chosen == pickle.loads(pickle.dumps(chosen))


def test_peak_bandwidth_is_rate_times_width():
    assert device("ddr4-3200-8gb-x8").peak_bandwidth_gbps == pytest.approx(25.6)
    assert device("ddr3-1600-1gb-x8-dimm").peak_bandwidth_gbps == pytest.approx(12.8)
    assert device("ddr5-4800-16gb-x8").peak_bandwidth_gbps == pytest.approx(38.4, rel=0.002)
    assert device("ddr5-4800-16gb-x8").arranged(channels=1).peak_bandwidth_gbps == pytest.approx(
        19.2, rel=0.002
    )


def test_currents_of_several_rails_are_folded_by_power():
    current = device("lpddr4-3200-8gb-x16").currents_ma

    assert current.vdd_v * current.idd0 == pytest.approx(1.8 * 3.5 + 1.1 * 45 + 1.1 * 0.75, abs=0.01)


def test_an_unknown_device_names_the_nearest():
    with pytest.raises(LookupFailed, match="ddr4-2400-8gb-x8"):
        device("ddr4-2400-8gb-x88")


@pytest.mark.parametrize(
    ("device_id", "ranks", "reason"),
    [
        ("ddr4-2400-8gb-x8", 8, "from 1 to 4"),
        ("ddr4-2400-8gb-x8", 3, "power of two"),
        ("ddr4-2400-8gb-x8", 0, "power of two"),
        ("hbm2-2000-8gb", 4, "pseudo channels"),
        ("ddr5-4800-16gb-x8", 4, "from 1 to 2"),
    ],
)
def test_numbers_of_ranks_that_cannot_be_built_are_refused(device_id, ranks, reason):
    with pytest.raises(InputError, match=reason):
        device(device_id).arranged(ranks=ranks)


@pytest.mark.parametrize("channels", [0, 3, 64, -2])
def test_numbers_of_channels_that_cannot_be_built_are_refused(channels):
    with pytest.raises(InputError, match="from 1 to 32"):
        device("ddr4-2400-8gb-x8").arranged(channels=channels)


@pytest.mark.parametrize("device_id", device_ids())
def test_every_number_of_ranks_that_a_device_names_can_be_built(device_id):
    chosen = device(device_id)

    most = chosen.arranged(ranks=chosen.most_ranks)

    assert most.ranks * most.banks <= 64


@pytest.fixture
def mine(tmp_path):
    """A user's own file: a copy of a shipped one, with texts replaced."""

    def copy(*changes, standard="ddr4"):
        path = tmp_path / "mine.toml"
        with resources.as_file(
            resources.files("simulators.dram.memory") / "standards" / f"{standard}.toml"
        ) as shipped:
            shutil.copy(shipped, path)
        text = path.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path.write_text(text)
        return path

    return copy


def test_a_device_of_a_users_own_file_is_found_by_path_and_name(mine):
    path = mine(("[devices.ddr4-2400-8gb-x8]", "[devices.mine]"), ("ps = 350000", "ps = 300000"))

    own = device(f"{path}#mine")

    assert own.timings.rfc == round_up_cycles(300_000, 833)
    assert own.id == f"{path}#mine"
    assert own.timings.rcd == device("ddr4-2400-8gb-x8").timings.rcd
    assert "mine.toml, sha256" in own.source


def test_what_a_device_lists_is_not_derived(mine):
    path = mine(("cl = 17, cwl = 12, dllk = 768", "cl = 17, cwl = 12, dllk = 768, rtw = 20"))

    assert device(f"{path}#ddr4-2400-8gb-x8").timings.rtw == 20


def test_a_device_may_derive_what_its_standard_derives_otherwise(mine):
    path = mine(("[speeds.2666]", '[speeds.2400.derived]\nrtw = "cl + burst + 3 - cwl"\n\n[speeds.2666]'))

    assert device(f"{path}#ddr4-2400-8gb-x8").timings.rtw == 12


def test_a_changed_file_is_read_again(mine):
    path = mine()
    before = device(f"{path}#ddr4-2400-8gb-x8")

    path = mine(("ps = 350000", "ps = 300000"))

    assert device(f"{path}#ddr4-2400-8gb-x8").timings.rfc < before.timings.rfc
    assert device(f"{path}#ddr4-2400-8gb-x8").source != before.source


def test_a_device_that_a_users_file_lacks_is_named(mine):
    with pytest.raises(LookupFailed, match=r"mine.toml.*'ddr4-2400'.*Did you mean"):
        device(f"{mine()}#ddr4-2400")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('id = "DDR4"', 'ident = "DDR4"', "id: is missing"),
        ("most_postponed = 8", "most_postponed = -1", "most_postponed: is '-1': .* from 0"),
        ('refresh = ["AllBank"]', 'refresh = ["Allbank"]', "refresh: .*a list of some of 'AllBank'"),
        ("command_buses = 1", "command_buses = 3", "command_buses: .*expected 1 or 2"),
        ("command_buses = 1", "command_buses = 1\nlengths = { ACTIVATE = 2 }", "lengths: .*of commands"),
        ("command_buses = 1", "command_buses = 1\nlengths = { ACT = 9 }", "lengths: .*1 to 8"),
        ("hot_above_c = 85", 'hot_above_c = "85"', "hot_above_c: .*a number"),
        ("hot_above_c", "hot_over_c", "hot_above_c: is missing"),
        ("cycles = \"rcd\" }", "cycle = \"rcd\" }", "constraint 1.cycles: is missing"),
        ("cycles = \"rcd\" }", "cycles = \"rcd\", windows = 4 }", "constraint 1.windows: is unknown"),
        ("cycles = \"rcd\" }", "cycles = \"rcd()\" }", "constraint 1 .tRCD.*no expression"),
        ("tck_ps = 833", "tck_ps = 0", "speeds.2400.tck_ps: .*from 1"),
        ("tck_ps = 833", "tCK_ps = 833", "speeds.2400.tck_ps: is missing"),
        ("burst_length = 8", "burst_length = 8.0", "organisations.8gb-x8.burst_length: .*whole number"),
        ("rows = 65536", "row = 65536", "organisations.8gb-x8.rows: is missing"),
        ("idd0 = 48.0", "idd0 = -48.0", "currents.2400-8gb-x8.idd0: .*a number from 0"),
        ("idd0 = 48.0", "idd0 = nan", "currents.2400-8gb-x8.idd0: .*a number from 0"),
        ("idd0 = 48.0", "idd0 = true", "currents.2400-8gb-x8.idd0: .*a number from 0"),
        ("idd6 = 30.0", "idd6n = 30.0", "currents.2400-8gb-x8.idd6n: is unknown.*'idd6'"),
        ('speed = "2400"', 'speeds = "2400"', "devices.ddr4-2400-8gb-x8.speed: is missing"),
        ('speed = "2400"', 'speed = "2401"', "speeds.2401 does not exist.*Did you mean '2400'"),
        ("xp = { ps = 6000, min = 4 }", "xp = { ps = 6000, mim = 4 }", "timings_ps.xp.mim: is unknown"),
        ("xp = { ps = 6000, min = 4 }", "xp = 6000", "timings_ps: .*a table of tables"),
        ("cl = 17", 'cl = "17"', "speeds.2400.timings_cycles: .*whole numbers"),
        ("cl = 17", "cll = 17", "uses the timing 'cl', which the device does not have"),
        ("cl = 17", "cl = 99999999999", "the timing 'cl' is 99999999999 cycles"),
        ("ps = 7800000, maximum = true", "ps = 780000000000000000, maximum = true", "'refi'"),
        ("[timings_cycles] ", "[timing_cycles] ", "timing_cycles: is unknown.*'timings_cycles'"),
        ("[derived] ", "[derive] ", "derive: is unknown"),
        ("id =", "id ", "is no TOML"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_its_file_and_key(mine, old, new, reason):
    path = mine((old, new))

    with pytest.raises(InputError, match=reason) as caught:
        device(f"{path}#ddr4-2400-8gb-x8")

    assert "mine.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("rc = { ps = 46160 }", "rc = { ps = 40000 }", "tRC >= tRAS"),
        ("ras = { ps = 32000 }", "ras = { ps = 12000 }", "tRAS >= tRCD"),
        ("ps = 350000", "ps = 3900000", "tREFI >= 2"),
        ("hot_refresh_factor = 2", "hot_refresh_factor = 64", "hot_refresh_factor > tRFC"),
        ("ccd_s = 4", "ccd_s = 3", "tCCD_S >= burst"),
        ("ccd_l = { ps = 5000, min = 5 }", "ccd_l = { ps = 1 }", "tCCD_L >= tCCD_S"),
        ("rrd_l = { ps = 4900, min = 4 }", "rrd_l = { ps = 1 }", "tRRD_L >= tRRD_S"),
        ("faw = { ps = 21000, min = 20 }", "faw = { ps = 1 }", "tFAW >= tRRD_S"),
        ("wtr_l = { ps = 7500, min = 4 }", "wtr_l = { ps = 1 }", "tWTR_L >= tWTR_S"),
        ("cwl = 12", "cwl = 0", "CWL.* >= 1"),
        ('rtw = "cl + burst + 2 - cwl"', 'rtw = "1"', "read to write on one data bus"),
        ('write_close = "cwl + burst + wr"', 'write_close = "cwl"', "write_close >= write_data"),
        ("rows = 65536", "rows = 65535", "are powers of two"),
        ("columns = 1024", "columns = 2048", "device_density_mbit"),
        ("burst_length = 8", "burst_length = 2048", "burst"),
        ("most_ranks = 4", "most_ranks = 0", "most_ranks"),
        ("ranks = 1\n", "ranks = 8\n", "ranks <= most_ranks"),
        ("idd3n = 43.0", "idd3n = 49.0", "IDD0 > IDD3N"),
        ("idd2n = 34.0", "idd2n = 24.0", "IDD2N >= IDD2P"),
        ("idd6 = 30.0", "idd6 = 30.0\nidd5pb = 40.0", "IDD5PB > IDD3N"),
        ("vdd_v = 1.2", "vdd_v = 0", "VDD > 0"),
        ('refresh = ["AllBank"]', 'refresh = ["AllBank", "SameBank"]', "without constraints of REFSB"),
    ],
)
def test_an_impossible_memory_is_refused_with_the_rule(mine, old, new, rule):
    path = mine((old, new))

    with pytest.raises(InputError, match=rule) as caught:
        device(f"{path}#ddr4-2400-8gb-x8")

    assert "mine.toml" in str(caught.value)


def test_too_many_banks_for_a_channel_are_refused(mine):
    path = mine(("banks_per_group = 4\nrows = 65536", "banks_per_group = 32\nrows = 8192"))

    with pytest.raises(InputError, match="128 banks in 4 groups a channel: expected at most 64 and 32"):
        device(f"{path}#ddr4-2400-8gb-x8")


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no\.toml.*cannot be read"):
        device(f"{tmp_path / 'no.toml'}#x")
    with pytest.raises(InputError, match="cannot be read"):
        load_standard(tmp_path)


def test_a_file_that_is_too_long_is_not_read(tmp_path):
    path = tmp_path / "long.toml"
    path.write_bytes(b"#" * (MOST_BYTES + 1))

    with pytest.raises(InputError, match="longer than"):
        load_standard(path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = " + b"[" * 50_000])
def test_a_file_that_is_no_text_or_no_toml_is_refused(tmp_path, content):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)

    with pytest.raises(InputError, match="is no TOML"):
        load_standard(path)


@pytest.mark.parametrize("table", ["speeds", "organisations", "currents", "devices"])
def test_a_missing_table_is_named(mine, table):
    text = mine().read_text()
    path = mine()
    path.write_text(text.replace(f"[{table}.", "[other."))

    with pytest.raises(InputError, match=f"{table}: is missing"):
        load_standard(path)
