"""Rules of counting: what the levels of a chip say of themselves agrees with the program and with each other.

Every count has a second way to be found: from the program, from the times of its instructions, or from the
level above or below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ext.soc_fields import ACCESSES, LOST, STEP_FIELDS
from simulators.soc.audit.log import ChipLog, CoreLog, Counts, Violation
from simulators.soc.config import LINE_BYTES, ChipConfig

_LINE_BITS = np.uint64(LINE_BYTES.bit_length() - 1)
_DEMANDS = ("load", "store", "fetch")
_GOES_PAST = "spp"  # the prefetcher of the second level that also prefetches into the last only


def core_sums(core: CoreLog, counts: Counts) -> Iterator[Violation]:
    """The counts of a core are those of its instructions and of their times."""
    program = core.program
    operations = np.bincount(program.operation).tolist()
    expected = {
        "retired": len(core),
        "loads": int(core.has_loads.sum()),
        "stores": len(core.store_owner),
        "branches": int((program.branch > 0).sum()),
        "cycles": int(core.retired[-1]),
        "rob_integral": int((core.retired - core.dispatched).sum()),
        **{f"operations_{k}": n for k, n in enumerate(operations)},
        "lost_base": len(np.unique(core.retired)),
    }
    for name, value in expected.items():
        if counts[name] != value:
            yield _sum(core.number, name, counts[name], f"the program and its times say {value}")
    lost = sum(counts[f"lost_{name}"] for name in LOST)
    if lost != counts["cycles"]:
        yield _sum(core.number, "lost", lost, f"causes must add up to {counts['cycles']} cycles")
    if counts["mispredictions"] > counts["branches"]:
        yield _sum(core.number, "mispredictions", counts["mispredictions"], f"of {counts['branches']}")


def first_level_sums(core: CoreLog, counts: Counts, code: Counts, data: Counts) -> Iterator[Violation]:
    """The first level was asked for each store, each line of code, and the loads that no store answered."""
    lines = core.program.ip >> _LINE_BITS
    changes = 1 + int((lines[1:] != lines[:-1]).sum())
    if _asked(code, "fetch") != changes:
        yield _sum(
            core.number, "l1i fetches", _asked(code, "fetch"), f"the code has {changes} changes of line"
        )
    if _asked(data, "store") != len(core.store_owner):
        yield _sum(core.number, "l1d stores", _asked(data, "store"), f"there are {len(core.store_owner)}")
    each = np.sort(core.program.n_loads[core.has_loads])
    forwarded = min(counts["forwarded"], len(each))
    low, high = int(each[: len(each) - forwarded].sum()), int(each[forwarded:].sum())
    if not low <= _asked(data, "load") <= high or counts["forwarded"] > len(each):
        text = f"there are {each.sum()}, those of {counts['forwarded']} instructions had an answer before"
        yield _sum(core.number, "l1d loads", _asked(data, "load"), text)


def second_level_sums(core: int, caches: Sequence[Counts], counts: Counts) -> Iterator[Violation]:
    """Misses of the first level are accesses of the second; its own misses are answered, and no register is
    forgotten: the time in registers is that of the answers and of the look-ups before."""
    code, data, second = caches
    for kind, above in (("load", data), ("store", data), ("fetch", code)):
        if _asked(second, kind) != above[f"misses_{kind}"]:
            text = f"the first level missed {above[f'misses_{kind}']} times"
            yield _sum(core, f"l2 {kind} accesses", _asked(second, kind), text)
    if second["hits_prefetch"] > data["misses_prefetch"]:
        text = f"the first level prefetched {data['misses_prefetch']} lines"
        yield _sum(core, "l2 prefetch hits", second["hits_prefetch"], text)
    misses = _misses(second)
    if counts["answered"] != misses:
        yield _sum(core, "answered", counts["answered"], f"the second level missed {misses} times")
    if data["written_back"] > counts["stores"]:
        text = f"the program stores {counts['stores']} times"
        yield _sum(core, "l1d lines written back", data["written_back"], text)


def register_sum(core: int, second: Counts, counts: Counts, latency: int) -> Iterator[Violation]:
    """Cycles of registers that owe = cycles of their answers, and of the look-ups before them (Little)."""
    expected = counts["answer_latency"] + latency * counts["answered"]
    if second["owed_integral"] != expected:
        yield _sum(core, "owed_integral", second["owed_integral"], f"answers took {expected} cycles")


def cache_sums(where: str, core: int, cache: Counts) -> Iterator[Violation]:
    """Part of a cache's counts are parts of others."""
    for name in ACCESSES:
        if cache[f"merged_{name}"] > cache[f"hits_{name}"]:
            yield _sum(core, f"{where} merged_{name}", cache[f"merged_{name}"], "more than hits")
    if cache["prefetch_late"] > cache["prefetch_useful"]:
        yield _sum(core, f"{where} prefetch_late", cache["prefetch_late"], "more than useful")
    fate = cache["prefetch_useful"] + cache["prefetch_useless"]
    if fate > cache["misses_prefetch"]:
        yield _sum(core, f"{where} prefetched lines used or lost", fate, "more than were brought")


