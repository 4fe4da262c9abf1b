"""A core's log written by hand: a program, and four times of each instruction."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from simulators.soc.audit import CoreLog, audit_core
from simulators.soc.config import CacheConfig, CoreConfig, TranslationConfig
from traces.instructions import Branch, InstructionTrace

_CACHE = CacheConfig(sets=16, ways=4, latency=3, registers=4)
CORE = CoreConfig(
    _CACHE, _CACHE, _CACHE, width=2, issue_width=2, rob=4, load_queue=2, store_queue=2, load_ports=1,
    depth=1, latencies=(1, 3), translation=TranslationConfig(enabled=False),
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """An instruction: registers, the address that it loads or stores, and whether it is a taken branch."""

    writes: int = 0
    reads: int = 0
    load: int | None = None
    store: int | None = None
    taken: bool = False


ADD = Step()
LOAD = Step(writes=1, load=0x1000)
STORE = Step(reads=1, store=0x1000)
JUMP = Step(taken=True)


def program(*steps):
    """The trace of these steps, one line of code."""
    accesses = [at for step in steps for at in (step.load, step.store) if at is not None]
    return InstructionTrace(
        ip=0x400000 + 4 * (np.arange(len(steps)) % 16),
        branch=[Branch.JUMP if step.taken else Branch.NONE for step in steps],
        taken=np.array([step.taken for step in steps]),
        operation=np.zeros(len(steps), np.uint8),
        sources=np.array([[step.reads, 0, 0, 0] for step in steps]),
        destinations=np.array([[step.writes, 0] for step in steps]),
        n_loads=[int(step.load is not None) for step in steps],
        n_stores=[int(step.store is not None) for step in steps],
        address=np.array(accesses, np.uint64),
    )


def rules_broken(rows, **options):
    """The rules that a log breaks: rows of (step, dispatched, issued, complete, retired)."""
    log = CoreLog(
        0,
        replace(CORE, **options),
        program(*(row[0] for row in rows)),
        np.array([row[1:] for row in rows], np.int64),
    )
    return {violation.rule for violation in audit_core(log)}
