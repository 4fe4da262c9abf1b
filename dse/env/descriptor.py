"""What an agent sees of the workload: a short vector of numbers between 0 and 1, independent of any memory.

Shares stay as they are; counts and rates are put on logarithmic scales between fixed ends, so that the same
workload gives the same vector everywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from traces.instruction_stats import LINE_BYTES, describe_instructions
from traces.instruction_workload import AnyWorkload, InstructionWorkload
from traces.stats import describe

FEATURES = (
    "requests",
    "read_share",
    "intensity",
    "footprint",
    "burstiness",
    "reuse_share",
    "next_line_share",
    "same_row_2kib_share",
    "sources",
)
PROGRAM_FEATURES = (
    "instructions",
    "load_share",
    "accesses_per_instruction",
    "footprint",
    "branch_share",
    "taken_share",
    "dependent_share",
    "chained_load_share",
    "programs",
)
_EXAMINED = 50_000  # requests or instructions of each trace: enough for shares, and quick


def workload_descriptor(workload: AnyWorkload) -> NDArray[np.float32]:
    """(9,) float32 in 0..1: FEATURES of memory requests or PROGRAM_FEATURES of programs.

    Several traces are weighted by their requests or instructions.
    """
    if isinstance(workload, InstructionWorkload):
        return _of_programs(workload)
    rows, weights = [], []
    for trace in workload.traces:
        stats = describe(trace.head(_EXAMINED))
        rows.append(
            [
                _log_share(len(trace), 1e2, 1e8),
                stats.read_share,
                _log_share(stats.intensity_requests_per_us / workload.arrival_scale, 1e-2, 1e3),
                _log_share(stats.footprint_bytes, 1e3, 1e10),
                _log_share(1.0 + stats.interarrival_variation, 1.0, 1e2),
                stats.reuse_share,
                stats.next_line_share,
                stats.same_row_2kib_share,
                _log_share(len(workload.traces), 1.0, 64.0),
            ]
        )
        weights.append(float(len(trace)))
    mean = np.average(np.asarray(rows), axis=0, weights=weights)
    return np.clip(mean, 0.0, 1.0).astype(np.float32)


def _of_programs(workload: InstructionWorkload) -> NDArray[np.float32]:
    rows = []
    for program, n in zip(workload.programs, workload.instructions, strict=True):
        stats = describe_instructions(program.head(_EXAMINED))
        accesses = stats.loads + stats.stores
        rows.append(
            [
                _log_share(n, 1e2, 1e9),
                stats.loads / max(accesses, 1),
                accesses / stats.instructions,
                _log_share(stats.data_lines * LINE_BYTES, 1e3, 1e10),
                stats.branch_share,
                stats.taken_share,
                stats.dependent_share,
                stats.chained_load_share,
                _log_share(len(workload.programs), 1.0, 64.0),
            ]
        )
    mean = np.average(np.asarray(rows), axis=0, weights=np.asarray(workload.instructions, np.float64))
    return np.clip(mean, 0.0, 1.0).astype(np.float32)


def _log_share(value: float, low: float, high: float) -> float:
    """Where a positive value lies between `low` (0) and `high` (1) on a logarithmic scale."""
    return float(np.clip(np.log(max(value, low) / low) / np.log(high / low), 0.0, 1.0))
