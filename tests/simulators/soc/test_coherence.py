"""The directory: who may write a line is alone with it, and who waits is answered in the end."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from ext.soc_engine import SocEngine
from simulators.soc.reference import ReferenceChip
from tests.ext.soc_cases import open_engine, open_twin, random_case


def _violations(chip: ReferenceChip) -> list[int]:
    """Lines that one core may write while another has them, too."""
    holders: dict[int, list[bool]] = defaultdict(list)
    for caches in chip.caches:
        lines = {line.number: line for row in caches.second.sets for line in row if line is not None}
        for number, line in lines.items():
            if line.ready is not None:
                holders[number].append(line.writable)
    return [number for number, rights in holders.items() if any(rights) and len(rights) > 1]


@pytest.mark.parametrize("seed", range(8))
def test_who_may_write_a_line_is_alone_with_it(seed: int) -> None:
    chip = open_twin(random_case(seed, length=60, coherent=True))
    while not all(core.is_done for core in chip.cores):
        chip.step()
        assert _violations(chip) == []


@pytest.mark.parametrize("seed", range(8))
def test_first_levels_hold_only_what_the_second_holds(seed: int) -> None:
    chip = open_twin(random_case(seed, length=60, coherent=True))
    while not all(core.is_done for core in chip.cores):
        chip.step()
        for caches in chip.caches:
            for cache in (caches.code, caches.data):
                for line in (line for row in cache.sets for line in row if line is not None):
                    assert caches.second.find(line.number) is not None


@pytest.mark.parametrize("seed", [*range(40), 10332])  # the last prefetches lines that no program touches
def test_programs_that_share_lines_end(seed: int) -> None:
    case = random_case(seed, coherent=True)
    engine, _ = open_engine(case)
    assert engine.advance(10**13)
    assert [engine.core_counts(k)["retired"] for k in range(len(case.traces))] == list(case.instructions)


def test_sharing_moves_lines_between_cores() -> None:
    total: Counter[str] = Counter()
    for seed in range(30):
        engine, _ = open_engine(random_case(seed, coherent=True))
        engine.advance()
        total.update(engine.uncore_counts())
    assert all(total[name] > 0 for name in ("forwarded", "invalidations", "upgrades", "recalled"))


def test_a_last_level_is_needed_where_cores_share_lines() -> None:
    case = random_case(0, coherent=True)
    arguments = case.config.engine_arguments()
    arguments["uncore"] = np.where(np.arange(len(arguments["uncore"])) == 1, 0, arguments["uncore"])
    with pytest.raises(ValueError, match="last level"):
        SocEngine(**arguments, programs=[], pages=None, instructions=[])
