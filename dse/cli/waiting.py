"""A progress bar for what may take a while: drawn on stderr after two seconds, and only on a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dse.cli.terminal import console

SECONDS_BEFORE = 2.0


@contextmanager
def waiting(
    what: str, total: int | None = None, unit: str = "requests", after_s: float = SECONDS_BEFORE
) -> Iterator[Callable[[int], None]]:
    """Gives a function to be told how many of `total` are done; without a total, a bar that only moves."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    bar = _Bar(what, total, unit)
    timer = threading.Timer(after_s, bar.show)
    timer.daemon = True
    timer.start()
    try:
        yield bar.update
    finally:
        timer.cancel()
        bar.hide()


class _Bar:
    """A rich bar that appears when `show` is called, in whichever thread."""

    def __init__(self, what: str, total: int | None, unit: str) -> None:
        self._what, self._total, self._unit = what, total, unit
        self._lock = threading.Lock()
        self._done = 0
        self._ended = False
        self._bar: Any = None
        self._task: Any = None

    def show(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        counted = f"{{task.completed:,.0f}}/{{task.total:,.0f}} {self._unit}" if self._total else ""
        with self._lock:
            if self._ended:
                return
            columns = [TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn(counted)]
            last = TimeRemainingColumn(compact=True) if self._total else TimeElapsedColumn()
            self._bar = Progress(*columns, last, console=console(error=True), transient=True)
            self._task = self._bar.add_task(self._what, total=self._total, completed=self._done)
            self._bar.start()

    def update(self, done: int) -> None:
        with self._lock:
            self._done = done
            if self._bar is not None:
                self._bar.update(self._task, completed=done)

    def hide(self) -> None:
        with self._lock:
            self._ended = True
            if self._bar is not None:
                self._bar.stop()
