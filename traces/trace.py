"""A trace: what a memory controller is asked to do, and when. Immutable arrays and the clock of the arrivals.

The clock belongs to the trace, not to the memory: replaying on a faster memory does not raise the load.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from traces import clock
from traces.clock import FS_PER_NS
from traces.errors import TraceError

BURST_BYTES = 64
MAX_REQUESTS = 2**31 - 1
_LAST_CYCLE = 2**62 - 1
_HASH_PERSON = b"marl-dse-trace1"


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class Trace:
    """Requests in order of arrival. All arrays are read-only, C-contiguous and of shape (n,), n >= 1.

    arrival_cycle: int64, non-decreasing, in periods of `clock_fs`.
    address: uint64 byte address. is_write: bool. size_bytes: int32, 1 to 64; one request is one burst.
    source: uint8, who sent it (core or agent number).
    clock_fs: period of the arrival clock in femtoseconds.
    name, provenance: for people; they are not part of `hash`.
    """

    arrival_cycle: NDArray[np.int64]
    address: NDArray[np.uint64]
    is_write: NDArray[np.bool_]
    size_bytes: NDArray[np.int32]
    source: NDArray[np.uint8]
    clock_fs: int
    name: str
    provenance: Mapping[str, str]
    _hash: list[str] = field(repr=False)

    def __init__(
        self,
        *,
        arrival_cycle: ArrayLike,
        address: ArrayLike,
        is_write: ArrayLike,
        clock_ns: float | None = None,
        clock_mhz: float | None = None,
        clock_fs: int | None = None,
        size_bytes: ArrayLike | None = None,
        source: ArrayLike | None = None,
        name: str = "",
        provenance: Mapping[str, str] | None = None,
    ) -> None:
        """Copies and checks the arrays. Raises TraceError that names the array and the first wrong index.

        Give the arrival clock once, as `clock_ns` or `clock_fs` (period) or `clock_mhz` (frequency).
        `size_bytes` is 64 and `source` is 0 unless given; both may be one number for all requests.
        """
        arrival = _integers("arrival_cycle", arrival_cycle, np.int64, 0, _LAST_CYCLE)
        n = _checked_length(arrival)
        sizes = BURST_BYTES if size_bytes is None else size_bytes
        fields: dict[str, Any] = {
            "arrival_cycle": _non_decreasing(arrival),
            "address": _integers("address", address, np.uint64, 0, 2**64 - 1, n),
            "is_write": _flags(is_write, n),
            "size_bytes": _integers("size_bytes", sizes, np.int32, 1, BURST_BYTES, n),
            "source": _integers("source", 0 if source is None else source, np.uint8, 0, 255, n),
            "clock_fs": clock.clock_fs(clock_mhz=clock_mhz, clock_ns=clock_ns, period_fs=clock_fs),
            "name": name,
            "provenance": MappingProxyType({str(k): str(v) for k, v in (provenance or {}).items()}),
            "_hash": [],
        }
        _freeze(self, fields)

    def __len__(self) -> int:
        return len(self.arrival_cycle)

    def __repr__(self) -> str:
        clock_ns, name = self.clock_fs / FS_PER_NS, self.name or "unnamed"
        return f"Trace({name!r}, {len(self)} requests, {self.duration_ns:.0f} ns, clock {clock_ns:g} ns)"

    @property
    def hash(self) -> str:
        """BLAKE2b-128 in hex over the content and the clock; the same on every machine."""
        if not self._hash:
            self._hash.append(self._digest())
        return self._hash[0]

    def _digest(self) -> str:
        digest = hashlib.blake2b(digest_size=16, person=_HASH_PERSON)
        digest.update(f"{len(self)} {self.clock_fs} ".encode())
        for array, stored_as in (
            (self.arrival_cycle, "<i8"),
            (self.address, "<u8"),
            (self.is_write, "u1"),
            (self.size_bytes, "<i4"),
            (self.source, "u1"),
        ):
            digest.update(np.ascontiguousarray(array, dtype=stored_as).data)
        return digest.hexdigest()

    @property
    def duration_ns(self) -> float:
        """From the first arrival to the last."""
        return int(self.arrival_cycle[-1] - self.arrival_cycle[0]) * self.clock_fs / FS_PER_NS

    def arrival_ns(self) -> NDArray[np.float64]:
        """Arrival times, float64 (n,)."""
        return np.asarray(self.arrival_cycle * (self.clock_fs / FS_PER_NS), dtype=np.float64)

    def device_cycles(self, tck_fs: int, arrival_scale: float = 1.0) -> NDArray[np.int64]:
        """Device cycle of each arrival, int64 (n,): ceil(arrival_cycle * clock_fs * scale / tck_fs), exact.

        tck_fs: the device's clock period in femtoseconds. `arrival_scale` 2.0 is half the load.
        """
        if tck_fs < 1:
            raise TraceError(f"tck_fs={tck_fs!r} is out of range: expected a positive number of femtoseconds")
        scale = clock.scale_fraction(arrival_scale)
        return clock.convert_cycles(self.arrival_cycle, self.clock_fs, int(tck_fs), scale)

    def head(self, n: int) -> Trace:
        """The first `n` requests (all of them when there are fewer). Raises TraceError for n < 1."""
        if n < 1:
            raise TraceError(f"head({n}) would be an empty trace: expected at least 1 request")
        if n >= len(self):
            return self
        return self._replaced(provenance={**self.provenance, "head": str(n)}, keep=slice(0, n))

    def renamed(self, name: str, **provenance: str) -> Trace:
        """The same requests under another name, with entries added to the provenance."""
        return self._replaced(name=name, provenance={**self.provenance, **provenance}, keep=slice(None))

    def _replaced(self, *, provenance: Mapping[str, str], keep: slice, name: str | None = None) -> Trace:
        fields: dict[str, Any] = {
            column: getattr(self, column)[keep]
            for column in ("arrival_cycle", "address", "is_write", "size_bytes", "source")
        }
        fields |= {"clock_fs": self.clock_fs, "name": self.name if name is None else name, "_hash": []}
        fields["provenance"] = MappingProxyType(dict(provenance))
        other = object.__new__(Trace)
        _freeze(other, fields)
        return other


def _freeze(trace: Trace, fields: Mapping[str, Any]) -> None:
    for key, value in fields.items():
        object.__setattr__(trace, key, value)


def _checked_length(arrival: NDArray[Any]) -> int:
    n = len(arrival)
    if n == 0:
        raise TraceError("the trace is empty: expected at least one request")
    if n > MAX_REQUESTS:
        raise TraceError(f"the trace has {n} requests: at most {MAX_REQUESTS} are supported; cut it")
    return n


def _integers(
    name: str, values: ArrayLike, dtype: Any, low: int, high: int, n: int | None = None
) -> NDArray[Any]:
    """A read-only copy as `dtype`, with every value within low..high; one number is repeated n times."""
    array = _column(name, values, n)
    if array.dtype.kind not in "iu":
        raise TraceError(f"{name} has type {array.dtype}: expected integers")
    if len(array) and (int(array.min()) < low or int(array.max()) > high):
        index = int(np.argmax((array < low) | (array > high)))
        raise TraceError(f"{name}[{index}] = {int(array[index])} is out of range: expected {low} to {high}")
    return _read_only(array.astype(dtype, order="C", copy=True))


def _flags(values: ArrayLike, n: int) -> NDArray[np.bool_]:
    array = _column("is_write", values, n)
    if array.dtype.kind != "b":
        array = _integers("is_write", array, np.uint8, 0, 1, n)
    return _read_only(array.astype(np.bool_, order="C", copy=True))


def _column(name: str, values: ArrayLike, n: int | None) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind in "fO" and not isinstance(values, np.ndarray):
        array = _python_integers(name, values)
    if array.ndim == 0 and n is not None:
        array = np.broadcast_to(array, (n,))
    if array.ndim != 1 or (n is not None and len(array) != n):
        raise TraceError(f"{name} has shape {array.shape}: expected {'(n,)' if n is None else (n,)}")
    return array


def _python_integers(name: str, values: ArrayLike) -> NDArray[Any]:
    """NumPy reads a list with integers beyond int64, and an empty one, as floats: take them as written."""
    written = np.array(values, dtype=object)
    if not all(isinstance(value, (int, np.integer)) for value in written.flat):
        raise TraceError(f"{name} holds values that are not integers: expected integers")
    try:
        return written.astype(np.uint64)
    except OverflowError:
        raise TraceError(f"{name} holds an integer out of range: expected 0 to {2**64 - 1}") from None


def _non_decreasing(arrival: NDArray[np.int64]) -> NDArray[np.int64]:
    back = np.flatnonzero(arrival[1:] < arrival[:-1])
    if len(back):
        i = int(back[0])
        raise TraceError(
            f"arrival_cycle goes back at index {i + 1}: {int(arrival[i + 1])} after {int(arrival[i])}; "
            "expected non-decreasing arrivals, sort the requests by arrival first"
        )
    return arrival


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
