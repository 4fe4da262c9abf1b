"""Hits, misses and write-backs of three levels of the engine, against caches written from the papers.

The programs leave so much time between accesses that none finds another under way: what remains is which
lines are where.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ext.soc_fields import REPLACEMENTS
from simulators.soc.config import CacheConfig
from simulators.soc.programs import place_programs
from tests.ext.policy_cases import stream
from tests.oracles.soc_policies import ORACLES, SEED, Block, Lru, Srrip, TreePlru, stack_distances
from tests.simulators.soc.chip_bench import CHIP, CORE, HEAP, PAGES, Step, ended, program, with_core
from traces.instructions import InstructionTrace, Operation

_SIZES = ((16, 2), (32, 4), (128, 4))  # sets and ways of L1D, L2 and the last level
_PAUSE = 1000  # cycles between two accesses, more than the longest miss


class Level:
    """One cache of the oracle, write-back and write-allocate; `below` is the next, None: memory."""

    def __init__(self, kind, sets, ways, below=None):
        self.oracle = ORACLES[kind](sets, ways)
        self.below = below
        self.there, self.modified = set(), set()
        self.owed = None
        self.hits = self.misses = self.written_back = 0

    def access(self, line, ip, is_write=False):
        """A load, store or fetch. A miss asks below first, then the victim goes."""
        self.owed = line if isinstance(self.below, Way) and line not in self.there else None
        if line in self.there:
            self.hits += 1
        else:
            self.misses += 1
            if self.below is not None:
                self.below.access(line, ip)
        self._put(line, ip)
        if is_write:
            self.modified.add(line)

    def give_back(self, line):
        """The level above gives a modified line back. One that is there is not used by that."""
        if line not in self.there:
            self._settle(line, self._displaced_by(line))
        self.modified.add(line)

    def _put(self, line, ip):
        self._settle(line, self.oracle.touch(line, ip)[1])

    def _displaced_by(self, line):
        """What leaves for a line that is given back: not the line that is owed at that moment. The trees and
        LRU would not choose it anyway, as the latest used."""
        oracle = self.oracle
        if isinstance(oracle, (Lru, TreePlru)):
            return oracle.touch(line, 0)[1]
        places = oracle.sets[line % oracle.n_sets]
        new = Block(line, 2) if isinstance(oracle, Srrip) else line
        if len(places) < oracle.n_ways:
            places.append(new)
            return None
        may_leave = [k for k, other in enumerate(places) if getattr(other, "line", other) != self.owed]
        if isinstance(oracle, Srrip):
            place = max(may_leave, key=lambda k: (places[k].rrpv, -k))
            older_by = 3 - places[place].rrpv
            for block in places:
                block.rrpv = min(3, block.rrpv + older_by)
            oracle.was_evicted(places[place])
        else:
            place = may_leave[(next(oracle.draws) // 2**32) * len(may_leave) // 2**32]
        displaced, places[place] = places[place], new
        return getattr(displaced, "line", displaced)

    def _settle(self, line, displaced):
        self.there.add(line)
        self.there.discard(displaced)
        if displaced in self.modified:
            self.modified.discard(displaced)
            self.written_back += 1
            if self.below is not None:
                self.below.give_back(displaced)


class Way:
    """From the second level to the last. What an access sends leaves it so: modified lines at once, that of
    the first level's victim first, for it does not wait for the look-up; the request last."""

    def __init__(self, last):
        self.last = last
        self.requests, self.given_back = [], []

    def access(self, line, ip):
        self.requests.append((line, ip))

    def give_back(self, line):
        self.given_back.insert(0, line)

    def arrive(self):
        for line in self.given_back:
            self.last.give_back(line)
        for line, ip in self.requests:
            self.last.access(line, ip)
        self.requests, self.given_back = [], []


