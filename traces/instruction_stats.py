"""What an instruction trace looks like before any core is chosen: mix, branches, footprint, dependences."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traces.instructions import Branch, InstructionTrace, Operation

LINE_BYTES, PAGE_BYTES = 64, 4096


@dataclass(frozen=True, slots=True)
class InstructionStats:
    """Mix, footprint and dependences of a trace, independent of any core or cache.

    loads, stores: accesses; memory_instructions: those that make any. taken_share: of all branches;
    branch_kinds, operations: number of instructions of each kind that occurs, by name.
    static_instructions: distinct addresses of instructions. data_lines, data_pages: of 64 bytes and 4 KiB.
    dependent_share: instructions of which a source was written before in the trace. dependence_median and
    _p90: instructions from the nearest writer of a source to its reader, over those that have one.
    chained_load_share: of the instructions that load, those of which a source was written by one that loads,
    so that memory latencies add up.
    """

    instructions: int
    memory_instructions: int
    loads: int
    stores: int
    branches: int
    branch_share: float
    taken_share: float
    branch_kinds: dict[str, int]
    operations: dict[str, int]
    static_instructions: int
    code_lines: int
    data_lines: int
    data_pages: int
    data_lines_written: int
    dependent_share: float
    dependence_median: float
    dependence_p90: float
    chained_load_share: float

    def to_dict(self) -> dict[str, Any]:
        """Name to number, and to a dictionary for the kinds."""
        return asdict(self)


def describe_instructions(trace: InstructionTrace) -> InstructionStats:
    """Statistics of `trace`; sorts its registers and addresses, otherwise linear."""
    n = len(trace)
    is_branch = trace.branch != Branch.NONE
    branches = int(is_branch.sum())
    producer = _nearest_producers(trace)
    depends: NDArray[np.bool_] = producer >= 0
    distance = (np.arange(n)[:, None] - producer)[depends]
    loading = trace.n_loads > 0
    fed = np.asarray((depends & loading[np.maximum(producer, 0)]).any(axis=1))
    line = trace.address // np.uint64(LINE_BYTES)
    return InstructionStats(
        instructions=n,
        memory_instructions=int((loading | (trace.n_stores > 0)).sum()),
        loads=int(trace.n_loads.sum(dtype=np.int64)),
        stores=int(trace.n_stores.sum(dtype=np.int64)),
        branches=branches,
        branch_share=branches / n,
        taken_share=int(trace.taken.sum()) / branches if branches else 0.0,
        branch_kinds=_counts(trace.branch[is_branch], Branch),
        operations=_counts(trace.operation, Operation),
        static_instructions=len(np.unique(trace.ip)),
        code_lines=len(np.unique(trace.ip // np.uint64(LINE_BYTES))),
        data_lines=len(np.unique(line)),
        data_pages=len(np.unique(trace.address // np.uint64(PAGE_BYTES))),
        data_lines_written=len(np.unique(line[_is_store(trace)])),
        dependent_share=float(depends.any(axis=1).mean()),
        dependence_median=float(np.median(distance)) if len(distance) else 0.0,
        dependence_p90=float(np.percentile(distance, 90)) if len(distance) else 0.0,
        chained_load_share=float(fed[loading].mean()) if loading.any() else 0.0,
    )


def _nearest_producers(trace: InstructionTrace) -> NDArray[np.int64]:
    """For each source, int64 (n, 4), the last instruction before that wrote it; -1 for none."""
    n = len(trace)
    at = np.arange(n, dtype=np.int64)[:, None]
    writes = np.sort((trace.destinations.astype(np.int64) * n + at)[trace.destinations != 0])
    producer = np.full(trace.sources.shape, -1, np.int64)
    used = trace.sources != 0
    if len(writes) and used.any():
        wanted = (trace.sources.astype(np.int64) * n + at)[used]
        before = writes[np.maximum(np.searchsorted(writes, wanted) - 1, 0)]  # by register, then in order
        found = (before < wanted) & (before // n == wanted // n)
        producer[used] = np.where(found, before % n, -1)
    return producer


def _is_store(trace: InstructionTrace) -> NDArray[np.bool_]:
    """Of each address, whether it is written."""
    count = (trace.n_loads + trace.n_stores).astype(np.int64)
    place = np.arange(len(trace.address)) - np.repeat(trace.first_access, count)
    return np.asarray(place >= np.repeat(trace.n_loads, count))


def _counts(values: NDArray[np.uint8], kinds: type[Branch] | type[Operation]) -> dict[str, int]:
    number, count = np.unique(values, return_counts=True)
    return {kinds(int(k)).name.lower(): int(c) for k, c in zip(number, count, strict=True)}
