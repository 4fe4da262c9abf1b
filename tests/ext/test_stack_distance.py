"""LRU stack distances against a list that is kept by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ext.soc_policies import CacheAlone
from ext.stack_distance import stack_distances
from tests.oracles.soc_policies import stack_distances as by_hand


def _by_hand(lines):
    return [-1 if distance is None else distance for distance in by_hand(lines, 1)]


@given(st.lists(st.integers(0, 12), max_size=200))
def test_distances_are_those_of_a_list_kept_by_hand(lines):
    assert stack_distances(np.array(lines, np.uint64)).tolist() == _by_hand(lines)


def test_distances_of_a_long_stream_over_all_addresses():
    draw = np.random.default_rng(0)
    pool = draw.integers(0, 2**64, 300, dtype=np.uint64)
    line = pool[np.minimum(draw.geometric(0.02, 5000), 300) - 1]

    assert stack_distances(line).tolist() == _by_hand(line.tolist())


@pytest.mark.parametrize("ways", [1, 2, 7, 64])
def test_lru_hits_where_the_distance_is_below_its_ways(ways):
    line = np.random.default_rng(1).geometric(0.03, 5000)
    distance = stack_distances(line)

    hits = CacheAlone("lru", 1, ways).run(line, np.zeros_like(line), np.zeros_like(line)) == 1

    assert hits.tolist() == ((distance >= 0) & (distance < ways)).tolist()


def test_lines_of_two_dimensions_are_refused():
    with pytest.raises(ValueError, match=r"line has shape \(2, 2\)"):
        stack_distances(np.zeros((2, 2), np.uint64))
