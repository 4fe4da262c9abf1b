"""The reach of translation buffers and walk caches, in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from ext.soc_front import TlbAlone, WalkerAlone
from simulators.soc.twin.tlb import WALK_CACHES

CACHES = [WALK_CACHES[level] for level in range(2, 6)]


@pytest.mark.parametrize(("sets", "ways"), [(16, 4), (128, 12)])
def test_a_buffer_reaches_as_many_pages_as_it_has_places(sets, ways):
    within, beyond = (
        sets * ways,
        sets * (ways + 1),
    )  # with one more page in each set, LRU keeps none of a round

    rounds = [np.tile(np.arange(n), 3) for n in (within, beyond)]
    rates = [TlbAlone(sets, ways).run(keys, keys)[len(keys) // 3 :].mean() for keys in rounds]

    assert rates == [1, 0]


@pytest.mark.parametrize("levels", [4, 5])
def test_a_first_walk_reads_every_level_and_its_neighbour_only_the_leaf(levels):
    found = WalkerAlone(levels, 1, CACHES).run([0x1000, 0x1001])

    assert found.tolist() == [levels, 1]


@pytest.mark.parametrize(
    ("distance", "level"), [(1 << 9, 2), (1 << 18, 3), (1 << 27, 4), (1 << 36, 5)], ids=str
)
def test_a_walk_begins_where_the_paths_part(distance, level):
    found = WalkerAlone(5, 1, CACHES).run([0, distance])

    assert found.tolist() == [5, level]


def test_the_lowest_walk_cache_reaches_64_mib():
    regions = [512 * k for k in range(32)]  # 32 entries of 2 MiB

    within = WalkerAlone(5, 1, CACHES).run(regions * 2)[32:]
    beyond = WalkerAlone(5, 1, CACHES).run([*regions, *[512 * k for k in range(32, 36)]] * 2)[36:]

    assert set(within.tolist()) == {1}
    assert set(beyond[:4].tolist()) == {2}


def test_large_pages_save_one_level():
    found = WalkerAlone(5, 2, [(0, 0), *CACHES[1:]]).run([0, 1, 512])

    assert found.tolist() == [5, 2, 3]
