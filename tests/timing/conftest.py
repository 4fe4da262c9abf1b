"""The lab bench: a few requests to one small controller, and the commands and gaps that come out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simulators.dram.config import ControllerConfig
from simulators.dram.devices import device
from simulators.dram.reference import TwinResult, simulate


@dataclass(frozen=True)
class BenchLog:
    """What the controller did."""

    result: TwinResult

    @property
    def commands(self) -> list[str]:
        return [entry.command for entry in self.result.log]

    @property
    def cycles(self) -> list[int]:
        return [entry.cycle for entry in self.result.log]

    def gap(self, first: int, second: int) -> int:
        """Cycles between two commands of the log, by their positions."""
        return self.cycles[second] - self.cycles[first]

    def at(self, command: str) -> list[int]:
        """The cycles in which `command` was issued."""
        return [entry.cycle for entry in self.result.log if entry.command == command]


@dataclass
class Bench:
    """Collects requests; `run()` simulates them on the twin."""

    config: ControllerConfig
    t: SimpleNamespace
    requests: list[dict[str, Any]] = field(default_factory=list)

    def set(self, **policies: int) -> Bench:
        self.config = replace(self.config, **policies)
        return self

    def read(self, *, bank: int = 0, row: int = 0, column: int = 0, at: int = 0, source: int = 0) -> None:
        self._add(bank, row, column, at, source, is_write=0)

    def write(self, *, bank: int = 0, row: int = 0, column: int = 0, at: int = 0, source: int = 0) -> None:
        self._add(bank, row, column, at, source, is_write=1)

    def run(self) -> BenchLog:
        ordered = sorted(self.requests, key=lambda request: request["arrival"])
        column = {name: [request[name] for request in ordered] for name in ordered[0]} if ordered else {}
        kinds = {"arrival": np.int64, "row": np.int32, "column": np.int32}
        names = ("arrival", "bank", "row", "column", "is_write", "source")
        arrays = {name: np.array(column.get(name, []), dtype=kinds.get(name, np.uint8)) for name in names}
        return BenchLog(simulate(self.config, **arrays))

    def _add(self, bank: int, row: int, column: int, at: int, source: int, is_write: int) -> None:
        self.requests.append(
            {
                "arrival": at,
                "bank": bank,
                "row": row,
                "column": column,
                "is_write": is_write,
                "source": source,
            }
        )


@pytest.fixture
def bench() -> Bench:
    """A DDR4-2400 controller: open page, FR-FCFS, no refresh, no power-down."""
    return _bench("ddr4-2400-8gb-x8")


@pytest.fixture
def ddr3_bench() -> Bench:
    """A DDR3-1600 controller: open page, FR-FCFS, no refresh, no power-down."""
    return _bench("ddr3-1600-1gb-x8-dimm")


def _bench(device_id: str) -> Bench:
    chosen = device(device_id)
    names = chosen.timings.__dataclass_fields__
    timings = {name: getattr(chosen.timings, name) for name in names}
    config = ControllerConfig.build(chosen, {"refresh_policy": "NoRefresh"})
    return Bench(config, SimpleNamespace(**timings, rtw=chosen.timings.rtw))
