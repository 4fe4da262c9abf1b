from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from ext.dram_engine import DramEngine

class EngineFleet:
    def __init__(
        self,
        starts: NDArray[np.int64],
        columns: NDArray[np.int64],
        above: NDArray[np.int64],
        below: NDArray[np.int64],
        scale: NDArray[np.float64],
        counts: NDArray[np.int64],
        units: NDArray[np.float64],
        active: NDArray[np.int64],
        last_arrival: NDArray[np.int64],
        tck_ns: NDArray[np.float64],
        until: NDArray[np.int64],
        left: NDArray[np.float64],
    ) -> None: ...
    def begin(self, member: int, engine: DramEngine) -> None: ...
    def recount(self, member: int) -> None: ...
    def retune(self, member: int, config: NDArray[np.int64]) -> None: ...
    def advance(
        self,
        time_ns: float,
        done: NDArray[np.uint8],
        values: NDArray[np.float64],
        pool: Executor | None = None,
        threads: int = 1,
    ) -> None: ...
    def work(self) -> None: ...
