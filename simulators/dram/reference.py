"""The readable twin of the DRAM controller: pure Python, one clock cycle after the other; the specification.

Semantics: the controller of DRAMSys 4.0 (the simulator behind DRAMGym), stated cycle by cycle, and what other
controllers do otherwise as options. A memory has channels, each with a controller, queues and command bus of
its own, of ranks, of bank groups, of banks. In each cycle, in this order:

A. responses   each channel hands at most one finished request to the arbiter, the arbiter up to
               `port_width` to each source;
B. arbitration each source hands in up to `port_width` requests that have arrived;
then channel by channel:
C. admission   the head of the channel's queue enters its bank's list when the request buffer has room; with a
               batching window, requests at a channel that was idle gather before the first is served;
D. managers    refresh is postponed, forced, or pulled in; RFM is asked for; power-down is entered or left;
E. issue       of all commands that are legal now, the one of the oldest request goes out (refresh wins,
               power-down loses), one a command bus;
F. admission   once more, if a command has just freed a place.

Who does what: `front` A and B, `channel` C to F, `schedulers` which request a bank serves, `timing` when a
command is legal, `refresh`, `power_down` and `mitigations` the managers, `stalls` what a cycle was lost to.
The engine (`ext.dram_engine`) must give the same commands in the same cycles; the audit
(`simulators.dram.audit`) judges both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulators.dram.config import TIMING_FIELDS, ControllerConfig
from simulators.dram.twin.channel import Channel
from simulators.dram.twin.front import RESPONSE_WINDOW, FrontEnd
from simulators.dram.twin.rank import Bank, Request
from simulators.dram.twin.record import Counters, LoggedCommand, TwinResult
from simulators.dram.twin.schedulers import next_request
from simulators.dram.twin.stalls import stall_of

__all__ = ["RESPONSE_WINDOW", "Bank", "Channel", "ReferenceController", "Request", "requests_of", "simulate"]

_FOREVER = 1 << 62


class ReferenceController:
    """Runs the requests of one workload to their end; see the module text for the rules.

    now: the next cycle to be simulated; after the end, the cycle of the last delivery.
    hold_delay: cycles from the decision to force a refresh until its banks are held (DRAMSys 4.0: 1, 5.1: 0).
    live_sources: requests of so many sources are handed in while it runs (`offer`), and it never ends.
    """

    hold_delay = 1

    def __init__(self, config: ControllerConfig, requests: list[Request], *, live_sources: int = 0) -> None:
        self.c = config
        self.is_live = live_sources > 0
        self.requests = requests
        self.now = 0
        self.log: list[LoggedCommand] = []
        self._counted = Counters()
        self.front = FrontEnd(config, requests, live_sources)
        self.channels = [
            Channel(
                config, number, self._counted, self.log, self.schedule, self.front.admitted, self.hold_delay
            )
            for number in range(config.n_channels)
        ]

    # -------------------------------------------------------------------------------------------- a scheduler

    def schedule(self, channel: Channel, bank: Bank) -> Request | None:
        """Which request of `bank.queue` (never empty, in order of admission) is served next; None: none yet.

        For a scheduler of your own, subclass and override. The request returned decides the bank's next
        command: ACT if the bank is closed, a column command if `bank.open_row` is the request's row, else
        PRE. Of what all banks want, the command of the oldest request that is legal goes out. You may look at

        * the requests: id (age), row, column, is_write, source, arrival;
        * `bank`: open_row (None: closed), columns (column commands since its ACT), is_fresh (none yet);
        * `channel`: banks, queued (reads, writes), listed, last_is_write, now, and `channel.c`, the
          configuration.

        It is asked whenever a command was issued or a request admitted on the channel, and in every cycle if
        it is overridden; so it may depend on the time, but must not change anything by being asked.
        """
        return next_request(channel, bank)

    @property
    def _has_own_scheduler(self) -> bool:
        return type(self).schedule is not ReferenceController.schedule

    # ---------------------------------------------------------------------------------------------- one cycle

    @property
    def delivered(self) -> int:
        """Requests delivered so far."""
        return self.front.delivered

    @property
    def is_finished(self) -> bool:
        return self._ends_with(self.delivered)

    def _ends_with(self, delivered: int) -> bool:
        return delivered == len(self.requests) and not self.is_live

    def offer(self, request: Request) -> None:
        """One more request of a live source, not to arrive before the next cycle or the source's last one."""
        self.requests.append(request)
        self.front.streams[request.source].append(request)

    def run(self) -> TwinResult:
        """Cycles until every request has been delivered."""
        self.advance()
        return self.result()

    def advance(self, until_cycle: int = -1, until_requests: int = -1) -> bool:
        """Simulates up to, not including, cycle `until_cycle`, or until so many requests in all are
        delivered.

        -1 is no limit. True when every request is delivered; further calls then do nothing.
        """
        last_cycle = _FOREVER if until_cycle < 0 else until_cycle
        enough = _FOREVER if until_requests < 0 else until_requests
        while not self.is_finished and self.now < last_cycle and self.delivered < enough:
            self.cycle()
        return self.is_finished

    def cycle(self) -> None:
        """One clock cycle: phases A to F. The cycle of the last delivery ends with it."""
        if self.is_finished:
            return
        for channel in self.channels:
            channel.now = self.now
            if self._has_own_scheduler:
                channel.look_again()
        stalls = [stall_of(channel) for channel in self.channels]
        if self._ends_with(self.front.deliver_responses(self.channels, self.now)):
            return
        self.front.arbitrate(self.channels, self.now)
        for channel, stall in zip(self.channels, stalls, strict=True):
            channel.admit()
            channel.end_gathering()
            channel.manage()
            channel.issue_commands()
            channel.integrate()
            self._counted.count("stall_command" if channel.has_issued else f"stall_{stall}")
        self.now += 1

    def retune(self, config: ControllerConfig) -> None:
        """Other policies from the next cycle on; every request, row and timing stays.

        ValueError if organisation, timings or constraints differ.
        """
        for name in (*TIMING_FIELDS, "rows", "lengths"):
            if getattr(config, name) != getattr(self.c, name):
                raise ValueError(f"{name} differs from the present one: only policies can be re-tuned")
        self.c = self.front.c = config
        for channel in self.channels:
            channel.retune(config, self.now)

    # ------------------------------------------------------------------------------------------------ results

    def counters(self) -> Counters:
        """Counts so far; intervals of states are cut off at the present, or at the last delivery."""
        found = replace(self._counted, elapsed_cycles=self.front.last_delivery)
        end = self.front.last_delivery if self.is_finished else self.now
        for channel in self.channels:
            for rank, refresh in zip(channel.ranks, channel.refresh, strict=True):
                rank.close_intervals(found, end)
                found.refreshes_owed += refresh.owed
        return found

    def result(self) -> TwinResult:
        """What has happened so far; a request that is not delivered has -1."""
        return TwinResult(
            tuple(self.log),
            self.counters(),
            np.array([r.accept for r in self.requests], dtype=np.int64),
            np.array([r.finish for r in self.requests], dtype=np.int64),
        )


