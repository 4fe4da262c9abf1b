"""Pausing, copying and re-tuning a running chip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ext.soc_engine import SocEngine
from tests.ext.soc_cases import Case, open_engine, random_case

_SEEDS = (4, 6, 9, 13, 17, 39, 55, 69)


def _without_accelerators(seed: int) -> Case:
    case = random_case(seed)
    chip = replace(case.config, accelerators=(), accelerator_nodes=(), accelerator_periods_fs=())
    return replace(case, config=chip, tasks=())


def _results(case: Case, engine: SocEngine) -> list[object]:
    counts = [[engine.core_counts(k), engine.cache_counts(k)] for k in range(len(case.traces))]
    dmas = [engine.accelerator_counts(k) for k in range(len(case.tasks))]
    return [engine.time, counts, engine.bank_counts(), engine.uncore_counts(), dmas]


@pytest.mark.parametrize("seed", _SEEDS)
def test_pausing_changes_nothing(seed: int) -> None:
    case = random_case(seed)
    whole, _ = open_engine(case)
    whole.advance()
    parts, _ = open_engine(case)
    step = max(1, whole.time // 37)
    while not parts.advance(parts.time + step):
        pass
    for one, other in zip(whole.times, parts.times, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("seed", _SEEDS)
def test_another_engine_goes_on_from_a_snapshot(seed: int) -> None:
    case = random_case(seed)
    first, _ = open_engine(case)
    first.advance()
    end = first.time
    second, _ = open_engine(case)
    second.advance(end // 2)
    state = second.snapshot()
    second.advance()
    third, _ = open_engine(case)
    third.advance(end // 5)
    third.restore(state)
    third.advance()
    assert _results(case, third) == _results(case, second)
    second.restore(state)
    second.advance()
    assert _results(case, third) == _results(case, second)


def test_snapshots_of_others_are_refused() -> None:
    case, other = random_case(4), random_case(6)
    engine, _ = open_engine(case)
    state = engine.snapshot()
    with pytest.raises(ValueError, match="another chip"):
        open_engine(other)[0].restore(state)
    with pytest.raises(ValueError, match="damaged"):
        engine.restore(state[:-1] + bytes([state[-1] ^ 1]))
    with pytest.raises(ValueError, match="not a snapshot"):
        engine.restore(state[:100])


def test_a_slower_clock_takes_longer_and_retuning_to_the_same_changes_nothing() -> None:
    case = _without_accelerators(13)
    plain, _ = open_engine(case)
    plain.advance()
    same, _ = open_engine(case)
    same.advance(plain.time // 3)
    clocks = [*case.config.core_periods_fs, case.config.uncore_period_fs]
    same.retune(clocks=clocks)
    same.advance()
    slower, _ = open_engine(case)
    slower.advance(plain.time // 3)
    slower.retune(clocks=[2 * period for period in clocks])
    slower.advance()
    assert same.time == plain.time
    assert slower.time > 1.1 * plain.time


def test_a_domain_stands_still_while_its_clock_changes() -> None:
    case = _without_accelerators(13)
    plain, _ = open_engine(case)
    plain.advance()
    paused, _ = open_engine(case)
    paused.advance(plain.time // 3)
    clocks = [*case.config.core_periods_fs, case.config.uncore_period_fs]
    pause = 10 * plain.time
    paused.retune(clocks=clocks, pauses=[pause] * len(case.traces) + [0])
    paused.advance()
    assert pause < paused.time < pause + 2 * plain.time
