"""Caches under each replacement policy, written down a second time from the papers, and bounds for all.

Shares nothing with the kernel or its twin: each policy here is a whole cache, which keeps a set as its paper
draws it. Sources: ISCA 2010 (SRRIP, BRRIP, DRRIP: the loops of its figures), MICRO 2011 (SHiP: its
pseudocode), Belady 1966 (the optimum), Mattson, Gecsei, Slutz, Traiger 1970 (stack distances).
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass

SEED = 7  # of what is drawn at random


class OracleCache:
    """Write-back, write-allocate; `touch` of a subclass says if the line was there, and what had to go."""

    def __init__(self, n_sets, n_ways):
        self.n_sets, self.n_ways = n_sets, n_ways
        self.modified = set()
        self.hits = self.misses = self.write_backs = 0

    def run(self, lines, ips, writes):
        """Whether each access hit."""
        return [self.access(*row) for row in zip(lines, ips, writes, strict=True)]

    def access(self, line, ip, is_write):
        found, displaced = self.touch(line, ip)
        self.hits += found
        self.misses += not found
        if displaced in self.modified:
            self.modified.remove(displaced)
            self.write_backs += 1
        if is_write:
            self.modified.add(line)
        return found


class Lru(OracleCache):
    """Each set is a queue: what is used goes to the end, what stands first leaves."""

    def __init__(self, n_sets, n_ways):
        super().__init__(n_sets, n_ways)
        self.queues = [OrderedDict() for _ in range(n_sets)]

    def touch(self, line, ip):
        queue = self.queues[line % self.n_sets]
        if line in queue:
            queue.move_to_end(line)
            return True, None
        displaced = queue.popitem(last=False)[0] if len(queue) == self.n_ways else None
        queue[line] = ip
        return False, displaced

    def content(self):
        return {line for queue in self.queues for line in queue}


class Tree:
    """A node of the tree of PLRU: two halves and which of them was used last; a leaf holds a line."""

    def __init__(self, n_leaves):
        self.halves = [Tree(n_leaves // 2), Tree(n_leaves // 2)] if n_leaves > 1 else []
        self.latest = 1  # the left half leaves first
        self.line = None

    def leaves(self):
        return [leaf for half in self.halves for leaf in half.leaves()] or [self]

    def use(self, leaf):
        for k, half in enumerate(self.halves):
            if leaf in half.leaves():
                self.latest = k
                half.use(leaf)

    def oldest(self):
        return self.halves[1 - self.latest].oldest() if self.halves else self


class TreePlru(OracleCache):
    def __init__(self, n_sets, n_ways):
        super().__init__(n_sets, n_ways)
        self.trees = [Tree(n_ways) for _ in range(n_sets)]
        self.leaves = [tree.leaves() for tree in self.trees]

    def touch(self, line, ip):
        tree, leaves = self.trees[line % self.n_sets], self.leaves[line % self.n_sets]
        leaf = next((leaf for leaf in leaves if leaf.line == line), None)
        found, displaced = leaf is not None, None
        if not found:
            leaf = next((leaf for leaf in leaves if leaf.line is None), None) or tree.oldest()
            displaced, leaf.line = leaf.line, line
        tree.use(leaf)
        return found, displaced


def split_mix(state):
    """SplitMix64 as its authors' program runs: a state that grows by the golden ratio."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        yield z ^ (z >> 31)


