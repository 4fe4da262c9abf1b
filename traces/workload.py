"""A workload: traces that run together on one memory, and the merged stream of requests that is replayed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traces.clock import scale_fraction
from traces.errors import TraceError
from traces.trace import Trace

_MAX_SOURCES = 256
_CACHED_CLOCKS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """A merged request stream in device cycles. Arrays of shape (n,), read-only and C-contiguous.

    arrival_cycle: int64, non-decreasing, in device clock cycles. address: uint64, bytes. is_write: uint8.
    source: uint8, numbered 0..n_sources-1 over all traces of the workload. size_bytes: int32.
    """

    arrival_cycle: NDArray[np.int64]
    address: NDArray[np.uint64]
    is_write: NDArray[np.uint8]
    source: NDArray[np.uint8]
    size_bytes: NDArray[np.int32]
    n_sources: int

    def __len__(self) -> int:
        return len(self.arrival_cycle)


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """Traces that run together.

    arrival_scale: multiplies arrival times; 2.0 is half the load.
    length: at most this many requests of the merged stream (all when None).
    warmup: the first requests, simulated but left out of latency statistics; fewer than the stream has.
    Raises TraceError for values out of range.
    """

    traces: tuple[Trace, ...]
    name: str = ""
    arrival_scale: float = 1.0
    length: int | None = None
    warmup: int = 0
    _merged: dict[int, Requests] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "traces", tuple(self.traces))
        if not self.traces or not all(isinstance(trace, Trace) for trace in self.traces):
            raise TraceError(f"a workload needs one or more traces: got {self.traces!r}")
        if not self.name:
            object.__setattr__(self, "name", "+".join(trace.name or "unnamed" for trace in self.traces))
        scale_fraction(self.arrival_scale)
        if self.length is not None and self.length < 1:
            raise TraceError(f"length={self.length!r} is out of range: expected at least 1")
        if not 0 <= self.warmup < len(self):
            raise TraceError(
                f"warmup={self.warmup!r} is out of range: expected 0 to {len(self) - 1}, "
                f"fewer than the {len(self)} requests of the workload"
            )

    @classmethod
    def of(cls, x: Trace | Workload | Sequence[Trace]) -> Workload:
        """`x` itself if it is a workload; else its trace or traces, at their own arrival times."""
        if isinstance(x, Workload):
            return x
        return cls(traces=(x,) if isinstance(x, Trace) else tuple(x))

    def __len__(self) -> int:
        """Requests in the merged stream."""
        total = sum(len(trace) for trace in self.traces)
        return total if self.length is None else min(total, self.length)

    @property
    def hash(self) -> str:
        """BLAKE2b-128 in hex over the traces' hashes, scale, length and warm-up; not over the name."""
        scale = scale_fraction(self.arrival_scale)
        words = [trace.hash for trace in self.traces]
        words += [f"{scale.numerator}/{scale.denominator}", str(len(self)), str(self.warmup)]
        return hashlib.blake2b(" ".join(words).encode(), digest_size=16, person=b"marl-dse-work1").hexdigest()

    def merged(self, tck_fs: int) -> Requests:
        """The stream in device cycles of `tck_fs`, by arrival; ties keep the order of the traces. Cached."""
        found = self._merged.get(tck_fs)
        if found is None:
            found = self._merge(tck_fs)
            while len(self._merged) >= _CACHED_CLOCKS:
                self._merged.pop(next(iter(self._merged)), None)
            self._merged[tck_fs] = found
        return found

    def _merge(self, tck_fs: int) -> Requests:
        arrival = np.concatenate([trace.device_cycles(tck_fs, self.arrival_scale) for trace in self.traces])
        alone = len(self.traces) == 1  # then it is in order already
        order = slice(len(self)) if alone else np.argsort(arrival, kind="stable")[: len(self)]
        source, n_sources = _renumbered(self.traces)
        columns: dict[str, Any] = {
            "arrival_cycle": arrival,
            "address": np.concatenate([trace.address for trace in self.traces]),
            "is_write": np.concatenate([trace.is_write for trace in self.traces]).view(np.uint8),
            "source": source,
            "size_bytes": np.concatenate([trace.size_bytes for trace in self.traces]),
        }
        picked = {name: np.ascontiguousarray(column[order]) for name, column in columns.items()}
        for column in picked.values():
            column.setflags(write=False)
        return Requests(**picked, n_sources=n_sources)


def _renumbered(traces: tuple[Trace, ...]) -> tuple[NDArray[np.uint8], int]:
    """Sources of all traces, concatenated, as consecutive numbers in the order of traces and of sources."""
    parts: list[NDArray[np.int64]] = []
    first = 0
    for trace in traces:
        n_own, renumbered = _own_sources(trace.source)
        parts.append(renumbered + first)
        first += n_own
    if first > _MAX_SOURCES:
        raise TraceError(f"the workload has {first} sources: at most {_MAX_SOURCES} are supported")
    return np.concatenate(parts).astype(np.uint8), first


def _own_sources(source: NDArray[Any]) -> tuple[int, NDArray[np.int64]]:
    """How many sources a trace has, and for each request the place of its source among them."""
    if len(source) and (source == source[0]).all():
        return 1, np.zeros(len(source), dtype=np.int64)
    own, renumbered = np.unique(source, return_inverse=True)
    return len(own), renumbered.astype(np.int64)
