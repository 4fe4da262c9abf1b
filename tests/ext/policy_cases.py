"""Accesses for the tests of replacement and prefetching, and a cache in plain Python around the twins."""

from __future__ import annotations

import numpy as np

from ext.soc_policies import (
    EMPTY,
    HIT,
    LOAD,
    MISS,
    ON_DEMAND_FILL,
    ON_FIRST_USE,
    ON_HIT,
    ON_MISS,
    ON_PREFETCH_FILL,
    ON_USELESS,
    PREFETCH,
    REFUSAL,
    STORE,
    WRITE_BACK,
)
from simulators.soc.twin.replacement import replacement

STREAMS = ("random", "strided", "looping", "mixed")
IPS = 0x400000 + 4 * np.arange(1024, dtype=np.uint64)


def stream(name, n, n_lines, seed):
    """Line numbers (n,) and addresses of instructions (n,) of accesses to about 4 * n_lines lines.

    random: anywhere, from 64 instructions. strided: three strides in turn, an instruction each. looping: a
    loop over somewhat more than n_lines. mixed: parts of these and a scan that is never used again.
    """
    draw = np.random.default_rng(seed)
    if name == "random":
        return draw.integers(0, 4 * n_lines, n, dtype=np.uint64), draw.choice(IPS[:64], n)
    if name == "strided":
        turn, step = np.arange(n) % 3, np.arange(n) // 3
        line = step * np.array([1, 3, 7])[turn] % (n_lines * np.array([1, 2, 4])[turn])
        return line.astype(np.uint64), IPS[turn]
    if name == "looping":
        line = np.arange(n) % (n_lines + n_lines // 8 + 1)
        return line.astype(np.uint64), IPS[line % 16]
    parts = [stream(other, n // 8 + 1, n_lines, seed + k) for k, other in enumerate(STREAMS[:3] * 2)]
    scan = np.arange(n // 8 + 1, dtype=np.uint64) + np.uint64(1 << 30)
    parts += [(scan, np.full(len(scan), IPS[900])), (scan + np.uint64(1 << 30), np.full(len(scan), IPS[901]))]
    order = draw.permutation(8 * 50) % 8
    lines = [np.array_split(part[0], 50) for part in parts]
    ips = [np.array_split(part[1], 50) for part in parts]
    at = [0] * 8
    chosen = []
    for k in order:
        chosen.append((lines[k][at[k]], ips[k][at[k]]))
        at[k] += 1
    return np.concatenate([c[0] for c in chosen])[:n], np.concatenate([c[1] for c in chosen])[:n]


def loads_and_stores(n, seed):
    return (np.random.default_rng(seed).random(n) < 0.3).astype(np.uint8)


def all_actions(n, seed):
    return np.random.default_rng(seed).choice(
        np.array([LOAD, STORE, WRITE_BACK, PREFETCH], np.uint8), n, p=[0.5, 0.2, 0.15, 0.15]
    )


class TwinCache:
    """What `ext.soc_policies.CacheAlone` is, with a policy of `simulators.soc.twin.replacement`."""

    def __init__(self, kind, sets, ways, seed=0, sampled_sets=64):
        self.policy = replacement(kind, sets, ways, seed, sampled_sets)
        self.lines = [[EMPTY] * ways for _ in range(sets)]
        self.dirty = set()
        self.write_backs = 0

    def run(self, line, ip, action, held):
        rows = zip(line.tolist(), ip.tolist(), action.tolist(), held.tolist(), strict=True)
        return np.array([self.access(*row) for row in rows], np.uint8)

    def access(self, line, ip, action, held):
        number = line % len(self.lines)
        ways = self.lines[number]
        if line in ways:
            if action in (LOAD, STORE):
                self.policy.on_hit(number, ways.index(line), ip)
            if action in (STORE, WRITE_BACK):
                self.dirty.add(line)
            return HIT
        if EMPTY in ways:
            way = ways.index(EMPTY)
        else:
            open_ways = [way for way in range(len(ways)) if not held >> way & 1]
            if not open_ways:
                return REFUSAL
            way = self.policy.victim_way(number, open_ways)
            self.write_backs += ways[way] in self.dirty
            self.dirty.discard(ways[way])
            self.policy.on_evict(number, way)
        ways[way] = line
        if action in (STORE, WRITE_BACK):
            self.dirty.add(line)
        if action == WRITE_BACK:
            self.policy.on_write_back_fill(number, way)
        else:
            self.policy.on_fill(number, way, ip, action == PREFETCH)
        return MISS


class TwinPrefetcher:
    """What `ext.soc_policies.PrefetcherAlone` is, with a prefetcher of `simulators.soc.twin.prefetch`."""

    def __init__(self, prefetcher):
        self.prefetcher = prefetcher

    def run(self, event, ip, line):
        rows = zip(event.tolist(), ip.tolist(), line.tolist(), strict=True)
        return [self.tell(*row) for row in rows]

    def tell(self, event, ip, line):
        told = {
            ON_DEMAND_FILL: self.prefetcher.on_demand_fill,
            ON_PREFETCH_FILL: self.prefetcher.on_prefetch_fill,
            ON_USELESS: self.prefetcher.on_useless,
        }
        if event in told:
            told[event](line)
            return []
        advice = self.prefetcher.advise(ip, line, event != ON_MISS, event == ON_FIRST_USE)
        return [tuple(asked) for asked in advice]


class EndlessCache:
    """A cache without an end that a prefetcher fills at once: which accesses would still miss."""

    def __init__(self, prefetcher):
        self.prefetcher = prefetcher
        self.cached = set()
        self.unused = set()
        self.prefetched = 0

    def misses(self, lines, ips):
        """Whether each access missed, bool (n,)."""
        return np.array([self._access(int(line), int(ip)) for line, ip in zip(lines, ips, strict=True)])

    def _access(self, line, ip):
        missed = line not in self.cached
        event = ON_MISS if missed else ON_FIRST_USE if line in self.unused else ON_HIT
        _, advised, _ = self.prefetcher.run([event], [ip], [line])
        if missed:
            self.prefetcher.run([ON_DEMAND_FILL], [ip], [line])
        self.unused.discard(line)
        self.cached.add(line)
        for other in advised.tolist():
            if other not in self.cached:
                self.prefetcher.run([ON_PREFETCH_FILL], [ip], [other])
                self.cached.add(other)
                self.unused.add(other)
                self.prefetched += 1
        return missed
