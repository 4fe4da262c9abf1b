"""The audit and three other simulators: it accepts their logs (peers/README.md) but for what is listed."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest

from simulators.dram.audit import CommandLog, Limits, audit
from tests.oracles.peers import inputs, logs

EVERY_VIOLATION = 10**6

# Clock cycles of the configurations in peers/README.md.
DDR4 = {
    "cl": 17, "cwl": 12, "burst": 4, "rcd": 17, "rp": 17, "ras": 39, "rc": 56, "rtp": 9, "wr": 18, "rrd_s": 4,
    "rrd_l": 6, "ccd_s": 4, "ccd_l": 6, "wtr_s": 3, "wtr_l": 9, "faw": 26, "rfc": 433, "refi": 9364,
    "xp": 8, "cke": 6,
}  # fmt: skip
DDR4_OF_DRAMSIM3 = {**DDR4, "rfc": 420, "refi": 9360}
LPDDR4_OF_DRAMSIM3 = {
    "cl": 17, "cwl": 14, "burst": 8, "rcd": 15, "rp": 15, "ras": 32, "rc": 47, "rtp": 12, "wr": 30,
    "rrd_s": 8, "rrd_l": 8, "ccd_s": 4, "ccd_l": 6, "wtr_s": 8, "wtr_l": 16, "faw": 32, "rfc": 392,
    "refi": 8660, "rtrs": 1, "xp": 6, "cke": 6,
}  # fmt: skip
HBM2_OF_DRAMSIM3 = {
    "cl": 14, "cwl": 4, "burst": 2, "rcd": 14, "rp": 14, "ras": 34, "rc": 48, "rtp": 4, "wr": 16, "rrd_s": 4,
    "rrd_l": 6, "ccd_s": 1, "ccd_l": 2, "wtr_s": 6, "wtr_l": 8, "faw": 30, "rfc": 260, "refi": 3900,
    "xp": 8, "cke": 8,
}  # fmt: skip


class Known(NamedTuple):
    """A difference that we can explain: how many violations of the rule there are, and why."""

    count: int
    reason: str


ONE_TURNAROUND_CLOCK = "DRAMsim3 leaves one clock between a read and a write burst where JEDEC asks for two"
NO_RC = "DRAMSys 5.1 puts tRCD in the place of tRC between two activates of a bank (its DDR4 checker)"
EARLY_REFRESH = "DRAMsim3 refreshes tRTP+tRP after a read with auto-precharge even where tRAS ends later"
NO_WRITE_GAP = "DRAMsim3 puts the bursts of writes to two ranks side by side"
PRE_AFTER_REFRESH = "ClosedCAP of Ramulator 2.1 precharges, right after a refresh, banks that it closed"
NO_WRA_PREA = "Ramulator 2.1 has no rule from a write with auto-precharge to a precharge of all banks"
SHORT_ACTIVATE = "DRAMsim3's activates take one clock on the row bus where JEDEC's take two"

KNOWN = {
    "dramsim3-close-randrw": {"read-to-write": Known(715, ONE_TURNAROUND_CLOCK)},
    "dramsim3-close-triad": {
        "read-to-write": Known(441, ONE_TURNAROUND_CLOCK),
        "tRC": Known(6, EARLY_REFRESH),
    },
    "dramsim3-nom-mid": {"read-to-write": Known(292, ONE_TURNAROUND_CLOCK)},
    "dramsim3-nom-triad": {"read-to-write": Known(104, ONE_TURNAROUND_CLOCK)},
    "dramsim3-LPDDR4_8Gb_x16_2400-randrw": {
        "read-to-write": Known(357, ONE_TURNAROUND_CLOCK),
        "tRTRS": Known(753, NO_WRITE_GAP),
    },
    "dramsim3-HBM2_8Gb_x128_1ch-rand": {
        rule: Known(count, SHORT_ACTIVATE)
        for rule, count in (("tRCD", 9938), ("tRAS", 8032), ("command-bus", 703), ("tRC", 20))
    },
    "dramsys51-closed-rand": {"tRC": Known(4425, NO_RC)},
    "dramsys51-closed-seq": {"tRC": Known(9893, NO_RC)},
    "dramsys51-closed-triad": {"tRC": Known(4425, NO_RC)},
    "ramulator2-cap1-triad": {
        "bank-closed": Known(17, PRE_AFTER_REFRESH),
        "tRFC": Known(17, PRE_AFTER_REFRESH),
        "tWR": Known(1, NO_WRA_PREA),
    },
}


def limits_of(name):
    """No peer was told to postpone a refresh or to pull one in."""
    rest = {"banks": 16, "banks_per_group": 4, "postponed": 0, "pulledin": 0}
    if "LPDDR4" in name:  # DRAMsim3 gives it bank groups, and one clock to every command: rules of DDR4
        return Limits(LPDDR4_OF_DRAMSIM3, ranks=2, **{**rest, "banks": 8})
    if "HBM2" in name:
        return Limits(HBM2_OF_DRAMSIM3, standard="HBM2", **rest)
    return Limits(DDR4_OF_DRAMSIM3 if name.startswith("dramsim3") else DDR4, **rest)


def log_of(name, banks):
    peer = logs.load(name)
    bank = np.where(peer.bank >= 0, peer.rank * banks + peer.bank, -1)
    fields = {key: getattr(peer, key) for key in ("cycle", "command", "rank", "row", "column")}
    return CommandLog.of(bank=bank, **fields)


@pytest.mark.parametrize("name", logs.names())
def test_the_audit_finds_in_a_peers_log_what_is_known_and_nothing_else(name):
    limits = limits_of(name)

    found = audit(log_of(name, limits.banks), limits, most_per_rule=EVERY_VIOLATION)

    expected = {rule: known.count for rule, known in KNOWN.get(name, {}).items()}
    assert Counter(violation.rule for violation in found) == expected


def test_every_known_difference_is_of_a_log_that_we_have():
    assert set(KNOWN) <= set(logs.names())
    assert len(logs.names()) == 25


@pytest.mark.parametrize(
    "name", [name for name in logs.names() if name.startswith(("ramulator2", "dramsys51"))]
)
def test_a_peers_log_holds_a_column_command_for_each_input(name):
    limits = limits_of(name)
    log = log_of(name, limits.banks)
    columns = log.where("RD", "RDA", "WR", "WRA")

    address, is_write, _ = inputs.make(name.rsplit("-", 1)[1], 10_000)

    line = address // inputs.LINE_BYTES
    column, group, bank, row = line % 128, line // 128 % 4, line // 512 % 4, line // 2048
    wanted = np.stack([group * 4 + bank, row, column, is_write], axis=1)
    done_is_write = np.isin(log.command[columns], ["WR", "WRA"])
    done = np.stack([log.bank[columns], log.row[columns], log.column[columns], done_is_write], axis=1)
    left_out = Counter(map(tuple, wanted.tolist()))
    left_out.subtract(map(tuple, done.tolist()))
    assert min(left_out.values()) >= 0
    # Ramulator stops when the last read is answered, with writes still in its buffer.
    assert all(place[3] for place, times in left_out.items() if times)
    assert sum(left_out.values()) <= 32
