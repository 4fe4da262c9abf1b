"""The two ends of the memory controller: the sources with their requests, and the arbiter between them and
the channels. Semantics: DRAMSys 4.0.
"""

from __future__ import annotations

from collections import deque

from simulators.dram.config import ControllerConfig
from simulators.dram.twin.channel import Channel
from simulators.dram.twin.policies import ARBITER_REORDER, ARBITER_SIMPLE
from simulators.dram.twin.rank import Request

RESPONSE_WINDOW = 4096


class FrontEnd:
    """Per source: its requests to come (`streams`), those accepted and not delivered (`active`), those
    waiting in a channel's FIFO (`entering`), those with a response that the arbiter holds (`pending`).
    """

    def __init__(self, config: ControllerConfig, requests: list[Request], live_sources: int = 0) -> None:
        self.c = config
        self.n_sources = live_sources or max((r.source for r in requests), default=0) + 1
        self.streams: list[deque[Request]] = [deque() for _ in range(self.n_sources)]
        for request in requests:
            self.streams[request.source].append(request)
        self.active = [0] * self.n_sources
        self.entering = [0] * self.n_sources
        self.pending: list[list[Request]] = [[] for _ in range(self.n_sources)]
        self.undelivered: list[deque[Request]] = [deque() for _ in range(self.n_sources)]
        self.in_flight: deque[Request] = deque()
        self.next_id = 0
        self.delivered = 0
        self.last_delivery = 0
        self.answered: list[Request] = []  # in this cycle, in order

    # ------------------------------------------------------------------------------------------- A: responses

    def deliver_responses(self, channels: list[Channel], now: int) -> int:
        """Each channel hands one response to the arbiter, the arbiter up to port_width to each source.

        How many have been delivered in all.
        """
        self.answered.clear()
        for channel in channels:
            response = channel.take_response(now)
            if response is not None:
                self.pending[response.source].append(response)
        for source in range(self.n_sources):
            for _ in range(self.c.port_width):
                response = self._returnable(source)
                if response is None:
                    break
                self._deliver(response, now)
        return self.delivered

    def _returnable(self, source: int) -> Request | None:
        pending = self.pending[source]
        if not pending or self.c.arbiter != ARBITER_REORDER:
            return pending[0] if pending else None
        undelivered = self.undelivered[source]
        while undelivered[0].finish >= 0:
            undelivered.popleft()
        return undelivered[0] if undelivered[0].handed_over else None

    def _deliver(self, request: Request, now: int) -> None:
        self.pending[request.source].remove(request)
        request.finish = self.last_delivery = now
        self.active[request.source] -= 1
        self.delivered += 1
        self.answered.append(request)
        while self.in_flight and self.in_flight[0].finish >= 0:
            self.in_flight.popleft()

    # ----------------------------------------------------------------------------------------- B: arbitration

    def arbitrate(self, channels: list[Channel], now: int) -> None:
        """Each source hands in up to port_width requests that have arrived."""
        for source in range(self.n_sources):
            for _ in range(self.c.port_width):
                if not self._may_enter(source, now):
                    break
                self._enter(self.streams[source].popleft(), channels, now)

    def _may_enter(self, source: int, now: int) -> bool:
        stream = self.streams[source]
        if not stream or stream[0].arrival > now:
            return False
        if self.in_flight and self.next_id - self.in_flight[0].id >= RESPONSE_WINDOW:
            return False
        if self.c.arbiter == ARBITER_SIMPLE:
            return self.entering[source] == 0
        return self.active[source] < self.c.max_active_transactions

    def _enter(self, request: Request, channels: list[Channel], now: int) -> None:
        request.id = self.next_id
        self.next_id += 1
        self.entering[request.source] += 1
        self.undelivered[request.source].append(request)
        self.in_flight.append(request)
        if self.c.arbiter != ARBITER_SIMPLE:
            self._accept(request, now)
        channels[request.channel].enter(request)

    def _accept(self, request: Request, now: int) -> None:
        request.accept = now
        self.active[request.source] += 1

    def admitted(self, request: Request, now: int) -> None:
        """A channel has taken the request into its buffer: with arbiter Simple the end of its handshake."""
        self.entering[request.source] -= 1
        if request.accept < 0:
            self._accept(request, now)
