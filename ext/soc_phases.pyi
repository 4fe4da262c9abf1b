import numpy as np
from numpy.typing import ArrayLike, NDArray

class PhaseTables:
    def __init__(
        self,
        edge_from: ArrayLike,
        edge_to: ArrayLike,
        edge_bytes: ArrayLike,
        output_bytes: ArrayLike,
        arrivals: ArrayLike,
        n_elements: int,
        n_memories: int,
        n_buses: int,
    ) -> None: ...
    @property
    def n_channels(self) -> int: ...

class Designs:
    def __init__(
        self,
        tables: PhaseTables,
        pe: ArrayLike,
        pe_bus: ArrayLike,
        memory: ArrayLike,
        memory_bus: ArrayLike,
        pe_seconds: ArrayLike,
        memory_rate: ArrayLike,
        bus_rate: ArrayLike,
    ) -> None: ...
    def __len__(self) -> int: ...

def simulate(
    tables: PhaseTables, designs: Designs
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]: ...
def peak_powers(
    tables: PhaseTables, designs: Designs, task_pj: ArrayLike, window_s: float
) -> NDArray[np.float64]: ...

class PhaseEngine:
    def __init__(self, tables: PhaseTables, designs: Designs) -> None: ...
    @property
    def time(self) -> float: ...
    @property
    def tasks_done(self) -> int: ...
    @property
    def phases(self) -> int: ...
    @property
    def finished(self) -> bool: ...
    def advance(self, phases: int = -1, tasks: int = -1) -> bool: ...
    def retune(self, designs: Designs) -> None: ...
    def snapshot(self) -> bytes: ...
    def restore(self, state: bytes) -> None: ...
    def results(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int]: ...
