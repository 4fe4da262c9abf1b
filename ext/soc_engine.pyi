from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ext.dram_engine import DramEngine

PAGE_DTYPE: np.dtype[np.void]
FEMTOSECONDS: int
SOURCE_HASH: str

class SocEngine:
    def __init__(
        self,
        uncore: ArrayLike,
        cores: ArrayLike,
        predictors: ArrayLike,
        caches: ArrayLike,
        translation: ArrayLike,
        last: ArrayLike,
        noc: ArrayLike,
        memory: ArrayLike,
        nodes: Sequence[Sequence[int]],
        clocks: Sequence[int],
        programs: Sequence[tuple[Any, ...]],
        pages: NDArray[np.void] | None,
        instructions: Sequence[int],
        *,
        accelerators: ArrayLike = (),
        tasks: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]] = (),
        page_bits: int = 12,
        dram: DramEngine | None = None,
        table: NDArray[np.uint64] | None = None,
        shared_lines: int = 0,
        record: bool = False,
    ) -> None: ...
    @property
    def times(self) -> list[NDArray[np.int64]]: ...
    @property
    def tasks(self) -> list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]: ...
    def advance(self, until_time: int = -1) -> bool: ...
    def retune(
        self,
        clocks: Sequence[int] | None = None,
        pauses: Sequence[int] | None = None,
        degrees: Sequence[Sequence[int]] | None = None,
    ) -> None: ...
    def snapshot(self) -> bytes: ...
    def restore(self, snapshot: bytes) -> None: ...
    @property
    def time(self) -> int: ...
    def core_counts(self, k: int) -> dict[str, int]: ...
    def cache_counts(self, k: int) -> list[dict[str, int]]: ...
    def bank_counts(self) -> list[dict[str, int]]: ...
    def uncore_counts(self) -> dict[str, int]: ...
    def accelerator_counts(self, k: int) -> dict[str, int]: ...
    def noc_counts(self) -> tuple[list[dict[str, int]], NDArray[np.uint64]]: ...
