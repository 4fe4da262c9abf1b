"""The trace for Perfetto: lanes, durations, what is open at the edges of the window; its form."""

from __future__ import annotations

import json

import pytest

from dse.errors import InputError
from simulators.dram.replay.recording import record
from simulators.dram.replay.timeline import timeline
from simulators.dram.simulator import DramSimulator
from tests.simulators.dram.recordings import DEVICE, TCK_NS, recording
from traces.synthetic import uniform_random

T = DEVICE.timings
US = TCK_NS / 1000


@pytest.fixture
def one_read():
    """ACT, read, precharge of row 5 in bank 3."""
    return recording((10, "ACT", 3, 5, 0), (27, "RD", 3, 5, 0), (49, "PRE", 3, -1, -1), finish=(60,))


def complete(made, name=None):
    """The complete events, those called `name`."""
    return [e for e in made.events if e["ph"] == "X" and name in (None, e["name"])]


def lanes(made):
    """Name of every thread by (process, thread)."""
    return {(e["pid"], e["tid"]): e["args"]["name"] for e in made.events if e["name"] == "thread_name"}


def test_a_command_lasts_until_its_successor_may_follow(one_read):
    made = timeline(one_read)

    (act,) = complete(made, "ACT")
    (pre,) = complete(made, "PRE")
    assert act["ts"] == pytest.approx(10 * US)
    assert act["dur"] == pytest.approx(T.rcd * US)
    assert pre["dur"] == pytest.approx((one_read.counters["elapsed_cycles"] + 1 - 49) * US)
    assert act["args"] == {"cycle": 10, "row": 5, "request": 0}


def test_a_row_is_open_from_its_activate_to_its_precharge(one_read):
    (row,) = complete(timeline(one_read), "row 0x5")

    assert row["ts"] == pytest.approx(10 * US)
    assert row["dur"] == pytest.approx(39 * US)


def test_a_burst_is_on_the_data_bus_when_its_data_are(one_read):
    made = timeline(one_read)

    (burst,) = complete(made, "read")
    assert lanes(made)[burst["pid"], burst["tid"]] == "data bus"
    assert burst["ts"] == pytest.approx((27 + T.read_data) * US)
    assert burst["dur"] == pytest.approx(T.burst * US)


def test_an_auto_precharge_closes_the_row_when_the_device_does():
    made = timeline(recording((0, "ACT", 0, 1, 0), (T.rcd, "RDA", 0, 1, 0), finish=(200,)))

    (row,) = complete(made, "row 0x1")
    (closing,) = complete(made, "auto-precharge")
    assert row["dur"] == pytest.approx(max(T.rcd + T.read_close, T.ras) * US)
    assert closing["ts"] == pytest.approx(row["ts"] + row["dur"])
    assert closing["dur"] == pytest.approx(T.rp * US)


def test_power_down_lasts_until_the_rank_wakes():
    made = timeline(recording((5, "PDE", -1, -1, -1), (25, "PDX", -1, -1, -1), finish=(60,)))

    (down,) = complete(made, "power-down")
    assert (down["ts"], down["dur"]) == (pytest.approx(5 * US), pytest.approx(20 * US))
    assert lanes(made)[down["pid"], down["tid"]] == "rank 0"


def test_what_is_open_or_asleep_at_the_edges_of_the_window_is_drawn_up_to_them():
    log = recording(
        (0, "ACT", 0, 7, 0), (10, "SRE", -1, -1, -1, 1), (100, "REF", -1, -1, -1), finish=(200,), ranks=2
    )

    made = timeline(log, from_ns=50 * TCK_NS, to_ns=150 * TCK_NS)

    (row,), (asleep,) = complete(made, "row 0x7"), complete(made, "self-refresh")
    for event in (row, asleep):
        assert event["ts"] == pytest.approx(50 * US)
        assert event["ts"] + event["dur"] == pytest.approx(150 * US)


@pytest.mark.parametrize(
    "closing",
    [(20, "PRE", 0, -1, -1), (20, "PREA", -1, -1, -1), (20, "RDA", 0, 7, 0)],
    ids=lambda one: one[1],
)
def test_a_row_that_was_closed_before_the_window_is_not_drawn(closing):
    log = recording((0, "ACT", 0, 7, 0), closing, (100, "REF", -1, -1, -1), finish=(200,))

    made = timeline(log, from_ns=80 * TCK_NS)

    assert complete(made, "row 0x7") == []


def test_a_precharge_of_all_banks_closes_the_rows_of_its_own_rank():
    log = recording(
        (0, "ACT", 0, 1, 0), (10, "ACT", 16, 2, 0, 1), (60, "PREA", -1, -1, -1, 0), finish=(99,), ranks=2
    )

    made = timeline(log)

    assert complete(made, "row 0x1")[0]["dur"] == pytest.approx(60 * US)
    assert complete(made, "row 0x2")[0]["dur"] == pytest.approx(90 * US)


