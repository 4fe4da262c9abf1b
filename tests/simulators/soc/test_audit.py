"""The audit accepts what the engine does, and names the rule that a forged log breaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ext.dram_engine import COMMANDS
from simulators.dram.audit import CommandLog, Limits
from simulators.dram.audit import audit as audit_commands
from simulators.soc.audit import ChipLog, audit
from tests.ext.soc_cases import open_engine, random_case
from tests.simulators.soc.audit_bench import ADD, JUMP, LOAD, STORE, Step, rules_broken

_LONG_ENOUGH_FS = 2 * 10**11  # for everything under way to come: 200 us
OTHER_LOAD, LOAD_AGAIN = Step(writes=2, load=0x2000), Step(writes=3, load=0x1000)


def ended(case):
    """The engine and its memory after all programs, and after all that was under way."""
    engine, dram = open_engine(case)
    engine.advance()
    engine.advance(engine.time + _LONG_ENOUGH_FS)
    return engine, dram


def sentences(config, traces, log):
    return [violation.text for violation in audit(config, traces, log)]


# ------------------------------------------------------------------------------------------- what is accepted


@pytest.mark.parametrize(
    "first", [0, 50, *(pytest.param(first, marks=pytest.mark.slow) for first in range(100, 300, 50))]
)
def test_random_chips_break_no_rule(first):
    for seed in range(first, first + 50):
        case = random_case(seed)
        engine, _ = ended(case)

        assert sentences(case.config, case.traces, ChipLog.of(engine)) == [], seed


def test_random_chips_whose_cores_share_lines_break_no_rule():
    for seed in range(60):
        case = random_case(seed, coherent=True)
        engine, _ = ended(case)

        assert sentences(case.config, case.traces, ChipLog.of(engine)) == [], seed


@pytest.mark.slow
def test_many_random_chips_break_no_rule():
    for seed in range(10_000, 10_600):
        case = random_case(seed)
        engine, _ = ended(case)

        assert sentences(case.config, case.traces, ChipLog.of(engine)) == [], seed


@pytest.mark.parametrize("first", range(0, 80, 40))
def test_the_memory_keeps_its_standard_under_a_chip(first):
    judged = 0
    for seed in range(first, first + 40):
        case = random_case(seed)
        if case.dram is None:
            continue
        _, dram = ended(case)
        commands = dram.command_log()
        names = np.array(COMMANDS)[commands.pop("command")]

        found = audit_commands(
            CommandLog.of(command=names, **commands | {"request": -1}), Limits.of(case.dram.system.device)
        )

        assert [violation.text for violation in found] == [], seed
        judged += len(names)
    assert judged > 1000


def test_memory_sends_as_many_bursts_as_lines_are_read():
    case = next(case for case in map(random_case, range(100)) if case.dram is not None)

    engine, dram = ended(case)

    names = np.array(COMMANDS)[dram.command_log()["command"]]
    reads = int(np.isin(names, ("RD", "RDA")).sum())
    assert reads == engine.uncore_counts()["memory_reads"] * case.config.memory.bursts


# ----------------------------------------------------------------------------------- rules about the times


def test_a_log_that_keeps_the_rules_is_accepted():
    rows = [(ADD, 1, 2, 3, 3), (LOAD, 1, 2, 5, 5), (STORE, 2, 5, 6, 6), (LOAD_AGAIN, 2, 6, 9, 9)]

    assert rules_broken(rows) == set()


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ("recorded", [(ADD, 1, 2, -1, 3)]),
        ("dispatch-order", [(ADD, 5, 6, 7, 7), (ADD, 4, 6, 7, 7)]),
        ("dispatch-width", [(ADD, 5, 6, 7, 7), (ADD, 5, 6, 7, 7), (ADD, 5, 7, 8, 8)]),
        ("issue-width", [(ADD, 4, 6, 7, 7), (ADD, 5, 6, 7, 7), (ADD, 5, 6, 7, 8)]),
        ("load-ports", [(LOAD, 5, 6, 9, 9), (OTHER_LOAD, 5, 6, 9, 9)]),
        ("retire-width", [(ADD, 4, 6, 7, 7), (ADD, 5, 6, 7, 7), (ADD, 5, 6, 7, 7)]),
        ("retire-order", [(ADD, 5, 6, 7, 9), (ADD, 5, 6, 7, 8)]),
        ("rob", [(LOAD, 2, 3, 90, 90), *[(ADD, 3, 4, 5, 90)] * 3, (ADD, 89, 90, 91, 91)]),
        ("load-queue", [(LOAD, 2, 3, 90, 90), *[(OTHER_LOAD, 3, 4, 7, 90)] * 2]),
        ("store-queue", [(STORE, 2, 3, 4, 4), (STORE, 2, 3, 4, 4), (STORE, 6, 7, 8, 8)]),
        ("fetch", [(ADD, 0, 1, 2, 2)]),
        ("fetch", [(JUMP, 1, 2, 3, 3), (ADD, 1, 2, 3, 3)]),
        ("fetch", [(ADD, 1, 2, 3, 3), (ADD, 1, 2, 3, 3), (ADD, 1, 3, 4, 4)]),
        ("issue-after-dispatch", [(ADD, 5, 5, 6, 6)]),
        ("source", [(LOAD, 1, 2, 9, 9), (Step(reads=1), 1, 8, 9, 9)]),
        ("store", [(Step(reads=1, store=0x1004), 1, 9, 10, 10), (LOAD, 1, 9, 12, 12)]),
        ("latency", [(LOAD, 1, 2, 4, 4)]),
        ("latency", [(ADD, 1, 2, 2, 2)]),
        ("latency", [(ADD, 1, 2, 9, 9)]),
        ("idle", [(ADD, 1, 9, 10, 10)]),
        ("idle", [(LOAD, 1, 2, 5, 5), (OTHER_LOAD, 1, 9, 12, 12)]),
        ("oldest-first", [(ADD, 1, 3, 4, 4), (ADD, 1, 2, 3, 4), (ADD, 2, 3, 4, 5)]),
        ("retire-complete", [(ADD, 1, 2, 3, 2)]),
        ("retire-late", [(ADD, 1, 2, 3, 5)]),
    ],
)
def test_a_time_that_cannot_be_is_named(rule, rows):
    assert rule in rules_broken(rows)


def test_results_in_flight_have_registers():
    rows = [(Step(writes=1), 1, 2, 30, 30), (ADD, 1, 2, 3, 30), (Step(writes=1), 29, 30, 31, 31)]

    assert "registers" in rules_broken(rows, registers=1)
    assert "registers" not in rules_broken(rows, registers=2)
    assert "registers" not in rules_broken(rows)


def test_cores_in_order_issue_in_order():
    rows = [(LOAD, 1, 3, 6, 6), (ADD, 1, 2, 3, 6)]

    assert "issue-order" in rules_broken(rows, in_order=True)
    assert "issue-order" not in rules_broken(rows)


def test_instructions_are_fetched_64_ahead_of_dispatch_at_most():
    rows = [(ADD, 99, 100, 101, 101 + k // 2) for k in range(64)]

    assert "fetch" not in rules_broken(rows)
    assert "fetch" in rules_broken([*rows, (ADD, 100, 101, 102, 200)])


@pytest.mark.parametrize("issued", [(2, 3), (3, 2)])
def test_only_the_older_of_two_loads_may_have_the_port(issued):
    rows = [(LOAD, 1, issued[0], 9, 9), (OTHER_LOAD, 1, issued[1], 9, 9)]

    assert ("oldest-first" in rules_broken(rows)) == (issued == (3, 2))


def test_times_of_another_shape_are_refused():
    case = random_case(1)
    engine, _ = ended(case)
    log = ChipLog.of(engine)

    with pytest.raises(ValueError, match="expected"):
        audit(case.config, case.traces, replace(log, times=tuple(t[:, :3] for t in log.times)))


# ------------------------------------------------------------------------------------- rules about the sums


@pytest.fixture(scope="module")
def busy():
    """A chip whose every level was used, and its log."""
    for seed in range(1000):
        case = random_case(seed, length=600)
        engine, _ = ended(case)
        log = ChipLog.of(engine)
        used = log.uncore["memory_writes"], log.caches[0][2]["hits_load"]
        if case.config.banks and all(used) and not audit(case.config, case.traces, log):
            return case, log
    raise AssertionError("no such case")


def forged(log, part, name, change):
    """The log with another count."""
    if part == "core":
        first = {**log.cores[0], name: log.cores[0][name] + change}
        return replace(log, cores=(first, *log.cores[1:]))
    if part == "bank":
        return replace(log, banks=({**log.banks[0], name: log.banks[0][name] + change}, *log.banks[1:]))
    if part == "accelerator":
        first = {**log.accelerators[0], name: log.accelerators[0][name] + change}
        return replace(log, accelerators=(first, *log.accelerators[1:]))
    if part == "uncore":
        return replace(log, uncore={**log.uncore, name: log.uncore[name] + change})
    caches = list(log.caches[0])
    level = ("l1i", "l1d", "l2").index(part)
    caches[level] = {**caches[level], name: caches[level][name] + change}
    return replace(log, caches=(tuple(caches), *log.caches[1:]))


@pytest.mark.parametrize("change", [1, -1])
@pytest.mark.parametrize(
    ("part", "name"),
    [
        *(("core", name) for name in ("retired", "loads", "stores", "branches", "cycles", "rob_integral")),
        *(("core", name) for name in ("operations_0", "lost_base", "lost_memory")),
        *(("core", name) for name in ("answered", "answer_latency")),
        ("l1i", "hits_fetch"),
        ("l1i", "misses_fetch"),
        ("l1d", "hits_store"),
        ("l1d", "misses_load"),
        ("l1d", "misses_store"),
        ("l2", "hits_load"),
        ("l2", "misses_load"),
        ("l2", "misses_fetch"),
        ("l2", "misses_walk"),
        ("l2", "owed_integral"),
        ("bank", "hits_load"),
        ("bank", "misses_store"),
        ("bank", "written_back"),
        ("bank", "looked"),
        ("uncore", "memory_reads"),
        ("uncore", "memory_writes"),
        ("uncore", "asked"),
    ],
)  # fmt: skip
def test_a_count_that_is_one_off_is_found(busy, part, name, change):
    case, log = busy

    assert sentences(case.config, case.traces, forged(log, part, name, change)) != []


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("core", "mispredictions"),
        ("core", "forwarded"),
        ("l1d", "hits_load"),
        ("l1d", "merged_load"),
        ("l1d", "prefetch_late"),
        ("l1d", "prefetch_useful"),
        ("l1d", "prefetch_useless"),
        ("l1d", "written_back"),
        ("l2", "hits_prefetch"),
        ("l2", "misses_prefetch"),
        ("bank", "merged_load"),
    ],
)
def test_a_part_that_is_more_than_the_whole_is_found(busy, part, name):
    case, log = busy

    assert sentences(case.config, case.traces, forged(log, part, name, 10**6)) != []


@pytest.mark.parametrize("name", ["memory_reads", "memory_writes"])
def test_memory_without_a_last_level_is_asked_by_the_second(name):
    case = next(case for case in map(random_case, range(100)) if not case.config.banks)
    log = ChipLog.of(ended(case)[0])

    assert sentences(case.config, case.traces, log) == []
    assert sentences(case.config, case.traces, forged(log, "uncore", name, 10**6)) != []


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("bank", "hits_load"),
        ("bank", "misses_load"),
        ("uncore", "forwarded"),
        ("uncore", "memory_reads"),
        ("uncore", "memory_writes"),
    ],
)
def test_a_count_that_is_one_off_is_found_where_cores_share_lines(part, name):
    cases = (random_case(seed, coherent=True) for seed in range(100))
    case = next(one for one in cases if all(core.second.prefetcher != "spp" for core in one.config.cores))
    log = ChipLog.of(ended(case)[0])

    assert sentences(case.config, case.traces, log) == []
    assert sentences(case.config, case.traces, forged(log, part, name, 1)) != []


@pytest.mark.parametrize(
    ("name", "change"),
    [("read_lines", 1), ("written_lines", -1), ("computing", 1), ("waiting", 10**9), ("cycles", -(10**9))],
)
def test_what_an_accelerator_did_not_do_is_found(name, change):
    case = next(case for case in map(random_case, range(100)) if case.tasks)
    log = ChipLog.of(ended(case)[0])

    assert sentences(case.config, case.traces, log) == []
    assert sentences(case.config, case.traces, forged(log, "accelerator", name, change)) != []


def test_more_writes_of_memory_than_stores_are_found():
    case = random_case(0, coherent=True)
    log = ChipLog.of(ended(case)[0])
    written = 1 + sum(core["stores"] for core in log.cores)

    log = forged(log, "uncore", "memory_writes", written - log.uncore["memory_writes"])
    log = forged(log, "bank", "written_back", written - sum(bank["written_back"] for bank in log.banks))

    assert any("modified" in text for text in sentences(case.config, case.traces, log))
