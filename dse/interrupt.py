"""Ctrl-C: the first one asks for a stop at the next safe place, the second one stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopFlag:
    """Whether a stop was asked for."""

    def __init__(self) -> None:
        self.raised = False


@contextmanager
def stop_on_interrupt() -> Iterator[StopFlag]:
    """Within the block the first SIGINT only raises the flag; the second is a KeyboardInterrupt.

    Outside the main thread signals are not ours to handle, and the flag stays down.
    """
    flag = StopFlag()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if flag.raised:
            raise KeyboardInterrupt
        flag.raised = True

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)
