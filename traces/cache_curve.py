"""How often a cache would hit, at every size at once: the working set of a trace.

By LRU stack distances (Mattson et al. 1970), for a fully associative cache of 64-byte lines that starts
empty. A set-associative one of the same size hits a little less often.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ext.stack_distance import stack_distances
from traces.errors import TraceError
from traces.instructions import InstructionTrace
from traces.trace import Trace

LINE_BYTES = 64
_SMALLEST_BYTES = 1024


@dataclass(frozen=True, slots=True)
class CacheCurve:
    """Share of the accesses that hit a cache of each size, and of those that no size can hit.

    size_bytes: powers of two from 1 KiB to the first that holds all lines. accesses: loads and stores.
    """

    accesses: int
    size_bytes: tuple[int, ...]
    hit_share: tuple[float, ...]
    first_use_share: float

    def to_dict(self) -> dict[str, Any]:
        """Name to value; lists in the order of the sizes."""
        return asdict(self)


def cache_curve(trace: Trace | InstructionTrace) -> CacheCurve:
    """The curve of a memory trace's requests, or of the loads and stores of instructions.

    O(n log n). Raises TraceError for instructions that access no memory.
    """
    if len(trace.address) == 0:
        raise TraceError(f"{trace.name or 'the trace'} accesses no memory: there is nothing to cache")
    distance = stack_distances(trace.address // np.uint64(LINE_BYTES))
    n_lines = int((distance < 0).sum())
    again = np.sort(distance[distance >= 0])
    sizes = [_SMALLEST_BYTES]
    while sizes[-1] < n_lines * LINE_BYTES:
        sizes.append(2 * sizes[-1])
    hits = np.searchsorted(again, np.array(sizes) // LINE_BYTES)
    return CacheCurve(
        accesses=len(distance),
        size_bytes=tuple(sizes),
        hit_share=tuple((hits / len(distance)).tolist()),
        first_use_share=n_lines / len(distance),
    )
