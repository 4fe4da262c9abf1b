"""Devices are data; their cycles follow the integer rounding of JEDEC."""

from __future__ import annotations

import pytest

from dse.errors import LookupFailed
from simulators.dram.devices import device, device_ids, round_up_cycles


def test_the_three_devices_of_the_first_issue_are_shipped():
    assert device_ids() == ("ddr3-1600-1gb-x8-dimm", "ddr4-2400-8gb-x8", "ddr4-3200-8gb-x8")


def test_rounding_does_not_lose_a_clock_to_the_rounded_period():
    assert round_up_cycles(15_000, 1250) == 12
    assert round_up_cycles(13_750, 625) == 22
    assert round_up_cycles(13_751, 625) == 22
    assert round_up_cycles(13_800, 625) == 23


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
    ],
)  # fmt: skip
def test_cycles_agree_with_other_simulators(device_id, expected):
    timings = device(device_id).timings

    assert {name: getattr(timings, name) for name in expected} == expected


@pytest.mark.parametrize("device_id", device_ids())
def test_a_device_is_consistent(device_id):
    chosen = device(device_id)
    t, current = chosen.timings, chosen.currents_ma

    assert t.rc >= t.ras + t.rp
    assert t.faw >= t.rrd_s * 3
    assert t.ccd_l >= t.ccd_s >= t.burst
    assert t.rtw > 0
    assert (
        min(current.idd4r, current.idd4w, current.idd5b, current.idd0)
        > current.idd3n
        >= current.idd2n
        > current.idd2p
    )
    assert chosen.burst_bytes == 64
    assert chosen.source


def test_peak_bandwidth_is_rate_times_width():
    assert device("ddr4-3200-8gb-x8").peak_bandwidth_gbps == pytest.approx(25.6)
    assert device("ddr3-1600-1gb-x8-dimm").peak_bandwidth_gbps == pytest.approx(12.8)


def test_an_unknown_device_names_the_nearest():
    with pytest.raises(LookupFailed, match="ddr4-2400-8gb-x8"):
        device("ddr4-2400-8gb-x16")
