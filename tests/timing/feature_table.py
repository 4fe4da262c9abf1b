"""FEATURES: the rows that `tests.timing.features` explains."""

from __future__ import annotations

from simulators.dram.reference import Channel, ReferenceController
from simulators.dram.reference import Request as Listed
from simulators.dram.twin.rank import Bank
from tests.timing.features import (
    Feature,
    read,
    rounded_by,
    with_one_data_bus,
    without_rows_from,
    without_scope,
    without_windows,
    write,
)

_DDR5, _HBM2 = "ddr5-4800-16gb-x8", "hbm2-2000-8gb"
_LPDDR4, _LPDDR5 = "lpddr4-3200-8gb-x16", "lpddr5-6400-8gb-x16"
_WIDE = "ddr4-2400-8gb-x16"  # its activates are further apart

_SHARED = {"scheduler_buffer": "Shared", "request_buffer_size": 64}
_ALWAYS = 1 << 20  # of para_threshold


class WithoutHazards(ReferenceController):
    """GrpFrFcfs that lets a request overtake an older one to the same line."""

    def schedule(self, channel: Channel, bank: Bank) -> Listed | None:
        same = [request for request in bank.queue if request.is_write == channel.last_is_write]
        chosen = same or bank.queue
        return next((request for request in chosen if request.row == bank.open_row), chosen[0])