def spaced(lines, ips, writes):
    """One access after the other, each after a long operation; all code in one line."""
    steps = []
    for line, write in zip(lines, writes, strict=True):
        at = HEAP + 64 * int(line)
        steps.append(Step(1, 1, operation=Operation.DIVIDE))
        steps.append(Step(0, 1, store=at) if write else Step(1, 1, load=at))
    trace = program(steps)
    within = 4 * (np.asarray(ips, np.uint64) // np.uint64(4) % np.uint64(16))
    columns = {
        name: getattr(trace, name)
        for name in (
            "branch",
            "taken",
            "operation",
            "sources",
            "destinations",
            "n_loads",
            "n_stores",
            "address",
        )
    }
    return InstructionTrace(ip=np.uint64(0x400000) + np.repeat(within, 2), **columns)


def chip_of(kind, sizes=_SIZES, latencies=(1, 1, _PAUSE)):
    data, second, last = (CacheConfig(s, w, 3, 1, kind, seed=SEED) for s, w in sizes)
    return replace(with_core(CHIP, data=data, second=second, latencies=latencies), bank=last)


def judged(kind, trace):
    """What the oracle finds in L1D, L2 and the last level, the one line of code with it."""
    placed = place_programs((trace,), PAGES)
    _, physical, _, _, code_lines, _ = placed.programs[0]
    last = Level(kind, *_SIZES[2])
    way = Way(last)
    second = Level(kind, *_SIZES[1], below=way)
    first = Level(kind, *_SIZES[0], below=second)
    second.access(int(code_lines[0]) + int(trace.ip[0] % 4096) // 64, int(trace.ip[0]))
    way.arrive()
    writes = trace.n_stores[1::2].tolist()
    for address, ip, write in zip(physical.tolist(), trace.ip[1::2].tolist(), writes, strict=False):
        first.access(address // 64, ip, bool(write))
        way.arrive()
    return [(level.hits, level.misses, level.written_back) for level in (first, second, last)]


def counted(engine):
    """The same of the engine."""
    levels = [*engine.cache_counts(0)[1:], *engine.bank_counts()]
    return [
        (
            sum(counts[f"hits_{kind}"] for kind in ("load", "store", "fetch")),
            sum(counts[f"misses_{kind}"] for kind in ("load", "store", "fetch")),
            counts["written_back"],
        )
        for counts in levels
    ]


def _equal(kind, name, n, seed):
    lines, ips = stream(name, n, 300, seed)
    lines = lines % np.uint64(1 << 16)  # of a memory of 4 MiB
    writes = np.random.default_rng(seed).random(n) < 0.4
    trace = spaced(lines, ips, writes)

    engine = ended(chip_of(kind), trace)
    engine.advance(engine.time + 10**10)

    assert counted(engine) == judged(kind, trace)


@pytest.mark.parametrize("name", ["random", "looping", "mixed"])
@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_three_levels_hit_miss_and_write_back_as_the_oracle_says(kind, name):
    _equal(kind, name, 2000, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random", "strided", "looping", "mixed"])
@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_long_programs_hit_miss_and_write_back_as_the_oracle_says(kind, name):
    for seed in range(2, 5):
        _equal(kind, name, 30_000, seed)


@pytest.mark.parametrize(("sets", "ways"), [(1, 4), (1, 64), (16, 2), (64, 8)])
def test_misses_of_lru_are_those_of_the_stack_distances(sets, ways):
    lines, ips = stream("mixed", 3000, 200, seed=4)
    trace = spaced(lines % np.uint64(1 << 16), ips, np.zeros(3000, bool))

    engine = ended(chip_of("lru", ((sets, ways), *_SIZES[1:])), trace)

    physical = place_programs((trace,), PAGES).programs[0][1][:-1] // np.uint64(64)
    distances = stack_distances(physical.tolist(), sets)
    expected = sum(distance is None or distance >= ways for distance in distances)
    assert engine.cache_counts(0)[1]["misses_load"] == expected
    assert 0 < expected < 3000


def test_accesses_that_overlap_find_the_same_lines_under_lru():
    """With registers enough no access is refused, so the order of accesses is that of the program's loads."""
    lines, ips = stream("mixed", 3000, 200, seed=5)
    trace = spaced(lines % np.uint64(1 << 16), ips, np.zeros(3000, bool))
    chip = with_core(chip_of("lru", latencies=(1, 1, 1)), data=CacheConfig(16, 4, 3, 128), in_order=True)
    chip = with_core(chip, second=replace(CORE.second, registers=128))

    engine = ended(chip, trace)

    physical = place_programs((trace,), PAGES).programs[0][1][:-1] // np.uint64(64)
    expected = sum(distance is None or distance >= 4 for distance in stack_distances(physical.tolist(), 16))
    assert engine.cache_counts(0)[1]["misses_load"] == expected
