"""Replacement in ext/soc_replacement.pxd: equal to the twin, access for access, whatever may leave."""

from __future__ import annotations

import numpy as np
import pytest

from ext.soc_policies import HIT, LOAD, MISS, REFUSAL, REPLACEMENTS, CacheAlone
from tests.ext.policy_cases import STREAMS, TwinCache, all_actions, stream

GEOMETRIES = [(1, 16), (4, 2), (16, 4), (64, 8), (128, 4), (100, 3), (256, 1), (2, 64)]


def _difference(kind, sets, ways, n, seed):
    """Where kernel and twin part, or an empty text."""
    draw = np.random.default_rng(seed)
    line, ip = stream(STREAMS[seed % 4], n, sets * ways, seed)
    action = all_actions(n, seed)
    held = draw.integers(0, 2**64, n, dtype=np.uint64) & draw.integers(0, 2**64, n, dtype=np.uint64)
    held[draw.random(n) < 0.02] = 2**64 - 1
    sampled = int(draw.choice([0, 4, 64]))
    kernel, twin = (make(kind, sets, ways, seed, sampled) for make in (CacheAlone, TwinCache))

    found, wanted = kernel.run(line, ip, action, held), twin.run(line, ip, action, held)

    if (found != wanted).any():
        return f"access {np.flatnonzero(found != wanted)[0]}"
    if kernel.write_backs != twin.write_backs or (kernel.lines != np.array(twin.lines, np.uint64)).any():
        return f"write-backs {kernel.write_backs} and {twin.write_backs}, or the content"
    return ""


@pytest.mark.parametrize(("sets", "ways"), GEOMETRIES)
@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_the_kernel_equals_the_twin(kind, sets, ways):
    if kind == "tree_plru" and ways & (ways - 1):
        ways += 1

    parted = {seed: _difference(kind, sets, ways, 600, seed) for seed in range(4)}

    assert {seed: text for seed, text in parted.items() if text} == {}


@pytest.mark.slow
@pytest.mark.parametrize(("sets", "ways"), GEOMETRIES)
@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_the_kernel_equals_the_twin_for_long(kind, sets, ways):
    if kind == "tree_plru" and ways & (ways - 1):
        ways += 1

    parted = {seed: _difference(kind, sets, ways, 20_000, seed) for seed in range(4, 12)}

    assert {seed: text for seed, text in parted.items() if text} == {}


@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_a_line_that_may_not_leave_stays(kind):
    cache = CacheAlone(kind, 1, 4)
    cache.run(np.arange(4), np.zeros(4), np.zeros(4))

    outcome = cache.run(np.arange(4, 200), np.zeros(196), np.zeros(196), np.full(196, 0b0101, np.uint64))

    assert set(outcome) == {MISS}
    assert cache.lines[0, [0, 2]].tolist() == [0, 2]


@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_an_access_that_is_refused_changes_nothing(kind):
    line, ip = stream("random", 2000, 32, 3)
    action = all_actions(2000, 3)
    plain, disturbed = (CacheAlone(kind, 8, 4, seed=5) for _ in range(2))
    for cache in (plain, disturbed):
        cache.run(line[:1000], ip[:1000], action[:1000])  # full from here on
    strange = line[1000:] + np.uint64(1 << 40)

    wanted = plain.run(line[1000:], ip[1000:], action[1000:])
    found = disturbed.run(
        np.stack([strange, line[1000:]], 1).ravel(),
        np.repeat(ip[1000:], 2),
        np.repeat(action[1000:], 2),
        np.tile(np.array([2**64 - 1, 0], np.uint64), 1000),
    )

    assert set(found[::2]) == {REFUSAL}
    assert found[1::2].tolist() == wanted.tolist()
    assert (disturbed.lines == plain.lines).all()


def test_ways_of_a_tree_are_a_power_of_two():
    with pytest.raises(ValueError, match="ways=12: expected a power of two"):
        CacheAlone("tree_plru", 64, 12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fifo", 64, 8), "kind='fifo': expected one of lru, tree_plru"),
        (("lru", 0, 8), "sets=0, ways=8"),
        (("lru", 64, 65), "expected at least one set and 1 to 64 ways"),
    ],
)
def test_what_a_cache_cannot_be_is_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        CacheAlone(*arguments)


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        CacheAlone("lru", 4, 2).run([1, 2], [0], [0, 0])


def test_a_second_run_goes_on_where_the_first_ended():
    cache = CacheAlone("lru", 4, 2)

    first = cache.run([1, 2], [0, 0], [LOAD, LOAD])
    second = cache.run([1, 3], [0, 0], [LOAD, LOAD])

    assert first.tolist() == [MISS, MISS]
    assert second.tolist() == [HIT, MISS]
    assert (cache.hits, cache.misses) == (1, 3)
