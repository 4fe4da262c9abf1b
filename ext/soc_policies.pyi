import numpy as np
from numpy.typing import ArrayLike, NDArray

REPLACEMENTS: tuple[str, ...]
PREFETCHERS: tuple[str, ...]
LOAD: int
STORE: int
WRITE_BACK: int
PREFETCH: int
MISS: int
HIT: int
REFUSAL: int
ON_MISS: int
ON_HIT: int
ON_FIRST_USE: int
ON_DEMAND_FILL: int
ON_PREFETCH_FILL: int
ON_USELESS: int
EMPTY: int

class CacheAlone:
    def __init__(self, kind: str, sets: int, ways: int, seed: int = 0, sampled_sets: int = 64) -> None: ...
    @property
    def hits(self) -> int: ...
    @property
    def misses(self) -> int: ...
    @property
    def write_backs(self) -> int: ...
    @property
    def lines(self) -> NDArray[np.uint64]: ...
    def run(
        self, line: ArrayLike, ip: ArrayLike, action: ArrayLike, held: ArrayLike | None = None
    ) -> NDArray[np.uint8]: ...

class PrefetcherAlone:
    degree: int
    def __init__(self, kind: str, degree: int = 1, distance: int = 16, page_bits: int = 12) -> None: ...
    def run(
        self, event: ArrayLike, ip: ArrayLike, line: ArrayLike
    ) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.bool_]]: ...
