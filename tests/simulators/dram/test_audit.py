"""The audit accepts what the standards allow, names the broken rule, and notices single corruptions."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from simulators.dram.audit import COMMANDS, CommandLog, Limits, Served, audit
from simulators.dram.config import ControllerConfig
from simulators.dram.devices import device
from simulators.dram.reference import simulate

DDR4 = device("ddr4-2400-8gb-x8")
T = asdict(DDR4.timings)
RECOVERY = T["cwl"] + T["burst"] + T["wr"]
RULES = Limits(T, banks=16, banks_per_group=4, refresh=False)
OTHER_GROUP, SAME_GROUP = 4, 1


def log_of(*commands):
    """Commands as (cycle, name, bank, row); bank 0 and row 0 unless given."""
    rows = [(*command, *(0, 0)[len(command) - 2 :]) for command in commands]
    cycle, name, bank, row = zip(*rows, strict=True)
    return CommandLog.of(cycle=cycle, command=name, bank=bank, row=row, column=0)


def rules_broken(log, limits=RULES, requests=None):
    return {violation.rule for violation in audit(log, limits, requests)}


# rule, commands before, the command under test, its first legal distance from the last one before
OPEN_TWO = [(0, "ACT"), (50, "ACT", OTHER_GROUP), (100, "ACT", SAME_GROUP)]
SPACED = [
    ("tRCD", [(0, "ACT")], ("RD",), T["rcd"]),
    ("tRCD", [(0, "ACT")], ("WRA",), T["rcd"]),
    ("tRAS", [(0, "ACT")], ("PRE",), T["ras"]),
    ("tRAS", [(0, "ACT")], ("PREA",), T["ras"]),
    ("tRC", [(0, "ACT"), (T["ras"], "PRE")], ("ACT",), T["rc"] - T["ras"]),
    ("tRP", [(0, "ACT"), (90, "PRE")], ("ACT",), T["rp"]),
    ("tRP", [(0, "ACT"), (90, "PREA")], ("ACT",), T["rp"]),
    ("tRP", [(0, "ACT"), (90, "PREA")], ("REF",), T["rp"]),
    ("tRRD_S", [(0, "ACT")], ("ACT", OTHER_GROUP), T["rrd_s"]),
    ("tRRD_L", [(0, "ACT")], ("ACT", SAME_GROUP), T["rrd_l"]),
    ("tFAW", [(0, "ACT", 0), (4, "ACT", 4), (8, "ACT", 8), (12, "ACT", 12)], ("ACT", 1), T["faw"] - 12),
    ("tCCD_S", [*OPEN_TWO, (200, "RD")], ("RD", OTHER_GROUP), T["ccd_s"]),
    ("tCCD_L", [*OPEN_TWO, (200, "WR")], ("WR", SAME_GROUP), T["ccd_l"]),
    ("tRTP", [(0, "ACT"), (100, "RD")], ("PRE",), T["rtp"]),
    ("tRTP", [(0, "ACT"), (100, "RD")], ("PREA",), T["rtp"]),
    ("tWR", [(0, "ACT"), (100, "WR")], ("PRE",), RECOVERY),
    ("tWR", [*OPEN_TWO, (200, "WRA")], ("PREA",), RECOVERY),
    ("tWR", [(0, "ACT"), (100, "WR")], ("RDA",), RECOVERY - T["rtp"]),
    ("tRTP+tRP", [(0, "ACT"), (100, "RDA")], ("ACT",), T["rtp"] + T["rp"]),
    ("tRTP+tRP", [(0, "ACT"), (100, "RDA")], ("REF",), T["rtp"] + T["rp"]),
    ("tWR+tRP", [(0, "ACT"), (100, "WRA")], ("ACT",), RECOVERY + T["rp"]),
    ("tWR+tRP", [(0, "ACT"), (100, "WRA")], ("REF",), RECOVERY + T["rp"]),
    ("read-to-write", [(0, "ACT"), (100, "RD")], ("WR",), T["cl"] + T["burst"] + 2 - T["cwl"]),
    ("tWTR_S", [*OPEN_TWO, (200, "WR")], ("RD", OTHER_GROUP), T["cwl"] + T["burst"] + T["wtr_s"]),
    ("tWTR_L", [*OPEN_TWO, (200, "WR")], ("RD", SAME_GROUP), T["cwl"] + T["burst"] + T["wtr_l"]),
    ("tRFC", [(100, "REF")], ("ACT",), T["rfc"]),
    ("tRFC", [(100, "REF")], ("REF",), T["rfc"]),
    ("tRDPDEN", [(0, "ACT"), (100, "RD")], ("PDE",), T["cl"] + T["burst"] + 1),
    ("tWRPDEN", [(0, "ACT"), (100, "WR")], ("PDE",), RECOVERY),
    ("tWRAPDEN", [(0, "ACT"), (100, "WRA")], ("PDE",), RECOVERY + 1),
    ("tCKE", [(100, "PDE")], ("PDX",), T["cke"]),
    ("tCKE", [(100, "PDE"), (200, "PDX")], ("PDE",), T["cke"]),
    ("tXP", [(100, "PDE"), (200, "PDX")], ("ACT",), T["xp"]),
]


@pytest.mark.parametrize(
    ("rule", "before", "command", "gap"), SPACED, ids=lambda x: x if type(x) is str else ""
)
def test_a_command_is_legal_on_time_and_not_one_cycle_early(rule, before, command, gap):
    last = before[-1][0]
    name, *where = command

    on_time = log_of(*before, (last + gap, name, *where))
    early = log_of(*before, (last + gap - 1, name, *where))

    assert rules_broken(on_time) == set()
    assert rule in rules_broken(early)


@pytest.mark.parametrize(
    ("rule", "commands"),
    [
        ("command-bus", [(0, "ACT"), (0, "ACT", 4)]),
        ("command-bus", [(100, "ACT"), (50, "ACT", 4)]),
        ("data-bus", [*OPEN_TWO, (200, "RD"), (203, "RD", 4)]),
        ("bank-open", [(0, "ACT"), (500, "ACT")]),
        ("bank-closed", [(0, "RD")]),
        ("bank-closed", [(0, "ACT"), (100, "RDA"), (500, "RD")]),
        ("bank-closed", [(0, "ACT"), (100, "PREA"), (500, "RD")]),
        ("bank-closed", [(0, "PRE")]),
        ("bank-closed", [(0, "ACT"), (100, "PREA"), (500, "PREA")]),
        ("bank-range", [(0, "ACT", 16)]),
        ("row", [(0, "ACT", 0, 7), (100, "RD", 0, 8)]),
        ("refresh-open", [(0, "ACT"), (500, "REF")]),
        ("powered-down", [(0, "PDE"), (500, "ACT")]),
        ("power-up", [(0, "PDX")]),
        ("command", [(0, "NOP")]),
    ],
)
def test_a_command_that_the_state_forbids_is_named(rule, commands):
    assert rule in rules_broken(log_of(*commands))


def refreshes(*cycles):
    return log_of(*[(cycle, "REF") for cycle in cycles])


STRICT = replace(RULES, refresh=True, postponed=1, pulledin=1)
REFI = T["refi"]


@pytest.mark.parametrize(
    ("rule", "cycles"),
    [
        ("refresh-late", [REFI, 5 * REFI]),
        ("refresh-early", [REFI, REFI + T["rfc"], REFI + 2 * T["rfc"]]),
        ("refresh-count", [REFI, 2 * REFI]),
    ],
)
def test_refresh_keeps_to_its_intervals(rule, cycles):
    log = refreshes(*cycles)

    found = {violation.rule for violation in audit(log, STRICT, end_cycle=6 * REFI)}

    assert rule in found


def test_refresh_may_be_postponed_and_pulled_in_as_far_as_allowed():
    log = refreshes(2 * REFI, 2 * REFI + T["rfc"], 2 * REFI + 2 * T["rfc"])

    assert audit(log, STRICT, end_cycle=4 * REFI) == []


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

    assert "served" in rules_broken(log_of((0, "ACT", 0, 7), *served), RULES, requests)


def test_a_column_command_before_its_request_arrived_is_noticed():
    requests = Served(*(np.zeros(1, dtype=int) for _ in range(4)), arrival=np.array([500]))
    log = CommandLog.of(cycle=[0, 100], command=["ACT", "RD"], bank=0, row=0, column=0, request=[0, 0])

    assert rules_broken(log, RULES, requests) == {"served"}


# ---------------------------------------------------------------------------- logs of the twin


def random_requests(rng, n):
    """Saturating requests over few rows, so that hits, misses, conflicts and turnarounds all occur."""
    bank = rng.integers(0, 16, n).astype(np.uint8)
    row = rng.integers(0, 3, n).astype(np.int32)
    column = (rng.integers(0, 128, n) * 8).astype(np.int32)
    is_write = (rng.random(n) < 0.4).astype(np.uint8)
    return bank, row, column, is_write


def run_twin(design, n=400, seed=1, spread=1):
    bank, row, column, is_write = random_requests(np.random.default_rng(seed), n)
    arrival = np.sort(np.random.default_rng(seed).integers(0, spread, n))
    config = ControllerConfig.build(DDR4, design)
    result = simulate(config, arrival, bank, row, column, is_write, np.zeros(n, dtype=np.uint8))
    fields = ("cycle", "command", "bank", "row", "column", "request")
    log = CommandLog.of(**{name: [getattr(line, name) for line in result.log] for name in fields})
    return log, Served(bank, row, column, is_write, arrival)


WIDE = {"scheduler_buffer": "Shared", "request_buffer_size": 128, "refresh_max_postponed": 1}
DESIGNS = [
    {"page_policy": "Open", "scheduler": "FrFcfs"},
    {"page_policy": "Closed", "scheduler": "Fifo"},
    {"page_policy": "ClosedAdaptive", "scheduler": "FrFcfsGrp"},
    {"page_policy": "OpenAdaptive", "scheduler": "FrFcfs", "power_down_policy": "PrechargePowerDown"},
]


@pytest.mark.parametrize("policies", DESIGNS, ids=lambda d: f"{d['page_policy']}-{d['scheduler']}")
@pytest.mark.parametrize("spread", [1, 60_000], ids=["burst", "sparse"])
def test_the_twin_keeps_every_rule(policies, spread):
    design = {**WIDE, **policies, "power_down_timeout_cycles": 16}

    log, requests = run_twin(design, spread=spread)

    limits = replace(RULES, refresh=True, postponed=1, pulledin=0)
    assert len(log) > 400
    assert audit(log, limits, requests) == []


def one_cycle_earlier(log, k):
    cycle = log.cycle.copy()
    cycle[k] -= 1
    return replace(log, cycle=cycle)


def another(field, values):
    def corrupt(log, k):
        changed = getattr(log, field).copy()
        choices = [value for value in values if value != changed[k]]
        changed[k] = choices[k % len(choices)]
        return replace(log, **{field: changed})

    corrupt.__name__ = f"another_{field}"
    return corrupt


CORRUPTIONS = [
    one_cycle_earlier,
    another("bank", range(16)),
    another("row", range(4)),
    another("command", [name for name in COMMANDS if name not in ("PDE", "PDX")]),
]


@pytest.mark.parametrize("corrupt", CORRUPTIONS, ids=lambda c: c.__name__)
def test_a_single_corruption_of_a_busy_log_is_noticed(corrupt):
    log, requests = run_twin({**WIDE, "page_policy": "Open", "scheduler": "FrFcfs"}, n=300)
    banked = np.flatnonzero(np.isin(log.command, ["ACT", "PRE", "RD", "WR"]))
    chosen = banked[:: max(1, len(banked) // 150)]

    noticed = [bool(audit(corrupt(log, k), RULES, requests)) for k in chosen]

    assert audit(log, RULES, requests) == []
    assert np.mean(noticed) >= 0.95


# ---------------------------------------------------------------------------- other simulators


def peer_log(name):
    lines = (Path(__file__).parent / "peer_logs" / name).read_text(encoding="utf-8").splitlines()
    header, *rows = [line.split(",") for line in lines if not line.startswith("#")]
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    command = columns.pop("command")
    return CommandLog.of(command=command, **{k: np.array(v, dtype=int) for k, v in columns.items()})


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("dramsys51_closed_random.csv", {"tRC"}),  # its DDR4 checker puts tRCD between activates of a bank
        ("ramulator21_cap1_triad.csv", {"tWR"}),  # no rule from a write with auto-precharge to precharge-all
        (
            "dramsim3_open_triad.csv",
            {"read-to-write"},
        ),  # one clock of bus turnaround where the others have two
    ],
)
def test_the_known_faults_of_other_simulators_are_found_and_nothing_else(name, broken):
    assert rules_broken(peer_log(name)) == broken
