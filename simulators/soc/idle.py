"""Cores that have nothing to do: since when, and for how long they are switched off.

A core without a program is idle from the end of the warm-up on, one with a program when that has run. After
`idle_gate_us` it is switched off: its leakage, never its area. What a private cache holds is gone when the
cache is, and other cores may want it: the caches of a core whose program has run stay on.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulators.soc.build import Built
from simulators.soc.reading import Reading

_FS_PER_US = 10**9


def idle_since(
    built: Built,
    reading: Reading,
    begun_fs: int,
    paused_fs: Sequence[int],
    has_ended: Sequence[bool],
    known: Sequence[int | None],
) -> list[int | None]:
    """When each core with a program had run it, in femtoseconds; None: not yet.

    reading: of an interval that began at `begun_fs`, in which cores stood still for `paused_fs` before they
    ran. known: what was known when it began.
    """
    return [
        begun_fs + paused + core["cycles"] * period if is_over and before is None else before
        for core, period, paused, is_over, before in zip(
            reading.cores, built.chip.core_periods_fs, paused_fs, has_ended, known, strict=True
        )
    ]


def gated_s(built: Built, since_fs: Sequence[int | None], begin_fs: int, end_fs: int) -> tuple[float, ...]:
    """Seconds between two times for which each core is switched off. since_fs: when it became idle."""
    after_fs = int(built.design["idle_gate_us"]) * _FS_PER_US
    if not after_fs:
        return (0.0,) * len(since_fs)
    return tuple(
        0.0 if since is None else max(0, end_fs - max(begin_fs, since + after_fs)) * 1e-15
        for since in since_fs
    )
