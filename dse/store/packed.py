"""Trials once more, as arrays: what makes a campaign of a million trials open in under a second.

The rows of a campaign's table are for SQL, for other programs and the truth. Each appended block is also kept
as the bytes of one numpy array, in the same transaction; reading those needs no Python object for each value.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dse.store.records import TrialBlock, Trials

Packed = NDArray[np.void]
_CHARGES = ("fidelity", "charge")


def packed_type(n_parameters: int, n_metrics: int, *, charges: bool = True) -> np.dtype[np.void]:
    """One trial: little-endian, without gaps. charges: with those two, which version 2 did not have."""
    return np.dtype(
        [
            ("run", "<i4"),
            ("batch", "<i8"),
            ("step", "<i8"),
            ("origin", "u1"),
            ("feasible", "u1"),
            ("seconds", "<f8"),
            *((("fidelity", "<f8"), ("charge", "<f8")) if charges else ()),
            ("indices", "<i2", (n_parameters,)),
            ("metrics", "<f8", (n_metrics,)),
        ]
    )


def pack(block: TrialBlock | Trials) -> bytes:
    """The bytes of a block."""
    rows = np.empty(len(block), dtype=packed_type(block.indices.shape[1], block.metrics.shape[1]))
    rows["run"] = block.run
    rows["batch"] = block.batch
    if isinstance(block, Trials):
        rows["step"] = block.step
    else:
        rows["step"] = np.arange(block.first_step, block.first_step + len(block))
    for name in ("origin", "feasible", "seconds", "fidelity", "charge", "indices", "metrics"):
        rows[name] = getattr(block, name)
    return rows.tobytes()


def joined(found: Sequence[tuple[int, int, bytes]], after: int, kind: np.dtype[np.void]) -> Packed:
    """The trials from `after` + 1 on, as far as the blocks (first, last, bytes) reach without a gap."""
    kept: list[bytes] = []
    expected = after + 1
    for first, last, data in found:
        fits = len(data) == (last - first + 1) * kind.itemsize
        if not fits or (first > expected if not kept else first != expected):
            break
        kept.append(data[(expected - first) * kind.itemsize :] if first < expected else data)
        expected = last + 1
    return np.frombuffer(b"".join(kept), dtype=kind)


def unpack(rows: Packed, after: int, which: Sequence[int], names: tuple[str, ...]) -> Trials:
    """The trials that follow number `after`, with the metrics at these positions."""
    metrics = rows["metrics"]
    if list(which) != list(range(metrics.shape[1])):
        metrics = metrics[:, list(which)]
    return Trials(
        id=np.arange(after + 1, after + 1 + len(rows)),
        run=rows["run"].astype(np.int16),
        batch=rows["batch"].astype(np.int64),
        step=rows["step"].astype(np.int64),
        origin=rows["origin"].astype(np.uint8),
        feasible=rows["feasible"].astype(np.bool_),
        seconds=rows["seconds"].astype(np.float64),
        indices=rows["indices"].astype(np.int16),
        metrics=metrics.astype(np.float64),
        metric_names=names,
        **{name: rows[name].astype(np.float64) for name in _CHARGES if name in (rows.dtype.names or ())},
    )
