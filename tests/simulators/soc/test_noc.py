"""The interconnect against closed forms, bounds and laws that hold for any network of its kind."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise, product

import numpy as np
import pytest

from simulators.soc.twin.noc import Message, Noc
from tests.simulators.soc.noc_cases import columns_of, crossbar, engine, mesh, random_case, ring

REQUESTS, RESPONSES = 0, 2
ALL_KINDS = [crossbar(9), ring(9), ring(8), mesh(3, 3), mesh(2, 8), mesh(4, 1)]


def _name(config):
    return f"{config.topology.value}-{config.nodes}-{config.columns}"


def _uniform(nodes, cycles, flits, networks=1, seed=0):
    """Every node offers a packet to another node as often as its link can take one: (time, ..., bytes)."""
    rng = np.random.default_rng(seed)
    n = cycles // flits
    time = np.repeat(np.arange(n) * flits, nodes)
    source = np.tile(np.arange(nodes), n)
    target = rng.integers(0, nodes - 1, n * nodes)
    target += target >= source
    return time, source, target, rng.integers(0, networks, n * nodes), np.full(n * nodes, 8 * flits)


def _accepted(config, cycles=6000, flits=1, networks=1):
    """Flits a cycle and node that get through when all nodes offer all they can, in the middle third."""
    noc = engine(config, max_packets=cycles * config.nodes)
    delivered, _ = noc.run(*_uniform(config.nodes, cycles, flits, networks))
    inside = (delivered >= cycles // 3) & (delivered < cycles // 3 * 2)
    return inside.sum() * flits / (cycles // 3) / config.nodes


# ------------------------------------------------------------------------------------- without other traffic


@pytest.mark.parametrize("config", ALL_KINDS, ids=_name)
@pytest.mark.parametrize(("router", "link"), [(1, 1), (2, 1), (4, 3)])
def test_a_packet_alone_takes_the_hops_and_its_flits(config, router, link):
    noc = engine(type(config)(config.topology, config.nodes, 8, 8, router, link, config.columns))
    pairs = [(s, t) for s, t in product(range(config.nodes), repeat=2) if s != t]
    for flits in (1, 9):
        time = np.arange(len(pairs)) * 1000
        source, target = np.array(pairs).T

        delivered, _ = noc.run(time, source, target, [REQUESTS] * len(pairs), [8 * flits] * len(pairs))

        hops = np.array([noc.hops(s, t) for s, t in pairs])
        assert (delivered - time).tolist() == (hops * (router + link) + flits - 1).tolist()
        assert noc.totals()["queued"].sum() == 0


@pytest.mark.parametrize("config", ALL_KINDS, ids=_name)
def test_a_message_to_the_node_itself_takes_one_cycle_and_no_link(config):
    noc = engine(config)

    delivered, _ = noc.run([5, 5, 5], [3, 3, 3], [3, 3, 3], [0, 0, 1], [8, 800, 8])

    assert delivered.tolist() == [6, 6, 6]
    assert noc.links()["flits"].sum() == 0


@pytest.mark.parametrize("k", [2, 3, 4, 5, 8])
def test_the_mean_hops_of_a_square_mesh_are_two_thirds_of_its_side(k):
    noc = engine(mesh(k, k))

    hops = [noc.hops(s, t) for s, t in product(range(k * k), repeat=2)]

    assert np.mean(hops) == pytest.approx(2 * (k * k - 1) / (3 * k), rel=1e-12)


@pytest.mark.parametrize("n", [3, 4, 7, 8])
def test_the_mean_hops_of_a_ring_are_a_quarter_of_it(n):
    noc = engine(ring(n))

    hops = [noc.hops(s, t) for s, t in product(range(n), repeat=2)]

    assert np.mean(hops) == pytest.approx(n / 4 if n % 2 == 0 else (n - 1 / n) / 4, rel=1e-12)


# ------------------------------------------------------------------------------------------------- throughput


@pytest.mark.parametrize(
    "config",
    [crossbar(8, buffer_flits=20), ring(8, buffer_flits=20), mesh(2, 4, buffer_flits=20)],
    ids=_name,
)
@pytest.mark.parametrize("flits", [1, 5])
def test_a_node_that_all_send_to_gets_one_flit_in_every_cycle(config, flits):
    others = [node for node in range(8) if node != 3]
    messages = [Message(0, source, 3, REQUESTS, 8 * flits) for _ in range(40) for source in others]

    delivered, _ = engine(config).run(*columns_of(messages))

    ends = np.sort(delivered)
    assert np.diff(ends).tolist() == [flits] * (len(messages) - 1)


@pytest.mark.parametrize("nodes", [16, 64])
def test_a_crossbar_with_one_queue_an_input_saturates_where_heads_of_queues_block(nodes):
    """2 - sqrt(2) of the links for many nodes: Karol, Hluchyj and Morgan, IEEE ToC 35, 1987."""
    accepted = _accepted(crossbar(nodes, router_latency=1))

    assert accepted == pytest.approx(2 - 2**0.5, rel=0.04)


# What a node can send at most when every packet goes to any other node alike: half the nodes send into the
# other half over the links between, `nodes / (nodes - 1)` of the half because none sends to itself.
@pytest.mark.parametrize(
    ("config", "links_across"),
    [(mesh(4, 4, router_latency=1), 4), (mesh(8, 8, router_latency=1), 8), (ring(16, router_latency=1), 2)],
    ids=["mesh 4 x 4", "mesh 8 x 8", "ring 16"],
)
@pytest.mark.parametrize(("flits", "networks", "share"), [(1, 1, 0.65), (1, 4, 0.85), (4, 4, 0.7)])
def test_uniform_traffic_saturates_below_the_bisection_and_not_far_below(
    config, links_across, flits, networks, share
):
    nodes = config.nodes
    bound = min(1, links_across / (nodes / 2 * (nodes / 2) / (nodes - 1)))

    accepted = _accepted(config, flits=flits, networks=networks)

    assert share * bound < accepted <= bound * 1.01  # the window is finite


def test_a_queue_before_one_link_is_as_long_as_that_of_poisson_arrivals_and_fixed_service():
    """M/D/1 at half load: a wait of half a service time (Pollaczek and Khinchine); 2 % is 3 sigma."""
    rng = np.random.default_rng(4)
    n, flits = 200_000, 8
    time = np.floor(np.cumsum(rng.exponential(2 * flits, n))).astype(np.int64)
    noc = engine(crossbar(2, buffer_flits=8 * flits), max_packets=n)

    noc.run(time, np.zeros(n), np.ones(n), np.zeros(n), np.full(n, 8 * flits))

    assert noc.totals()["queued"].sum() / n == pytest.approx(flits / 2, rel=0.02)


def test_larger_buffers_carry_more_and_slower_routers_less():
    accepted = {
        (buffers, router): _accepted(mesh(4, 4, buffer_flits=buffers, router_latency=router), 3000, 4)
        for buffers, router in [(4, 2), (16, 2), (4, 4)]
    }

    assert accepted[16, 2] > 1.1 * accepted[4, 2] > 1.1 * accepted[4, 4]


# ------------------------------------------------------------------------------------------------------- laws


def test_packets_of_one_source_target_and_network_arrive_in_order():
    for seed in range(60):
        case = random_case(seed)
        delivered, _ = engine(case.config).run(*columns_of(case.messages))
        flows = defaultdict(list)
        for m, cycle in zip(case.messages, delivered.tolist(), strict=True):
            flows[m.source, m.target, m.network, m.cycle if m.source == m.target else 0].append(cycle)

        assert all(a <= b for cycles in flows.values() for a, b in pairwise(cycles)), seed


def test_everything_handed_in_is_delivered_once_and_counted_once():
    for seed in range(60):
        case = random_case(seed)
        noc = engine(case.config)
        for number, m in enumerate(case.messages):
            noc.inject(m.cycle, m.source, m.target, m.network, m.n_bytes, number)

        found = noc.advance(10**8)

        assert sorted(found) == [(number, m.target) for number, m in enumerate(case.messages)], seed
        assert noc.totals()["packets"].sum() == len(case.messages)
        assert noc.next_cycle is None


def test_the_mean_number_in_the_buffers_is_the_throughput_times_the_mean_stay():
    """Little's law, exactly: the twin counts packets in every cycle, the engine adds up their stays."""
    config = mesh(3, 3)
    messages = [Message(int(t), *st, 0, 40) for t, *st in zip(*_uniform(9, 400, 5)[:3], strict=True)]
    twin = Noc(config)
    twin.send(messages)
    noc = engine(config)

    cycles = max(twin.run()) + 1
    noc.run(*columns_of(messages))

    links = noc.links()
    between = links["residence"] > 0
    in_buffers = sum(twin.held.values()) / cycles
    throughput = links["packets"][between].sum() / cycles
    stay = links["residence"].sum() / links["packets"][between].sum()
    assert in_buffers == pytest.approx(throughput * stay, rel=1e-12)
    assert in_buffers > 10


