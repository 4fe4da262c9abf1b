"""The modes that mimic the peers against the command logs measured with them (peers/README.md).

All 25 logs are equal to the last command, and so are the lengths of the runs and, where listed, the mean
latencies. What each choice is worth is in docs/validation.md.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from dse.errors import InputError, LookupFailed
from ext.dram_engine import DramEngine
from simulators.dram.memory.constraints import COMMANDS
from simulators.dram.memory.devices import device
from simulators.dram.memory.mapping import AddressMapping
from simulators.dram.mimic import PEERS, DramSys5, departures, replay
from simulators.dram.mimic.departures import DRAMSIM3, departed
from tests.oracles.peers.inputs import make
from tests.oracles.peers.logs import load

RESULTS = Path(__file__).parent / "peers" / "results.csv"
N_REQUESTS = 10_000
DDR4 = "ddr4-2400-8gb-x8"
ORDER = "row:rank:bank:bank_group:column"  # of the address bits, from the top


@dataclass(frozen=True)
class Case:
    """One measured run: its log, the peer and its device, what was chosen, the order of the address bits."""

    log: str
    peer: str
    device: str
    choices: dict = field(default_factory=dict)
    order: str = ORDER
    ranks: int | None = None
    columns: int | None = None

    @property
    def trace(self):
        return self.log.split("-")[-1]


def case(log, **choices):
    """A run on the DDR4 of its peer; DRAMSys was given that of Ramulator."""
    peer = log.split("-")[0].replace("dramsys51", "dramsys5")
    return Case(log, peer, DDR4 + ("-dramsim3" if peer == "dramsim3" else "-ramulator"), choices)


QUICK = (
    case("ramulator2-nom-triad"),
    case("ramulator2-nom-randrw"),
    case("dramsim3-nom-mid"),
    case("dramsys51-frfcfs-seqmid"),
)
LONG = (
    case("ramulator2-nom-seq"),
    case("ramulator2-nom-rand"),
    case("ramulator2-rowhit-triad", row_hits_protected=True),
    case("ramulator2-rowhit-randrw", row_hits_protected=True),
    case("ramulator2-cap1-triad", column_cap=1),
    case("dramsim3-nom-seq"),
    case("dramsim3-nom-rand"),
    case("dramsim3-nom-triad"),
    case("dramsim3-close-triad", page_policy="Closed"),
    case("dramsim3-close-randrw", page_policy="Closed"),
    Case("dramsim3-LPDDR4_8Gb_x16_2400-randrw", "dramsim3", "lpddr4-2400-8gb-x64-dramsim3"),
    Case(
        "dramsim3-HBM2_8Gb_x128_1ch-rand",
        "dramsim3",
        "hbm2-2000-8gb-legacy-dramsim3",
        {"dual_command": True},
        "row:bank_group:bank:column",
        columns=128,  # as its log has them
    ),
    case("dramsys51-frfcfs-seq"),
    case("dramsys51-frfcfs-triad"),
    case("dramsys51-frfcfs-triadc"),
    case("dramsys51-frfcfs-rand"),
    case("dramsys51-frfcfs-randrw"),
    case("dramsys51-fifo-rand", scheduler="Fifo"),
    case("dramsys51-closed-seq", page_policy="Closed"),
    case("dramsys51-closed-triad", page_policy="Closed"),
    case("dramsys51-closed-rand", page_policy="Closed"),
)
BY_LOG = {case.log: case for case in QUICK + LONG}

# As the drivers reported them with the logs: clocks, and the mean read latency of Ramulator.
CLOCKS = {
    "ramulator2-nom-seq": 53415,
    "ramulator2-nom-rand": 69240,
    "ramulator2-nom-triad": 51483,
    "ramulator2-nom-randrw": 71355,
    "ramulator2-rowhit-triad": 51483,
    "ramulator2-rowhit-randrw": 71355,
    "ramulator2-cap1-triad": 193388,
    "dramsim3-nom-seq": 51063,
    "dramsim3-nom-rand": 69308,
    "dramsim3-nom-triad": 51138,
    "dramsim3-nom-mid": 120707,
    "dramsim3-close-triad": 297419,
    "dramsim3-close-randrw": 70885,
    "dramsim3-LPDDR4_8Gb_x16_2400-randrw": 90132,
    "dramsim3-HBM2_8Gb_x128_1ch-rand": 82507,
}
LATENCY = {
    "ramulator2-nom-seq": 191.6881,
    "ramulator2-nom-rand": 258.8371,
    "ramulator2-nom-triad": 267.8415,
    "ramulator2-nom-randrw": 379.2058,
    "ramulator2-cap1-triad": 956.8830,
}
SYSTEMS = {"frfcfs": "ds_frfcfs", "fifo": "ds_fifo", "closed": "ds_closed"}


def run(case, n=N_REQUESTS, **choices):
    """The first n requests of the case, scheduled with these choices besides its own."""
    address, is_write, arrival = make(case.trace, n)
    memory = memory_of(case)
    place = AddressMapping.of(case.order, memory).decode(address.astype(np.uint64))
    column = place.column // memory.burst_length
    return replay(
        case.peer, memory, arrival, place.bank, place.row, column, is_write, **case.choices | choices
    )


def memory_of(case):
    found = device(case.device).arranged(channels=1, ranks=case.ranks)
    return replace(found, columns=case.columns or found.columns)


def lines(log, banks):
    """The log in the form of the measured ones: banks are counted in their rank."""
    bank = np.where(log.bank < 0, -1, log.bank % banks)
    names = np.array(COMMANDS)[log.command]
    return list(
        zip(*(a.tolist() for a in (log.cycle, names, log.rank, bank, log.row, log.column)), strict=True)
    )


def measured_lines(name):
    log = load(name)
    columns = (log.cycle, log.command, log.rank, log.bank, log.row, log.column)
    return list(zip(*(a.tolist() for a in columns), strict=True))


def first_difference(log, other):
    """Position of the first command that differs; None when both logs are equal."""
    for position, (ours, theirs) in enumerate(zip(log, other, strict=False)):
        if ours != theirs:
            return position
    return None if len(log) == len(other) else min(len(log), len(other))


def check(case):
    log = run(case)

    difference = first_difference(lines(log, memory_of(case).banks), measured_lines(case.log))

    assert difference is None
    assert log.elapsed == CLOCKS.get(case.log, log.elapsed)
    if case.log in LATENCY:
        reads = ~make(case.trace, N_REQUESTS)[1]
        assert (log.finish - log.accept)[reads].mean() == pytest.approx(LATENCY[case.log], abs=5e-5)


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.log)
def test_the_command_log_is_the_peers(case):
    check(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", LONG, ids=lambda case: case.log)
def test_the_command_log_is_the_peers_in_longer_runs(case):
    check(case)


@pytest.mark.slow
@pytest.mark.parametrize("log", [log for log in BY_LOG if log.startswith("dramsys51")])
def test_the_length_of_the_run_is_that_which_dramsys_reports(log):
    _, design, trace = log.split("-")
    with RESULTS.open(encoding="utf-8") as file:
        rows = {(r["config"], r["trace"], r["requests"]): r for r in csv.DictReader(file)}

    found = run(BY_LOG[log])

    assert found.elapsed == int(rows[SYSTEMS[design], trace, str(N_REQUESTS)]["cycles"])


def two_ranks(log):
    return replace(case(log), ranks=2, order="row:bank:bank_group:rank:column")


# Runs of 200,000 requests whose choices the logs do not show: clocks and mean read latency in results.csv.
MEASURED_CHOICES = (
    ("r2_ddr4_2400_rowhit", "randrw", case("ramulator2-nom-randrw", row_hits_protected=True)),
    ("r2_ddr4_2400_cap4", "triad", case("ramulator2-nom-triad", column_cap=4)),
    ("r2_ddr4_2400_2rank", "rand", two_ranks("ramulator2-nom-rand")),
    ("d3_ddr4_2400_perrank", "rand", case("dramsim3-nom-rand", queue_structure="PerRank")),
    ("d3_ddr4_2400_uq", "triad", case("dramsim3-nom-triad", unified_queue=True)),
    ("d3_ddr4_2400_nom", "triadc", case("dramsim3-nom-triadc")),
    ("r2_ddr4_2400_2rank", "triad", two_ranks("ramulator2-nom-triad")),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "trace", "case"), MEASURED_CHOICES, ids=lambda value: getattr(value, "log", value)
)
def test_a_choice_that_no_log_shows_gives_the_measured_clocks_and_latency(config, trace, case):
    with RESULTS.open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if (r["config"], r["trace"]) == (config, trace)]
    measured = max(rows, key=lambda row: int(row["requests"]))
    n = int(measured["requests"])

    log = run(case, n)

    reads = ~make(trace, n)[1]
    assert log.elapsed == int(measured["cycles"])
    assert (log.finish - log.accept)[reads].mean() == pytest.approx(
        float(measured["read_latency_mean_cycles"]), abs=1e-4
    )


# ---------------------------------------------------------------------------------------- what a choice does

CHOICES = (
    (case("ramulator2-nom-randrw"), {"slot_release": "AtColumn"}),
    (case("ramulator2-nom-randrw"), {"first_ready": "Columns"}),
    (case("ramulator2-nom-randrw"), {"drain_above": 0.5}),
    (case("ramulator2-nom-randrw"), {"drain_below": 0.5}),
    (case("ramulator2-nom-randrw"), {"refresh": "NoRefresh"}),
    (case("ramulator2-nom-triad"), {"column_cap": 2}),
    (case("dramsim3-nom-mid"), {"queue_structure": "PerRank"}),
    (case("dramsim3-nom-mid"), {"unified_queue": True}),
    (case("dramsim3-nom-mid"), {"drain_idle_above": 16}),
    (case("dramsim3-nom-mid"), {"page_policy": "Closed"}),
    (case("dramsim3-nom-mid"), {"dual_command": True}),
    (case("dramsim3-nom-mid"), {"refresh": "NoRefresh"}),
    (case("dramsys51-frfcfs-triad"), {"request_buffer_size": 8}),
)


@pytest.mark.parametrize(("case", "choice"), CHOICES, ids=lambda value: getattr(value, "log", str(value)))
def test_another_choice_gives_another_log(case, choice):
    n = 1500  # long enough for a refresh in most of them

    with_choice, without = lines(run(case, n, **choice), 16), lines(run(case, n), 16)

    assert first_difference(with_choice, without) is not None


@pytest.mark.parametrize(("hits", "rows"), [(4, [5, 5, 6]), (1, [5, 6, 5])])
def test_dramsim3_closes_a_row_under_a_hit_when_the_row_has_served_its_share(hits, rows):
    log = bench(
        "dramsim3", [(0, 0, 5, False), (38, 0, 6, False), (38, 0, 5, False)], hits_before_conflict=hits
    )

    assert log.row[log.command == COMMANDS.index("RD")].tolist() == rows


THE_ENGINE_S_OWN = tuple(f"dramsys51-frfcfs-{trace}" for trace in ("seq", "seqmid", "triad", "triadc"))


@pytest.mark.slow
def test_a_refresh_that_holds_its_banks_one_cycle_later_gives_another_log_in_dramsys():
    measured = case("dramsys51-frfcfs-rand")

    later = lines(run(measured, refresh_holds="NextCycle"), 16)

    position = first_difference(later, measured_lines(measured.log))
    fourth_deadline = 4 * memory_of(measured).timings.refi
    assert later[position][0] == fourth_deadline < measured_lines(measured.log)[position][0]


@pytest.mark.parametrize("log", sorted(log for log in BY_LOG if log.startswith("dramsys51")))
def test_our_engine_parts_from_dramsys_in_the_cycle_of_a_deadline_or_never(log):
    address, is_write, arrival = make(BY_LOG[log].trace, N_REQUESTS)
    memory = memory_of(BY_LOG[log])
    place = AddressMapping.of(ORDER, memory).decode(address.astype(np.uint64))
    config = DramSys5(**BY_LOG[log].choices).config(memory)
    numbers = config.vector(), config.row_array(), config.length_array()
    requests = arrival + 1, None, place.bank, place.row, place.column, is_write.astype(np.uint8)
    engine = DramEngine(*numbers, *requests, np.zeros(N_REQUESTS, dtype=np.uint8), log=True)

    engine.advance()

    logged = engine.command_log()
    ours = list(zip(logged["cycle"].tolist(), np.array(COMMANDS)[logged["command"]].tolist(), strict=True))
    part = first_difference(ours, [line[:2] for line in measured_lines(log)])
    assert (part is None) == (log in THE_ENGINE_S_OWN)
    assert part is None or ours[part][0] % memory.timings.refi == 0


NEEDED = (
    ("ramulator2-cap1-triad", "RAMULATOR2", 0),
    ("dramsim3-close-triad", "DRAMSIM3", 1),
    ("dramsim3-close-triad", "DRAMSIM3", 3),
    ("dramsim3-LPDDR4_8Gb_x16_2400-randrw", "DRAMSIM3", 4),
    ("dramsys51-closed-seq", "DRAMSYS5", 0),
)
MODULES = {
    "RAMULATOR2": "simulators.dram.mimic.ramulator2",
    "DRAMSIM3": "simulators.dram.mimic.dramsim3",
    "DRAMSYS5": "simulators.dram.mimic.dramsys5",
}


@pytest.mark.slow
@pytest.mark.parametrize(("log", "peer", "position"), NEEDED)
def test_every_departure_of_a_peer_is_needed_for_one_of_its_logs(log, peer, position, monkeypatch):
    known = getattr(departures, peer)
    monkeypatch.setattr(f"{MODULES[peer]}.{peer}", known[:position] + known[position + 1 :])

    found = lines(run(BY_LOG[log]), memory_of(BY_LOG[log]).banks)

    assert first_difference(found, measured_lines(log)) is not None


# ------------------------------------------------------------------------------------------ small benches


def bench(peer, requests, **choices):
    """requests: (arrival, bank, row, is_write), column 0, on our DDR4."""
    arrival, bank, row, is_write = zip(*requests, strict=True)
    return replay(peer, device("ddr4-2400-8gb-x8"), arrival, bank, row, [0] * len(bank), is_write, **choices)


@pytest.mark.parametrize("peer", PEERS)
def test_the_first_closed_read_takes_39_clocks_in_every_peer(peer):
    log = bench(peer, [(0, 0, 5, False)])

    assert [COMMANDS[c] for c in log.command] == ["ACT", "RD"]
    assert log.cycle.tolist() == ([1, 18] if peer == "dramsys5" else [2, 19])
    assert (log.finish - log.accept).tolist() == [38 if peer == "dramsys5" else 39]


@pytest.mark.parametrize("peer", ["ramulator2", "dramsim3"])
def test_a_read_is_answered_by_a_waiting_write_to_its_line(peer):
    log = bench(peer, [(0, 0, 5, True), (0, 0, 6, True), (0, 0, 6, False)])

    assert log.finish[2] - log.accept[2] == 1


def test_dramsim3_reads_one_line_once_for_two_requests():
    log = bench("dramsim3", [(0, 0, 5, False), (0, 0, 5, False)])

    assert [COMMANDS[c] for c in log.command] == ["ACT", "RD"]
    assert log.finish.tolist() == [40, 40]


@pytest.mark.parametrize(("release", "waits"), [("AtActivate", 1), ("AtColumn", 18)])
def test_ramulator_frees_the_place_of_a_request_at_its_activate(release, waits):
    log = bench("ramulator2", [(0, 0, 5, False), (0, 4, 5, False)], read_buffer=1, slot_release=release)

    assert log.accept[1] - log.accept[0] == waits


def test_a_departure_replaces_exactly_its_rows():
    memory = device(DDR4)

    changed = set(departed(memory, DRAMSIM3)) ^ set(memory.constraints)

    names = {(COMMANDS[row.before], COMMANDS[row.after]) for row in changed}
    turnaround = {(read, write) for read in ("RD", "RDA") for write in ("WR", "WRA")}
    writes = {(one, two) for one in ("WR", "WRA") for two in ("WR", "WRA")}
    assert names == {("RDA", "ACT"), ("ACT", "REF")} | turnaround | writes


# ------------------------------------------------------------------------------------------ bad input


def test_an_unknown_peer_is_refused_with_the_nearest_name():
    with pytest.raises(LookupFailed, match="ramulator2"):
        bench("ramulator", [(0, 0, 5, False)])


def test_an_unknown_choice_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="slot_release"):
        bench("ramulator2", [(0, 0, 5, False)], slot_realease="AtColumn")


def test_an_unknown_value_of_a_choice_is_refused():
    with pytest.raises(InputError, match="AtActivate"):
        bench("ramulator2", [(0, 0, 5, False)], slot_release="Never")


def test_a_memory_of_several_channels_is_refused():
    several = device("ddr4-2400-8gb-x8").arranged(channels=2)

    with pytest.raises(InputError, match="2 channels"):
        replay("ramulator2", several, [0], [0], [0], [0], [0])