class RandomLine(OracleCache):
    def __init__(self, n_sets, n_ways):
        super().__init__(n_sets, n_ways)
        self.sets = defaultdict(list)
        self.draws = split_mix(SEED)

    def touch(self, line, ip):
        lines = self.sets[line % self.n_sets]
        if line in lines:
            return True, None
        if len(lines) < self.n_ways:
            lines.append(line)
            return False, None
        place = (next(self.draws) // 2**32) * self.n_ways // 2**32
        displaced, lines[place] = lines[place], line
        return False, displaced


@dataclass
class Block:
    """A line with its re-reference prediction value, and for SHiP its signature and outcome."""

    line: int
    rrpv: int
    signature: int | None = None
    outcome: bool = False


class Srrip(OracleCache):
    """Hit: RRPV 0. Miss: look for the first 3 from the left; while there is none, increment all."""

    def __init__(self, n_sets, n_ways):
        super().__init__(n_sets, n_ways)
        self.sets = defaultdict(list)

    def insertion(self, number, ip):
        return 2

    def touch(self, line, ip):
        number = line % self.n_sets
        blocks = self.sets[number]
        for block in blocks:
            if block.line == line:
                block.rrpv = 0
                self.was_hit(block)
                return True, None
        if len(blocks) < self.n_ways:
            blocks.append(self.new_block(line, number, ip))
            return False, None
        while all(block.rrpv != 3 for block in blocks):
            for block in blocks:
                block.rrpv += 1
        place = [block.rrpv for block in blocks].index(3)
        displaced = blocks[place]
        self.was_evicted(displaced)
        blocks[place] = self.new_block(line, number, ip)
        return False, displaced.line

    def new_block(self, line, number, ip):
        return Block(line, self.insertion(number, ip))

    def was_hit(self, block):
        pass

    def was_evicted(self, block):
        pass


class Brrip(Srrip):
    """RRPV 3 for new lines, but 2 with a probability of 1/32."""

    def __init__(self, n_sets, n_ways):
        super().__init__(n_sets, n_ways)
        self.draws = split_mix(SEED)

    def insertion(self, number, ip):
        return 2 if next(self.draws) < 2**64 // 32 else 3


class Drrip(Brrip):
    """Leaders drawn as a table of the sets; PSEL counts misses up for SRRIP's and down for BRRIP's."""

    def __init__(self, n_sets, n_ways):
        super().__init__(n_sets, n_ways)
        n_leaders = 32 if n_sets >= 128 else n_sets // 4
        self.ruled_by = ["followers"] * n_sets
        for k in range(n_leaders):
            region = range(k * (n_sets // n_leaders), (k + 1) * (n_sets // n_leaders))
            place = k % len(region)
            self.ruled_by[region[place]] = "srrip"
            self.ruled_by[region[(place + len(region) // 2) % len(region)]] = "brrip"
        self.psel = 511

    def insertion(self, number, ip):
        ruler = self.ruled_by[number]
        if ruler == "followers":
            ruler = "srrip" if self.psel < 512 else "brrip"
        elif ruler == "srrip":
            self.psel = min(self.psel + 1, 1023)
        else:
            self.psel = max(self.psel - 1, 0)
        return 2 if ruler == "srrip" else super().insertion(number, ip)


class Ship(Srrip):
    """The pseudocode of SHiP: on a hit, outcome and SHCT up; on an eviction without an outcome, SHCT down."""

    def __init__(self, n_sets, n_ways, n_sampled=64):
        super().__init__(n_sets, n_ways)
        self.sampled = set(range(0, n_sets, n_sets // n_sampled if 0 < n_sampled < n_sets else 1))
        self.shct = [1] * 2**14

    def new_block(self, line, number, ip):
        digits = f"{ip:070b}"
        pieces = [int(digits[at : at + 14], 2) for at in range(0, 70, 14)]
        signature = pieces[0] ^ pieces[1] ^ pieces[2] ^ pieces[3] ^ pieces[4]
        rrpv = 3 if self.shct[signature] == 0 else 2
        return Block(line, rrpv, signature if number in self.sampled else None)

    def was_hit(self, block):
        if block.signature is not None:
            block.outcome = True
            self.shct[block.signature] += self.shct[block.signature] < 7

    def was_evicted(self, block):
        if block.signature is not None and not block.outcome:
            self.shct[block.signature] -= self.shct[block.signature] > 0


ORACLES = {
    "lru": Lru,
    "tree_plru": TreePlru,
    "random": RandomLine,
    "srrip": Srrip,
    "brrip": Brrip,
    "drrip": Drrip,
    "ship": Ship,
}


def optimal_hits(lines, n_sets, n_ways):
    """Hits of a cache that replaces the line used again last of all (Belady's MIN), which must allocate."""
    never = len(lines)
    next_use = [never] * len(lines)
    seen = {}
    for at in range(len(lines) - 1, -1, -1):
        next_use[at] = seen.get(lines[at], never + at)
        seen[lines[at]] = at
    sets = defaultdict(dict)
    hits = 0
    for at, line in enumerate(lines):
        cached = sets[line % n_sets]
        hits += line in cached
        if line not in cached and len(cached) == n_ways:
            del cached[max(cached, key=cached.__getitem__)]
        cached[line] = next_use[at]
    return hits


def stack_distances(lines, n_sets):
    """How many other lines of its set were used since the last use of each line; None for a first use."""
    stacks = defaultdict(list)
    distances = []
    for line in lines:
        stack = stacks[line % n_sets]
        distances.append(stack.index(line) if line in stack else None)
        if line in stack:
            stack.remove(line)
        stack.insert(0, line)
    return distances