@pytest.mark.parametrize("config", ALL_KINDS, ids=_name)
def test_saturating_traffic_of_long_and_short_packets_always_drains(config):
    rng = np.random.default_rng(5)
    n = 4000
    noc = engine(type(config)(config.topology, config.nodes, 8, 2, 1, 1, config.columns), max_packets=n)
    source, target = rng.integers(0, config.nodes, (2, n))

    delivered, _ = noc.run(
        np.zeros(n), source, target, rng.integers(0, 4, n), rng.choice([8, 16, 72, 200], n)
    )

    assert delivered.min() >= 0
    assert noc.totals()["packets"].sum() == n


def _all_half_way_round(twin):
    """Every node fills the ring upwards with packets that go three nodes on."""
    twin.send(Message(0, source, (source + 3) % 8, REQUESTS, 64) for _ in range(6) for source in range(8))


def test_traffic_that_fills_a_ring_gets_past_the_date_line():
    twin = Noc(ring(8))
    _all_half_way_round(twin)

    delivered = twin.run()

    assert len(delivered) == 48


def test_without_the_date_line_the_same_traffic_locks_up():
    twin = Noc(ring(8))
    for link in twin.links.values():
        link.is_date_line = False
    _all_half_way_round(twin)

    moved = [(twin.tick(), len(twin.grants)) for _ in range(1500)]

    assert any(packet.delivered is None for packet in twin.packets)
    assert moved[-1][1] == moved[-1000][1]


