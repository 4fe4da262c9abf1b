"""The table of `dse trace info --caches`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traces.cache_curve import CacheCurve
    from traces.instructions import InstructionTrace
    from traces.trace import Trace

_BAR = 40


def curve_of(trace: Trace | InstructionTrace) -> CacheCurve:
    """How often caches of all sizes hit."""
    from traces.cache_curve import cache_curve

    return cache_curve(trace)


def print_curve(curve: CacheCurve) -> None:
    """Hits a size, with bars; sizes after which less than 0.05 % is left to gain are left out."""
    print(f"hits of a cache that evicts the least recently used line, of {curve.accesses:,} accesses")
    most = curve.hit_share[-1]
    for size_bytes, share in zip(curve.size_bytes, curve.hit_share, strict=True):
        bar = "#" * round(_BAR * share)
        print(f"  {_size(size_bytes):>9} {100 * share:6.1f} %  {bar}".rstrip())
        if most - share < 0.0005:
            break
    print(f"  first uses {100 * curve.first_use_share:5.1f} %  (no cache hits these)")


def _size(size_bytes: int) -> str:
    for unit in ("KiB", "MiB"):
        size_bytes //= 1024
        if size_bytes < 1024:
            return f"{size_bytes} {unit}"
    return f"{size_bytes // 1024} GiB"
