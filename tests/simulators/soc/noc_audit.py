"""An independent judge of what an interconnect did: it reads who got which link when, and nothing else.

It shares no code with the engine or the twin: paths are checked by coordinates, links and buffers by sorting
intervals of time. It does not say whether a packet could have gone earlier; the twin does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from simulators.soc.placement import Topology
from simulators.soc.twin.noc import Interconnect, Message


@dataclass(frozen=True)
class Grant:
    """A packet got a link (named as in the twin: `in 3`, `3-4`, `out 5`) from a cycle on."""

    packet: int
    link: str
    start: int


def audit(
    c: Interconnect, messages: Iterable[Message], delivered: Iterable[int], grants: Iterable[Grant]
) -> list[str]:
    """What was against the rules, one sentence each."""
    of_packet = defaultdict(list)
    for grant in sorted(grants, key=lambda grant: grant.start):
        of_packet[grant.packet].append(grant)
    wrong: list[str] = []
    on_link = defaultdict(list)
    stays = defaultdict(list)
    for number, (message, end) in enumerate(zip(messages, delivered, strict=True)):
        flits = -(-message.n_bytes // c.width_bytes)
        way = of_packet.pop(number, [])
        wrong += [f"packet {number}: {fault}" for fault in _faults_of_one(c, message, end, way, flits)]
        for grant in way:
            on_link[grant.link].append((grant.start, grant.start + flits))
        for k, (entered, left) in enumerate(pairwise(way)):
            second = any(_is_date_line(c, grant.link) for grant in way[: k + 1])
            stays[entered.link, message.network, second].append((entered.start, left.start, flits))
    wrong += [f"packet {number} was never handed in" for number in of_packet]
    for link, times in on_link.items():
        times.sort()
        if any(b[0] < a[1] for a, b in pairwise(times)):
            wrong.append(f"link {link} carries two flits at once")
    for buffer, rows in stays.items():
        wrong += [f"buffer {buffer}: {fault}" for fault in _faults_of_buffer(c, rows)]
    return wrong


def _faults_of_one(c: Interconnect, m: Message, end: int, way: list[Grant], flits: int) -> list[str]:
    if m.source == m.target:
        return [] if not way and end == m.cycle + 1 else ["a message to the node itself uses links"]
    if not way:
        return ["took no link"]
    found = []
    if [grant.link for grant in way] != _legal_way(c, m.source, m.target):
        found.append(f"took {[grant.link for grant in way]}")
    if way[0].start < m.cycle:
        found.append("left before it was handed in")
    for a, b in pairwise(way):
        wire = 0 if a.link.startswith("in") else c.link_latency
        router = 0 if b.link.startswith("out") and c.topology is not Topology.CROSSBAR else c.router_latency
        if b.start < a.start + wire + router:
            found.append(f"is on {b.link} before it is through the router")
    last_wire = c.link_latency if c.topology is Topology.CROSSBAR else 0
    if end != way[-1].start + last_wire + flits - 1:
        found.append(f"is delivered in cycle {end}, its last flit comes at another time")
    return found


def _legal_way(c: Interconnect, source: int, target: int) -> list[str]:
    routers = [source]
    if c.topology is Topology.RING:
        up = (target - source) % c.nodes
        steps = min(up, c.nodes - up)
        tie_up = 2 * up == c.nodes and source % 2 == 0
        direction = 1 if 2 * up < c.nodes or tie_up else -1
        routers = [(source + direction * k) % c.nodes for k in range(steps + 1)]
    elif c.topology is Topology.MESH:
        (y0, x0), (y1, x1) = divmod(source, c.columns), divmod(target, c.columns)
        along = [y0 * c.columns + x for x in _steps(x0, x1)]
        across = [y * c.columns + x1 for y in _steps(y0, y1)]
        routers = along + across[1:]
    return [f"in {source}", *(f"{a}-{b}" for a, b in pairwise(routers)), f"out {target}"]


def _steps(a: int, b: int) -> list[int]:
    return list(range(a, b + 1)) if a <= b else list(range(a, b - 1, -1))


def _is_date_line(c: Interconnect, link: str) -> bool:
    return c.topology is Topology.RING and link in (f"{c.nodes - 1}-0", f"0-{c.nodes - 1}")


def _faults_of_buffer(c: Interconnect, rows: list[tuple[int, int, int]]) -> list[str]:
    """Rows: (when the first flit was sent to it, when it left, flits) of each packet."""
    rows.sort()
    found = []
    leaving = [left for _, left, _ in rows]
    if leaving != sorted(leaving):
        found.append("not first in, first out")
    if any(b[1] < a[1] + a[2] for a, b in pairwise(rows)):
        found.append("two packets leave at once")
    for entered, _, _ in rows:
        inside = [flits for start, left, flits in rows if start <= entered < left + flits]
        if len(inside) > 1 and sum(inside) > c.buffer_flits:
            found.append(f"holds {sum(inside)} flits in cycle {entered}")
    return found