def shared_sums(config: ChipConfig, log: ChipLog) -> Iterator[Violation]:
    """Misses of the second levels are accesses of the last, whose misses are reads of memory, and lines that
    it writes back are writes; nothing is written to memory that was not modified."""
    above = {kind: sum(caches[2][f"misses_{kind}"] for caches in log.caches) for kind in ACCESSES}
    reads = sum(above.values())
    of_cores = {
        f"memory_{name}s": log.uncore[f"memory_{name}s"] - sum(one[moved] for one in log.accelerators)
        for name, moved in (("read", "read_lines"), ("write", "written_lines"))
    }
    if config.banks:
        yield from _last_level_sums(config, log, above)
        reads, written = sum(map(_misses, log.banks)), sum(bank["written_back"] for bank in log.banks)
        if of_cores["memory_writes"] != written:
            text = f"the last level wrote {written} lines back"
            yield _sum(-1, "memory writes", of_cores["memory_writes"], text)
    if of_cores["memory_reads"] != reads:
        yield _sum(-1, "memory reads", of_cores["memory_reads"], f"the level above missed {reads} times")
    modified = sum(core["stores"] for core in log.cores)
    if not config.coherent:
        given = sum(caches[1]["written_back"] for caches in log.caches)
        modified = min(modified, given + sum(core["invalidated"] for core in log.cores))
    if of_cores["memory_writes"] > modified:
        text = f"no more than {modified} modified lines left the cores"
        yield _sum(-1, "memory writes", of_cores["memory_writes"], text)


def _last_level_sums(config: ChipConfig, log: ChipLog, above: Counts) -> Iterator[Violation]:
    """Each miss of the second levels is an access of the last, or is answered by another core.

    Some prefetches go to the last level without being a miss of the second.
    """
    asked = {kind: sum(_asked(bank, kind) for bank in log.banks) for kind in ACCESSES}
    if not config.coherent:
        for kind in (*_DEMANDS, "walk"):
            if asked[kind] != above[kind]:
                text = f"the second levels missed {above[kind]} times"
                yield _sum(-1, f"llc {kind} accesses", asked[kind], text)
    answered, missed = sum(asked.values()) + log.uncore["forwarded"], sum(above.values())
    goes_past = any(core.second.prefetcher == _GOES_PAST for core in config.cores)
    if answered < missed or (answered > missed and not goes_past):
        text = f"with those of other cores; the second levels missed {missed} times"
        yield _sum(-1, "llc accesses", answered, text)


def accelerator_sums(config: ChipConfig, log: ChipLog) -> Iterator[Violation]:
    """An accelerator moved the lines of its task, no two of one direction nearer than its DMA can, and its
    cells computed for as long as the steps say."""
    for number, (task, counts, dma) in enumerate(
        zip(log.tasks, log.accelerators, config.accelerators, strict=True)
    ):
        steps, reads, writes = task
        computing = int(steps[:, STEP_FIELDS.index("cycles")].sum())
        expected = {"read_lines": len(reads), "written_lines": len(writes), "computing": computing}
        for name, value in expected.items():
            if counts[name] != value:
                yield _sum(-1, f"accelerator {number} {name}", counts[name], f"its task says {value}")
        moving = (max(len(reads), len(writes)) - 1) * dma.line_cycles
        least = max(moving, counts["computing"] + counts["waiting"])
        if counts["cycles"] < least:
            yield _sum(-1, f"accelerator {number} cycles", counts["cycles"], f"what it did takes {least}")


def bank_sums(log: ChipLog) -> Iterator[Violation]:
    """Every message that left a core for a bank was looked at once."""
    looked = sum(bank["looked"] for bank in log.banks)
    if log.banks and looked != log.uncore["asked"]:
        yield _sum(-1, "messages looked at", looked, f"the cores sent {log.uncore['asked']}")


def _asked(cache: Counts, kind: str) -> int:
    return cache[f"hits_{kind}"] + cache[f"misses_{kind}"]


def _misses(cache: Counts) -> int:
    return sum(cache[f"misses_{kind}"] for kind in ACCESSES)


def _sum(core: int, name: str, value: int, text: str) -> Violation:
    where = f"core {core}: " if core >= 0 else ""
    return Violation("sum", core, -1, f"{where}{name}={value}: {text}")
