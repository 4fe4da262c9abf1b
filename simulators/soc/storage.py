"""Bits that predictors, replacement policies and prefetchers keep, for the power model.

What each keeps is in its twin (`simulators.soc.twin`: branch, replacement, prefetch, paths); widths of fields
are those of the papers named there, or wide enough for what the twin stores.
"""

from __future__ import annotations

from simulators.soc.twin import paths, prefetch, replacement

_LINE_ADDRESS_BITS = 42
"""Of physical memory of 256 TiB."""
_IP_BITS = 48
_COUNTER_BITS, _RRPV_BITS, _SCORE_BITS = 2, 2, 5
_PAGE_LINES_BITS = 6
_HISTORY_BITS = 24

_PREDICTORS = {
    "not-taken": 0,
    "bimodal": 16_381 * _COUNTER_BITS,
    "gshare": 16_384 * _COUNTER_BITS + 14,
    "perceptron": 163 * (_HISTORY_BITS + 1) * 8 + _HISTORY_BITS,
    # base table, four tagged tables of counter, tag and usefulness, and 256 outcomes
    "tage": 16_381 * _COUNTER_BITS + 4 * 1024 * (3 + 9 + 2) + 256,
}


def predictor_bits(name: str) -> int:
    """Of the predictor of directions."""
    return _PREDICTORS[name]


def replacement_bits(policy: str, sets: int, ways: int, sampled_sets: int) -> int:
    """Of the replacement policy of a cache, or of a bank."""
    lines = sets * ways
    if policy == "lru":
        return lines * (ways - 1).bit_length()
    if policy == "tree_plru":
        return sets * (ways - 1)
    if policy == "random":
        return 64
    extra = {
        "srrip": 0,
        "brrip": 64,
        "drrip": 64 + (replacement.SELECTOR_VALUES - 1).bit_length(),
        # a table of counters by signature; in sampled sets, each line's signature and whether it was used
        "ship": (replacement.MOST_HITS_COUNTED.bit_length() << replacement.SIGNATURE_BITS)
        + min(sampled_sets or sets, sets) * ways * (replacement.SIGNATURE_BITS + 1),
    }
    return lines * _RRPV_BITS + extra[policy]


def prefetcher_bits(name: str, lines: int) -> int:
    """Of the prefetcher of a cache of so many lines, each with a bit that it was prefetched."""
    if name == "none":
        return 0
    step_bits = _PAGE_LINES_BITS + 1
    spp = (
        paths.PAGES * (16 + _PAGE_LINES_BITS + 12)  # tag, offset, signature
        + paths.PATTERNS * (4 + 4 * (step_bits + 4))  # counts of 4 bits, of the signature and four steps
        + paths.FILTER_ENTRIES * (6 + 2)
        + paths.CROSSINGS * (12 + 8 + _PAGE_LINES_BITS + step_bits)
        + 2 * paths.MOST_ISSUED.bit_length()
    )
    tables = {
        "next_line": 0,
        "ip_stride": prefetch.STRIDE_ENTRIES * (_IP_BITS - 8 + 2 * _LINE_ADDRESS_BITS + 2),
        "stream": prefetch.TRACKERS * (4 * _LINE_ADDRESS_BITS + 2 + 4),
        "bop": prefetch.RECENT_ENTRIES * 12 + len(prefetch.OFFSETS) * _SCORE_BITS,
        "spp": spp,
    }
    return lines + tables[name]
