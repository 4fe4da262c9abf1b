"""The fake simulator with designs that hang, crash, eat memory or raise: by their `depth`."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from typing import Any

import numpy as np

from dse.errors import InputError
from dse.metrics import MetricsBatch
from tests.dse.fake import FakeSimulator


class TroubledSimulator(FakeSimulator):
    """hang, crash, eat, refuse, leave: values of `depth` that do so; 0 for none. buffers: if given, only
    with that position of `buffers`.

    seconds: of busy work a design. kill_once: a file that is there only until a design of depth 3 has removed
    it and killed its process. ready: a file that is made when a design begins to hang.
    The environment's TROUBLED_BUILD is its build.
    """

    name = "troubled"

    def __init__(
        self,
        *,
        hang: int = 0,
        crash: int = 0,
        eat: int = 0,
        refuse: int = 0,
        buffers: int = -1,
        seconds: float = 0.0,
        kill_once: str = "",
        ready: str = "",
    ) -> None:
        super().__init__()
        self.build_id = f"troubled-{os.environ.get('TROUBLED_BUILD', '1')}"
        self._trouble = {
            "hang": hang,
            "crash": crash,
            "eat": eat,
            "refuse": refuse,
            "buffers": buffers,
            "seconds": seconds,
            "kill_once": kill_once,
            "ready": ready,
        }

    def describe(self) -> dict[str, Any]:
        return dict(self._trouble)

    def run_batch(self, points: Any, workloads: Any, threads: int = 1) -> MetricsBatch:
        rows = self.space.rows(points)
        here = (rows[:, 0] == self._trouble["buffers"]) | (self._trouble["buffers"] < 0)
        for depth in np.where(here, rows[:, 3] + 1, -1).tolist():
            self._one(depth)
        return super().run_batch(points, workloads, threads)

    def _one(self, depth: int) -> None:
        trouble = self._trouble
        end = time.perf_counter() + trouble["seconds"]
        while time.perf_counter() < end:
            pass
        if depth == trouble["hang"]:
            if trouble["ready"]:
                with open(trouble["ready"], "w", encoding="ascii") as file:
                    file.write(str(os.getpid()))
            ctypes.PyDLL(None).sleep(1000)  # keeps Python's lock, as a compiled simulator might
        if depth == trouble["crash"]:
            os.kill(os.getpid(), signal.SIGSEGV)
        if depth == trouble["eat"]:
            bytearray(4 << 30)
        if depth == trouble["refuse"]:
            raise InputError("address 0x100 is beyond the memory")
        if depth == 3 and trouble["kill_once"] and os.path.exists(trouble["kill_once"]):
            os.remove(trouble["kill_once"])
            os.kill(os.getpid(), signal.SIGKILL)
