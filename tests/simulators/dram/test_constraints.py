"""Rows of a standard's file become constraints in cycles, counted from first clock to first clock."""

from __future__ import annotations

import pytest

from dse.errors import InputError
from simulators.dram.memory.constraints import CAUSES, COMMANDS, SCOPES, constraints, evaluate

TIMINGS = {"burst": 4, "cl": 11, "cwl": 8, "rcd": 11, "rc": 39, "rrd": 5, "faw": 24, "rp": 11, "rfc": 208}


def row(scope="bank", before="ACT", after="RD", cycles="rcd", **more):
    return {"name": "t", "on": scope, "from": before, "to": after, "cycles": cycles, **more}


def cycles_of(rows, before, after, lengths=None, window=1):
    """Of the constraints between two commands, by scope."""
    found = constraints(rows, TIMINGS, "file", lengths)
    pair = COMMANDS.index(before), COMMANDS.index(after)
    return {SCOPES[c.scope]: c.cycles for c in found if (c.before, c.after) == pair and c.window == window}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7", 7),
        ("cl + burst + 2 - cwl", 9),
        ("2 * rc", 78),
        ("rc // 2", 19),
        ("max(cl, cwl, 3) - min(cl, cwl)", 3),
        ("-cl + rc", 28),
        ("(cl - 1) * 2", 20),
    ],
)
def test_an_expression_is_integer_arithmetic_over_timings(expression, value):
    assert evaluate(expression, TIMINGS, "here") == value


@pytest.mark.parametrize(
    "expression",
    [
        "cl +", "cl / 2", "cl ** 2", "cl << 4", "__import__('os')", "cl.real", "rc[0]", "1.5", "'cl'", "True",
        "max()", "min(*rc)", "max(cl, default=1)", "abs(cl)", "cl if rc else 0", "[cl]", "lambda: 1", "",
        "cl // 0", "cl\x00", "(" * 90 + "1" + ")" * 90 + "!",
    ],
)  # fmt: skip
def test_anything_else_is_refused(expression):
    with pytest.raises(InputError, match="is no expression over timings"):
        evaluate(expression, TIMINGS, "here")


def test_a_long_expression_is_refused():
    with pytest.raises(InputError, match="at most 200"):
        evaluate("-" * 5000 + "1", TIMINGS, "here")


def test_an_unknown_timing_is_named_with_the_nearest():
    with pytest.raises(InputError, match=r"file, constraint 1 \(t\).*'rccd'.*Did you mean 'rcd'"):
        constraints([row(cycles="rccd")], TIMINGS, "file")


def test_groups_of_commands_stand_for_their_members():
    found = constraints([row("rank", "READ", "COLUMN", "burst")], TIMINGS, "file")

    pairs = {(COMMANDS[c.before], COMMANDS[c.after]) for c in found if COMMANDS[c.before] != "VRR"}

    assert pairs == {(r, c) for r in ("RD", "RDA") for c in ("RD", "RDA", "WR", "WRA")}


@pytest.mark.parametrize("cycles", ["0", "cwl - cl"])
def test_a_row_that_never_binds_is_left_out(cycles):
    assert cycles_of([row(cycles=cycles)], "ACT", "RD") == {}


@pytest.mark.parametrize(
    ("before", "after", "lengths", "expected"),
    [
        ("PRE", "ACT", {}, 11),
        ("PRE", "ACT", {"ACT": 2}, 10),
        ("PRE", "ACT", {"ACT": 4, "PRE": 2}, 9),
        ("ACT", "PRE", {"ACT": 4, "PRE": 2}, 13),
        ("ACT", "RD", {"ACT": 2, "RD": 2}, 11),
        ("ACT", "RD", {"ACT": 2}, 12),
    ],
)
def test_jedec_counts_from_last_clock_to_last_clock(before, after, lengths, expected):
    assert cycles_of([row(before=before, after=after)], before, after, lengths) == {"bank": expected}


def test_a_window_is_one_set_whatever_the_lengths_of_its_commands():
    rows = [row("rank", "ACT REFPB", "ACT REFPB", "faw", window=4)]
    lengths = {"ACT": 2, "VRR": 2}

    found = [c for c in constraints(rows, TIMINGS, "file", lengths) if c.window == 4]

    by_after = {
        COMMANDS[after]: {c.cycles for c in found if c.after == after} for after in {c.after for c in found}
    }
    assert by_after == {"ACT": {24}, "VRR": {24}, "REFPB": {25}}
    assert {COMMANDS[c.before] for c in found} == {"ACT", "REFPB", "VRR"}


def test_a_victim_refresh_waits_like_an_activate_and_counts_as_one():
    rows = [
        row("rank", "ACT", "ACT", "rrd"),
        row("rank", "REF", "ACT", "rfc"),
        row("bank", "PRE", "ACT", "rp"),
    ]

    assert cycles_of(rows, "ACT", "VRR") == {"rank": 5}
    assert cycles_of(rows, "VRR", "ACT") == {"rank": 5, "bank": 2 * 39}
    assert cycles_of(rows, "REF", "VRR") == {"rank": 208}
    assert cycles_of(rows, "PRE", "VRR") == {"bank": 11}


@pytest.mark.parametrize("command", ["PREA", "REF", "SRE", "PDE", "RFM"])
def test_a_rank_waits_for_its_victim_refresh(command):
    assert cycles_of([], "VRR", command) == {"rank": 2 * 39}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scope": "banks"}, "'banks' is no scope"),
        ({"before": "ACTIVATE"}, "'ACTIVATE' does not exist"),
        ({"after": "REF"}, "expected a row on 'rank'"),
        ({"scope": "group", "before": "PREA"}, "expected a row on 'rank'"),
        ({"scope": "group", "before": "REFSB", "after": "ACT"}, "expected a row on 'rank'"),
        ({"scope": "group", "after": "ACT", "window": 4}, "windows are counted on 'rank'"),
        ({"scope": "rank", "after": "ACT", "window": 17}, "at most 16"),
        ({"cycles": "1000000 * 1000000"}, "1000000000000 cycles"),
    ],
)
def test_an_impossible_row_is_refused_with_its_number(changes, reason):
    with pytest.raises(InputError, match=reason) as caught:
        constraints([row(), row(**changes)], TIMINGS, "mine.toml")
    assert "mine.toml, constraint 2" in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "cause"),
    [
        (row(), "activation"),
        (row("rank", "ACT", "ACT", "rrd"), "activate_spacing"),
        (row("rank", "ACT", "ACT", "faw", window=4), "four_activates"),
        (row("bank", "ACT", "ACT", "rc"), "row_cycle"),
        (row("bank", "PRE", "ACT", "rp"), "row_cycle"),
        (row("rank", "RD", "RD", "burst"), "data_bus"),
        (row("group", "RD", "RD", "burst + 2"), "bank_group"),
        (row("rank", "RD", "WR", "burst + 2"), "turnaround"),
        (row("other_ranks", "RD", "RD", "burst + 2"), "rank_switch"),
        (row("rank", "REF", "ACT", "rfc"), "refresh"),
        (row("rank", "PDX", "ACT", "cl"), "power_down"),
        (row("rank", "SRX", "ACT", "cl"), "self_refresh"),
        (row("rank", "RFM", "ACT", "rfc"), "row_hammer"),
    ],
)
def test_a_constraint_says_what_a_lost_cycle_is_put_down_to(entry, cause):
    assert CAUSES[constraints([entry], TIMINGS, "file")[0].cause] == cause
