"""What must not get worse, what must not matter, and what must be the same again, on shipped programs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from simulators.soc.config import CacheConfig, MemoryConfig, TranslationConfig
from tests.simulators.soc.chip_bench import (
    PERIOD_FS,
    DramChoice,
    ended,
    ipc,
    opened,
    with_core,
    with_cores,
)
from traces import instruction_sample, load_instructions

SAMPLES = ("chase", "hashjoin", "parser", "product-o2", "quicksort", "walk")
_LENGTH = 20_000
# Small, so that short samples reach every level.
SMALL = replace(
    with_core(data=CacheConfig(16, 4, 4, 4), second=CacheConfig(64, 4, 10, 4)),
    bank=CacheConfig(256, 8, 20, 8),
)
REAL = with_core(SMALL, translation=TranslationConfig())
TOLERANCE = 0.005
"""Of IPC: with more room the order of accesses is another, and so may be what replacement makes of it."""


def sample(name):
    return instruction_sample(name).head(_LENGTH)


def ipc_of(chip, name, dram=None):
    return ipc(ended(chip, sample(name), dram=dram))


def _data(**options):
    return with_core(SMALL, data=replace(SMALL.cores[0].data, **options))


STEPS = {
    "rob": [with_core(SMALL, rob=n) for n in (16, 64, 256)],
    "load queue": [with_core(SMALL, load_queue=n) for n in (4, 16, 64)],
    "store queue": [with_core(SMALL, store_queue=n) for n in (2, 8, 64)],
    "width": [with_core(SMALL, width=n, issue_width=n) for n in (1, 2, 4)],
    "registers of L1D": [_data(registers=n) for n in (1, 4, 16)],
    "registers of L2": [
        with_core(SMALL, second=replace(SMALL.cores[0].second, registers=n)) for n in (1, 4, 16)
    ],
    "ways of L1D": [_data(ways=n) for n in (1, 4, 16)],
    "ways of L2": [with_core(SMALL, second=replace(SMALL.cores[0].second, ways=n)) for n in (2, 4, 16)],
    "ways of the last level": [replace(SMALL, bank=replace(SMALL.bank, ways=n)) for n in (2, 8, 16)],
    "latency of L1D": [_data(latency=n) for n in (6, 4, 2)],
    "memory latency": [replace(SMALL, memory=MemoryConfig("fixed", n)) for n in (400, 100, 20)],
    "bandwidth": [replace(SMALL, memory=MemoryConfig("fixed", 100, n)) for n in (60, 20, 0)],
    "walks": [with_core(REAL, walks=n) for n in (1, 4)],
    "second translation buffer": [
        with_core(REAL, translation=TranslationConfig(second=(16, n))) for n in (2, 4, 12)
    ],
}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("what", STEPS)
def test_more_never_makes_a_program_slower(what, name):
    reached = [ipc_of(chip, name) for chip in STEPS[what]]

    for less, more in pairwise(reached):
        assert more >= less * (1 - TOLERANCE), reached


@pytest.mark.parametrize("what", [what for what in STEPS if what not in ("store queue", "walks")])
def test_more_makes_some_program_faster(what):
    """So that the comparison above can fail."""
    gains = {name: ipc_of(STEPS[what][-1], name) / ipc_of(STEPS[what][0], name) for name in SAMPLES}

    assert max(gains.values()) > 1.02, gains


def test_more_channels_make_a_program_that_waits_for_memory_faster():
    chip = with_core(rob=512, load_queue=256, data=CacheConfig(16, 4, 4, 128))
    chip = with_core(chip, second=CacheConfig(64, 4, 10, 128))
    chip = replace(chip, bank=replace(chip.bank, registers=128))
    trace = load_instructions("synthetic:random?n=20000")

    reached = [ipc(ended(chip, trace, dram=DramChoice(channels=n))) for n in (1, 2, 4)]

    assert reached[0] * 1.2 < reached[1] < reached[2]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_faster_clock_takes_less_time_and_as_many_cycles_or_more(name):
    dram = DramChoice()
    slow, fast = (
        ended(replace(SMALL, core_periods_fs=(period,), uncore_period_fs=period), sample(name), dram=dram)
        for period in (500_000, 250_000)
    )

    assert fast.time < slow.time
    assert fast.core_counts(0)["cycles"] >= slow.core_counts(0)["cycles"]


def test_cycles_do_not_depend_on_the_clock_without_dram():
    trace = sample("quicksort")
    counts = [
        ended(replace(SMALL, core_periods_fs=(period,), uncore_period_fs=period), trace).core_counts(0)
        for period in (PERIOD_FS, 3 * PERIOD_FS)
    ]

    assert counts[0] == counts[1]


# ------------------------------------------------------------------------------------------------ same again


def _everything(engine, n):
    counts = [engine.core_counts(k) | {"l": engine.cache_counts(k)} for k in range(n)]
    return counts, engine.bank_counts(), engine.uncore_counts(), engine.time


def _opened(names, dram=None):
    chip = with_cores(REAL, len(names))
    return opened(chip, *(sample(name) for name in names), dram=dram, record=True)


@pytest.mark.parametrize("dram", [None, DramChoice()])
def test_the_same_chip_and_programs_do_the_same_again(dram):
    names = ("parser", "hashjoin")
    first, second = _opened(names, dram), _opened(names, dram)

    first.advance()
    second.advance()

    assert _everything(first, 2) == _everything(second, 2)
    assert all(map(np.array_equal, first.times, second.times))


def test_steps_of_any_length_lead_to_the_same_end():
    names = ("parser", "hashjoin")
    whole, stepped = _opened(names, DramChoice()), _opened(names, DramChoice())

    whole.advance()
    time = 0
    while not stepped.advance(time):
        time += 777_777_777

    assert _everything(whole, 2) == _everything(stepped, 2)


def test_engines_in_threads_do_what_they_do_one_after_the_other():
    names = [("parser",), ("hashjoin",), ("walk",), ("quicksort",)]
    alone = [_opened(one, DramChoice()) for one in names]
    for engine in alone:
        engine.advance()

    together = [_opened(one, DramChoice()) for one in names]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda engine: engine.advance(), together))

    assert [_everything(e, 1) for e in alone] == [_everything(e, 1) for e in together]


def test_programs_that_change_places_change_their_results():
    """Cores that share nothing but a memory that is always ready: what runs elsewhere plays no part. They lie
    in other pages, so only what does not depend on physical sets is the same: one set of many ways."""
    chip = with_cores(
        replace(
            with_core(data=CacheConfig(1, 64, 4, 8), second=CacheConfig(1, 64, 10, 8)),
            banks=0,
            bank_nodes=(),
        ),
        2,
    )
    names = ("quicksort", "parser")
    ahead, reverse = (
        ended(chip, *(sample(name) for name in order)) for order in (names, tuple(reversed(names)))
    )

    assert [ahead.core_counts(k) for k in (0, 1)] == [reverse.core_counts(k) for k in (1, 0)]
    assert ahead.core_counts(0) != ahead.core_counts(1)


def test_a_program_on_all_cores_does_the_same_on_each_of_them():
    chip = with_cores(
        replace(
            with_core(data=CacheConfig(1, 64, 4, 8), second=CacheConfig(1, 64, 10, 8)),
            banks=0,
            bank_nodes=(),
        ),
        4,
    )

    engine = ended(chip, *(sample("hashjoin") for _ in range(4)))

    assert all(engine.core_counts(k) == engine.core_counts(0) for k in range(4))