def test_each_channel_is_a_process_with_lanes_of_its_own():
    log = recording(
        (0, "ACT", 0, 1, 0),
        (0, "ACT", 0, 2, 0, 0, 1),
        requests=((0, 0, 0, 0), (0, 0, 0, 1)),
        finish=(50, 60),
        channels=2,
    )

    made = timeline(log)

    assert {event["pid"] for event in complete(made, "ACT")} == {0, 1}
    assert {process for process, _ in lanes(made)} == {0, 1}


def test_requests_in_flight_are_counted_from_acceptance_to_the_response():
    requests = ((0, 0, 0, 0), (10, 0, 0, 0))
    made = timeline(recording((5, "ACT", 0, 1, 0), requests=requests, finish=(20, 30)))

    counted = [e for e in made.events if e["name"] == "requests in flight"]
    changes = {round(e["ts"] / US): e["args"]["value"] for e in counted}
    assert changes == {0: 1, 10: 2, 20: 1, 30: 0}


def test_too_many_commands_are_left_out_and_counted():
    log = recording(*((100 * i, "REF", -1, -1, -1) for i in range(10)), finish=(2000,))

    made = timeline(log, most=4)

    assert (made.commands, made.left_out) == (4, 6)
    assert made.to_ns == pytest.approx(400 * TCK_NS)


def test_a_window_without_commands_is_refused(one_read):
    with pytest.raises(InputError, match="no command was issued from 900 ns on"):
        timeline(one_read, from_ns=900.0)


DDR4 = "ddr4-2400-8gb-x8"
ASLEEP = {"controller": {"self_refresh_timeout": 400}}
POWER_DOWN = {"power_down_policy": "PrechargePowerDown", "power_down_timeout_cycles": 16}
# Device, options of the simulator, design, clocks between arrivals, and what must be on the lanes.
REAL = {
    "open": (DDR4, {}, {"page_policy": "Open"}, 40, ("PRE", "REF", "PREA")),
    "closed, two ranks": (
        DDR4,
        {"ranks": 2},
        {"page_policy": "Closed"},
        40,
        ("RDA", "auto-precharge", "REF"),
    ),
    "power-down": (DDR4, {}, POWER_DOWN, 200, ("power-down", "PDX")),
    "self-refresh": (DDR4, ASLEEP, {}, 2000, ("self-refresh", "SRX")),
    "same bank": ("ddr5-4800-16gb-x8", {}, {"refresh_policy": "SameBank"}, 40, ("REFSB",)),
    "per bank": ("lpddr4-3200-8gb-x16", {}, {"refresh_policy": "PerBank"}, 40, ("REFPB",)),
    "pseudo channels": ("hbm2-2000-8gb", {}, {}, 40, ("REF",)),
    "mitigation": (DDR4, {"mitigation": "Para", "row_hammer_threshold": 200}, {}, 40, ("VRR",)),
}


@pytest.fixture(scope="module", params=REAL)
def real(request):
    """A run, what must be in its trace, and the trace as a viewer reads it."""
    device, options, design, interval, expected = REAL[request.param]
    simulator = DramSimulator(device=device, **options)
    trace = uniform_random(n=600, seed=3, interval_cycles=interval)
    made = record(simulator, simulator.space.point(**design), trace, log=True)
    return made, expected, json.loads(json.dumps({"traceEvents": timeline(made).events}))["traceEvents"]


def test_what_the_controller_did_is_on_the_lanes(real):
    _, expected, events = real

    assert set(expected) <= {event["name"] for event in events if event["ph"] == "X"}


def test_a_real_run_gives_events_that_a_viewer_takes(real):
    _, _, events = real

    for event in events:
        assert event["ph"] in "XCM"
        assert isinstance(event["pid"], int)
        assert event["ph"] != "X" or (event["dur"] > 0 and event["ts"] >= 0 and isinstance(event["tid"], int))


def test_every_command_of_a_real_run_is_there_once(real):
    made, _, events = real

    columns = sum(e["ph"] == "X" and e["name"] in ("RD", "RDA", "WR", "WRA") for e in events)
    assert columns == len(made.stream.requests)
    for command in ("ACT", "REF", "REFPB", "REFSB", "VRR"):
        assert sum(e["name"] == command for e in events) == made.counters[f"n_{command.lower()}"]


def test_events_of_a_lane_lie_apart_or_within_each_other(real):
    _, _, events = real
    spans = [(e["pid"], e["tid"], e["ts"], e["ts"] + e["dur"]) for e in events if e["ph"] == "X"]
    spans.sort(key=lambda s: (s[0], s[1], s[2], -s[3]))

    stack = []
    for process, thread, start, end in spans:
        while stack and (stack[-1][:2] != (process, thread) or stack[-1][2] <= start + 1e-9):
            stack.pop()
        assert not stack or end <= stack[-1][2] + 1e-9
        stack.append((process, thread, end))
