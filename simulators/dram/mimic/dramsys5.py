"""DRAMSys 5.1 (tukl-msd/DRAMSys, 6b01467): our twin, whose semantics are those of DRAMSys 4.0, but for one
cycle.

A forced refresh holds its banks in the very cycle in which it is forced; in DRAMSys 4.0 what they had
decided for that cycle still goes out. And a request is seen one clock after its arrival. With page policy
Closed the missing tRC shows (`departures.DRAMSYS5`). Everything else is a design of ours: see
`DramSys5.design`.

Truth: the measured command logs (tests/oracles/peers), which this module reproduces to the cycle.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from simulators.dram.config import (
    ARBITERS,
    PAGE_POLICIES,
    REFRESH_POLICIES,
    RESPONSE_QUEUES,
    SCHEDULER_BUFFERS,
    SCHEDULERS,
    ControllerConfig,
)
from simulators.dram.memory.constraints import COMMANDS
from simulators.dram.memory.devices import Device
from simulators.dram.mimic.controller import Entry, MimicLog, MimicRequest
from simulators.dram.mimic.departures import DRAMSYS5, departed
from simulators.dram.reference import ReferenceController
from simulators.dram.twin.rank import Request
from simulators.dram.twin.record import LoggedCommand


@dataclass(frozen=True, slots=True)
class DramSys5:
    """The choices of DRAMSys 5.1; the defaults are those of the measured runs (results.csv, ds_frfcfs).

    refresh_holds: a forced refresh holds the banks "AtOnce", or "NextCycle" as in DRAMSys 4.0. The others
    are parameters of a design (see `simulators.dram.config`).
    """

    NAMES: ClassVar[dict[str, tuple[str, ...]]] = {
        "scheduler": SCHEDULERS,
        "page_policy": PAGE_POLICIES,
        "scheduler_buffer": SCHEDULER_BUFFERS,
        "resp_queue": RESPONSE_QUEUES,
        "refresh_policy": REFRESH_POLICIES,
        "arbiter": ARBITERS,
        "refresh_holds": ("AtOnce", "NextCycle"),
    }

    scheduler: str = "FrFcfs"
    page_policy: str = "Open"
    scheduler_buffer: str = "Shared"
    request_buffer_size: int = 64
    resp_queue: str = "Fifo"
    refresh_policy: str = "AllBank"
    refresh_max_postponed: int = 0
    refresh_max_pulledin: int = 0
    arbiter: str = "Simple"
    refresh_holds: str = "AtOnce"

    @property
    def design(self) -> dict[str, Any]:
        """The same as a design of `dram`: what our engine needs to come as close as it can."""
        names = [field.name for field in fields(self) if field.name != "refresh_holds"]
        return {name: getattr(self, name) for name in names}

    def config(self, device: Device) -> ControllerConfig:
        """The configuration of the twin, with the rows of DRAMSys 5.1."""
        return replace(ControllerConfig.build(device, self.design), rows=departed(device, DRAMSYS5))

    def run(self, device: Device, requests: list[MimicRequest]) -> MimicLog:
        """Runs the requests, in order of arrival, until all are delivered, writes too."""
        twin = _Twin if self.refresh_holds == "AtOnce" else ReferenceController
        result = twin(self.config(device), [_one_clock_later(request) for request in requests]).run()
        entries = [_entry(line) for line in result.log]
        return MimicLog.of(entries, result.accept, result.finish, result.counters.elapsed_cycles)


def _one_clock_later(request: MimicRequest) -> Request:
    place = (0, request.bank, request.row, request.column)
    return Request(request.index, request.arrival + 1, *place, request.is_write, source=0)


def _entry(line: LoggedCommand) -> Entry:
    """A line of the twin's log; the peer logs no row with PRE, and no column with ACT."""
    row = -1 if line.command == "PRE" else line.row
    return (line.cycle, COMMANDS.index(line.command), line.rank, line.bank, row, line.column, line.request)


class _Twin(ReferenceController):
    hold_delay = 0
