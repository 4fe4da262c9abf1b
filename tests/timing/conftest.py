"""The lab bench: a few requests to one small controller, and the commands and gaps that come out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from simulators.dram.config import ControllerConfig
from simulators.dram.memory.constraints import COMMANDS
from simulators.dram.memory.devices import Device, Timings, device
from simulators.dram.reference import ReferenceController, requests_of
from simulators.dram.twin.record import TwinResult


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

    @property
    def served(self) -> list[int]:
        """The requests in the order of their column commands."""
        return [entry.request for entry in self.result.log if entry.command[:2] in ("RD", "WR")]

    def of(self, **fields: int | str) -> list[str]:
        """The commands of the entries with these fields, say `of(rank=1)`."""
        wanted = fields.items()
        return [
            e.command for e in self.result.log if all(getattr(e, name) == value for name, value in wanted)
        ]

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
    device: Device
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def t(self) -> Timings:
        return self.device.timings

    def set(self, **policies: int) -> Bench:
        self.config = replace(self.config, **policies)
        return self

    def arrange(self, *, channels: int = 1, ranks: int = 1) -> Bench:
        """The same chips in other numbers."""
        self.device = self.device.arranged(channels=channels, ranks=ranks)
        organisation = {"n_channels": channels, "n_ranks": ranks}
        return self.set(**organisation)

    def bank_of(self, rank: int, bank: int = 0) -> int:
        """The flat number in its channel of a bank of a rank."""
        return rank * self.config.n_banks + bank

    def first_to_first(self, cycles: int, before: str, after: str) -> int:
        """From first clock to first clock of two commands whose last clocks are `cycles` apart."""
        lengths = dict(zip(COMMANDS, self.config.lengths, strict=True))
        return cycles + lengths[before] - lengths[after]

    def read(self, **where: int) -> None:
        """channel, bank (flat in it), row, column, at (cycle), source; 0 if left out."""
        self._add(where, is_write=0)

    def write(self, **where: int) -> None:
        self._add(where, is_write=1)

    def run(self, controller: type[ReferenceController] = ReferenceController) -> BenchLog:
        return BenchLog(self.open(controller).run())

    def open(self, controller: type[ReferenceController] = ReferenceController) -> ReferenceController:
        """At cycle 0."""
        ordered = sorted(self.requests, key=lambda request: request["arrival"])
        kinds = {"arrival": np.int64, "row": np.int32, "column": np.int32}
        arrays = {
            name: np.array([request[name] for request in ordered], dtype=kinds.get(name, np.uint8))
            for name in ("arrival", "channel", "bank", "row", "column", "is_write", "source")
        }
        return controller(self.config, requests_of(**arrays))

    def _add(self, where: dict[str, int], is_write: int) -> None:
        places = dict.fromkeys(("channel", "bank", "row", "column", "source"), 0)
        unknown = where.keys() - places.keys() - {"at"}
        assert not unknown
        given = {name: value for name, value in where.items() if name != "at"}
        self.requests.append({**places, **given, "arrival": where.get("at", 0), "is_write": is_write})


@pytest.fixture
def bench() -> Bench:
    """A DDR4-2400 controller: open page, FR-FCFS, no refresh, no power-down."""
    return _bench("ddr4-2400-8gb-x8")


@pytest.fixture
def wide_bench() -> Bench:
    """As `bench`, with chips of 16 bits, whose activates are further apart."""
    return _bench("ddr4-2400-8gb-x16")


@pytest.fixture
def ddr3_bench() -> Bench:
    """A DDR3-1600 controller: open page, FR-FCFS, no refresh, no power-down."""
    return _bench("ddr3-1600-1gb-x8-dimm")


@pytest.fixture
def ddr5_bench() -> Bench:
    """A DDR5-4800 controller of one sub-channel: commands with an address take two clocks."""
    return _bench("ddr5-4800-8gb-x8").arrange()


@pytest.fixture
def lpddr5_bench() -> Bench:
    """An LPDDR5-6400 controller."""
    return _bench("lpddr5-6400-8gb-x16").arrange()


@pytest.fixture
def hbm2_bench() -> Bench:
    """An HBM2 controller of one channel: two pseudo channels, and a command bus each for rows and columns."""
    return _bench("hbm2-2000-8gb").arrange(ranks=2)


def _bench(device_id: str) -> Bench:
    chosen = device(device_id)
    return Bench(ControllerConfig.build(chosen, {"refresh_policy": "NoRefresh"}), chosen)
