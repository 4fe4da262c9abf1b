"""Interconnects and traffic for the tests, and the same run on the engine and on the twin."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ext.soc_fabric import NocAlone
from simulators.soc.placement import Topology
from simulators.soc.twin.noc import Interconnect, Message, Noc

NODES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 25, 64)
LOADS = (0.1, 0.5, 1, 4, 300)  # mean cycles between packets


@dataclass(frozen=True)
class Case:
    config: Interconnect
    messages: tuple[Message, ...]


def crossbar(nodes: int, **changed: int) -> Interconnect:
    return _interconnect(Topology.CROSSBAR, nodes, changed)


def ring(nodes: int, **changed: int) -> Interconnect:
    return _interconnect(Topology.RING, nodes, changed)


def mesh(rows: int, columns: int, **changed: int) -> Interconnect:
    return _interconnect(Topology.MESH, rows * columns, {"columns": columns, **changed})


def _interconnect(topology: Topology, nodes: int, changed: dict[str, int]) -> Interconnect:
    return Interconnect(
        topology, nodes, **{"width_bytes": 8, "buffer_flits": 8, "router_latency": 2, **changed}
    )


def engine(config: Interconnect, max_packets: int = 4096) -> NocAlone:
    return NocAlone(
        config.topology.value,
        config.nodes,
        config.width_bytes,
        config.buffer_flits,
        config.router_latency,
        config.link_latency,
        config.columns,
        max_packets,
    )


def columns_of(messages: Sequence[Message]) -> tuple[np.ndarray, ...]:
    """The messages as the engine's arrays: cycles, sources, targets, networks, bytes."""
    rows = [(m.cycle, m.source, m.target, m.network, m.n_bytes) for m in messages]
    return tuple(np.array(rows, dtype=np.int64).reshape(-1, 5).T)


def tick_through(case: Case) -> tuple[Noc, list[int]]:
    """The twin after the traffic, and the cycles of delivery."""
    twin = Noc(case.config)
    twin.send(case.messages)
    return twin, twin.run()


def link_name(config: Interconnect, number: int) -> str:
    """The engine's number of a link as the twin's name."""
    ports = {Topology.CROSSBAR: 2, Topology.RING: 4, Topology.MESH: 6}[config.topology]
    node, port = divmod(number, ports)
    if port < 2:
        return f"{('in', 'out')[port]} {node}"
    if config.topology is Topology.RING:
        return f"{node}-{(node + (1, -1)[port - 2]) % config.nodes}"
    return f"{node}-{node + (1, -1, config.columns, -config.columns)[port - 2]}"


def random_case(seed: int) -> Case:
    """Any topology and size; long and short packets; light, heavy, bursty and lop-sided traffic."""
    r = random.Random(seed)
    nodes = r.choice(NODES)
    config = Interconnect(
        topology=r.choice(list(Topology)),
        nodes=nodes,
        width_bytes=r.choice((8, 16, 32, 64)),
        buffer_flits=r.choice((1, 2, 4, 8, 16)),
        router_latency=r.randint(1, 4),
        link_latency=r.choice((1, 1, 1, 2, 3)),
        columns=r.choice([k for k in range(1, nodes + 1) if nodes % k == 0]),
    )
    sizes = r.choice(((8,), (72,), (8, 72), (8, 16, 24, 72, 300)))
    networks = r.choice((1, 2, 4))
    targets = r.choice((range(nodes), [r.randrange(nodes)]))
    load = r.choice(LOADS)
    cycle = 0
    messages = []
    for _ in range(r.randint(1, 6 if load > 100 else 80 if nodes < 20 else 30)):
        cycle += int(r.expovariate(1 / load))
        source, target = r.randrange(nodes), r.choice(targets)
        messages.append(Message(cycle, source, target, r.randrange(networks), r.choice(sizes)))
    return Case(config, tuple(messages))
