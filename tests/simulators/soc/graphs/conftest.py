from __future__ import annotations

import pytest

from simulators.soc.graphs.graph import Accelerator, Budget, Edge, Task, TaskGraph
from simulators.soc.graphs.hardware import Core, Library

PLAIN = Library(
    "plain",
    (Core("one", mhz=1000, ipc=1.0, pj_per_instruction=10.0, area_mm2=1.0, static_mw=2.0),),
    widths=(1, 10),
    memory_mhz=(1, 1_000_000),
    bus_mhz=(1, 1_000_000),
    accelerator_mhz=(100,),
)
"""One instruction takes 1 ns; slow memories and buses carry 1 or 10 MB/s, fast ones take no time."""


@pytest.fixture
def chain():
    """Three tasks in a row, a millisecond each on a core, with an accelerator ten times as fast."""
    accelerator = Accelerator(cycles=10_000, energy_pj=1e6, area_mm2=0.25)
    tasks = (
        Task("start", 0),
        *(Task(name, 1e6, iterations=8, accelerator=accelerator) for name in ("a", "b", "c")),
    )
    edges = (Edge("start", "a", 4000), Edge("a", "b", 2000), Edge("b", "c", 1000))
    return TaskGraph("chain", tasks, edges, Budget(latency_ms=2.0, area_mm2=3.0), PLAIN)


@pytest.fixture
def fork():
    """Two tasks of a millisecond that may run side by side, and a join."""
    tasks = (Task("start", 0), Task("a", 1e6), Task("b", 1e6), Task("join", 0))
    edges = tuple(Edge(a, b, 0) for a, b in (("start", "a"), ("start", "b"), ("a", "join"), ("b", "join")))
    return TaskGraph("fork", tasks, edges, library=PLAIN)
