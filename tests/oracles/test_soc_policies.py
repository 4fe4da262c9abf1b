"""Replacement policies against caches written from the papers, bounds that hold for all, and closed forms."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ext.soc_policies import EMPTY, HIT, LOAD, MISS, PREFETCH, REPLACEMENTS, WRITE_BACK, CacheAlone
from tests.ext.policy_cases import IPS, STREAMS, loads_and_stores, stream
from tests.oracles.soc_policies import ORACLES, SEED, Lru, optimal_hits, stack_distances

GEOMETRIES = [(16, 4), (128, 2), (256, 8)]


def _equal(kind, name, n_sets, n_ways, n):
    line, ip = stream(name, n, n_sets * n_ways, seed=n_sets)
    is_write = loads_and_stores(n, seed=n_ways)
    cache, oracle = CacheAlone(kind, n_sets, n_ways, SEED), ORACLES[kind](n_sets, n_ways)

    found = cache.run(line, ip, is_write) == HIT
    wanted = oracle.run(line.tolist(), ip.tolist(), is_write.tolist())

    assert found.tolist() == wanted
    assert (cache.hits, cache.misses) == (oracle.hits, oracle.misses)
    assert cache.write_backs == oracle.write_backs


@pytest.mark.parametrize(("n_sets", "n_ways"), GEOMETRIES)
@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_hits_and_write_backs_are_those_of_the_oracle(kind, name, n_sets, n_ways):
    _equal(kind, name, n_sets, n_ways, 5000)


@pytest.mark.slow
@pytest.mark.parametrize(("n_sets", "n_ways"), [*GEOMETRIES, (1, 16), (64, 16), (512, 4)])
@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_hits_and_write_backs_of_long_streams_are_those_of_the_oracle(kind, name, n_sets, n_ways):
    _equal(kind, name, n_sets, n_ways, 100_000)


def _hits(kind, line, n_sets, n_ways, ip=None):
    cache = CacheAlone(kind, n_sets, n_ways, SEED)
    cache.run(line, np.zeros_like(line) if ip is None else ip, np.zeros_like(line))
    return cache.hits


@pytest.mark.parametrize(("n_sets", "n_ways"), GEOMETRIES)
@pytest.mark.parametrize("name", STREAMS)
def test_no_policy_hits_more_often_than_the_optimum(name, n_sets, n_ways):
    line, ip = stream(name, 5000, n_sets * n_ways, seed=2)

    best = optimal_hits(line.tolist(), n_sets, n_ways)

    hits = {kind: _hits(kind, line, n_sets, n_ways, ip) for kind in REPLACEMENTS}
    assert {kind: n for kind, n in hits.items() if n > best} == {}
    assert best > 0


@pytest.mark.parametrize("name", STREAMS)
def test_stack_distances_give_the_hits_of_lru_for_all_sizes_at_once(name):
    line, _ = stream(name, 5000, 128, seed=3)

    distances = [distance for distance in stack_distances(line.tolist(), 16) if distance is not None]

    counted = {ways: sum(distance < ways for distance in distances) for ways in range(1, 17)}
    assert counted == {ways: _hits("lru", line, 16, ways) for ways in range(1, 17)}


@pytest.mark.parametrize("name", STREAMS)
def test_lru_with_a_way_more_holds_all_that_it_holds_with_less(name):
    line, ip = stream(name, 5000, 128, seed=4)

    contents = []
    for ways in range(1, 12):
        cache = CacheAlone("lru", 16, ways)
        cache.run(line, ip, np.zeros_like(line))
        contents.append(set(cache.lines.ravel().tolist()) - {EMPTY})

    assert all(less <= more for less, more in pairwise(contents))


def test_lru_never_hits_in_a_loop_over_one_line_more_than_it_holds():
    assert _hits("lru", np.arange(10_000) % 17, 1, 16) == 0


def test_a_tree_over_two_ways_is_lru():
    line, _ = stream("random", 5000, 64, seed=5)

    assert _hits("tree_plru", line, 32, 2) == _hits("lru", line, 32, 2)


@pytest.mark.parametrize("ways", [2, 4, 8, 16])
def test_a_tree_replaces_every_way_once_in_as_many_misses(ways):
    cache = CacheAlone("tree_plru", 1, ways)

    cache.run(np.arange(2 * ways), np.zeros(2 * ways), np.zeros(2 * ways))

    assert sorted(cache.lines.ravel().tolist()) == list(range(ways, 2 * ways))


def test_random_depends_on_its_seed_alone():
    line, _ = stream("random", 5000, 64, seed=6)

    runs = [CacheAlone("random", 16, 4, seed).run(line, line, line & np.uint64(1)) for seed in (1, 1, 2)]

    assert runs[0].tolist() == runs[1].tolist()
    assert runs[0].tolist() != runs[2].tolist()


def test_random_replaces_every_way_as_often():
    cache = CacheAlone("random", 1, 8, seed=1)
    ages = []
    for part in np.array_split(np.arange(80_000), 400):
        cache.run(part, np.zeros_like(part), np.zeros_like(part))
        ages.append(part[-1] - cache.lines[0].astype(np.int64))

    # A line stays through each miss with probability 7/8: its age is 7 in the mean, with a deviation of 7.5,
    # so 0.4 in the mean of 400 for each way. Three times that for the worst of eight.
    assert np.abs(np.mean(ages, axis=0) - 7).max() < 1.2


@pytest.mark.parametrize(("hot", "ways"), [(1, 4), (2, 4), (4, 8), (3, 16)])
def test_srrip_keeps_its_hot_lines_through_a_scan_of_three_times_the_other_ways(hot, ways):
    """A set ages once in (ways - hot) misses, thrice before its hot lines leave: ISCA 2010, section 4."""

    def hot_hits_after(scanned):
        line = np.concatenate([np.tile(np.arange(hot), 2), 1000 + np.arange(scanned), np.arange(hot)])
        cache = CacheAlone("srrip", 1, ways)
        return (cache.run(line, np.zeros_like(line), np.zeros_like(line))[-hot:] == HIT).sum()

    assert hot_hits_after(3 * (ways - hot)) == hot
    assert hot_hits_after(3 * (ways - hot) + 1) < hot


def test_lru_loses_its_hot_lines_to_a_scan_of_one_line_more_than_the_other_ways():
    line = np.concatenate([[0, 1, 0, 1], 1000 + np.arange(3), [0, 1]])

    found = CacheAlone("lru", 1, 4).run(line, np.zeros_like(line), np.zeros_like(line))

    assert found[-2:].tolist() == [0, 0]


def test_brrip_keeps_a_part_of_a_loop_that_does_not_fit():
    line = np.arange(20_000) % 24

    assert _hits("srrip", line, 1, 16) == 0
    assert _hits("brrip", line, 1, 16) > 0.4 * len(line)  # 15 of 24 lines could stay: 62 %


def test_drrip_follows_brrip_in_a_loop_that_does_not_fit():
    line = np.arange(400_000) % (256 * 24)

    hits = {kind: _hits(kind, line, 256, 16) for kind in ("srrip", "brrip", "drrip")}

    # An eighth of the sets leads for SRRIP and keeps missing.
    assert hits["srrip"] == 0
    assert hits["drrip"] > 0.8 * hits["brrip"] * 7 / 8


def test_drrip_follows_srrip_where_that_hits_more():
    draw = np.random.default_rng(0)
    line = draw.integers(0, 256 * 18, 200_000, dtype=np.uint64)
    fresh = np.uint64(1 << 20) + np.arange(len(line), dtype=np.uint64)
    # The working set moves on: what BRRIP holds on to is of no use any more.
    line = line + np.uint64(256 * 18) * (np.arange(len(line)) // 20_000).astype(np.uint64)
    line = np.where(draw.random(len(line)) < 0.1, fresh, line)

    hits = {kind: _hits(kind, line, 256, 16) for kind in ("srrip", "brrip", "drrip")}

    assert hits["srrip"] > 1.05 * hits["brrip"]
    assert hits["drrip"] > hits["srrip"] - 0.3 * (hits["srrip"] - hits["brrip"])


def test_drrip_turns_round_as_late_as_the_oracle():
    """Its selector goes to one end where lines move on, to the other in a loop that is too long, and back."""
    draw = np.random.default_rng(1)
    moving = (1 << 20) + np.arange(60_000) // 8 + draw.integers(0, 256 * 6, 60_000)
    loop = np.arange(60_000) % (256 * 12)
    cache, oracle = CacheAlone("drrip", 256, 8, SEED), ORACLES["drrip"](256, 8)

    selector = []
    for line in (moving, loop, moving):
        found = cache.run(line, np.zeros_like(line), np.zeros_like(line)) == HIT
        assert found.tolist() == oracle.run(line.tolist(), line.tolist(), [0] * len(line))
        selector.append(oracle.psel)

    assert selector[0] < 32
    assert selector[1] > 1023 - 32
    assert selector[2] < 32


def test_prefetches_do_not_vote_in_drrip():
    """With every set missing, those that lead for BRRIP hit, and others if votes made them follow."""
    line = np.arange(200_000) % (256 * 24)

    def sets_with_hits(action):
        outcome = CacheAlone("drrip", 256, 16).run(line, np.zeros_like(line), np.full_like(line, action))
        return len(set((line[outcome == HIT] % 256).tolist()))

    assert sets_with_hits(LOAD) > 128
    assert sets_with_hits(PREFETCH) == 32


def _hot_and_dead(n):
    """Eight hot lines a set of 16 ways, in turn with a scan by another instruction, never used again."""
    hot = np.arange(n) % (64 * 8)
    dead = (1 << 20) + np.arange(3 * n).reshape(n, 3)
    line = np.concatenate([hot[:, None], dead], axis=1).ravel()
    return line, np.tile([IPS[1], IPS[2], IPS[2], IPS[2]], n)


def test_ship_learns_that_an_instruction_brings_lines_nobody_uses_again():
    line, ip = _hot_and_dead(8000)
    is_hot = ip == IPS[1]

    lru, ship = (CacheAlone(kind, 64, 16).run(line, ip, np.zeros_like(line)) for kind in ("lru", "ship"))

    half = len(line) // 2
    assert set(lru[is_hot]) == {MISS}
    assert set(ship[half:][is_hot[half:]]) == {HIT}


def test_ship_without_knowledge_of_the_instructions_is_srrip():
    line, _ = _hot_and_dead(4000)
    writes_back = np.full_like(line, WRITE_BACK)

    ship, srrip = CacheAlone("ship", 64, 16), CacheAlone("srrip", 64, 16)

    assert (ship.run(line, line, writes_back) == srrip.run(line, line, writes_back)).all()


def test_ship_learns_from_its_sampled_sets_alone():
    line, ip = _hot_and_dead(4000)
    outside = line[line % 64 % 4 != 0]
    by = ip[line % 64 % 4 != 0]

    ship = CacheAlone("ship", 64, 16, sampled_sets=16).run(outside, by, np.zeros_like(outside))
    srrip = CacheAlone("srrip", 64, 16).run(outside, by, np.zeros_like(outside))
    full = CacheAlone("ship", 64, 16, sampled_sets=0).run(outside, by, np.zeros_like(outside))

    assert (ship == srrip).all()
    assert (full != srrip).any()


def test_the_oracle_of_lru_holds_what_the_kernel_holds():
    line, ip = stream("mixed", 5000, 64, seed=6)
    cache, oracle = CacheAlone("lru", 16, 4), Lru(16, 4)

    cache.run(line, ip, np.zeros_like(line))
    oracle.run(line.tolist(), ip.tolist(), [0] * len(line))

    assert set(cache.lines.ravel().tolist()) - {EMPTY} == oracle.content()
