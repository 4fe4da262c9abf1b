"""An instruction trace: what one thread executed, in program order, with registers, branches and addresses.

It carries no time: when an instruction runs follows from the core that is simulated. Registers are numbers
that name dependences, nothing more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from traces.errors import TraceError

MAX_INSTRUCTIONS = 2**31 - 1
MAX_LOADS, MAX_STORES = 4, 2
N_SOURCES, N_DESTINATIONS = 4, 2
_HASH_PERSON = b"marl-dse-instr1"


class Branch(IntEnum):
    """What kind of branch an instruction is."""

    NONE = 0
    JUMP = 1
    INDIRECT = 2
    CONDITIONAL = 3
    CALL = 4
    INDIRECT_CALL = 5
    RETURN = 6
    OTHER = 7


class Operation(IntEnum):
    """Class of an instruction's latency; what a trace does not know counts as SIMPLE."""

    SIMPLE = 0
    MULTIPLY = 1
    DIVIDE = 2
    FLOAT_ADD = 3
    FLOAT_MULTIPLY = 4
    FLOAT_DIVIDE = 5
    VECTOR = 6


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class InstructionTrace:
    """Instructions in program order. Arrays are read-only and C-contiguous; n >= 1.

    ip: uint64 (n,), address of the instruction. branch: uint8 (n,), see `Branch`; taken: bool (n,).
    operation: uint8 (n,), see `Operation`. sources: uint8 (n, 4), destinations: uint8 (n, 2), registers,
    0 for none, moved behind the others. n_loads, n_stores: uint8 (n,), at most 4 and 2. address: uint64
    (m,), bytes: the loads, then the stores of each instruction, one after the other. name, provenance: for
    people; not part of `hash`.
    Raises TraceError that names the column and the first wrong instruction.
    """

    ip: NDArray[np.uint64]
    branch: NDArray[np.uint8]
    taken: NDArray[np.bool_]
    operation: NDArray[np.uint8]
    sources: NDArray[np.uint8]
    destinations: NDArray[np.uint8]
    n_loads: NDArray[np.uint8]
    n_stores: NDArray[np.uint8]
    address: NDArray[np.uint64]
    name: str = ""
    provenance: Mapping[str, str] = field(default_factory=dict)
    _hash: list[str] = field(default_factory=list, init=False)
    _decoded: list[tuple[NDArray[np.void], NDArray[np.uint64]]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        n = len(np.asarray(self.ip))
        if not 1 <= n <= MAX_INSTRUCTIONS:
            raise TraceError(f"the trace has {n} instructions: expected 1 to {MAX_INSTRUCTIONS}")
        for name, (dtype, width, most) in _COLUMNS.items():
            shape = (n,) if width == 1 else (n, width)
            object.__setattr__(self, name, _column(name, getattr(self, name), dtype, shape, most))
        for name in ("sources", "destinations"):
            object.__setattr__(self, name, _zeros_last(getattr(self, name)))
        total = int(self.n_loads.sum(dtype=np.int64) + self.n_stores.sum(dtype=np.int64))
        object.__setattr__(self, "address", _column("address", self.address, np.uint64, (total,), None))
        kept = MappingProxyType({str(key): str(value) for key, value in self.provenance.items()})
        object.__setattr__(self, "provenance", kept)
        self._check_branches()

    def __len__(self) -> int:
        return len(self.ip)

    def __repr__(self) -> str:
        return f"InstructionTrace({self.name or 'unnamed'!r}, {len(self)} instructions)"

    @property
    def hash(self) -> str:
        """BLAKE2b-128 in hex over the content; the same on every machine."""
        if not self._hash:
            digest = hashlib.blake2b(digest_size=16, person=_HASH_PERSON)
            digest.update(f"{len(self)} ".encode())
            for name in (*_COLUMNS, "address"):
                column = getattr(self, name)
                digest.update(column.astype(column.dtype.newbyteorder("<")).data)
            self._hash.append(digest.hexdigest())
        return self._hash[0]

    @property
    def first_access(self) -> NDArray[np.int64]:
        """Where the addresses of each instruction begin, int64 (n,)."""
        ends = np.cumsum(self.n_loads.astype(np.int64) + self.n_stores)
        return np.concatenate([np.zeros(1, np.int64), ends[:-1]])

    def head(self, n: int) -> InstructionTrace:
        """The first `n` instructions (all of them when there are fewer). Raises TraceError for n < 1."""
        if n < 1:
            raise TraceError(f"head({n}) would be an empty trace: expected at least 1 instruction")
        if n >= len(self):
            return self
        columns: dict[str, Any] = {name: getattr(self, name)[:n] for name in _COLUMNS}
        last = int(self.first_access[n])
        provenance = {**self.provenance, "head": str(n)}
        return InstructionTrace(**columns, address=self.address[:last], name=self.name, provenance=provenance)

    def _check_branches(self) -> None:
        wrong = self.taken & (self.branch == Branch.NONE)
        if wrong.any():
            raise TraceError(f"taken[{int(wrong.argmax())}] is true, but the instruction is no branch")


# Columns of n rows: type, width of a row, largest value.
_COLUMNS: dict[str, tuple[Any, int, int | None]] = {
    "ip": (np.uint64, 1, None),
    "branch": (np.uint8, 1, max(Branch)),
    "taken": (np.bool_, 1, 1),
    "operation": (np.uint8, 1, max(Operation)),
    "sources": (np.uint8, N_SOURCES, 255),
    "destinations": (np.uint8, N_DESTINATIONS, 255),
    "n_loads": (np.uint8, 1, MAX_LOADS),
    "n_stores": (np.uint8, 1, MAX_STORES),
}
COLUMNS = tuple(_COLUMNS)
assert {*COLUMNS, "address", "name", "provenance", "_hash", "_decoded"} == {
    f.name for f in fields(InstructionTrace)
}


def _column(name: str, values: ArrayLike, dtype: Any, shape: tuple[int, ...], most: int | None) -> Any:
    """A read-only copy as `dtype`, of that shape, with every value within 0 and `most`."""
    array = np.asarray(values)
    if array.shape != shape:
        raise TraceError(f"{name} has shape {array.shape}: expected {shape}")
    if array.dtype.kind not in "iub":
        raise TraceError(f"{name} has type {array.dtype}: expected integers")
    limit = 2**64 - 1 if most is None else most
    if array.size and array.dtype.kind != "b" and (int(array.min()) < 0 or int(array.max()) > limit):
        at = int(np.argmax((array < 0) | (array > limit))) // (shape[1] if len(shape) > 1 else 1)
        raise TraceError(f"{name}[{at}] is out of range: expected 0 to {limit}")
    copy = array.astype(dtype, order="C", copy=True)
    copy.setflags(write=False)
    return copy


def _zeros_last(registers: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows = np.flatnonzero(((registers[:, :-1] == 0) & (registers[:, 1:] != 0)).any(axis=1))
    if not len(rows):
        return registers
    order = np.argsort(registers[rows] == 0, axis=1, kind="stable")
    packed = registers.copy()
    packed[rows] = np.take_along_axis(registers[rows], order, axis=1)
    packed.setflags(write=False)
    return packed


# One instruction as compiled engines read it. `access` is where its addresses begin; branch is the kind, plus
# TAKEN when it was taken. plain: so many instructions, this one the first, are no branches and lie in its
# line of code (at most 255). queues: 1 with loads, plus 2 with stores.
DECODED = np.dtype(
    {
        "names": [
            "ip",
            "access",
            "n_loads",
            "n_stores",
            "branch",
            "op",
            "destination",
            "source",
            "plain",
            "queues",
        ],
        "formats": ["<u8", "<u4", "u1", "u1", "u1", "u1", ("u1", 2), ("u1", 4), "u1", "u1"],
        "offsets": [0, 8, 12, 13, 14, 15, 16, 18, 22, 23],
        "itemsize": 24,
    }
)
TAKEN = 128


def decoded(trace: InstructionTrace) -> tuple[NDArray[np.void], NDArray[np.uint64]]:
    """The instructions as `DECODED` (n,), and the addresses with one 0 after the last; made once a trace.

    Raises TraceError for more addresses than `access` can count.
    """
    if not trace._decoded:
        if len(trace.address) > 2**32 - 1:
            raise TraceError(f"the trace has {len(trace.address)} accesses: expected at most {2**32 - 1}")
        rows = np.zeros(len(trace), DECODED)
        for name, column in (
            ("ip", trace.ip),
            ("access", trace.first_access),
            ("n_loads", trace.n_loads),
            ("n_stores", trace.n_stores),
            ("branch", trace.branch | np.where(trace.taken, np.uint8(TAKEN), np.uint8(0))),
            ("op", trace.operation),
            ("destination", trace.destinations),
            ("source", trace.sources),
            ("plain", _plain_ahead(trace)),
            ("queues", (trace.n_loads > 0) + np.uint8(2) * (trace.n_stores > 0)),
        ):
            rows[name] = column
        addresses = np.append(trace.address, np.uint64(0))
        rows.setflags(write=False)
        addresses.setflags(write=False)
        trace._decoded.append((rows, addresses))
    return trace._decoded[0]


def _plain_ahead(trace: InstructionTrace) -> NDArray[np.uint8]:
    """How many instructions, from each on, are no branches and lie in its 64-byte line of code; to 255."""
    numbers = np.arange(1, len(trace) + 1)
    is_last = np.ones(len(trace), np.bool_)
    line = trace.ip >> np.uint64(6)
    is_last[:-1] = (trace.branch[1:] != 0) | (line[1:] != line[:-1])
    end = np.minimum.accumulate(np.where(is_last, numbers, len(trace))[::-1])[::-1]
    return np.where(trace.branch != 0, 0, np.minimum(end - numbers + 1, 255)).astype(np.uint8)


def repeated(trace: InstructionTrace, n: int) -> InstructionTrace:
    """`n` instructions: the trace from its beginning again whenever it ends, which the provenance says.

    Not more than there are is `trace.head(n)`. Raises TraceError for n < 1.
    """
    if n <= len(trace):
        return trace.head(n)
    if n > MAX_INSTRUCTIONS:
        raise TraceError(f"repeated({n}): expected at most {MAX_INSTRUCTIONS} instructions")
    whole, rest = divmod(n, len(trace))
    parts = [trace] * whole + ([trace.head(rest)] if rest else [])
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in (*COLUMNS, "address")
    }
    wraps = f"the trace of {len(trace)} instructions begins again {len(parts) - 1} times"
    return InstructionTrace(**columns, name=trace.name, provenance={**trace.provenance, "repeated": wraps})


def of_accesses(
    address: ArrayLike,
    is_write: ArrayLike,
    gap: ArrayLike = 0,
    dependence: ArrayLike = 0,
    *,
    name: str = "",
    provenance: Mapping[str, str] | None = None,
) -> InstructionTrace:
    """A trace of memory accesses only, as instructions.

    gap: simple instructions, on which nothing depends, before each access. dependence: how many loads back
    the one is whose value an access needs for its address; 0 for none, at most 200. Without dependences all
    loads are independent, and what a core makes of them is an upper bound of memory parallelism.
    """
    where = np.asarray(address)
    n = len(where)
    writes = np.broadcast_to(np.asarray(is_write, dtype=np.bool_), (n,))
    gaps = np.broadcast_to(np.asarray(gap, dtype=np.int64), (n,))
    distance = np.broadcast_to(np.asarray(dependence, dtype=np.int64), (n,))
    _check_accesses(n, gaps, distance)
    at = np.cumsum(gaps + 1) - 1
    total = int(at[-1]) + 1
    if total > MAX_INSTRUCTIONS:
        raise TraceError(
            f"{n} accesses with their gaps are {total} instructions: expected at most {MAX_INSTRUCTIONS}"
        )
    load_number = np.cumsum(~writes) - 1  # of the last load up to here
    before = np.where(writes, load_number + 1, load_number)
    ring = max(1, int(distance.max()))  # registers that loads write one after the other
    producer = before - distance  # number of the load that is waited for
    sources = np.zeros((total, N_SOURCES), np.uint8)
    sources[at, 0] = np.where((distance > 0) & (producer >= 0), _FIRST + producer % ring, 0)
    destinations = np.zeros((total, N_DESTINATIONS), np.uint8)
    destinations[at, 0] = np.where(writes, 0, _FIRST + load_number % ring)
    kinds = {"n_loads": np.zeros(total, np.uint8), "n_stores": np.zeros(total, np.uint8)}
    kinds["n_loads"][at], kinds["n_stores"][at] = ~writes, writes
    zeros = np.zeros(total, np.uint8)
    return InstructionTrace(
        ip=np.arange(total, dtype=np.uint64) % _LOOP * 4, branch=zeros, taken=zeros > 0, operation=zeros,
        sources=sources, destinations=destinations, **kinds, address=where, name=name,
        provenance=provenance or {},
    )  # fmt: skip


_MOST_DEPENDENCE = 200
_FIRST = 32  # register that a load writes; those below mean something to other simulators
_LOOP = 1024  # instructions after which the addresses of a memory-only trace begin again


def _check_accesses(n: int, gaps: NDArray[np.int64], distance: NDArray[np.int64]) -> None:
    if not n:
        raise TraceError("there are no accesses: expected at least one")
    for name, values, most in (("gap", gaps, 1 << 20), ("dependence", distance, _MOST_DEPENDENCE)):
        wrong = (values < 0) | (values > most)
        if wrong.any():
            at = int(wrong.argmax())
            raise TraceError(f"{name}[{at}] = {int(values[at])} is out of range: expected 0 to {most}")
