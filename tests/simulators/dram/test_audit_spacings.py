"""Every spacing rule of every standard: met with equality by a log by hand, and broken one cycle early.

The numbers are reckoned by hand from the timings of `MEMORIES` and the minimum delays of the standards.
"""

from __future__ import annotations

import pytest

from simulators.dram.audit import Limits
from tests.simulators.dram.audit_bench import rules_broken

MEMORIES = {
    "DDR3": Limits(
        {
            "cl": 10, "cwl": 8, "burst": 4, "rcd": 10, "rp": 10, "ras": 28, "rc": 38, "rtp": 6, "wr": 12,
            "rrd_s": 5, "rrd_l": 5, "ccd_s": 4, "ccd_l": 4, "wtr_s": 6, "wtr_l": 6, "faw": 24, "rfc": 88,
            "refi": 6240, "xp": 6, "cke": 3, "ckesr": 4, "xs": 96, "xsdll": 512, "rtrs": 2,
        },
        banks=8, banks_per_group=8, standard="DDR3", ranks=2, refresh="NoRefresh",
    ),
    "DDR4": Limits(
        {
            "cl": 17, "cwl": 12, "burst": 4, "rcd": 17, "rp": 17, "ras": 39, "rc": 56, "rtp": 9, "wr": 18,
            "rrd_s": 4, "rrd_l": 6, "ccd_s": 4, "ccd_l": 6, "wtr_s": 3, "wtr_l": 9, "faw": 26, "rfc": 421,
            "refi": 9363, "xp": 8, "cke": 6, "ckesr": 7, "xs": 433, "xsdll": 768, "rtrs": 2,
        },
        banks=16, banks_per_group=4, standard="DDR4", ranks=2, refresh="NoRefresh",
    ),
    "DDR5": Limits(
        {
            "cl": 34, "cwl": 32, "burst": 8, "rcd": 34, "rp": 34, "ras": 77, "rc": 111, "rtp": 18,
            "wr": 72, "rrd_s": 8, "rrd_l": 12, "ccd_s": 8, "ccd_l": 12, "ccd_l_wr": 48, "wtr_s": 6,
            "wtr_l": 24, "faw": 32, "rfc": 710, "rfcsb": 313,
            "refsbrd": 73, "refi": 9375, "xp": 18, "cke": 18, "ckesr": 19,
            "xs": 710, "xsdll": 1536, "rtrs": 2, "ppd": 2,
        },
        banks=32, banks_per_group=4, standard="DDR5", ranks=2, refresh="NoRefresh",
    ),
    "LPDDR4": Limits(
        {
            "cl": 28, "dqsck": 6, "cwl": 14, "burst": 8, "rcd": 29, "rp": 29, "rpab": 34, "ras": 68, "rc": 97,
            "rtp": 12, "wr": 29, "rrd_s": 16, "rrd_l": 16, "ccd_s": 8, "ccd_l": 8, "wtr_s": 16, "wtr_l": 16,
            "faw": 64, "rfc": 448, "rfcpb": 224, "refi": 6246, "xp": 12, "cke": 12, "ckesr": 24, "xs": 460,
            "rtrs": 1, "ppd": 4,
        },
        banks=8, banks_per_group=8, standard="LPDDR4", ranks=2, refresh="NoRefresh",
    ),
    "LPDDR5": Limits(
        {
            "cl": 17, "cwl": 9, "burst": 2, "span": 2, "span_max": 4, "rcd": 15, "rp": 15, "rpab": 17,
            "ras": 34, "rc": 48, "rtp": 6, "wr": 28, "rrd_s": 4, "rrd_l": 4, "ccd_s": 2, "ccd_l": 4,
            "wtr_s": 5, "wtr_l": 10, "faw": 16, "rfc": 168, "rfcpb": 96, "pbr2pbr": 72, "pbr2act": 6,
            "refi": 3125, "xp": 6, "cke": 6, "ckesr": 12, "xs": 174, "rtrs": 2, "ppd": 2,
        },
        banks=16, banks_per_group=4, standard="LPDDR5", ranks=2, refresh="NoRefresh",
    ),
    "GDDR6": Limits(
        {
            "cl": 24, "cwl": 6, "burst": 2, "rcdrd": 27, "rcdwr": 16, "rp": 27, "ras": 53, "rc": 79, "rtp": 4,
            "wr": 27, "rrd_s": 8, "rrd_l": 9, "ccd_s": 2, "ccd_l": 4, "wtr_s": 9, "wtr_l": 11, "faw": 36,
            "rfc": 211, "rfcpb": 106, "rrefd": 15, "refi": 3333, "xp": 14, "cke": 9, "ckesr": 10, "xs": 219,
            "ppd": 2,
        },
        banks=16, banks_per_group=4, standard="GDDR6", refresh="NoRefresh",
    ),
    "HBM2": Limits(
        {
            "cl": 14, "cwl": 5, "burst": 2, "rcdrd": 14, "rcdwr": 12, "rp": 14, "ras": 34, "rc": 48, "rtp": 5,
            "wr": 16, "rrd_s": 4, "rrd_l": 5, "ccd_s": 2, "ccd_l": 4, "wtr_s": 6, "wtr_l": 8, "faw": 18,
            "rtw": 13, "rfc": 350, "rfcpb": 160, "rrefd": 8, "refi": 3900, "xp": 8, "cke": 8, "ckesr": 10,
            "xs": 358,
        },
        banks=16, banks_per_group=4, standard="HBM2", ranks=2, refresh="NoRefresh",
    ),
    "HBM3": Limits(
        {
            "cl": 20, "cwl": 10, "burst": 2, "rcdrd": 31, "rcdwr": 15, "rp": 26, "ras": 45, "rc": 71,
            "rtp": 9, "wr": 33, "rrd_s": 4, "rrd_l": 5, "ccd_s": 2, "ccd_l": 4, "wtr_s": 7, "wtr_l": 10,
            "faw": 24,
            "rtw": 20, "rfc": 416, "rfcpb": 320, "rrefd": 8, "refi": 6240, "xp": 12, "cke": 12, "ckesr": 14,
            "xs": 432, "ppd": 2, "rfmsb": 320,
        },
        banks=16, banks_per_group=4, standard="HBM3", ranks=2, refresh="NoRefresh",
    ),
}  # fmt: skip

