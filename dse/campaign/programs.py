"""Workloads of programs: what `[[workloads]]` means to a simulator of cores (`workload_kind`).

Each trace is a program on a core of its own; a generator of several threads is as many programs in one
address space. `copies` runs all of them so many times, each copy in memory of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dse.campaign.config import WorkloadConfig
from dse.errors import ConfigError
from traces.instruction_workload import AnyWorkload, InstructionWorkload
from traces.instructions import InstructionTrace

REQUESTS, INSTRUCTIONS = "requests", "instructions"
_OF_REQUESTS = ("arrival_scale", "clock_mhz", "clock_ns")

Threads = tuple[InstructionTrace, ...]


def kind_of(simulator: Any) -> str:
    """What a simulator replays: REQUESTS, unless its attribute `workload_kind` says INSTRUCTIONS."""
    return str(getattr(simulator, "workload_kind", REQUESTS))


def size_text(workload: AnyWorkload) -> str:
    """`1,200 requests`, `50,000 instructions on 2 cores`."""
    if not isinstance(workload, InstructionWorkload):
        return f"{len(workload):,} requests"
    n = len(workload.programs)
    return f"{len(workload):,} instructions on {n} core{'' if n == 1 else 's'}"


def check_keys(item: WorkloadConfig, kind: str) -> None:
    """ConfigError for a key that has no meaning for workloads of that kind."""
    if kind == REQUESTS:
        if item.copies != 1:
            raise ConfigError(
                "memory requests have no copies: list the trace as often as it runs", key="copies"
            )
        return
    for key in _OF_REQUESTS:
        if key in item.model_fields_set:
            raise ConfigError(
                f"instructions arrive when a core fetches them: remove {key}, which is for memory requests",
                key=key,
            )


def read_programs(item: WorkloadConfig, base: Path) -> tuple[Threads, ...]:
    """The threads of each trace; relative paths start at `base`. Raises InputError."""
    from traces.instruction_spec import load_instructions, load_threads  # many readers: for who needs them

    if item.length is None:
        return tuple(load_threads(spec, base) for spec in item.specs)
    most = item.start + item.length  # of a long trace, no more than will run
    return tuple(
        load_threads(spec, base)
        if spec.startswith("synthetic:")
        else (load_instructions(spec, base, max_instructions=most),)
        for spec in item.specs
    )


def program_workload(item: WorkloadConfig, groups: tuple[Threads, ...]) -> InstructionWorkload:
    """Those programs run together as the configuration says. Raises TraceError."""
    all_groups = groups * item.copies
    return InstructionWorkload(
        programs=tuple(thread for threads in all_groups for thread in threads),
        spaces=tuple(space for space, threads in enumerate(all_groups) for _ in threads),
        name=item.name,
        start=item.start,
        length=item.length,
        warmup=item.warmup,
    )
