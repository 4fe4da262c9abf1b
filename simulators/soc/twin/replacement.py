"""Which line of a set leaves, in plain Python: the specification of ext/soc_replacement.pxd.

Sources. RRIP: Jaleel, Theobald, Steely, Emer, "High Performance Cache Replacement Using Re-Reference Interval
Prediction", ISCA 2010 (2-bit values, hit priority, one line in 32 under BRRIP, 32 sets a policy that duel and
a selector of 10 bits). SHiP: Wu et al., "SHiP: Signature-based Hit Predictor", MICRO 2011 (signatures of 14
bits of the instruction's address, 16 K counters of 3 bits, 64 sampled sets). Set duelling: Qureshi et al.,
"Adaptive Insertion Policies", ISCA 2007. What the papers leave open is said at the class that decides it.

How a cache uses a policy. Empty ways are filled first, the lowest first, without asking. `victim_way` is a
question that changes nothing. A line that a fill replaces is reported by `on_evict` before that fill; one
that is invalidated is not reported. Write-backs from the level above and prefetches that hit are no use of
the line by the program and are not reported either; write-backs that miss are filled by `on_write_back_fill`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection

DISTANT = 3
LONG = 2
NEAR_IMMEDIATE = 0
LONG_IN = 32
LEADERS_A_POLICY = 32
SELECTOR_VALUES = 1024
SIGNATURE_BITS = 14
MOST_HITS_COUNTED = 7


class Replacement:
    """The policy of one cache. Sets and ways are numbered from zero; `open_ways` is never empty."""

    def __init__(self, sets: int, ways: int) -> None:
        self.sets = sets
        self.ways = ways

    def victim_way(self, number: int, open_ways: Collection[int]) -> int:
        """The way of set `number` to replace next, one of those that hold a line which may leave."""
        raise NotImplementedError

    def on_hit(self, number: int, way: int, ip: int) -> None:
        """A demand access found its line."""

    def on_fill(self, number: int, way: int, ip: int, is_prefetch: bool) -> None:
        """A line came in for the instruction at `ip`, or for a prefetch that its access made."""

    def on_write_back_fill(self, number: int, way: int) -> None:
        """A line came in that the level above gave back."""

    def on_evict(self, number: int, way: int) -> None:
        """The line leaves: the next fill replaces it."""


class LeastRecentlyUsed(Replacement):
    """The line leaves whose last use or fill, of whatever kind, lies back farthest."""

    def __init__(self, sets: int, ways: int) -> None:
        super().__init__(sets, ways)
        self.from_oldest: dict[int, list[int]] = defaultdict(list)

    def victim_way(self, number: int, open_ways: Collection[int]) -> int:
        return next(way for way in self.from_oldest[number] if way in open_ways)

    def on_hit(self, number: int, way: int, ip: int) -> None:
        self.on_write_back_fill(number, way)

    def on_fill(self, number: int, way: int, ip: int, is_prefetch: bool) -> None:
        self.on_write_back_fill(number, way)

    def on_write_back_fill(self, number: int, way: int) -> None:
        order = self.from_oldest[number]
        if way in order:
            order.remove(way)
        order.append(way)


class TreePlru(Replacement):
    """A binary tree over the ways says at each fork which half was used longer ago.

    The number of ways is a power of two. A use or fill points every fork above it to the other half. If the
    way found is not open, the next open one goes, cyclically.
    """

    def __init__(self, sets: int, ways: int) -> None:
        super().__init__(sets, ways)
        self.right_is_older: dict[tuple[int, int, int], bool] = defaultdict(bool)

    def victim_way(self, number: int, open_ways: Collection[int]) -> int:
        low, size = 0, self.ways
        while size > 1:
            size //= 2
            if self.right_is_older[number, low, size]:
                low += size
        return min(open_ways, key=lambda way: (way - low) % self.ways)

    def on_hit(self, number: int, way: int, ip: int) -> None:
        self.on_write_back_fill(number, way)

    def on_fill(self, number: int, way: int, ip: int, is_prefetch: bool) -> None:
        self.on_write_back_fill(number, way)

    def on_write_back_fill(self, number: int, way: int) -> None:
        low, size = 0, self.ways
        while size > 1:
            size //= 2
            went_left = way < low + size
            self.right_is_older[number, low, size] = went_left
            if not went_left:
                low += size


class RandomWay(Replacement):
    """One of the open ways, each as likely, by number n of SplitMix64 after n - 1 replacements in the cache.

    SplitMix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014. The
    upper 32 bits u of the number choose place u * open // 2**32 among the open ways.
    """

    def __init__(self, sets: int, ways: int, seed: int) -> None:
        super().__init__(sets, ways)
        self.seed = seed
        self.replaced = 0

    def victim_way(self, number: int, open_ways: Collection[int]) -> int:
        drawn = split_mix(self.seed, self.replaced + 1) >> 32
        return sorted(open_ways)[drawn * len(open_ways) >> 32]

    def on_evict(self, number: int, way: int) -> None:
        self.replaced += 1


def split_mix(seed: int, n: int) -> int:
    """Number n, from 1, of the generator with this seed: 64 bits."""
    bits = 2**64 - 1
    x = (seed + n * 0x9E3779B97F4A7C15) & bits
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & bits
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & bits
    return x ^ x >> 31


class StaticRrip(Replacement):
    """SRRIP with hit priority: the next use is predicted "long" for new lines, "near-immediate" after a hit.

    The first line of the most distant prediction leaves; the others of its set have aged by then as much as
    it lacked to "distant". Lines given back by the level above are predicted "long" under every RRIP policy.
    """

    def __init__(self, sets: int, ways: int) -> None:
        super().__init__(sets, ways)
        self.predicted: dict[int, list[int]] = defaultdict(lambda: [DISTANT] * ways)

    def victim_way(self, number: int, open_ways: Collection[int]) -> int:
        return max(sorted(open_ways), key=self.predicted[number].__getitem__)

    def on_evict(self, number: int, way: int) -> None:
        lacking = DISTANT - self.predicted[number][way]
        self.predicted[number] = [min(DISTANT, value + lacking) for value in self.predicted[number]]

    def on_hit(self, number: int, way: int, ip: int) -> None:
        self.predicted[number][way] = NEAR_IMMEDIATE

    def on_fill(self, number: int, way: int, ip: int, is_prefetch: bool) -> None:
        self.predicted[number][way] = LONG

    def on_write_back_fill(self, number: int, way: int) -> None:
        self.predicted[number][way] = LONG


class BimodalRrip(StaticRrip):
    """BRRIP: "distant" for new lines, but "long" for one in 32, drawn at random.

    The draw for fill n is number n of SplitMix64: "long" if its upper five bits are 0. (A counter that lets
    every 32nd fill through would favour one set where 32 of them miss in turn, as the leaders of DRRIP do.)
    """

    def __init__(self, sets: int, ways: int, seed: int) -> None:
        super().__init__(sets, ways)
        self.seed = seed
        self.fills = 0

    def on_fill(self, number: int, way: int, ip: int, is_prefetch: bool) -> None:
        self.fills += 1
        drawn = split_mix(self.seed, self.fills) * LONG_IN >> 64
        self.predicted[number][way] = LONG if drawn == 0 else DISTANT


class DynamicRrip(BimodalRrip):
    """DRRIP: SRRIP and BRRIP each rule some sets for good; the others follow the one that misses less there.

    32 sets a policy, or a quarter of all where there are fewer than 128. The sets are cut into as many
    regions as a policy has leaders; in region k the set at place k, wrapped around, leads for SRRIP, the one
    half a region behind it for BRRIP. The selector begins just below its middle, where SRRIP rules; demand
    misses in leading sets move it, prefetches and write-backs do not.
    """

    def __init__(self, sets: int, ways: int, seed: int) -> None:
        super().__init__(sets, ways, seed)
        self.selector = SELECTOR_VALUES // 2 - 1
        leaders = min(LEADERS_A_POLICY, sets // 4)
        size = sets // leaders if leaders else 0
        self.leads_static = {k * size + k % size for k in range(leaders)}
        self.leads_bimodal = {k * size + (k % size + size // 2) % size for k in range(leaders)}

    def on_fill(self, number: int, way: int, ip: int, is_prefetch: bool) -> None:
        if number in self.leads_static:
            static, vote = True, 1
        elif number in self.leads_bimodal:
            static, vote = False, -1
        else:
            static, vote = self.selector < SELECTOR_VALUES // 2, 0
        if not is_prefetch:
            self.selector = min(max(self.selector + vote, 0), SELECTOR_VALUES - 1)
        if static:
            self.predicted[number][way] = LONG
        else:
            super().on_fill(number, way, ip, is_prefetch)


class SignatureHitPredictor(StaticRrip):
    """SHiP-PC on SRRIP: a new line is "distant" if lines of its instruction have left without a use.

    A counter a signature, up on a hit and down when a line leaves unused, learns from the lines of every
    (sets // 64)th set. Counters begin at one, so that nothing is distant before it was seen to die. The
    signature folds the instruction's address by exclusive or. Lines given back by the level above have none.
    """

    def __init__(self, sets: int, ways: int, sampled_sets: int = 64) -> None:
        super().__init__(sets, ways)
        self.every = max(1, sets // sampled_sets) if sampled_sets else 1
        self.hits_counted: Counter[int] = Counter(dict.fromkeys(range(2**SIGNATURE_BITS), 1))
        self.brought_by: dict[tuple[int, int], int] = {}
        self.unused: set[tuple[int, int]] = set()

    def on_fill(self, number: int, way: int, ip: int, is_prefetch: bool) -> None:
        signature = fold(ip)
        self.predicted[number][way] = LONG if self.hits_counted[signature] else DISTANT
        if number % self.every == 0:
            self.brought_by[number, way] = signature
            self.unused.add((number, way))

    def on_write_back_fill(self, number: int, way: int) -> None:
        super().on_write_back_fill(number, way)
        self.brought_by.pop((number, way), None)
        self.unused.discard((number, way))

    def on_hit(self, number: int, way: int, ip: int) -> None:
        super().on_hit(number, way, ip)
        if (number, way) in self.brought_by:
            signature = self.brought_by[number, way]
            self.hits_counted[signature] = min(MOST_HITS_COUNTED, self.hits_counted[signature] + 1)
            self.unused.discard((number, way))

    def on_evict(self, number: int, way: int) -> None:
        super().on_evict(number, way)
        if (number, way) in self.unused:
            signature = self.brought_by[number, way]
            self.hits_counted[signature] = max(0, self.hits_counted[signature] - 1)


def fold(ip: int) -> int:
    """The signature of an instruction: its address in pieces of 14 bits, by exclusive or."""
    signature = 0
    while ip:
        signature ^= ip % 2**SIGNATURE_BITS
        ip >>= SIGNATURE_BITS
    return signature


def replacement(kind: str, sets: int, ways: int, seed: int = 0, sampled_sets: int = 64) -> Replacement:
    """The policy by the name that ext.soc_policies.REPLACEMENTS gives it; KeyError for another."""
    if kind in ("random", "brrip", "drrip"):
        return {"random": RandomWay, "brrip": BimodalRrip, "drrip": DynamicRrip}[kind](sets, ways, seed)
    if kind == "ship":
        return SignatureHitPredictor(sets, ways, sampled_sets)
    return {
        "lru": LeastRecentlyUsed,
        "tree_plru": TreePlru,
        "srrip": StaticRrip,
    }[kind](sets, ways)
