"""Recordings of mimicked peers: counters counted from a log are those that a controller keeps itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dse.errors import InputError, LookupFailed
from simulators.dram.memory.constraints import COMMANDS
from simulators.dram.mimic import MimicLog
from simulators.dram.reference import simulate
from simulators.dram.replay.mimicked import _counters, parse_peer, record_peer
from simulators.dram.replay.recording import by_source, time_by_cause
from simulators.dram.replay.timeline import timeline
from simulators.dram.simulator import DramSimulator
from traces.synthetic import uniform_random

TRACE = uniform_random(n=400, seed=4)


@pytest.fixture(scope="module")
def simulator():
    return DramSimulator()


def twin_of(simulator, point):
    """What the twin counts, and its log in the form of a peer's."""
    stream, config = simulator.stream(TRACE, point=point), simulator.config_of(point)
    d, r = stream.decoded, stream.requests
    found = simulate(config, r.arrival_cycle, d.channel, d.bank, d.row, d.column, r.is_write, r.source)
    entries = [
        (one.cycle, COMMANDS.index(one.command), one.rank, one.bank, one.row, one.column, one.request)
        for one in found.log
    ]
    return (
        found.counters,
        MimicLog.of(entries, found.accept, found.finish, found.counters.elapsed_cycles),
        config,
    )


COMMAND_COUNTS = ("n_act", "n_pre", "n_prea", "n_prea_banks", "n_rd", "n_rda", "n_wr", "n_wra", "n_ref")
COUNTED = (*COMMAND_COUNTS, "active_cycles", "row_hits", "row_misses", "row_conflicts", "elapsed_cycles")


@pytest.mark.parametrize("page_policy", ["Open", "OpenAdaptive", "Closed", "ClosedAdaptive"])
def test_a_log_says_what_was_counted(simulator, page_policy):
    counted, log, config = twin_of(simulator, simulator.space.point(page_policy=page_policy))

    found = _counters(log, config)

    assert {name: found[name] for name in COUNTED} == {name: getattr(counted, name) for name in COUNTED}


@pytest.mark.parametrize("peer", ["ramulator2", "dramsim3", "dramsys5"])
def test_a_peer_gives_metrics_a_log_and_a_timeline(simulator, peer):
    made = record_peer(simulator, simulator.space.default(), TRACE, peer, {})

    reads = int((made.stream.requests.is_write == 0).sum())
    columns = np.isin(np.array(COMMANDS)[made.log["command"]], ["RD", "RDA"])
    assert made.metrics["column_reads"] == reads == columns.sum()
    assert made.metrics["read_latency_mean_ns"] > 0
    assert made.metrics["energy_pj"] > 0
    assert by_source(made)[0].reads == reads
    assert timeline(made).commands == len(made.log["cycle"])


def test_what_a_peer_s_log_does_not_say_is_not_a_number(simulator):
    made = record_peer(simulator, simulator.space.default(), TRACE, "ramulator2", {})

    assert time_by_cause(made) == {}
    assert math.isnan(made.metrics["queue_occupancy_mean"])
    assert math.isnan(made.metrics["stall_refresh_fraction"])


def test_a_choice_changes_what_a_peer_does(simulator):
    point = simulator.space.default()
    logs = [
        record_peer(simulator, point, TRACE, *parse_peer(text)).log["cycle"].tolist()
        for text in ("ramulator2", "ramulator2:column_cap=1,first_ready=Columns")
    ]

    assert logs[0] != logs[1]


def test_choices_have_the_types_of_the_peer():
    peer, choices = parse_peer("ramulator2:column_cap=4,drain_above=0.5,row_hits_protected=on")

    assert peer == "ramulator2"
    assert choices == {"column_cap": 4, "drain_above": 0.5, "row_hits_protected": True}


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("ramulator", LookupFailed, "Did you mean 'ramulator2'?"),
        ("ramulator2:colum_cap=1", InputError, "Did you mean 'column_cap'?"),
        ("ramulator2:column_cap=few", InputError, "expected a value of type int"),
        ("ramulator2:row_hits_protected=maybe", InputError, "expected on or off"),
    ],
)
def test_a_peer_or_choice_that_does_not_exist_is_refused(text, error, words):
    with pytest.raises(error) as raised:
        parse_peer(text)

    assert words in str(raised.value)
