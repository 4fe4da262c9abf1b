from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

TOPOLOGIES: Final[tuple[str, ...]]
NETWORKS: Final[tuple[str, ...]]
PORTS: Final[tuple[str, ...]]
TOTALS: Final[tuple[str, ...]]

class NocAlone:
    topology: str
    def __init__(
        self,
        topology: str,
        nodes: int,
        width_bytes: int,
        buffer_flits: int,
        router_latency: int,
        link_latency: int = 1,
        columns: int = 1,
        max_packets: int = 65536,
    ) -> None: ...
    @property
    def ports(self) -> int: ...
    @property
    def next_cycle(self) -> int | None: ...
    def hops(self, source: int, target: int) -> int: ...
    def inject(
        self, cycle: int, source: int, target: int, network: int, n_bytes: int, payload: int
    ) -> bool: ...
    def send(
        self, cycle: int, source: int, target: int, network: int, n_bytes: int, payload: int
    ) -> bool: ...
    def advance(self, cycle: int) -> list[tuple[int, int]]: ...
    def run(
        self,
        time: ArrayLike,
        source: ArrayLike,
        target: ArrayLike,
        network: ArrayLike,
        n_bytes: ArrayLike,
        ahead: int = 0,
        log: bool = False,
        decide: bool = True,
    ) -> tuple[NDArray[np.int64], NDArray[np.void] | None]: ...
    def totals(self) -> dict[str, NDArray[np.int64]]: ...
    def links(self) -> dict[str, NDArray[np.int64]]: ...
    def snapshot(self) -> bytes: ...
    def restore(self, state: bytes) -> None: ...
