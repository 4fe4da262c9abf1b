"""What is replayed: traces, workloads, readers and writers, generators, recordings of real programs.

    import traces
    trace = traces.read("stream.stl.gz", clock_mhz=800)
    sort = traces.sample("sort")

Names load on first use, so that `import dse`, which needs only the errors, stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traces import stats, synthetic
    from traces.catalog import instruction_sample, instruction_samples, sample, samples
    from traces.errors import InputError, TraceError
    from traces.instruction_files import read_instructions, write_instructions
    from traces.instruction_spec import load_instructions, load_threads
    from traces.instruction_stats import describe_instructions
    from traces.instructions import InstructionTrace
    from traces.phase_spec import phases_of
    from traces.phases import Phase
    from traces.readers import read
    from traces.spec import load
    from traces.stats import describe
    from traces.trace import Trace
    from traces.workload import Requests, Workload
    from traces.writers import write

_HOME = {
    "InputError": "traces.errors",
    "InstructionTrace": "traces.instructions",
    "Phase": "traces.phases",
    "Requests": "traces.workload",
    "Trace": "traces.trace",
    "TraceError": "traces.errors",
    "Workload": "traces.workload",
    "describe": "traces.stats",
    "describe_instructions": "traces.instruction_stats",
    "instruction_sample": "traces.catalog",
    "instruction_samples": "traces.catalog",
    "load": "traces.spec",
    "load_instructions": "traces.instruction_spec",
    "load_threads": "traces.instruction_spec",
    "phases_of": "traces.phase_spec",
    "read": "traces.readers",
    "read_instructions": "traces.instruction_files",
    "sample": "traces.catalog",
    "samples": "traces.catalog",
    "write": "traces.writers",
    "write_instructions": "traces.instruction_files",
}
_MODULES = ("stats", "synthetic")

__all__ = [
    "InputError",
    "InstructionTrace",
    "Phase",
    "Requests",
    "Trace",
    "TraceError",
    "Workload",
    "describe",
    "describe_instructions",
    "instruction_sample",
    "instruction_samples",
    "load",
    "load_instructions",
    "load_threads",
    "phases_of",
    "read",
    "read_instructions",
    "sample",
    "samples",
    "stats",
    "synthetic",
    "write",
    "write_instructions",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"traces.{name}")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'traces' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
