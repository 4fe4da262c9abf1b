"""The interconnect's engine: equal to the twin in every cycle, and true to its interface."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from ext.soc_fabric import NocAlone
from simulators.soc.twin.noc import Message
from tests.simulators.soc.noc_audit import Grant, audit
from tests.simulators.soc.noc_cases import (
    Case,
    columns_of,
    crossbar,
    engine,
    link_name,
    mesh,
    random_case,
    ring,
    tick_through,
)

QUICK = range(150)
MANY = range(1000, 5000)
COUNTED = {
    "flits": lambda twin, name: twin.links[name].flits_sent,
    "packets": lambda twin, name: twin.links[name].packets_sent,
    "residence": lambda twin, name: twin.held[name],
}


def _name(config):
    return config.topology.value


def _compare(case, decide=True):
    """Deliveries, who got which link when, and what was counted: all equal."""
    twin, expected = tick_through(case)
    noc = engine(case.config)

    delivered, hops = noc.run(*columns_of(case.messages), log=True, decide=decide)

    names = {number: link_name(case.config, number) for number in range(case.config.nodes * noc.ports)}
    grants = [(start, packet, names[link]) for packet, link, start in hops.tolist()]
    assert delivered.tolist() == expected
    assert sorted(grants) == sorted(twin.grants)
    for what, expected_of in COUNTED.items():
        counts = Counter()
        for number, count in enumerate(noc.links()[what].tolist()):
            counts[names[number]] += count
        assert +counts == +Counter({name: expected_of(twin, name) for name in twin.links})
    return delivered, [Grant(packet, name, start) for start, packet, name in grants]


@pytest.mark.parametrize("decide", [True, False])
def test_the_engine_equals_the_twin_in_every_cycle(decide):
    for seed in QUICK:
        case = random_case(seed)

        delivered, grants = _compare(case, decide)

        assert audit(case.config, case.messages, delivered.tolist(), grants) == [], seed


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_the_engine_equals_the_twin_in_thousands_of_cases(part):
    for seed in MANY[part::8]:
        case = random_case(seed)

        delivered, grants = _compare(case)

        assert audit(case.config, case.messages, delivered.tolist(), grants) == [], seed


@pytest.mark.parametrize("config", [crossbar(64), ring(32), mesh(8, 8, buffer_flits=4)], ids=_name)
@pytest.mark.parametrize("decide", [True, False])
def test_the_engine_equals_the_twin_in_a_crowd(config, decide):
    r = random.Random(config.nodes)
    messages = [
        Message(
            k // 20, r.randrange(config.nodes), r.randrange(config.nodes), r.randrange(4), r.choice((8, 72))
        )
        for k in range(2000)
    ]

    delivered, grants = _compare(Case(config, tuple(messages)), decide)

    assert audit(config, messages, delivered.tolist(), grants) == []


@pytest.mark.parametrize("ahead", [1, 50, 5000])
def test_packets_handed_in_ahead_of_time_arrive_in_the_same_cycles(ahead):
    for seed in range(40):
        case = random_case(seed)
        noc = engine(case.config)
        at_once, _ = noc.run(*columns_of(case.messages))

        early, _ = noc.run(*columns_of(case.messages), ahead=ahead)

        assert early.tolist() == at_once.tolist(), seed


def _step(noc, hand_in, messages):
    """Hand in and advance by turns, several times a cycle; (cycle, payload, target) of what came."""
    waiting = list(enumerate(messages))
    found = []
    while waiting or noc.next_cycle is not None:
        cycle = min([noc.next_cycle] if noc.next_cycle is not None else [waiting[0][1].cycle])
        cycle = min([cycle, *(m.cycle for _, m in waiting[:1])])
        found += [(cycle, *row) for row in noc.advance(cycle)]
        while waiting and waiting[0][1].cycle == cycle:
            number, m = waiting.pop(0)
            assert hand_in(cycle, m.source, m.target, m.network, m.n_bytes, number)
            found += [(cycle, *row) for row in noc.advance(cycle)]
    return found


@pytest.mark.parametrize("way", ["inject", "send"])
def test_packets_handed_in_after_their_cycle_was_advanced_to_arrive_in_the_same_cycles(way):
    for seed in range(60):
        case = random_case(seed)
        twin, _ = tick_through(case)
        noc = engine(case.config)

        found = _step(noc, getattr(noc, way), case.messages)

        expected = [(t, number, case.messages[number].target) for t, number in twin.deliveries]
        assert found == expected, seed


def test_packets_handed_in_in_any_order_arrive_as_in_the_twin():
    for seed in range(60):
        case = random_case(seed)
        shuffled = random.Random(seed).sample(case.messages, len(case.messages))
        twin, _ = tick_through(Case(case.config, tuple(shuffled)))
        noc = engine(case.config)

        for number, m in enumerate(shuffled):
            noc.inject(m.cycle, m.source, m.target, m.network, m.n_bytes, number)

        assert [number for number, _ in noc.advance(10**8)] == [number for _, number in twin.deliveries]


def test_packets_may_be_handed_in_out_of_order_of_time():
    case = Case(mesh(2, 2), tuple(Message(t, 0, 3, 0, 24) for t in (40, 10, 10, 3000, 25)))
    noc = engine(case.config)

    for number, m in enumerate(case.messages):
        noc.inject(m.cycle, m.source, m.target, m.network, m.n_bytes, number)

    assert noc.next_cycle == 10
    assert [payload for payload, _ in noc.advance(5000)] == [1, 2, 4, 0, 3]


@pytest.mark.parametrize("gap", [62, 63, 64, 65, 1000, 100_000])
def test_events_beyond_the_calendar_happen_in_time(gap):
    messages = tuple(Message(k * gap, k % 4, (k + 2) % 4, 0, 8 * (gap % 5000 + 1)) for k in range(6))
    noc = engine(ring(4))

    delivered, _ = noc.run(*columns_of(messages))

    flits = gap % 5000 + 1
    alone = [m.cycle + 2 * 3 + flits - 1 for m in messages]
    assert delivered.tolist() == alone


def test_a_snapshot_goes_on_as_the_original_did():
    case = random_case(17)
    noc = engine(case.config)
    for number, m in enumerate(case.messages):
        noc.inject(m.cycle, m.source, m.target, m.network, m.n_bytes, number)
    middle = case.messages[len(case.messages) // 2].cycle
    noc.advance(middle)
    state = noc.snapshot()
    first = noc.advance(10**7)
    counted = {name: values.tolist() for name, values in noc.totals().items()}

    noc.restore(state)

    assert noc.advance(10**7) == first != []
    assert {name: values.tolist() for name, values in noc.totals().items()} == counted


def test_a_snapshot_of_another_size_is_refused():
    with pytest.raises(ValueError, match="not a snapshot of this interconnect"):
        engine(ring(4)).restore(engine(ring(5)).snapshot())


def test_no_more_than_max_packets_are_on_the_way():
    noc = engine(ring(4), max_packets=2)

    accepted = [noc.inject(0, 0, 1, 0, 8, k) for k in range(3)]
    noc.advance(100)

    assert accepted == [True, True, False]
    assert noc.inject(100, 0, 1, 0, 8, 3)


def test_a_run_says_for_which_packet_there_was_no_place():
    with pytest.raises(RuntimeError, match="packet 2: all max_packets=2 are on the way"):
        engine(ring(4), max_packets=2).run([0] * 3, [0] * 3, [1] * 3, [0] * 3, [8] * 3)


def test_totals_count_flits_hops_routers_and_the_longest_latency():
    noc = engine(mesh(2, 3, router_latency=1))

    noc.run([0, 0, 5], [0, 3, 1], [5, 3, 0], [2, 2, 0], [24, 800, 8])

    totals = {name: values.tolist() for name, values in noc.totals().items()}
    assert totals == {
        "packets": [1, 0, 2, 0],
        "flits": [1, 0, 3 + 100, 0],
        "flit_hops": [1, 0, 3 * 3, 0],
        "router_flits": [2, 0, 3 * 4, 0],
        "latency": [2, 0, 3 * 2 + 2 + 1, 0],
        "queued": [0, 0, 0, 0],
        "longest": [2, 0, 8, 0],
    }


def test_a_crossbar_counts_one_router():
    noc = engine(crossbar(4))

    noc.run([0], [1], [2], [3], [40])

    assert noc.totals()["router_flits"].tolist() == [0, 0, 0, 5]


def test_nothing_is_handed_in_for_a_cycle_that_has_passed():
    noc = engine(ring(4))
    noc.inject(50, 0, 1, 0, 8, 0)
    noc.advance(60)

    with pytest.raises(ValueError, match="cycle 3: expected 5"):
        noc.inject(3, 0, 1, 0, 8, 1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"source": [4]}, "source or target outside the 4 nodes"),
        ({"target": [-1]}, "source or target outside the 4 nodes"),
        ({"network": [4]}, "network outside 0 to 3"),
        ({"n_bytes": [0]}, "n_bytes: expected 1 to"),
        ({"time": [1, 2]}, "differ in length"),
        ({"time": [-1]}, "cycle -1: expected 0 or later"),
    ],
)
def test_a_run_refuses_numbers_out_of_range(changed, message):
    arguments = {"time": [0], "source": [0], "target": [1], "network": [0], "n_bytes": [8], **changed}

    with pytest.raises(ValueError, match=message):
        engine(ring(4)).run(**arguments)


def test_a_run_refuses_time_that_goes_back():
    with pytest.raises(ValueError, match="time goes back"):
        engine(ring(4)).run([5, 4], [0, 0], [1, 1], [0, 0], [8, 8])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"nodes": 0}, "nodes=0: expected 1 to 1024"),
        ({"columns": 3}, "columns=3: expected a divisor of nodes=4"),
        ({"width_bytes": 0}, "width_bytes=0: expected 1 to"),
        ({"buffer_flits": 0}, "buffer_flits=0"),
        ({"router_latency": 0}, "router_latency=0"),
        ({"link_latency": 0}, "link_latency=0"),
        ({"max_packets": 0}, "max_packets=0"),
        ({"topology": "torus"}, "topology='torus': expected one of crossbar, ring, mesh"),
    ],
)
def test_an_interconnect_that_cannot_be_is_refused(changed, message):
    arguments = {"topology": "mesh", "nodes": 4, "width_bytes": 8, "buffer_flits": 8, "router_latency": 1}

    with pytest.raises(ValueError, match=message):
        NocAlone(**{**arguments, **changed})


def test_a_run_starts_anew():
    case = random_case(3)
    noc = engine(case.config)
    first, _ = noc.run(*columns_of(case.messages))

    again, _ = noc.run(*columns_of(case.messages))

    assert np.array_equal(first, again)
    assert noc.totals()["packets"].sum() == len(case.messages)
