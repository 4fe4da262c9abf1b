"""An independent judge of an SoC simulation: order, widths, room, dependences, latencies, sums.

Shares no code with the engine or the twin. The input: what the cores executed, what the chip is, the times of
every instruction and the counts. The simulators find the next cycle in which something may happen; this looks
back at a finished log and counts what was in a cycle, in a queue, before what. It also finds time that was
lost for nothing: retirement later than need be, and slots that stay empty while an instruction is ready.
Vectorised with numpy: logs of millions of instructions can be judged. The commands of the memory are
judged by `simulators.dram.audit`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from simulators.soc.audit.execution import dependence_violations, idle_violations, latency_violations
from simulators.soc.audit.log import ChipLog, CoreLog, Counts, Simulated, Violation
from simulators.soc.audit.pipeline import (
    fetch_violations,
    missing_violations,
    order_violations,
    retirement_violations,
    room_violations,
    store_queue_violations,
    width_violations,
)
from simulators.soc.audit.sums import (
    accelerator_sums,
    bank_sums,
    cache_sums,
    core_sums,
    first_level_sums,
    register_sum,
    second_level_sums,
    shared_sums,
)
from simulators.soc.config import ChipConfig
from traces.instructions import InstructionTrace, repeated

__all__ = ["ChipLog", "CoreLog", "Counts", "Simulated", "Violation", "audit", "audit_core"]

_CHECKS: tuple[Callable[[CoreLog], Iterator[Violation]], ...] = (
    order_violations,
    width_violations,
    room_violations,
    store_queue_violations,
    fetch_violations,
    dependence_violations,
    latency_violations,
    idle_violations,
    retirement_violations,
)


def audit(
    config: ChipConfig, traces: Sequence[InstructionTrace], log: ChipLog, *, most_per_check: int = 100
) -> list[Violation]:
    """Every violation, core by core; empty for a log that keeps all rules.

    traces: of each core; one that is shorter than its times was executed again from its beginning.
    most_per_check: how many violations one check lists, of each core. Raises ValueError for times of another
    shape.
    """
    found: list[Violation] = []
    for number, (core, trace, times) in enumerate(zip(config.cores, traces, log.times, strict=True)):
        of_core = CoreLog(number, core, repeated(trace, len(times)), times)
        found += audit_core(of_core, most_per_check=most_per_check)
        found += _core_sums(of_core, log, config)
    found += shared_sums(config, log)
    found += accelerator_sums(config, log)
    if not config.coherent:
        found += bank_sums(log)
    for number, bank in enumerate(log.banks):
        found += cache_sums(f"bank {number}", -1, bank)
    return found


def audit_core(log: CoreLog, *, most_per_check: int = 100) -> list[Violation]:
    """The rules about the times of one core."""
    missing = list(islice(missing_violations(log), most_per_check))
    if missing:  # the other rules compare times
        return missing
    found: list[Violation] = []
    for check in _CHECKS:
        found += islice(check(log), most_per_check)
    return found


def _core_sums(core: CoreLog, log: ChipLog, config: ChipConfig) -> Iterator[Violation]:
    counts, (code, data, second) = log.cores[core.number], log.caches[core.number]
    yield from core_sums(core, counts)
    yield from first_level_sums(core, counts, code, data)
    yield from second_level_sums(core.number, (code, data, second), counts)
    yield from register_sum(core.number, second, counts, core.config.second.latency)
    for name, cache in zip(("l1i", "l1d", "l2"), (code, data, second), strict=True):
        yield from cache_sums(name, core.number, cache)
