"""Compare the SoC engine with its twin: times of retirement, DRAM commands, every count."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from ext.dram_engine import COMMANDS
from ext.soc_fields import ACCESSES, LOST
from simulators.dram.twin.record import LoggedCommand
from simulators.soc.twin.caches import Cache
from simulators.soc.twin.core import Core
from simulators.soc.twin.memory import DramMemory
from tests.ext.soc_cases import Case, open_engine, open_twin, random_case


def differences(case: Case) -> list[str]:
    """What differs, empty if nothing does."""
    twin = open_twin(case)
    twin.run()
    engine, dram = open_engine(case)
    engine.advance()
    engine.advance(twin.time + 1)
    found = []
    for number, core in enumerate(twin.cores):
        want = np.array([one.retired for one in core.flight])
        got = engine.times[number][:, 3]
        if not np.array_equal(got, want):
            k = int(np.argmax(got != want))
            found.append(f"core {number}, instruction {k}: retired in {got[k]}, twin {want[k]}")
        found += _unequal(f"core {number}", engine.core_counts(number), _core_counts(core))
        caches = twin.caches[number]
        for name, counted, cache in zip(
            ("l1i", "l1d", "l2"), engine.cache_counts(number), (caches.code, caches.data, caches.second),
            strict=True,
        ):  # fmt: skip
            found += _unequal(f"core {number} {name}", counted, cache_counts(cache))
    for number, counted in enumerate(engine.bank_counts()):
        bank = twin.uncore.banks[number]
        want_bank = cache_counts(bank.cache) | {"looked": bank.looked, "waited": bank.waited}
        found += _unequal(f"bank {number}", counted, want_bank)
    for number, one in enumerate(twin.accelerators):
        want_counts = one.counts | {"cycles": one.finished_at or 0}
        found += _unequal(f"accelerator {number}", engine.accelerator_counts(number), want_counts)
    found += _unequal("uncore", engine.uncore_counts(), twin.uncore.counts)
    if isinstance(twin.memory, DramMemory):
        found += _commands(dram, twin.memory.controller.log)
    return found


def _unequal(where: str, got: Mapping[str, int], want: Mapping[str, int]) -> list[str]:
    return [
        f"{where}: {name} {got[name]}, twin {value}" for name, value in want.items() if got[name] != value
    ]


def _core_counts(core: Core) -> dict[str, int]:
    operations = {f"operations_{k}": n for k, n in core.operations.items()}
    lost = {f"lost_{name}": n for name, n in zip(LOST, core.lost, strict=True)}
    plain = {"retired": core.n_retired, "loads": len(core.loads), "stores": core.drained}
    return plain | operations | lost | core.counts | core.translation.counts


def cache_counts(cache: Cache) -> dict[str, int]:
    """By the names of ext.soc_fields.CACHE_COUNTS."""
    found = {f"hits_{name}": n for name, n in zip(ACCESSES, cache.hits, strict=True)}
    found |= {f"merged_{name}": n for name, n in zip(ACCESSES, cache.merged, strict=True)}
    found |= {f"misses_{name}": n for name, n in zip(ACCESSES, cache.misses, strict=True)}
    return found | {
        "refused": cache.counts["refused"],
        "written_back": cache.counts["written_back"],
        "prefetch_useful": cache.counts["useful"],
        "prefetch_late": cache.counts["late"],
        "prefetch_useless": cache.counts["useless"],
        "prefetch_dropped": cache.counts["dropped"],
    }


def _commands(dram: Any, log: list[LoggedCommand]) -> list[str]:
    got = dram.command_log()
    want = [(one.cycle, COMMANDS.index(one.command), one.channel, one.bank, one.request) for one in log]
    columns = (got[name].tolist() for name in ("cycle", "command", "channel", "bank", "request"))
    have = list(zip(*columns, strict=True))
    for k, (one, other) in enumerate(zip(have, want, strict=False)):
        if one != other:
            return [f"DRAM command {k}: {one}, twin {other}"]
    return [] if len(have) == len(want) else [f"DRAM commands: {len(have)}, twin {len(want)}"]


def main(first: int, last: int, coherent: bool) -> None:
    """Print what differs in the cases of those numbers."""
    bad = 0
    for seed in range(first, last):
        for line in differences(random_case(seed, coherent=coherent))[:4]:
            sys.stdout.write(f"{seed} {line}\n")
            bad += 1
    sys.stdout.write(f"{last - first} cases, {bad} differences\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), "coherent" in sys.argv)