_MISS_BEFORE_HITS = (read(), read(row=2), *(read(column=8 * k) for k in range(1, 7)))
_BOTH_DIRECTIONS = (read(), write(column=8), read(column=16))
_TWO_ROWS_TWICE = (read(), read(row=2, at=500), read(row=2, column=8, at=600))
_WRITES_AMONG_READS = (
    *(read(column=8 * k) for k in range(8)),
    *(write(column=8 * (20 + k)) for k in range(6)),
    *(read(column=8 * (40 + k)) for k in range(8)),
)
_TWO_SOURCES = (*(read(column=8 * k) for k in range(5)), read(column=80, source=1, at=2))
_ONE_AND_THEN_ANOTHER = (read(), read(column=8, at=2000))
_FIRST_READY = (
    read(), write(bank=4), write(bank=4, column=8, at=200), read(column=8, at=202), read(row=2, at=203),
)  # fmt: skip
_HAMMERED = tuple(read(row=1 + k % 2, at=400 * k) for k in range(9))
_FOUR_BANKS = tuple(read(bank=4 * (k % 4), row=k) for k in range(8))
_ONE_OVERTAKEN = (read(), read(row=2), read(column=8), read(bank=4), read(bank=8))
_PRECHARGE_AFTER_READ = (read(), read(bank=4), read(column=16, at=500), read(bank=4, row=2, at=501))
_READ_AFTER_ACTIVATE = (read(), read(bank=4, at=500), read(column=16, at=501))
_READ_BESIDE_PRECHARGE = (
    read(), read(bank=4), read(column=8, at=200), read(row=2, at=201), read(bank=4, column=8, at=209),
)  # fmt: skip
_TWO_BANKS_IN_CONFLICT = tuple(read(bank=4 * (k % 2), row=k // 2) for k in range(12))
_STREAM = tuple(read(address=64 * k) for k in range(6))
_STRIDE = tuple(read(address=k << 17) for k in range(6))
_STRIDE_OF_ROWS = tuple(read(address=k << 13) for k in range(6))
_PAST_AN_INTERVAL = (read(), read(at=5000), read(at=12_000))
_BUSY_AT_A_DEADLINE = tuple(read(row=k % 3, at=9000 + 30 * k) for k in range(50))
_ONE_BANK_AFTER_THE_OTHER = tuple(read(bank=k % 16, row=k, at=40 * k) for k in range(40))

_SCHEDULERS = (
    Feature("fifo", "first in, first out in each bank", _MISS_BEFORE_HITS,
            {"scheduler": "Fifo"}, {"scheduler": "FrFcfs"}),
    Feature("fcfs", "FCFS over the channel", (read(), read(row=2), read(bank=4)),
            {"scheduler": "Fcfs"}, {"scheduler": "Fifo"}),
    Feature("fr-fcfs", "FR-FCFS", _MISS_BEFORE_HITS, {"scheduler": "FrFcfs"}, {"scheduler": "Fifo"}),
    Feature("fr-fcfs-cap", "FR-FCFS with a row-hit cap", _MISS_BEFORE_HITS,
            {"scheduler": "FrFcfsCap"}, {"scheduler": "FrFcfs"}, both={"row_hit_cap": 2}),
    Feature("row-hit-cap", "the cap itself", _MISS_BEFORE_HITS,
            {"row_hit_cap": 1}, {"row_hit_cap": 4}, both={"scheduler": "FrFcfsCap"}),
    Feature("fr-fcfs-grp", "FR-FCFS, hits grouped by direction", _BOTH_DIRECTIONS,
            {"scheduler": "FrFcfsGrp"}, {"scheduler": "FrFcfs"}),
    Feature("grp-fr-fcfs", "reads and writes grouped", (read(), write(column=8), read(row=2)),
            {"scheduler": "GrpFrFcfs"}, {"scheduler": "FrFcfs"}),
    Feature("write-drain", "write drain by watermarks", _WRITES_AMONG_READS,
            {"scheduler": "GrpFrFcfsWm", "write_high_watermark": 5, "write_low_watermark": 2},
            {"scheduler": "GrpFrFcfs"}, both=_SHARED),
    Feature("high-watermark", "the high watermark", _WRITES_AMONG_READS,
            {"write_high_watermark": 5}, {"write_high_watermark": 24},
            both={"scheduler": "GrpFrFcfsWm", "write_low_watermark": 2, **_SHARED}),
    Feature("low-watermark", "the low watermark", _WRITES_AMONG_READS,
            {"write_low_watermark": 4}, {"write_low_watermark": 1},
            both={"scheduler": "GrpFrFcfsWm", "write_high_watermark": 5, **_SHARED}),
    Feature("bliss", "BLISS", _TWO_SOURCES, {"scheduler": "Bliss"}, {"scheduler": "FrFcfs"},
            both={"bliss_streak": 2}),
    Feature("bliss-streak", "the streak of BLISS", _TWO_SOURCES, {"bliss_streak": 2}, {"bliss_streak": 4},
            both={"scheduler": "Bliss"}),
    Feature("bliss-clear", "the clearing interval of BLISS", _TWO_SOURCES,
            {"bliss_clear": 27}, {"bliss_clear": 10_000}, both={"scheduler": "Bliss", "bliss_streak": 2}),
    Feature("hazards", "no request overtakes an older one to its line", (write(), read()),
            {"scheduler": "GrpFrFcfs"}, {"scheduler": "GrpFrFcfs", "controller": WithoutHazards},
            off_words="the same scheduler without the rule, on the twin"),
)  # fmt: skip

_BUFFERS = (
    Feature("bankwise", "places for each bank", _FOUR_BANKS,
            {"scheduler_buffer": "Bankwise"}, {"scheduler_buffer": "Shared"},
            both={"request_buffer_size": 2}),
    Feature("read-write", "places for reads and for writes", (*_FOUR_BANKS[:2], write(bank=8)),
            {"scheduler_buffer": "ReadWrite"}, {"scheduler_buffer": "Bankwise"},
            both={"request_buffer_size": 2}),
    Feature("shared", "places for all", _FOUR_BANKS,
            {"scheduler_buffer": "Shared"}, {"scheduler_buffer": "Bankwise"},
            both={"request_buffer_size": 2}),
    Feature("split-read-write", "each direction waits for its own places",
            (*(read(row=k) for k in range(4)), write(bank=4), write(bank=8)),
            {"scheduler_buffer": "SplitReadWrite"}, {"scheduler_buffer": "ReadWrite"},
            both={"request_buffer_size": 4}),
    Feature("slot-release", "a place is free at the activate", tuple(read(bank=4 * k) for k in range(4)),
            {"slot_release": "AtActivate"}, {"slot_release": "AtColumn"},
            both={"scheduler_buffer": "Shared", "request_buffer_size": 1}),
    Feature("write-forwarding", "buffered writes answer reads", (write(), read(), read(column=8)),
            {"write_forwarding": "On"}, {"write_forwarding": "Off"}),
    Feature("write-coalescing", "buffered writes absorb writes", (write(), write(), write(column=8)),
            {"write_coalescing": "On"}, {"write_coalescing": "Off"}),
    Feature("batching-window", "requests gather at an idle channel", (read(), read(bank=4, at=5)),
            {"batching_window": 40}, {"batching_window": 0}),
    Feature("port-width", "several requests of a source a cycle", (read(), read(channel=1)),
            {"port_width": 2}, {"port_width": 1}, both={"channels": 2}),
    Feature("arbiter-simple", "a source hands in one request after the other",
            (read(), read(column=8), read(channel=1)), {"arbiter": "Simple"}, {"arbiter": "Fifo"},
            both={"request_buffer_size": 1, "channels": 2}),
    Feature("arbiter-reorder", "responses in the order of the source", _ONE_OVERTAKEN,
            {"arbiter": "Reorder"}, {"arbiter": "Fifo"}, both={"max_active_transactions": 3}),
    Feature("response-reorder", "responses in the order of entry", _ONE_OVERTAKEN,
            {"resp_queue": "Reorder"}, {"resp_queue": "Fifo"}, both={"max_active_transactions": 3}),
    Feature("transactions", "requests of a source in flight", (read(), read(bank=4)),
            {"max_active_transactions": 1}, {"max_active_transactions": 128}),
)  # fmt: skip

_PAGES = (
    Feature("open", "open page", _TWO_ROWS_TWICE, {"page_policy": "Open"}, {"page_policy": "Closed"}),
    Feature("open-adaptive", "open page that looks ahead", (read(), read(row=2)),
            {"page_policy": "OpenAdaptive"}, {"page_policy": "Open"}),
    Feature("closed", "closed page", _TWO_ROWS_TWICE, {"page_policy": "Closed"}, {"page_policy": "Open"}),
    Feature("closed-adaptive", "closed page that looks ahead", (read(), read(column=8)),
            {"page_policy": "ClosedAdaptive"}, {"page_policy": "Closed"}),
    Feature("page-timeout", "a row is closed by a timer", _TWO_ROWS_TWICE,
            {"page_policy": "Timeout"}, {"page_policy": "Open"}, both={"page_timeout_cycles": 100}),
    Feature("page-timeout-cycles", "the timer", _TWO_ROWS_TWICE,
            {"page_timeout_cycles": 100}, {"page_timeout_cycles": 200}, both={"page_policy": "Timeout"}),
    Feature("closed-cap", "a row is closed after so many accesses",
            (read(), read(column=8), read(column=16)),
            {"page_policy": "ClosedCap"}, {"page_policy": "Open"}, both={"row_hit_cap": 2}),
)  # fmt: skip

_REFRESHES = (
    Feature("refresh-all-bank", "all-bank refresh", _PAST_AN_INTERVAL,
            {"refresh_policy": "AllBank"}, {"refresh_policy": "NoRefresh"}),
    Feature("refresh-per-bank", "per-bank refresh", _PAST_AN_INTERVAL,
            {"refresh_policy": "PerBank"}, {"refresh_policy": "AllBank"}, device=_LPDDR5),
    Feature("refresh-same-bank", "same-bank refresh", _PAST_AN_INTERVAL,
            {"refresh_policy": "SameBank"}, {"refresh_policy": "AllBank"}, device=_DDR5),
    Feature("refresh-postponed", "refresh put off", _BUSY_AT_A_DEADLINE,
            {"refresh_max_postponed": 2}, {"refresh_max_postponed": 0}, both={"refresh_policy": "AllBank"}),
    Feature("refresh-pulled-in", "refresh in advance", _PAST_AN_INTERVAL,
            {"refresh_max_pulledin": 2}, {"refresh_max_pulledin": 0}, both={"refresh_policy": "AllBank"}),
    Feature("temperature", "refresh twice as often when hot", _PAST_AN_INTERVAL,
            {"temperature_c": 95.0}, {"temperature_c": 45.0}, both={"refresh_policy": "AllBank"}),
    Feature("per-bank-times", "the times of per-bank refresh", _ONE_BANK_AFTER_THE_OTHER,
            {}, {"rows": without_rows_from("REFPB")}, device=_LPDDR5, both={"refresh_policy": "PerBank"},
            off_words="the rows from REFPB left out"),
)  # fmt: skip

_SLEEP = (
    Feature("active-power-down", "active power-down", _ONE_AND_THEN_ANOTHER,
            {"power_down_policy": "ActivePowerDown"}, {"power_down_policy": "NoPowerDown"},
            both={"power_down_timeout": 50}),
    Feature("precharge-power-down", "precharge power-down", _ONE_AND_THEN_ANOTHER,
            {"power_down_policy": "PrechargePowerDown"}, {"power_down_policy": "ActivePowerDown"},
            both={"power_down_timeout": 50}),
    Feature("power-down-timeout", "the timeout of power-down", _ONE_AND_THEN_ANOTHER,
            {"power_down_timeout": 50}, {"power_down_timeout": 200},
            both={"power_down_policy": "ActivePowerDown"}),
    Feature("self-refresh", "self-refresh", _ONE_AND_THEN_ANOTHER,
            {"self_refresh_timeout": 300}, {"self_refresh_timeout": 0}),
    Feature("self-refresh-timeout", "the timeout of self-refresh", _ONE_AND_THEN_ANOTHER,
            {"self_refresh_timeout": 300}, {"self_refresh_timeout": 900}),
    Feature("self-refresh-owes", "one refresh after self-refresh", _ONE_AND_THEN_ANOTHER,
            {"refresh_policy": "AllBank"}, {"refresh_policy": "NoRefresh"},
            both={"self_refresh_timeout": 300}),
)  # fmt: skip

_MAPPINGS = (
    Feature("mapping-row-bank-column", "mapping row-bank-column", _STREAM,
            {"address_mapping": "row-bank-column"}, {"address_mapping": "row-column-bank"}),
    Feature("mapping-row-column-bank", "mapping row-column-bank", _STREAM,
            {"address_mapping": "row-column-bank"}, {"address_mapping": "row-bank-column"}),
    Feature("mapping-bank-row-column", "mapping bank-row-column", _STRIDE_OF_ROWS,
            {"address_mapping": "bank-row-column"}, {"address_mapping": "row-bank-column"}),
    Feature("mapping-xor", "row bits folded into bank bits", _STRIDE,
            {"address_mapping": "row-bank-column-xor"}, {"address_mapping": "row-bank-column"}),
    Feature("mapping-own-order", "any order of bit fields", _STREAM,
            {"address_mapping": "row:rank:bank:column[6:1]:bank_group:column[0]:channel"},
            {"address_mapping": "row:rank:bank:bank_group:column:channel"}),
    Feature("mapping-own-xor", "any XOR term", _STREAM,
            {"address_mapping": "row:rank:bank:bank_group:column:channel;bank_group^=column[1:0]"},
            {"address_mapping": "row:rank:bank:bank_group:column:channel"}),
)  # fmt: skip

_ARRANGEMENTS = (
    Feature("channels", "several channels", _STREAM, {"channels": 2}, {"channels": 1}),
    Feature("ranks", "several ranks", tuple(read(address=k << 17) for k in range(40)),
            {"ranks": 2}, {"ranks": 1}),
    Feature("sub-channels", "the two sub-channels of DDR5", _STREAM, {"channels": 2}, {"channels": 1},
            device=_DDR5),
    Feature("rank-switch", "the data bus changes between ranks",
            tuple(read(bank=16 * (k % 2), column=8 * k, at=200 * (k // 2)) for k in range(6)),
            {}, {"rows": without_scope("other_ranks")}, both={"ranks": 2, "port_width": 2},
            off_words="the rows of other_ranks left out"),
    Feature("bank-groups", "bank groups (tCCD_L, tRRD_L, tWTR_L)", (read(), read(column=8)),
            {}, {"rows": without_scope("group")}, off_words="the rows of group left out"),
    Feature("four-activates", "four activates in a window (tFAW)",
            tuple(read(bank=4 * (k % 2) + k // 2) for k in range(5)),
            {}, {"rows": without_windows}, device=_WIDE, both={"port_width": 5},
            off_words="the rows with a window left out"),
    Feature("command-lengths", "commands of two clocks", _PRECHARGE_AFTER_READ,
            {}, {"lengths": (1,) * 17}, device=_DDR5, off_words="every command takes one clock"),
    Feature("commands-in-parts", "the parts of LPDDR4 commands", _READ_AFTER_ACTIVATE,
            {}, {"lengths": (1,) * 17}, device=_LPDDR4, off_words="every command takes one clock"),
    Feature("two-part-activate", "the two-part activate of LPDDR5", _READ_AFTER_ACTIVATE,
            {}, {"lengths": (1,) * 17}, device=_LPDDR5, off_words="every command takes one clock"),
    Feature("two-command-buses", "row and column commands at once",
            (read(), read(column=4, at=200), read(bank=4, at=200)),
            {}, {"command_buses": 1}, device=_HBM2, both={"port_width": 2, "batching_window": 5},
            off_words="one command bus"),
    Feature("pseudo-channels", "pseudo channels have data buses of their own",
            tuple(read(bank=16 * (k % 2), column=4 * k, at=200 * (k // 2)) for k in range(6)),
            {}, {"rows": with_one_data_bus}, device=_HBM2, both={"port_width": 2},
            off_words="a row keeps their bursts apart"),
    Feature("jedec-rounding", "the rounding of JESD79-5", (write(), write(row=2)),
            {}, {"rows": rounded_by("JESD79-4")}, device=_DDR5, off_words="the rounding of JESD79-4"),
    Feature("speed-bin", "speed bins", (read(), read(row=2)),
            {"device": "ddr4-3200-8gb-x8"}, {"device": "ddr4-2400-8gb-x8"}, device="ddr4-3200-8gb-x8"),
    Feature("bank-group-mode", "bank-group modes of LPDDR5", (read(), read(bank=1, column=16)),
            {"device": "lpddr5-6400-8gb-x16"}, {"device": "lpddr5-6400-8gb-x16-8b"}, device=_LPDDR5),
    Feature("command-mux", "columns before rows", _READ_BESIDE_PRECHARGE,
            {"command_mux": "ColumnsFirst"}, {"command_mux": "Oldest"}),
    Feature("first-ready", "a row is closed while its hit is not ready", _FIRST_READY,
            {"first_ready": "On"}, {"first_ready": "Off"}),
)  # fmt: skip

_HAMMER = (
    Feature("para", "PARA", _HAMMERED, {"mitigation": "Para"}, {"mitigation": "None"},
            both={"para_threshold": _ALWAYS // 2}),
    Feature("para-seed", "the lots of PARA", _HAMMERED, {"mitigation_seed": 1}, {"mitigation_seed": 0},
            both={"mitigation": "Para", "para_threshold": _ALWAYS // 2}),
    Feature("graphene", "Graphene", _HAMMERED, {"mitigation": "Graphene"}, {"mitigation": "None"},
            both={"graphene_threshold": 3, "graphene_entries": 4}),
    Feature("graphene-window", "the window of Graphene", _HAMMERED,
            {"refresh_window": 700}, {"refresh_window": 0},
            both={"mitigation": "Graphene", "graphene_threshold": 3, "graphene_entries": 4}),
    Feature("rfm", "RFM", _HAMMERED, {"mitigation": "Rfm"}, {"mitigation": "None"}, device=_DDR5,
            both={"raa_initial": 4, "raa_maximum": 8}),
    Feature("rfm-maximum", "no activate beyond the maximum of RFM", _TWO_BANKS_IN_CONFLICT,
            {"raa_maximum": 3}, {"raa_maximum": 5}, device=_DDR5,
            both={"mitigation": "Rfm", "raa_initial": 2}),
    Feature("prac", "PRAC", _HAMMERED, {"mitigation": "Prac"}, {"mitigation": "None"}, device=_DDR5,
            both={"prac_threshold": 3}),
)  # fmt: skip

_LIVE = (
    Feature("retune", "re-tuning while it runs", _TWO_ROWS_TWICE,
            {"retuned": (300, {"page_policy": "Closed"})}, {}, off_words="never"),
)  # fmt: skip

FEATURES = (
    *_SCHEDULERS, *_BUFFERS, *_PAGES, *_REFRESHES, *_SLEEP, *_MAPPINGS, *_ARRANGEMENTS, *_HAMMER, *_LIVE,
)  # fmt: skip