def test_a_response_overtakes_requests_that_wait_for_a_busy_node():
    crowd = [Message(0, source, 7, REQUESTS, 128) for _ in range(10) for source in range(4)]
    answer = Message(1, 0, 5, RESPONSES, 8)
    as_request = Message(1, 0, 5, REQUESTS, 8)

    overtaking, _ = engine(crossbar(8)).run(*columns_of([*crowd, answer]))
    waiting, _ = engine(crossbar(8)).run(*columns_of([*crowd, as_request]))

    assert overtaking[-1] < 40
    assert waiting[-1] > 500


def test_of_the_two_ways_half_round_a_ring_even_nodes_take_one_and_odd_nodes_the_other():
    noc = engine(ring(8))

    _, hops = noc.run([0, 0], [2, 3], [6, 7], [0, 0], [8, 8], log=True)

    ways = {packet: [link for p, link, _ in hops.tolist() if p == packet] for packet in (0, 1)}
    up, down = 2, 3
    assert [link % 4 for link in ways[0][1:-1]] == [up] * 4
    assert [link % 4 for link in ways[1][1:-1]] == [down] * 4


def test_a_buffer_smaller_than_a_packet_holds_it_alone():
    noc = engine(ring(4, buffer_flits=1))

    delivered, _ = noc.run([0, 0], [0, 0], [2, 2], [0, 0], [800, 800])

    router, link, flits = 2, 1, 100
    assert delivered[0] == 2 * (router + link) + flits - 1
    # The first is on its second link so many cycles after it was handed in, then for all its flits; only when
    # the last of them has left may the second packet follow, over the first link.
    may_follow = router + link + router + flits
    assert delivered[1] == may_follow + link + router + link + flits - 1
