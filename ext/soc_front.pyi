from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

class PredictorAlone:
    def __init__(
        self,
        kind: int,
        *,
        btb_sets: int = 1024,
        btb_ways: int = 8,
        indirect_targets: int = 4096,
        return_addresses: int = 64,
    ) -> None: ...
    def run(
        self, ip: ArrayLike, target: ArrayLike, kind: ArrayLike, taken: ArrayLike
    ) -> NDArray[np.uint8]: ...

class TlbAlone:
    def __init__(self, sets: int, ways: int) -> None: ...
    @property
    def hits(self) -> int: ...
    @property
    def misses(self) -> int: ...
    def run(self, keys: ArrayLike, pages: ArrayLike) -> NDArray[np.bool_]: ...

class WalkerAlone:
    def __init__(self, levels: int, leaf: int, caches: Iterable[tuple[int, int]]) -> None: ...
    def run(self, pages: ArrayLike, space: int = 0) -> NDArray[np.int64]: ...