ACT, PRE, PREA, RD, WR, RDA, WRA = ((name,) for name in ("ACT", "PRE", "PREA", "RD", "WR", "RDA", "WRA"))
OPEN = [(0, "ACT")]
NEAR, FAR = 1, 4  # a bank of the same group, one of another (where there are groups)
OPEN_THREE = [(0, "ACT"), (200, "ACT", FAR), (400, "ACT", NEAR)]


def after(*commands):
    """A row opened in cycle 0, and more."""
    return [*OPEN, *commands]


def open_three_then(*commands):
    return [*OPEN_THREE, *commands]


def activates(gap):
    """Four, in four groups or, where there are none, four banks."""
    return [(k * gap, "ACT", bank) for k, bank in enumerate((0, 4, 2, 6))]


STANDARDS = tuple(MEMORIES)

# Rule, commands before, the command under test, and its first legal distance in each standard that has it.
# The columns of distances: DDR3, DDR4, DDR5, LPDDR4, LPDDR5, GDDR6, HBM2, HBM3.
SPACED = [
    ("tRCD", OPEN, RD,                                                   " 10  17  34  29  16  27  15  32"),
    ("tRCD", OPEN, WRA,                                                  " 10  17  34  29  16  16  13  16"),
    ("tRAS", OPEN, PRE,                                                  " 28  39  78  70  35  53  35  46"),
    ("tRAS", OPEN, PREA,                                                 " 28  39  78  70  35  53  35  46"),
    ("tRP", after((900, "PRE")), ACT,                                    " 10  17  33  27  14  27  13  25"),
    ("tRP", after((900, "PREA")), ACT,                                   " 10  17  33  32  16  27  13  25"),
    ("tRP", after((900, "PREA")), ("REF",),                              " 10  17  34  34  17  27  14  26"),
    ("tRP", after((900, "PRE")), ("SRE",),                               " 10  17  34  29  15  27  14  26"),
    ("tRC", after((17, "RDA")), ("REF",),                                " 21  39   -   -   -   -   -   -"),
    ("tRRD_S", OPEN, ("ACT", FAR),                                       "  5   4   8  16   4   8   4   4"),
    ("tRRD_L", OPEN, ("ACT", NEAR),                                      "  -   6  12   -   -   9   5   5"),
    ("tFAW", activates(5), ("ACT", 1),                                   "  9   -   -   -   -   -   -   -"),
    ("tFAW", activates(6), ("ACT", 1),                                   "  -   8   -   -   -   -   -   6"),
    ("tFAW", activates(4), ("ACT", 9),                                   "  -   -   -   -   4   -   -   -"),
    ("tPPD", [(0, "ACT"), (200, "ACT", FAR), (900, "PRE")], ("PRE", FAR),
                                                                         "  -   -   2   4   2   2   -   2"),
    ("tRTP", after((900, "RD")), PRE,                                    "  6   9  19  14   8   4   5   9"),
    ("tRTP", after((900, "RD")), PREA,                                   "  6   9  19  14   8   4   5   9"),
    ("tWR", after((900, "WR")), PRE,                                     " 24  34 113  54  40  35  23  45"),
    ("tWR", open_three_then((900, "WRA")), PREA,                         " 24  34 113  54  40  35  23  45"),
    ("tWR", after((900, "WR")), RDA,                                     " 18  25  94  40   -  31   -  36"),
    ("tRTP+tRP", after((900, "RDA")), ACT,                               " 16  26  52  41  22  31  18  34"),
    ("tRTP+tRP", after((900, "RDA")), ("REF",),                          " 16  26  53  43  23  31  19  35"),
    ("tWR+tRP", after((900, "WRA")), ACT,                                " 34  51 146  81  54  62  36  70"),
    ("tWR+tRP", after((900, "WRA")), ("REF",),                           " 34  51 147  83  55  62  37  71"),
    ("tCCD_S", open_three_then((900, "RD")), ("RD", FAR),                "  4   4   8   8   2   2   2   2"),
    ("tCCD_L", open_three_then((900, "RD")), ("RD", NEAR),               "  -   6  12   -   4   4   4   4"),
    ("tCCD_L", open_three_then((900, "WR")), ("WR", NEAR),               "  -   6  48   -   4   4   4   4"),
    ("read-to-write", after((900, "RD")), WR,                            "  8  11  12  30  11  22  13  20"),
    ("tWTR_S", open_three_then((900, "WR")), ("RD", FAR),                " 18  19  46  39  16  17  13  19"),
    ("tWTR_L", open_three_then((900, "WR")), ("RD", NEAR),               "  -  25  64   -  23  19  15  22"),
    ("tRFC", [(0, "REF")], ACT,                                          " 88 421 709 446 167 211 349 415"),
    ("tRFC", [(0, "REF")], ("REF",),                                     " 88 421 710 448 168 211 350 416"),
    ("tRFCpb", [(0, "REFPB")], ACT,                                      "  -   -   - 222  95 106 159 319"),
    ("tRFCpb", [(0, "REFPB")], ("REF",),                                 "  -   -   - 224  96 106 160 320"),
    ("REFpb-to-REFpb", [(0, "REFPB")], ("REFPB", 5),                     "  -   -   - 224  72  15   8   8"),
    ("REFpb-to-ACT", [(0, "REFPB")], ("ACT", 5),                         "  -   -   -   -   5  15   7   7"),
    ("ACT-to-REFpb", OPEN, ("REFPB", 5),                                 "  -   -   -  18   5   8   5   5"),
    ("tRP", after((900, "PRE")), ("REFPB",),                             "  -   -   -  29  15  27  14  26"),
    ("tRFCsb", [(0, "REFSB", 1)], ("ACT", 9),                            "  -   - 312   -   -   -   -   -"),
    ("tRFCsb", [(0, "REFSB", 1)], ("REFSB", 2),                          "  -   - 313   -   -   -   -   -"),
    ("tRFCsb", [(0, "REFSB", 1)], ("REF",),                              "  -   - 313   -   -   -   -   -"),
    ("tREFSBRD", [(0, "REFSB", 1)], ("ACT", 8),                          "  -   -  72   -   -   -   -   -"),
    ("tRP", [(0, "ACT", 9), (900, "PRE", 9)], ("REFSB", 1),              "  -   -  34   -   -   -   -   -"),
    ("ACT-to-REFsb", OPEN, ("REFSB", 1),                                 "  -   -  13   -   -   -   -   -"),
    ("tRFM", [(0, "RFM")], ACT,                                          "  -   - 709   -   -   -   - 415"),
    ("tRFMsb", [(0, "RFMSB", 1)], ("ACT", 9),                            "  -   - 312   -   -   -   - 319"),
    ("victim", [(0, "VRR")], ACT,                                        " 76 112 222 194  96 158  96 142"),
    ("victim", [(0, "VRR")], ("REF",),                                   " 76 112   -   -   -   -   -   -"),
    ("tRRD_S", [(0, "VRR")], ("ACT", FAR),                               "  5   4   8  16   4   8   4   4"),
    ("tRTRS", [(0, "ACT"), (200, "ACT", "rank 1"), (900, "RD")], ("RD", "rank 1"),
                                                                         "  6   6  10   9   4   -   -   -"),
    ("tRTRS", [(0, "ACT"), (200, "ACT", "rank 1"), (900, "WR")], ("RD", "rank 1"),
                                                                         "  4   -   8   -   -   -   -   -"),
    ("tRTRS", [(0, "ACT"), (200, "ACT", "rank 1"), (900, "RD")], ("WR", "rank 1"),
                                                                         "  8  11  12  28  12   -   -   -"),
    ("tRDPDEN", after((900, "RD")), ("PDE",),                            " 15  22  44  45  19  27  17  23"),
    ("tWRPDEN", after((900, "WR")), ("PDE",),                            " 24  34 113  55  40  35  23  45"),
    ("tWRAPDEN", after((900, "WRA")), ("PDE",),                          " 25  35 114  56  41  36  24  46"),
    ("tCKE", [(900, "PDE")], ("PDX",),                                   "  3   6  18  12   6   9   8  12"),
    ("tXP", [(900, "PDE"), (990, "PDX")], ACT,                           "  6   8  17  12   5  14   7  11"),
    ("tCKESR", [(900, "SRE")], ("SRX",),                                 "  4   7  19  24  12  10  10  14"),
    ("tXS", [(900, "SRE"), (990, "SRX")], ("REF",),                      " 96 433 710 460 174 219 358 432"),
    ("tXSDLL", [(0, "SRE"), (90, "SRX"), (590, "ACT")], RD,              " 12 268   -   -   -   -   -   -"),
]  # fmt: skip

