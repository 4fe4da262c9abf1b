"""The memory of ChampSim alone: equal to its twin, and what its rules say."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from ext.soc_champsim_alone import run
from simulators.soc.champsim import ChampsimMemoryConfig
from simulators.soc.twin.champsim import ChampsimMemory

_BASE = ChampsimMemoryConfig()
_ROW = _BASE.groups * _BASE.banks  # from a line to the next of its bank and row


def _twin(
    config: ChampsimMemoryConfig,
    arrival: NDArray[np.int64],
    line: NDArray[np.int64],
    is_write: NDArray[np.bool_],
) -> tuple[list[int], dict[str, int]]:
    memory = ChampsimMemory(config)
    answered = [-1] * len(arrival)
    for k, (cycle, number, writes) in enumerate(zip(arrival, line, is_write, strict=True)):

        def answer(k: int = k) -> None:
            answered[k] = memory.now

        memory.take(int(number), int(cycle), None if writes else answer)
    while any(cycle < 0 and not writes for cycle, writes in zip(answered, is_write, strict=True)):
        memory.tick()
    counts = {name: sum(c.counts[name] for c in memory.channels) for name in memory.channels[0].counts}
    return answered, counts


def _answers(*requests: tuple[int, int, bool], config: ChampsimMemoryConfig = _BASE) -> list[int]:
    arrival, line, is_write = zip(*requests, strict=True)
    answered, _ = run(config.vector(), arrival, line, is_write)
    return [int(cycle) for cycle in answered]


@pytest.mark.parametrize("seed", range(40))
def test_the_kernel_answers_in_the_same_cycles_as_the_twin(seed: int) -> None:
    g = np.random.default_rng([5, seed])
    n = int(g.integers(1, 400))
    config = ChampsimMemoryConfig(
        channels=int(g.choice([1, 1, 2, 4])), groups=int(g.choice([1, 2, 8])), banks=int(g.choice([1, 2, 4])),
        lines=int(g.choice([4, 128])), t_cas=int(g.integers(1, 30)), t_rcd=int(g.integers(1, 30)),
        t_rp=int(g.integers(1, 30)), burst=int(g.integers(1, 6)), group_gap=int(g.integers(0, 3)),
        turn_around=int(g.integers(1, 60)), refresh_interval=int(g.choice([150, 700, 6250])),
        refresh_time=int(g.integers(1, 140)), reads=int(g.choice([1, 8, 64])), writes=int(g.choice([8, 64])),
    )  # fmt: skip
    arrival = np.cumsum(g.integers(0, int(g.choice([2, 12, 60])), n))
    line = g.integers(0, int(g.choice([20, 3000, 1 << 30])), n)
    is_write = g.random(n) < g.choice([0, 0.3, 0.8])

    answered, counts = run(config.vector(), arrival, line.astype(np.uint64), is_write)

    assert (answered.tolist(), counts) == _twin(config, arrival, line, is_write)


def test_a_first_read_takes_activation_column_access_and_burst() -> None:
    assert _answers((10, 0, False)) == [10 + 24 + 24 + 4]


def test_a_row_hit_waits_until_the_burst_before_it_has_ended() -> None:
    assert _answers((0, 0, False), (1, _ROW, False)) == [52, 52 + 24 + 4]


def test_of_requests_that_come_together_the_last_goes_first() -> None:
    assert _answers((0, 0, False), (0, _ROW, False)) == [80, 52]


def test_another_row_of_a_bank_is_closed_first() -> None:
    beyond = _ROW * _BASE.lines + 1  # bank 0 of row 1, whose number is in the bank's

    assert _BASE.place_of(beyond) == (1, 0)
    assert _answers((0, 0, False), (1, beyond, False)) == [52, 52 + 24 + 24 + 24 + 4]


def test_bursts_of_one_bank_group_leave_a_gap() -> None:
    same, other = _BASE.groups, 1

    assert _answers((0, 0, False), (1, same, False)) == [52, 57]
    assert _answers((0, 0, False), (1, other, False)) == [52, 56]


def test_a_read_of_a_line_that_is_to_be_written_is_answered_at_once() -> None:
    assert _answers((0, 0, False), (3, 7, True), (4, 7, False))[2] == 4


def test_a_read_that_comes_during_writing_waits_for_the_bus_to_turn() -> None:
    assert _answers((99, 1, True), (100, 0, False))[1] == 100 + _BASE.turn_around + _BASE.burst


def test_a_bank_that_is_refreshed_answers_later() -> None:
    at = _BASE.refresh_interval

    assert _answers((at, 0, False)) == [at + _BASE.refresh_time + 52]


@pytest.mark.parametrize("channels", [1, 2])
def test_twice_the_channels_carry_twice_the_lines(channels: int) -> None:
    config = replace(_BASE, channels=channels, refresh_interval=1 << 40)
    n = 4096

    cycles = max(_answers(*((k // 4, k, False) for k in range(n)), config=config))

    assert cycles * channels / n == pytest.approx(_BASE.burst, rel=0.1)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="columns of 1, 2 and 1"):
        run(_BASE.vector(), [0], [1, 2], [False])


def test_a_vector_has_a_number_a_field() -> None:
    assert len(_BASE.vector()) == len(fields(ChampsimMemoryConfig)) == 14
