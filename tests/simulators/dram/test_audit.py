"""The audit accepts what the standards allow, names the broken rule, and notices single corruptions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulators.dram.audit import CommandLog, Limits, Served, audit
from simulators.dram.memory.devices import device
from tests.simulators.dram.audit_bench import log_of, rules_broken
from tests.simulators.dram.engine_logs import ONE_OF_EACH, Case, engine_of, limits_of, log_of_engine
from tests.simulators.dram.test_audit_spacings import MEMORIES

DDR4, DDR5, LPDDR5 = MEMORIES["DDR4"], MEMORIES["DDR5"], MEMORIES["LPDDR5"]
OTHER_RANK = DDR4.banks


@pytest.mark.parametrize(
    ("rule", "commands"),
    [
        ("command-bus", [(0, "ACT"), (0, "ACT", 4)]),
        ("command-bus", [(100, "ACT"), (50, "ACT", 4)]),
        ("data-bus", [(0, "ACT"), (50, "ACT", 4), (200, "RD"), (203, "RD", 4)]),
        ("bank-open", [(0, "ACT"), (500, "ACT")]),
        ("bank-open", [(0, "ACT"), (500, "VRR")]),
        ("bank-closed", [(0, "RD")]),
        ("bank-closed", [(0, "ACT"), (100, "RDA"), (500, "RD")]),
        ("bank-closed", [(0, "ACT"), (100, "PREA"), (500, "RD")]),
        ("bank-closed", [(0, "PRE")]),
        ("bank-closed", [(0, "ACT"), (100, "PREA"), (500, "PREA")]),
        ("bank-closed", [(0, "ACT"), (100, "PREA", 1)]),
        ("bank-closed", [(0, "VRR"), (500, "RD")]),
        ("rank-range", [(0, "REF", 2)]),
        ("row", [(0, "ACT", 0, 7), (100, "RD", 0, 8)]),
        ("refresh-open", [(0, "ACT"), (500, "REF")]),
        ("refresh-open", [(0, "ACT", OTHER_RANK), (500, "REF", 1)]),
        ("refresh-open", [(0, "ACT"), (500, "SRE")]),
        ("powered-down", [(0, "PDE"), (500, "ACT")]),
        ("powered-down", [(0, "PDE"), (500, "SRE")]),
        ("power-up", [(0, "PDX")]),
        ("power-up", [(0, "PDE", 1), (500, "PDX", 0)]),
        ("in-self-refresh", [(0, "SRE"), (900, "REF")]),
        ("self-refresh-exit", [(0, "SRX")]),
        ("command", [(0, "NOP")]),
    ],
)
def test_a_command_that_the_state_forbids_is_named(rule, commands):
    assert rule in {violation.rule for violation in audit(log_of(DDR4, *commands), DDR4)}


def test_a_bank_of_another_rank_is_not_one_of_this():
    log = replace(log_of(DDR4, (0, "ACT", OTHER_RANK)), rank=np.array([0]))

    assert [violation.rule for violation in audit(log, DDR4)] == ["bank-range"]


@pytest.mark.parametrize(
    ("limits", "commands"),
    [
        (DDR4, [(0, "ACT", OTHER_RANK), (500, "REF")]),
        (DDR4, [(0, "PDE", 1), (500, "ACT")]),
        (DDR4, [(0, "ACT"), (100, "PDE"), (200, "PDX"), (300, "RD")]),
        (DDR5, [(0, "ACT"), (500, "REFSB", 1), (600, "RD")]),
        (LPDDR5, [(0, "ACT"), (500, "REFPB", 1), (600, "RD")]),
    ],
)
def test_what_another_rank_or_bank_does_is_no_matter(limits, commands):
    assert rules_broken(limits, *commands) == set()


@pytest.mark.parametrize(
    ("limits", "refresh"), [(DDR5, ("REFSB", 1)), (DDR5, ("RFMSB", 1)), (LPDDR5, ("REFPB", 9))]
)
def test_a_refresh_of_a_bank_or_a_set_finds_it_closed(limits, refresh):
    name, bank = refresh

    broken = rules_broken(limits, (0, "ACT", 9), (500, name, bank))

    assert broken & {"refresh-open", "bank-open"}


def test_a_refresh_of_one_bank_is_one_of_four_activates_but_that_of_a_set_is_none():
    hbm, ddr5 = (
        replace(MEMORIES[name], timing={**MEMORIES[name].timing, "faw": 400}) for name in ("HBM2", "DDR5")
    )
    before, after = [(0, "ACT"), (50, "ACT", 4)], [(200, "ACT", 6)]

    four = [*before, (100, "REFPB", 8), *after]
    with_a_set = [*before, (100, "REFSB", 1), *after]

    assert rules_broken(hbm, *four, (400, "ACT", 11)) == set()
    assert rules_broken(hbm, *four, (399, "ACT", 11)) == {"tFAW"}
    assert rules_broken(ddr5, *with_a_set, (300, "ACT", 11)) == set()


def test_channels_are_judged_one_by_one():
    log = log_of(DDR4, (0, "ACT"), (0, "ACT"), (20, "RD"), (20, "RD"))
    both = replace(log, channel=np.array([0, 1, 0, 1]))

    assert audit(both, DDR4) == []
    assert audit(log, DDR4) != []


def test_a_violation_names_its_commands_in_the_whole_log():
    log = log_of(DDR4, (0, "ACT"), (0, "ACT"), (20, "RD"), (16, "RD"))
    log = replace(log, channel=np.array([0, 1, 0, 1]))

    (violation,) = audit(log, DDR4)

    assert (violation.rule, violation.command, violation.earlier) == ("tRCD", 3, 1)
    assert "16 cycles after, 17 needed" in violation.text


# ---------------------------------------------------------------------------------------------------- refresh

ONE_RANK = {"ranks": 1, "postponed": 1, "pulledin": 1}
STRICT = replace(DDR4, refresh="AllBank", **ONE_RANK)
REFI, RFC, XS = DDR4["refi"], DDR4["rfc"], DDR4["xs"]


def refreshes(*cycles):
    return [(cycle, "REF") for cycle in cycles]


@pytest.mark.parametrize(
    ("rule", "commands"),
    [
        ("refresh-late", refreshes(REFI, 5 * REFI)),
        ("refresh-early", refreshes(REFI, REFI + RFC, REFI + 2 * RFC)),
        ("refresh-count", refreshes(REFI, 2 * REFI)),
        ("retention", refreshes(REFI, 2 * REFI)),
        (
            "refresh-count",
            [*refreshes(REFI), (REFI + 1000, "SRE"), (5 * REFI, "SRX"), (5 * REFI + XS, "REF")],
        ),
        (  # one was put off before self-refresh, so no other one may be
            "refresh-late",
            [(REFI + 1000, "SRE"), (5 * REFI, "SRX"), *refreshes(5 * REFI + XS, 7 * REFI + REFI // 2)],
        ),
        ("self-refresh-extra", [(100, "SRE"), (200, "SRX"), (200 + XS, "SRE"), (3000, "SRX"), (4000, "REF")]),
        ("self-refresh-extra", [(100, "SRE"), (200, "SRX"), *refreshes(9000, 2 * REFI)]),
    ],
)
def test_refresh_keeps_to_its_intervals(rule, commands):
    assert rule in rules_broken(STRICT, *commands, end_cycle=9 * REFI)


@pytest.mark.parametrize(
    "commands",
    [
        refreshes(2 * REFI, 2 * REFI + RFC, 2 * REFI + 2 * RFC),
        refreshes(REFI, REFI + RFC, 3 * REFI),
        [(100, "SRE"), (50 * REFI, "SRX"), *refreshes(50 * REFI + XS, 51 * REFI, 52 * REFI)],
    ],
)
def test_refresh_may_be_postponed_and_pulled_in_as_far_as_allowed_and_rests_in_self_refresh(commands):
    assert rules_broken(STRICT, *commands, end_cycle=commands[-1][0] + REFI) == set()


ROUNDS = [
    (replace(LPDDR5, refresh="PerBank", ranks=1, postponed=0, pulledin=0), "REFPB", 16),
    (replace(DDR5, refresh="SameBank", ranks=1, postponed=0, pulledin=0), "REFSB", 4),
]


def rounds(limits, name, units, turns=4):
    step = limits["refi"] // units
    return [((k + 1) * step, name, k % units) for k in range(turns * units)]


@pytest.mark.parametrize(("limits", "name", "units"), ROUNDS)
def test_refresh_bank_by_bank_goes_in_rounds(limits, name, units):
    commands = rounds(limits, name, units)
    in_another_order = [(cycle, name, units - 1 - unit) for cycle, _, unit in commands[units:]]

    assert rules_broken(limits, *commands) == set()
    assert rules_broken(limits, *commands[:units], *in_another_order) == set()


@pytest.mark.parametrize(("limits", "name", "units"), ROUNDS)
def test_a_bank_that_is_left_out_is_noticed(limits, name, units):
    commands = rounds(limits, name, units, turns=6)
    never = [(cycle, name, 0 if unit == 1 else unit) for cycle, _, unit in commands]

    without_one = rules_broken(limits, *commands[: units + 1], *commands[units + 2 :])

    assert "refresh-turn" in without_one
    assert {"refresh-turn", "retention"} <= rules_broken(limits, *never)


def test_no_refresh_is_due_where_there_is_none():
    assert rules_broken(replace(STRICT, refresh="NoRefresh"), (0, "ACT"), end_cycle=10**9) == set()


def test_a_hot_memory_has_half_the_interval():
    memory = device("ddr4-2400-8gb-x8")

    assert Limits.of(memory, temperature_c=86)["refi"] == Limits.of(memory, temperature_c=85)["refi"] // 2


@pytest.mark.parametrize("relief", ["RFM", "RFMSB", "REF", "REFSB"])
def test_a_bank_is_not_activated_too_often_without_refresh_management(relief):
    limits = replace(DDR5, raa_initial=4, raa_maximum=6)
    before = [(1000 * k + later, name) for k in range(4) for later, name in ((0, "ACT"), (100, "PRE"))]
    after = [(cycle + 5000, name) for cycle, name in before]
    much_later = [(cycle + 9000, name) for cycle, name in before]

    assert "raa-maximum" in rules_broken(limits, *before, *after)
    assert "raa-maximum" not in rules_broken(limits, *before, (3500, relief), *after)
    assert "raa-maximum" in rules_broken(limits, *before, (3500, relief), *after, *much_later)


# ---------------------------------------------------------------------------------------------- the requests


@pytest.mark.parametrize(
    "served",
    [
        [(100, "RD", 0, 7)],
        [(100, "RD", 0, 7), (110, "RD", 0, 7), (120, "RD", 0, 7)],
        [(100, "RD", 0, 7), (150, "WR", 0, 7)],
    ],
)
def test_a_request_that_is_lost_doubled_or_turned_round_is_noticed(served):
    requests = Served(np.zeros(2), np.full(2, 7), np.zeros(2), np.zeros(2))

    log = log_of(DDR4, (0, "ACT", 0, 7), *served)

    assert {violation.rule for violation in audit(log, DDR4, requests)} == {"served"}


def test_a_column_command_before_its_request_arrived_is_noticed():
    requests = Served(*(np.zeros(1, dtype=int) for _ in range(4)), arrival=np.array([500]))
    log = CommandLog.of(cycle=[0, 100], command=["ACT", "RD"], bank=0, row=0, column=0, request=[0, 0])

    assert [violation.rule for violation in audit(log, DDR4, requests)] == ["served"]


@pytest.mark.parametrize(("is_write", "accepted"), [([1, 0], True), ([0, 0], False)])
def test_a_read_may_be_answered_by_a_write_to_its_place_only(is_write, accepted):
    requests = Served(np.zeros(2), np.zeros(2), np.zeros(2), np.array(is_write), forwards=True)
    name = "WR" if is_write[0] else "RD"
    log = CommandLog.of(cycle=[0, 100], command=["ACT", name], bank=0, row=0, column=0, request=[0, 0])

    assert (audit(log, DDR4, requests) == []) is accepted


# ---------------------------------------------------------------------------------------- logs of the engine

DESIGN = {
    "page_policy": "Open", "scheduler": "FrFcfs", "scheduler_buffer": "Shared", "request_buffer_size": 128,
    "write_forwarding": "Off", "write_coalescing": "Off", "refresh_max_postponed": 0,
    "refresh_max_pulledin": 0,
}  # fmt: skip


def busy_case(device_id, n=1500):
    """Saturating requests over few rows, so that hits, misses, conflicts and turnarounds all occur."""
    memory, rng = device(device_id).arranged(channels=1), np.random.default_rng(1)
    return Case(
        memory,
        {**DESIGN, "refresh_policy": memory.refresh[-1]},
        arrival=np.zeros(n, dtype=np.int64),
        channel=np.zeros(n, dtype=np.uint8),
        bank=rng.integers(0, memory.banks * memory.ranks, n).astype(np.uint8),
        row=rng.integers(0, 3, n).astype(np.int32),
        column=rng.integers(0, 16, n).astype(np.int32),
        is_write=(rng.random(n) < 0.4).astype(np.uint8),
        source=np.zeros(n, dtype=np.uint8),
    )


def run(case):
    engine = engine_of(case)
    engine.advance()
    return log_of_engine(engine)


def one_cycle_earlier(log, k, rng):
    del rng
    cycle = log.cycle.copy()
    cycle[k] -= 1
    return replace(log, cycle=cycle)


def another(field):
    def corrupt(log, k, rng):
        values = np.unique(getattr(log, field)[log.where("ACT", "PRE", "RD", "WR")])
        changed = getattr(log, field).copy()
        changed[k] = rng.choice(values[values != changed[k]])
        return replace(log, **{field: changed})

    corrupt.__name__ = f"another_{field}"
    return corrupt


@pytest.mark.parametrize("device_id", ONE_OF_EACH)
@pytest.mark.parametrize(
    ("corrupt", "least"),
    [(one_cycle_earlier, 0.9), (another("bank"), 1.0), (another("row"), 1.0), (another("command"), 1.0)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_single_corruption_of_a_busy_log_is_noticed(device_id, corrupt, least):
    case, rng = busy_case(device_id, n=200), np.random.default_rng(2)
    log, limits = run(case), limits_of(case)
    banked = log.where("ACT", "PRE", "RD", "WR")
    chosen = rng.choice(banked[log.request[banked] >= 0], 25)

    noticed = [bool(audit(corrupt(log, k, rng), limits, case.served)) for k in chosen]

    assert audit(log, limits, case.served) == []
    assert np.mean(noticed) >= least


@pytest.mark.parametrize("device_id", ONE_OF_EACH)
def test_a_refresh_that_is_left_out_is_noticed(device_id):
    case = busy_case(device_id, n=8000)
    log, limits = run(case), limits_of(case)
    refreshed = log.where("REF", "REFPB", "REFSB")
    dropped = np.delete(np.arange(len(log)), refreshed[len(refreshed) // 3])

    assert len(refreshed) >= 3
    assert audit(log, limits, case.served) == []
    assert audit(log.take(dropped), limits, case.served) != []
