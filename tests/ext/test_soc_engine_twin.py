"""The SoC engine retires every instruction in the cycle in which its twin does, and counts the same.

The slow tier takes other cases every day.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.ext.soc_cases import Case, random_case
from tests.ext.soc_compare import differences

BLOCK = 25
DAILY = 100 * date.today().toordinal()


@pytest.mark.parametrize(
    "seed", [*range(10), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(10, 15))]
)
def test_engine_equals_twin(seed: int) -> None:
    assert differences(random_case(seed, length=150)) == []


def _with_large_windows(case: Case) -> Case:
    """The case with as many instructions in flight as there are places, and operations that last long."""
    cores = tuple(
        replace(
            core, rob=512, load_queue=256, store_queue=128, registers=0, width=8, issue_width=2,
            in_order=False, latencies=(1, 70, 400, 1000, 4, 12, 3),
        )
        for core in case.config.cores
    )  # fmt: skip
    return replace(case, config=replace(case.config, cores=cores))


# Programs that fill the ring of instructions in flight up to its last places.
@pytest.mark.parametrize(
    "seed", [169, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (118, 199, 232, 293, 360))]
)
def test_engine_equals_twin_where_the_ring_in_flight_is_full(seed: int) -> None:
    assert differences(_with_large_windows(random_case(seed, length=1200))) == []


@pytest.mark.parametrize("seed", range(8))
def test_engine_equals_twin_where_cores_share_lines(seed: int) -> None:
    assert differences(random_case(seed, length=100, coherent=True)) == []


@pytest.mark.slow
@pytest.mark.parametrize("block", range(4))
def test_engine_equals_twin_in_other_cases_every_day(block: int) -> None:
    first = DAILY + BLOCK * block
    for seed in range(first, first + BLOCK):
        assert differences(random_case(seed)) == [], seed


@pytest.mark.slow
@pytest.mark.parametrize("block", range(2))
def test_engine_equals_twin_in_other_cases_every_day_where_cores_share_lines(block: int) -> None:
    first = DAILY + BLOCK * block
    for seed in range(first, first + BLOCK):
        assert differences(random_case(seed, coherent=True)) == [], seed
