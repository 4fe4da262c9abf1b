"""The on-chip interconnect, flit by flit and cycle by cycle: what ext/soc_noc.pxd must do, to be read.

Virtual cut-through (Kermani and Kleinrock, Computer Networks 3, 1979): a packet goes on as soon as its head
is through the router and the next buffer has room for all of it; its flits follow one a cycle, without a
gap. Four virtual networks share the links and have buffers of their own, so that an answer never waits for
a request. Routing is fixed, along the row first in a mesh, the shorter way round a ring. On the ring every
buffer exists twice and a packet changes to the second at the date line (Dally and Seitz, IEEE ToC 36, 1987),
so that no wait goes round in a circle; in a mesh the order of the axes sees to that.

The rules, cycle by cycle:

1. Flits land: `link_latency` cycles after they were sent, those from a node into its router at once.
2. Packets handed in for this cycle join the queue of their source and virtual network, in order.
3. A link that is idle takes, of the packets at the heads of their buffers that want it, whose head flit
   landed `router_latency` cycles ago or earlier (no time at all at the target's router) and that find room,
   the one handed in for the earliest cycle, of those the one handed in first. A packet finds room in a buffer
   where its flits fit beside those promised already, and in an empty one. The room is promised to it.
4. Each link with a packet sends one flit. When the last has left, the link is idle from the next cycle on,
   as is the buffer that it came from, and the packet's room there is given back.

A packet is delivered in the cycle in which its last flit is at the target node. A message from a node to
itself is there one cycle later. A crossbar is one router in the middle; its links to the nodes are never
refused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product

from simulators.soc.placement import Topology

NETWORKS = 4


@dataclass(frozen=True, slots=True)
class Interconnect:
    """What is built. `columns` is that of a mesh, which has whole rows; widths and buffers as in docs."""

    topology: Topology
    nodes: int
    width_bytes: int
    buffer_flits: int
    router_latency: int
    link_latency: int = 1
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Message:
    """Something to be sent in a cycle; bytes include the header."""

    cycle: int
    source: int
    target: int
    network: int
    n_bytes: int


@dataclass(slots=True)
class Packet:
    """A message on the way: the links it has still to take, and how many times it passed the date line."""

    number: int
    message: Message
    flits: int
    way: deque[str]
    crossings: int = 0
    delivered: int | None = None

    @property
    def age(self) -> tuple[int, int]:
        return self.message.cycle, self.number


@dataclass(slots=True, eq=False)
class Stay:
    """A packet in a buffer: when its head landed, and how many of its flits have come and gone."""

    packet: Packet
    landed: int | None = None
    come: int = 0
    gone: int = 0


@dataclass(slots=True, eq=False)
class Buffer:
    """First in, first out; holds places for whole packets. `room` is None for the queue of a source."""

    room: int | None
    stays: deque[Stay] = field(default_factory=deque)

    def takes(self, flits: int) -> bool:
        """Whether a packet of so many flits finds room."""
        if self.room is None or not self.stays:
            return True
        return sum(stay.packet.flits for stay in self.stays) + flits <= self.room


@dataclass(slots=True, eq=False)
class Link:
    """From a router, or a node, to the next. `behind`: buffers by (network, second of the ring or not)."""

    name: str
    latency: int
    is_last: bool
    is_date_line: bool = False
    behind: dict[tuple[int, bool], Buffer] = field(default_factory=dict)
    before: list[Buffer] = field(default_factory=list)
    source: Stay | None = None
    source_buffer: Buffer | None = None
    target: Stay | None = None
    wire: deque[tuple[int, Stay]] = field(default_factory=deque)
    flits_sent: int = 0
    packets_sent: int = 0


def path(c: Interconnect, source: int, target: int) -> list[str]:
    """The links from source to target: `in 3`, then `3-4` and so on between routers, then `out 5`."""
    nodes = [source, *_routers_after(c, source, target)] if c.topology is not Topology.CROSSBAR else []
    between = [f"{here}-{there}" for here, there in pairwise(nodes)]
    return [f"in {source}", *between, f"out {target}"]


def _routers_after(c: Interconnect, source: int, target: int) -> Iterator[int]:
    here = source
    if c.topology is Topology.RING:
        up, down = (target - source) % c.nodes, (source - target) % c.nodes
        goes_up = up < down or (up == down and source % 2 == 0)
        while here != target:
            here = (here + (1 if goes_up else -1)) % c.nodes
            yield here
        return
    while here % c.columns != target % c.columns:
        here += 1 if here % c.columns < target % c.columns else -1
        yield here
    while here != target:
        here += c.columns if here < target else -c.columns
        yield here


class Noc:
    """The network, empty; `send` some messages, then `tick` cycle by cycle, or `run` until it is quiet.

    deliveries: (cycle, message number) in order. grants: (cycle, message number, link). held: packets in the
    buffers behind each link, added up over the cycles.
    """

    def __init__(self, config: Interconnect) -> None:
        self.c = config
        self.now = 0
        self.packets: list[Packet] = []
        self.outside: dict[int, list[Packet]] = {}
        self.inside = 0
        self.at_home: list[Packet] = []
        self.arrived: list[Packet] = []
        self.links: dict[str, Link] = {}
        self.queues: dict[tuple[int, int], Buffer] = {}
        self.deliveries: list[tuple[int, int]] = []
        self.grants: list[tuple[int, int, str]] = []
        self.held: dict[str, int] = {}
        self._build()

    # ----------------------------------------------------------------------------------------- construction

    def _build(self) -> None:
        c = self.c
        crossbar = c.topology is Topology.CROSSBAR
        for node in range(c.nodes):
            self._add(f"in {node}", 0, is_last=False)
            self._add(f"out {node}", c.link_latency if crossbar else 0, is_last=True)
            for network in range(NETWORKS):
                self.queues[node, network] = Buffer(None)
                self.links[f"in {node}"].before.append(self.queues[node, network])
        if crossbar:
            self._join([f"in {node}" for node in range(c.nodes)], [f"out {node}" for node in range(c.nodes)])
            return
        neighbours = {node: self._neighbours(node) for node in range(c.nodes)}
        for node, others in neighbours.items():
            for other in others:
                self._add(f"{node}-{other}", c.link_latency, is_last=False)
        for node, others in neighbours.items():
            enter = [f"in {node}", *(f"{other}-{node}" for other in others)]
            self._join(enter, [f"out {node}", *(f"{node}-{other}" for other in others)])

    def _neighbours(self, node: int) -> list[int]:
        c = self.c
        if c.topology is Topology.RING:
            return sorted({(node + 1) % c.nodes, (node - 1) % c.nodes} - {node})
        row, column = divmod(node, c.columns)
        places = [(row, column - 1), (row, column + 1), (row - 1, column), (row + 1, column)]
        return [y * c.columns + x for y, x in places if 0 <= x < c.columns and 0 <= y < c.nodes // c.columns]

    def _add(self, name: str, latency: int, *, is_last: bool) -> None:
        ends = {f"{self.c.nodes - 1}-0", f"0-{self.c.nodes - 1}"}
        is_date_line = self.c.topology is Topology.RING and name in ends
        link = self.links[name] = Link(name, latency, is_last, is_date_line)
        self.held[name] = 0
        if not is_last:
            copies = (False, True) if self.c.topology is Topology.RING else (False,)
            kinds = product(range(NETWORKS), copies)
            link.behind = {kind: Buffer(self.c.buffer_flits) for kind in kinds}

    def _join(self, enter: list[str], leave: list[str]) -> None:
        """A router: every buffer behind a link that enters it feeds every link that leaves it."""
        for name in leave:
            for other in enter:
                self.links[name].before += self.links[other].behind.values()

    # -------------------------------------------------------------------------------------------- a cycle

    def send(self, messages: Iterable[Message]) -> None:
        """Hand messages in, for this cycle or later ones; they are numbered in this order."""
        for message in messages:
            flits = -(-message.n_bytes // self.c.width_bytes)
            way = deque(path(self.c, message.source, message.target))
            packet = Packet(len(self.packets), message, flits, way)
            self.packets.append(packet)
            self.outside.setdefault(message.cycle, []).append(packet)

    def run(self) -> list[int]:
        """Until all is delivered; the cycle of delivery of each message."""
        while any(packet.delivered is None for packet in self.packets):
            self.tick()
        return [packet.delivered for packet in self.packets if packet.delivered is not None]

    def tick(self) -> list[int]:
        """One cycle; the numbers of the messages delivered in it."""
        if self.inside:
            self._land()
        self._enter()
        if self.inside:
            self._allocate()
            for link in self.links.values():
                self._send_flit(link)
        numbers = [packet.number for packet in sorted(self.arrived, key=lambda packet: packet.age)]
        self.arrived.clear()
        self.deliveries += [(self.now, number) for number in numbers]
        self.now += 1
        return numbers

    def _land(self) -> None:
        for link in self.links.values():
            while link.wire and link.wire[0][0] == self.now:
                self._arrive(link, link.wire.popleft()[1])

    def _arrive(self, link: Link, stay: Stay) -> None:
        """A flit is at the other end of a link."""
        if stay.come == 0:
            stay.landed = self.now
        stay.come += 1
        if link.is_last and stay.come == stay.packet.flits:
            self.inside -= 1
            self._deliver(stay.packet)

    def _deliver(self, packet: Packet) -> None:
        packet.delivered = self.now
        self.arrived.append(packet)

    def _enter(self) -> None:
        for packet in self.at_home:
            self._deliver(packet)
        self.at_home.clear()
        for packet in self.outside.pop(self.now, []):
            if packet.message.source == packet.message.target:
                self.at_home.append(packet)
                continue
            self.inside += 1
            queue = self.queues[packet.message.source, packet.message.network]
            queue.stays.append(Stay(packet, landed=self.now, come=packet.flits))

    def _allocate(self) -> None:
        chosen = [(link, self._choose(link)) for link in self.links.values() if link.source is None]
        for link, buffer in chosen:
            if buffer is not None:
                self._grant(link, buffer)
        for link in self.links.values():
            self.held[link.name] += sum(len(buffer.stays) for buffer in link.behind.values())

    def _choose(self, link: Link) -> Buffer | None:
        """The buffer whose head the link takes."""
        wanting = [buffer for buffer in link.before if self._is_through(buffer, link)]
        fitting = [buffer for buffer in wanting if self._finds_room(buffer.stays[0].packet, link)]
        return min(fitting, key=lambda buffer: buffer.stays[0].packet.age, default=None)

    def _is_through(self, buffer: Buffer, link: Link) -> bool:
        """Whether the head of a buffer wants this link, is not on it yet, and has passed the router."""
        if not buffer.stays:
            return False
        stay = buffer.stays[0]
        if stay.gone or stay.landed is None or stay.packet.way[0] != link.name:
            return False
        is_in_router = buffer.room is not None
        at_target = link.is_last and self.c.topology is not Topology.CROSSBAR
        delay = self.c.router_latency if is_in_router and not at_target else 0
        return stay.landed + delay <= self.now

    def _finds_room(self, packet: Packet, link: Link) -> bool:
        return link.is_last or self._behind(packet, link).takes(packet.flits)

    def _behind(self, packet: Packet, link: Link) -> Buffer:
        second = packet.crossings > 0 or link.is_date_line
        return link.behind[packet.message.network, second]

    def _grant(self, link: Link, buffer: Buffer) -> None:
        packet = buffer.stays[0].packet
        packet.way.popleft()
        link.source, link.source_buffer, link.target = buffer.stays[0], buffer, Stay(packet)
        if not link.is_last:
            self._behind(packet, link).stays.append(link.target)
            packet.crossings += link.is_date_line
        link.packets_sent += 1
        self.grants.append((self.now, packet.number, link.name))

    def _send_flit(self, link: Link) -> None:
        if link.source is None or link.source_buffer is None or link.target is None:
            return
        assert link.source.come > link.source.gone, "a gap: the flit to be sent has not come yet"
        link.source.gone += 1
        link.flits_sent += 1
        if link.latency == 0:
            self._arrive(link, link.target)
        else:
            link.wire.append((self.now + link.latency, link.target))
        if link.source.gone == link.source.packet.flits:
            link.source_buffer.stays.popleft()
            link.source = link.source_buffer = link.target = None
