"""The measured command logs beside this file (README.md): `load(name)`, `names()`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "logs"
COMMANDS = ("ACT", "PRE", "PREA", "RD", "RDA", "WR", "WRA", "REF")


@dataclass(frozen=True)
class PeerLog:
    """Commands in the order of issue, arrays (n,). cycle: that of the peer's clock.

    bank: through all groups of a rank (group x banks per group + bank), -1 for PREA and REF. row: -1 but for
    activates and columns; column: in bursts, -1 but for columns.
    """

    cycle: NDArray[np.int64]
    command: NDArray[np.str_]
    rank: NDArray[np.int64]
    bank: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]


def names() -> tuple[str, ...]:
    """`simulator-design-trace` of each log, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.npz")))


def load(name: str) -> PeerLog:
    """The log of that name."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as stored:
        field = {key: stored[key].astype(np.int64) for key in stored.files}
    command = np.array(COMMANDS)[field["command"]]
    return PeerLog(
        np.cumsum(field["step"]), command, field["rank"], field["bank"], field["row"], field["column"]
    )
