"""Record the memory trace of a real program.

Valgrind's lackey says what it loads and stores, a small cache model decides what of that reaches memory,
and a core model says when.

Time is counted in instructions: request k arrives when `instructions executed x CPI` core cycles have
passed. That
is a model, not a measurement: the core never waits for memory, and every instruction takes the same time.
Addresses are those of 4 KiB pages handed out in the order of first touch, from 0, as an idle machine would;
the order within a page is the program's. Source: valgrind manual, chapter Lackey, option --trace-mem.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ext.cache_filter import CacheFilter
from ext.trace_scan import scan_lackey
from traces.clock import clock_fs
from traces.errors import TraceError
from traces.record_valgrind import checked_command, find_valgrind, lackey, valgrind_version
from traces.trace import Trace

PAGE_BYTES = 4096

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class CacheModel:
    """Levels between core and memory, first the one next to the core: LRU, write-back, write-allocate."""

    sizes_bytes: tuple[int, ...] = (16 << 10, 128 << 10)
    ways: tuple[int, ...] = (4, 8)
    line_bytes: int = 64

    def __str__(self) -> str:
        levels = zip(self.sizes_bytes, self.ways, strict=True)
        named = [f"L{i} {size // 1024} KiB {ways}-way" for i, (size, ways) in enumerate(levels, start=1)]
        return ", ".join([*named, f"{self.line_bytes} B lines", "LRU", "write-back"])


@dataclass(frozen=True, slots=True)
class CoreModel:
    """When requests arrive: `cpi` cycles of a clock of `clock_mhz` an instruction."""

    clock_mhz: float = 3000.0
    cpi: float = 0.5

    def __str__(self) -> str:
        return f"{self.clock_mhz:g} MHz, {self.cpi:g} cycles an instruction"


@dataclass(frozen=True, slots=True)
class Window:
    """What is kept of a run: after `skip_instructions`, up to `max_requests`. The cache is warm by then."""

    skip_instructions: int = 0
    max_requests: int = 1_000_000


def record(
    command: Sequence[str],
    *,
    name: str = "",
    cache: CacheModel | None = None,
    core: CoreModel | None = None,
    window: Window | None = None,
    progress: Progress | None = None,
) -> Trace:
    """Run `command` under valgrind and return what reaches memory.

    The program reads no input and its standard output is dropped; `progress` is called with the requests
    kept and the instructions executed so far. Once the window is full the program is stopped. Raises
    TraceError when valgrind or the program is missing, the program fails, or nothing reaches memory.
    """
    cache, core, window = cache or CacheModel(), core or CoreModel(), window or Window()
    if not 1e-3 <= core.cpi <= 1e3:
        raise TraceError(f"cpi={core.cpi!r} is out of range: expected 0.001 to 1000")
    if window.max_requests < 1 or window.skip_instructions < 0:
        raise TraceError(f"{window}: expected at least 1 request and no negative skip")
    period_fs = clock_fs(clock_mhz=core.clock_mhz)
    valgrind = find_valgrind()
    collected = _Collected(_filter(cache), window)
    with lackey(valgrind, checked_command(command)) as program:
        for text in program:
            collected.add(text)
            if progress is not None:
                progress(collected.requests, collected.executed)
            if collected.requests >= window.max_requests:
                break
    stamp, address, is_write = collected.columns()
    cpi = Fraction(repr(float(core.cpi)))
    return Trace(
        arrival_cycle=(stamp - stamp[0]) * cpi.numerator // cpi.denominator,
        address=first_touch(address),
        is_write=is_write,
        size_bytes=min(cache.line_bytes, 64),
        clock_fs=period_fs,
        name=name or PurePath(command[0]).name,
        provenance={
            "recorded": " ".join(base_names(command)),
            "tool": valgrind_version(valgrind),
            "cache": str(cache),
            "core": str(core),
            "pages": f"{PAGE_BYTES} bytes in order of first touch",
            "skipped_instructions": str(window.skip_instructions),
            "instructions": str(int(stamp[-1] - stamp[0])),
        },
    )


@dataclass(slots=True)
class _Collected:
    """What came through the cache so far. State of one recording."""

    cache: CacheFilter
    window: Window
    executed: int = 0
    requests: int = 0
    rest: bytes = b""
    lines: int = 0
    parts: list[tuple[NDArray[Any], ...]] = field(default_factory=list)

    def add(self, text: bytes) -> None:
        columns, self.executed, lines, consumed, fault, end = scan_lackey(self.rest + text, self.executed)
        if fault:
            shown = (self.rest + text)[consumed:end].decode(errors="backslashreplace")
            raise TraceError(
                f"valgrind printed {shown!r}: expected ' L|S|M address,size'", line=self.lines + lines + 1
            )
        self.rest = (self.rest + text)[consumed:]
        self.lines += lines
        address, is_write, _, stamp = self.cache.run(*columns)
        kept = stamp > self.window.skip_instructions
        self.requests += int(kept.sum())
        self.parts.append((stamp[kept], address[kept], is_write[kept]))

    def columns(self) -> list[NDArray[Any]]:
        if not self.requests:
            raise TraceError(
                f"no request reached memory in {self.executed} instructions, of which the first "
                f"{self.window.skip_instructions} were skipped: skip fewer or use a smaller cache"
            )
        columns = zip(*self.parts, strict=True)
        return [np.concatenate(parts)[: self.window.max_requests] for parts in columns]


def first_touch(address: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The same addresses with pages renumbered from 0 in the order in which they first appear."""
    page = address // np.uint64(PAGE_BYTES)
    _, first, inverse = np.unique(page, return_index=True, return_inverse=True)
    frame = np.empty(len(first), dtype=np.uint64)
    frame[np.argsort(first)] = np.arange(len(first), dtype=np.uint64)
    return frame[inverse] * np.uint64(PAGE_BYTES) + address % np.uint64(PAGE_BYTES)


def base_names(command: Sequence[str]) -> list[str]:
    """The command without the folders of this machine: `/usr/bin/sort -T/tmp/x` is `sort -Tx`."""
    return [_base_name(part) for part in command]


def _base_name(part: str) -> str:
    option = re.match(r"-\w(?=[/.~])|[-\w]+=", part)
    head = option.group() if option else ""
    value = part[len(head) :]
    is_path = value.startswith(("/", "./", "../", "~")) or ("/" in value and os.path.exists(value))
    return head + PurePath(value).name if is_path else part


def _filter(cache: CacheModel) -> CacheFilter:
    try:
        return CacheFilter(cache.sizes_bytes, cache.ways, cache.line_bytes)
    except ValueError as error:
        raise TraceError(f"the cache model is impossible: {error}") from None
