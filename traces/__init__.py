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
    from traces.catalog import sample, samples
    from traces.errors import InputError, TraceError
    from traces.readers import read
    from traces.spec import load
    from traces.stats import describe
    from traces.trace import Trace
    from traces.workload import Requests, Workload
    from traces.writers import write

_HOME = {
    "InputError": "traces.errors",
    "Requests": "traces.workload",
    "Trace": "traces.trace",
    "TraceError": "traces.errors",
    "Workload": "traces.workload",
    "describe": "traces.stats",
    "load": "traces.spec",
    "read": "traces.readers",
    "sample": "traces.catalog",
    "samples": "traces.catalog",
    "write": "traces.writers",
}
_MODULES = ("stats", "synthetic")

__all__ = [
    "InputError",
    "Requests",
    "Trace",
    "TraceError",
    "Workload",
    "describe",
    "load",
    "read",
    "sample",
    "samples",
    "stats",
    "synthetic",
    "write",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"traces.{name}")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'traces' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