CASES = [
    pytest.param(standard, rule, before, command, int(gap), id=f"{standard} {rule} {command[0]}")
    for rule, before, command, gaps in SPACED
    for standard, gap in zip(STANDARDS, gaps.split(), strict=True)
    if gap != "-"
]


def placed(commands, limits):
    """`rank 1` is its first bank."""
    return [tuple(limits.banks if field == "rank 1" else field for field in command) for command in commands]


@pytest.mark.parametrize(("standard", "rule", "before", "command", "gap"), CASES)
def test_a_command_is_legal_on_time_and_not_one_cycle_early(standard, rule, before, command, gap):
    limits = MEMORIES[standard]
    before, (name, *where) = placed(before, limits), placed([command], limits)[0]
    last = before[-1][0]

    on_time = rules_broken(limits, *before, (last + gap, name, *where))
    early = rules_broken(limits, *before, (last + gap - 1, name, *where))

    assert on_time == set()
    assert rule in early


@pytest.mark.parametrize(
    ("standard", "earlier", "later", "clocks"),
    [
        ("DDR4", "ACT", "PDE", 1),
        ("DDR5", "ACT", "PRE", 2),
        ("LPDDR4", "ACT", "PRE", 4),
        ("LPDDR4", "PRE", "PRE", 2),
        ("LPDDR5", "ACT", "PRE", 2),
        ("HBM2", "ACT", "PRE", 2),
    ],
)
def test_a_command_keeps_its_bus_for_all_its_clocks(standard, earlier, later, clocks):
    limits = MEMORIES[standard]
    ready = [(0, "ACT", FAR), (200, "ACT", NEAR)]
    first = (900, earlier, 0 if earlier == "ACT" else FAR)
    place = 0 if later == "PDE" else NEAR

    early = rules_broken(limits, *ready, first, (900 + clocks - 1, later, place))
    on_time = rules_broken(limits, *ready, first, (900 + clocks, later, place))

    assert "command-bus" in early
    assert "command-bus" not in on_time


def test_a_column_and_a_row_command_share_a_cycle_on_the_two_buses_of_hbm_only():
    commands = [(0, "ACT"), (200, "RD"), (200, "ACT", FAR)]

    assert rules_broken(MEMORIES["HBM2"], *commands) == set()
    assert rules_broken(MEMORIES["DDR4"], *commands) == {"command-bus"}


def test_pseudo_channels_have_data_buses_of_their_own():
    commands = [(0, "ACT"), (200, "ACT", 16), (500, "RD"), (501, "RD", 16)]

    assert rules_broken(MEMORIES["HBM3"], *commands) == set()
    assert rules_broken(MEMORIES["DDR4"], *commands) == {"data-bus"}


@pytest.mark.parametrize("standard", [name for name, limits in MEMORIES.items() if limits.ranks == 2])
def test_ranks_have_activate_rules_of_their_own(standard):
    limits = MEMORIES[standard]
    after_the_bus = limits.clocks("ACT")

    assert rules_broken(limits, (0, "ACT"), (after_the_bus, "ACT", limits.banks)) == set()
    assert rules_broken(limits, (0, "ACT"), (after_the_bus, "ACT", NEAR)) != set()