def requests_of(
    arrival: NDArray[np.int64],
    channel: NDArray[np.uint8] | None,
    bank: NDArray[np.uint8],
    row: NDArray[np.int32],
    column: NDArray[np.int32],
    is_write: NDArray[np.uint8],
    source: NDArray[np.uint8],
) -> list[Request]:
    """Requests from arrays (n,), sorted by arrival; bank: flat in its channel; channel None: all in channel
    0.
    """
    channels = np.zeros(len(arrival), dtype=np.uint8) if channel is None else channel
    columns = (a.tolist() for a in (arrival, channels, bank, row, column, is_write, source))
    return [
        Request(i, a, ch, b, r, c, bool(w), s)
        for i, (a, ch, b, r, c, w, s) in enumerate(zip(*columns, strict=True))
    ]


def simulate(
    config: ControllerConfig,
    arrival: NDArray[np.int64],
    channel: NDArray[np.uint8] | None,
    bank: NDArray[np.uint8],
    row: NDArray[np.int32],
    column: NDArray[np.int32],
    is_write: NDArray[np.uint8],
    source: NDArray[np.uint8],
) -> TwinResult:
    """Runs the twin over request arrays (n,), sorted by arrival; the same input as the engine's."""
    requests = requests_of(arrival, channel, bank, row, column, is_write, source)
    return ReferenceController(config, requests).run()
