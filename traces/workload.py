"""A workload: traces that run together on one memory, and the merged stream of requests that is replayed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
    start: so many requests of the merged stream are left out; then arrivals count from the first one kept.
    length: at most this many requests from there on (all when None).
    warmup: the first requests, simulated but left out of latency statistics; fewer than the stream has.
    Raises TraceError for values out of range.
    """

    traces: tuple[Trace, ...]
    name: str = ""
    arrival_scale: float = 1.0
    length: int | None = None
    warmup: int = 0
    start: int = 0
    _merged: dict[int, Requests] = field(default_factory=dict, init=False, repr=False)
    _hash: list[str] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "traces", tuple(self.traces))
        if not self.traces or not all(isinstance(trace, Trace) for trace in self.traces):
            raise TraceError(f"a workload needs one or more traces: got {self.traces!r}")
        if not self.name:
            object.__setattr__(self, "name", "+".join(trace.name or "unnamed" for trace in self.traces))
        scale_fraction(self.arrival_scale)
        total = self._total
        if not 0 <= self.start < total:
            raise TraceError(
                f"start={self.start!r} is out of range: expected 0 to {total - 1}, "
                f"fewer than the {total} requests of the traces"
            )
        if self.length is not None and self.length < 1:
            raise TraceError(f"length={self.length!r} is out of range: expected at least 1")
        if not 0 <= self.warmup < len(self):
            raise TraceError(
                f"warmup={self.warmup!r} is out of range: expected 0 to {len(self) - 1}, "
                f"fewer than the {len(self)} requests of the workload"
            )

    @classmethod
    def of(cls, x: object) -> Workload:
        """`x` itself if it is a workload; else its trace or traces, at their own arrival times.

        Raises TraceError for what holds instructions.
        """
        if isinstance(x, Workload):
            return x
        if isinstance(x, Trace):
            return cls((x,))
        given: tuple[Any, ...] = tuple(x) if isinstance(x, Sequence) else (x,)
        for one in given:
            if hasattr(one, "n_loads") or hasattr(one, "programs"):
                raise TraceError(
                    f"{one.name!r} holds instructions, not memory requests: expected a memory trace, or a "
                    "simulator of cores"
                )
        return cls(given)

    def __len__(self) -> int:
        """Requests in the merged stream."""
        left = self._total - self.start
        return left if self.length is None else min(left, self.length)

    @property
    def _total(self) -> int:
        return sum(len(trace) for trace in self.traces)

    @property
    def hash(self) -> str:
        """BLAKE2b-128 in hex over the traces' hashes, scale, length, warm-up and start; not over the name."""
        if not self._hash:
            self._hash.append(self._digest())
        return self._hash[0]

    def _digest(self) -> str:
        scale = scale_fraction(self.arrival_scale)
        words = [trace.hash for trace in self.traces]
        words += [f"{scale.numerator}/{scale.denominator}", str(len(self)), str(self.warmup)]
        words += [str(self.start)] if self.start else []
        return hashlib.blake2b(" ".join(words).encode(), digest_size=16, person=b"marl-dse-work1").hexdigest()

    def cut(self, start: int, length: int, warmup: int = 0) -> Workload:
        """`length` requests of this workload from request `start` on, as a workload with that warm-up.

        Raises TraceError unless all of them are requests of this workload.
        """
        if start < 0 or length < 1 or start + length > len(self):
            raise TraceError(
                f"requests {start!r} to {start + length - 1!r} cannot be cut out of {self.name!r}: "
                f"expected one or more of its requests, 0 to {len(self) - 1}"
            )
        return replace(self, start=self.start + start, length=length, warmup=warmup)

    def merged(self, tck_fs: int) -> Requests:
        """The stream in device cycles of `tck_fs`, by arrival; ties keep the order of the traces. Cached.

        With a `start`, the first arrival is cycle 0.
        """
        found = self._merged.get(tck_fs)
        if found is None:
            found = self._merge(tck_fs)
            while len(self._merged) >= _CACHED_CLOCKS:
                self._merged.pop(next(iter(self._merged)), None)
            self._merged[tck_fs] = found
        return found

    def _merge(self, tck_fs: int) -> Requests:
        arrival = np.concatenate([trace.device_cycles(tck_fs, self.arrival_scale) for trace in self.traces])
        kept = slice(self.start, self.start + len(self))
        alone = len(self.traces) == 1  # then it is in order already
        order = kept if alone else np.argsort(arrival, kind="stable")[kept]
        source, n_sources = _renumbered(self.traces)
        columns: dict[str, Any] = {
            "arrival_cycle": arrival,
            "address": _joined([trace.address for trace in self.traces]),
            "is_write": _joined([trace.is_write for trace in self.traces]).view(np.uint8),
            "source": source,
            "size_bytes": _joined([trace.size_bytes for trace in self.traces]),
        }
        # Copies: a view of one trace's arrays would leave the whole trace in memory with every piece.
        picked = {name: np.array(column[order], order="C") for name, column in columns.items()}
        if self.start:
            picked["arrival_cycle"] -= picked["arrival_cycle"][0]
        for column in picked.values():
            column.setflags(write=False)
        return Requests(**picked, n_sources=n_sources)


def _joined(columns: list[NDArray[Any]]) -> NDArray[Any]:
    return columns[0] if len(columns) == 1 else np.concatenate(columns)


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
